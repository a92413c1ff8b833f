/* layers.c -- records sink by whole tables, or by age. */
#include "ledger/layers.h"

#include "base/check.h"

bool layers_try_init(struct layers *layers) {
  *layers = (struct layers){ .pending = memtable_try_new(), .active = memtable_try_new() };
  if (layers->pending != NULL && layers->active != NULL) return true;
  layers_done(layers);
  return false;
}

void layers_done(struct layers *layers) {
  memtable_free(layers->pending);
  memtable_free(layers->active);
  *layers = (struct layers){ 0 };
}

void layers_make_active(struct layers *layers, uint64_t seq) {
  memtable_pull(layers->active, layers->pending, seq);
}

void layers_fail(struct layers *layers) {
  memtable_clear(layers->pending);
}

struct memtable *layers_try_freeze(struct layers *layers) {
  CHECK(layers->frozen == NULL);
  struct memtable *fresh = memtable_try_new(), *frozen = layers->active;
  if (fresh == NULL) return NULL;
  layers->frozen = frozen;
  layers->active = fresh;
  layers->deleted_passed = 0;
  return frozen;
}

void layers_thaw(struct layers *layers) {
  CHECK(layers->frozen != NULL);
  layers->frozen = NULL;
}
