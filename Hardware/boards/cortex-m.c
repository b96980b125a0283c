// Cortex-M: vectors, start-up, faults.
#include "port.h"

int main(int count, char **words);

extern uint32_t data_start[], data_end[], data_source[], bss_start[], bss_end[];
extern uint32_t stack_bottom[], stack_top[];

// The rest of the stack is painted, to see later how far it has been used.
static inline void paint_stack(void) {
  uint32_t *end;
  __asm__ volatile("mov %0, sp" : "=r"(end));
  // What this function itself has below there is not its own any more when it returns.
  for (volatile uint32_t *word = stack_bottom; word < end - 16; word++) *word = 0xA5A5A5A5;
}

void reset(void);
void reset(void) {
  const uint32_t *source = data_source;
  for (volatile uint32_t *word = data_start; word < data_end; word++) *word = *source++;
  for (volatile uint32_t *word = bss_start; word < bss_end; word++) *word = 0;
  paint_stack();
  main(0, 0);
  board_fail("the program has ended");
}

static uint32_t fault_cause(void) {
#if __ARM_ARCH >= 7
  // What the fault status register holds: 0x00010000 for an undefined instruction, as Swift traps.
  return *(volatile uint32_t *)0xE000ED28;
#else
  uint32_t exception;
  __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
  return exception;
#endif
}

__attribute__((used)) static void report_fault(const uint32_t *frame) {
  // The processor has stored r0 to r3, r12, lr, pc and psr.
  board_fault(fault_cause(), frame[6]);
}

__attribute__((naked)) static void fault(void) {
  __asm__ volatile("mov r0, sp\n bl report_fault");
}

// Interrupts by their numbers; a port defines those that it uses.
#define INTERRUPT(number) void interrupt_##number(void) __attribute__((weak, alias("unexpected")));
#define INTERRUPTS(of) \
  of(0) of(1) of(2) of(3) of(4) of(5) of(6) of(7) of(8) of(9) of(10) of(11) of(12) of(13) of(14) \
  of(15) of(16) of(17) of(18) of(19) of(20) of(21) of(22) of(23) of(24) of(25) of(26) of(27) \
  of(28) of(29) of(30) of(31)

__attribute__((used)) static void unexpected(void) { board_fail("an unexpected interrupt"); }
void system_tick(void) __attribute__((weak, alias("unexpected")));
INTERRUPTS(INTERRUPT)

#define VECTOR(number) interrupt_##number,
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))stack_top, reset,      fault,      fault,      fault,      fault,
    fault,                     unexpected, unexpected, unexpected, unexpected, unexpected,
    unexpected,                unexpected, unexpected, system_tick, INTERRUPTS(VECTOR)};

void port_mask_interrupts(void) { __asm__ volatile("cpsid i" ::: "memory"); }
void port_unmask_interrupts(void) { __asm__ volatile("cpsie i" ::: "memory"); }
void port_sleep(void) { __asm__ volatile("dsb\n wfi" ::: "memory"); }

void board_reset(void) {
  __asm__ volatile("dsb" ::: "memory");
  // Application interrupt and reset control: the key, and SYSRESETREQ.
  *(volatile uint32_t *)0xE000ED0C = 0x05FA0004;
  for (;;) {
  }
}
