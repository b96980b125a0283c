/* The floats that bytes of planes stand for (§6.3, Elements), and digests of them (§5.5, §5.6). */

#if WT_CODEC
struct float_form {
    uint16_t levels; /* M + 2^e - 2 */
    uint8_t mantissa;
};

static WT_ROM struct float_form float_forms[] = {{277, 23}, {2098, 52}, {40, 10}, {261, 7}};

/* Below the last bit that is known, a 1 for the middle of what is possible. Between the two passes
   of a plane those that are new in it know a bit more than the others. */
static uint16_t magnitude_of(uint8_t weight, const struct wt_state *state)
{
    uint8_t magnitude = weight & 0x7F, planes = (uint8_t)((state->passes + 1) >> 1);
    if (!magnitude)
        return 0;
    if (!(state->passes & 1) && magnitude == TOP >> planes)
        planes++;
    return (uint16_t)(magnitude << 1 | 0x80 >> planes);
}

int16_t wt_weight(uint8_t byte, const struct wt_state *state)
{
    int16_t magnitude = (int16_t)magnitude_of(byte, state);
    return (int16_t)(byte & SIGN ? -magnitude : magnitude);
}
#endif

#if WT_SHA256
#if WT_CODEC
/* The float that a byte of planes stands for, in the tensor's dtype, into the digest and, if there
   is one, the copy. `bits` are its highest ones, `shift` their place. */
APART static void sha_take_weight(struct wt_sha256 *sha, uint8_t weight, const struct wt_state *state,
                                  uint8_t dtype, uint8_t *copy)
{
    WT_ROM struct float_form *form = &float_forms[dtype - 1];
    uint16_t magnitude = magnitude_of(weight, state);
    uint8_t width = bit_width(weight & 0x7F);
    uint32_t bits = magnitude;
    int16_t level = (int16_t)(state->level - PLANES + width), shift = (int16_t)(level - width);
    if (level >= form->mantissa) { /* not subnormal: the leading bit counts as an exponent's */
        bits += (uint32_t)(level - form->mantissa) << width;
        shift = (int16_t)(form->mantissa - width);
    }
    if (!magnitude)
        bits = 0;
    if (shift < 0) { /* what is not there of a subnormal */
        bits >>= -shift;
        shift = 0;
    }
    for (uint8_t left = (uint8_t)(1u << size_shift(dtype)); left--;) {
        uint8_t byte = 0;
        if (shift >= 8)
            shift = (int16_t)(shift - 8);
        else {
            bits <<= shift;
            shift = 0;
            byte = (uint8_t)bits;
            bits >>= 8;
        }
        if (!left)
            byte |= weight & SIGN;
        sha_take(sha, byte);
        if (copy)
            *copy++ = byte;
    }
}
#endif

static void digest_of(struct wt_receiver *r, const struct tensor *tensor, struct wt_sha256 *sha)
{
    sha_begin(sha);
    for (uint32_t at = tensor->offset; at < tensor->end;) {
        uint32_t count = tensor->end - at;
        const uint8_t *bytes = get_image(r, at, &count);
        at += count;
        for (; count--; bytes++) {
#if WT_CODEC
            if (tensor->planes)
                sha_take_weight(sha, *bytes, &r->config->states[tensor->index],
                                tensor->dtype, NULL);
            else
#endif
                sha_take(sha, *bytes);
        }
    }
    sha_end(sha);
}

/* Compares with the digest that has come. */
static bool check_digest(struct wt_receiver *r, const struct wt_sha256 *sha)
{
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        if (digest_byte(sha, i) != r->digest[i]) {
            fail(r, FAILED_DIGEST);
            return false;
        }
    return true;
}
#endif
