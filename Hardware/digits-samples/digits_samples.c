#include "include/digits_samples.h"

// C23 has this, and the compiler takes it in C17 too.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t pixels[64 * DIGITS_SAMPLE_COUNT] = {
#embed "../../Tests/Fixtures/Digits/test-images.u8"
};

static const uint8_t labels[DIGITS_SAMPLE_COUNT] = {
#embed "../../Tests/Fixtures/Digits/test-labels.u8"
};

uint8_t digits_pixel(uint32_t image, uint32_t place) {
  uint32_t offset = 64 * image + place;
  return offset < sizeof pixels ? pixels[offset] : 0;
}

uint8_t digits_label(uint32_t image) {
  return image < sizeof labels ? labels[image] : 0xFF;
}
