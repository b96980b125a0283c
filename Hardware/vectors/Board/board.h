// What programs have of the board: a way to speak, a way to end, a timer, and the vectors in its memory.
#pragma once
#include <stdint.h>

struct board_bytes {
  const uint8_t *start;
  int32_t count;
};

// Files of Tests/Vectors, as they are.
struct board_bytes board_vectors_crc32(void);
struct board_bytes board_vectors_cobs(void);
struct board_bytes board_vectors_frame(void);
struct board_bytes board_vectors_parity(void);
struct board_bytes board_vectors_record(void);
struct board_bytes board_vectors_manifest(void);
struct board_bytes board_vectors_coded(void);

// A timer of 25 MHz, which wraps around: with `-icount shift=0` it counts every 40th instruction.
uint32_t board_ticks(void);

void board_write(uint8_t byte);
_Noreturn void board_exit(int32_t status);
