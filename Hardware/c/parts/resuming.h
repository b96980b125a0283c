/* A transfer that may go on after a reset (§5.11): how it begins, and how it is left or forgotten. */

#if RESUMES
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
