// BBC micro:bit, the first: nRF51822, a Cortex-M0 with 256 KB of flash and 16 KB of RAM.
//
//   0x40000000  CLOCK: the crystal, which the UART needs to keep its rate
//   0x40002000  UART: interrupt 2; pins 24 (out) and 25 (in) go to the USB interface
//   0x40008000  TIMER0: 16 MHz, the only one of 32 bits; interrupt 8 at the tick. There is no SysTick
//   0x4000D000  RNG: a byte at a time
//   0x4001E000  NVMC: erases pages of 1 KB, programs words
//   0xE000E100  NVIC: interrupts to enable
#include "port.h"

// Tasks are started by writing 1, events are there where 1 is read.
#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CLOCK_START REGISTER(0x40000000)
#define CLOCK_STARTED REGISTER(0x40000100)

#define UART_START_RECEIVER REGISTER(0x40002000)
#define UART_START_TRANSMITTER REGISTER(0x40002008)
#define UART_RECEIVED REGISTER(0x40002108)
#define UART_SENT REGISTER(0x4000211C)
#define UART_ERROR REGISTER(0x40002124)
#define UART_INTERRUPTS REGISTER(0x40002304)
#define UART_ERRORS REGISTER(0x40002480)
#define UART_ENABLE REGISTER(0x40002500)
#define UART_OUTPUT_PIN REGISTER(0x4000250C)
#define UART_INPUT_PIN REGISTER(0x40002514)
#define UART_INPUT REGISTER(0x40002518)
#define UART_OUTPUT REGISTER(0x4000251C)
#define UART_RATE REGISTER(0x40002524)
enum { INTERRUPT_RECEIVED = 1 << 2, INTERRUPT_ERROR = 1 << 9, ERROR_OVERRUN = 1 << 0 };

#define TIMER_START REGISTER(0x40008000)
#define TIMER_CAPTURE_1 REGISTER(0x40008044)
#define TIMER_COMPARED_0 REGISTER(0x40008140)
#define TIMER_INTERRUPTS REGISTER(0x40008304)
#define TIMER_WIDTH REGISTER(0x40008508)
#define TIMER_PRESCALER REGISTER(0x40008510)
#define TIMER_VALUE_0 REGISTER(0x40008540)
#define TIMER_VALUE_1 REGISTER(0x40008544)

#define RNG_START REGISTER(0x4000D000)
#define RNG_STOP REGISTER(0x4000D004)
#define RNG_READY REGISTER(0x4000D100)
#define RNG_VALUE REGISTER(0x4000D508)

#define NVMC_READY REGISTER(0x4001E400)
#define NVMC_MODE REGISTER(0x4001E504)
#define NVMC_ERASE_PAGE REGISTER(0x4001E508)
enum { MODE_READ = 0, MODE_PROGRAM = 1, MODE_ERASE = 2 };

#define NVIC_ENABLE REGISTER(0xE000E100)

enum { TICK = PORT_TICKS_PER_MILLISECOND * BOARD_TICK_MILLISECONDS };
// As board.ld says: the program has 64 KB.
enum { FLASH_BASE = 0x10000, PAGE_BYTES = 1024, PAGE_COUNT = 192 };

// Called with interrupts masked: there is but one register that the timer is captured in.
uint32_t port_counter(void) {
  TIMER_CAPTURE_1 = 1;
  return TIMER_VALUE_1;
}

static void start_timer(void) {
  TIMER_PRESCALER = 0;
  TIMER_WIDTH = 3;
  TIMER_VALUE_0 = TICK;
  TIMER_INTERRUPTS = 1 << 16;
  TIMER_START = 1;
}

void interrupt_8(void);
void interrupt_8(void) {
  TIMER_COMPARED_0 = 0;
  TIMER_VALUE_0 += TICK;
  board_ticked();
}

static void start_uart(void) {
  UART_OUTPUT_PIN = 24;
  UART_INPUT_PIN = 25;
  // In 2^32 parts of 16 MHz, of which the hardware takes the upper 20 bits.
  UART_RATE = (uint32_t)((((uint64_t)BOARD_BAUD << 32) / 16000000 + 0x800) & 0xFFFFF000);
  UART_ENABLE = 4;
  UART_INTERRUPTS = INTERRUPT_RECEIVED | INTERRUPT_ERROR;
  UART_START_RECEIVER = 1;
  UART_START_TRANSMITTER = 1;
}

void interrupt_2(void);
void interrupt_2(void) {
  while (UART_RECEIVED) {
    // First the event: reading brings the next byte, and with it the next event.
    UART_RECEIVED = 0;
    board_received((uint8_t)UART_INPUT);
  }
  if (UART_ERROR) {
    UART_ERROR = 0;
    if (UART_ERRORS & ERROR_OVERRUN) board_overrun();
    UART_ERRORS = UART_ERRORS;
  }
}

// Sending is over when its event comes; before the first byte none does.
static bool is_sending;

void board_send(uint8_t byte) {
  while (is_sending && !UART_SENT) {
  }
  UART_SENT = 0;
  UART_OUTPUT = byte;
  is_sending = true;
}

void port_start(void) {
  CLOCK_START = 1;
  while (!CLOCK_STARTED) {
  }
  start_timer();
  start_uart();
  NVIC_ENABLE = 1 << 2 | 1 << 8;
}

uint32_t port_entropy(void) {
  uint32_t number = 0;
  RNG_START = 1;
  for (int count = 0; count < 4; count++) {
    while (!RNG_READY) {
    }
    RNG_READY = 0;
    number = number << 8 | RNG_VALUE;
  }
  RNG_STOP = 1;
  return number;
}

struct board_flash board_flash_geometry(void) {
  return (struct board_flash){
      .base = FLASH_BASE,
      .page_bytes = PAGE_BYTES,
      .page_count = PAGE_COUNT,
      .unit_bytes = 4,
      .erase_milliseconds = 23,
      // Its specification names 20,000 erasures of a page and, as far as we have found, no limit for writes of a
      // word in between. That of the nRF52 does: 181 for 512 bytes. Not tried on a real board.
      .clears_more_bits = true,
  };
}

// Both ways the processor stands still while the flash is at work, as it runs from there.
static void wait_for_flash(void) {
  while (!NVMC_READY) {
  }
}

void board_flash_erase(uint32_t page) {
  board_flash_check_page(page);
  NVMC_MODE = MODE_ERASE;
  NVMC_ERASE_PAGE = FLASH_BASE + page * PAGE_BYTES;
  wait_for_flash();
  NVMC_MODE = MODE_READ;
}

static uint32_t word_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
         (uint32_t)bytes[3] << 24;
}

void board_flash_program(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  board_flash_check(offset, bytes, count);
  NVMC_MODE = MODE_PROGRAM;
  for (uint32_t index = 0; index < count; index += 4) {
    REGISTER(FLASH_BASE + offset + index) = word_at(bytes + index);
    wait_for_flash();
  }
  NVMC_MODE = MODE_READ;
}
