/* The image: where the weights go, in memory, in flash, or behind functions (store.md). */

/* Whether anything of a tensor has come or been kept. */
#if WT_DIFFERENCE
#define HAS_COME(state) ((state)->flags & WT_CAME)
#else
#define HAS_COME(state) ((state)->flags)
#endif

APART static uint16_t tell(struct wt_receiver *r, enum wt_event event, uint16_t first,
                           uint16_t second)
{
    return r->config->event(r->config->context, event, first, second);
}

static void put_image(struct wt_receiver *r, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
#if WT_MEMORY
    memcpy(r->config->image + offset, bytes, count);
#elif WT_FLASH
    put_flash(r, offset, bytes, count);
#else
    r->config->write(r->config->context, offset, bytes, count);
#endif
}

#if WT_CODEC || WT_SHA256
/* Up to `count` bytes of the image, at least one, and fewer where they have to be fetched. */
static uint8_t *get_image(struct wt_receiver *r, uint32_t offset, uint32_t *count)
{
#if WT_MEMORY
    (void)count;
    return r->config->image + offset;
#else
    if (*count > WT_PIECE_SIZE)
        *count = WT_PIECE_SIZE;
#if WT_FLASH
    for (uint8_t i = 0; i < *count; i++)
        r->piece[i] = wt_byte(r, offset + i);
#else
    r->config->read(r->config->context, offset, r->piece, (uint16_t)*count);
#endif
    return r->piece;
#endif
}
#endif

#if WT_FLASH && !WT_MEMORY
/* The image is that of the slot which is filled. */
static void use_target(struct wt_receiver *r)
{
    r->unit_at = NOWHERE;
    r->image_at = target_slot(r) + image_in_slot(r);
    r->image_mask = 0xFF;
}
#elif !WT_MEMORY
static void clear_bytes(struct wt_receiver *r, uint32_t at, uint32_t end)
{
    memset(r->piece, 0, WT_PIECE_SIZE);
    for (uint32_t count; at < end; at += count) {
        count = end - at;
        if (count > WT_PIECE_SIZE)
            count = WT_PIECE_SIZE;
        put_image(r, at, r->piece, (uint16_t)count);
    }
}
#endif

#if WT_KEEP
/* Of the model in use the tensors that are kept come into the image, or stay there; the others are
   zero where the image is not empty as it is. */
static void keep_tensors(struct wt_receiver *r)
{
    struct tensor t;
    t.next = NULL;
    while (next_tensor(r, &t)) {
        struct wt_state *state = &r->config->states[t.index];
        if (!(state->flags & WT_KEPT)) {
#if WT_DIFFERENCE
            uint8_t flags = state->flags & WT_DIFFERS;
            memset(state, 0, sizeof *state);
            state->flags = flags;
#else
            memset(state, 0, sizeof *state);
#endif
#if !WT_FLASH && WT_MEMORY
            memset(r->config->image + t.offset, 0, t.end - t.offset);
#elif !WT_FLASH
            clear_bytes(r, t.offset, t.end);
#endif
            continue;
        }
#if WT_FLASH
        *state = state_in_slot(r, r->slot, t.index);
        for (uint32_t at = t.offset; at < t.end; at++) {
            uint8_t byte = byte_in_slot(r, r->slot, at);
            put_image(r, at, &byte, 1);
        }
#endif
        state->flags = WT_CAME | WT_KEPT;
    }
}
#endif

/* §6.3: at first all bytes are zero. */
static void clear_image(struct wt_receiver *r)
{
#if WT_FLASH && !WT_MEMORY
    use_target(r);
#elif WT_MEMORY && (WT_FLASH || !WT_KEEP)
    memset(r->config->image, 0, r->image_size);
#elif !WT_KEEP
    clear_bytes(r, 0, r->image_size);
#endif
#if WT_KEEP
    keep_tensors(r);
#else
    memset(r->config->states, 0, r->tensors * sizeof *r->config->states);
#endif
}
