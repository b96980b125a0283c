// QEMU's `virt` machine with one RV32 hart.
//
//   0x00100000  test device: resets the machine
//   0x00101000  real-time clock: nanoseconds
//   0x0200BFF8  CLINT: mtime, 10 MHz; 0x02004000 mtimecmp
//   0x0C000000  PLIC: priority of each source, 0x0C002000 enabled, 0x0C200000 threshold, 0x0C200004
//               claim and complete
//   0x10000000  UART, a 16550A: source 10
//   0x22000000  second flash chip, a pair of Intel's side by side (CFI, command set 1), of which the
//               first 2 MB are used; a file may hold it
#include "port.h"

#define WORD(address) (*(volatile uint32_t *)(address))
#define BYTE(address) (*(volatile uint8_t *)(address))

#define TEST_DEVICE WORD(0x00100000)
enum { TEST_RESET = 0x7777 };
#define RTC_LOW WORD(0x00101000)
#define RTC_HIGH WORD(0x00101004)

#define TIME_LOW WORD(0x0200BFF8)
#define TIME_HIGH WORD(0x0200BFFC)
#define COMPARE_LOW WORD(0x02004000)
#define COMPARE_HIGH WORD(0x02004004)
enum { TICK = PORT_TICKS_PER_MILLISECOND * BOARD_TICK_MILLISECONDS };

#define PLIC_PRIORITY(source) WORD(0x0C000000 + 4 * (source))
#define PLIC_ENABLED WORD(0x0C002000)
#define PLIC_THRESHOLD WORD(0x0C200000)
#define PLIC_CLAIM WORD(0x0C200004)
enum { SOURCE_UART = 10 };

#define UART_DATA BYTE(0x10000000)
#define UART_INTERRUPTS BYTE(0x10000001)
#define UART_LINE_CONTROL BYTE(0x10000003)
#define UART_LINE_STATUS BYTE(0x10000005)
#define UART_DIVISOR_LOW BYTE(0x10000000)
#define UART_DIVISOR_HIGH BYTE(0x10000001)
enum { LINE_8N1 = 3, LINE_DIVISOR = 1 << 7 };
enum { STATUS_RECEIVED = 1 << 0, STATUS_OVERRUN = 1 << 1, STATUS_ROOM = 1 << 5 };
enum { UART_HERTZ = 3686400 };

// Two chips of 16 bits make a word; each gets the command.
#define BOTH(command) ((command) * 0x10001u)
enum { READ_ARRAY = 0xFF, FILL_BUFFER = 0xE8, ERASE = 0x20, CONFIRM = 0xD0 };
enum { CHIP_READY = 0x80 };
// What both chips program at once, of words that lie in one such block.
enum { BUFFER_BYTES = 128 };
enum { FLASH_BASE = 0x22000000, PAGE_BYTES = 256 * 1024, PAGE_COUNT = 8 };

enum { CAUSE_TIMER = 7, CAUSE_EXTERNAL = 11 };

uint32_t port_counter(void) { return TIME_LOW; }

static void set_tick(void) {
  uint32_t low, high;
  do {
    high = TIME_HIGH;
    low = TIME_LOW;
  } while (high != TIME_HIGH);
  uint64_t next = ((uint64_t)high << 32 | low) + TICK;
  // Never, until both halves are there.
  COMPARE_HIGH = UINT32_MAX;
  COMPARE_LOW = (uint32_t)next;
  COMPARE_HIGH = (uint32_t)(next >> 32);
}

static void start_uart(void) {
  uint32_t divisor = (UART_HERTZ / 16 + BOARD_BAUD / 2) / BOARD_BAUD;
  UART_LINE_CONTROL = LINE_DIVISOR;
  UART_DIVISOR_LOW = (uint8_t)divisor;
  UART_DIVISOR_HIGH = (uint8_t)(divisor >> 8);
  UART_LINE_CONTROL = LINE_8N1;
  // The FIFO stays off: to switch it on would empty it, and this machine has received before it was
  // started. A real UART wants it on, or loses bytes while interrupts are masked.
  UART_INTERRUPTS = 1;
}

static void receive(void) {
  uint8_t status;
  while ((status = UART_LINE_STATUS) & STATUS_RECEIVED) {
    if (status & STATUS_OVERRUN) board_overrun();
    board_received(UART_DATA);
  }
}

void port_interrupt(uint32_t cause);
void port_interrupt(uint32_t cause) {
  if (cause == CAUSE_TIMER) {
    set_tick();
    board_ticked();
  } else if (cause == CAUSE_EXTERNAL) {
    uint32_t source = PLIC_CLAIM;
    if (source == SOURCE_UART) receive();
    PLIC_CLAIM = source;
  }
}

void board_send(uint8_t byte) {
  while (!(UART_LINE_STATUS & STATUS_ROOM)) {
  }
  UART_DATA = byte;
}

void port_start(void) {
  set_tick();
  PLIC_PRIORITY(SOURCE_UART) = 1;
  PLIC_ENABLED = 1 << SOURCE_UART;
  PLIC_THRESHOLD = 0;
  // Last: QEMU's PLIC does not look again at what was pending when it is enabled.
  start_uart();
  uint32_t enabled = 1 << CAUSE_TIMER | 1 << CAUSE_EXTERNAL;
  __asm__ volatile("csrw mie, %0" ::"r"(enabled));
}

uint32_t port_entropy(void) {
  // Reading the lower half keeps the upper.
  uint32_t low = RTC_LOW;
  return low ^ RTC_HIGH;
}

void board_reset(void) {
  TEST_DEVICE = TEST_RESET;
  for (;;) {
  }
}

struct board_flash board_flash_geometry(void) {
  return (struct board_flash){
      .base = FLASH_BASE,
      .page_bytes = PAGE_BYTES,
      .page_count = PAGE_COUNT,
      .unit_bytes = 4,
      .erase_milliseconds = 1,
      .clears_more_bits = true,
  };
}

static void wait_for_flash(void) {
  while ((WORD(FLASH_BASE) & BOTH(CHIP_READY)) != BOTH(CHIP_READY)) {
  }
}

void board_flash_erase(uint32_t page) {
  board_flash_check_page(page);
  WORD(FLASH_BASE + page * PAGE_BYTES) = BOTH(ERASE);
  WORD(FLASH_BASE + page * PAGE_BYTES) = BOTH(CONFIRM);
  wait_for_flash();
  WORD(FLASH_BASE) = BOTH(READ_ARRAY);
}

static uint32_t word_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
         (uint32_t)bytes[3] << 24;
}

// Words of one block, by the chips' buffer: some thirty times as fast as word by word.
static void program_block(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  WORD(FLASH_BASE + offset) = BOTH(FILL_BUFFER);
  wait_for_flash();
  WORD(FLASH_BASE + offset) = BOTH(count / 4 - 1);
  for (uint32_t index = 0; index < count; index += 4) {
    WORD(FLASH_BASE + offset + index) = word_at(bytes + index);
  }
  WORD(FLASH_BASE + offset) = BOTH(CONFIRM);
  wait_for_flash();
}

void board_flash_program(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  board_flash_check(offset, bytes, count);
  while (count > 0) {
    uint32_t room = BUFFER_BYTES - offset % BUFFER_BYTES;
    uint32_t part = count < room ? count : room;
    program_block(offset, bytes, part);
    offset += part;
    bytes += part;
    count -= part;
  }
  WORD(FLASH_BASE) = BOTH(READ_ARRAY);
}
