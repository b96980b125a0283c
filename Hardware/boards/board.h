// What a program has of the board, the same on each. `board_start` comes first; nothing here may be
// called from an interrupt.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// The rate of the UART: 8 bits, no parity, 1 stop bit.
#ifndef BOARD_BAUD
#define BOARD_BAUD 115200
#endif

// `board_wait` returns at least this often.
#define BOARD_TICK_MILLISECONDS 10

#if __clang__
#pragma clang assume_nonnull begin
#endif

// Starts the clock, the UART and the interrupts.
void board_start(void);

// Time since some moment. Wraps around after 49 days.
uint32_t board_milliseconds(void);

// Thousands of processor cycles since some moment, to measure with. Wraps around. In the emulator an
// instruction is a cycle, and a thousand of them take 32 µs of the board's time.
uint32_t board_kilocycles(void);

// The next byte that the UART has received, or -1. Between two calls as many bytes may come as the
// ring holds: BOARD_RING_BYTES, a power of two.
int32_t board_receive(void);

// Bytes received and lost, because the ring was full or the interrupt came too late. The hardware may
// tell of only one where several were overrun.
uint32_t board_lost(void);

// Sends a byte; waits for room, as long as the one before takes on the line.
void board_send(uint8_t byte);

// Sleeps until something has happened: a byte is there, or a tick has passed. With bytes waiting it
// returns at once, so none is slept over.
void board_wait(void);

// A number that differs from reset to reset, and from call to call.
uint32_t board_nonce(void);

// The most of the stack that has been in use since reset, in bytes, interrupts included.
uint32_t board_stack_used(void);

void board_reset(void) __attribute__((noreturn));

// Sends a sentence and resets: for what must not happen. Faults of the processor, among them traps of
// Swift, end here, too, with the address of the instruction.
void board_fail(const char *sentence) __attribute__((noreturn));

// Flash for data, beside what the program lies in. Offsets count from `base`.
struct board_flash {
  uint32_t base;                // address; the memory can be read like any other
  uint32_t page_bytes;          // what is erased at once
  uint32_t page_count;
  uint32_t unit_bytes;          // what is programmed at once, a power of two
  uint32_t erase_milliseconds;  // the longest that a page takes, with the processor standing still
  bool clears_more_bits;        // whether units may be programmed again, to clear more bits
};

struct board_flash board_flash_geometry(void);

// A byte of the flash.
static inline uint8_t board_flash_byte(uint32_t offset) {
  return ((const volatile uint8_t *)(uintptr_t)board_flash_geometry().base)[offset];
}

// Makes each byte of a page 0xFF.
void board_flash_erase(uint32_t page);

// Writes whole units, from a multiple of a unit on. It only clears bits: where one is to be set that
// has been cleared, `board_fail`.
void board_flash_program(uint32_t offset, const uint8_t *bytes, uint32_t count);

#if __clang__
#pragma clang assume_nonnull end
#endif
