/* The tensors of small.safetensors; Scripts/weight-table wrote this. */
#ifndef WEIGHT_TABLE_H
#define WEIGHT_TABLE_H

#include "wtserial.h"

#if !WT_CODEC
#error "a table for a receiver with codec"
#endif

#define WEIGHT_COUNT 4u
#define WEIGHT_IMAGE_SIZE 772ul

#define WEIGHT_FC1_BIAS 0u
#define WEIGHT_FC1_BIAS_OFFSET 0ul
#define WEIGHT_FC1_WEIGHT 1u
#define WEIGHT_FC1_WEIGHT_OFFSET 128ul
#define WEIGHT_FC2_BIAS 2u
#define WEIGHT_FC2_BIAS_OFFSET 640ul
#define WEIGHT_FC2_WEIGHT 3u
#define WEIGHT_FC2_WEIGHT_OFFSET 644ul

static WT_ROM char weight_name_0[] = "fc1.bias";
static WT_ROM uint32_t weight_extents_0[] = {32};
static WT_ROM char weight_name_1[] = "fc1.weight";
static WT_ROM uint32_t weight_extents_1[] = {32, 16};
static WT_ROM char weight_name_2[] = "fc2.bias";
static WT_ROM uint32_t weight_extents_2[] = {1};
static WT_ROM char weight_name_3[] = "fc2.weight";
static WT_ROM uint32_t weight_extents_3[] = {1, 32};

static WT_ROM struct wt_tensor weight_table[] = {
    {weight_name_0, weight_extents_0, 32, 0, 128, 1, 1, 0},
    {weight_name_1, weight_extents_1, 512, 128, 512, 2, 1, 1},
    {weight_name_2, weight_extents_2, 1, 640, 4, 1, 1, 0},
    {weight_name_3, weight_extents_3, 32, 644, 128, 2, 1, 0},
};

#endif
