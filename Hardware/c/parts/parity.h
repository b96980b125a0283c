/* A frame's parity, and how a frame is put right by it (§3.5): Reed-Solomon, decoded by Massey and
   Forney. */

#if WT_CORRECTION
#define STRENGTH_MAX 8u
#define CODEWORD_SIZE 255u
#define CODEWORDS_MAX 8u
#define REDUCTION 0x1Du /* x^8 in the field, as a sum of lower powers */
#define TOO_MANY 255u   /* errors in a codeword; of a frame */
#define FRAME_LOST 0xFFFFu

static WT_ROM uint8_t strengths[] = {1, 2, 3, 4, 6, 8}; /* of the kinds from KIND_PARITY on */

/* An element of the field times its generator. */
static uint8_t doubled(uint8_t a)
{
    return (uint8_t)((unsigned)a << 1 ^ (a & 0x80 ? REDUCTION : 0));
}

/* Bit by bit: only errors are multiplied, and tables of logarithms would be as large as all this. */
APART static uint8_t product(uint8_t a, uint8_t b)
{
    uint8_t sum = 0;
    for (; b; b >>= 1) {
        if (b & 1)
            sum ^= a;
        a = doubled(a);
    }
    return sum;
}

/* The element to the power of 254. */
static uint8_t inverse(uint8_t a)
{
    uint8_t power = 1;
    for (uint8_t i = 0; i < 7; i++) {
        a = product(a, a);
        power = product(power, a);
    }
    return power;
}

/* The value of a codeword, whose bytes are `step` apart, at an element. Each half of a byte finds
   its product with the element in a table. */
static uint8_t value_of_codeword(const uint8_t *bytes, uint8_t step, uint8_t count, uint8_t element)
{
    uint8_t products[32], value = 0;
    for (uint8_t half = 0; half < 32; half += 16) {
        products[half] = 0;
        for (uint8_t bit = 1; bit < 16; bit = (uint8_t)(bit << 1)) {
            for (uint8_t i = 0; i < bit; i++)
                products[half + bit + i] = products[half + i] ^ element;
            element = doubled(element);
        }
    }
    for (; count--; bytes += step)
        value = products[value & 15] ^ products[16 + (value >> 4)] ^ *bytes;
    return value;
}

/* The coefficient of a place in the product of a polynomial's first coefficients and the syndromes. */
APART static uint8_t convolution(const uint8_t *polynomial, const uint8_t *syndromes, uint8_t place,
                                 uint8_t count)
{
    uint8_t sum = 0;
    for (uint8_t i = 0; i < count; i++)
        sum ^= product(polynomial[i], syndromes[place - i]);
    return sum;
}

/* The polynomial whose roots are the inverses of the errors' locations, which is the shortest
   recurrence that makes the syndromes (Massey, IEEE Transactions on Information Theory 15(1),
   1969). Returns how many errors that is. */
static uint8_t find_locator(uint8_t *locator, const uint8_t *syndromes, uint8_t strength)
{
    uint8_t before[STRENGTH_MAX + 1], old[STRENGTH_MAX + 1], errors = 0, discrepancy_before = 1;
    memset(before, 0, sizeof before);
    memset(locator, 0, sizeof before);
    before[0] = locator[0] = 1;
    for (uint8_t place = 0; place < 2 * strength; place++) {
        for (uint8_t i = STRENGTH_MAX; i; i--)
            before[i] = before[i - 1];
        before[0] = 0;
        uint8_t discrepancy = convolution(locator, syndromes, place, (uint8_t)(errors + 1));
        if (!discrepancy)
            continue;
        uint8_t factor = product(discrepancy, inverse(discrepancy_before));
        memcpy(old, locator, sizeof old);
        for (uint8_t i = 0; i <= STRENGTH_MAX; i++)
            locator[i] ^= product(before[i], factor);
        if (2 * errors > place)
            continue;
        errors = (uint8_t)(place + 1 - errors);
        if (errors > strength)
            return TOO_MANY;
        memcpy(before, old, sizeof before);
        discrepancy_before = discrepancy;
    }
    return errors;
}

/* Puts a codeword right; returns how many bytes were wrong. Magnitudes are those of Forney, IEEE
   Transactions on Information Theory 11(4), 1965. */
static uint8_t correct_codeword(uint8_t *bytes, uint8_t step, uint8_t count, uint8_t strength)
{
    uint8_t syndromes[2 * STRENGTH_MAX], terms[STRENGTH_MAX + 1], evaluator[STRENGTH_MAX];
    uint8_t element = 1, any = 0, power, errors;
    for (uint8_t i = 0; i < 2 * strength; i++) {
        element = doubled(element);
        any |= syndromes[i] = value_of_codeword(bytes, step, count, element);
    }
    if (!any)
        return 0;
    errors = find_locator(terms, syndromes, strength);
    if (errors > strength)
        return TOO_MANY;
    for (uint8_t i = 0; i < errors; i++)
        evaluator[i] = convolution(terms, syndromes, i, (uint8_t)(i + 1));
    /* The inverse of the first byte's location; the next one's is twice that. */
    element = 1;
    for (uint8_t i = (uint8_t)(count - 1); i < CODEWORD_SIZE; i++)
        element = doubled(element);
    power = 1;
    for (uint8_t i = 0; i <= errors; i++) {
        terms[i] = product(terms[i], power);
        power = product(power, element);
    }
    for (uint8_t left = errors; count--; bytes += step) {
        uint8_t sum = 0, odd = 0, value = 0;
        for (uint8_t i = 0; i <= errors; i++) {
            sum ^= terms[i];
            if (i & 1)
                odd ^= terms[i];
            for (uint8_t j = 0; j < i; j++)
                terms[i] = doubled(terms[i]);
        }
        if (!sum && odd) { /* the derivative, in a field of characteristic 2, has the odd terms */
            for (uint8_t i = errors; i--;)
                value = product(value, element) ^ evaluator[i];
            *bytes ^= product(product(value, element), inverse(odd));
            if (!--left)
                return errors;
        }
        element = doubled(element);
    }
    return TOO_MANY;
}

static uint8_t codeword_count(uint16_t total)
{
    uint8_t count = 1;
    for (; total > CODEWORD_SIZE; total = (uint16_t)(total - CODEWORD_SIZE))
        count++;
    return count;
}

/* Bytes of a frame without its parity, or 0 where there is no such frame. */
static uint16_t size_without_parity(uint16_t total, uint8_t strength)
{
    uint8_t count = codeword_count(total), parity = (uint8_t)(2 * strength);
    uint16_t least = (uint16_t)(parity * count + HEADER_SIZE + CHECKSUM_SIZE);
    if (count > CODEWORDS_MAX || total <= CODEWORD_SIZE * (count - 1u) + parity || total < least)
        return 0;
    return (uint16_t)(total - parity * count);
}

/* Puts a frame right with its parity; returns how many bytes were wrong. */
static uint16_t correct_frame(uint8_t *frame, uint16_t total, uint8_t strength)
{
    uint8_t step = codeword_count(total);
    uint16_t errors = 0;
    for (uint8_t i = 0; i < step; i++) {
        uint8_t count = 0, found;
        for (uint16_t at = i; at < total; at = (uint16_t)(at + step))
            count++;
        found = correct_codeword(frame + i, step, count, strength);
        if (found == TOO_MANY)
            return FRAME_LOST;
        errors = (uint16_t)(errors + found);
    }
    return errors;
}

/* Puts the frame right by the parity of a kind, if it then is one of the session; returns its size
   without the parity, or 0. */
static uint16_t put_right(struct wt_receiver *r, uint8_t kind)
{
    uint8_t *frame = r->config->frame, strength = strengths[kind - KIND_PARITY];
    uint16_t size = size_without_parity(r->length, strength), errors;
    if (!size)
        return 0;
    errors = correct_frame(frame, r->length, strength);
    if (errors == FRAME_LOST || frame[1] >> 4 != kind
        || session_of(frame, (uint16_t)(size - CHECKSUM_SIZE)) != r->session)
        return 0;
    uint32_t bytes = (r->corrected + errors) & 0xFFFF;
    r->corrected = ((r->corrected & 0xFFFF0000u) + 0x10000u) | bytes;
    return size;
}

/* The strength is in the header, and where that is hit it is mostly the same as before. */
static uint16_t corrected_size(struct wt_receiver *r)
{
    uint8_t before = r->parity_kind, kind = r->config->frame[1] >> 4;
    uint16_t size;
    if (!r->is_open || !(r->in_use & CAPABILITY_CORRECTION))
        return 0;
    if (kind < KIND_PARITY)
        kind = before;
    size = kind ? put_right(r, kind) : 0;
    return size || !before || before == kind ? size : put_right(r, before);
}
#endif
