/* wtserial.c: the receiver. Section numbers (§) are those of Protocol.md; store.md is beside this
   folder.

   Bytes go up: wt_receive (line) → take_frame (link) → take (records) → decode (coded stream) and
   the image. Nothing waits: each layer keeps its place and goes on with the next byte. What is to
   be said collects in the outbox and in `owed`, and wt_transmit makes frames of it.

   The parts are no headers: each is included once, here, behind those that it calls, so that all of it
   is one file to a compiler. They end in .h because some builds compile every .c that they find, and
   Arduino takes nothing of another ending along with a sketch. */
#include "wtserial.h"

#include <stddef.h>

/* Not from <string.h>: a compiler for bare processors may come without. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int byte, size_t count);

/* Functions that compilers had better not inline: it makes the code larger, found by trying. */
#ifdef __GNUC__
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* What all of it stands on. */
#include "parts/names.h"        /* the numbers of Protocol.md; which options bring one another */
#include "parts/checksum.h"     /* words and times; CRC-32 and seal (§3.4) */
#include "parts/parity.h"       /* correction of a frame (§3.5) */
#include "parts/sha256.h"       /* FIPS 180-4 */
#include "parts/outbox.h"       /* records that go out; FAILED (§5.7) */
#include "parts/tensors.h"      /* the table of the model */

/* The model: where it is, and what is known of it. */
#include "parts/slots.h"        /* in flash: which slot is in use (store.md) */
#include "parts/storing.h"      /* in flash: what is written (store.md) */
#include "parts/image.h"        /* the weights, wherever they are */
#include "parts/digests.h"      /* of floats that have come in planes (§5.5, §5.6) */
#include "parts/models.h"       /* one is checked and kept, another one put in use (§5.6, §5.10, §5.12) */

/* The coded stream. */
#include "parts/decisions.h"    /* the range decoder (§6.3) */
#include "parts/differences.h"  /* decisions about a tensor that has a base (§6.3, Bases) */
#include "parts/coded_stream.h" /* codewords, units, passes (§6.3) */

/* A transfer that goes on after a reset (§5.11, store.md). */
#include "parts/noted_stream.h" /* what is noted where the image is in memory */
#include "parts/journal.h"      /* what is noted where it is in flash */
#include "parts/resuming.h"     /* how such a transfer begins, is left, is forgotten */

/* Records. */
#include "parts/listing.h"      /* what is said of models that are held (§5.2, §5.12) */
#include "parts/giving.h"       /* reading back (§5.13) */
#include "parts/offer.h"        /* terms, manifest, basis, ACCEPT (§5.3) */
#include "parts/records.h"      /* all that come in (§5) */

/* The link. */
#include "parts/window.h"       /* frames that have come too early; reports (§4.3) */
#include "parts/sessions.h"     /* HELLO, INFO, the end (§4.1, §4.5, §4.6) */
#include "parts/link.h"         /* frames of a session (§4.2 to §4.4) */
#include "parts/frames.h"       /* seal and stuffing (§3) */

/* What the firmware calls; wt_byte, wt_restore and wt_roll_back are in storing.h, wt_weight is in
   digests.h. */

void wt_init(struct wt_receiver *r, const struct wt_config *config, uint32_t nonce)
{
    memset(r, 0, sizeof *r);
    r->config = config;
    r->welcome[0] = WELCOME_HEAD;
    r->welcome[WELCOME_NONCE] = nonce;
    r->welcome[WELCOME_LIMITS] = config->mtu;
#if WT_WINDOW
    r->welcome[WELCOME_LIMITS] |= (uint32_t)config->window_blocks << 16;
#endif
    r->welcome[WELCOME_CAPABILITIES] = CAPABILITIES;
    struct tensor t;
    t.next = NULL;
    while (next_tensor(r, &t))
        r->contents = (uint16_t)(r->contents + (t.end != t.offset));
    r->tensors = (uint16_t)(t.index + 1u);
    r->image_size = t.end;
#if WT_FLASH
    find_slots(r);
    wt_restore(r);
#if RESUMES
    find_noted(r);
#endif
#endif
}

APART static void look_at_clock(struct wt_receiver *r, uint32_t now)
{
    r->now = now;
    if (r->is_open && reached(now, r->heard + SILENCE_LIMIT))
        end_session(r, WT_SILENCE);
}

/* §3.2: the zero that a group stands for is written when the next one begins, for the last has
   none. */
void wt_receive(struct wt_receiver *r, const uint8_t *bytes, uint16_t count, uint32_t now)
{
    look_at_clock(r, now);
    for (; count--; bytes++) {
        if (*bytes && r->group_left) {
            r->group_left--;
            store(r, *bytes);
        } else if (*bytes) {
            if (r->group && r->group != 0xFF)
                store(r, 0);
            r->group = *bytes;
            r->group_left = (uint8_t)(*bytes - 1);
        } else {
            if (r->group)
                take_frame(r);
            r->group = r->group_left = 0;
            r->length = 0;
        }
    }
}

typedef void task(struct wt_receiver *);

static task *task_of(uint8_t work)
{
    switch (work) {
#if PREPARES
    case WORK_ACCEPT:
        return accept;
#endif
#if WT_HELD
    case WORK_ANSWER:
        return answer;
#endif
#if RESUMES && !WT_MEMORY
    case WORK_NOTE:
        return turn_page;
#endif
    default:
        return check_model;
    }
}

#if WT_SWITCH
#define LISTINGS(r) ((r)->listings) /* that are to be said first */
#else
#define LISTINGS(r) 0
#endif

uint16_t wt_transmit(struct wt_receiver *r, uint8_t *out, uint32_t now)
{
    uint8_t *payload = out + 4, *end = payload, kind;
    uint16_t number = 0;
    look_at_clock(r, now);
    if (r->is_busy && reached(now, r->busy_until))
        r->is_busy = false;
    if (r->owed & OWED_WELCOME) {
        r->owed &= (uint8_t)~OWED_WELCOME;
        kind = KIND_WELCOME;
        for (uint8_t i = 0; i < WELCOME_WORDS; i++)
            end = put_word(end, r->welcome[i]);
    } else if (r->owed & OWED_READY) {
        r->owed = 0;
        kind = KIND_READY;
    } else if (!r->is_open) {
        return 0;
    } else if (r->closing && !(GIVES && r->owed)) {
        kind = KIND_CLOSE;
        *end++ = r->closing_code;
    } else if (r->owed) {
        kind = r->owed & OWED_ACK ? KIND_ACK : KIND_NAK;
        number = r->expected;
        r->owed = 0;
        if (r->is_busy) {
            uint32_t rest = r->busy_until - now;
            kind = KIND_BUSY;
            *end++ = (uint8_t)rest;
            *end++ = (uint8_t)(rest >> 8);
        }
#if CAPABILITIES
        if (r->in_use)
            end = put_report(r, end);
#endif
    } else {
#if WT_SWITCH
        if (r->listings && !r->out) {
            r->listings--;
            say_listing(r);
        }
#endif
        if (r->work && !LISTINGS(r)) {
            task *do_work = task_of(r->work);
            r->work = WORK_NONE;
            r->is_busy = false;
            do_work(r); /* which may make work, and announce it */
        }
#if GIVES
        if (r->giving && !r->sent)
            give(r);
#endif
        if (!r->out || !reached(now, r->resend))
            return 0;
        if (!r->sent)
            r->sent = (uint8_t)(r->out < SENT_LIMIT(r) ? r->out : SENT_LIMIT(r));
        kind = KIND_DATA;
        number = r->base;
        memcpy(payload, r->config->outbox, r->sent);
        end += r->sent;
        r->resend = now + r->timeout;
        r->timeout = (uint16_t)(r->timeout < LAST_TIMEOUT / 2 ? r->timeout * 2 : LAST_TIMEOUT);
    }
    uint16_t length = seal(r, out, kind, number, (uint8_t)(end - payload));
    if (kind == KIND_CLOSE && !--r->closing)
        end_session(r, r->closing_code);
    return length;
}

uint32_t wt_deadline(const struct wt_receiver *r, uint32_t now)
{
    uint32_t time = r->heard + SILENCE_LIMIT;
    if (r->owed || (r->is_open && (r->work || r->closing)))
        return 0;
#if GIVES
    if (r->is_open && !r->out && r->giving >= GIVE_UNIT && r->giving < GIVE_END)
        return 0;
#endif
    if (!r->is_open)
        return 0x80000000u;
    if (r->out && !reached(r->resend, time))
        time = r->resend;
    return reached(now, time) ? 0 : time - now;
}

void wt_busy(struct wt_receiver *r, uint16_t milliseconds)
{
    if (!milliseconds || !r->is_open)
        return;
    r->is_busy = true;
    r->busy_until = r->heard = r->now + milliseconds;
    r->owed |= OWED_ACK;
}

bool wt_metric(struct wt_receiver *r, const char *name, int32_t value, uint8_t digits,
               const char *unit)
{
    uint8_t name_length = length_of(name, METRIC_NAME_LIMIT);
    uint8_t unit_length = length_of(unit, METRIC_UNIT_LIMIT), *p = r->config->outbox + r->out;
    uint8_t length = (uint8_t)(7 + name_length + unit_length);
    /* The longest FAILED has to fit behind it. */
    if (!r->is_open || !(WT_HELD ? r->allowed & (BIT(UNIT) | BIT(CONTENT)) : r->allowed & ~BIT(OFFER))
        || length + FAILED_ROOM > (uint16_t)(r->config->outbox_size - r->out))
        return false;
    *p++ = METRIC;
    *p++ = length;
    *p++ = r->tier;
    *p++ = digits;
    p = put_word(p, (uint32_t)value);
    *p++ = unit_length;
    memcpy(p, unit, unit_length);
    memcpy(p + unit_length, name, name_length);
    r->out = (uint16_t)(r->out + length + 2);
    return true;
}
