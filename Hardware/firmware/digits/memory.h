// The memory that the application lends, in forms that Swift takes.
#pragma once
#include <board.h>
#include <stdint.h>

// The largest frame that is taken.
#ifndef DIGITS_MTU
#define DIGITS_MTU 256
#endif

// Images that are tried after each milestone, and at the end.
#ifndef DIGITS_MILESTONE_SAMPLES
#define DIGITS_MILESTONE_SAMPLES 10
#endif
#ifndef DIGITS_SAMPLES
#define DIGITS_SAMPLES 60
#endif

enum {
  DIGITS_FRAME_BYTES = DIGITS_MTU,
  DIGITS_MILESTONE_TRIAL = DIGITS_MILESTONE_SAMPLES,
  DIGITS_FINAL_TRIAL = DIGITS_SAMPLES,
  DIGITS_OUTBOX_BYTES = 256,
  DIGITS_IMAGE_BYTES = 42752,
  DIGITS_TENSORS = 22,
};

#pragma clang assume_nonnull begin

uint8_t *digits_frame(void);
uint8_t *digits_outbox(void);
// 4 bytes a tensor.
void *digits_states(void);
// Of so many bytes as the network works in.
void *digits_scratch(uint32_t bytes);
#ifndef DIGITS_IN_FLASH
uint8_t *digits_image(void);
#endif

#pragma clang assume_nonnull end
