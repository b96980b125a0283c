/* Slots in flash (store.md): whether one is sound, which one is in use, which one is to be filled. */

#if WT_FLASH
enum { SLOT_GENERATION = 4, SLOT_SIZE = 8, SLOT_IMAGE = 12, SLOT_TABLE = 16, SLOT_TENSORS = 20,
       SLOT_DIGEST = 24, SLOT_NAME = 56, SLOT_CHECKSUM = 88, SLOT_MARKS = 96, SLOT_STATES = 352 };

#define SLOT_MAGIC 0x31535457u
#define SLOT_ACTIVATED 0x4B4F5457u
#define SLOT_REVOKED 0x4F4E5457u
#define SLOT_INVERTED 0x10000u
#define MARK_SIZE 16u /* an activation, then a revocation, eight times */
#define BLANK 0xFFFFFFFFu
#define NOWHERE 0xFFFFFFFFu

static uint32_t crc_of_byte(uint32_t crc, uint8_t byte)
{
    return crc_steps(crc ^ byte, 8);
}

static uint8_t flash_byte(struct wt_receiver *r, uint32_t offset)
{
    uint8_t byte;
    r->config->flash->read(r->config->context, offset, &byte, 1);
    return byte;
}

static uint32_t flash_word(struct wt_receiver *r, uint32_t offset)
{
    uint8_t bytes[4];
    r->config->flash->read(r->config->context, offset, bytes, 4);
    return get_word(bytes);
}

static uint32_t flash_crc(struct wt_receiver *r, uint32_t crc, uint32_t offset, uint32_t count,
                          uint8_t mask)
{
    while (count--)
        crc = crc_of_byte(crc, flash_byte(r, offset++) ^ mask);
    return crc;
}

static bool is_blank(struct wt_receiver *r, uint32_t at, uint32_t count)
{
    while (count--)
        if (flash_byte(r, at++) != 0xFF)
            return false;
    return true;
}

static uint32_t half_of_flash(const struct wt_receiver *r)
{
    return r->config->flash->page_count / 2 * r->config->flash->page_size;
}

static uint32_t image_in_slot(const struct wt_receiver *r)
{
    return WT_SLOT_SIZE(r->tensors, 0u);
}

static uint32_t table_crc(const struct wt_receiver *r)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (uint16_t i = 0; i < r->config->table_size; i++)
        crc = crc_of_byte(crc, r->config->table[i]);
    return ~crc;
}

/* Where a unit is shorter than four bytes the mark is its beginning. */
static bool is_marked(struct wt_receiver *r, uint32_t place, uint32_t mark)
{
    uint8_t unit = r->config->flash->unit;
    return !((flash_word(r, place) ^ mark) << (unit < 4 ? 32 - 8 * unit : 0));
}

/* What the bytes of a slot's image are to be combined with: it may be kept inverted. */
static uint8_t mask_of(struct wt_receiver *r, uint32_t slot)
{
    return flash_word(r, slot + SLOT_TENSORS) & SLOT_INVERTED ? 0xFF : 0;
}

/* Whether all of a slot fits its checksums and the table. */
static bool is_sound(struct wt_receiver *r, uint32_t slot)
{
    uint32_t crc = flash_crc(r, 0xFFFFFFFFu, slot, SLOT_CHECKSUM, 0);
    crc = flash_crc(r, crc, slot + SLOT_STATES, 4u * r->tensors, 0);
    return flash_word(r, slot) == SLOT_MAGIC && flash_word(r, slot + SLOT_CHECKSUM) == ~crc
           && flash_word(r, slot + SLOT_SIZE) == r->image_size
           && flash_word(r, slot + SLOT_TABLE) == table_crc(r)
           && flash_word(r, slot + SLOT_IMAGE)
                  == ~flash_crc(r, 0xFFFFFFFFu, slot + image_in_slot(r), r->image_size,
                                 mask_of(r, slot));
}

/* Where the last activation of a slot is, and behind which mark all are blank: a power cut may have
   left half a mark, which is none. */
struct marks {
    uint32_t last, next; /* 0 for no activation; SLOT_STATES where all are used */
};

static struct marks find_marks(struct wt_receiver *r, uint32_t slot)
{
    struct marks marks = {0, SLOT_MARKS};
    for (uint32_t place = SLOT_MARKS; place != SLOT_STATES; place += 2 * MARK_SIZE) {
        if (flash_word(r, slot + place) != BLANK)
            marks.next = place + 2 * MARK_SIZE;
        if (is_marked(r, slot + place, SLOT_ACTIVATED))
            marks.last = place;
    }
    return marks;
}

static bool is_on(struct wt_receiver *r, uint32_t slot)
{
    uint32_t last = find_marks(r, slot).last;
    return last && !is_marked(r, slot + last + MARK_SIZE, SLOT_REVOKED);
}

/* Of the slots that hold a model: which one is in use, and the highest generation. */
static void choose_slot(struct wt_receiver *r)
{
    uint32_t half = half_of_flash(r), used = 0;
    bool is_first = true;
    r->slot = NOWHERE;
    r->generation = 0;
    for (uint8_t i = 0; i < 2; i++) {
        uint32_t slot = i ? half : 0, generation;
        if (!(r->whole >> i & 1))
            continue;
        generation = flash_word(r, slot + SLOT_GENERATION);
        if (is_first || reached(generation, r->generation))
            r->generation = generation;
        is_first = false;
        if (is_on(r, slot) && (r->slot == NOWHERE || reached(generation, used))) {
            r->slot = slot;
            used = generation;
        }
    }
}

static void find_slots(struct wt_receiver *r)
{
    r->whole = (uint8_t)(is_sound(r, 0) | is_sound(r, half_of_flash(r)) << 1);
    choose_slot(r);
}

/* The slot that is not in use. */
static uint32_t target_slot(const struct wt_receiver *r)
{
    return r->slot == 0 ? half_of_flash(r) : 0;
}

static void erase_pages(struct wt_receiver *r, uint16_t page, uint16_t count)
{
    const struct wt_flash *flash = r->config->flash;
    for (; count--; page++)
        if (!is_blank(r, page * flash->page_size, flash->page_size))
            flash->erase(r->config->context, page);
}

static void erase_target(struct wt_receiver *r)
{
    uint16_t half = r->config->flash->page_count / 2;
    bool is_second = target_slot(r) != 0;
    r->whole &= is_second ? 1 : 2;
    erase_pages(r, is_second ? half : 0, half);
    choose_slot(r);
}

/* Of a slot, and of as many pages more. */
static uint16_t erase_milliseconds(const struct wt_receiver *r, uint8_t more)
{
    const struct wt_flash *flash = r->config->flash;
    uint32_t all = (uint32_t)flash->milliseconds * (flash->page_count / 2u + more);
    return (uint16_t)(all < 0xFFFF ? all : 0xFFFF);
}
#endif
