// What is the same on all boards: the ring between interrupt and program, time, the nonce, failures.
#include "port.h"

#ifndef BOARD_RING_BYTES
#define BOARD_RING_BYTES 1024
#endif
_Static_assert((BOARD_RING_BYTES & (BOARD_RING_BYTES - 1)) == 0, "not a power of two");

// What the processor reads and writes at once, and the ring's size fits in.
#ifndef BOARD_RING_INDEX
#define BOARD_RING_INDEX uint32_t
#endif
typedef BOARD_RING_INDEX ring_index;
_Static_assert((ring_index)BOARD_RING_BYTES == BOARD_RING_BYTES, "too large for the index");

// Both count on without end: the interrupt writes at `received`, the program reads at `taken`, and
// neither writes the other's. 0 <= received - taken <= BOARD_RING_BYTES
static volatile uint8_t ring[BOARD_RING_BYTES];
static volatile ring_index received, taken;
static volatile uint32_t lost;

void board_received(uint8_t byte) {
  if ((ring_index)(received - taken) == BOARD_RING_BYTES) {
    lost++;
    return;
  }
  ring[received % BOARD_RING_BYTES] = byte;
  received++;
}

void board_overrun(void) { lost++; }

int32_t board_receive(void) {
  if (received == taken) return -1;
  uint8_t byte = ring[taken % BOARD_RING_BYTES];
  taken++;
  return byte;
}

uint32_t board_lost(void) {
  // Not every processor reads it at once.
  port_mask_interrupts();
  uint32_t count = lost;
  port_unmask_interrupts();
  return count;
}

void board_wait(void) {
  // A byte that comes after the test has to end the sleep, so the interrupt must not take it before.
  port_mask_interrupts();
  if (received == taken) port_sleep();
  port_unmask_interrupts();
}

// Counts units of time in the counter's ticks, without losing the rest.
struct timekeeper {
  uint32_t seen, rest, units;
};
static struct timekeeper milliseconds, kilocycles;

// The tick keeps both up to date, or they would miss that the counter has wrapped around.
static uint32_t advance(struct timekeeper *keeper, uint32_t ticks_per_unit) {
  uint32_t now = port_counter();
  uint32_t ticks = keeper->rest + (now - keeper->seen);
  keeper->seen = now;
  keeper->units += ticks / ticks_per_unit;
  keeper->rest = ticks % ticks_per_unit;
  return keeper->units;
}

void board_ticked(void) {
  advance(&milliseconds, PORT_TICKS_PER_MILLISECOND);
  advance(&kilocycles, PORT_TICKS_PER_KILOCYCLE);
}

uint32_t board_milliseconds(void) {
  port_mask_interrupts();
  uint32_t units = advance(&milliseconds, PORT_TICKS_PER_MILLISECOND);
  port_unmask_interrupts();
  return units;
}

uint32_t board_kilocycles(void) {
  port_mask_interrupts();
  uint32_t units = advance(&kilocycles, PORT_TICKS_PER_KILOCYCLE);
  port_unmask_interrupts();
  return units;
}

// Counts on over resets, and begins as chance has it.
extern volatile uint32_t kept_word[];

// The finalizer of MurmurHash3, which is a permutation: counting alone makes no number twice.
static uint32_t mixed(uint32_t number) {
  number = (number ^ number >> 16) * 0x85EBCA6B;
  number = (number ^ number >> 13) * 0xC2B2AE35;
  return number ^ number >> 16;
}

uint32_t board_nonce(void) { return mixed(++kept_word[0] + mixed(port_entropy())); }

void board_start(void) {
  port_start();
  port_unmask_interrupts();
}

static void send_text(const char *text) {
  while (*text) board_send((uint8_t)*text++);
}

static void send_hexadecimal(uint32_t number) {
  for (int shift = 28; shift >= 0; shift -= 4) {
    board_send((uint8_t)"0123456789abcdef"[number >> shift & 15]);
  }
}

// The line gets time for the last byte, and a program that fails again and again does not flood it.
static void reset_soon(void) {
  uint32_t start = port_counter();
  while (port_counter() - start < 100 * PORT_TICKS_PER_MILLISECOND) {
  }
  board_reset();
}

void board_fail(const char *sentence) {
  port_mask_interrupts();
  send_text("\r\nfailed: ");
  send_text(sentence);
  send_text("\r\n");
  reset_soon();
  __builtin_unreachable();
}

void board_fault(uint32_t cause, uint32_t address) {
  port_mask_interrupts();
  send_text("\r\nfault ");
  send_hexadecimal(cause);
  send_text(" at ");
  send_hexadecimal(address);
  send_text("\r\n");
  reset_soon();
  __builtin_unreachable();
}

extern uint32_t stack_bottom[], stack_top[];

uint32_t board_stack_used(void) {
  const volatile uint32_t *word = stack_bottom;
  while (word < stack_top && *word == 0xA5A5A5A5) word++;
  return (uint32_t)((const char *)stack_top - (const char *)(uintptr_t)word);
}
