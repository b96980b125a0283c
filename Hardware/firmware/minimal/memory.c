#include "memory.h"

uint8_t *minimal_image(void) {
  static uint8_t image[MINIMAL_IMAGE_BYTES];
  return image;
}

uint8_t *minimal_frame(void) {
  static uint8_t frame[MINIMAL_FRAME_BYTES];
  return frame;
}

uint8_t *minimal_outbox(void) {
  static uint8_t outbox[MINIMAL_OUTBOX_BYTES];
  return outbox;
}

void *minimal_states(void) {
  static uint32_t states[MINIMAL_TENSORS];
  return states;
}
