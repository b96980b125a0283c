/* Differences (§6.3, Bases): the base are bytes of planes, too, those of the slot in use. */

#if WT_DIFFERENCE
#define COMMON_SHIFT 4u /* of the planes in common, in a state's flags */
#define FRACTION 9u     /* bits of a value below a byte's: plane 0 has the weight 2^15 */
#define SLACK_LIMIT 6u
#define KIND_BELOW 7u /* kinds of a significance pass where the base is below the threshold */
#define KIND_FAR 14u
enum { ANSWER_NO, ANSWER_YES, ANSWER_LACKING };

/* A pass of planes, and what it takes to see the base as it does. */
struct difference {
    uint16_t middle;     /* of a value: the bit behind the base's planes */
    uint8_t shift;       /* planes between both levels */
    uint8_t mantissa;    /* bits that an element has behind its leading one, as far as it matters */
    uint8_t bit, above;  /* of a byte: that of the plane; those of the planes before */
    bool is_first; /* what is common comes from the base */
};

static struct wt_state base_of(struct wt_receiver *r)
{
    return state_in_slot(r, r->slot, (uint32_t)(r->coded_state - r->config->states));
}

/* The magnitude of the base: the middle of what its byte leaves possible. */
static uint16_t value_of(const struct difference *d, uint8_t old)
{
    uint16_t known = old & 0x7F;
    if (!known)
        return 0;
    return (uint16_t)((uint32_t)((unsigned)known << FRACTION | d->middle) >> d->shift);
}

/* How many bits behind that of the weight are different from it, of those that an element has. */
static uint8_t slack_of(const struct difference *d, uint16_t value, uint16_t weight)
{
    uint8_t slack = 0, last = 0;
    while (value >> last >> d->mantissa > 1)
        last++;
    if (value & weight)
        value = (uint16_t)~value;
    while (slack < SLACK_LIMIT && value & (weight >>= 1) && weight >> last)
        slack++;
    return slack;
}

static uint8_t answer_of(struct wt_receiver *r, uint8_t model)
{
    uint8_t weight = TOP;
    if (!decide(r, &weight, 1, r->models + MODEL_PASS + model, 1, PLANES - 1))
        return ANSWER_LACKING;
    return weight == TOP ? ANSWER_NO : ANSWER_YES;
}

/* Of a byte that becomes significant the sign; false where bytes are lacking for that. */
static bool take_sign(struct wt_receiver *r, const struct difference *d, uint8_t *byte, uint8_t old,
                      uint16_t value)
{
    uint8_t distance = 0, answer;
    while (distance < SLACK_LIMIT && value < (uint16_t)d->bit << FRACTION >> distance)
        distance++;
    if (!(old & 0x7F))
        distance = SIGN_MODELS - 1;
    r->step = STEP_PASS;
    answer = answer_of(r, (uint8_t)(KIND_MODELS + distance));
    if (answer == ANSWER_LACKING) {
        r->step = STEP_RAW;
        return false;
    }
    *byte |= (uint8_t)(d->bit | ((answer == ANSWER_YES ? old : old ^ SIGN) & SIGN));
    return true;
}

/* Takes the decision of the pass about a byte, whose base is `old` and whose planes before are `known`;
   false where bytes are lacking for that. */
static bool decide_difference(struct wt_receiver *r, const struct difference *d, uint8_t *byte,
                              uint8_t old, uint8_t known)
{
    uint16_t value = value_of(d, old), weight = (uint16_t)((unsigned)d->bit << FRACTION), lowest, greatest;
    uint8_t kind, answer;
    /* The nearest to the base of what is possible. */
    lowest = (uint16_t)((unsigned)known << FRACTION);
    greatest = (uint16_t)(lowest | (2u * weight - 1u));
    if (value < lowest || (known && (*byte ^ old) & SIGN))
        value = lowest;
    if (value > greatest)
        value = greatest;
    if (r->step != STEP_RAW) {
        kind = slack_of(d, value, weight);
        if (!known && !(value & weight))
            kind = (uint8_t)(value < weight >> 2 ? KIND_FAR : KIND_BELOW + kind);
        answer = answer_of(r, kind);
        if (answer == ANSWER_LACKING)
            return false;
        if ((answer == ANSWER_YES) != ((value & weight) != 0))
            return true;
        if (known) {
            *byte |= d->bit;
            return true;
        }
    }
    return take_sign(r, d, byte, old, value);
}

/* As `decide`, of a tensor that comes as a difference, from `coded_at` on. An image may be ahead here,
   too, so only planes above the pass's own count. */
static uint32_t decide_differences(struct wt_receiver *r, uint8_t *bytes, uint32_t count, uint8_t plane,
                                   bool is_significance)
{
    uint8_t olds[WT_PIECE_SIZE], mask = mask_of(r, r->slot);
    struct wt_state base = base_of(r);
    uint8_t planes = (uint8_t)((base.passes + 1) >> 1);
    uint16_t shift = (uint16_t)(r->coded_state->level - base.level);
    uint32_t done;
    struct difference d = {.middle = (uint16_t)(0x8000u >> planes), .bit = (uint8_t)(TOP >> plane)};
    d.shift = (uint8_t)(shift < 16 ? shift : 16);
    /* Seven planes and the bit behind them are in any float. */
    d.mantissa = planes == PLANES ? 15 : float_forms[r->coded_dtype - 1].mantissa;
    if (d.mantissa > 15)
        d.mantissa = 15;
    d.above = (uint8_t)(0x80u - 2u * d.bit);
    d.is_first = is_significance && r->coded_state->flags >> COMMON_SHIFT == plane;
    if (count > WT_PIECE_SIZE)
        count = WT_PIECE_SIZE;
    r->config->flash->read(r->config->context, r->slot + image_in_slot(r) + r->coded_at, olds,
                           (uint8_t)count);
    for (done = 0; done < count; done++, bytes++) {
        uint8_t old = olds[done] ^ mask, known = *bytes & d.above;
        if (d.is_first) {
            known = (uint8_t)(value_of(&d, old) >> FRACTION) & d.above;
            if (known)
                *bytes |= known | (old & SIGN);
        }
        if (is_significance != (known != 0) && !decide_difference(r, &d, bytes, old, known))
            break;
    }
    return done;
}

/* Whether a tensor of the slot in use can be a base: it is not all zero, all of its planes have come
   whole, and the middles of what they leave possible are floats. */
static bool is_base(struct wt_receiver *r, uint32_t index)
{
    struct wt_state state = state_in_slot(r, r->slot, index);
    return state.passes & 1 && state.level != WT_ALL_ZERO && state.level >= PLANES;
}

/* The header's level has come: it is not below that of the base. */
static void compare_levels(struct wt_receiver *r)
{
    uint16_t level = r->coded_state->level;
    if (level == WT_ALL_ZERO || level < base_of(r).level)
        broken(r);
    else
        ask_raw(r, bit_width(float_forms[r->coded_dtype - 1].levels), STEP_COMMON);
}

/* The number of planes that are the base's: the first pass is the one behind them. */
static void take_common(struct wt_receiver *r)
{
    struct wt_state *state = r->coded_state;
    r->step = STEP_EXCEPTIONS;
    if (r->raw > state->level + 1u) {
        broken(r); /* there are no more */
    } else if (r->raw >= PLANES) {
        fail(r, FAILED_STORE);
    } else if (r->raw) {
        state->passes = (uint8_t)(2 * r->raw - 1);
        state->flags |= (uint8_t)(r->raw << COMMON_SHIFT);
    }
}
#endif
