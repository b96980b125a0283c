// The C99 receiver on a board. When all of the model is there it tells the sender's user the CRC-32 of
// the image and what receiving has cost; with RECEIVER_COST it also writes a line when a session is over,
// for Scripts/device-cost.
#include <board.h>

#include "model.h"

#ifndef RECEIVER_MTU
#define RECEIVER_MTU 262
#endif
#ifndef RECEIVER_OUTBOX_BYTES
#define RECEIVER_OUTBOX_BYTES 192
#endif
// Bytes of the image whose digest takes a millisecond, four of floats each: the sender is told to wait.
#ifndef RECEIVER_DIGEST_RATE
#define RECEIVER_DIGEST_RATE 32
#endif

// Bytes that the receiver is given at once, at most.
#ifndef RECEIVER_CHUNK_BYTES
#define RECEIVER_CHUNK_BYTES 64
#endif

// The last milestones (Protocol.md §5.8): all planes there are to be, and the model as it was sent.
enum { TIER_ALL_PLANES = 64 };

static struct wt_receiver receiver;
static struct wt_state states[MODEL_TENSORS];
static WT_ALIGNED uint8_t image[MODEL_IMAGE_SIZE], frame[RECEIVER_MTU], outbox[RECEIVER_OUTBOX_BYTES];

// Of the session, and of the model's digests.
static uint32_t byte_count, receiving, digesting;

static uint32_t image_checksum(void) {
  uint32_t crc = UINT32_MAX;
  for (uint32_t index = 0; index < sizeof image; index++) {
    crc ^= image[index];
    for (uint8_t bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

#ifdef RECEIVER_COST
static void send_number(uint32_t number) {
  if (number >= 10) send_number(number / 10);
  board_send((uint8_t)('0' + number % 10));
}

static void tell_cost(void) {
  const uint32_t numbers[] = {byte_count, receiving, digesting, board_lost(), board_stack_used()};
  for (const char *text = "\ncost"; *text; text++) board_send((uint8_t)*text);
  for (unsigned index = 0; index < sizeof numbers / sizeof *numbers; index++) {
    board_send(' ');
    send_number(numbers[index]);
  }
  board_send('\n');
}
#else
static void tell_cost(void) {}
#endif

static uint16_t take_event(void *context, enum wt_event event, uint16_t first, uint16_t second) {
  (void)context;
  (void)second;
  switch (event) {
    case WT_ACCEPTED:
      byte_count = receiving = 0;
      break;
    case WT_MILESTONE:
      if (first < TIER_ALL_PLANES) break;
      // The unit has none of the outbox's bytes to spare where that is small.
      wt_metric(&receiver, "CRC", (int32_t)image_checksum(), 0, "");
      wt_metric(&receiver, "kilocycles", (int32_t)receiving, 0, "");
      break;
    case WT_CHECK:
      digesting = board_kilocycles();
      return MODEL_IMAGE_SIZE / RECEIVER_DIGEST_RATE;
    case WT_COMPLETE:
      digesting = board_kilocycles() - digesting;
      return 1;
    case WT_CLOSED:
      tell_cost();
      break;
    default:
      break;
  }
  return 0;
}

static const struct wt_config config = {
    .table = model,
    .table_size = sizeof model,
    .states = states,
    .image = image,
    .frame = frame,
    .mtu = sizeof frame,
    .outbox = outbox,
    .outbox_size = sizeof outbox,
    .name = BOARD_NAME,
    .event = take_event,
};

// What has come, up to the end of a frame, before which there is nothing to do.
static void receive(void) {
  static uint8_t bytes[RECEIVER_CHUNK_BYTES];
  static uint16_t count;
  int32_t byte;
  while ((byte = board_receive()) >= 0) {
    bytes[count++] = (uint8_t)byte;
    if (byte != 0 && count < sizeof bytes) continue;
    uint32_t now = board_milliseconds(), start = board_kilocycles();
    wt_receive(&receiver, bytes, count, now);
    receiving += board_kilocycles() - start;
    byte_count += count;
    count = 0;
    if (byte == 0) return;
  }
}

static bool transmit(void) {
  static uint8_t out[WT_FRAME_SIZE];
  uint16_t count = wt_transmit(&receiver, out, board_milliseconds());
  for (uint16_t index = 0; index < count; index++) board_send(out[index]);
  return count > 0;
}

int main(void) {
  board_start();
  wt_init(&receiver, &config, board_nonce());
  for (;;) {
    receive();
    while (transmit()) {
    }
    board_wait();
  }
}
