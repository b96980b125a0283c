// The C99 receiver on a board. When all of the model is there it tells the sender's user the CRC-32 of
// the image and what receiving has cost; with RECEIVER_COST it also writes a line when a session is over,
// for Scripts/device-cost. With WT_FLASH the model stays in the board's flash, and it tells the CRC-32 of
// the one that it has found there; with WT_WINDOW it tells the bytes that the UART has lost.
#include <board.h>

#include "model.h"

#ifndef RECEIVER_MTU
#define RECEIVER_MTU 262
#endif
#ifndef RECEIVER_OUTBOX_BYTES
#define RECEIVER_OUTBOX_BYTES (WT_HELD ? 256 : 192)
#endif
// Bytes of the image whose digest takes a millisecond, four of floats each: the sender is told to wait.
#ifndef RECEIVER_DIGEST_RATE
#define RECEIVER_DIGEST_RATE 32
#endif

// Bytes that the receiver is given at once, at most.
#ifndef RECEIVER_CHUNK_BYTES
#define RECEIVER_CHUNK_BYTES 64
#endif

#if WT_WINDOW
// What is under way at most, in blocks of 16 bytes. While a frame is worked through, as much comes as the
// line brings in that time, which the ring has to hold; the rest waits here for a frame that was lost.
#ifndef RECEIVER_WINDOW_BLOCKS
#define RECEIVER_WINDOW_BLOCKS 64
#endif
static uint8_t window[WT_WINDOW_SIZE(RECEIVER_WINDOW_BLOCKS)];
#endif

static struct wt_receiver receiver;
static struct wt_state states[MODEL_TENSORS];
static uint8_t frame[RECEIVER_MTU], outbox[RECEIVER_OUTBOX_BYTES];
#if WT_MEMORY
static WT_ALIGNED uint8_t image[MODEL_IMAGE_SIZE];
#endif

// Of the session, and of the model's digests.
static uint32_t byte_count, receiving, digesting;

static uint8_t image_byte(uint32_t offset) {
#if WT_MEMORY
  return image[offset];
#else
  return wt_byte(&receiver, offset);
#endif
}

static uint32_t image_checksum(void) {
  uint32_t crc = UINT32_MAX;
  for (uint32_t index = 0; index < MODEL_IMAGE_SIZE; index++) {
    crc ^= image_byte(index);
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

#if WT_FLASH
static struct wt_flash flash;
// Of the image that was there at the start, or 0.
static uint32_t found;

static void erase_page(void *context, uint16_t page) {
  (void)context;
  board_flash_erase(page);
}

static void program_unit(void *context, uint32_t offset, const uint8_t *bytes, uint8_t count) {
  (void)context;
  board_flash_program(offset, bytes, count);
}

static void read_flash(void *context, uint32_t offset, uint8_t *bytes, uint8_t count) {
  (void)context;
  const volatile uint8_t *place = (const volatile uint8_t *)(uintptr_t)(board_flash_geometry().base + offset);
  while (count--) *bytes++ = *place++;
}

// Two slots at the beginning of the board's flash; behind them, with WT_RESUME, the journal.
static void start_flash(void) {
  struct board_flash geometry = board_flash_geometry();
  uint32_t pages = 1;
  while (pages * geometry.page_bytes < WT_SLOT_SIZE(MODEL_TENSORS, MODEL_IMAGE_SIZE)) pages++;
  flash = (struct wt_flash){
      .page_size = geometry.page_bytes,
      .page_count = (uint16_t)(2 * pages),
      .milliseconds = (uint16_t)geometry.erase_milliseconds,
      .unit = (uint8_t)geometry.unit_bytes,
      .erase = erase_page,
      .program = program_unit,
      .read = read_flash,
  };
}
#endif

static uint16_t take_event(void *context, enum wt_event event, uint16_t first, uint16_t second) {
  (void)context;
  (void)second;
  switch (event) {
    case WT_ACCEPTED:
      byte_count = receiving = 0;
      break;
    case WT_MILESTONE:
      if (first < WT_TIER_ALL_PLANES) break;
      // The unit has none of the outbox's bytes to spare where that is small.
      wt_metric(&receiver, "CRC", (int32_t)image_checksum(), 0, "");
      wt_metric(&receiver, "kilocycles", (int32_t)receiving, 0, "");
#if WT_FLASH
      wt_metric(&receiver, "found", (int32_t)found, 0, "");
#endif
#if WT_WINDOW
      wt_metric(&receiver, "lost", (int32_t)board_lost(), 0, "");
#endif
      break;
    case WT_CHECK:
      digesting = board_kilocycles();
      return MODEL_IMAGE_SIZE / RECEIVER_DIGEST_RATE;
    case WT_COMPLETE:
      digesting = board_kilocycles() - digesting;
      return 1;
    case WT_SWITCHED:
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
#if WT_MEMORY
    .image = image,
#endif
#if WT_FLASH
    .flash = &flash,
#endif
#if WT_WINDOW
    .window = window,
    .window_blocks = RECEIVER_WINDOW_BLOCKS,
#endif
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
#if WT_FLASH
  start_flash();
#endif
  wt_init(&receiver, &config, board_nonce());
#if WT_FLASH
  if (wt_restore(&receiver)) found = image_checksum();
#endif
  for (;;) {
    receive();
    while (transmit()) {
    }
    board_wait();
  }
}
