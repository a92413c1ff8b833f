/* verdicts.c -- a ring with one writer: a reader that was overtaken notices by the count. */
#include "ledger/verdicts.h"

#include <stddef.h>

void verdicts_put(struct verdicts *verdicts, uint64_t epoch, uint64_t ticket) {
  uint64_t count = atomic_load(&verdicts->count);
  struct verdict *last = count == 0 ? NULL : &verdicts->ring[(count - 1) % VERDICTS_MAX];
  if (last != NULL && atomic_load(&last->ticket) == ticket) {
    atomic_store(&last->last_epoch, epoch);
    return;
  }
  struct verdict *next = &verdicts->ring[count % VERDICTS_MAX];
  atomic_store(&next->first_epoch, epoch);
  atomic_store(&next->last_epoch, epoch);
  atomic_store(&next->ticket, ticket);
  atomic_store(&verdicts->count, count + 1);
}

bool verdicts_find(const struct verdicts *verdicts, uint64_t epoch, uint64_t *ticket) {
  uint64_t count = atomic_load(&verdicts->count);
  uint64_t oldest = count > VERDICTS_MAX ? count - VERDICTS_MAX : 0;
  for (uint64_t place = count; place > oldest; place--) {
    const struct verdict *entry = &verdicts->ring[(place - 1) % VERDICTS_MAX];
    bool within = atomic_load(&entry->first_epoch) <= epoch && epoch <= atomic_load(&entry->last_epoch);
    uint64_t found = atomic_load(&entry->ticket);
    /* The writer may be at work on the entry behind the last one. Once the ring has come round, that is this one. */
    if (atomic_load(&verdicts->count) >= place - 1 + VERDICTS_MAX) return false;
    if (!within) continue;
    *ticket = found;
    return true;
  }
  return false;
}
