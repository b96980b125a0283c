/* Decisions of the coded stream (§6.3, codec flat): the range decoder, its models and raw bits. */

#if WT_CODEC
enum { MODEL_MANTISSA, MODEL_EXCEPTIONS, MODEL_PASS }; /* a pass has up to three, new in each */

#define MODEL_NEW 0x20000000u /* the probability in bits 8 to 30, the count in bits 0 to 7 */
#define MODELS_IN_PASS (WT_DIFFERENCE ? KIND_MODELS + SIGN_MODELS : 3u)
#define KIND_MODELS 15u /* of a difference: E, then H */
#define SIGN_MODELS 8u
#define RANGE_MIN 0x1000000u
#define RATE_LAST 262
#define RAW_KNOWN 8u /* from here on the next bit is a raw one */
#define MODELS_OF_KNOWN 0xAA50u /* two bits each: 0 and 1, then 2 and 3, then more */

/* Brings the range into its bounds before it is divided; false where the bytes for that have not
   come. Bytes are taken in no earlier than they are needed: the last ones of a codeword, which are
   zero and are not sent, then seldom are. */
APART static bool settle(struct wt_receiver *r)
{
    while (r->range < RANGE_MIN) {
        if (r->in == r->in_end)
            return false;
        r->code = r->code << 8 | *r->in++;
        r->range = r->range << 8 | r->fill;
    }
    r->fill = 0;
    return true;
}

/* The next group of the raw bits that are to come. */
static void take_raw(struct wt_receiver *r)
{
    uint8_t count = r->raw_left < 8 ? r->raw_left : 8;
    r->raw_left = (uint8_t)(r->raw_left - count);
    r->range >>= count;
    while (count--) {
        uint32_t part = r->range << count;
        r->raw <<= 1;
        if (r->code >= part) {
            r->code -= part;
            r->raw |= 1;
        }
    }
}

/* How far a decision moves its model, by how many came before: of each of the first 16, then of 16 at
   a time. */
static WT_ROM uint16_t rates[] = {
    40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620, 6827, 6183, 5650, 5201, 4819, 4489,
    4201, 3948, 2560, 1575, 1138, 890, 732, 621, 539, 476, 427, 386, 353, 325, 301, 280,
    RATE_LAST,
};

#define IS_AHEAD (RESUMES && !WT_MEMORY) /* the image may be */

/* Goes through bytes of planes: asks what a pass asks of each, and sets the bit where the answer is
   yes. In a significance pass `shift` is 0, in a refinement pass it moves the known bits of a
   magnitude to the lowest places. An image that outlives a reset may be ahead of the stream, by
   bits that are set and will be set again: there a significance pass, too, looks above its plane
   only. Returns how many bytes are done: all, or as many as what has come of the stream tells of.
   Most of a transfer's time is spent here, so what each turn needs is in variables; each change was
   measured by Scripts/device-cost. */
static uint32_t decide(struct wt_receiver *r, uint8_t *bytes, uint32_t count, uint32_t *models,
                       uint8_t bit, uint8_t shift)
{
    uint8_t *p = bytes, *end = bytes + count;
    uint32_t range = r->range, code = r->code;
    uint8_t raw = r->step == STEP_RAW ? RAW_KNOWN : 0;
    uint8_t above = IS_AHEAD && !shift ? (uint8_t)(0x80u - 2 * bit) : 0x7F;
    for (; p != end; p++) {
        uint8_t known = (uint8_t)((*p & above) >> shift);
        if (shift ? !known : known)
            continue;
        for (;;) {
            bool yes;
            while (range < RANGE_MIN) {
                if (r->in == r->in_end)
                    goto lacking;
                range <<= 8;
                code = code << 8 | *r->in++;
            }
            if ((known | raw) >= RAW_KNOWN) {
                range >>= 1;
                yes = code >= range;
                if (yes)
                    code -= range;
                raw = 0;
                if (!shift)
                    *p = (uint8_t)((IS_AHEAD ? *p : 0) | (yes ? SIGN | bit : bit));
                else if (yes)
                    *p |= bit;
                break;
            }
            uint32_t *place = models + (MODELS_OF_KNOWN >> 2 * known & 3), model = *place;
            uint32_t share = model >> 15, bound;
            uint8_t number = (uint8_t)model;
            int32_t error = -(int32_t)(model >> 8), rate = RATE_LAST;
            if (number < 255) {
                rate = rates[number < 16 ? number : 15 + (number >> 4)];
                model++;
            }
            if (share < 8)
                share = 8;
            if (share > 0x8000u - 8)
                share = 0x8000u - 8;
            bound = (range >> 15) * share;
            yes = code < bound;
            if (yes) {
                range = bound;
                error += 0x400000;
            } else {
                code -= bound;
                range -= bound;
            }
            /* Shifts of what is below zero round down, as all compilers have them. */
            *place = model + ((uint32_t)(((error >> 7) * rate) >> 9) << 8);
            if (!yes)
                break;
            if (shift) {
                *p |= bit;
                break;
            }
            raw = RAW_KNOWN; /* the sign comes next */
        }
    }
lacking:
    r->range = range;
    r->code = code;
    r->step = raw ? STEP_RAW : STEP_PASS;
    return (uint32_t)(p - bytes);
}

static void ask_raw(struct wt_receiver *r, uint8_t count, uint8_t step)
{
    r->raw = 0;
    r->raw_left = count;
    r->step = step;
}
#endif
