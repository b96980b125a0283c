/* The tensors of network.safetensors; Scripts/weight-table wrote this. */
#ifndef WEIGHT_TABLE_H
#define WEIGHT_TABLE_H

#include "wtserial.h"

#if !WT_CODEC
#error "a table for a receiver with codec"
#endif

#define WEIGHT_COUNT 7u
#define WEIGHT_IMAGE_SIZE 5520ul

#define WEIGHT_FC1_BIAS 0u
#define WEIGHT_FC1_BIAS_OFFSET 0ul
#define WEIGHT_FC1_WEIGHT 1u
#define WEIGHT_FC1_WEIGHT_OFFSET 192ul
#define WEIGHT_FC2_BIAS 2u
#define WEIGHT_FC2_BIAS_OFFSET 3264ul
#define WEIGHT_FC2_WEIGHT 3u
#define WEIGHT_FC2_WEIGHT_OFFSET 3360ul
#define WEIGHT_FC3_BIAS 4u
#define WEIGHT_FC3_BIAS_OFFSET 4512ul
#define WEIGHT_FC3_WEIGHT 5u
#define WEIGHT_FC3_WEIGHT_OFFSET 4552ul
#define WEIGHT_STEPS 6u
#define WEIGHT_STEPS_OFFSET 5512ul

static WT_ROM char weight_name_0[] = "fc1.bias";
static WT_ROM uint32_t weight_extents_0[] = {48};
static WT_ROM char weight_name_1[] = "fc1.weight";
static WT_ROM uint32_t weight_extents_1[] = {48, 64};
static WT_ROM char weight_name_2[] = "fc2.bias";
static WT_ROM uint32_t weight_extents_2[] = {24};
static WT_ROM char weight_name_3[] = "fc2.weight";
static WT_ROM uint32_t weight_extents_3[] = {24, 48};
static WT_ROM char weight_name_4[] = "fc3.bias";
static WT_ROM uint32_t weight_extents_4[] = {10};
static WT_ROM char weight_name_5[] = "fc3.weight";
static WT_ROM uint32_t weight_extents_5[] = {10, 24};
static WT_ROM char weight_name_6[] = "steps";
static WT_ROM uint32_t weight_extents_6[] = {0};

static WT_ROM struct wt_tensor weight_table[] = {
    {weight_name_0, weight_extents_0, 48, 0, 192, 1, 1, 0},
    {weight_name_1, weight_extents_1, 3072, 192, 3072, 2, 1, 1},
    {weight_name_2, weight_extents_2, 24, 3264, 96, 1, 1, 0},
    {weight_name_3, weight_extents_3, 1152, 3360, 1152, 2, 1, 1},
    {weight_name_4, weight_extents_4, 10, 4512, 40, 1, 1, 0},
    {weight_name_5, weight_extents_5, 240, 4552, 960, 2, 1, 0},
    {weight_name_6, weight_extents_6, 1, 5512, 8, 0, 19, 0},
};

#endif
