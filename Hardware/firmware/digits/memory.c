#include "memory.h"

enum { SCRATCH_BYTES = 5104 };

uint8_t *digits_frame(void) {
  static uint8_t frame[DIGITS_MTU];
  return frame;
}

uint8_t *digits_outbox(void) {
  static uint8_t outbox[DIGITS_OUTBOX_BYTES];
  return outbox;
}

void *digits_states(void) {
  static uint32_t states[DIGITS_TENSORS];
  return states;
}

void *digits_scratch(uint32_t bytes) {
  static uint32_t scratch[SCRATCH_BYTES / 4];
  if (bytes > sizeof scratch) board_fail("digits: the network needs more memory");
  return scratch;
}

#ifndef DIGITS_IN_FLASH
uint8_t *digits_image(void) {
  static uint32_t image[DIGITS_IMAGE_BYTES / 4];
  return (uint8_t *)image;
}
#endif
