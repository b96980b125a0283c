// Arm's MPS2 with one of the FPGA images AN385 (Cortex-M3), AN386 (Cortex-M4), AN500 (Cortex-M7), as
// QEMU emulates it. All clocks are 25 MHz.
//
//   0x40000000  timer 0: control, value, reload; counts down
//   0x40004000  UART 0: data, state, control, interrupt, divisor; receives by interrupt 0
//   0xE000E010  SysTick: control, reload, value
//   0xE000E100  NVIC: interrupts to enable
//   PORT_FLASH  1 MB of the PSRAM, which no start-up clears: stands for the flash that QEMU's board
//               lacks; behind it the word that says that it has been erased once
//   PORT_CHANCE a word that Scripts/emulate fills with a random number
#include "port.h"

static volatile struct {
  uint32_t control, value, reload;
} *const timer = (void *)0x40000000;

static volatile struct {
  uint32_t data, state, control, interrupt, divisor;
} *const uart = (void *)0x40004000;
enum { STATE_TRANSMIT_FULL = 1 << 0, STATE_RECEIVE_FULL = 1 << 1, STATE_RECEIVE_OVERRUN = 1 << 3 };
enum { CONTROL_TRANSMIT = 1 << 0, CONTROL_RECEIVE = 1 << 1, CONTROL_RECEIVE_INTERRUPT = 1 << 3 };
enum { INTERRUPT_RECEIVE = 1 << 1 };

static volatile struct {
  uint32_t control, reload, value;
} *const systick = (void *)0xE000E010;
enum { SYSTICK_ENABLE = 1 << 0, SYSTICK_INTERRUPT = 1 << 1, SYSTICK_PROCESSOR_CLOCK = 1 << 2 };

static volatile uint32_t *const nvic_enable = (void *)0xE000E100;

enum { CLOCK_HERTZ = 25000000, PAGE_BYTES = 4096, PAGE_COUNT = 256 };
static volatile uint8_t *const flash = (void *)PORT_FLASH;
static volatile uint32_t *const flash_erased = (void *)(PORT_FLASH + PAGE_BYTES * PAGE_COUNT);
static const uint32_t FLASH_IS_ERASED = 0x464C5348;

uint32_t port_counter(void) { return UINT32_MAX - timer->value; }

static void start_tick(void) {
  systick->reload = CLOCK_HERTZ / 1000 * BOARD_TICK_MILLISECONDS - 1;
  systick->value = 0;
  systick->control = SYSTICK_ENABLE | SYSTICK_INTERRUPT | SYSTICK_PROCESSOR_CLOCK;
}

void system_tick(void);
void system_tick(void) { board_ticked(); }

static void start_uart(void) {
  uart->divisor = (CLOCK_HERTZ + BOARD_BAUD / 2) / BOARD_BAUD;
  uart->control = CONTROL_TRANSMIT | CONTROL_RECEIVE | CONTROL_RECEIVE_INTERRUPT;
  *nvic_enable = 1 << 0;
}

void interrupt_0(void);
void interrupt_0(void) {
  uart->interrupt = INTERRUPT_RECEIVE;
  while (uart->state & STATE_RECEIVE_FULL) board_received((uint8_t)uart->data);
  if (uart->state & STATE_RECEIVE_OVERRUN) {
    uart->state = STATE_RECEIVE_OVERRUN;
    board_overrun();
  }
}

void board_send(uint8_t byte) {
  while (uart->state & STATE_TRANSMIT_FULL) {
  }
  uart->data = byte;
}

// Real flash comes erased from the factory; this memory does not.
static void start_flash(void) {
  if (*flash_erased == FLASH_IS_ERASED) return;
  for (uint32_t page = 0; page < PAGE_COUNT; page++) board_flash_erase(page);
  *flash_erased = FLASH_IS_ERASED;
}

void port_start(void) {
  timer->value = timer->reload = UINT32_MAX;
  timer->control = 1;
  start_tick();
  start_uart();
  start_flash();
}

uint32_t port_entropy(void) { return *(volatile uint32_t *)PORT_CHANCE; }

struct board_flash board_flash_geometry(void) {
  return (struct board_flash){
      .base = PORT_FLASH,
      .page_bytes = PAGE_BYTES,
      .page_count = PAGE_COUNT,
      .unit_bytes = 4,
      .erase_milliseconds = 1,
      .clears_more_bits = true,
  };
}

void board_flash_erase(uint32_t page) {
  board_flash_check_page(page);
  volatile uint32_t *word = (volatile uint32_t *)(flash + page * PAGE_BYTES);
  for (uint32_t count = PAGE_BYTES / 4; count > 0; count--) *word++ = UINT32_MAX;
}

void board_flash_program(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  board_flash_check(offset, bytes, count);
  for (uint32_t index = 0; index < count; index++) flash[offset + index] = bytes[index];
}
