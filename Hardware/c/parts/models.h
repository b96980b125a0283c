/* Models that are there: one that is whole is checked and kept, another one is put in use (§5.6,
   §5.10, §5.12). */

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
