/* What is written to flash (store.md): an image, the slot that makes it a model, and the marks by
   which one model takes the place of another. */

#if WT_FLASH
static void write_byte(struct wt_receiver *r, struct wt_writer *w, uint8_t byte)
{
    uint8_t size = r->config->flash->unit, last = (uint8_t)(size - 1);
    w->crc = crc_of_byte(w->crc, byte);
    w->unit[w->at & last] = byte;
    if (!(++w->at & last))
        r->config->flash->program(r->config->context, w->at - size, w->unit, size);
}

static void write_word(struct wt_receiver *r, struct wt_writer *w, uint32_t word)
{
    for (uint8_t i = 0; i < 4; i++, word >>= 8)
        write_byte(r, w, (uint8_t)word);
}

static void write_ones(struct wt_receiver *r, struct wt_writer *w, uint32_t end)
{
    while (w->at < end)
        write_byte(r, w, 0xFF);
}

static void write_mark(struct wt_receiver *r, uint32_t place, uint32_t mark)
{
    uint8_t unit[WT_UNIT_LIMIT];
    memset(unit, 0xFF, sizeof unit);
    put_word(unit, mark);
    r->config->flash->program(r->config->context, place, unit, r->config->flash->unit);
}

#if !WT_MEMORY
static void flush_unit(struct wt_receiver *r)
{
    if (r->unit_at != NOWHERE)
        r->config->flash->program(r->config->context, r->unit_at, r->unit, r->config->flash->unit);
    r->unit_at = NOWHERE;
}

/* The image is kept inverted, so that blank flash is a model of zeros and bits are only cleared. */
static void put_flash(struct wt_receiver *r, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
    uint8_t size = r->config->flash->unit, last = (uint8_t)(size - 1);
    uint32_t at = r->image_at + offset;
    for (; count--; at++) {
        uint32_t unit = at & ~(uint32_t)last;
        if (unit != r->unit_at) {
            flush_unit(r);
            r->unit_at = unit;
            r->config->flash->read(r->config->context, unit, r->unit, size);
        }
        r->unit[at & last] = (uint8_t)~*bytes++;
    }
}

uint8_t wt_byte(struct wt_receiver *r, uint32_t offset)
{
    uint32_t at = r->image_at + offset, distance = at - r->unit_at;
    if (r->image_at == NOWHERE)
        return 0;
    if (r->unit_at != NOWHERE && distance < r->config->flash->unit)
        return (uint8_t)~r->unit[distance];
    return flash_byte(r, at) ^ r->image_mask;
}
#endif

/* States as a slot has them. */
static uint32_t word_of_state(const struct wt_state *state)
{
    return state->level | (uint32_t)state->passes << 16 | (uint32_t)state->flags << 24;
}

static struct wt_state state_of_word(uint32_t word)
{
    struct wt_state state = {(uint16_t)word, (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
    return state;
}

static struct wt_state state_in_slot(struct wt_receiver *r, uint32_t slot, uint32_t index)
{
    return state_of_word(flash_word(r, slot + SLOT_STATES + 4 * index));
}

#if WT_KEEP || GIVES
static uint8_t byte_in_slot(struct wt_receiver *r, uint32_t slot, uint32_t offset)
{
    return flash_byte(r, slot + image_in_slot(r) + offset) ^ mask_of(r, slot);
}
#endif

/* Makes the image the one that stays, if the flash holds what is written. Up to the last write the
   model before stays. */
static bool store_model(struct wt_receiver *r, bool is_in_use)
{
    uint32_t slot = target_slot(r), image = slot + image_in_slot(r), crc;
    struct wt_writer w = {.at = image, .crc = 0xFFFFFFFFu};
#if WT_MEMORY
    erase_target(r);
    for (uint32_t i = 0; i < r->image_size; i++)
        write_byte(r, &w, r->config->image[i]);
    crc = ~w.crc;
    write_ones(r, &w, (w.at + 15u) & ~(uint32_t)15);
#else
    flush_unit(r);
    crc = ~flash_crc(r, w.crc, image, r->image_size, 0xFF);
#endif
    w.at = slot;
    w.crc = 0xFFFFFFFFu;
    write_word(r, &w, SLOT_MAGIC);
    write_word(r, &w, r->generation + 1);
    write_word(r, &w, r->image_size);
    write_word(r, &w, crc);
    write_word(r, &w, table_crc(r));
    write_word(r, &w, WT_MEMORY ? r->tensors : r->tensors | SLOT_INVERTED);
    for (uint8_t i = 0; i < WT_DIGEST_SIZE; i++)
        write_byte(r, &w, r->digest[i]);
    for (uint8_t i = 0; i < WT_NAME_SIZE; i++)
        write_byte(r, &w, r->name[i]);
    crc = w.crc;
    for (uint16_t i = 0; i < r->tensors; i++) {
        uint32_t word = word_of_state(&r->config->states[i]);
        for (uint8_t j = 0; j < 4; j++, word >>= 8)
            crc = crc_of_byte(crc, (uint8_t)word);
    }
    write_word(r, &w, ~crc);
    write_ones(r, &w, slot + SLOT_MARKS);
    w.at = slot + SLOT_STATES;
    for (uint16_t i = 0; i < r->tensors; i++)
        write_word(r, &w, word_of_state(&r->config->states[i]));
    write_ones(r, &w, image);
    if (!is_sound(r, slot))
        return false;
    r->whole |= slot ? 2 : 1;
    if (is_in_use)
        write_mark(r, slot + SLOT_MARKS, SLOT_ACTIVATED);
    choose_slot(r);
    return !is_in_use || r->slot == slot;
}

bool wt_restore(struct wt_receiver *r)
{
    uint32_t slot = r->slot;
    memset(r->config->states, 0, r->tensors * sizeof *r->config->states);
#if WT_MEMORY
    memset(r->config->image, 0, r->image_size);
#else
    r->unit_at = r->image_at = NOWHERE;
#endif
    if (slot == NOWHERE)
        return false;
    for (uint16_t i = 0; i < r->tensors; i++)
        r->config->states[i] = state_in_slot(r, slot, i);
#if WT_MEMORY
    uint8_t mask = mask_of(r, slot);
    for (uint32_t i = 0; i < r->image_size; i++)
        r->config->image[i] = flash_byte(r, slot + image_in_slot(r) + i) ^ mask;
#else
    r->image_at = slot + image_in_slot(r);
    r->image_mask = mask_of(r, slot); /* another library may have left one that is not inverted */
#endif
    return true;
}

/* Whether the model before is there: a slot that is on besides the one in use is of a lower
   generation. */
static bool can_roll_back(struct wt_receiver *r)
{
    return r->slot != NOWHERE && r->whole == 3 && is_on(r, target_slot(r));
}

/* A slot that is on ceases to be. Where a power cut has left half a mark, it is switched on once
   more for that, for no unit is programmed twice. */
static void revoke(struct wt_receiver *r, uint32_t slot)
{
    struct marks marks = find_marks(r, slot);
    uint32_t last = marks.last;
    if (flash_word(r, slot + last + MARK_SIZE) != BLANK && marks.next != SLOT_STATES) {
        last = marks.next;
        write_mark(r, slot + last, SLOT_ACTIVATED);
    }
    write_mark(r, slot + last + MARK_SIZE, SLOT_REVOKED);
}

bool wt_roll_back(struct wt_receiver *r)
{
    if (!can_roll_back(r))
        return false;
    revoke(r, r->slot);
    choose_slot(r);
    return wt_restore(r);
}
#endif
