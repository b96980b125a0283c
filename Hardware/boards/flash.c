// The rules of flash. Apart from common.c, or their sentences would take RAM of boards without flash.
#include "port.h"

void board_flash_check_page(uint32_t page) {
  if (page >= board_flash_geometry().page_count) board_fail("there is no such page of the flash");
}

void board_flash_check(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  struct board_flash flash = board_flash_geometry();
  uint32_t size = flash.page_bytes * flash.page_count;
  if (offset > size || count > size - offset) board_fail("the flash is not so large");
  if ((offset | count) % flash.unit_bytes != 0) board_fail("flash is programmed in whole units");
  const volatile uint8_t *now = (const volatile uint8_t *)(uintptr_t)(flash.base + offset);
  for (uint32_t index = 0; index < count; index++) {
    if (bytes[index] & ~now[index]) board_fail("programming flash cannot set a bit");
    if (now[index] != 0xFF && !flash.clears_more_bits) board_fail("flash is programmed once only");
  }
}
