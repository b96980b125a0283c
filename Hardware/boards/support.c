// What compilers expect of a C library and of a runtime library, as far as Swift and C make use of it
// here: no floating point. The linker leaves out what is not called.
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t count) {
  uint8_t *target = to;
  const uint8_t *source = from;
  // Words where both lie well, which is most of the time.
  if ((((uintptr_t)target | (uintptr_t)source) & 3) == 0) {
    for (; count >= 4; count -= 4, target += 4, source += 4) {
      *(uint32_t *)(void *)target = *(const uint32_t *)(const void *)source;
    }
  }
  for (; count > 0; count--) *target++ = *source++;
  return to;
}

void *memmove(void *to, const void *from, size_t count) {
  uint8_t *target = to;
  const uint8_t *source = from;
  if (target <= source) return memcpy(to, from, count);
  while (count-- > 0) target[count] = source[count];
  return to;
}

void *memset(void *memory, int byte, size_t count) {
  for (uint8_t *target = memory; count > 0; count--) *target++ = (uint8_t)byte;
  return memory;
}

int memcmp(const void *left, const void *right, size_t count) {
  const uint8_t *one = left, *other = right;
  for (; count > 0; count--, one++, other++) {
    if (*one != *other) return *one - *other;
  }
  return 0;
}

// Swift frees what it has allocated, and only lends here: a program that allocates does not link until
// it brings `posix_memalign` and this.
__attribute__((weak)) void free(void *memory) {
  (void)memory;
  __builtin_trap();
}

static uint64_t joined(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

// Shifts of 64 bits by 0 to 63: of halves, not to call themselves.
static uint64_t shifted_left(uint64_t number, int places) {
  uint32_t high = number >> 32, low = (uint32_t)number;
  if (places == 0) return number;
  if (places >= 32) return joined(low << (places - 32), 0);
  return joined(high << places | low >> (32 - places), low << places);
}

static uint64_t shifted_right(uint64_t number, int places, uint32_t sign) {
  uint32_t high = number >> 32, low = (uint32_t)number;
  if (places == 0) return number;
  if (places >= 32) {
    return joined(sign, high >> (places - 32) | (places == 32 ? 0 : sign << (64 - places)));
  }
  return joined(high >> places | sign << (32 - places), high << (32 - places) | low >> places);
}

static uint64_t product(uint64_t left, uint64_t right) {
  uint32_t a = (uint32_t)left, b = (uint32_t)right;
  // Of halves of 16 bits, whose products fit in 32.
  uint32_t low = (a & 0xFFFF) * (b & 0xFFFF);
  uint32_t middle = (a >> 16) * (b & 0xFFFF) + (low >> 16);
  uint32_t other = (a & 0xFFFF) * (b >> 16) + (middle & 0xFFFF);
  uint32_t high = (a >> 16) * (b >> 16) + (middle >> 16) + (other >> 16);
  high += a * (uint32_t)(right >> 32) + (uint32_t)(left >> 32) * b;
  return joined(high, other << 16 | (low & 0xFFFF));
}

// Division bit by bit; by zero the quotient is all ones.
struct division_64 {
  uint64_t quotient, remainder;
};
static struct division_64 divided_64(uint64_t number, uint64_t by) {
  struct division_64 result = {0, 0};
  for (int bit = 0; bit < 64; bit++) {
    uint64_t carry = result.remainder >> 63;
    result.remainder = result.remainder << 1 | number >> 63;
    number <<= 1;
    result.quotient <<= 1;
    if (carry || result.remainder >= by) {
      result.remainder -= by;
      result.quotient |= 1;
    }
  }
  return result;
}

static uint64_t magnitude_64(int64_t number) {
  return number < 0 ? -(uint64_t)number : (uint64_t)number;
}

// Rounded towards zero; the remainder has the sign of the number.
static struct division_64 divided_signed_64(int64_t number, int64_t by) {
  struct division_64 result = divided_64(magnitude_64(number), magnitude_64(by));
  if ((number < 0) != (by < 0)) result.quotient = -result.quotient;
  if (number < 0) result.remainder = -result.remainder;
  return result;
}

#if __arm__

// By the names of Arm's binary interface.
void __aeabi_memcpy(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memcpy4(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memcpy8(void *to, const void *from, size_t count) { memcpy(to, from, count); }
void __aeabi_memmove(void *to, const void *from, size_t count) { memmove(to, from, count); }
void __aeabi_memmove4(void *to, const void *from, size_t count) { memmove(to, from, count); }
void __aeabi_memmove8(void *to, const void *from, size_t count) { memmove(to, from, count); }
void __aeabi_memset(void *memory, size_t count, int byte) { memset(memory, byte, count); }
void __aeabi_memset4(void *memory, size_t count, int byte) { memset(memory, byte, count); }
void __aeabi_memset8(void *memory, size_t count, int byte) { memset(memory, byte, count); }
void __aeabi_memclr(void *memory, size_t count) { memset(memory, 0, count); }
void __aeabi_memclr4(void *memory, size_t count) { memset(memory, 0, count); }
void __aeabi_memclr8(void *memory, size_t count) { memset(memory, 0, count); }

uint64_t __aeabi_llsl(uint64_t number, int places) { return shifted_left(number, places); }
uint64_t __aeabi_llsr(uint64_t number, int places) { return shifted_right(number, places, 0); }
int64_t __aeabi_lasr(int64_t number, int places) {
  return (int64_t)shifted_right((uint64_t)number, places, number < 0 ? UINT32_MAX : 0);
}
uint64_t __aeabi_lmul(uint64_t left, uint64_t right) { return product(left, right); }

struct division_32 {
  uint32_t quotient, remainder;
};
static struct division_32 divided_32(uint32_t number, uint32_t by) {
  struct division_32 result = {0, 0};
  for (int bit = 31; bit >= 0; bit--) {
    uint32_t carry = result.remainder >> 31;
    result.remainder = result.remainder << 1 | (number >> bit & 1);
    if (carry || result.remainder >= by) {
      result.remainder -= by;
      result.quotient |= 1u << bit;
    }
  }
  return result;
}

static uint32_t magnitude_32(int32_t number) {
  return number < 0 ? -(uint32_t)number : (uint32_t)number;
}

uint32_t __aeabi_uidiv(uint32_t number, uint32_t by) { return divided_32(number, by).quotient; }
int32_t __aeabi_idiv(int32_t number, int32_t by) {
  uint32_t quotient = divided_32(magnitude_32(number), magnitude_32(by)).quotient;
  return (int32_t)((number < 0) != (by < 0) ? -quotient : quotient);
}

// The quotient in r0 and the remainder in r1, which for C is one number of 64 bits.
uint64_t __aeabi_uidivmod(uint32_t number, uint32_t by) {
  struct division_32 result = divided_32(number, by);
  return joined(result.remainder, result.quotient);
}
uint64_t __aeabi_idivmod(int32_t number, int32_t by) {
  uint32_t quotient = (uint32_t)__aeabi_idiv(number, by);
  return joined((uint32_t)number - quotient * (uint32_t)by, quotient);
}

// The quotient in r0 and r1 and the remainder in r2 and r3, which C does not return. The function that
// is called writes both to where r0 points.
__attribute__((used)) static void store_unsigned(
    struct division_64 *result, uint32_t unused, uint64_t number, uint64_t by) {
  (void)unused;
  *result = divided_64(number, by);
}
__attribute__((used)) static void store_signed(
    struct division_64 *result, uint32_t unused, int64_t number, int64_t by) {
  (void)unused;
  *result = divided_signed_64(number, by);
}
#define RETURNING_BOTH(name, store)                                                     \
  __attribute__((naked)) void name(void) {                                              \
    __asm__ volatile("push {r4, lr}\n sub sp, #24\n"                                   \
                     "str r2, [sp, #0]\n str r3, [sp, #4]\n"                            \
                     "mov r2, r0\n mov r3, r1\n add r0, sp, #8\n bl " #store "\n"       \
                     "add r3, sp, #8\n ldmia r3, {r0, r1, r2, r3}\n"                    \
                     "add sp, #24\n pop {r4, pc}");                                     \
  }
RETURNING_BOTH(__aeabi_uldivmod, store_unsigned)
RETURNING_BOTH(__aeabi_ldivmod, store_signed)

#if __ARM_ARCH == 6
// Leading zeros, in halves: a loop over bits is what the compiler calls this for.
int __clzsi2(uint32_t number) {
  int zeros = 0;
  for (int places = 16; places > 0; places >>= 1) {
    if (number >> (32 - places) != 0) continue;
    number <<= places;
    zeros += places;
  }
  return zeros + (number >> 31 == 0);
}

// One processor, and an aligned word is read and written at once: only the compiler must not reorder.
uint32_t __atomic_load_4(const volatile void *address, int order) {
  (void)order;
  uint32_t value = *(const volatile uint32_t *)address;
  __asm__ volatile("" ::: "memory");
  return value;
}
void __atomic_store_4(volatile void *address, uint32_t value, int order) {
  (void)order;
  __asm__ volatile("" ::: "memory");
  *(volatile uint32_t *)address = value;
  __asm__ volatile("" ::: "memory");
}
#endif

#else

// By the names that GCC has given them everywhere else.
uint64_t __ashldi3(uint64_t number, int places) { return shifted_left(number, places); }
uint64_t __lshrdi3(uint64_t number, int places) { return shifted_right(number, places, 0); }
int64_t __ashrdi3(int64_t number, int places) {
  return (int64_t)shifted_right((uint64_t)number, places, number < 0 ? UINT32_MAX : 0);
}
uint64_t __muldi3(uint64_t left, uint64_t right) { return product(left, right); }
uint64_t __udivdi3(uint64_t number, uint64_t by) { return divided_64(number, by).quotient; }
uint64_t __umoddi3(uint64_t number, uint64_t by) { return divided_64(number, by).remainder; }
int64_t __divdi3(int64_t number, int64_t by) {
  return (int64_t)divided_signed_64(number, by).quotient;
}
int64_t __moddi3(int64_t number, int64_t by) {
  return (int64_t)divided_signed_64(number, by).remainder;
}

#endif
