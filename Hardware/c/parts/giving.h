/* Reading back (§5.13): this end gives its model, and says what an initiator says. */

#if GIVES
enum { GIVE_NOTHING, GIVE_OFFER, GIVE_TABLE, GIVE_WAIT, GIVE_UNIT, GIVE_CONTENT, GIVE_DIGEST,
       GIVE_END };

#define GIVE_ROOM 64u    /* of a step, at most */
#define GIVE_STEPS 1024u /* at once */
#define VARINT_SIZE(number) ((number) > 0x3FFF ? 3u : (number) > 0x7F ? 2u : 1u) /* up to 21 bits */

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
