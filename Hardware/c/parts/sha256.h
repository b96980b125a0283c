/* SHA-256 (FIPS 180-4), for the digests of §5.5 and §5.6. */

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
