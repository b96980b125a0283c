/* The table of the model: its tensors, and where they are in the image (store.md). */

#define FLOAT_LAST 4u /* §5.3: of those that come in planes the last one */

/* The size of an element, as a power of two. */
static uint8_t size_shift(uint8_t dtype)
{
    if (dtype < 16)
        return 0x178ul >> 2 * dtype & 3;
    return (uint8_t)((dtype & 3) + (dtype < 40 ? 0 : 2));
}

struct tensor {
    uint8_t dtype;
    bool planes;
    uint16_t prefix;      /* of the name: bytes that are those of the name before */
    uint32_t index;
    uint32_t offset, end; /* in the image; nothing of a tensor without content */
#if WT_HELD
    uint32_t size;        /* of its elements as they are sent */
#endif
    WT_ROM uint8_t *record, *suffix, *name_end, *next;
};

/* Fields of one byte are read as numbers too, for none of them has the bit that goes on. */
APART static uint32_t next_number(struct tensor *t)
{
    uint32_t number = 0;
    uint8_t shift = 0, byte;
    do {
        byte = *t->next++;
        number |= (uint32_t)(byte & 0x7F) << shift;
        shift = (uint8_t)(shift + 7);
    } while (byte & 0x80);
    return number;
}

/* Goes on to the next tensor of the table, the first one where `next` is NULL; false behind the
   last. */
APART static bool next_tensor(const struct wt_receiver *r, struct tensor *t)
{
    const struct wt_config *config = r->config;
    if (!t->next) {
        t->next = config->table;
        t->index = 0xFFFFFFFFu;
        t->end = 0;
    }
    if (t->next == config->table + config->table_size)
        return false;
    t->index++;
    t->offset = (t->end + 3) & ~(uint32_t)3;
    t->record = t->next;
    next_number(t);
    next_number(t);
    uint32_t count = !next_number(t);
    if (!count) /* it shares its bytes */
        next_number(t);
    t->prefix = (uint16_t)next_number(t);
    uint32_t number = next_number(t);
    t->suffix = t->next;
    t->name_end = t->next += number;
    uint32_t dtype = next_number(t), rank = next_number(t);
    t->dtype = (uint8_t)dtype;
#if !WT_CODEC
    uint32_t channels = 1;
#endif
    for (uint32_t i = rank; i--;) {
        number = next_number(t);
        count *= number;
#if !WT_CODEC
        if (i && i + 1 == rank)
            channels = number;
#endif
    }
#if WT_HELD
    t->size = count << size_shift((uint8_t)dtype);
#endif
    t->planes = dtype <= FLOAT_LAST && (count > VECTOR_LIMIT || (rank > 1 && count >= SMALL_LIMIT));
    if (!t->planes)
        count <<= size_shift((uint8_t)dtype);
#if !WT_CODEC
    else
        count += 4 * channels;
#endif
    t->end = t->offset + count;
    return true;
}

/* The tensor with a number, of all or of those with content; false if there is none. */
APART static bool find_tensor(const struct wt_receiver *r, struct tensor *t, uint32_t number,
                              bool is_of_contents)
{
    t->next = NULL;
    while (next_tensor(r, t))
        if ((t->end != t->offset || !is_of_contents) && !number--)
            return true;
    return false;
}

/* Another byte has come than the table has at `place`. A length does not tell what is different:
   the rest of the record will, or else the digest, which is that of the table. */
static void refuse_tensor(struct wt_receiver *r, WT_ROM uint8_t *place)
{
    static WT_ROM char texts[3][16] = {": another name", ": another dtype", ": another shape"};
    uint8_t *name = r->config->outbox + r->out + 3;
    struct tensor t;
    uint16_t length;
    t.next = NULL;
    do {
        next_tensor(r, &t);
        /* Names have their beginnings from those before. */
        for (length = t.prefix; t.suffix != t.name_end; length++) {
            if (length < FAILED_NAME_LIMIT)
                name[length] = *t.suffix;
            t.suffix++;
        }
    } while (place >= t.next);
    if (place == t.record)
        broken(r);
    else if (place != t.record + 1)
        refuse(r, FAILED_MODEL, (uint8_t)(length < FAILED_NAME_LIMIT ? length : FAILED_NAME_LIMIT),
               texts[(place >= t.name_end) + (place > t.name_end)]);
}
