/* Words and times, and the checksum of a frame, which is its seal (§3.4). */

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
