// What the vectors' programs have beside the start-up and the library functions of Hardware/boards:
// output and an end by semihosting, a timer, a heap, the vectors.
#include "board.h"
#include <stddef.h>

extern uint8_t heap_start[], heap_end[];

// Semihosting: the emulator serves a breakpoint with this number.
enum { SYS_WRITEC = 0x03, SYS_EXIT = 0x18 };
enum { STOPPED_BY_ERROR = 0x20023, STOPPED_AT_EXIT = 0x20026 };

static void ask_host(uint32_t operation, uintptr_t argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register uintptr_t r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void board_write(uint8_t byte) { ask_host(SYS_WRITEC, (uintptr_t)&byte); }

_Noreturn void board_exit(int32_t status) {
  ask_host(SYS_EXIT, status == 0 ? STOPPED_AT_EXIT : STOPPED_BY_ERROR);
  for (;;) {
  }
}

// The board's first timer, which counts down from a value that it begins anew with.
static volatile struct {
  uint32_t control, value, reload;
} *const timer = (void *)0x40000000;

uint32_t board_ticks(void) {
  if (!timer->control) {
    timer->value = timer->reload = UINT32_MAX;
    timer->control = 1;
  }
  return UINT32_MAX - timer->value;
}

static void write_text(const char *text) {
  while (*text) board_write((uint8_t)*text++);
}

// What start-up calls when something has gone wrong. A failed precondition of Swift is an undefined
// instruction, which is a fault like any other.
_Noreturn void board_fail(const char *sentence);
_Noreturn void board_fail(const char *sentence) {
  write_text(sentence);
  write_text("\n");
  board_exit(1);
}

_Noreturn void board_fault(uint32_t cause, uint32_t address);
_Noreturn void board_fault(uint32_t cause, uint32_t address) {
  (void)cause;
  (void)address;
  board_fail("the program trapped");
}

// Nothing is given back: what all vectors together allocate fits several times.
static uint8_t *heap_next = heap_start;

int posix_memalign(void **memory, size_t alignment, size_t size) {
  uintptr_t start = ((uintptr_t)heap_next + alignment - 1) & ~(uintptr_t)(alignment - 1);
  if (size > (uintptr_t)heap_end - start) {
    board_fail("the heap is full");
  }
  heap_next = (uint8_t *)start + size;
  *memory = (void *)start;
  return 0;
}

void free(void *memory) { (void)memory; }

// The vectors, of which the compiler finds the files by its option -I.
#define VECTORS(name)                                                                        \
  __asm__(".section .rodata." #name "\n.global " #name "_start, " #name "_end\n" #name       \
          "_start: .incbin \"" #name ".txt\"\n" #name "_end:\n.text\n");                    \
  extern const uint8_t name##_start[], name##_end[];                                         \
  struct board_bytes board_vectors_##name(void) {                                            \
    return (struct board_bytes){name##_start, name##_end - name##_start};                    \
  }

VECTORS(crc32)
VECTORS(cobs)
VECTORS(frame)
VECTORS(parity)
VECTORS(record)
VECTORS(manifest)
VECTORS(coded)
