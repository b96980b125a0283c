/* The C receiver as a shared library for the tests: what a firmware lends it, and the events as
   text. Image and states are between guards of the sanitizer, for they are blocks of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wtserial.c"

struct harness {
    struct wt_receiver receiver;
    struct wt_config config;
    uint8_t *table;
    uint8_t *image;
    uint16_t check_milliseconds;
    bool is_stored;
    bool reports; /* a metric at each milestone */
    char events[65536];
    size_t events_length;
};

static uint16_t take_event(void *context, enum wt_event event, uint16_t first, uint16_t second)
{
    static const char *const names[] = {"accepted", "updated",  "milestone",
                                        "check",    "complete", "closed"};
    struct harness *h = context;
    size_t room = sizeof h->events - h->events_length;
    if (room > 64)
        h->events_length += (size_t)snprintf(h->events + h->events_length, room, "%s %u %u\n",
                                             names[event], first, second);
    if (event == WT_MILESTONE && h->reports)
        wt_metric(&h->receiver, "accuracy", 987, 1, "%");
    return event == WT_CHECK ? h->check_milliseconds : event == WT_COMPLETE ? h->is_stored : 0;
}

#if !WT_MEMORY
static void read_image(void *context, uint32_t offset, uint8_t *bytes, uint16_t count)
{
    memcpy(bytes, ((struct harness *)context)->image + offset, count);
}

static void write_image(void *context, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
    memcpy(((struct harness *)context)->image + offset, bytes, count);
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
#else
        .read = read_image,
        .write = write_image,
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
