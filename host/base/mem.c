/* mem.c -- malloc behind one door, with a fault point in builds that test. */
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"

#ifdef TROUPE_FAULTS

/* The one variable in the house that is not a constant. An allocation has no argument that could carry the countdown, and
 * a test that walks through k = 1, 2, ... must not disturb other threads. A host for users is built without it. */
static _Thread_local struct {
  unsigned long left;   /* the first failure is due when this reaches 0; 0: none is due */
  unsigned long count;  /* how many are due then, one after the other */
  bool failed;
} fault;

void mem_fail_at(unsigned long k) {
  mem_fail_run(k, 1);
}

void mem_fail_run(unsigned long k, unsigned long count) {
  fault.left = k;
  fault.count = count;
  fault.failed = false;
}

int mem_has_failed(void) {
  return fault.failed;
}

static bool is_refused(void) {
  if (fault.left == 0) return false;
  if (fault.left > 1) {
    fault.left--;
    return false;
  }
  if (--fault.count == 0) fault.left = 0;
  fault.failed = true;
  return true;
}

#else

static bool is_refused(void) {
  return false;
}

#endif

void *mem_try_alloc(size_t size) {
  CHECK_THAT(size, >, 0);
  return is_refused() ? NULL : malloc(size);
}

void *mem_try_zero(size_t size) {
  CHECK_THAT(size, >, 0);
  return is_refused() ? NULL : calloc(1, size);
}

void *mem_try_resize(void *block, size_t size) {
  CHECK_THAT(size, >, 0);
  return is_refused() ? NULL : realloc(block, size);
}

void *mem_alloc(size_t size) {
  CHECK_THAT(size, >, 0);
  void *block = malloc(size);
  CHECK(block != NULL);
  return block;
}

void *mem_zero(size_t size) {
  CHECK_THAT(size, >, 0);
  void *block = calloc(1, size);
  CHECK(block != NULL);
  return block;
}

void mem_free(void *block) {
  free(block);
}
