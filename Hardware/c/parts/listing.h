/* What is said of models that are held (§5.2, §5.12). */

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
        /* Zeros say that it is not the one in use. */
        if (!has_model(r)) {
            r->config->outbox[count]++;
            for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
                say(r, 0);
        }
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
