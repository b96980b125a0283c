// The model: its table and memory. In C, for C++ has no word for what an AVR keeps in flash.
#include "table.h"

static struct wt_state states[MODEL_TENSORS];
static WT_ALIGNED uint8_t image[MODEL_IMAGE_SIZE];

void model_describe(struct wt_config *config);
void model_describe(struct wt_config *config) {
  config->table = model;
  config->table_size = sizeof model;
  config->states = states;
  config->image = image;
}
