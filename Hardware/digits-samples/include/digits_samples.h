// The images that the application `digits` is measured on: those of Tests/Fixtures/Digits, which the
// sample model was not trained on.
#ifndef DIGITS_SAMPLES_H
#define DIGITS_SAMPLES_H

#include <stdint.h>

#define DIGITS_SAMPLE_COUNT 360

// A pixel of an image, row by row: 0 for paper to 16 for ink.
uint8_t digits_pixel(uint32_t image, uint32_t place);

// What an image shows: 0 to 9.
uint8_t digits_label(uint32_t image);

#endif
