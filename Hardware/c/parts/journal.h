/* What a reset leaves of a transfer into flash (§5.11, store.md). */

#if RESUMES && !WT_MEMORY
/* The image is in flash and stays; what the decoder has to know is noted in a journal of two pages
   behind the slots, every so many bytes of the stream. */
#define ENTRY_MAGIC (WT_DIFFERENCE ? 0x444A5457u : 0x434A5457u) /* "WTJD", "WTJC" */
#define JOURNAL_HEAD 16u        /* of a page: blank, or the journal is void */
#ifndef NOTE_INTERVAL /* bytes of the stream; the tests have fewer */
#define NOTE_INTERVAL 1024u
#endif
#define ENTRY_OPEN 0x100u /* a unit is */
enum { ENTRY_NUMBER = 4, ENTRY_GENERATION = 8, ENTRY_STREAM = 12, ENTRY_IDENTITY = 16,
       ENTRY_RECORD = 24, ENTRY_TENSORS = 28, ENTRY_AT = 32, ENTRY_CODED_AT = 36, ENTRY_STEP = 40,
       ENTRY_RANGE = 44, ENTRY_CODE = 48, ENTRY_RAW = 52, ENTRY_MODELS = 56, ENTRY_STATES = 96 };

/* Models: those that fit before the states, and the others behind them. */
#if WT_CODEC
#define ENTRY_MODEL_COUNT ((uint8_t)(sizeof((struct wt_receiver *)NULL)->models / 4u))
#endif
#define ENTRY_MODELS_FIRST ((uint8_t)((ENTRY_STATES - ENTRY_MODELS) / 4))
#define ENTRY_MODELS_LAST (WT_DIFFERENCE ? ENTRY_MODEL_COUNT - ENTRY_MODELS_FIRST : 0)

/* Of an entry without its checksum. */
#if WT_DIFFERENCE
#define ENTRY_LENGTH(r) (ENTRY_STATES + 4u * (r)->tensors + 4u * ENTRY_MODELS_LAST)
#else
#define ENTRY_LENGTH(r) (ENTRY_STATES + 4u * (r)->tensors)
#endif

static uint32_t entry_size(const struct wt_receiver *r)
{
    return (ENTRY_LENGTH(r) + CHECKSUM_SIZE + 15u) & ~(uint32_t)15;
}

static uint32_t journal_page(const struct wt_receiver *r, uint8_t page)
{
    return (r->config->flash->page_count + page) * r->config->flash->page_size;
}

static bool is_entry(struct wt_receiver *r, uint32_t at)
{
    uint32_t count = ENTRY_LENGTH(r), crc = crc_steps(~table_crc(r), 32);
    return flash_word(r, at) == ENTRY_MAGIC
           && flash_word(r, at + ENTRY_GENERATION) == r->generation + 1
           && flash_word(r, at + count) == ~flash_crc(r, crc, at, count, 0);
}

/* The newest entry, and where the next one goes: behind it and what a power cut has left of others. */
static void find_noted(struct wt_receiver *r)
{
    uint32_t size = entry_size(r);
    bool is_void = false;
    r->noted = 0;
    r->entry_number = 0;
    r->entry_at = r->entry_next = NOWHERE;
    for (uint8_t page = 0; page < WT_JOURNAL_PAGES; page++) {
        uint32_t start = journal_page(r, page), end = start + r->config->flash->page_size;
        bool is_here = false;
        is_void |= !is_blank(r, start, JOURNAL_HEAD);
        for (uint32_t at = start + JOURNAL_HEAD; at + size <= end; at += size) {
            if (is_entry(r, at) && flash_word(r, at + ENTRY_NUMBER) > r->entry_number) {
                r->entry_number = flash_word(r, at + ENTRY_NUMBER);
                r->entry_at = at;
                is_here = true;
            } else if (!is_here || is_blank(r, at, size))
                continue;
            r->entry_next = at + size;
        }
    }
    if (is_void || r->entry_at == NOWHERE)
        return;
    r->noted = flash_word(r, r->entry_at + ENTRY_STREAM);
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        r->identity[i] = flash_byte(r, r->entry_at + ENTRY_IDENTITY + i);
}

static void begin_noting(struct wt_receiver *r)
{
    erase_pages(r, r->config->flash->page_count, WT_JOURNAL_PAGES);
    r->entry_next = journal_page(r, 0) + JOURNAL_HEAD;
    r->entry_number = 0;
    r->stream = 0;
}

/* Between two records, or within one whose bytes are worked through as they come. */
static bool is_notable(const struct wt_receiver *r)
{
    return r->part == PART_KIND
           || (r->part == PART_BODY && (r->kind == CONTENT || r->kind == CODED));
}

/* The page in which the next entry goes, or that it does not fit any more. */
static uint8_t page_at_hand(const struct wt_receiver *r)
{
    return r->entry_next > journal_page(r, 1);
}

static bool has_room_for_entry(const struct wt_receiver *r)
{
    return r->entry_next + entry_size(r) <= journal_page(r, (uint8_t)(page_at_hand(r) + 1));
}

static void note_entry(struct wt_receiver *r)
{
    uint32_t end = r->entry_next + entry_size(r), word = r->part == PART_BODY ? r->kind : 0;
    struct wt_writer w = {.at = r->entry_next, .crc = crc_steps(~table_crc(r), 32)};
    flush_unit(r);
    write_word(r, &w, ENTRY_MAGIC);
    write_word(r, &w, ++r->entry_number);
    write_word(r, &w, r->generation + 1);
    write_word(r, &w, r->stream);
    for (uint8_t i = 0; i < IDENTITY_SIZE; i++)
        write_byte(r, &w, r->identity[i]);
    if (r->allowed & BIT(CONTENT))
        word |= ENTRY_OPEN;
    write_word(r, &w, word | (uint32_t)r->left << 16);
    word = r->tensor;
#if WT_CODEC
    if (r->coded_state)
        word |= (uint32_t)(r->coded_state - r->config->states) << 16;
#endif
    write_word(r, &w, word);
    write_word(r, &w, r->at);
    write_word(r, &w, r->coded_at);
    write_word(r, &w, r->step | (uint32_t)r->raw_left << 8 | (uint32_t)r->fill << 16
                          | (uint32_t)r->tier << 24);
    write_word(r, &w, r->range);
    write_word(r, &w, r->code);
    write_word(r, &w, r->raw);
#if WT_CODEC
    for (uint8_t i = 0; i < ENTRY_MODEL_COUNT - ENTRY_MODELS_LAST; i++)
        write_word(r, &w, r->models[i]);
#endif
    write_ones(r, &w, r->entry_next + ENTRY_STATES);
    for (uint16_t i = 0; i < r->tensors; i++)
        write_word(r, &w, word_of_state(&r->config->states[i]));
#if WT_DIFFERENCE
    for (uint8_t i = ENTRY_MODELS_FIRST; i < ENTRY_MODEL_COUNT; i++)
        write_word(r, &w, r->models[i]);
#endif
    write_word(r, &w, ~w.crc);
    write_ones(r, &w, end);
    r->entry_at = r->entry_next;
    r->entry_next = end;
    r->noted = r->stream;
}

/* The page is full: the other one comes next, and has been announced. */
static void turn_page(struct wt_receiver *r)
{
    uint8_t page = !page_at_hand(r);
    erase_pages(r, (uint16_t)(r->config->flash->page_count + page), 1);
    r->entry_next = journal_page(r, page) + JOURNAL_HEAD;
    if (is_notable(r))
        note_entry(r);
}

static void note_if_due(struct wt_receiver *r)
{
    uint32_t interval = r->image_size / 32;
    if (interval < NOTE_INTERVAL)
        interval = NOTE_INTERVAL;
    if (!r->is_noting || r->stream - r->noted < interval || r->work || !is_notable(r))
        return;
    if (has_room_for_entry(r)) {
        note_entry(r);
        return;
    }
    r->work = WORK_NOTE;
    wt_busy(r, r->config->flash->milliseconds);
}

/* Takes up what the newest entry says. */
static void go_on_noted(struct wt_receiver *r)
{
    uint32_t at = r->entry_at, word = flash_word(r, at + ENTRY_RECORD);
    struct tensor t;
    r->stream = r->noted;
    r->kind = (uint8_t)word;
    r->part = r->kind ? PART_BODY : PART_KIND;
    r->field = 0;
    r->left = (uint16_t)(word >> 16);
    if (word & ENTRY_OPEN)
        r->allowed = BIT(CONTENT) | BIT(DIGEST);
    word = flash_word(r, at + ENTRY_TENSORS);
    r->tensor = (uint16_t)word;
    find_tensor(r, &t, r->tensor, false);
    r->at = flash_word(r, at + ENTRY_AT);
    r->end = t.end;
#if WT_CODEC
    find_tensor(r, &t, word >> 16, false);
    r->coded_state = &r->config->states[t.index];
    r->coded_dtype = t.dtype;
    r->coded_at = flash_word(r, at + ENTRY_CODED_AT);
    r->coded_end = t.end;
    for (uint8_t i = 0; i < ENTRY_MODEL_COUNT - ENTRY_MODELS_LAST; i++)
        r->models[i] = flash_word(r, at + ENTRY_MODELS + 4u * i);
#if WT_DIFFERENCE
    for (uint8_t i = ENTRY_MODELS_FIRST; i < ENTRY_MODEL_COUNT; i++)
        r->models[i] = flash_word(r, at + ENTRY_STATES + 4u * r->tensors
                                         + 4u * (uint8_t)(i - ENTRY_MODELS_FIRST));
#endif
#endif
    word = flash_word(r, at + ENTRY_STEP);
    r->step = (uint8_t)word;
    r->raw_left = (uint8_t)(word >> 8);
    r->fill = (uint8_t)(word >> 16);
    r->tier = (uint8_t)(word >> 24);
    r->range = flash_word(r, at + ENTRY_RANGE);
    r->code = flash_word(r, at + ENTRY_CODE);
    r->raw = flash_word(r, at + ENTRY_RAW);
    for (uint16_t i = 0; i < r->tensors; i++)
        r->config->states[i] = state_of_word(flash_word(r, at + ENTRY_STATES + 4u * i));
    r->is_noting = true;
}
#endif
