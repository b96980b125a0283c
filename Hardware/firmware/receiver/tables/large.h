/* The tensors of large.safetensors; Scripts/weight-table wrote this. */
#ifndef WEIGHT_TABLE_H
#define WEIGHT_TABLE_H

#include "wtserial.h"

#if !WT_CODEC
#error "a table for a receiver with codec"
#endif

#define WEIGHT_COUNT 1u
#define WEIGHT_IMAGE_SIZE 8192ul

#define WEIGHT_WEIGHT 0u
#define WEIGHT_WEIGHT_OFFSET 0ul

static WT_ROM char weight_name_0[] = "weight";
static WT_ROM uint32_t weight_extents_0[] = {64, 128};

static WT_ROM struct wt_tensor weight_table[] = {
    {weight_name_0, weight_extents_0, 8192, 0, 8192, 2, 1, 1},
};

#endif
