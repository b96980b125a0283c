/* What a reset leaves of a transfer into memory (§5.11, store.md). */

#if RESUMES && WT_MEMORY
static void take(struct wt_receiver *r, const uint8_t *bytes, uint16_t count);

/* The stream itself is noted in the slot that is to be filled, in blocks with a checksum each, and
   taken anew when the transfer goes on. */
#define NOTED_MAGIC 0x534A5457u /* "WTJS" */
#define NOTED_SIZE 128u         /* of a block; its last bytes are the checksum */
#define NOTED_BYTES (NOTED_SIZE - CHECKSUM_SIZE)
enum { NOTED_GENERATION = 4, NOTED_TABLE = 8, NOTED_IDENTITY = 12, NOTED_CHECKSUM = 20,
       NOTED_VOID = 112 }; /* of the first one */

/* What the checksum of a block begins with. */
static uint32_t crc_before_block(const struct wt_receiver *r, uint32_t number)
{
    return crc_steps(crc_steps(~r->note_crc, 32) ^ number, 32);
}

/* Goes on to the next block that is whole, past what power cuts have left of others, which are not
   programmed again; else to where it is to be written. */
static bool find_block(struct wt_receiver *r, uint32_t *at, uint32_t number)
{
    for (uint32_t end = target_slot(r) + half_of_flash(r); *at + NOTED_SIZE <= end; *at += NOTED_SIZE) {
        uint32_t crc = flash_crc(r, crc_before_block(r, number), *at, NOTED_BYTES, 0);
        if (flash_word(r, *at + NOTED_BYTES) == ~crc)
            return true;
        if (is_blank(r, *at, NOTED_SIZE))
            return false;
    }
    return false;
}

/* How many bytes of the stream are there. */
static void find_noted(struct wt_receiver *r)
{
    uint32_t slot = target_slot(r), at = slot + NOTED_SIZE;
    r->noted = 0;
    r->note_crc = ~flash_crc(r, 0xFFFFFFFFu, slot, NOTED_CHECKSUM, 0);
    if (flash_word(r, slot) != NOTED_MAGIC || flash_word(r, slot + NOTED_CHECKSUM) != r->note_crc
        || flash_word(r, slot + NOTED_GENERATION) != r->generation + 1
        || flash_word(r, slot + NOTED_TABLE) != table_crc(r)
        || !is_blank(r, slot + NOTED_VOID, NOTED_SIZE - NOTED_VOID))
        return;
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        r->identity[i] = flash_byte(r, slot + NOTED_IDENTITY + i);
    for (uint32_t number = 1; find_block(r, &at, number); number++) {
        at += NOTED_SIZE;
        r->noted += NOTED_BYTES;
    }
}

/* What comes of the stream, as far as it fits. */
static void note_stream(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
    struct wt_writer *w = &r->note;
    uint32_t slot = target_slot(r);
    for (; count--; bytes++) {
        uint32_t at = w->at - slot;
        if (!(at % NOTED_SIZE)) {
            if (at + NOTED_SIZE > half_of_flash(r)) {
                r->is_noting = false;
                return;
            }
            w->crc = crc_before_block(r, r->note_number);
        }
        write_byte(r, w, *bytes);
        if (at % NOTED_SIZE == NOTED_BYTES - 1) {
            write_word(r, w, ~w->crc);
            r->note_number++;
            r->noted += NOTED_BYTES;
        }
    }
}

/* A transfer begins: the slot is blank. */
static void begin_noting(struct wt_receiver *r)
{
    struct wt_writer *w = &r->note;
    uint32_t slot = target_slot(r), last = r->config->flash->unit - 1u;
    w->at = slot;
    w->crc = 0xFFFFFFFFu;
    write_word(r, w, NOTED_MAGIC);
    write_word(r, w, r->generation + 1);
    write_word(r, w, table_crc(r));
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        write_byte(r, w, r->identity[i]);
    r->note_crc = ~w->crc;
    write_word(r, w, r->note_crc);
    write_ones(r, w, (w->at + last) & ~last);
    w->at = slot + NOTED_SIZE;
    r->note_number = 1;
}

/* The stream is taken as if it came. */
static void go_on_noted(struct wt_receiver *r)
{
    uint32_t at = target_slot(r) + NOTED_SIZE, number = 1;
    r->is_noting = false;
    for (; find_block(r, &at, number); number++, at += NOTED_SIZE)
        for (uint8_t i = 0; i < NOTED_BYTES; i++) {
            uint8_t byte = flash_byte(r, at + i);
            take(r, &byte, 1);
        }
    r->note.at = at;
    r->note_number = number;
    r->is_noting = r->part != PART_DEAF;
}
#endif
