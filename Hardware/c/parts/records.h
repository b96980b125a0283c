/* Records that come in (§5): kinds and lengths, fields, and what is done when one is complete. */

/* Of each kind: OFFER without its name's bytes, and those that are kept as they are. */
static WT_ROM uint8_t field_counts[] = {
    0, 5, 0, 4, 0, WT_DIGEST_SIZE, WT_DIGEST_SIZE, 0, 2,
#if WT_HELD
    0, 0, WT_DIGEST_SIZE, 0, WT_DIGEST_SIZE, 0, WT_DIGEST_SIZE + 1, /* FETCH without what is taken */
#endif
};

/* What is kept as it comes. */
#define WHOLE_KINDS (BIT(DIGEST) | BIT(FINISH) | BIT(MILESTONE) \
                     | (WT_HELD ? BIT(UNCHANGED) | BIT(ACTIVATE) | BIT(FETCH) : 0))

#define LAST_KIND (sizeof field_counts - 1)

#define MODEL_KINDS (BIT(UNIT) | BIT(FINISH) | BIT(MILESTONE)) /* and CODED, if offered */
/* What a session may begin with. */
#define FIRST_KINDS (BIT(OFFER) | (WT_HELD ? BIT(UNCHANGED) : 0) | (WT_SWITCH ? BIT(LIST) : 0) \
                     | (SWITCHES ? BIT(ACTIVATE) | BIT(ROLLBACK) : 0) | (GIVES ? BIT(FETCH) : 0))

/* A byte of the varint in `value`; true with its last. What 28 bits do not hold becomes more than
   any number here may be. */
static bool take_varint(struct wt_receiver *r, uint8_t byte)
{
    uint8_t shift = r->shift, group = byte & 0x7F;
    if (!shift)
        r->value = 0;
    if (shift < 28)
        r->value |= (uint32_t)group << shift;
    else if (group)
        r->value |= 0x80000000u;
    r->shift = 0;
    if (shift && !byte)
        broken(r); /* longer than it needs */
    if (!(byte & 0x80))
        return true;
    if (shift == (r->part == PART_LENGTH ? LENGTH_SHIFT : VARINT_SHIFT))
        broken(r); /* or may be */
    r->shift = (uint8_t)(shift + 7);
    return false;
}

/* The tensor that is to come whole. */
static void begin_whole(struct wt_receiver *r)
{
    struct tensor t;
    if (!find_tensor(r, &t, r->value, false) || t.end == t.offset
        || r->config->states[t.index].flags) {
        broken(r);
        return;
    }
    r->tensor = (uint16_t)t.index;
    r->at = t.offset;
    r->end = t.end;
#if !WT_CODEC
    r->is_channels = t.planes;
#endif
    if (WT_CODEC && t.planes)
        fail(r, FAILED_STORE);
}

/* What comes of OFFER behind the fields that are counted: the name, then the terms. */
static void take_name(struct wt_receiver *r, uint8_t byte)
{
#if WT_HELD
    if (!r->value) {
        take_term(r, byte);
        return;
    }
    r->value--;
    if (r->place < WT_NAME_SIZE)
        r->name[r->place++] = byte;
#elif WT_FLASH
    if (r->place < WT_NAME_SIZE && r->place < r->value)
        r->name[r->place++] = byte;
#else
    (void)r, (void)byte;
#endif
}

/* A field of OFFER or UNIT. */
static void take_field(struct wt_receiver *r, uint8_t byte)
{
    static WT_ROM char another_count[] = "another count of tensors";
    static WT_ROM char not_a_file[] = "tensors, not a file";
#if !WT_CODEC
    static WT_ROM uint8_t channel_forms[] = {CHANNEL, CHANNEL_BITS, 0}; /* of large tensors */
#endif
    uint8_t field = r->field;
    if (r->kind == UNIT) {
        if (!field) {
            if (!take_varint(r, byte))
                return;
            begin_whole(r);
        } else {
#if !WT_CODEC
            if (r->is_channels && field < 4)
                byte ^= channel_forms[field - 1];
#endif
            if (byte)
                fail(r, FAILED_STORE);
        }
    } else if (field < 2) {
        if (!field && byte)
            refuse(r, FAILED_MODEL, 0, not_a_file);
        r->model_kinds = byte ? MODEL_KINDS | BIT(CODED) : MODEL_KINDS;
        if (byte > WT_CODEC)
            broken(r);
    } else if (field < 5) {
        if (!take_varint(r, byte))
            return;
        if (field == 2 && r->value != r->tensors)
            refuse(r, FAILED_MODEL, 0, another_count);
        if (field == 4 && r->value >= r->left) /* behind the name is nothing that matters here */
            broken(r);
#if WT_FLASH || WT_HELD
        if (field == 4) {
            r->place = 0;
            memset(r->name, 0, sizeof r->name);
        }
#endif
    } else {
        take_name(r, byte);
        return;
    }
    r->field++;
}

static void end_digest(struct wt_receiver *r)
{
    if (r->at != r->end) {
        broken(r);
        return;
    }
#if WT_SHA256
    struct tensor t;
    struct wt_sha256 sha;
    find_tensor(r, &t, r->tensor, false);
    digest_of(r, &t, &sha);
    if (!check_digest(r, &sha))
        return;
#endif
    r->config->states[r->tensor].flags = WT_CAME;
    r->allowed = r->model_kinds;
    tell(r, WT_UPDATED, r->tensor, 0);
}

static void end_model(struct wt_receiver *r)
{
    r->part = PART_DEAF;
    r->allowed = 0;
    r->work = WORK_CHECK;
    uint32_t milliseconds = tell(r, WT_CHECK, 0, 0);
#if WT_FLASH
    /* Programming, and reading again (store.md). */
    milliseconds += r->image_size / 32u;
#if WT_MEMORY
    milliseconds += erase_milliseconds(r, 0);
#endif
#endif
    wt_busy(r, (uint16_t)(milliseconds < 0xFFFF ? milliseconds : 0xFFFF));
}

/* Behind the offer comes the manifest. */
static void end_offer(struct wt_receiver *r)
{
#if WT_HELD
    if (r->term && r->term != TERMS_PLAIN + (r->terms & TERM_BASE ? WT_DIGEST_SIZE : 0)) {
        broken(r);
        return;
    }
#endif
    r->place = 0;
    r->allowed = 0;
    r->part = PART_TABLE;
}

/* All fields have come: does what the record is for. */
static void carry_out(struct wt_receiver *r)
{
    switch (r->kind) {
    case OFFER:
        end_offer(r);
        break;
    case UNIT:
        r->allowed = BIT(CONTENT) | BIT(DIGEST);
        break;
    case DIGEST:
        end_digest(r);
        break;
    case FINISH:
        end_model(r);
        break;
    case MILESTONE:
        r->tier = r->digest[0];
        tell(r, WT_MILESTONE, r->tier, r->digest[1]);
        break;
#if WT_HELD
    case UNCHANGED:
    case ACTIVATE:
    case ROLLBACK:
        r->part = PART_DEAF;
        r->allowed = 0;
        r->work = WORK_ANSWER;
        break;
#endif
#if WT_KEEP
    case BASIS:
        end_relations(r);
        break;
#endif
#if WT_SWITCH
    case LIST:
        r->listings++;
        break;
#endif
#if GIVES
    case FETCH:
        begin_giving(r);
        break;
#endif
    default:
        break;
    }
}

/* The body is complete. */
static void end_record(struct wt_receiver *r)
{
    r->part = PART_KIND;
#if GIVES
    if (r->giving) {
        take_verdict(r);
        return;
    }
#endif
    if (r->field != field_counts[r->kind]) {
        broken(r);
        return;
    }
#if WT_CODEC
    if (r->kind == MILESTONE || r->kind == FINISH)
        end_codeword(r);
    if (r->part == PART_DEAF)
        return;
#endif
    carry_out(r);
}

static void begin_record(struct wt_receiver *r, uint8_t kind)
{
    r->kind = kind;
    r->part = PART_LENGTH;
    r->shift = 0;
#if GIVES
    if (r->giving) { /* the sides have changed */
        if (kind < ACCEPT || kind > METRIC)
            broken(r);
        return;
    }
#endif
    if (kind > LAST_KIND || !(r->allowed & BIT(kind)))
        broken(r);
#if WT_HELD
    if (kind == OFFER) {
        r->terms = r->term = 0;
        memset(r->offered, 0, sizeof r->offered);
    }
#endif
#if WT_SHA256
    if (kind == OFFER)
        sha_begin(&r->manifest);
#endif
}

static void begin_body(struct wt_receiver *r)
{
    bool is_long = r->kind == CONTENT || r->kind == CODED;
    bool is_digest = r->kind == DIGEST || r->kind == FINISH;
#if WT_HELD
    is_digest |= r->kind == UNCHANGED || r->kind == ACTIVATE;
#endif
    r->part = PART_BODY;
    r->field = 0;
    r->left = (uint16_t)r->value;
    if (r->value > (is_long ? CONTENT_LIMIT : BODY_LIMIT)
        || (is_digest && r->value != WT_DIGEST_SIZE)
        || (WT_HELD && (r->kind == LIST || r->kind == ROLLBACK) && r->value))
        broken(r);
    else if (!r->left)
        end_record(r);
}

static void take_content(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
    if (count > r->end - r->at) {
        broken(r);
        return;
    }
    put_image(r, r->at, bytes, count);
    r->at += count;
}

APART static void take_body(struct wt_receiver *r, uint8_t byte)
{
#if GIVES
    if (r->giving)
        return; /* a text, a digest: nothing that matters here */
    if (r->kind == FETCH && r->field >= WT_DIGEST_SIZE) {
        if (r->field == WT_DIGEST_SIZE && take_varint(r, byte)) {
            r->passed = r->value;
            r->field++;
        }
        return;
    }
#endif
#if WT_KEEP
    if (r->kind == BASIS) {
        take_relations(r, byte);
        return;
    }
#endif
    if (BIT(r->kind) & WHOLE_KINDS) {
        if (r->field < field_counts[r->kind]) /* of MILESTONE there may be more */
            r->digest[r->field++] = byte;
    }
    else
        take_field(r, byte);
}

/* The next bytes of the stream. */
static void take(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
#if RESUMES
    if (r->is_noting) {
#if WT_MEMORY
        note_stream(r, bytes, count);
#else
        r->stream += count;
#endif
    }
#endif
    while (count && r->part != PART_DEAF) {
        uint16_t taken = 1;
        uint8_t kind = r->kind, part = r->part, byte = *bytes;
        if (part == PART_BODY) {
            if (kind == CONTENT || kind == CODED) {
                taken = count < r->left ? count : r->left;
                if (kind == CONTENT)
                    take_content(r, bytes, taken);
#if WT_CODEC
                else
                    take_coded(r, bytes, taken);
#endif
            } else
                take_body(r, byte);
        } else if (part == PART_TABLE)
            byte = take_table(r, byte);
        else if (part == PART_KIND)
            begin_record(r, kind = byte);
        else if (take_varint(r, byte) && r->part != PART_DEAF)
            begin_body(r);
#if WT_SHA256
        if (part == PART_TABLE) /* §5.6: the TENSOR records */
            sha_take(&r->manifest, byte);
#endif
        if (part == PART_BODY && !(r->left = (uint16_t)(r->left - taken)) && r->part != PART_DEAF)
            end_record(r);
        bytes += taken;
        count = (uint16_t)(count - taken);
    }
}
