// The memory that the receiver is lent, of the size that the model takes.
#pragma once
#include <board.h>
#include <stdint.h>

enum {
#ifdef MODEL_LARGE
  MINIMAL_IMAGE_BYTES = 4096,
  MINIMAL_TENSORS = 1,
#else
  MINIMAL_IMAGE_BYTES = 5520,
  MINIMAL_TENSORS = 7,
#endif
  MINIMAL_FRAME_BYTES = 262,
  MINIMAL_OUTBOX_BYTES = 192,
};

#pragma clang assume_nonnull begin

uint8_t *minimal_image(void);
uint8_t *minimal_frame(void);
uint8_t *minimal_outbox(void);
// 4 bytes a tensor.
void *minimal_states(void);

#pragma clang assume_nonnull end
