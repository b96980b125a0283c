// The model: its table and memory. In C, for C++ has no word for what an AVR keeps in flash.
#include "table.h"

static struct wt_state states[WEIGHT_COUNT];
static uint8_t image[WEIGHT_IMAGE_SIZE];

void model_describe(struct wt_config *config);
void model_describe(struct wt_config *config) {
  config->tensors = weight_table;
  config->tensor_count = WEIGHT_COUNT;
  config->states = states;
  config->image = image;
  config->image_size = WEIGHT_IMAGE_SIZE;
}
