/* Sessions (§4.1, §4.5, §4.6): HELLO, the first frame, INFO, the end. */

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
