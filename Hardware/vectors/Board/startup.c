// From reset to main, and what Swift expects of a C library: memory, and nothing else.
#include "board.h"
#include <stddef.h>

int main(int count, char **words);

extern uint32_t data_start[], data_end[], data_source[], bss_start[], bss_end[], stack_top[];
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

static void start_timer(void) {
  timer->value = timer->reload = UINT32_MAX;
  timer->control = 1;
}

uint32_t board_ticks(void) { return UINT32_MAX - timer->value; }

static void write_text(const char *text) {
  while (*text) board_write((uint8_t)*text++);
}

void reset(void);
void reset(void) {
  uint32_t *source = data_source;
  for (uint32_t *word = data_start; word < data_end; word++) *word = *source++;
  for (uint32_t *word = bss_start; word < bss_end; word++) *word = 0;
  start_timer();
  main(0, NULL);
  board_exit(0);
}

// A failed precondition of Swift is an undefined instruction, and ends here like any other fault.
static void fault(void) {
  write_text("the program trapped\n");
  board_exit(1);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top,     (void *)reset, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault,
};

// Nothing is given back: what all vectors together allocate fits several times.
static uint8_t *heap_next = heap_start;

int posix_memalign(void **memory, size_t alignment, size_t size) {
  uintptr_t start = ((uintptr_t)heap_next + alignment - 1) & ~(uintptr_t)(alignment - 1);
  if (size > (uintptr_t)heap_end - start) {
    write_text("the heap is full\n");
    board_exit(1);
  }
  heap_next = (uint8_t *)start + size;
  *memory = (void *)start;
  return 0;
}

void free(void *memory) { (void)memory; }

// By their plain names for Swift, by those of Arm's binary interface for the compiler.
void *memcpy(void *to, const void *from, size_t count) {
  uint8_t *target = to;
  for (const uint8_t *source = from; count > 0; count--) *target++ = *source++;
  return to;
}

void *memmove(void *to, const void *from, size_t count) {
  uint8_t *target = to;
  const uint8_t *source = from;
  if (target <= source) return memcpy(to, from, count);
  while (count-- > 0) target[count] = source[count];
  return to;
}

void *memset(void *memory, int byte, size_t count) {
  for (uint8_t *target = memory; count > 0; count--) *target++ = (uint8_t)byte;
  return memory;
}

void __aeabi_memcpy(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memcpy4(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memcpy8(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memmove(void *to, const void *from, size_t count) { memmove(to, from, count); }
void __aeabi_memmove4(void *to, const void *from, size_t count) { memmove(to, from, count); }
void __aeabi_memset(void *memory, size_t count, int byte) { memset(memory, byte, count); }
void __aeabi_memclr(void *memory, size_t count) { memset(memory, 0, count); }
void __aeabi_memclr4(void *memory, size_t count) { memset(memory, 0, count); }
void __aeabi_memclr8(void *memory, size_t count) { memset(memory, 0, count); }

// Shifts of 64 bits by 0 to 63, which are calls at -Osize: of halves, not to call themselves.
static uint64_t joined(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

uint64_t __aeabi_llsl(uint64_t number, int places) {
  uint32_t high = number >> 32, low = number;
  if (places == 0) return number;
  if (places >= 32) return joined(low << (places - 32), 0);
  return joined(high << places | low >> (32 - places), low << places);
}

uint64_t __aeabi_llsr(uint64_t number, int places) {
  uint32_t high = number >> 32, low = number;
  if (places == 0) return number;
  if (places >= 32) return joined(0, high >> (places - 32));
  return joined(high >> places, high << (32 - places) | low >> places);
}

int64_t __aeabi_lasr(int64_t number, int places) {
  int32_t high = number >> 32;
  uint32_t low = number;
  if (places == 0) return number;
  if (places >= 32) return joined(high >> 31, high >> (places - 32));
  return joined(high >> places, (uint32_t)high << (32 - places) | low >> places);
}

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
