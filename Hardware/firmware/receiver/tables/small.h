/* The table of small.safetensors, written by Scripts/model-table. */
#ifndef MODEL_H
#define MODEL_H

#include "wtserial.h"

#if !WT_CODEC
#error "the table is for a receiver with codec"
#endif

#define MODEL_TENSORS 4u
#define MODEL_IMAGE_SIZE 688ul

/* Of each tensor the number, the place in the image, and the elements. */
/* float32 [8]: as it is sent */
#define MODEL_FC1_BIAS 0u
#define MODEL_FC1_BIAS_OFFSET 0ul
#define MODEL_FC1_BIAS_COUNT 8ul
/* float32 [8, 64]: a byte a weight, in planes */
#define MODEL_FC1_WEIGHT 1u
#define MODEL_FC1_WEIGHT_OFFSET 32ul
#define MODEL_FC1_WEIGHT_COUNT 512ul
/* float32 [4]: as it is sent */
#define MODEL_FC2_BIAS 2u
#define MODEL_FC2_BIAS_OFFSET 544ul
#define MODEL_FC2_BIAS_COUNT 4ul
/* float32 [4, 8]: as it is sent */
#define MODEL_FC2_WEIGHT 3u
#define MODEL_FC2_WEIGHT_OFFSET 560ul
#define MODEL_FC2_WEIGHT_COUNT 32ul

static WT_ROM uint8_t model[60] = {
    0x02, 0x0e, 0x00, 0x00, 0x08, 0x66, 0x63, 0x31, 0x2e, 0x62, 0x69, 0x61, 0x73, 0x01, 0x01, 0x08,
    0x02, 0x0d, 0x00, 0x04, 0x06, 0x77, 0x65, 0x69, 0x67, 0x68, 0x74, 0x01, 0x02, 0x08, 0x40, 0x02,
    0x0c, 0x00, 0x02, 0x06, 0x32, 0x2e, 0x62, 0x69, 0x61, 0x73, 0x01, 0x01, 0x04, 0x02, 0x0d, 0x00,
    0x04, 0x06, 0x77, 0x65, 0x69, 0x67, 0x68, 0x74, 0x01, 0x02, 0x04, 0x08,
};

#endif
