/* wtserial.c: the receiver. Section numbers (§) are those of Protocol.md.

   Bytes go up: wt_receive (line) → take_frame (link) → take (records) → decode (coded stream) and
   the image. Nothing waits: each layer keeps its place and goes on with the next byte. What is to
   be said collects in the outbox and in `owed`, and wt_transmit makes frames of it. */
#include "wtserial.h"

#include <stddef.h>

/* Not from <string.h>: a compiler for bare processors may come without. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int byte, size_t count);

/* Functions that compilers had better not inline: it makes the code larger, found by trying. */
#ifdef __GNUC__
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* ---- Names of Protocol.md ---- */

enum { KIND_HELLO = 1, KIND_WELCOME, KIND_READY, KIND_DATA, KIND_ACK, KIND_NAK, KIND_BUSY,
       KIND_PING, KIND_CLOSE, KIND_PARITY }; /* §3.3; from the last on, DATA with parity */
enum { CLOSE_DONE = 0, CLOSE_REFUSED = 2, CLOSE_MISBEHAVED = 3 }; /* §4.6 */
enum { OFFER = 1, TENSOR, UNIT, CONTENT, DIGEST, FINISH, CODED, MILESTONE, COMPARE, BASIS, UNCHANGED, LIST,
       ACTIVATE, ROLLBACK, FETCH, INFO = 64, ACCEPT, VERIFIED, FAILED, METRIC, HELD, LISTING }; /* §5.1 */
enum { FAILED_MODEL = 2, FAILED_STORE, FAILED_DIGEST, FAILED_STREAM }; /* §5.7 */

#define BIT(kind) (1u << (kind))
#define HEADER_SIZE 2u
#define CHECKSUM_SIZE 4u
#define BLOCK_SIZE 16u
#define NUMBER_MASK 0x0FFFu
#define NUMBER_HALF 0x0800u
#define MTU_MIN 32u
#define HELLO_SIZE 20u           /* without its last field */
#define MAGIC_REVISION 0x5457u   /* "WT", then highest and lowest revision (§4.1) */
#define WELCOME_HEAD 0x01015457u
enum { WELCOME_NONCE = 1, WELCOME_PEER_NONCE, WELCOME_LIMITS, WELCOME_CAPABILITIES, WELCOME_GOES_ON,
       WELCOME_WORDS };

/* What an option needs that another one brings. */
#define SAYS_NUMBERS (RESUMES || WT_SWITCH || GIVES)
#define RESUMES (WT_RESUME && WT_FLASH)
#define SWITCHES (WT_SWITCH && WT_FLASH)
#define GIVES (WT_FETCH && WT_SHA256)
#define PREPARES (WT_FLASH && (!WT_MEMORY || WT_RESUME)) /* before ACCEPT a slot is made ready */

/* §5.2 */
#define ABILITIES (RESUMES | WT_KEEP << 1 | WT_SWITCH << 4 | SWITCHES << 5 | GIVES << 6)
#define ABILITY_DIFFERENCES 8u /* while a model is in use */
#define ANY_REPRESENTATION 255u
/* §5.3: flags of an offer. */
#define TERM_BASE 1u
#define TERM_BASIS 2u
#define TERM_GOES_ON 4u
#define TERM_INACTIVE 8u
#define TERMS (WT_KEEP * 3u | RESUMES * 4u | SWITCHES * 8u)
#define IDENTITY_SIZE 8u
#define TERMS_PLAIN (IDENTITY_SIZE + 1u)

#define CAPABILITIES (WT_WINDOW | WT_CORRECTION << 1) /* §4.1 */
#define CAPABILITY_WINDOW 1u
#define CAPABILITY_CORRECTION 2u
#define REPORT_HEAD 4u /* §4.3 */
#define REPORT_BITS (WT_WINDOW * 160u) /* of blocks that are held: what fits the smallest MTU */
#define FIRST_TIMEOUT 300u /* §4.4 */
#define LAST_TIMEOUT 2000u
#define SILENCE_LIMIT 8000u /* §4.5 */
#define READY_INTERVAL 1000u
#define CLOSE_COUNT 2u /* §4.6: it is not answered */

#define BODY_LIMIT 2048u /* §7 */
#define CONTENT_LIMIT 16384u
#define LENGTH_SHIFT 21u /* of the last byte of a varint: of a length, and of any */
#define VARINT_SHIFT 56u

#define PLANES 7u
#define PASSES 13u  /* S0 S1 R1 … S6 R6 */
#define SIGN 0x80u  /* of a byte of planes */
#define TOP 0x40u
#define CODE_SIZE 4u /* bytes of a codeword that a decoder is ahead */
#define CHANNEL 2u /* §6.2: what large tensors are without planes */
#define CHANNEL_BITS 8u
#define NO_TIER 255u
#define FAILED_NAME_LIMIT 64u /* bytes of a name that FAILED quotes */
#define FAILED_ROOM 84u       /* what metrics leave in the outbox: 2, code, name, 15, 2 of METRIC */
#ifndef SMALL_LIMIT /* §5.2; the vectors have others */
#define SMALL_LIMIT 512u
#define VECTOR_LIMIT 8192u
#endif
#define BOARD_NAME_LIMIT 32u
#define METRIC_NAME_LIMIT 64u /* §5.9 */
#define METRIC_UNIT_LIMIT 16u

enum { OWED_WELCOME = 1, OWED_READY = 2, OWED_ACK = 4, OWED_NAK = 8 };
enum { WORK_NONE, WORK_CHECK, WORK_ACCEPT, WORK_ANSWER, WORK_NOTE };
enum { PART_KIND, PART_LENGTH, PART_BODY, PART_TABLE, PART_DEAF }; /* the last one behind FINISH and FAILED */

static bool reached(uint32_t now, uint32_t time)
{
    return now - time < 0x80000000u;
}

static uint32_t get_word(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint8_t *put_word(uint8_t *p, uint32_t value)
{
    for (uint8_t i = 0; i < 4; i++) {
        *p++ = (uint8_t)value;
        value >>= 8;
    }
    return p;
}

#if WT_CODEC
static uint8_t bit_width(uint32_t value)
{
    uint8_t width = 0;
    for (; value; value >>= 1)
        width++;
    return width;
}
#endif

/* ---- Checksum and seal (§3.4) ---- */

#define CRC_POLYNOMIAL 0xEDB88320u

static uint32_t crc_steps(uint32_t crc, uint8_t count)
{
    while (count--)
        crc = crc >> 1 ^ (CRC_POLYNOMIAL & (0u - (crc & 1u)));
    return crc;
}

/* The register when the seal of a session from the responder has gone through it. */
static uint32_t crc_of_seal(uint32_t session)
{
    return crc_steps(crc_steps(~session, 32) ^ 1u, 8);
}

/* The session whose initiator has sealed the frame, for CRC-32 can be undone: from the checksum
   back over the bytes, each step leads to the register before it, at last to the one that began as
   ones and took the session's number. A frame that is damaged has a number that nobody knows. One
   pass finds out what several would for HELLO, the session at hand, the one that is pending and
   their echoes. */
static uint32_t session_of(const uint8_t *frame, uint16_t count)
{
    uint32_t crc = ~get_word(frame + count);
    for (uint16_t left = (uint16_t)(count + 5u); left--;) {
        for (uint8_t i = 0; i < 8; i++)
            crc = (crc << 1) ^ ((0u - (crc >> 31)) & (CRC_POLYNOMIAL << 1 | 1u));
        if (left >= 5)
            crc ^= frame[left - 5];
    }
    return ~crc;
}

/* What session_of is off by if the responder has sealed the frame: the bit that tells the
   direction, taken back over five bytes. */
#define ECHO 0xDB710641u

/* ---- Parity (§3.5) ---- */

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
#endif

/* ---- SHA-256 (FIPS 180-4) ---- */

#if WT_SHA256
static uint32_t rotated(uint32_t x, uint8_t by)
{
    return x >> by | x << (32 - by);
}

APART static void sha_begin(struct wt_sha256 *sha)
{
    static WT_ROM uint32_t hash[8] = {
        0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
        0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
    };
    for (uint8_t i = 0; i < 8; i++)
        sha->hash[i] = hash[i];
    sha->count = 0;
}

static void sha_block(struct wt_sha256 *sha)
{
    static WT_ROM uint32_t constants[64] = {
        0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4,
        0xAB1C5ED5, 0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE,
        0x9BDC06A7, 0xC19BF174, 0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F,
        0x4A7484AA, 0x5CB0A9DC, 0x76F988DA, 0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7,
        0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967, 0x27B70A85, 0x2E1B2138, 0x4D2C6DFC,
        0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85, 0xA2BFE8A1, 0xA81A664B,
        0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070, 0x19A4C116,
        0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
        0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7,
        0xC67178F2,
    };
    uint32_t *w = sha->words, *hash = sha->hash;
    uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3];
    uint32_t e = hash[4], f = hash[5], g = hash[6], h = hash[7];
    for (uint8_t i = 0; i < 64; i++) {
        if (i >= 16) {
            uint32_t x = w[(i + 1) & 15], y = w[(i + 14) & 15];
            w[i & 15] += w[(i + 9) & 15] + (rotated(x, 7) ^ rotated(x, 18) ^ x >> 3)
                         + (rotated(y, 17) ^ rotated(y, 19) ^ y >> 10);
        }
        h += (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + (g ^ (e & (f ^ g)))
             + constants[i] + w[i & 15];
        d += h;
        h += (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) | (c & (a | b)));
        uint32_t next = h;
        h = g;
        g = f;
        f = e;
        e = d;
        d = c;
        c = b;
        b = a;
        a = next;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
    hash[5] += f;
    hash[6] += g;
    hash[7] += h;
}

static void sha_take(struct wt_sha256 *sha, uint8_t byte)
{
    uint8_t place = sha->count++ & 63u;
    uint32_t *word = &sha->words[place >> 2];
    *word = *word << 8 | byte;
    if (place == 63)
        sha_block(sha);
}

static void sha_end(struct wt_sha256 *sha)
{
    uint32_t count = sha->count;
    uint8_t byte = 0x80;
    do {
        sha_take(sha, byte);
        byte = 0;
    } while ((sha->count & 63u) != 56);
    sha->words[14] = count >> 29;
    sha->words[15] = count << 3;
    sha_block(sha);
}

/* A byte of the digest, once the hash has ended. */
APART static uint8_t digest_byte(const struct wt_sha256 *sha, uint8_t index)
{
    return (uint8_t)(sha->hash[index >> 2] >> (~index & 3) * 8);
}
#endif

/* ---- The outbox: records that go out ---- */

/* No bounds are checked here: what the receiver says of itself, the name cut as it is, fits 128
   bytes, and wt_metric leaves room for it. */
APART static void say(struct wt_receiver *r, uint8_t byte)
{
    r->config->outbox[r->out++] = byte;
}

APART static uint8_t length_of(const char *text, uint8_t limit)
{
    uint8_t length = 0;
    while (length < limit && text[length])
        length++;
    return length;
}

/* ---- The end of a transfer that fails (§5.7) ---- */

#if WT_CODEC
/* Of the coded stream; the first two are a decision each, by the models of the same numbers. */
enum { STEP_KIND, STEP_EXCEPTIONS, STEP_NUMBER, STEP_LEVEL, STEP_PASS, STEP_RAW, STEP_ENDED, STEP_COMMON };
#endif

#if RESUMES
static void forget_noted(struct wt_receiver *r);
#endif

APART static void fail(struct wt_receiver *r, uint8_t code)
{
    if (r->part == PART_DEAF)
        return;
    say(r, FAILED);
    say(r, 1);
    say(r, code);
    r->is_last_word = true;
    r->closing_code = CLOSE_REFUSED;
    r->part = PART_DEAF;
    r->allowed = 0;
#if WT_HELD || PREPARES
    r->work = WORK_NONE;
#endif
#if RESUMES
    /* It is not to fail again. */
    if (r->is_noted || r->terms & TERM_GOES_ON) {
        r->is_noted = r->is_noting = false;
        r->terms = 0;
        r->noted = 0;
        forget_noted(r);
    }
#endif
#if WT_CODEC
    r->step = STEP_ENDED;
#endif
}

APART static void broken(struct wt_receiver *r)
{
    fail(r, FAILED_STREAM);
}

/* The text comes behind so many bytes that are in their place already. */
APART static void refuse(struct wt_receiver *r, uint8_t code, uint8_t length, WT_ROM char *text)
{
    uint8_t *record = r->config->outbox + r->out;
    fail(r, code);
    r->out = (uint16_t)(r->out + length);
    for (; *text; text++)
        say(r, (uint8_t)*text);
    record[1] = (uint8_t)(r->config->outbox + r->out - record - 2);
}

/* ---- The table (store.md) ---- */

#define FLOAT_LAST 4u /* §5.3: of those that come in planes the last one */

/* The size of an element, as a power of two. */
static uint8_t size_shift(uint8_t dtype)
{
    if (dtype < 16)
        return 0x178ul >> 2 * dtype & 3;
    return (uint8_t)((dtype & 3) + (dtype < 40 ? 0 : 2));
}

struct tensor {
    uint8_t dtype;
    bool planes;
    uint16_t prefix;      /* of the name: bytes that are those of the name before */
    uint32_t index;
    uint32_t offset, end; /* in the image; nothing of a tensor without content */
#if WT_HELD
    uint32_t size;        /* of its elements as they are sent */
#endif
    WT_ROM uint8_t *record, *suffix, *name_end, *next;
};

/* Fields of one byte are read as numbers too, for none of them has the bit that goes on. */
APART static uint32_t next_number(struct tensor *t)
{
    uint32_t number = 0;
    uint8_t shift = 0, byte;
    do {
        byte = *t->next++;
        number |= (uint32_t)(byte & 0x7F) << shift;
        shift = (uint8_t)(shift + 7);
    } while (byte & 0x80);
    return number;
}

/* Goes on to the next tensor of the table, the first one where `next` is NULL; false behind the
   last. */
APART static bool next_tensor(const struct wt_receiver *r, struct tensor *t)
{
    const struct wt_config *config = r->config;
    if (!t->next) {
        t->next = config->table;
        t->index = 0xFFFFFFFFu;
        t->end = 0;
    }
    if (t->next == config->table + config->table_size)
        return false;
    t->index++;
    t->offset = (t->end + 3) & ~(uint32_t)3;
    t->record = t->next;
    next_number(t);
    next_number(t);
    uint32_t count = !next_number(t);
    if (!count) /* it shares its bytes */
        next_number(t);
    t->prefix = (uint16_t)next_number(t);
    uint32_t number = next_number(t);
    t->suffix = t->next;
    t->name_end = t->next += number;
    uint32_t dtype = next_number(t), rank = next_number(t);
    t->dtype = (uint8_t)dtype;
#if !WT_CODEC
    uint32_t channels = 1;
#endif
    for (uint32_t i = rank; i--;) {
        number = next_number(t);
        count *= number;
#if !WT_CODEC
        if (i && i + 1 == rank)
            channels = number;
#endif
    }
#if WT_HELD
    t->size = count << size_shift((uint8_t)dtype);
#endif
    t->planes = dtype <= FLOAT_LAST && (count > VECTOR_LIMIT || (rank > 1 && count >= SMALL_LIMIT));
    if (!t->planes)
        count <<= size_shift((uint8_t)dtype);
#if !WT_CODEC
    else
        count += 4 * channels;
#endif
    t->end = t->offset + count;
    return true;
}

/* The tensor with a number, of all or of those with content; false if there is none. */
APART static bool find_tensor(const struct wt_receiver *r, struct tensor *t, uint32_t number,
                              bool is_of_contents)
{
    t->next = NULL;
    while (next_tensor(r, t))
        if ((t->end != t->offset || !is_of_contents) && !number--)
            return true;
    return false;
}

/* Another byte has come than the table has at `place`. A length does not tell what is different:
   the rest of the record will, or else the digest, which is that of the table. */
static void refuse_tensor(struct wt_receiver *r, WT_ROM uint8_t *place)
{
    static WT_ROM char texts[3][16] = {": another name", ": another dtype", ": another shape"};
    uint8_t *name = r->config->outbox + r->out + 3;
    struct tensor t;
    uint16_t length;
    t.next = NULL;
    do {
        next_tensor(r, &t);
        /* Names have their beginnings from those before. */
        for (length = t.prefix; t.suffix != t.name_end; length++) {
            if (length < FAILED_NAME_LIMIT)
                name[length] = *t.suffix;
            t.suffix++;
        }
    } while (place >= t.next);
    if (place == t.record)
        broken(r);
    else if (place != t.record + 1)
        refuse(r, FAILED_MODEL, (uint8_t)(length < FAILED_NAME_LIMIT ? length : FAILED_NAME_LIMIT),
               texts[(place >= t.name_end) + (place > t.name_end)]);
}

/* ---- Flash (store.md) ---- */

#if WT_FLASH
enum { SLOT_GENERATION = 4, SLOT_SIZE = 8, SLOT_IMAGE = 12, SLOT_TABLE = 16, SLOT_TENSORS = 20,
       SLOT_DIGEST = 24, SLOT_NAME = 56, SLOT_CHECKSUM = 88, SLOT_MARKS = 96, SLOT_STATES = 352 };

#define SLOT_MAGIC 0x31535457u
#define SLOT_ACTIVATED 0x4B4F5457u
#define SLOT_REVOKED 0x4F4E5457u
#define SLOT_INVERTED 0x10000u
#define MARK_SIZE 16u /* an activation, then a revocation, eight times */
#define BLANK 0xFFFFFFFFu
#define NOWHERE 0xFFFFFFFFu

static uint32_t crc_of_byte(uint32_t crc, uint8_t byte)
{
    return crc_steps(crc ^ byte, 8);
}

static uint8_t flash_byte(struct wt_receiver *r, uint32_t offset)
{
    uint8_t byte;
    r->config->flash->read(r->config->context, offset, &byte, 1);
    return byte;
}

static uint32_t flash_word(struct wt_receiver *r, uint32_t offset)
{
    uint8_t bytes[4];
    r->config->flash->read(r->config->context, offset, bytes, 4);
    return get_word(bytes);
}

static uint32_t flash_crc(struct wt_receiver *r, uint32_t crc, uint32_t offset, uint32_t count,
                          uint8_t mask)
{
    while (count--)
        crc = crc_of_byte(crc, flash_byte(r, offset++) ^ mask);
    return crc;
}

static bool is_blank(struct wt_receiver *r, uint32_t at, uint32_t count)
{
    while (count--)
        if (flash_byte(r, at++) != 0xFF)
            return false;
    return true;
}

static uint32_t half_of_flash(const struct wt_receiver *r)
{
    return r->config->flash->page_count / 2 * r->config->flash->page_size;
}

static uint32_t image_in_slot(const struct wt_receiver *r)
{
    return WT_SLOT_SIZE(r->tensors, 0u);
}

static uint32_t table_crc(const struct wt_receiver *r)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (uint16_t i = 0; i < r->config->table_size; i++)
        crc = crc_of_byte(crc, r->config->table[i]);
    return ~crc;
}

/* Where a unit is shorter than four bytes the mark is its beginning. */
static bool is_marked(struct wt_receiver *r, uint32_t place, uint32_t mark)
{
    uint8_t unit = r->config->flash->unit;
    return !((flash_word(r, place) ^ mark) << (unit < 4 ? 32 - 8 * unit : 0));
}

/* What the bytes of a slot's image are to be combined with: it may be kept inverted. */
static uint8_t mask_of(struct wt_receiver *r, uint32_t slot)
{
    return flash_word(r, slot + SLOT_TENSORS) & SLOT_INVERTED ? 0xFF : 0;
}

/* Whether all of a slot fits its checksums and the table. */
static bool is_sound(struct wt_receiver *r, uint32_t slot)
{
    uint32_t crc = flash_crc(r, 0xFFFFFFFFu, slot, SLOT_CHECKSUM, 0);
    crc = flash_crc(r, crc, slot + SLOT_STATES, 4u * r->tensors, 0);
    return flash_word(r, slot) == SLOT_MAGIC && flash_word(r, slot + SLOT_CHECKSUM) == ~crc
           && flash_word(r, slot + SLOT_SIZE) == r->image_size
           && flash_word(r, slot + SLOT_TABLE) == table_crc(r)
           && flash_word(r, slot + SLOT_IMAGE)
                  == ~flash_crc(r, 0xFFFFFFFFu, slot + image_in_slot(r), r->image_size,
                                 mask_of(r, slot));
}

/* Where the last activation of a slot is, and behind which mark all are blank: a power cut may have
   left half a mark, which is none. */
struct marks {
    uint32_t last, next; /* 0 for no activation; SLOT_STATES where all are used */
};

static struct marks find_marks(struct wt_receiver *r, uint32_t slot)
{
    struct marks marks = {0, SLOT_MARKS};
    for (uint32_t place = SLOT_MARKS; place != SLOT_STATES; place += 2 * MARK_SIZE) {
        if (flash_word(r, slot + place) != BLANK)
            marks.next = place + 2 * MARK_SIZE;
        if (is_marked(r, slot + place, SLOT_ACTIVATED))
            marks.last = place;
    }
    return marks;
}

static bool is_on(struct wt_receiver *r, uint32_t slot)
{
    uint32_t last = find_marks(r, slot).last;
    return last && !is_marked(r, slot + last + MARK_SIZE, SLOT_REVOKED);
}

/* Of the slots that hold a model: which one is in use, and the highest generation. */
static void choose_slot(struct wt_receiver *r)
{
    uint32_t half = half_of_flash(r), used = 0;
    bool is_first = true;
    r->slot = NOWHERE;
    r->generation = 0;
    for (uint8_t i = 0; i < 2; i++) {
        uint32_t slot = i ? half : 0, generation;
        if (!(r->whole >> i & 1))
            continue;
        generation = flash_word(r, slot + SLOT_GENERATION);
        if (is_first || reached(generation, r->generation))
            r->generation = generation;
        is_first = false;
        if (is_on(r, slot) && (r->slot == NOWHERE || reached(generation, used))) {
            r->slot = slot;
            used = generation;
        }
    }
}

static void find_slots(struct wt_receiver *r)
{
    r->whole = (uint8_t)(is_sound(r, 0) | is_sound(r, half_of_flash(r)) << 1);
    choose_slot(r);
}

/* The slot that is not in use. */
static uint32_t target_slot(const struct wt_receiver *r)
{
    return r->slot == 0 ? half_of_flash(r) : 0;
}

static void erase_pages(struct wt_receiver *r, uint16_t page, uint16_t count)
{
    const struct wt_flash *flash = r->config->flash;
    for (; count--; page++)
        if (!is_blank(r, page * flash->page_size, flash->page_size))
            flash->erase(r->config->context, page);
}

static void erase_target(struct wt_receiver *r)
{
    uint16_t half = r->config->flash->page_count / 2;
    bool is_second = target_slot(r) != 0;
    r->whole &= is_second ? 1 : 2;
    erase_pages(r, is_second ? half : 0, half);
    choose_slot(r);
}

/* Of a slot, and of as many pages more. */
static uint16_t erase_milliseconds(const struct wt_receiver *r, uint8_t more)
{
    const struct wt_flash *flash = r->config->flash;
    uint32_t all = (uint32_t)flash->milliseconds * (flash->page_count / 2u + more);
    return (uint16_t)(all < 0xFFFF ? all : 0xFFFF);
}

static void write_byte(struct wt_receiver *r, struct wt_writer *w, uint8_t byte)
{
    uint8_t size = r->config->flash->unit, last = (uint8_t)(size - 1);
    w->crc = crc_of_byte(w->crc, byte);
    w->unit[w->at & last] = byte;
    if (!(++w->at & last))
        r->config->flash->program(r->config->context, w->at - size, w->unit, size);
}

static void write_word(struct wt_receiver *r, struct wt_writer *w, uint32_t word)
{
    for (uint8_t i = 0; i < 4; i++, word >>= 8)
        write_byte(r, w, (uint8_t)word);
}

static void write_ones(struct wt_receiver *r, struct wt_writer *w, uint32_t end)
{
    while (w->at < end)
        write_byte(r, w, 0xFF);
}

static void write_mark(struct wt_receiver *r, uint32_t place, uint32_t mark)
{
    uint8_t unit[WT_UNIT_LIMIT];
    memset(unit, 0xFF, sizeof unit);
    put_word(unit, mark);
    r->config->flash->program(r->config->context, place, unit, r->config->flash->unit);
}

#if !WT_MEMORY
static void flush_unit(struct wt_receiver *r)
{
    if (r->unit_at != NOWHERE)
        r->config->flash->program(r->config->context, r->unit_at, r->unit, r->config->flash->unit);
    r->unit_at = NOWHERE;
}

/* The image is kept inverted, so that blank flash is a model of zeros and bits are only cleared. */
static void put_flash(struct wt_receiver *r, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
    uint8_t size = r->config->flash->unit, last = (uint8_t)(size - 1);
    uint32_t at = r->image_at + offset;
    for (; count--; at++) {
        uint32_t unit = at & ~(uint32_t)last;
        if (unit != r->unit_at) {
            flush_unit(r);
            r->unit_at = unit;
            r->config->flash->read(r->config->context, unit, r->unit, size);
        }
        r->unit[at & last] = (uint8_t)~*bytes++;
    }
}

uint8_t wt_byte(struct wt_receiver *r, uint32_t offset)
{
    uint32_t at = r->image_at + offset, distance = at - r->unit_at;
    if (r->image_at == NOWHERE)
        return 0;
    if (r->unit_at != NOWHERE && distance < r->config->flash->unit)
        return (uint8_t)~r->unit[distance];
    return flash_byte(r, at) ^ r->image_mask;
}
#endif

/* States as a slot has them. */
static uint32_t word_of_state(const struct wt_state *state)
{
    return state->level | (uint32_t)state->passes << 16 | (uint32_t)state->flags << 24;
}

static struct wt_state state_of_word(uint32_t word)
{
    struct wt_state state = {(uint16_t)word, (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
    return state;
}

static struct wt_state state_in_slot(struct wt_receiver *r, uint32_t slot, uint32_t index)
{
    return state_of_word(flash_word(r, slot + SLOT_STATES + 4 * index));
}

#if WT_KEEP || GIVES
static uint8_t byte_in_slot(struct wt_receiver *r, uint32_t slot, uint32_t offset)
{
    return flash_byte(r, slot + image_in_slot(r) + offset) ^ mask_of(r, slot);
}
#endif

/* Makes the image the one that stays, if the flash holds what is written. Up to the last write the
   model before stays. */
static bool store_model(struct wt_receiver *r, bool is_in_use)
{
    uint32_t slot = target_slot(r), image = slot + image_in_slot(r), crc;
    struct wt_writer w = {.at = image, .crc = 0xFFFFFFFFu};
#if WT_MEMORY
    erase_target(r);
    for (uint32_t i = 0; i < r->image_size; i++)
        write_byte(r, &w, r->config->image[i]);
    crc = ~w.crc;
    write_ones(r, &w, (w.at + 15u) & ~(uint32_t)15);
#else
    flush_unit(r);
    crc = ~flash_crc(r, w.crc, image, r->image_size, 0xFF);
#endif
    w.at = slot;
    w.crc = 0xFFFFFFFFu;
    write_word(r, &w, SLOT_MAGIC);
    write_word(r, &w, r->generation + 1);
    write_word(r, &w, r->image_size);
    write_word(r, &w, crc);
    write_word(r, &w, table_crc(r));
    write_word(r, &w, WT_MEMORY ? r->tensors : r->tensors | SLOT_INVERTED);
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        write_byte(r, &w, r->digest[i]);
    for (uint8_t i = 0; i < WT_NAME_SIZE; i++)
        write_byte(r, &w, r->name[i]);
    crc = w.crc;
    for (uint16_t i = 0; i < r->tensors; i++) {
        uint32_t word = word_of_state(&r->config->states[i]);
        for (uint8_t j = 0; j < 4; j++, word >>= 8)
            crc = crc_of_byte(crc, (uint8_t)word);
    }
    write_word(r, &w, ~crc);
    write_ones(r, &w, slot + SLOT_MARKS);
    w.at = slot + SLOT_STATES;
    for (uint16_t i = 0; i < r->tensors; i++)
        write_word(r, &w, word_of_state(&r->config->states[i]));
    write_ones(r, &w, image);
    if (!is_sound(r, slot))
        return false;
    r->whole |= slot ? 2 : 1;
    if (is_in_use)
        write_mark(r, slot + SLOT_MARKS, SLOT_ACTIVATED);
    choose_slot(r);
    return !is_in_use || r->slot == slot;
}

bool wt_restore(struct wt_receiver *r)
{
    uint32_t slot = r->slot;
    memset(r->config->states, 0, r->tensors * sizeof *r->config->states);
#if WT_MEMORY
    memset(r->config->image, 0, r->image_size);
#else
    r->unit_at = r->image_at = NOWHERE;
#endif
    if (slot == NOWHERE)
        return false;
    for (uint16_t i = 0; i < r->tensors; i++)
        r->config->states[i] = state_in_slot(r, slot, i);
#if WT_MEMORY
    uint8_t mask = mask_of(r, slot);
    for (uint32_t i = 0; i < r->image_size; i++)
        r->config->image[i] = flash_byte(r, slot + image_in_slot(r) + i) ^ mask;
#else
    r->image_at = slot + image_in_slot(r);
    r->image_mask = mask_of(r, slot); /* another library may have left one that is not inverted */
#endif
    return true;
}

/* Whether the model before is there: a slot that is on besides the one in use is of a lower
   generation. */
static bool can_roll_back(struct wt_receiver *r)
{
    return r->slot != NOWHERE && r->whole == 3 && is_on(r, target_slot(r));
}

/* A slot that is on ceases to be. Where a power cut has left half a mark, it is switched on once
   more for that, for no unit is programmed twice. */
static void revoke(struct wt_receiver *r, uint32_t slot)
{
    struct marks marks = find_marks(r, slot);
    uint32_t last = marks.last;
    if (flash_word(r, slot + last + MARK_SIZE) != BLANK && marks.next != SLOT_STATES) {
        last = marks.next;
        write_mark(r, slot + last, SLOT_ACTIVATED);
    }
    write_mark(r, slot + last + MARK_SIZE, SLOT_REVOKED);
}

bool wt_roll_back(struct wt_receiver *r)
{
    if (!can_roll_back(r))
        return false;
    revoke(r, r->slot);
    choose_slot(r);
    return wt_restore(r);
}
#endif

/* ---- The image ---- */

/* Whether anything of a tensor has come or been kept. */
#if WT_DIFFERENCE
#define HAS_COME(state) ((state)->flags & WT_CAME)
#else
#define HAS_COME(state) ((state)->flags)
#endif

APART static uint16_t tell(struct wt_receiver *r, enum wt_event event, uint16_t first,
                           uint16_t second)
{
    return r->config->event(r->config->context, event, first, second);
}

static void put_image(struct wt_receiver *r, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
#if WT_MEMORY
    memcpy(r->config->image + offset, bytes, count);
#elif WT_FLASH
    put_flash(r, offset, bytes, count);
#else
    r->config->write(r->config->context, offset, bytes, count);
#endif
}

#if WT_CODEC || WT_SHA256
/* Up to `count` bytes of the image, at least one, and fewer where they have to be fetched. */
static uint8_t *get_image(struct wt_receiver *r, uint32_t offset, uint32_t *count)
{
#if WT_MEMORY
    (void)count;
    return r->config->image + offset;
#else
    if (*count > WT_PIECE_SIZE)
        *count = WT_PIECE_SIZE;
#if WT_FLASH
    for (uint8_t i = 0; i < *count; i++)
        r->piece[i] = wt_byte(r, offset + i);
#else
    r->config->read(r->config->context, offset, r->piece, (uint16_t)*count);
#endif
    return r->piece;
#endif
}
#endif

#if WT_FLASH && !WT_MEMORY
/* The image is that of the slot which is filled. */
static void use_target(struct wt_receiver *r)
{
    r->unit_at = NOWHERE;
    r->image_at = target_slot(r) + image_in_slot(r);
    r->image_mask = 0xFF;
}
#elif !WT_MEMORY
static void clear_bytes(struct wt_receiver *r, uint32_t at, uint32_t end)
{
    memset(r->piece, 0, WT_PIECE_SIZE);
    for (uint32_t count; at < end; at += count) {
        count = end - at;
        if (count > WT_PIECE_SIZE)
            count = WT_PIECE_SIZE;
        put_image(r, at, r->piece, (uint16_t)count);
    }
}
#endif

#if WT_KEEP
/* Of the model in use the tensors that are kept come into the image, or stay there; the others are
   zero where the image is not empty as it is. */
static void keep_tensors(struct wt_receiver *r)
{
    struct tensor t;
    t.next = NULL;
    while (next_tensor(r, &t)) {
        struct wt_state *state = &r->config->states[t.index];
        if (!(state->flags & WT_KEPT)) {
#if WT_DIFFERENCE
            uint8_t flags = state->flags & WT_DIFFERS;
            memset(state, 0, sizeof *state);
            state->flags = flags;
#else
            memset(state, 0, sizeof *state);
#endif
#if !WT_FLASH && WT_MEMORY
            memset(r->config->image + t.offset, 0, t.end - t.offset);
#elif !WT_FLASH
            clear_bytes(r, t.offset, t.end);
#endif
            continue;
        }
#if WT_FLASH
        *state = state_in_slot(r, r->slot, t.index);
        for (uint32_t at = t.offset; at < t.end; at++) {
            uint8_t byte = byte_in_slot(r, r->slot, at);
            put_image(r, at, &byte, 1);
        }
#endif
        state->flags = WT_CAME | WT_KEPT;
    }
}
#endif

/* §6.3: at first all bytes are zero. */
static void clear_image(struct wt_receiver *r)
{
#if WT_FLASH && !WT_MEMORY
    use_target(r);
#elif WT_MEMORY && (WT_FLASH || !WT_KEEP)
    memset(r->config->image, 0, r->image_size);
#elif !WT_KEEP
    clear_bytes(r, 0, r->image_size);
#endif
#if WT_KEEP
    keep_tensors(r);
#else
    memset(r->config->states, 0, r->tensors * sizeof *r->config->states);
#endif
}

/* ---- Floats (§6.3, Elements) ---- */

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

/* ---- Digests (§5.5, §5.6) ---- */

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

/* ---- Models that are held (§5.10, §5.12) ---- */

#if WT_HELD
#if WT_FLASH
#define MODEL_IN_USE(r) ((r)->slot) /* where its slot begins */
#else
#define MODEL_IN_USE(r) 0u
#endif

static bool has_model(const struct wt_receiver *r)
{
#if WT_FLASH
    return r->slot != NOWHERE;
#else
    return r->is_held;
#endif
}

/* A byte of the digest of a model that is there. */
static uint8_t held_digest(struct wt_receiver *r, uint32_t model, uint8_t index)
{
#if WT_FLASH
    return flash_byte(r, model + SLOT_DIGEST + index);
#else
    (void)model;
    return r->held[index];
#endif
}

/* Whether it is the one whose digest has come. */
static bool is_model(struct wt_receiver *r, uint32_t model)
{
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        if (held_digest(r, model, i) != r->digest[i])
            return false;
    return true;
}

#if WT_FLASH && (SWITCHES || GIVES)
/* The slot whose model is of the digest that has come, or NOWHERE. */
static uint32_t find_model(struct wt_receiver *r)
{
    for (uint8_t i = 0; i < 2; i++) {
        uint32_t slot = i ? half_of_flash(r) : 0;
        if (r->whole >> i & 1 && is_model(r, slot))
            return slot;
    }
    return NOWHERE;
}
#endif
#endif

#if SWITCHES
/* Makes a slot that holds a model the one in use (store.md); false where it has been so often
   already that no mark is left. */
static bool use_slot(struct wt_receiver *r, uint32_t slot)
{
    uint32_t other = slot ? 0 : half_of_flash(r), next = find_marks(r, slot).next;
    bool is_other_in_use = other == r->slot;
    if (slot == r->slot)
        return true;
    if (!is_on(r, slot)) {
        if (next == SLOT_STATES)
            return false;
        write_mark(r, slot + next, SLOT_ACTIVATED);
    }
    choose_slot(r);
    if (is_other_in_use && r->slot == other) { /* being of a higher generation */
        revoke(r, other);
        choose_slot(r);
    }
    return r->slot == slot;
}

/* The firmware tries the model that is in use from now on; one that is no good is given up for the
   one before. */
static bool try_model(struct wt_receiver *r, uint32_t before)
{
    static WT_ROM char text[] = "it was tried, and is no good";
    wt_restore(r);
    if (tell(r, WT_SWITCHED, 0, 0))
        return true;
    if (before == NOWHERE)
        revoke(r, r->slot);
    else
        use_slot(r, before);
    choose_slot(r);
    wt_restore(r);
    refuse(r, FAILED_STORE, 0, text);
    return false;
}
#endif

/* The last word: the model of `digest` is there. */
static void verify(struct wt_receiver *r)
{
    say(r, VERIFIED);
    say(r, WT_DIGEST_SIZE);
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        say(r, r->digest[i]);
    r->part = PART_DEAF;
    r->is_last_word = true;
    r->closing_code = CLOSE_DONE;
}

/* The model is whole and sound: it is kept. */
static void keep_model(struct wt_receiver *r)
{
#if WT_FLASH
    static WT_ROM char text[] = "flash does not hold what was written";
#if SWITCHES
    uint32_t before = r->slot;
    bool is_in_use = !(r->terms & TERM_INACTIVE);
#else
    const bool is_in_use = true;
#endif
    if (!store_model(r, is_in_use)) {
        refuse(r, FAILED_STORE, 0, text);
        return;
    }
#if RESUMES
    r->is_noted = r->is_noting = false;
    r->noted = 0; /* of another generation than the next one */
#endif
#if SWITCHES
    if (!is_in_use)
        wt_restore(r);
    else if (!try_model(r, before))
        return;
#endif
#elif WT_HELD
    memcpy(r->held, r->digest, WT_DIGEST_SIZE);
    r->is_held = true;
#endif
    verify(r);
}

/* The work behind FINISH. */
static void check_model(struct wt_receiver *r)
{
    struct tensor t;
    t.next = NULL;
    r->part = PART_KIND; /* or nothing would fail */
    while (next_tensor(r, &t)) {
        if (t.end == t.offset)
            continue;
        if (!HAS_COME(&r->config->states[t.index])) {
            broken(r);
            return;
        }
#if WT_KEEP
        r->config->states[t.index].flags = WT_CAME; /* it is that of this model from here on */
#endif
#if WT_SHA256
        struct wt_sha256 sha;
        digest_of(r, &t, &sha);
        for (uint8_t j = 0; j < WT_DIGEST_SIZE; j++)
            sha_take(&r->manifest, digest_byte(&sha, j));
#endif
    }
#if WT_SHA256
    sha_end(&r->manifest);
    if (!check_digest(r, &r->manifest))
        return;
#endif
    if (!tell(r, WT_COMPLETE, 0, 0)) {
        fail(r, FAILED_STORE);
        return;
    }
    keep_model(r);
}

#if WT_HELD
/* The work behind UNCHANGED, ACTIVATE and ROLLBACK. */
static void answer(struct wt_receiver *r)
{
    bool is_done = has_model(r) && is_model(r, MODEL_IN_USE(r));
    r->part = PART_KIND; /* or nothing would fail */
#if SWITCHES
    uint32_t before = r->slot;
    if (r->kind == ACTIVATE && !is_done) {
        uint32_t slot = find_model(r);
        is_done = slot != NOWHERE && use_slot(r, slot);
    }
    if (r->kind == ROLLBACK) {
        is_done = can_roll_back(r);
        if (is_done)
            use_slot(r, target_slot(r));
    }
#endif
    if (!is_done) {
        fail(r, FAILED_MODEL);
        return;
    }
#if SWITCHES
    if (r->slot != before && !try_model(r, before))
        return;
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        r->digest[i] = held_digest(r, r->slot, i);
#endif
#if WT_FLASH
    wt_restore(r); /* a transfer may have broken off */
#endif
    verify(r);
}
#endif

/* ---- The coded stream (§6.3), codec flat, planes only ---- */

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
    static WT_ROM uint16_t rates[] = {
        40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620, 6827, 6183, 5650, 5201, 4819, 4489,
        4201, 3948, 2560, 1575, 1138, 890, 732, 621, 539, 476, 427, 386, 353, 325, 301, 280,
        RATE_LAST,
    };
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

/* ---- Differences (§6.3, Bases): the base are bytes of planes, too, those of the slot in use ---- */

#if WT_DIFFERENCE
#define COMMON_SHIFT 4u /* of the planes in common, in a state's flags */
#define FRACTION 9u     /* bits of a value below a byte's: plane 0 has the weight 2^15 */
#define SLACK_LIMIT 6u
#define KIND_BELOW 7u /* kinds of a significance pass where the base is below the threshold */
#define KIND_FAR 14u
enum { ANSWER_NO, ANSWER_YES, ANSWER_LACKING };

/* A pass of planes, and what it takes to see the base as it does. */
struct difference {
    struct wt_state base;
    uint8_t shift;       /* planes between both levels */
    uint8_t mantissa;    /* bits that an element has behind its leading one, as far as it matters */
    uint8_t bit, above;  /* of a byte: that of the plane; those of the planes before */
    bool is_significance;
    bool is_first; /* what is common comes from the base */
};

static struct wt_state base_of(struct wt_receiver *r)
{
    return state_in_slot(r, r->slot, (uint32_t)(r->coded_state - r->config->states));
}

/* The magnitude of the base: the middle of what its byte leaves possible. */
static uint16_t value_of(const struct difference *d, uint8_t old)
{
    return (uint16_t)((uint32_t)magnitude_of(old, &d->base) << (FRACTION - 1) >> d->shift);
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

/* What the pass makes of a byte, whose base is `old`; false where bytes are lacking for that. An image
   may be ahead (see `decide`), so only planes above the pass's own count. */
static bool decide_difference(struct wt_receiver *r, const struct difference *d, uint8_t *byte,
                              uint8_t old)
{
    uint16_t value = value_of(d, old), weight = (uint16_t)(d->bit << FRACTION), lowest, greatest;
    uint8_t known = *byte & d->above, kind, answer;
    if (d->is_first) {
        known = (uint8_t)(value >> FRACTION) & d->above;
        if (known)
            *byte |= known | (old & SIGN);
    }
    if (d->is_significance == (known != 0))
        return true;
    /* The nearest to the base of what is possible. */
    lowest = (uint16_t)(known << FRACTION);
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

/* As `decide`, of a tensor that comes as a difference, from `coded_at` on. */
static uint32_t decide_differences(struct wt_receiver *r, uint8_t *bytes, uint32_t count, uint8_t plane,
                                   bool is_significance)
{
    uint8_t olds[WT_PIECE_SIZE], mask = mask_of(r, r->slot);
    uint16_t shift;
    uint32_t done = 0;
    struct difference d = {.base = base_of(r), .bit = (uint8_t)(TOP >> plane)};
    shift = (uint16_t)(r->coded_state->level - d.base.level);
    d.shift = (uint8_t)(shift < 16 ? shift : 16);
    d.mantissa = float_forms[r->coded_dtype - 1].mantissa;
    if (d.mantissa > 15)
        d.mantissa = 15;
    d.above = (uint8_t)(0x80u - 2u * d.bit);
    d.is_significance = is_significance;
    d.is_first = is_significance && r->coded_state->flags >> COMMON_SHIFT == plane;
    if (count > WT_PIECE_SIZE)
        count = WT_PIECE_SIZE;
    r->config->flash->read(r->config->context, r->slot + image_in_slot(r) + r->coded_at, olds,
                           (uint8_t)count);
    while (done < count && decide_difference(r, &d, bytes + done, olds[done] ^ mask))
        done++;
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

APART static void ask_number(struct wt_receiver *r)
{
    ask_raw(r, bit_width(r->contents), STEP_NUMBER);
}

APART static void begin_codeword(struct wt_receiver *r)
{
    r->range = 0;
    r->fill = 0xFF;
    ask_number(r);
}

static void begin_pass(struct wt_receiver *r)
{
    for (uint8_t i = 0; i < MODELS_IN_PASS; i++)
        r->models[MODEL_PASS + i] = MODEL_NEW;
    r->step = STEP_PASS;
}

/* Goes on with the pass until bytes are lacking or it is over. */
static void go_on(struct wt_receiver *r)
{
    struct wt_state *state = r->coded_state;
    uint8_t plane = (uint8_t)((state->passes + 1) >> 1);
    uint32_t count = r->coded_end - r->coded_at;
    if (count) {
        uint8_t *start = get_image(r, r->coded_at, &count);
        bool is_significance = !state->passes || (state->passes & 1);
        uint32_t done;
#if WT_DIFFERENCE
        if (state->flags & WT_DIFFERS)
            done = decide_differences(r, start, count, plane, is_significance);
        else
#endif
            done = decide(r, start, count, r->models + MODEL_PASS, (uint8_t)(TOP >> plane),
                          is_significance ? 0 : (uint8_t)(PLANES - plane));
#if !WT_MEMORY
        put_image(r, r->coded_at, start, (uint16_t)done);
#endif
        r->coded_at += done;
        return;
    }
    state->passes++;
    tell(r, WT_UPDATED, (uint16_t)(state - r->config->states), state->passes);
    ask_number(r);
}

/* The unit's tensor has been named, or the codeword ends. */
static void begin_unit(struct wt_receiver *r)
{
    struct tensor t;
    if (!find_tensor(r, &t, r->raw, true)) {
        r->step = STEP_ENDED;
        if (r->raw != r->contents)
            broken(r);
        return;
    }
    r->coded_state = &r->config->states[t.index];
    r->coded_dtype = t.dtype;
    r->coded_at = t.offset;
    r->coded_end = t.end;
    r->step = STEP_KIND;
    if (!t.planes)
        fail(r, FAILED_STORE);
#if WT_KEEP
    if (r->coded_state->flags & WT_KEPT)
        broken(r);
#endif
}

/* No mantissa pass, but one of planes. */
static void begin_planes(struct wt_receiver *r)
{
    const struct wt_state *state = r->coded_state;
    if (!HAS_COME(state))
        ask_raw(r, bit_width(float_forms[r->coded_dtype - 1].levels), STEP_LEVEL);
    else if (state->level == WT_ALL_ZERO || (uint16_t)(state->passes + 1u) >> 1 > state->level)
        broken(r); /* there is no such plane */
    else if (state->passes == PASSES)
        fail(r, FAILED_STORE);
    else
        begin_pass(r);
}

static void take_level(struct wt_receiver *r)
{
    uint16_t level = (uint16_t)r->raw;
    uint16_t levels = float_forms[r->coded_dtype - 1].levels;
    r->step = STEP_EXCEPTIONS;
    if (level >= levels) {
        if (level & (level + 1u)) /* other than all ones */
            broken(r);
        level = WT_ALL_ZERO;
        r->coded_at = r->coded_end; /* the pass is empty */
    }
    r->coded_state->level = level;
#if WT_DIFFERENCE
    if (r->coded_state->flags & WT_DIFFERS)
        compare_levels(r);
#endif
}

/* Takes the decision of a step, as if a weight were refined; enough bytes have come. */
static void take_decision(struct wt_receiver *r)
{
    static WT_ROM char text[] = "NaN or infinite weight";
    uint8_t step = r->step, weight = TOP;
    decide(r, &weight, 1, r->models + step, 1, PLANES - 1);
    if (weight == TOP) {
        if (step == STEP_KIND) {
            begin_planes(r);
            return;
        }
#if WT_DIFFERENCE
        r->coded_state->flags |= WT_CAME;
#else
        r->coded_state->flags = WT_CAME;
#endif
        begin_pass(r);
    } else if (step == STEP_KIND)
        fail(r, FAILED_STORE);
    else
        refuse(r, FAILED_STORE, 0, text);
}

static void decode(struct wt_receiver *r)
{
    while (r->step != STEP_ENDED && settle(r)) {
        if (r->raw_left) {
            take_raw(r);
            continue;
        }
        switch (r->step) {
        case STEP_NUMBER:
            begin_unit(r);
            break;
        case STEP_LEVEL:
            take_level(r);
            break;
#if WT_DIFFERENCE
        case STEP_COMMON:
            take_common(r);
            break;
#endif
        case STEP_KIND:
        case STEP_EXCEPTIONS:
            take_decision(r);
            break;
        default:
            go_on(r);
        }
    }
}

/* Behind the end of a codeword nothing may come. */
static void take_coded(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
    r->in = bytes;
    r->in_end = bytes + count;
    decode(r);
    if (r->in != r->in_end)
        broken(r);
}

/* MILESTONE and FINISH end the codeword that is open; its last bytes are zero and were left out. */
static void end_codeword(struct wt_receiver *r)
{
    static const uint8_t zeros[CODE_SIZE] = {0, 0, 0, 0};
    if (!r->range)
        return;
    r->in = zeros;
    r->in_end = zeros + CODE_SIZE;
    decode(r);
    if (r->step != STEP_ENDED)
        broken(r);
    begin_codeword(r);
}
#endif

/* ---- What a reset leaves of a transfer (§5.11, store.md) ---- */

#if RESUMES
static void take(struct wt_receiver *r, const uint8_t *bytes, uint16_t count);

#if WT_MEMORY
/* The stream itself is noted in the slot that is to be filled, in blocks with a checksum each, and
   taken anew when the transfer goes on. */
#define NOTED_MAGIC 0x534A5457u /* "WTJS" */
#define NOTED_SIZE 128u         /* of a block; its last bytes are the checksum */
#define NOTED_BYTES (NOTED_SIZE - CHECKSUM_SIZE)
enum { NOTED_GENERATION = 4, NOTED_TABLE = 8, NOTED_IDENTITY = 12, NOTED_CHECKSUM = 20,
       NOTED_VOID = 112 }; /* of the first one */

/* What the checksum of a block begins with. */
static uint32_t crc_before_block(const struct wt_receiver *r, uint32_t number)
{
    return crc_steps(crc_steps(~r->note_crc, 32) ^ number, 32);
}

/* Goes on to the next block that is whole, past what power cuts have left of others, which are not
   programmed again; else to where it is to be written. */
static bool find_block(struct wt_receiver *r, uint32_t *at, uint32_t number)
{
    for (uint32_t end = target_slot(r) + half_of_flash(r); *at + NOTED_SIZE <= end; *at += NOTED_SIZE) {
        uint32_t crc = flash_crc(r, crc_before_block(r, number), *at, NOTED_BYTES, 0);
        if (flash_word(r, *at + NOTED_BYTES) == ~crc)
            return true;
        if (is_blank(r, *at, NOTED_SIZE))
            return false;
    }
    return false;
}

/* How many bytes of the stream are there. */
static void find_noted(struct wt_receiver *r)
{
    uint32_t slot = target_slot(r), at = slot + NOTED_SIZE;
    r->noted = 0;
    r->note_crc = ~flash_crc(r, 0xFFFFFFFFu, slot, NOTED_CHECKSUM, 0);
    if (flash_word(r, slot) != NOTED_MAGIC || flash_word(r, slot + NOTED_CHECKSUM) != r->note_crc
        || flash_word(r, slot + NOTED_GENERATION) != r->generation + 1
        || flash_word(r, slot + NOTED_TABLE) != table_crc(r)
        || !is_blank(r, slot + NOTED_VOID, NOTED_SIZE - NOTED_VOID))
        return;
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        r->identity[i] = flash_byte(r, slot + NOTED_IDENTITY + i);
    for (uint32_t number = 1; find_block(r, &at, number); number++) {
        at += NOTED_SIZE;
        r->noted += NOTED_BYTES;
    }
}

/* What comes of the stream, as far as it fits. */
static void note_stream(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
    struct wt_writer *w = &r->note;
    uint32_t slot = target_slot(r);
    for (; count--; bytes++) {
        uint32_t at = w->at - slot;
        if (!(at % NOTED_SIZE)) {
            if (at + NOTED_SIZE > half_of_flash(r)) {
                r->is_noting = false;
                return;
            }
            w->crc = crc_before_block(r, r->note_number);
        }
        write_byte(r, w, *bytes);
        if (at % NOTED_SIZE == NOTED_BYTES - 1) {
            write_word(r, w, ~w->crc);
            r->note_number++;
            r->noted += NOTED_BYTES;
        }
    }
}

/* A transfer begins: the slot is blank. */
static void begin_noting(struct wt_receiver *r)
{
    struct wt_writer *w = &r->note;
    uint32_t slot = target_slot(r), last = r->config->flash->unit - 1u;
    w->at = slot;
    w->crc = 0xFFFFFFFFu;
    write_word(r, w, NOTED_MAGIC);
    write_word(r, w, r->generation + 1);
    write_word(r, w, table_crc(r));
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        write_byte(r, w, r->identity[i]);
    r->note_crc = ~w->crc;
    write_word(r, w, r->note_crc);
    write_ones(r, w, (w->at + last) & ~last);
    w->at = slot + NOTED_SIZE;
    r->note_number = 1;
}

/* The stream is taken as if it came. */
static void go_on_noted(struct wt_receiver *r)
{
    uint32_t at = target_slot(r) + NOTED_SIZE, number = 1;
    r->is_noting = false;
    for (; find_block(r, &at, number); number++, at += NOTED_SIZE)
        for (uint8_t i = 0; i < NOTED_BYTES; i++) {
            uint8_t byte = flash_byte(r, at + i);
            take(r, &byte, 1);
        }
    r->note.at = at;
    r->note_number = number;
    r->is_noting = r->part != PART_DEAF;
}
#else
/* The image is in flash and stays; what the decoder has to know is noted in a journal of two pages
   behind the slots, every so many bytes of the stream. */
#define ENTRY_MAGIC (WT_DIFFERENCE ? 0x444A5457u : 0x434A5457u) /* "WTJD", "WTJC" */
#define JOURNAL_HEAD 16u        /* of a page: blank, or the journal is void */
#ifndef NOTE_INTERVAL /* bytes of the stream; the tests have fewer */
#define NOTE_INTERVAL 1024u
#endif
#define ENTRY_OPEN 0x100u /* a unit is */
enum { ENTRY_NUMBER = 4, ENTRY_GENERATION = 8, ENTRY_STREAM = 12, ENTRY_IDENTITY = 16,
       ENTRY_RECORD = 24, ENTRY_TENSORS = 28, ENTRY_AT = 32, ENTRY_CODED_AT = 36, ENTRY_STEP = 40,
       ENTRY_RANGE = 44, ENTRY_CODE = 48, ENTRY_RAW = 52, ENTRY_MODELS = 56, ENTRY_STATES = 96 };

/* Models: those that fit before the states, and the others behind them. */
#if WT_CODEC
#define ENTRY_MODEL_COUNT ((uint8_t)(sizeof((struct wt_receiver *)NULL)->models / 4u))
#endif
#define ENTRY_MODELS_FIRST ((uint8_t)((ENTRY_STATES - ENTRY_MODELS) / 4))
#define ENTRY_MODELS_LAST (WT_DIFFERENCE ? ENTRY_MODEL_COUNT - ENTRY_MODELS_FIRST : 0)

/* Of an entry without its checksum. */
#if WT_DIFFERENCE
#define ENTRY_LENGTH(r) (ENTRY_STATES + 4u * (r)->tensors + 4u * ENTRY_MODELS_LAST)
#else
#define ENTRY_LENGTH(r) (ENTRY_STATES + 4u * (r)->tensors)
#endif

static uint32_t entry_size(const struct wt_receiver *r)
{
    return (ENTRY_LENGTH(r) + CHECKSUM_SIZE + 15u) & ~(uint32_t)15;
}

static uint32_t journal_page(const struct wt_receiver *r, uint8_t page)
{
    return (r->config->flash->page_count + page) * r->config->flash->page_size;
}

static bool is_entry(struct wt_receiver *r, uint32_t at)
{
    uint32_t count = ENTRY_LENGTH(r), crc = crc_steps(~table_crc(r), 32);
    return flash_word(r, at) == ENTRY_MAGIC
           && flash_word(r, at + ENTRY_GENERATION) == r->generation + 1
           && flash_word(r, at + count) == ~flash_crc(r, crc, at, count, 0);
}

/* The newest entry, and where the next one goes: behind it and what a power cut has left of others. */
static void find_noted(struct wt_receiver *r)
{
    uint32_t size = entry_size(r);
    bool is_void = false;
    r->noted = 0;
    r->entry_number = 0;
    r->entry_at = r->entry_next = NOWHERE;
    for (uint8_t page = 0; page < WT_JOURNAL_PAGES; page++) {
        uint32_t start = journal_page(r, page), end = start + r->config->flash->page_size;
        bool is_here = false;
        is_void |= !is_blank(r, start, JOURNAL_HEAD);
        for (uint32_t at = start + JOURNAL_HEAD; at + size <= end; at += size) {
            if (is_entry(r, at) && flash_word(r, at + ENTRY_NUMBER) > r->entry_number) {
                r->entry_number = flash_word(r, at + ENTRY_NUMBER);
                r->entry_at = at;
                is_here = true;
            } else if (!is_here || is_blank(r, at, size))
                continue;
            r->entry_next = at + size;
        }
    }
    if (is_void || r->entry_at == NOWHERE)
        return;
    r->noted = flash_word(r, r->entry_at + ENTRY_STREAM);
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        r->identity[i] = flash_byte(r, r->entry_at + ENTRY_IDENTITY + i);
}

static void begin_noting(struct wt_receiver *r)
{
    erase_pages(r, r->config->flash->page_count, WT_JOURNAL_PAGES);
    r->entry_next = journal_page(r, 0) + JOURNAL_HEAD;
    r->entry_number = 0;
    r->stream = 0;
}

/* Between two records, or within one whose bytes are worked through as they come. */
static bool is_notable(const struct wt_receiver *r)
{
    return r->part == PART_KIND
           || (r->part == PART_BODY && (r->kind == CONTENT || r->kind == CODED));
}

/* The page in which the next entry goes, or that it does not fit any more. */
static uint8_t page_at_hand(const struct wt_receiver *r)
{
    return r->entry_next > journal_page(r, 1);
}

static bool has_room_for_entry(const struct wt_receiver *r)
{
    return r->entry_next + entry_size(r) <= journal_page(r, (uint8_t)(page_at_hand(r) + 1));
}

static void note_entry(struct wt_receiver *r)
{
    uint32_t end = r->entry_next + entry_size(r), word = r->part == PART_BODY ? r->kind : 0;
    struct wt_writer w = {.at = r->entry_next, .crc = crc_steps(~table_crc(r), 32)};
    flush_unit(r);
    write_word(r, &w, ENTRY_MAGIC);
    write_word(r, &w, ++r->entry_number);
    write_word(r, &w, r->generation + 1);
    write_word(r, &w, r->stream);
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        write_byte(r, &w, r->identity[i]);
    if (r->allowed & BIT(CONTENT))
        word |= ENTRY_OPEN;
    write_word(r, &w, word | (uint32_t)r->left << 16);
    word = r->tensor;
#if WT_CODEC
    if (r->coded_state)
        word |= (uint32_t)(r->coded_state - r->config->states) << 16;
#endif
    write_word(r, &w, word);
    write_word(r, &w, r->at);
    write_word(r, &w, r->coded_at);
    write_word(r, &w, r->step | (uint32_t)r->raw_left << 8 | (uint32_t)r->fill << 16
                          | (uint32_t)r->tier << 24);
    write_word(r, &w, r->range);
    write_word(r, &w, r->code);
    write_word(r, &w, r->raw);
#if WT_CODEC
    for (uint8_t i = 0; i < ENTRY_MODEL_COUNT - ENTRY_MODELS_LAST; i++)
        write_word(r, &w, r->models[i]);
#endif
    write_ones(r, &w, r->entry_next + ENTRY_STATES);
    for (uint16_t i = 0; i < r->tensors; i++)
        write_word(r, &w, word_of_state(&r->config->states[i]));
#if WT_DIFFERENCE
    for (uint8_t i = ENTRY_MODELS_FIRST; i < ENTRY_MODEL_COUNT; i++)
        write_word(r, &w, r->models[i]);
#endif
    write_word(r, &w, ~w.crc);
    write_ones(r, &w, end);
    r->entry_at = r->entry_next;
    r->entry_next = end;
    r->noted = r->stream;
}

/* The page is full: the other one comes next, and has been announced. */
static void turn_page(struct wt_receiver *r)
{
    uint8_t page = !page_at_hand(r);
    erase_pages(r, (uint16_t)(r->config->flash->page_count + page), 1);
    r->entry_next = journal_page(r, page) + JOURNAL_HEAD;
    if (is_notable(r))
        note_entry(r);
}

static void note_if_due(struct wt_receiver *r)
{
    uint32_t interval = r->image_size / 32;
    if (interval < NOTE_INTERVAL)
        interval = NOTE_INTERVAL;
    if (!r->is_noting || r->stream - r->noted < interval || r->work || !is_notable(r))
        return;
    if (has_room_for_entry(r)) {
        note_entry(r);
        return;
    }
    r->work = WORK_NOTE;
    wt_busy(r, r->config->flash->milliseconds);
}

/* Takes up what the newest entry says. */
static void go_on_noted(struct wt_receiver *r)
{
    uint32_t at = r->entry_at, word = flash_word(r, at + ENTRY_RECORD);
    struct tensor t;
    r->stream = r->noted;
    r->kind = (uint8_t)word;
    r->part = r->kind ? PART_BODY : PART_KIND;
    r->field = 0;
    r->left = (uint16_t)(word >> 16);
    if (word & ENTRY_OPEN)
        r->allowed = BIT(CONTENT) | BIT(DIGEST);
    word = flash_word(r, at + ENTRY_TENSORS);
    r->tensor = (uint16_t)word;
    find_tensor(r, &t, r->tensor, false);
    r->at = flash_word(r, at + ENTRY_AT);
    r->end = t.end;
#if WT_CODEC
    find_tensor(r, &t, word >> 16, false);
    r->coded_state = &r->config->states[t.index];
    r->coded_dtype = t.dtype;
    r->coded_at = flash_word(r, at + ENTRY_CODED_AT);
    r->coded_end = t.end;
    for (uint8_t i = 0; i < ENTRY_MODEL_COUNT - ENTRY_MODELS_LAST; i++)
        r->models[i] = flash_word(r, at + ENTRY_MODELS + 4u * i);
#if WT_DIFFERENCE
    for (uint8_t i = ENTRY_MODELS_FIRST; i < ENTRY_MODEL_COUNT; i++)
        r->models[i] = flash_word(r, at + ENTRY_STATES + 4u * r->tensors
                                         + 4u * (uint8_t)(i - ENTRY_MODELS_FIRST));
#endif
#endif
    word = flash_word(r, at + ENTRY_STEP);
    r->step = (uint8_t)word;
    r->raw_left = (uint8_t)(word >> 8);
    r->fill = (uint8_t)(word >> 16);
    r->tier = (uint8_t)(word >> 24);
    r->range = flash_word(r, at + ENTRY_RANGE);
    r->code = flash_word(r, at + ENTRY_CODE);
    r->raw = flash_word(r, at + ENTRY_RAW);
    for (uint16_t i = 0; i < r->tensors; i++)
        r->config->states[i] = state_of_word(flash_word(r, at + ENTRY_STATES + 4u * i));
    r->is_noting = true;
}
#endif

/* What is noted is void. */
static void forget_noted(struct wt_receiver *r)
{
    uint8_t zeros[WT_UNIT_LIMIT] = {0}, unit = r->config->flash->unit;
#if WT_MEMORY
    uint32_t start = target_slot(r) + NOTED_VOID;
#else
    uint32_t start = journal_page(r, 0);
#endif
    for (uint8_t at = 0; at < WT_UNIT_LIMIT; at = (uint8_t)(at + unit))
        r->config->flash->program(r->config->context, start + at, zeros, unit);
}

/* Another session begins, and the transfer at hand is left as it is. */
static void leave_transfer(struct wt_receiver *r)
{
#if !WT_MEMORY
    if (r->is_noting && r->stream != r->noted && is_notable(r) && has_room_for_entry(r))
        note_entry(r);
#endif
    r->is_noted = r->is_noting = false;
    r->terms = 0;
}
#endif

/* ---- Records that come in (§5) ---- */

/* Of each kind: OFFER without its name's bytes, and those that are kept as they are. */
static WT_ROM uint8_t field_counts[] = {
    0, 5, 0, 4, 0, WT_DIGEST_SIZE, WT_DIGEST_SIZE, 0, 2,
#if WT_HELD
    0, 0, WT_DIGEST_SIZE, 0, WT_DIGEST_SIZE, 0, WT_DIGEST_SIZE + 1, /* FETCH without what is taken */
#endif
};

/* What is kept as it comes. */
#define WHOLE_KINDS (BIT(DIGEST) | BIT(FINISH) | BIT(MILESTONE) \
                     | (WT_HELD ? BIT(UNCHANGED) | BIT(ACTIVATE) | BIT(FETCH) : 0))

#define LAST_KIND (sizeof field_counts - 1)

#define MODEL_KINDS (BIT(UNIT) | BIT(FINISH) | BIT(MILESTONE)) /* and CODED, if offered */
/* What a session may begin with. */
#define FIRST_KINDS (BIT(OFFER) | (WT_HELD ? BIT(UNCHANGED) : 0) | (WT_SWITCH ? BIT(LIST) : 0) \
                     | (SWITCHES ? BIT(ACTIVATE) | BIT(ROLLBACK) : 0) | (GIVES ? BIT(FETCH) : 0))

/* A byte of the varint in `value`; true with its last. What 28 bits do not hold becomes more than
   any number here may be. */
static bool take_varint(struct wt_receiver *r, uint8_t byte)
{
    uint8_t shift = r->shift, group = byte & 0x7F;
    if (!shift)
        r->value = 0;
    if (shift < 28)
        r->value |= (uint32_t)group << shift;
    else if (group)
        r->value |= 0x80000000u;
    r->shift = 0;
    if (shift && !byte)
        broken(r); /* longer than it needs */
    if (!(byte & 0x80))
        return true;
    if (shift == (r->part == PART_LENGTH ? LENGTH_SHIFT : VARINT_SHIFT))
        broken(r); /* or may be */
    r->shift = (uint8_t)(shift + 7);
    return false;
}

#if RESUMES
/* What is there of another transfer is given up; of this one is noted what a reset is not to undo,
   if others can know it again. */
static void begin_anew(struct wt_receiver *r)
{
    r->noted = 0;
    r->is_noting = false;
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++) {
        r->identity[i] = r->offered[i];
        r->is_noting |= r->offered[i] != 0;
    }
    r->is_noted = r->is_noting;
#if !WT_MEMORY
    begin_noting(r);
#endif
    erase_target(r);
#if WT_MEMORY
    if (r->is_noting)
        begin_noting(r);
#endif
    clear_image(r);
}
#endif

/* The manifest is that of the table: the image is made ready. */
static void accept(struct wt_receiver *r)
{
#if RESUMES
    if (!(r->terms & TERM_GOES_ON))
        begin_anew(r);
    else
#if WT_MEMORY
        clear_image(r);
#else
        use_target(r);
#endif
#else
#if PREPARES
    erase_target(r);
#endif
    clear_image(r);
#endif
#if WT_HELD && !WT_FLASH
    r->is_held = false;
#endif
    r->part = PART_KIND;
    r->tier = NO_TIER;
    r->allowed = r->model_kinds;
#if WT_CODEC
    begin_codeword(r);
    r->models[MODEL_MANTISSA] = r->models[MODEL_EXCEPTIONS] = MODEL_NEW;
#endif
    say(r, ACCEPT);
    say(r, 0);
    tell(r, WT_ACCEPTED, 0, 0);
#if RESUMES
    if (r->terms & TERM_GOES_ON) {
        r->is_noted = true;
        go_on_noted(r);
    }
#endif
}

#if PREPARES
/* All of the manifest has come. A slot is made ready, for which the sender, who is waiting for
   ACCEPT, is told to wait: pages are erased, tensors copied, or what is there of the stream taken
   again. */
static void prepare(struct wt_receiver *r)
{
    uint32_t milliseconds = erase_milliseconds(r, WT_JOURNAL_PAGES);
#if WT_KEEP
    if (r->terms & TERM_BASIS)
        milliseconds += r->image_size / 32u;
#endif
#if RESUMES
    if (r->terms & TERM_GOES_ON)
        milliseconds = WT_MEMORY ? r->image_size / 32u + r->noted / 8u : 0;
#endif
    r->part = PART_KIND;
    r->work = WORK_ACCEPT;
    wt_busy(r, (uint16_t)(milliseconds < 0xFFFF ? milliseconds : 0xFFFF));
}
#else
#define prepare accept
#endif


#if WT_KEEP
/* BASIS comes behind the manifest. */
static void await_basis(struct wt_receiver *r)
{
    for (uint16_t i = 0; i < r->tensors; i++)
        r->config->states[i].flags &= (uint8_t)~(WT_KEPT | WT_DIFFERS);
    r->related = 0;
    r->part = PART_KIND;
    r->allowed = BIT(BASIS);
}

/* Four tensors' relations to those of the base. */
static void take_relations(struct wt_receiver *r, uint8_t byte)
{
    struct tensor t;
    if (r->related >= r->contents)
        broken(r);
    for (uint8_t i = 0; i < 4; i++, byte >>= 2) {
        if (!find_tensor(r, &t, r->related, true)) {
            if (byte)
                broken(r);
            return;
        }
        r->related++;
        if (byte & 1)
            r->config->states[t.index].flags |= WT_KEPT;
#if WT_DIFFERENCE
        if (byte & 2)
            r->config->states[t.index].flags |= WT_DIFFERS;
        if (byte & 2 && (byte & 1 || !t.planes || !is_base(r, t.index)))
            fail(r, FAILED_MODEL);
#else
        if (byte & 2)
            fail(r, FAILED_MODEL);
#endif
    }
}

/* A record of them has come; the last but one and those before are full. */
static void end_relations(struct wt_receiver *r)
{
    if (r->related == r->contents) {
        r->allowed = 0;
        prepare(r);
    } else if (!r->related || r->related % (4 * BODY_LIMIT))
        broken(r);
}
#endif

#if WT_HELD
/* What comes behind the name of an offer (§5.3): identity, flags, base. */
static void take_term(struct wt_receiver *r, uint8_t byte)
{
    uint8_t term = r->term++;
    if (term < IDENTITY_SIZE) {
        r->offered[term] = byte;
    } else if (term == IDENTITY_SIZE) {
        /* A basis without a base is what COMPARE has found. */
        if (byte & ~TERMS || !(byte & TERM_BASE) != !(byte & TERM_BASIS))
            broken(r);
        if (byte & TERM_BASE && !has_model(r))
            fail(r, FAILED_MODEL);
#if RESUMES
        if (byte & TERM_GOES_ON)
            for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
                if (!r->noted || r->identity[i] != r->offered[i])
                    broken(r);
#endif
        if (r->part != PART_DEAF)
            r->terms = byte;
    } else if (!(r->terms & TERM_BASE) || term >= TERMS_PLAIN + WT_DIGEST_SIZE) {
        broken(r);
    } else {
#if WT_KEEP
        if (byte != held_digest(r, MODEL_IN_USE(r), (uint8_t)(term - TERMS_PLAIN)))
            fail(r, FAILED_MODEL);
#endif
    }
}
#endif

/* The manifest is compared as it comes. Returns the byte of the table. */
APART static uint8_t take_table(struct wt_receiver *r, uint8_t byte)
{
    WT_ROM uint8_t *place = r->config->table + r->place;
    if (*place != byte)
        refuse_tensor(r, place);
    if (++r->place == r->config->table_size && r->part != PART_DEAF) {
#if WT_KEEP
        if (r->terms & TERM_BASIS)
            await_basis(r);
        else
#endif
            prepare(r);
    }
    return *place;
}

/* The tensor that is to come whole. */
static void begin_whole(struct wt_receiver *r)
{
    struct tensor t;
    if (!find_tensor(r, &t, r->value, false) || t.end == t.offset
        || r->config->states[t.index].flags) {
        broken(r);
        return;
    }
    r->tensor = (uint16_t)t.index;
    r->at = t.offset;
    r->end = t.end;
#if !WT_CODEC
    r->is_channels = t.planes;
#endif
    if (WT_CODEC && t.planes)
        fail(r, FAILED_STORE);
}

/* A field of OFFER or UNIT. */
static void take_field(struct wt_receiver *r, uint8_t byte)
{
    static WT_ROM char another_count[] = "another count of tensors";
    static WT_ROM char not_a_file[] = "tensors, not a file";
#if !WT_CODEC
    static WT_ROM uint8_t channel_forms[] = {CHANNEL, CHANNEL_BITS, 0}; /* of large tensors */
#endif
    uint8_t field = r->field;
    if (r->kind == UNIT) {
        if (!field) {
            if (!take_varint(r, byte))
                return;
            begin_whole(r);
        } else {
#if !WT_CODEC
            if (r->is_channels && field < 4)
                byte ^= channel_forms[field - 1];
#endif
            if (byte)
                fail(r, FAILED_STORE);
        }
    } else if (field < 2) {
        if (!field && byte)
            refuse(r, FAILED_MODEL, 0, not_a_file);
        r->model_kinds = byte ? MODEL_KINDS | BIT(CODED) : MODEL_KINDS;
        if (byte > WT_CODEC)
            broken(r);
    } else if (field < 5) {
        if (!take_varint(r, byte))
            return;
        if (field == 2 && r->value != r->tensors)
            refuse(r, FAILED_MODEL, 0, another_count);
        if (field == 4 && r->value >= r->left) /* behind the name is nothing that matters here */
            broken(r);
#if WT_FLASH || WT_HELD
        if (field == 4) {
            r->place = 0;
            memset(r->name, 0, sizeof r->name);
        }
#endif
    } else {
#if WT_HELD
        if (!r->value) {
            take_term(r, byte);
            return;
        }
        r->value--;
        if (r->place < WT_NAME_SIZE)
            r->name[r->place++] = byte;
#elif WT_FLASH
        if (r->place < WT_NAME_SIZE && r->place < r->value)
            r->name[r->place++] = byte;
#endif
        return;
    }
    r->field++;
}

static void end_digest(struct wt_receiver *r)
{
    if (r->at != r->end) {
        broken(r);
        return;
    }
#if WT_SHA256
    struct tensor t;
    struct wt_sha256 sha;
    find_tensor(r, &t, r->tensor, false);
    digest_of(r, &t, &sha);
    if (!check_digest(r, &sha))
        return;
#endif
    r->config->states[r->tensor].flags = WT_CAME;
    r->allowed = r->model_kinds;
    tell(r, WT_UPDATED, r->tensor, 0);
}

static void end_model(struct wt_receiver *r)
{
    r->part = PART_DEAF;
    r->allowed = 0;
    r->work = WORK_CHECK;
    uint32_t milliseconds = tell(r, WT_CHECK, 0, 0);
#if WT_FLASH
    /* Programming, and reading again (store.md). */
    milliseconds += r->image_size / 32u;
#if WT_MEMORY
    milliseconds += erase_milliseconds(r, 0);
#endif
#endif
    wt_busy(r, (uint16_t)(milliseconds < 0xFFFF ? milliseconds : 0xFFFF));
}

#if GIVES
enum { GIVE_NOTHING, GIVE_OFFER, GIVE_TABLE, GIVE_WAIT, GIVE_UNIT, GIVE_CONTENT, GIVE_DIGEST,
       GIVE_END };

/* FETCH has come: from here on this end says what an initiator says (§5.13). */
static void begin_giving(struct wt_receiver *r)
{
    uint8_t any = 0;
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        any |= r->digest[i];
    bool is_there = has_model(r);
    r->given_model = MODEL_IN_USE(r);
#if WT_FLASH
    if (any) {
        r->given_model = find_model(r);
        is_there = r->given_model != NOWHERE;
    }
#else
    is_there = is_there && (!any || is_model(r, MODEL_IN_USE(r)));
#endif
    if (!is_there) {
        fail(r, FAILED_MODEL);
        return;
    }
    r->allowed = 0;
    r->tensor = 0;
    r->giving = GIVE_OFFER;
}

/* What the other end says of the model. */
static void take_verdict(struct wt_receiver *r)
{
    if (r->kind == ACCEPT && r->giving == GIVE_WAIT) {
        r->giving = GIVE_UNIT;
    } else if (r->kind == FAILED || (r->kind == VERIFIED && r->giving == GIVE_END)) {
        r->part = PART_DEAF;
        r->giving = GIVE_NOTHING;
        r->closing_code = CLOSE_DONE;
        r->closing = CLOSE_COUNT;
    } else if (r->kind != METRIC || r->giving <= GIVE_WAIT)
        broken(r);
}
#endif

/* The body is complete. */
static void end_record(struct wt_receiver *r)
{
    r->part = PART_KIND;
#if GIVES
    if (r->giving) {
        take_verdict(r);
        return;
    }
#endif
    if (r->field != field_counts[r->kind]) {
        broken(r);
        return;
    }
#if WT_CODEC
    if (r->kind == MILESTONE || r->kind == FINISH)
        end_codeword(r);
    if (r->part == PART_DEAF)
        return;
#endif
    switch (r->kind) {
    case OFFER:
#if WT_HELD
        if (r->term && r->term != TERMS_PLAIN + (r->terms & TERM_BASE ? WT_DIGEST_SIZE : 0)) {
            broken(r);
            break;
        }
#endif
        r->place = 0;
        r->allowed = 0;
        r->part = PART_TABLE;
        break;
    case UNIT:
        r->allowed = BIT(CONTENT) | BIT(DIGEST);
        break;
    case DIGEST:
        end_digest(r);
        break;
    case FINISH:
        end_model(r);
        break;
    case MILESTONE:
        r->tier = r->digest[0];
        tell(r, WT_MILESTONE, r->tier, r->digest[1]);
        break;
#if WT_HELD
    case UNCHANGED:
    case ACTIVATE:
    case ROLLBACK:
        r->part = PART_DEAF;
        r->allowed = 0;
        r->work = WORK_ANSWER;
        break;
#endif
#if WT_KEEP
    case BASIS:
        end_relations(r);
        break;
#endif
#if WT_SWITCH
    case LIST:
        r->listings++;
        break;
#endif
#if GIVES
    case FETCH:
        begin_giving(r);
        break;
#endif
    default:
        break;
    }
}

static void begin_record(struct wt_receiver *r, uint8_t kind)
{
    r->kind = kind;
    r->part = PART_LENGTH;
    r->shift = 0;
#if GIVES
    if (r->giving) { /* the sides have changed */
        if (kind < ACCEPT || kind > METRIC)
            broken(r);
        return;
    }
#endif
    if (kind > LAST_KIND || !(r->allowed & BIT(kind)))
        broken(r);
#if WT_HELD
    if (kind == OFFER) {
        r->terms = r->term = 0;
        memset(r->offered, 0, sizeof r->offered);
    }
#endif
#if WT_SHA256
    if (kind == OFFER)
        sha_begin(&r->manifest);
#endif
}

static void begin_body(struct wt_receiver *r)
{
    bool is_long = r->kind == CONTENT || r->kind == CODED;
    bool is_digest = r->kind == DIGEST || r->kind == FINISH;
#if WT_HELD
    is_digest |= r->kind == UNCHANGED || r->kind == ACTIVATE;
#endif
    r->part = PART_BODY;
    r->field = 0;
    r->left = (uint16_t)r->value;
    if (r->value > (is_long ? CONTENT_LIMIT : BODY_LIMIT)
        || (is_digest && r->value != WT_DIGEST_SIZE)
        || (WT_HELD && (r->kind == LIST || r->kind == ROLLBACK) && r->value))
        broken(r);
    else if (!r->left)
        end_record(r);
}

static void take_content(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
    if (count > r->end - r->at) {
        broken(r);
        return;
    }
    put_image(r, r->at, bytes, count);
    r->at += count;
}

APART static void take_body(struct wt_receiver *r, uint8_t byte)
{
#if GIVES
    if (r->giving)
        return; /* a text, a digest: nothing that matters here */
    if (r->kind == FETCH && r->field >= WT_DIGEST_SIZE) {
        if (r->field == WT_DIGEST_SIZE && take_varint(r, byte)) {
            r->passed = r->value;
            r->field++;
        }
        return;
    }
#endif
#if WT_KEEP
    if (r->kind == BASIS) {
        take_relations(r, byte);
        return;
    }
#endif
    if (BIT(r->kind) & WHOLE_KINDS) {
        if (r->field < field_counts[r->kind]) /* of MILESTONE there may be more */
            r->digest[r->field++] = byte;
    }
    else
        take_field(r, byte);
}

/* The next bytes of the stream. */
static void take(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
#if RESUMES
    if (r->is_noting) {
#if WT_MEMORY
        note_stream(r, bytes, count);
#else
        r->stream += count;
#endif
    }
#endif
    while (count && r->part != PART_DEAF) {
        uint16_t taken = 1;
        uint8_t kind = r->kind, part = r->part, byte = *bytes;
        if (part == PART_BODY) {
            if (kind == CONTENT || kind == CODED) {
                taken = count < r->left ? count : r->left;
                if (kind == CONTENT)
                    take_content(r, bytes, taken);
#if WT_CODEC
                else
                    take_coded(r, bytes, taken);
#endif
            } else
                take_body(r, byte);
        } else if (part == PART_TABLE)
            byte = take_table(r, byte);
        else if (part == PART_KIND)
            begin_record(r, kind = byte);
        else if (take_varint(r, byte) && r->part != PART_DEAF)
            begin_body(r);
#if WT_SHA256
        if (part == PART_TABLE) /* §5.6: the TENSOR records */
            sha_take(&r->manifest, byte);
#endif
        if (part == PART_BODY && !(r->left = (uint16_t)(r->left - taken)) && r->part != PART_DEAF)
            end_record(r);
        bytes += taken;
        count = (uint16_t)(count - taken);
    }
}

/* ---- What is said of models that are held (§5.2, §5.12) ---- */

#if SAYS_NUMBERS
static void say_varint(struct wt_receiver *r, uint32_t number)
{
    for (; number > 0x7F; number >>= 7)
        say(r, (uint8_t)(number | 0x80));
    say(r, (uint8_t)number);
}
#endif

#if WT_HELD
static void say_digest(struct wt_receiver *r, uint32_t model)
{
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        say(r, held_digest(r, model, i));
}

/* The rest of INFO, which is the first record in the outbox. */
static void say_what_is_held(struct wt_receiver *r)
{
#if WT_FLASH
    bool is_any = r->whole != 0;
#else
    bool is_any = r->is_held;
#endif
    if (!ABILITIES && !is_any)
        return;
#if WT_CODEC
    say(r, ANY_REPRESENTATION);
    say(r, 0);
#endif
    say(r, ABILITIES | (WT_DIFFERENCE && has_model(r) ? ABILITY_DIFFERENCES : 0));
    uint16_t count = r->out;
    say(r, 0);
    if (has_model(r)) {
        r->config->outbox[count]++;
        say_digest(r, MODEL_IN_USE(r));
    }
#if WT_FLASH
    if (r->whole >> (target_slot(r) ? 1 : 0) & 1) {
        r->config->outbox[count]++;
        say_digest(r, target_slot(r));
    }
#endif
#if RESUMES
    if (r->noted) {
        for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
            say(r, r->identity[i]);
        say_varint(r, r->noted);
    }
#endif
    r->config->outbox[1] = (uint8_t)(r->out - 2);
}
#endif

#if WT_SWITCH
/* Bytes of all tensors as they are sent. */
static uint32_t model_size(const struct wt_receiver *r)
{
    struct tensor t;
    uint32_t size = 0;
    t.next = NULL;
    while (next_tensor(r, &t))
        size += t.size;
    return size;
}
#endif

#if WT_SWITCH || GIVES
/* The name of a model that is there: to be cut between characters. */
static void say_name(struct wt_receiver *r, uint32_t model)
{
    uint8_t name[WT_NAME_SIZE], length = 0;
#if WT_FLASH
    for (uint8_t i = 0; i < WT_NAME_SIZE; i++)
        name[i] = flash_byte(r, model + SLOT_NAME + i);
#else
    (void)model;
    memcpy(name, r->name, WT_NAME_SIZE);
#endif
    while (length < WT_NAME_SIZE && name[length])
        length++;
    if (length == WT_NAME_SIZE) {
        uint8_t last = WT_NAME_SIZE - 1, missing = 0;
        while (last && (name[last] & 0xC0) == 0x80)
            last--;
        for (uint8_t lead = name[last]; lead & 0x80; lead = (uint8_t)(lead << 1))
            missing++;
        if (missing > WT_NAME_SIZE - last)
            length = last;
    }
    say(r, length);
    for (uint8_t i = 0; i < length; i++)
        say(r, name[i]);
}
#endif

#if WT_SWITCH
enum { SLOT_EMPTY, SLOT_UNFINISHED, SLOT_WHOLE, SLOT_IN_USE };

static void say_slot(struct wt_receiver *r, uint32_t model, uint8_t state)
{
    say(r, state);
    if (state == SLOT_EMPTY)
        return;
#if RESUMES
    if (state == SLOT_UNFINISHED) {
        say_varint(r, r->noted);
        return;
    }
#endif
    say_digest(r, model);
    say_varint(r, model_size(r));
    say_varint(r, r->tensors);
    say(r, WT_CODEC ? PLANES : 0);
    say_name(r, model);
}

/* Its length takes two bytes, and is there in the end. */
static void say_listing(struct wt_receiver *r)
{
    uint8_t *head = r->config->outbox + r->out;
    uint16_t start = (uint16_t)(r->out + 3);
    r->out = start;
    say_varint(r, model_size(r));
#if WT_FLASH
    say(r, 2);
    for (uint8_t i = 0; i < 2; i++) {
        uint32_t slot = i ? half_of_flash(r) : 0;
        uint8_t state = r->whole >> i & 1 ? SLOT_WHOLE : SLOT_EMPTY;
        if (state && slot == r->slot)
            state = SLOT_IN_USE;
#if RESUMES
        if (!state && r->noted && slot == target_slot(r))
            state = SLOT_UNFINISHED;
#endif
        say_slot(r, slot, state);
    }
#else
    say(r, 1);
    say_slot(r, MODEL_IN_USE(r), has_model(r) ? SLOT_IN_USE : SLOT_EMPTY);
#endif
    start = (uint16_t)(r->out - start);
    head[0] = LISTING;
    if (start > 0x7F) {
        head[1] = (uint8_t)(start | 0x80);
        head[2] = (uint8_t)(start >> 7);
        return;
    }
    head[1] = (uint8_t)start; /* a varint is as short as can be */
    for (uint8_t i = 0; i < start; i++)
        head[2 + i] = head[3 + i];
    r->out--;
}
#endif

/* ---- Reading back (§5.13) ---- */

#if GIVES
#define GIVE_ROOM 64u    /* of a step, at most */
#define GIVE_STEPS 1024u /* at once */
#define VARINT_SIZE(number) ((number) > 0x3FFF ? 3u : (number) > 0x7F ? 2u : 1u) /* up to 21 bits */

/* What is not there yet on the other side. */
static void emit(struct wt_receiver *r, uint8_t byte)
{
    if (r->passed)
        r->passed--;
    else
        say(r, byte);
}

/* A record's kind and length. */
static void emit_head(struct wt_receiver *r, uint8_t kind, uint16_t length)
{
    emit(r, kind);
    for (; length > 0x7F; length >>= 7)
        emit(r, (uint8_t)(length | 0x80));
    emit(r, (uint8_t)length);
}

/* Bytes of a tensor's content as it is given; without planes it is what came, scales and codes. */
static uint32_t content_size(const struct tensor *t)
{
    uint32_t count = t->end - t->offset;
    return WT_CODEC && t->planes ? count << size_shift(t->dtype) : count;
}

/* Bytes of the records of a tensor: UNIT, CONTENT, DIGEST. */
static uint32_t records_size(const struct tensor *t)
{
    uint32_t size = content_size(t), rest = size & (CONTENT_LIMIT - 1u);
    if (!size)
        return 0;
    size += 5u + VARINT_SIZE(t->index) + size / CONTENT_LIMIT * 4u + 2u + WT_DIGEST_SIZE;
    return rest ? size + 1u + VARINT_SIZE(rest) : size;
}

static uint32_t stream_size(const struct wt_receiver *r)
{
    struct tensor t;
    uint32_t size = 2 + WT_DIGEST_SIZE;
    t.next = NULL;
    while (next_tensor(r, &t))
        size += records_size(&t);
    return size;
}

static void give_offer(struct wt_receiver *r)
{
    uint32_t size = stream_size(r);
    uint16_t start = r->out;
    if (r->passed >= size)
        r->passed = 0;
    say(r, OFFER);
    say(r, 0);
    say(r, 0); /* tensors */
    say(r, 0); /* no coded stream */
    say_varint(r, r->tensors);
    say_varint(r, size + r->config->table_size + GIVE_ROOM); /* about that is this record */
    say_name(r, r->given_model);
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        say(r, held_digest(r, r->given_model, i));
    say(r, r->passed ? TERM_GOES_ON : 0);
    r->config->outbox[start + 1] = (uint8_t)(r->out - start - 2);
    r->place = 0;
    r->giving = GIVE_TABLE;
}

/* The next tensor with content of which not all is there, or the end. */
static void give_unit(struct wt_receiver *r)
{
    struct tensor t;
    if (!find_tensor(r, &t, r->tensor, false)) {
        r->giving = GIVE_END;
        emit_head(r, FINISH, WT_DIGEST_SIZE);
        for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
            emit(r, held_digest(r, r->given_model, i));
        return;
    }
    if (r->passed >= records_size(&t)) {
        r->passed -= records_size(&t);
        r->tensor++;
        return;
    }
    bool is_channels = !WT_CODEC && t.planes;
    emit_head(r, UNIT, (uint16_t)(3u + VARINT_SIZE(t.index)));
    for (uint32_t number = t.index;; number >>= 7) {
        emit(r, (uint8_t)(number > 0x7F ? number | 0x80 : number));
        if (number <= 0x7F)
            break;
    }
    emit(r, is_channels ? CHANNEL : 0);
    emit(r, is_channels ? CHANNEL_BITS : 0);
    emit(r, 0);
    sha_begin(&r->manifest);
    r->at = t.offset;
    r->left = 0;
    r->giving = GIVE_CONTENT;
}

/* An element in planes, or a byte. */
static void give_content(struct wt_receiver *r)
{
    struct tensor t;
    find_tensor(r, &t, r->tensor, false);
    uint8_t shift = WT_CODEC && t.planes ? size_shift(t.dtype) : 0;
    if (r->at == t.end) {
        r->giving = GIVE_DIGEST;
        return;
    }
    if (!r->left) {
        uint32_t rest = (t.end - r->at) << shift;
        r->left = (uint16_t)(rest < CONTENT_LIMIT ? rest : CONTENT_LIMIT);
        emit_head(r, CONTENT, r->left);
    }
    uint8_t element[8];
#if WT_FLASH
    element[0] = byte_in_slot(r, r->given_model, r->at);
#else
    uint32_t count = 1;
    element[0] = *get_image(r, r->at, &count);
#endif
    r->at++;
#if WT_CODEC
    if (shift || t.planes) {
#if WT_FLASH
        struct wt_state state = state_in_slot(r, r->given_model, t.index);
#else
        struct wt_state state = r->config->states[t.index];
#endif
        sha_take_weight(&r->manifest, element[0], &state, t.dtype, element);
    } else
#endif
        sha_take(&r->manifest, element[0]);
    for (uint8_t i = 0; i < 1u << shift; i++)
        emit(r, element[i]);
    r->left = (uint16_t)(r->left - (1u << shift));
}

static void give_digest(struct wt_receiver *r)
{
    emit_head(r, DIGEST, WT_DIGEST_SIZE);
    sha_end(&r->manifest);
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        emit(r, digest_byte(&r->manifest, i));
    r->tensor++;
    r->giving = GIVE_UNIT;
}

/* Fills the outbox with as much as a frame takes. What is passed over takes its time, too, and the
   link is looked after meanwhile. */
static void give(struct wt_receiver *r)
{
    for (uint16_t steps = GIVE_STEPS;
         steps && r->out < r->payload_limit && r->out + GIVE_ROOM <= r->config->outbox_size; steps--)
        switch (r->giving) {
        case GIVE_OFFER:
            give_offer(r);
            break;
        case GIVE_TABLE:
            say(r, r->config->table[r->place]);
            if (++r->place == r->config->table_size)
                r->giving = GIVE_WAIT;
            break;
        case GIVE_UNIT:
            give_unit(r);
            break;
        case GIVE_CONTENT:
            give_content(r);
            break;
        case GIVE_DIGEST:
            give_digest(r);
            break;
        default: /* the other side is to say something */
            return;
        }
}
#endif

/* ---- Link (§4) ---- */

/* The first record of the stream. */
static void say_info(struct wt_receiver *r)
{
    uint8_t length = length_of(r->config->name, BOARD_NAME_LIMIT), *p = r->config->outbox;
    *p++ = INFO;
    *p++ = (uint8_t)(length + (WT_CODEC ? 5 : 7));
    *p++ = 1; /* compression: none */
    *p++ = WT_CODEC << 1;
    *p++ = 0; /* room: no limit of its own, for any other model is refused */
    *p++ = length;
    memcpy(p, r->config->name, length);
    p += length;
#if WT_CODEC
    *p++ = PLANES;
#else
    *p++ = 0;
    *p++ = CHANNEL;
    *p++ = CHANNEL_BITS;
#endif
    r->out = (uint16_t)(p - r->config->outbox);
#if WT_HELD
    say_what_is_held(r);
#endif
}

#if WT_WINDOW
/* Behind the blocks a bit for each that says whether it is there. */
static uint8_t *held_bits(const struct wt_receiver *r)
{
    return r->config->window + BLOCK_SIZE * r->config->window_blocks;
}

/* The place in the window of the block that is `distance` behind the expected one, from 1 on. */
static uint16_t held_place(const struct wt_receiver *r, uint16_t distance)
{
    uint16_t place = (uint16_t)(r->window_at + distance - 1), count = r->config->window_blocks;
    return place < count ? place : (uint16_t)(place - count);
}

static bool is_held(const struct wt_receiver *r, uint16_t place)
{
    return held_bits(r)[place >> 3] >> (place & 7) & 1;
}

/* Blocks have come too early: those that are whole and fit are held. */
static void hold(struct wt_receiver *r, uint16_t distance, const uint8_t *payload, uint16_t count)
{
    for (; count >= BLOCK_SIZE && distance <= r->config->window_blocks; distance++) {
        uint16_t place = held_place(r, distance);
        memcpy(r->config->window + BLOCK_SIZE * place, payload, BLOCK_SIZE);
        held_bits(r)[place >> 3] |= (uint8_t)(1u << (place & 7));
        payload += BLOCK_SIZE;
        count = (uint16_t)(count - BLOCK_SIZE);
    }
}

/* The window goes on by a block; the place of the one that is expected then, if it is held. */
static bool shift_window(struct wt_receiver *r, uint16_t *place)
{
    uint16_t at = r->window_at;
    bool was_held = is_held(r, at);
    held_bits(r)[at >> 3] &= (uint8_t)~(1u << (at & 7));
    r->window_at = held_place(r, 2);
    *place = at;
    return was_held;
}

/* So many blocks have come in order: what was held behind them follows. */
static void release(struct wt_receiver *r, uint16_t blocks)
{
    uint16_t place = 0;
    bool is_next = false;
    while (blocks--)
        is_next = shift_window(r, &place);
    while (is_next) {
        uint16_t block = place;
        r->expected = (r->expected + 1) & NUMBER_MASK;
        is_next = shift_window(r, &place);
        take(r, r->config->window + BLOCK_SIZE * block, BLOCK_SIZE);
    }
}

#endif

#if CAPABILITIES
/* §4.3, Report. */
static uint8_t *put_report(const struct wt_receiver *r, uint8_t *end)
{
    uint8_t *last = end;
    memset(end, 0, REPORT_HEAD + REPORT_BITS / 8);
#if WT_CORRECTION
    if (r->corrected) {
        put_word(end, r->corrected);
        last += REPORT_HEAD;
    }
#endif
#if WT_WINDOW
    uint16_t count = r->config->window_blocks;
    for (uint16_t i = 0; i < count && i < REPORT_BITS; i++)
        if (is_held(r, held_place(r, i + 1))) {
            last = end + REPORT_HEAD + (i >> 3);
            *last++ |= (uint8_t)(1u << (i & 7));
        }
#endif
    return last;
}
#endif

/* The first frame of a session has come: its streams begin, or those at hand go on (§4.5). */
APART static void open_session(struct wt_receiver *r)
{
    r->session = r->pending;
    r->pending = 0;
    r->is_open = true;
    r->is_busy = false;
#if CAPABILITIES
    r->in_use = r->in_use_pending;
#endif
#if WT_CORRECTION
    r->corrected = 0;
    r->parity_kind = 0;
#endif
#if WT_WINDOW
    r->window_at = 0;
    memset(held_bits(r), 0, (r->config->window_blocks + 7u) / 8u);
#endif
    r->timeout = FIRST_TIMEOUT;
    r->resend = r->now;
    r->closing = 0;
    r->owed = OWED_ACK;
    if (r->welcome[WELCOME_GOES_ON])
        return;
    r->owed = 0;
#if RESUMES
    leave_transfer(r);
#endif
    r->expected = r->base = r->out = 0;
    r->sent = 0;
    r->part = PART_KIND;
    r->allowed = FIRST_KINDS;
    r->work = WORK_NONE;
#if WT_SWITCH
    r->listings = 0;
#endif
#if GIVES
    r->giving = GIVE_NOTHING;
#endif
    r->is_last_word = false;
    say_info(r);
}

static void end_session(struct wt_receiver *r, uint8_t code)
{
    r->is_open = false;
    r->owed &= OWED_WELCOME; /* of one who has come meanwhile */
    if (code != WT_SILENCE || !WT_CONTINUE)
        r->session = 0;
    tell(r, WT_CLOSED, code, 0);
}

static void take_hello(struct wt_receiver *r, const uint8_t *payload, uint16_t count)
{
    uint32_t nonce = get_word(payload + 4);
    uint16_t mtu = (uint16_t)(payload[12] | payload[13] << 8);
    if (count < HELLO_SIZE || (get_word(payload) & 0xFFFF) != MAGIC_REVISION || mtu < MTU_MIN)
        return;
    r->owed |= OWED_WELCOME;
    if (nonce == r->welcome[WELCOME_PEER_NONCE] && (r->is_open || r->pending))
        return; /* the same WELCOME again */
    r->welcome[WELCOME_PEER_NONCE] = nonce;
    r->welcome[WELCOME_NONCE] = ~crc_steps(r->welcome[WELCOME_NONCE] ^ nonce, 32);
#if GIVES
    r->payload_limit = (uint16_t)((mtu - HEADER_SIZE - CHECKSUM_SIZE) / BLOCK_SIZE * BLOCK_SIZE);
    if (r->payload_limit > WT_PAYLOAD_SIZE)
        r->payload_limit = WT_PAYLOAD_SIZE;
#endif
    r->pending = ~crc_steps(crc_steps(~nonce, 32) ^ r->welcome[WELCOME_NONCE], 32);
    if (!r->pending)
        r->pending = 1;
    r->welcome[WELCOME_GOES_ON] = 0;
#if CAPABILITIES
    r->in_use_pending = payload[16] & CAPABILITIES;
#endif
#if WT_CONTINUE
    if (count >= HELLO_SIZE + 4 && get_word(payload + HELLO_SIZE) == r->session)
        r->welcome[WELCOME_GOES_ON] = r->session;
#endif
}

static void take_data(struct wt_receiver *r, uint16_t number, const uint8_t *payload,
                      uint16_t count)
{
    uint16_t skipped = (uint16_t)((r->expected - number) & NUMBER_MASK);
    uint16_t blocks = (uint16_t)((count + BLOCK_SIZE - 1) / BLOCK_SIZE);
    r->owed |= OWED_ACK;
#if WT_WINDOW
    if (r->in_use & CAPABILITY_WINDOW && skipped > NUMBER_HALF)
        hold(r, (uint16_t)(NUMBER_MASK + 1u - skipped), payload, count);
#endif
    if (skipped >= blocks) /* a duplicate, or, being far beyond, a gap */
        return;
    r->expected = (uint16_t)((number + blocks) & NUMBER_MASK);
    blocks = (uint16_t)(blocks - skipped);
    skipped = (uint16_t)(skipped * BLOCK_SIZE);
    take(r, payload + skipped, (uint16_t)(count - skipped));
#if WT_WINDOW
    if (r->in_use & CAPABILITY_WINDOW)
        release(r, blocks);
#endif
}

#if GIVES
#define SENT_BLOCKS(r) (((r)->sent + BLOCK_SIZE - 1) / BLOCK_SIZE)
#define SENT_LIMIT(r) ((r)->payload_limit)
#else
#define SENT_BLOCKS(r) 1
#define SENT_LIMIT(r) BLOCK_SIZE
#endif

/* ACK, NAK or BUSY: up to which block what we have said has arrived. */
static void take_answer(struct wt_receiver *r, uint16_t number)
{
    uint16_t gone = (uint16_t)((number - r->base) & NUMBER_MASK);
    if (!gone || gone >= NUMBER_HALF)
        return; /* an old one */
    if (gone > SENT_BLOCKS(r) || !r->sent) {
        r->closing_code = CLOSE_MISBEHAVED;
        r->closing = CLOSE_COUNT;
        return;
    }
    if (!GIVES || gone == SENT_BLOCKS(r))
        gone = r->sent;
    else
        gone = (uint16_t)(gone * BLOCK_SIZE);
    r->base = number;
    r->sent = 0;
    r->out = (uint16_t)(r->out - gone);
    for (uint16_t i = 0; i < r->out; i++)
        r->config->outbox[i] = r->config->outbox[i + gone];
    r->timeout = FIRST_TIMEOUT;
    r->resend = r->now;
    if (!r->out && r->is_last_word)
        r->closing = CLOSE_COUNT;
}

static void take_broken(struct wt_receiver *r)
{
    if (!r->is_open) {
        if (r->pending || r->now - r->heard < READY_INTERVAL)
            return;
        r->heard = r->now;
        r->owed |= OWED_READY;
    } else if (r->sent)
        r->resend = r->now; /* §4.3: it counts as an answer that was lost */
    else
        r->owed |= OWED_NAK;
}

APART static void take_in_session(struct wt_receiver *r, uint16_t header, const uint8_t *payload,
                            uint16_t count)
{
    uint16_t number = header & NUMBER_MASK;
    if (!r->is_busy)
        r->heard = r->now;
    uint8_t kind = (uint8_t)(header >> 12);
#if WT_CORRECTION
    if (kind >= KIND_PARITY) {
        r->parity_kind = kind;
        kind = KIND_DATA;
    }
#endif
    switch (kind) {
    case KIND_DATA:
        take_data(r, number, payload, count);
#if RESUMES && !WT_MEMORY
        note_if_due(r);
#endif
        break;
    case KIND_PING:
        r->owed |= OWED_ACK;
        break;
    case KIND_ACK:
        take_answer(r, number);
        break;
    case KIND_NAK:
        take_answer(r, number);
        r->timeout = FIRST_TIMEOUT;
        r->resend = r->now;
        break;
    case KIND_BUSY:
        take_answer(r, number);
        if (count >= 2) {
            r->resend = r->now + (payload[0] | (uint32_t)payload[1] << 8);
            r->heard = r->resend;
        }
        break;
    case KIND_CLOSE:
        end_session(r, count ? payload[0] : CLOSE_DONE);
        break;
    default:
        break;
    }
}

#if WT_CORRECTION
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

/* Takes the frame of so many bytes if its checksum fits a seal. */
static bool take_sealed(struct wt_receiver *r, uint16_t size)
{
    const uint8_t *frame = r->config->frame;
    uint32_t session = session_of(frame, (uint16_t)(size - CHECKSUM_SIZE));
    uint16_t header = (uint16_t)(frame[0] | frame[1] << 8);
    size = (uint16_t)(size - HEADER_SIZE - CHECKSUM_SIZE);
    if (!session) {
        if (header >> 12 == KIND_HELLO)
            take_hello(r, frame + HEADER_SIZE, size);
        return true;
    }
    if (session == r->pending)
        open_session(r);
    if (r->is_open && session == r->session) {
        take_in_session(r, header, frame + HEADER_SIZE, size);
        return true;
    }
    session ^= ECHO;
    return !session || session == r->session || session == r->pending;
}

/* What stood between two zeros. */
APART static void take_frame(struct wt_receiver *r)
{
    uint16_t size = r->length;
    if (r->group_left || size < HEADER_SIZE + CHECKSUM_SIZE) {
        take_broken(r);
        return;
    }
#if WT_CORRECTION
    uint8_t kind = r->config->frame[1] >> 4;
    if (kind >= KIND_PARITY)
        size = size_without_parity(size, strengths[kind - KIND_PARITY]);
    if (size && take_sealed(r, size))
        return;
    size = corrected_size(r);
    if (!size) {
        take_broken(r);
        return;
    }
#endif
    if (!take_sealed(r, size))
        take_broken(r);
}

/* ---- What the firmware calls ---- */

void wt_init(struct wt_receiver *r, const struct wt_config *config, uint32_t nonce)
{
    memset(r, 0, sizeof *r);
    r->config = config;
    r->welcome[0] = WELCOME_HEAD;
    r->welcome[WELCOME_NONCE] = nonce;
    r->welcome[WELCOME_LIMITS] = config->mtu;
#if WT_WINDOW
    r->welcome[WELCOME_LIMITS] |= (uint32_t)config->window_blocks << 16;
#endif
    r->welcome[WELCOME_CAPABILITIES] = CAPABILITIES;
    struct tensor t;
    t.next = NULL;
    while (next_tensor(r, &t))
        r->contents = (uint16_t)(r->contents + (t.end != t.offset));
    r->tensors = (uint16_t)(t.index + 1u);
    r->image_size = t.end;
#if WT_FLASH
    find_slots(r);
    wt_restore(r);
#if RESUMES
    find_noted(r);
#endif
#endif
}

APART static void store(struct wt_receiver *r, uint8_t byte)
{
    if (r->length < r->config->mtu) /* else the checksum will not fit */
        r->config->frame[r->length++] = byte;
}

APART static void look_at_clock(struct wt_receiver *r, uint32_t now)
{
    r->now = now;
    if (r->is_open && reached(now, r->heard + SILENCE_LIMIT))
        end_session(r, WT_SILENCE);
}

/* §3.2: the zero that a group stands for is written when the next one begins, for the last has
   none. */
void wt_receive(struct wt_receiver *r, const uint8_t *bytes, uint16_t count, uint32_t now)
{
    look_at_clock(r, now);
    for (; count--; bytes++) {
        if (*bytes && r->group_left) {
            r->group_left--;
            store(r, *bytes);
        } else if (*bytes) {
            if (r->group && r->group != 0xFF)
                store(r, 0);
            r->group = *bytes;
            r->group_left = (uint8_t)(*bytes - 1);
        } else {
            if (r->group)
                take_frame(r);
            r->group = r->group_left = 0;
            r->length = 0;
        }
    }
}

/* Seals and stuffs `count` bytes of payload that lie 4 bytes behind `out`; returns the length. A
   frame this short is stuffed where it lies: each zero becomes the distance to the next. */
static uint16_t seal(struct wt_receiver *r, uint8_t *out, uint8_t kind, uint16_t number,
                     uint8_t count)
{
    uint32_t crc = crc_of_seal(kind == KIND_WELCOME || kind == KIND_READY ? 0 : r->session);
    uint8_t *frame = out + 2, *p, code = 1;
    frame[0] = (uint8_t)number;
    frame[1] = (uint8_t)(number >> 8 | kind << 4);
    count = (uint8_t)(count + HEADER_SIZE);
    for (p = frame; p != frame + count; p++)
        crc = crc_steps(crc ^ *p, 8);
    p = put_word(p, ~crc);
    *p = 0;
    while (p-- != frame) {
        if (!*p) {
            *p = code;
            code = 0;
        }
        code++;
    }
    out[0] = 0;
    out[1] = code;
    return (uint16_t)(count + CHECKSUM_SIZE + 3);
}

typedef void task(struct wt_receiver *);

static task *task_of(uint8_t work)
{
    switch (work) {
#if PREPARES
    case WORK_ACCEPT:
        return accept;
#endif
#if WT_HELD
    case WORK_ANSWER:
        return answer;
#endif
#if RESUMES && !WT_MEMORY
    case WORK_NOTE:
        return turn_page;
#endif
    default:
        return check_model;
    }
}

#if WT_SWITCH
#define LISTINGS(r) ((r)->listings) /* that are to be said first */
#else
#define LISTINGS(r) 0
#endif

uint16_t wt_transmit(struct wt_receiver *r, uint8_t *out, uint32_t now)
{
    uint8_t *payload = out + 4, *end = payload, kind;
    uint16_t number = 0;
    look_at_clock(r, now);
    if (r->is_busy && reached(now, r->busy_until))
        r->is_busy = false;
    if (r->owed & OWED_WELCOME) {
        r->owed &= (uint8_t)~OWED_WELCOME;
        kind = KIND_WELCOME;
        for (uint8_t i = 0; i < WELCOME_WORDS; i++)
            end = put_word(end, r->welcome[i]);
    } else if (r->owed & OWED_READY) {
        r->owed = 0;
        kind = KIND_READY;
    } else if (!r->is_open) {
        return 0;
    } else if (r->closing && !(GIVES && r->owed)) {
        kind = KIND_CLOSE;
        *end++ = r->closing_code;
    } else if (r->owed) {
        kind = r->owed & OWED_ACK ? KIND_ACK : KIND_NAK;
        number = r->expected;
        r->owed = 0;
        if (r->is_busy) {
            uint32_t rest = r->busy_until - now;
            kind = KIND_BUSY;
            *end++ = (uint8_t)rest;
            *end++ = (uint8_t)(rest >> 8);
        }
#if CAPABILITIES
        if (r->in_use)
            end = put_report(r, end);
#endif
    } else {
#if WT_SWITCH
        if (r->listings && !r->out) {
            r->listings--;
            say_listing(r);
        }
#endif
        if (r->work && !LISTINGS(r)) {
            task *do_work = task_of(r->work);
            r->work = WORK_NONE;
            r->is_busy = false;
            do_work(r); /* which may make work, and announce it */
        }
#if GIVES
        if (r->giving && !r->sent)
            give(r);
#endif
        if (!r->out || !reached(now, r->resend))
            return 0;
        if (!r->sent)
            r->sent = (uint8_t)(r->out < SENT_LIMIT(r) ? r->out : SENT_LIMIT(r));
        kind = KIND_DATA;
        number = r->base;
        memcpy(payload, r->config->outbox, r->sent);
        end += r->sent;
        r->resend = now + r->timeout;
        r->timeout = (uint16_t)(r->timeout < LAST_TIMEOUT / 2 ? r->timeout * 2 : LAST_TIMEOUT);
    }
    uint16_t length = seal(r, out, kind, number, (uint8_t)(end - payload));
    if (kind == KIND_CLOSE && !--r->closing)
        end_session(r, r->closing_code);
    return length;
}

uint32_t wt_deadline(const struct wt_receiver *r, uint32_t now)
{
    uint32_t time = r->heard + SILENCE_LIMIT;
    if (r->owed || (r->is_open && (r->work || r->closing)))
        return 0;
#if GIVES
    if (r->is_open && !r->out && r->giving >= GIVE_UNIT && r->giving < GIVE_END)
        return 0;
#endif
    if (!r->is_open)
        return 0x80000000u;
    if (r->out && !reached(r->resend, time))
        time = r->resend;
    return reached(now, time) ? 0 : time - now;
}

void wt_busy(struct wt_receiver *r, uint16_t milliseconds)
{
    if (!milliseconds || !r->is_open)
        return;
    r->is_busy = true;
    r->busy_until = r->heard = r->now + milliseconds;
    r->owed |= OWED_ACK;
}

bool wt_metric(struct wt_receiver *r, const char *name, int32_t value, uint8_t digits,
               const char *unit)
{
    uint8_t name_length = length_of(name, METRIC_NAME_LIMIT);
    uint8_t unit_length = length_of(unit, METRIC_UNIT_LIMIT), *p = r->config->outbox + r->out;
    uint8_t length = (uint8_t)(7 + name_length + unit_length);
    /* The longest FAILED has to fit behind it. */
    if (!r->is_open || !(WT_HELD ? r->allowed & (BIT(UNIT) | BIT(CONTENT)) : r->allowed & ~BIT(OFFER))
        || length + FAILED_ROOM > (uint16_t)(r->config->outbox_size - r->out))
        return false;
    *p++ = METRIC;
    *p++ = length;
    *p++ = r->tier;
    *p++ = digits;
    p = put_word(p, (uint32_t)value);
    *p++ = unit_length;
    memcpy(p, unit, unit_length);
    memcpy(p + unit_length, name, name_length);
    r->out = (uint16_t)(r->out + length + 2);
    return true;
}
