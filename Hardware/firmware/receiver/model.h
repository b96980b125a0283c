// The model that is taken. Scripts/device_models.py makes the tables.
#pragma once
#if defined MODEL_SMALL
#include "tables/small.h"
#elif defined MODEL_LARGE
#include "tables/large.h"
#else
#include "tables/network.h"
#endif
