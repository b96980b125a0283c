#pragma once
#include <stddef.h>
#include <stdint.h>
#define ARG_UNUSED(x) (void)(x)
typedef struct {
  int64_t ticks;
} k_timeout_t;
#define K_MSEC(ms) ((k_timeout_t){(ms)})
struct k_sem {
  unsigned count;
};
#define K_SEM_DEFINE(name, initial, limit) struct k_sem name
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);
void k_sem_give(struct k_sem *sem);
uint32_t k_uptime_get_32(void);
