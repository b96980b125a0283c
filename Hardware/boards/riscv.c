// RISC-V in machine mode: start-up, interrupts, faults.
#include "port.h"

int main(int count, char **words);
void port_interrupt(uint32_t cause);

extern uint32_t data_start[], data_end[], data_source[], bss_start[], bss_end[];
extern uint32_t stack_bottom[], stack_top[];

static inline void paint_stack(void) {
  uint32_t *end;
  __asm__ volatile("mv %0, sp" : "=r"(end));
  // What this function itself has below there is not its own any more when it returns.
  for (volatile uint32_t *word = stack_bottom; word < end - 16; word++) *word = 0xA5A5A5A5;
}

__attribute__((used)) static void start(void) {
  const uint32_t *source = data_source;
  for (volatile uint32_t *word = data_start; word < data_end; word++) *word = *source++;
  for (volatile uint32_t *word = bss_start; word < bss_end; word++) *word = 0;
  paint_stack();
  main(0, 0);
  board_fail("the program has ended");
}

__attribute__((interrupt("machine"), used)) static void interrupted(void) {
  uint32_t cause;
  __asm__ volatile("csrr %0, mcause" : "=r"(cause));
  port_interrupt(cause & 0x7FFFFFFF);
}

__attribute__((used)) static void faulted(void) {
  uint32_t cause, address;
  __asm__ volatile("csrr %0, mcause\n csrr %1, mepc" : "=r"(cause), "=r"(address));
  board_fault(cause, address);
}

// Interrupts have the upper bit of the cause set. A fault may be a stack that has grown too large: it
// is told from a new one.
__attribute__((naked, aligned(4))) static void trap(void) {
  __asm__ volatile(
      "csrw mscratch, t0\n"
      "csrr t0, mcause\n"
      "bgez t0, 1f\n"
      "csrr t0, mscratch\n"
      "j interrupted\n"
      "1: la sp, stack_top\n"
      "j faulted");
}

void reset(void);
__attribute__((naked, section(".text.reset"), used)) void reset(void) {
  __asm__ volatile(
      "la sp, stack_top\n"
      "la t0, %0\n"
      "csrw mtvec, t0\n"
      "j start" ::"i"(trap));
}

enum { STATUS_INTERRUPTS = 1 << 3 };

void port_mask_interrupts(void) {
  __asm__ volatile("csrc mstatus, %0" ::"r"(STATUS_INTERRUPTS) : "memory");
}
void port_unmask_interrupts(void) {
  __asm__ volatile("csrs mstatus, %0" ::"r"(STATUS_INTERRUPTS) : "memory");
}
void port_sleep(void) { __asm__ volatile("wfi" ::: "memory"); }
