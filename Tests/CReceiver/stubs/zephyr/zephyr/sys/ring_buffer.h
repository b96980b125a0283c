#pragma once
#include <stdint.h>
struct ring_buf {
  uint32_t size;
};
#define RING_BUF_DECLARE(name, bytes) struct ring_buf name
uint32_t ring_buf_put(struct ring_buf *ring, const uint8_t *data, uint32_t size);
uint32_t ring_buf_get(struct ring_buf *ring, uint8_t *data, uint32_t size);
