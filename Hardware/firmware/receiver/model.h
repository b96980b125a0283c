// The model that is taken: everything here that depends on the form of its table. Scripts/device_models.py
// makes the tables.
#pragma once
#include "wtserial.h"

#if defined MODEL_SMALL
#include "tables/small.h"
#elif defined MODEL_LARGE
#include "tables/large.h"
#else
#include "tables/network.h"
#endif

#define MODEL_TENSORS WEIGHT_COUNT
#define MODEL_IMAGE_BYTES WEIGHT_IMAGE_SIZE
// For struct wt_config.
#define MODEL_TABLE .tensors = weight_table, .tensor_count = WEIGHT_COUNT
