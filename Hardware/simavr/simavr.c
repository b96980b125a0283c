// An AVR in simavr, for Scripts/emulate: its UART at one descriptor, and at another the word
// `system_reset`, as QEMU's monitor takes it. Unlike QEMU it counts cycles, and a byte takes its time on
// the line. simavr is under the GPL 3: this is a tool for tests, and no part of a firmware.
//
// usage: simavr MCU HERTZ ELF UART MONITOR [ADDRESS NUMBER]     NUMBER, 32 bits, is put into the RAM
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>

enum { FIRST_UART = '0', UART, MONITOR };

// Descriptors are looked at no more often; time is kept to no less.
#define CYCLES_PER_LOOK 2000
#define NANOSECONDS_AHEAD 500000
#define NANOSECONDS_BEHIND 50000000

static avr_t *avr;
static int uart;
static avr_irq_t *input;
static int has_room = 1;

static void on_output(avr_irq_t *irq, uint32_t value, void *unused) {
  (void)irq, (void)unused;
  uint8_t byte = (uint8_t)value;
  // Who does not read makes the board wait, which a real UART does not; tests read.
  while (write(uart, &byte, 1) < 0 && errno == EAGAIN) {
    struct pollfd wait = {.fd = uart, .events = POLLOUT};
    poll(&wait, 1, 1000);
  }
}

static void on_room(avr_irq_t *irq, uint32_t value, void *unused) {
  (void)irq, (void)value, (void)unused;
  has_room = 1;
}

static void on_no_room(avr_irq_t *irq, uint32_t value, void *unused) {
  (void)irq, (void)value, (void)unused;
  has_room = 0;
}

// A sleep costs cycles, and their time is kept where all time is.
static void sleep_no_longer(avr_t *processor, avr_cycle_count_t cycles) {
  (void)processor, (void)cycles;
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

// Lets the board's time go as real time does, where this machine is fast enough.
static void keep_time(void) {
  static int64_t start;
  int64_t passed = (int64_t)((double)avr->cycle * 1e9 / avr->frequency);
  int64_t ahead = start + passed - nanoseconds();
  if (ahead < -NANOSECONDS_BEHIND) {
    start -= ahead;
  } else if (ahead > NANOSECONDS_AHEAD) {
    nanosleep(&(struct timespec){.tv_nsec = ahead}, NULL);
  }
}

static void take_command(int monitor) {
  char text[64];
  ssize_t count = read(monitor, text, sizeof text - 1);
  if (count <= 0) exit(0);
  text[count] = 0;
  if (strstr(text, "system_reset")) avr_reset(avr);
}

static void look(int monitor) {
  struct pollfd events[] = {{.fd = has_room ? uart : -1, .events = POLLIN},
                            {.fd = monitor, .events = POLLIN}};
  if (poll(events, 2, 0) <= 0) return;
  if (events[1].revents) take_command(monitor);
  if (events[0].revents & POLLIN) {
    uint8_t byte;
    while (has_room && poll(events, 1, 0) > 0 && read(uart, &byte, 1) == 1) {
      avr_raise_irq(input, byte);
    }
  } else if (events[0].revents) {
    exit(0);
  }
}

static void connect_uart(void) {
  uint32_t flags = 0;
  avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS(FIRST_UART), &flags);
  input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(FIRST_UART), UART_IRQ_INPUT);
  avr_irq_register_notify(
      avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(FIRST_UART), UART_IRQ_OUTPUT), on_output, NULL);
  avr_irq_register_notify(
      avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(FIRST_UART), UART_IRQ_OUT_XON), on_room, NULL);
  avr_irq_register_notify(
      avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ(FIRST_UART), UART_IRQ_OUT_XOFF), on_no_room, NULL);
}

int main(int count, char **words) {
  if (count < 6) return 64;
  elf_firmware_t firmware = {0};
  if (elf_read_firmware(words[3], &firmware) != 0) return 66;
  avr = avr_make_mcu_by_name(words[1]);
  if (!avr) return 66;
  avr_init(avr);
  avr_load_firmware(avr, &firmware);
  avr->frequency = (uint32_t)atol(words[2]);
  avr->sleep = sleep_no_longer;
  uart = atoi(words[4]);
  connect_uart();
  if (count > 7) {
    uint32_t number = (uint32_t)strtoul(words[7], NULL, 0);
    memcpy(avr->data + (strtoul(words[6], NULL, 0) & 0xFFFF), &number, sizeof number);
  }
  for (avr_cycle_count_t next = 0;;) {
    int state = avr_run(avr);
    if (state == cpu_Done || state == cpu_Crashed) return 1;
    if (avr->cycle < next) continue;
    next = avr->cycle + CYCLES_PER_LOOK;
    keep_time();
    look(atoi(words[5]));
  }
}
