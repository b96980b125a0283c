/* The coded stream (§6.3), planes only: codewords, units, passes. */

#if WT_CODEC
APART static void ask_number(struct wt_receiver *r)
{
    ask_raw(r, bit_width(r->contents), STEP_NUMBER);
}

APART static void begin_codeword(struct wt_receiver *r)
{
    r->range = 0;
    r->fill = 0xFF;
    ask_number(r);
}

static void begin_pass(struct wt_receiver *r)
{
    for (uint8_t i = 0; i < MODELS_IN_PASS; i++)
        r->models[MODEL_PASS + i] = MODEL_NEW;
    r->step = STEP_PASS;
}

/* Goes on with the pass until bytes are lacking or it is over. */
static void go_on(struct wt_receiver *r)
{
    struct wt_state *state = r->coded_state;
    uint8_t plane = (uint8_t)((state->passes + 1) >> 1);
    uint32_t count = r->coded_end - r->coded_at;
    if (count) {
        uint8_t *start = get_image(r, r->coded_at, &count);
        bool is_significance = !state->passes || (state->passes & 1);
        uint32_t done;
#if WT_DIFFERENCE
        if (state->flags & WT_DIFFERS)
            done = decide_differences(r, start, count, plane, is_significance);
        else
#endif
            done = decide(r, start, count, r->models + MODEL_PASS, (uint8_t)(TOP >> plane),
                          is_significance ? 0 : (uint8_t)(PLANES - plane));
#if !WT_MEMORY
        put_image(r, r->coded_at, start, (uint16_t)done);
#endif
        r->coded_at += done;
        return;
    }
    state->passes++;
    tell(r, WT_UPDATED, (uint16_t)(state - r->config->states), state->passes);
    ask_number(r);
}

/* The unit's tensor has been named, or the codeword ends. */
static void begin_unit(struct wt_receiver *r)
{
    struct tensor t;
    if (!find_tensor(r, &t, r->raw, true)) {
        r->step = STEP_ENDED;
        if (r->raw != r->contents)
            broken(r);
        return;
    }
    r->coded_state = &r->config->states[t.index];
    r->coded_dtype = t.dtype;
    r->coded_at = t.offset;
    r->coded_end = t.end;
    r->step = STEP_KIND;
    if (!t.planes)
        fail(r, FAILED_STORE);
#if WT_KEEP
    if (r->coded_state->flags & WT_KEPT)
        broken(r);
#endif
}

/* No mantissa pass, but one of planes. */
static void begin_planes(struct wt_receiver *r)
{
    const struct wt_state *state = r->coded_state;
    if (!HAS_COME(state))
        ask_raw(r, bit_width(float_forms[r->coded_dtype - 1].levels), STEP_LEVEL);
    else if (state->level == WT_ALL_ZERO || (uint16_t)(state->passes + 1u) >> 1 > state->level)
        broken(r); /* there is no such plane */
    else if (state->passes == PASSES)
        fail(r, FAILED_STORE);
    else
        begin_pass(r);
}

static void take_level(struct wt_receiver *r)
{
    uint16_t level = (uint16_t)r->raw;
    uint16_t levels = float_forms[r->coded_dtype - 1].levels;
    r->step = STEP_EXCEPTIONS;
    if (level >= levels) {
        if (level & (level + 1u)) /* other than all ones */
            broken(r);
        level = WT_ALL_ZERO;
        r->coded_at = r->coded_end; /* the pass is empty */
    }
    r->coded_state->level = level;
#if WT_DIFFERENCE
    if (r->coded_state->flags & WT_DIFFERS)
        compare_levels(r);
#endif
}

/* Takes the decision of a step, as if a weight were refined; enough bytes have come. */
static void take_decision(struct wt_receiver *r)
{
    static WT_ROM char text[] = "NaN or infinite weight";
    uint8_t step = r->step, weight = TOP;
    decide(r, &weight, 1, r->models + step, 1, PLANES - 1);
    if (weight == TOP) {
        if (step == STEP_KIND) {
            begin_planes(r);
            return;
        }
#if WT_DIFFERENCE
        r->coded_state->flags |= WT_CAME;
#else
        r->coded_state->flags = WT_CAME;
#endif
        begin_pass(r);
    } else if (step == STEP_KIND)
        fail(r, FAILED_STORE);
    else
        refuse(r, FAILED_STORE, 0, text);
}

static void decode(struct wt_receiver *r)
{
    while (r->step != STEP_ENDED && settle(r)) {
        if (r->raw_left) {
            take_raw(r);
            continue;
        }
        switch (r->step) {
        case STEP_NUMBER:
            begin_unit(r);
            break;
        case STEP_LEVEL:
            take_level(r);
            break;
#if WT_DIFFERENCE
        case STEP_COMMON:
            take_common(r);
            break;
#endif
        case STEP_KIND:
        case STEP_EXCEPTIONS:
            take_decision(r);
            break;
        default:
            go_on(r);
        }
    }
}

/* Behind the end of a codeword nothing may come. */
static void take_coded(struct wt_receiver *r, const uint8_t *bytes, uint16_t count)
{
    r->in = bytes;
    r->in_end = bytes + count;
    decode(r);
    if (r->in != r->in_end)
        broken(r);
}

/* MILESTONE and FINISH end the codeword that is open; its last bytes are zero and were left out. */
static void end_codeword(struct wt_receiver *r)
{
    static const uint8_t zeros[CODE_SIZE] = {0, 0, 0, 0};
    if (!r->range)
        return;
    r->in = zeros;
    r->in_end = zeros + CODE_SIZE;
    decode(r);
    if (r->step != STEP_ENDED)
        broken(r);
    begin_codeword(r);
}
#endif
