/* The table of large.safetensors, written by Scripts/model-table. */
#ifndef MODEL_H
#define MODEL_H

#include "wtserial.h"

#if !WT_CODEC
#error "the table is for a receiver with codec"
#endif

#define MODEL_TENSORS 1u
#define MODEL_IMAGE_SIZE 4096ul

/* Of each tensor the number, the place in the image, and the elements. */
/* float32 [64, 64]: a byte a weight, in planes */
#define MODEL_WEIGHT 0u
#define MODEL_WEIGHT_OFFSET 0ul
#define MODEL_WEIGHT_COUNT 4096ul

static WT_ROM uint8_t model[15] = {
    0x02, 0x0d, 0x00, 0x00, 0x06, 0x77, 0x65, 0x69, 0x67, 0x68, 0x74, 0x01, 0x02, 0x40, 0x40,
};

#endif
