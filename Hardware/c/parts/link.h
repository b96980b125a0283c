/* Frames of a session (§4.2 to §4.4): data, answers, and what cannot be read. */

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
