/* The tensors of small.safetensors; Scripts/weight-table wrote this. */
#ifndef WEIGHT_TABLE_H
#define WEIGHT_TABLE_H

#include "wtserial.h"

#if !WT_CODEC
#error "a table for a receiver with codec"
#endif

#define WEIGHT_COUNT 4u
#define WEIGHT_IMAGE_SIZE 688ul

#define WEIGHT_FC1_BIAS 0u
#define WEIGHT_FC1_BIAS_OFFSET 0ul
#define WEIGHT_FC1_WEIGHT 1u
#define WEIGHT_FC1_WEIGHT_OFFSET 32ul
#define WEIGHT_FC2_BIAS 2u
#define WEIGHT_FC2_BIAS_OFFSET 544ul
#define WEIGHT_FC2_WEIGHT 3u
#define WEIGHT_FC2_WEIGHT_OFFSET 560ul

static WT_ROM char weight_name_0[] = "fc1.bias";
static WT_ROM uint32_t weight_extents_0[] = {8};
static WT_ROM char weight_name_1[] = "fc1.weight";
static WT_ROM uint32_t weight_extents_1[] = {8, 64};
static WT_ROM char weight_name_2[] = "fc2.bias";
static WT_ROM uint32_t weight_extents_2[] = {4};
static WT_ROM char weight_name_3[] = "fc2.weight";
static WT_ROM uint32_t weight_extents_3[] = {4, 8};

static WT_ROM struct wt_tensor weight_table[] = {
    {weight_name_0, weight_extents_0, 8, 0, 32, 1, 1, 0},
    {weight_name_1, weight_extents_1, 512, 32, 512, 2, 1, 1},
    {weight_name_2, weight_extents_2, 4, 544, 16, 1, 1, 0},
    {weight_name_3, weight_extents_3, 32, 560, 128, 2, 1, 0},
};

#endif
