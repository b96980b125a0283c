/* The window of frames that have come too early, and the report of what is missing (§4.3). */

#if WT_WINDOW
/* Behind the blocks a bit for each that says whether it is there. */
static uint8_t *held_bits(const struct wt_receiver *r)
{
    return r->config->window + BLOCK_SIZE * r->config->window_blocks;
}

/* The place in the window of the block that is `distance` behind the expected one, from 1 on. */
static uint16_t held_place(const struct wt_receiver *r, uint16_t distance)
{
    uint16_t place = (uint16_t)(r->window_at + distance - 1), count = r->config->window_blocks;
    return place < count ? place : (uint16_t)(place - count);
}

static bool is_held(const struct wt_receiver *r, uint16_t place)
{
    return held_bits(r)[place >> 3] >> (place & 7) & 1;
}

/* Blocks have come too early: those that are whole and fit are held. */
static void hold(struct wt_receiver *r, uint16_t distance, const uint8_t *payload, uint16_t count)
{
    for (; count >= BLOCK_SIZE && distance <= r->config->window_blocks; distance++) {
        uint16_t place = held_place(r, distance);
        memcpy(r->config->window + BLOCK_SIZE * place, payload, BLOCK_SIZE);
        held_bits(r)[place >> 3] |= (uint8_t)(1u << (place & 7));
        payload += BLOCK_SIZE;
        count = (uint16_t)(count - BLOCK_SIZE);
    }
}

/* The window goes on by a block; the place of the one that is expected then, if it is held. */
static bool shift_window(struct wt_receiver *r, uint16_t *place)
{
    uint16_t at = r->window_at;
    bool was_held = is_held(r, at);
    held_bits(r)[at >> 3] &= (uint8_t)~(1u << (at & 7));
    r->window_at = held_place(r, 2);
    *place = at;
    return was_held;
}

/* So many blocks have come in order: what was held behind them follows. */
static void release(struct wt_receiver *r, uint16_t blocks)
{
    uint16_t place = 0;
    bool is_next = false;
    while (blocks--)
        is_next = shift_window(r, &place);
    while (is_next) {
        uint16_t block = place;
        r->expected = (r->expected + 1) & NUMBER_MASK;
        is_next = shift_window(r, &place);
        take(r, r->config->window + BLOCK_SIZE * block, BLOCK_SIZE);
    }
}
#endif

#if CAPABILITIES
/* §4.3, Report. */
static uint8_t *put_report(const struct wt_receiver *r, uint8_t *end)
{
    uint8_t *last = end;
    memset(end, 0, REPORT_HEAD + REPORT_BITS / 8);
#if WT_CORRECTION
    if (r->corrected) {
        put_word(end, r->corrected);
        last += REPORT_HEAD;
    }
#endif
#if WT_WINDOW
    uint16_t count = r->config->window_blocks;
    for (uint16_t i = 0; i < count && i < REPORT_BITS; i++)
        if (is_held(r, held_place(r, i + 1))) {
            last = end + REPORT_HEAD + (i >> 3);
            *last++ |= (uint8_t)(1u << (i & 7));
        }
#endif
    return last;
}
#endif
