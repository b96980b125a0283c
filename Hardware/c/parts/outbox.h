/* The outbox: records that go out, and FAILED, the last one of a transfer that fails (§5.7). */

/* No bounds are checked here: what the receiver says of itself, the name cut as it is, fits 128
   bytes, and wt_metric leaves room for it. */
APART static void say(struct wt_receiver *r, uint8_t byte)
{
    r->config->outbox[r->out++] = byte;
}

APART static uint8_t length_of(const char *text, uint8_t limit)
{
    uint8_t length = 0;
    while (length < limit && text[length])
        length++;
    return length;
}

#if WT_CODEC
/* Of the coded stream; the first two are a decision each, by the models of the same numbers. */
enum { STEP_KIND, STEP_EXCEPTIONS, STEP_NUMBER, STEP_LEVEL, STEP_PASS, STEP_RAW, STEP_ENDED, STEP_COMMON };
#endif

#if RESUMES
static void forget_noted(struct wt_receiver *r);
#endif

APART static void fail(struct wt_receiver *r, uint8_t code)
{
    if (r->part == PART_DEAF)
        return;
    say(r, FAILED);
    say(r, 1);
    say(r, code);
    r->is_last_word = true;
    r->closing_code = CLOSE_REFUSED;
    r->part = PART_DEAF;
    r->allowed = 0;
#if WT_HELD || PREPARES
    r->work = WORK_NONE;
#endif
#if RESUMES
    /* It is not to fail again. */
    if (r->is_noted || r->terms & TERM_GOES_ON) {
        r->is_noted = r->is_noting = false;
        r->terms = 0;
        r->noted = 0;
        forget_noted(r);
    }
#endif
#if WT_CODEC
    r->step = STEP_ENDED;
#endif
}

APART static void broken(struct wt_receiver *r)
{
    fail(r, FAILED_STREAM);
}

/* The text comes behind so many bytes that are in their place already. */
APART static void refuse(struct wt_receiver *r, uint8_t code, uint8_t length, WT_ROM char *text)
{
    uint8_t *record = r->config->outbox + r->out;
    fail(r, code);
    r->out = (uint16_t)(r->out + length);
    for (; *text; text++)
        say(r, (uint8_t)*text);
    record[1] = (uint8_t)(r->config->outbox + r->out - record - 2);
}
