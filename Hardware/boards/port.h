// What a port has to provide beside `board_send`, `board_reset` and the flash of board.h, and what
// common.c gives it.
#pragma once
#include "board.h"

// Starts the counter, the tick and the UART with its receive interrupt.
void port_start(void);

// A counter that runs freely and wraps around at 2^32. Of its ticks, board.toml says how many make a
// PORT_TICKS_PER_MILLISECOND and a PORT_TICKS_PER_KILOCYCLE.
uint32_t port_counter(void);

// Something that is not the same after each reset: a random number or a time; 0 where there is none.
uint32_t port_entropy(void);

// The processor, in cortex-m.c and riscv.c. Masked interrupts still end `port_sleep`.
void port_mask_interrupts(void);
void port_unmask_interrupts(void);
void port_sleep(void);

// For the port's interrupts.
void board_received(uint8_t byte);
void board_overrun(void);
void board_ticked(void);

// For fault handlers.
void board_fault(uint32_t cause, uint32_t address) __attribute__((noreturn));

// Ends the program where bytes outside the flash are meant, where `count` bytes at `offset` are no
// whole units, or where programming them would have to set bits.
void board_flash_check_page(uint32_t page);
void board_flash_check(uint32_t offset, const uint8_t *bytes, uint32_t count);
