/* The C receiver as a shared library for the tests: what a firmware lends it, and the events as
   text. Image and states are between guards of the sanitizer, for they are blocks of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wtserial.c"

#define WINDOW_BLOCKS 19u

struct harness {
    struct wt_receiver receiver;
    struct wt_config config;
    uint8_t *table;
    uint8_t *image;
    uint16_t check_milliseconds;
    bool is_stored;
    bool is_no_good; /* each model that is tried */
    bool reports; /* a metric at each milestone */
#if WT_FLASH
    struct wt_flash flash;
    uint8_t *flash_bytes; /* of the caller */
    uint32_t flash_count; /* operations so far */
    uint32_t flash_cut;   /* the one in which the power goes off */
    uint32_t flash_seed;
    uint32_t flash_worn;  /* a byte whose lowest bit is stuck at one */
    char flash_log[65536];
#endif
    char events[65536];
    size_t events_length;
};

static uint16_t take_event(void *context, enum wt_event event, uint16_t first, uint16_t second)
{
    static const char *const names[] = {"accepted", "updated",  "milestone",
                                        "check",    "complete", "closed",
                                        "switched"};
    struct harness *h = context;
    size_t room = sizeof h->events - h->events_length;
    if (room > 64)
        h->events_length += (size_t)snprintf(h->events + h->events_length, room, "%s %u %u\n",
                                             names[event], first, second);
    if (event == WT_MILESTONE && h->reports)
        wt_metric(&h->receiver, "accuracy", 987, 1, "%");
    if (event == WT_SWITCHED)
        return !h->is_no_good;
    return event == WT_CHECK ? h->check_milliseconds : event == WT_COMPLETE ? h->is_stored : 0;
}

#if !WT_MEMORY && !WT_FLASH
static void read_image(void *context, uint32_t offset, uint8_t *bytes, uint16_t count)
{
    memcpy(bytes, ((struct harness *)context)->image + offset, count);
}

static void write_image(void *context, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
    memcpy(((struct harness *)context)->image + offset, bytes, count);
}
#endif

#if WT_FLASH
/* What a power cut leaves: some bits have changed, others have not. */
static uint8_t partly(struct harness *h, uint8_t before, uint8_t after)
{
    uint8_t mask;
    h->flash_seed = h->flash_seed * 1664525u + 1013904223u;
    mask = (uint8_t)(h->flash_seed >> 24);
    return (uint8_t)((before & ~mask) | (after & mask));
}

static void change(struct harness *h, uint32_t offset, const uint8_t *bytes, uint32_t count)
{
    uint32_t number = h->flash_count++;
    if (number < sizeof h->flash_log - 1)
        h->flash_log[number] = bytes ? 'p' : 'e';
    if (number > h->flash_cut)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *place = h->flash_bytes + offset + i, after = 0xFF;
        if (bytes) {
            after = bytes[i] & *place;
            if (offset + i == h->flash_worn)
                after |= 1;
        }
        *place = number == h->flash_cut ? partly(h, *place, after) : after;
    }
}

static uint32_t flash_size(const struct harness *h)
{
    return (h->flash.page_count + WT_JOURNAL_PAGES) * h->flash.page_size;
}

static void flash_erase(void *context, uint16_t page)
{
    struct harness *h = context;
    if (page >= h->flash.page_count + WT_JOURNAL_PAGES)
        abort();
    change(h, page * h->flash.page_size, NULL, h->flash.page_size);
}

static void flash_program(void *context, uint32_t offset, const uint8_t *bytes, uint8_t count)
{
    struct harness *h = context;
    if (count != h->flash.unit || offset % count || offset + count > flash_size(h))
        abort();
#if WT_MEMORY
    if (h->flash_count <= h->flash_cut)
        for (uint8_t i = 0; i < count; i++)
            if (h->flash_bytes[offset + i] != 0xFF) /* it is programmed once */
                abort();
#endif
    change(h, offset, bytes, count);
}

static void flash_read(void *context, uint32_t offset, uint8_t *bytes, uint8_t count)
{
    struct harness *h = context;
    if (offset + count > flash_size(h))
        abort();
    memcpy(bytes, h->flash_bytes + offset, count);
}

void h_flash(struct harness *h, uint8_t *bytes, uint32_t page_size, uint16_t page_count,
             uint8_t unit, uint32_t cut, uint32_t seed, uint32_t worn)
{
    h->flash = (struct wt_flash){.page_size = page_size, .page_count = page_count,
                                 .milliseconds = 20, .unit = unit, .erase = flash_erase,
                                 .program = flash_program, .read = flash_read};
    h->flash_bytes = bytes;
    h->flash_cut = cut;
    h->flash_seed = seed;
    h->flash_worn = worn;
    h->config.flash = &h->flash;
}

const char *h_flash_log(struct harness *h)
{
    return h->flash_log;
}

bool h_is_kept(struct harness *h)
{
    return wt_restore(&h->receiver);
}

bool h_roll_back(struct harness *h)
{
    return wt_roll_back(&h->receiver);
}
#endif

struct harness *h_new(const uint8_t *table, uint16_t table_size, uint16_t tensors,
                      uint32_t image_size, uint16_t mtu, uint16_t outbox_size)
{
    struct harness *h = calloc(1, sizeof *h);
    h->table = malloc(table_size);
    memcpy(h->table, table, table_size);
    h->image = malloc(image_size ? image_size : 1);
    memset(h->image, 0xA5, image_size);
    h->is_stored = true;
    h->config = (struct wt_config){
        .table = h->table,
        .table_size = table_size,
        .states = calloc(tensors ? tensors : 1, sizeof(struct wt_state)),
        .mtu = mtu,
        .frame = malloc(mtu),
        .outbox = malloc(outbox_size),
        .outbox_size = outbox_size,
        .name = "board",
#if WT_MEMORY
        .image = h->image,
#elif !WT_FLASH
        .read = read_image,
        .write = write_image,
#endif
#if WT_WINDOW
        .window = malloc(WT_WINDOW_SIZE(WINDOW_BLOCKS)),
        .window_blocks = WINDOW_BLOCKS,
#endif
        .event = take_event,
        .context = h,
    };
    return h;
}

void h_init(struct harness *h, uint32_t nonce)
{
    wt_init(&h->receiver, &h->config, nonce);
}

void h_behave(struct harness *h, uint16_t check_milliseconds, bool is_stored)
{
    h->check_milliseconds = check_milliseconds;
    h->is_stored = is_stored;
}

void h_reject(struct harness *h, bool is_no_good)
{
    h->is_no_good = is_no_good;
}

void h_report(struct harness *h)
{
    h->reports = true;
}

void h_free(struct harness *h)
{
    free(h->table);
    free(h->image);
    free(h->config.states);
    free(h->config.frame);
#if WT_WINDOW
    free(h->config.window);
#endif
    free(h->config.outbox);
    free(h);
}

void h_receive(struct harness *h, const uint8_t *bytes, uint16_t count, uint32_t now)
{
    wt_receive(&h->receiver, bytes, count, now);
}

uint16_t h_transmit(struct harness *h, uint8_t *out, uint32_t now)
{
    return wt_transmit(&h->receiver, out, now);
}

uint32_t h_deadline(struct harness *h, uint32_t now)
{
    return wt_deadline(&h->receiver, now);
}

void h_busy(struct harness *h, uint16_t milliseconds)
{
    wt_busy(&h->receiver, milliseconds);
}

bool h_metric(struct harness *h, const char *name, int32_t value, uint8_t digits, const char *unit)
{
    return wt_metric(&h->receiver, name, value, digits, unit);
}

const uint8_t *h_image(struct harness *h)
{
#if WT_FLASH && !WT_MEMORY
    for (uint32_t i = 0; i < h->receiver.image_size; i++)
        h->image[i] = wt_byte(&h->receiver, i);
#endif
    return h->image;
}

const uint8_t *h_states(struct harness *h)
{
    return (const uint8_t *)h->config.states;
}

const char *h_events(struct harness *h)
{
    return h->events;
}

#if WT_CODEC
int16_t h_weight(struct harness *h, uint16_t tensor, uint8_t byte)
{
    return wt_weight(byte, &h->config.states[tensor]);
}
#endif

uint32_t h_crc(const uint8_t *bytes, uint16_t count)
{
    uint32_t crc = 0xFFFFFFFFu;
    while (count--)
        crc = crc_steps(crc ^ *bytes++, 8);
    return ~crc;
}

uint32_t h_session_of(const uint8_t *frame, uint16_t count)
{
    return session_of(frame, count);
}

uint16_t h_seal(uint32_t session, uint8_t kind, uint16_t number, const uint8_t *payload,
                uint8_t count, uint8_t *out)
{
    struct wt_receiver r = {.session = session};
    memcpy(out + 4, payload, count);
    return seal(&r, out, kind, number, count);
}

#if WT_CORRECTION
uint16_t h_size_without_parity(uint16_t total, uint8_t strength)
{
    return size_without_parity(total, strength);
}

uint16_t h_correct(uint8_t *frame, uint16_t total, uint8_t strength)
{
    return correct_frame(frame, total, strength);
}
#endif
