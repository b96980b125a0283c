// Sends back what it receives, and tests the board: after an escape, a letter says what is to be done.
// The answer is a line, `command: value …`.
#include "board.h"

enum { ESCAPE = 0x1B, PATTERN_BYTES = 64 };

static void send_text(const char *text) {
  while (*text) board_send((uint8_t)*text++);
}

static void send_number(uint32_t number) {
  if (number >= 10) send_number(number / 10);
  board_send((uint8_t)('0' + number % 10));
}

static void answer(char command, uint32_t value) {
  board_send((uint8_t)command);
  send_text(": ");
  send_number(value);
  send_text("\n");
}

static void tell_flash(void) {
  struct board_flash flash = board_flash_geometry();
  const uint32_t values[] = {
      flash.base,       flash.page_bytes,         flash.page_count,
      flash.unit_bytes, flash.erase_milliseconds, flash.clears_more_bits,
  };
  send_text("g:");
  for (unsigned index = 0; index < sizeof values / sizeof *values; index++) {
    send_text(" ");
    send_number(values[index]);
  }
  send_text("\n");
}

// The last page is the one to play with.
static uint32_t page(void) { return board_flash_geometry().page_count - 1; }
static uint32_t page_offset(void) { return page() * board_flash_geometry().page_bytes; }

static void program_pattern(void) {
  uint8_t pattern[PATTERN_BYTES];
  for (unsigned index = 0; index < sizeof pattern; index++) pattern[index] = (uint8_t)(7 * index);
  board_flash_program(page_offset(), pattern, sizeof pattern);
}

static void set_bits(void) {
  const uint8_t ones[4] = {0xFF, 0xFF, 0xFF, 0xFF};
  board_flash_program(page_offset() + 4, ones, sizeof ones);
}

static void send_flash(void) {
  const volatile uint8_t *bytes =
      (const volatile uint8_t *)(uintptr_t)(board_flash_geometry().base + page_offset());
  send_text("r:");
  for (int index = 0; index < PATTERN_BYTES + 4; index++) {
    send_text(" ");
    send_number(bytes[index]);
  }
  send_text("\n");
}

static uint8_t next_byte(void) {
  int32_t byte;
  while ((byte = board_receive()) < 0) board_wait();
  return (uint8_t)byte;
}

static uint64_t next_number(void) {
  uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 8) number |= (uint64_t)next_byte() << shift;
  return number;
}

static void send_hexadecimal(uint64_t number) {
  send_text(" ");
  for (int shift = 60; shift >= 0; shift -= 4) {
    board_send((uint8_t)"0123456789abcdef"[number >> shift & 15]);
  }
}

// What compilers call functions for, on one processor or another. Two numbers follow, not zero.
static void calculate(void) {
  uint64_t a = next_number(), b = next_number();
  int64_t signed_a = (int64_t)a, signed_b = (int64_t)b;
  int places = b & 63;
  const uint64_t results[] = {
      a * b,
      a / b,
      a % b,
      (uint64_t)(signed_a / signed_b),
      (uint64_t)(signed_a % signed_b),
      a << places,
      a >> places,
      (uint64_t)(signed_a >> places),
      (uint32_t)a / (uint32_t)b,
      (uint32_t)a % (uint32_t)b,
      (uint64_t)((int32_t)a / (int32_t)b),
      (uint64_t)((int32_t)a % (int32_t)b),
  };
  send_text("c:");
  for (unsigned index = 0; index < sizeof results / sizeof *results; index++) {
    send_hexadecimal(results[index]);
  }
  send_text("\n");
}

// Until the ring is full, and more has come.
static void be_deaf(void) {
  uint32_t lost = board_lost();
  while (board_lost() == lost) {
  }
}

static void obey(uint8_t command) {
  switch (command) {
    case ESCAPE: board_send(ESCAPE); return;
    case 'b': set_bits(); return;
    case 'c': calculate(); return;
    case 'd': be_deaf(); break;
    case 'e': board_flash_erase(page()); break;
    case 'f': __builtin_trap();
    case 'g': tell_flash(); return;
    case 'k': answer('k', board_kilocycles()); return;
    case 'l': answer('l', board_lost()); return;
    case 'm': answer('m', board_milliseconds()); return;
    case 'n': answer('n', board_nonce()); return;
    case 'p': program_pattern(); break;
    case 'r': send_flash(); return;
    case 's': answer('s', board_stack_used()); return;
    case 'x': board_reset();
    default: return;
  }
  answer((char)command, 0);
}

int main(void) {
  board_start();
  send_text(BOARD_NAME "\n");
  for (;;) {
    uint8_t byte = next_byte();
    if (byte == ESCAPE) {
      obey(next_byte());
    } else {
      board_send(byte);
    }
  }
}
