/* wtserial.h: takes a neural network's weights from a serial line, as `wtserial send` sends them.

   One C99 file, no heap, no library, no floating point; section numbers (§) are those of
   Protocol.md, and Hardware/store.md says what becomes of a model in memory. The firmware has the
   table of its model (Scripts/model-table writes it), lends all memory, and calls two functions:

     wt_init(&receiver, &config, nonce);
     for (;;) {
         wt_receive(&receiver, bytes, count, now);              what the line has brought
         while ((count = wt_transmit(&receiver, frame, now)) != 0)
             send(frame, count);                                what goes back
         sleep_until_a_byte_comes_or(wt_deadline(&receiver, now));
     }

   All functions are called from one context; an interrupt that takes bytes fills a ring for it.
   Times are milliseconds of any clock that wraps at 2^32. */
#ifndef WTSERIAL_H
#define WTSERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* What is compiled in. */
#ifndef WT_CODEC
#define WT_CODEC 1 /* 1: large tensors come in planes (codec flat); 0: whole, int8 by channel */
#endif
#ifndef WT_SHA256
#define WT_SHA256 1 /* 0: digests are not computed: tell your users that only CRC-32 guards */
#endif
#ifndef WT_CONTINUE
#define WT_CONTINUE 1 /* a session that broke off goes on where it was (§4.5) */
#endif
#ifndef WT_MEMORY
#define WT_MEMORY 1 /* the image is memory; 0: it is behind `read` and `write`, or in flash */
#endif
#ifndef WT_FLASH
#define WT_FLASH 0 /* 1: a model stays in one of two slots of a flash (Hardware/store.md) */
#endif
#ifndef WT_WINDOW
#define WT_WINDOW 0 /* 1: frames come without waiting for answers, and early ones are held (§4.3) */
#endif
#ifndef WT_CORRECTION
#define WT_CORRECTION 0 /* 1: frames that noise has damaged are put right by their parity (§3.5) */
#endif
#ifndef WT_RESUME
#define WT_RESUME 0 /* 1: a transfer goes on behind a reset or a power cut (§5.11); with WT_FLASH */
#endif
#ifndef WT_KEEP
#define WT_KEEP 0 /* 1: tensors that have not changed are kept of the model in use (§5.10) */
#endif
#ifndef WT_DIFFERENCE
#define WT_DIFFERENCE 0 /* 1: takes what has changed as differences from the model in use (§5.10); \
                           with WT_KEEP, WT_CODEC and WT_FLASH */
#endif
#ifndef WT_SWITCH
#define WT_SWITCH 0 /* 1: lists its slots; with WT_FLASH switches between them, too (§5.12) */
#endif
#ifndef WT_FETCH
#define WT_FETCH 0 /* 1: gives back the model that it holds (§5.13); with WT_SHA256 */
#endif
#ifndef WT_HELD /* 1: tells which model it holds, and is not sent that one again (§5.10) */
#define WT_HELD (WT_RESUME || WT_KEEP || WT_SWITCH || WT_FETCH)
#endif
#if WT_DIFFERENCE && !(WT_KEEP && WT_CODEC && WT_FLASH)
#error "WT_DIFFERENCE needs WT_KEEP, WT_CODEC and WT_FLASH"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What is constant. An AVR keeps it in flash, which is another address space there; C++ has no word
   for that, so the table of a sketch is in a file in C. */
#if defined __AVR__ && !defined __cplusplus
#define WT_ROM const __flash
#else
#define WT_ROM const
#endif

/* For the memory of an image: tensors lie at multiples of 4 of it, and a Cortex-M0 reads no float
   elsewhere. */
#if defined __GNUC__
#define WT_ALIGNED __attribute__((aligned(4)))
#else
#define WT_ALIGNED /* align it yourself */
#endif

/* What is known of a tensor; lent, one for each. */
struct wt_state {
    uint16_t level; /* of bit 6 of a magnitude (§6.3); WT_ALL_ZERO if every element is zero */
    uint8_t passes; /* done: S0 1, S1 2, R1 3, … R6 13 */
    uint8_t flags;  /* WT_CAME; in a transfer WT_KEPT, WT_DIFFERS */
};

#define WT_ALL_ZERO 0xFFFFu
#define WT_CAME 1u /* whole, and the digest fits; or its planes have begun */
#define WT_KEPT 2u /* in a transfer: it is that of the model before */
#define WT_DIFFERS 4u /* in a transfer: it comes as a difference from that; bits 4 to 6: planes in common */

enum wt_event {
    WT_ACCEPTED,  /* the sender's model is that of the table: the image is zero and will change */
    WT_UPDATED,   /* a tensor has become better: its index, passes done (0 where it came whole) */
    WT_MILESTONE, /* the model is usable as it is: enum wt_tier, quality in dB or 255 (§5.8) */
    WT_CHECK,     /* digests are about to be computed, then WT_COMPLETE: returns for how many ms; what
                     WT_FLASH takes is added to that */
    WT_COMPLETE,  /* every digest fits: store or use the model; returns whether that worked */
    WT_CLOSED,    /* the session is over: the code of §4.6, or WT_SILENCE */
    WT_SWITCHED   /* with WT_SWITCH and WT_FLASH: another model is in use, and the image is that one: try
                     it; returns whether it is good, or else the one before comes back */
};

/* How far all of the model has come at a milestone (§5.8): the first number of WT_MILESTONE. From
   WT_TIER_PLANES up to 63 it is the number of planes that every large tensor has at least. */
enum wt_tier {
    WT_TIER_SMALL = 0,       /* the small tensors, coarsely */
    WT_TIER_PLANES = 1,
    WT_TIER_ALL_PLANES = 64, /* as many as there are to be */
    WT_TIER_COMPLETE = 65    /* the model as it is sent */
};

#define WT_SILENCE 255u /* nothing heard for 8 s; the sender may go on with the session */

#if WT_FLASH
/* Flash for two slots of half the pages each. With WT_MEMORY a page is erased and a unit programmed
   once for a model, in the end; without, the weights go there as they come, and a unit is
   programmed up to 14 times, each time clearing bits, which most NOR flash bears and none with
   error correction. */
struct wt_flash {
    uint32_t page_size;    /* bytes that are erased together, to ones */
    uint16_t page_count;   /* of both slots: even; WT_JOURNAL_PAGES more lie behind them */
    uint16_t milliseconds; /* that erasing a page takes */
    uint8_t unit;          /* bytes that are programmed together: a power of two, at most 16 */
    void (*erase)(void *context, uint16_t page);
    void (*program)(void *context, uint32_t offset, const uint8_t *bytes, uint8_t count);
    void (*read)(void *context, uint32_t offset, uint8_t *bytes, uint8_t count);
};

/* Bytes of a slot for a model of so many tensors and an image of so many bytes; in a flash of whole
   pages each slot takes as many as hold that. */
#define WT_SLOT_SIZE(tensors, image_size) (352u + ((4u * (tensors) + 15u) & ~15u) + (image_size))

#if WT_RESUME && !WT_MEMORY
#define WT_JOURNAL_PAGES 2u /* each of at least this size, better several times that */
#define WT_JOURNAL_PAGE_SIZE(tensors) \
    (16u + ((100u + 60u * WT_DIFFERENCE + 4u * (tensors) + 15u) & ~15u))
#else
#define WT_JOURNAL_PAGES 0u
#endif
#endif

struct wt_config {
    WT_ROM uint8_t *table;   /* the TENSOR records of the model that is taken (store.md) */
    uint16_t table_size;     /* there is one at least */
    struct wt_state *states; /* one for each tensor */
    uint16_t mtu; /* bytes of `frame`, 32 to 32767: the largest frame that is taken */
    uint8_t *frame;
    uint8_t *outbox; /* what is to be said */
    uint16_t outbox_size; /* at least WT_OUTBOX_SIZE; with WT_FETCH better 256 or more */
    const char *name; /* of the board, at most 32 bytes of UTF-8 */
#if WT_MEMORY
    uint8_t *image; /* as large as the table says, and WT_ALIGNED: tensors lie at multiples of 4 */
#elif !WT_FLASH
    void (*read)(void *context, uint32_t offset, uint8_t *bytes, uint16_t count);
    void (*write)(void *context, uint32_t offset, const uint8_t *bytes, uint16_t count);
#endif
#if WT_FLASH
    const struct wt_flash *flash;
#endif
#if WT_WINDOW
    uint8_t *window;        /* WT_WINDOW_SIZE(window_blocks) bytes */
    uint16_t window_blocks; /* at most 2047 */
#endif
    uint16_t (*event)(void *context, enum wt_event event, uint16_t first, uint16_t second);
    void *context; /* handed to the callbacks */
};

#ifndef WT_PAYLOAD_SIZE /* of what is sent: a multiple of 16, 240 at most */
#define WT_PAYLOAD_SIZE (WT_FETCH ? 128u : 16u)
#endif
#define WT_FRAME_SIZE (20u + WT_PAYLOAD_SIZE)
#define WT_OUTBOX_SIZE (WT_SWITCH ? 256u : WT_HELD ? 208u : 128u)
#define WT_WINDOW_SIZE(blocks) (16u * (blocks) + ((blocks) + 7u) / 8u)
#define WT_DIGEST_SIZE 32u
#define WT_PIECE_SIZE 32u
#define WT_NAME_SIZE 32u
#define WT_UNIT_LIMIT 16u

#if WT_FLASH
/* Bytes that are programmed one behind the other. */
struct wt_writer {
    uint32_t at, crc;
    uint8_t unit[WT_UNIT_LIMIT];
};
#endif

struct wt_sha256 {
    uint32_t hash[8];
    uint32_t words[16];
    uint32_t count;
};

/* The fields are private. Small ones come first: what is near the beginning takes short
   instructions, bytes up to 31 on a Cortex-M0. */
struct wt_receiver {
    /* Line and link (§3, §4). */
    uint8_t group, group_left; /* code of the open group (0: none), bytes of it to come */
    uint8_t owed;              /* answers */
    uint8_t sent;              /* bytes of the outbox that are on their way */
    uint8_t closing, closing_code; /* CLOSE frames to be sent */
    bool is_open, is_busy;
    bool is_last_word; /* behind what is in the outbox the session is closed */
#if WT_WINDOW || WT_CORRECTION
    uint8_t in_use, in_use_pending; /* of these two (§4.1); and in the session that is pending */
#endif
#if WT_CORRECTION
    uint8_t parity_kind; /* of the last frame that had parity, or 0 */
    uint32_t corrected;  /* as reported (§4.3): bytes in the lower half, frames in the upper one */
#endif
#if WT_WINDOW
    uint16_t window_at; /* where the block behind the expected one is in the window, if it is */
#endif

    /* Records (§5). */
    uint8_t part, kind, field;
    uint8_t shift; /* of the varint that is open */
    uint8_t tier;  /* of the last milestone */
    uint8_t work;  /* that waits until the sender has been told */
#if WT_HELD
    uint8_t terms, term; /* of the offer: flags (§5.3); bytes behind its name */
#if !WT_FLASH
    bool is_held; /* the image is a whole model, of the digest `held` */
#endif
#endif
#if WT_SWITCH
    uint8_t listings; /* that are asked for */
#endif
#if WT_FETCH
    uint8_t giving; /* the part of a model that is given next */
#endif
#if WT_FLASH
    uint8_t whole; /* a bit for each slot that holds a model */
#endif

    /* The coded stream (§6.3). */
    uint8_t raw_left, step, coded_dtype;
    uint8_t fill; /* of the range: ones while the first bytes of a codeword come */

    uint16_t length;   /* bytes of the frame that comes in */
    uint16_t tensors;  /* of the table */
    uint16_t expected; /* block of the incoming stream */
    uint16_t base;     /* block of the outgoing stream with which the outbox begins */
    uint16_t out;      /* bytes in the outbox */
    uint16_t timeout;
    uint16_t allowed; /* a bit for each kind of record that may come */
    uint16_t model_kinds; /* those between ACCEPT and FINISH */
    uint16_t left;    /* bytes of the body to come */
    uint16_t place;   /* in the table */
    uint16_t tensor;  /* that comes whole */
    uint16_t contents; /* tensors with content */

    const struct wt_config *config;
    struct wt_state *coded_state; /* of the tensor whose unit has come last */
    uint32_t image_size;
    uint32_t now;
    uint32_t session; /* the last one; its streams are kept until the next; 0: none */
    uint32_t pending; /* of the WELCOME whose first frame is awaited; 0: none */
    uint32_t heard;  /* when, or until when a BUSY lasts; without a session: the last READY */
    uint32_t resend; /* when DATA may go out */
    uint32_t busy_until;
    uint32_t value;
    uint32_t at, end; /* in the image: of the tensor that comes whole, the next byte, and its end */
    uint32_t coded_at, coded_end; /* of the pass: the next weight, and the end of them */
    uint32_t range, code, raw;
    const uint8_t *in, *in_end; /* what has come of the coded stream and is to be decoded */

#if WT_CODEC
    uint32_t models[WT_DIFFERENCE ? 25 : 5];
#else
    bool is_channels; /* a large tensor comes whole */
#endif
    uint32_t welcome[6]; /* §4.1: the nonces, and the session that is gone on with */
    uint8_t digest[WT_DIGEST_SIZE];
#if WT_SHA256
    struct wt_sha256 manifest; /* or of the tensor that is given */
#endif
#if WT_HELD
    uint8_t offered[8]; /* identity of the offer (§5.11) */
#if !WT_FLASH
    uint8_t held[WT_DIGEST_SIZE];
#endif
#endif
#if WT_KEEP
    uint16_t related; /* tensors with content of which BASIS has told */
#endif
#if WT_FETCH
    uint16_t payload_limit; /* bytes that the initiator takes in a frame */
    uint32_t given_model;   /* where its slot begins */
    uint32_t passed;        /* bytes of its stream that the initiator has already */
#endif
#if WT_RESUME && WT_FLASH
    bool is_noted;  /* the transfer at hand */
    bool is_noting; /* more of it */
    uint8_t identity[8]; /* of the transfer that has not come to its end */
    uint32_t noted;      /* bytes of its stream that a reset leaves; 0: there is no such transfer */
    uint32_t stream;     /* bytes of the stream that have come */
#if WT_MEMORY
    struct wt_writer note;
    uint32_t note_crc;    /* of the first block, which others begin with */
    uint32_t note_number; /* of the block at hand */
#else
    uint32_t entry_at, entry_next, entry_number; /* the newest one of the journal; where one more goes */
#endif
#endif
#if !WT_MEMORY
    uint8_t piece[WT_PIECE_SIZE];
#endif
#if WT_FLASH || WT_HELD
    uint8_t name[WT_NAME_SIZE];
#endif
#if WT_FLASH
    uint32_t generation; /* the highest of the models that are there */
    uint32_t slot;       /* where that of the model in use begins, or none */
#if !WT_MEMORY
    uint32_t image_at, unit_at;  /* in the flash: of the image that is read and written; of `unit` */
    uint8_t image_mask;          /* ones where it is inverted, as what is written always is */
    uint8_t unit[WT_UNIT_LIMIT]; /* that is being written */
#endif
#endif
};

/* `config` stays where it is. With WT_FLASH it looks for a model, as wt_restore does. The nonce
   differs from reset to reset: random bits, or a counter. */
void wt_init(struct wt_receiver *receiver, const struct wt_config *config, uint32_t nonce);

/* Takes what the line has brought, from one byte to many. */
void wt_receive(struct wt_receiver *receiver, const uint8_t *bytes, uint16_t count, uint32_t now);

/* Writes a frame for the line, of WT_FRAME_SIZE bytes at most, and returns its length; 0: nothing
   to send. To be called after each wt_receive and at each deadline, until it returns 0. Computes the
   digests behind the frame that announces it, and so takes long then. */
uint16_t wt_transmit(struct wt_receiver *receiver, uint8_t *out, uint32_t now);

/* In how many milliseconds wt_transmit has something to do, if no byte comes; at most 2^31. */
uint32_t wt_deadline(const struct wt_receiver *receiver, uint32_t now);

/* Tells the sender to wait, for instance while flash is erased; from an event, or at any time.
   Begin when wt_transmit has returned 0. */
void wt_busy(struct wt_receiver *receiver, uint16_t milliseconds);

#if WT_CODEC
/* What a byte of planes stands for, the middle of what is possible: -255 to 255, in units of
   2^(level - 7 - B), where B makes an exponent of a level: 149 for float32 (store.md). */
int16_t wt_weight(uint8_t byte, const struct wt_state *state);
#endif

#if WT_FLASH
/* Goes back to the model that stays, after one that has not come to its end; false: there is none. */
bool wt_restore(struct wt_receiver *receiver);

/* Gives up the model in use for the one before it, by one write; false: there is none, and it
   stays. To be called at any time, as behind a reset of which the model may be the cause. */
bool wt_roll_back(struct wt_receiver *receiver);
#if !WT_MEMORY
/* A byte of the image. */
uint8_t wt_byte(struct wt_receiver *receiver, uint32_t offset);
#endif
#endif

/* Shows the sender's user a number that was measured with the model as far as it has come:
   value / 10^digits, digits at most 9; the unit has at most 16 bytes, the name 1 to 64 (§5.9).
   False: not now. */
bool wt_metric(struct wt_receiver *receiver, const char *name, int32_t value, uint8_t digits,
               const char *unit);

#ifdef __cplusplus
}
#endif

#endif
