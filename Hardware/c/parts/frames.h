/* A frame on the line (§3): seal and stuffing, as it comes and as it goes. */

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

APART static void store(struct wt_receiver *r, uint8_t byte)
{
    if (r->length < r->config->mtu) /* else the checksum will not fit */
        r->config->frame[r->length++] = byte;
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
