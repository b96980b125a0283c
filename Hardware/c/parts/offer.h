/* The offer of a model (§5.3): its terms, its manifest, its basis, and ACCEPT. */

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
