// AVR, the ATmegas of Arduino Uno and Mega: programs in C alone, with the C library of avr-gcc.
//
//   Timer 1  16 bits, an eighth of the clock: 2 MHz; its comparison A is the tick
//   USART 0  double speed; pins 0 (in) and 1 (out), which go to the USB interface, too
//
// There is no flash for data: EEPROM is no memory that can be read like any other.
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "port.h"

enum { TICK = PORT_TICKS_PER_MILLISECOND * BOARD_TICK_MILLISECONDS };
static const uint32_t CLOCK_HERTZ = 16000000;

#ifdef USART0_RX_vect
#define RECEIVED_VECTOR USART0_RX_vect
#else
#define RECEIVED_VECTOR USART_RX_vect
#endif

extern uint8_t stack_bottom[], kept_word[];

// Before main has a frame. After a reset by the watchdog that goes on, and at its shortest.
__attribute__((naked, used, section(".init3"))) static void begin(void) {
  MCUSR = 0;
  wdt_disable();
  for (volatile uint8_t *byte = stack_bottom; byte < (uint8_t *)SP; byte++) *byte = 0xA5;
}

// The upper half is counted here: the tick comes five times before the lower one has wrapped around.
uint32_t port_counter(void) {
  static uint16_t low, high;
  uint16_t now = TCNT1;
  if (now < low) high++;
  low = now;
  return (uint32_t)high << 16 | now;
}

ISR(TIMER1_COMPA_vect) {
  OCR1A += TICK;
  board_ticked();
}

ISR(RECEIVED_VECTOR) {
  uint8_t state;
  while ((state = UCSR0A) & 1 << RXC0) {
    if (state & 1 << DOR0) board_overrun();
    uint8_t byte = UDR0;
    // With a framing error: a break, or not this rate. Nobody can do anything with it.
    if (!(state & 1 << FE0)) board_received(byte);
  }
}

ISR(BADISR_vect) { board_fail("an unexpected interrupt"); }

void board_send(uint8_t byte) {
  while (!(UCSR0A & 1 << UDRE0)) {
  }
  UDR0 = byte;
}

void port_start(void) {
  TCCR1A = 0;
  TCCR1B = 1 << CS11;
  OCR1A = TCNT1 + TICK;
  TIMSK1 = 1 << OCIE1A;
  UCSR0A = 1 << U2X0;
  UBRR0 = (uint16_t)((CLOCK_HERTZ / 8 + BOARD_BAUD / 2) / BOARD_BAUD - 1);
  UCSR0C = 1 << UCSZ01 | 1 << UCSZ00;
  UCSR0B = 1 << RXEN0 | 1 << TXEN0 | 1 << RXCIE0;
}

// What the RAM holds at power-on, beside the word that counts.
uint32_t port_entropy(void) { return ((volatile uint32_t *)kept_word)[1]; }

void port_mask_interrupts(void) { cli(); }
void port_unmask_interrupts(void) { sei(); }

// Here masked interrupts would not end the sleep. The instruction behind `sei` comes before any of them.
void port_sleep(void) {
  set_sleep_mode(SLEEP_MODE_IDLE);
  sleep_enable();
  sei();
  sleep_cpu();
  sleep_disable();
  cli();
}

void board_reset(void) {
  cli();
  wdt_enable(WDTO_15MS);
  for (;;) {
  }
}

struct board_flash board_flash_geometry(void) { return (struct board_flash){.unit_bytes = 1}; }

void board_flash_erase(uint32_t page) { board_flash_check_page(page); }

void board_flash_program(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  board_flash_check(offset, bytes, count);
}
