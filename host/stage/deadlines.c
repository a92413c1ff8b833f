/* deadlines.c -- see deadlines.h. */
#include "stage/deadlines.h"

#include <stddef.h>

#include "base/check.h"

static int compare(const struct deadline *a, const struct deadline *b) {
  if (a->at_ns != b->at_ns) return a->at_ns < b->at_ns ? -1 : 1;
  return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

/* As RB_GENERATE_STATIC, whose own mark for unused functions is not defined. */
RB_GENERATE_INTERNAL(deadline_tree, deadline, link, compare, __attribute__((unused)) static)

void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_ns) {
  CHECK(!deadline->is_set);
  deadline->at_ns = at_ns;
  deadline->is_set = true;
  RB_INSERT(deadline_tree, &deadlines->tree, deadline);
}

void deadlines_clear(struct deadlines *deadlines, struct deadline *deadline) {
  if (!deadline->is_set) return;
  RB_REMOVE(deadline_tree, &deadlines->tree, deadline);
  deadline->is_set = false;
}

static struct deadline *first(const struct deadlines *deadlines) {
  struct deadline *at = RB_ROOT(&deadlines->tree);
  while (at != NULL && RB_LEFT(at, link) != NULL) at = RB_LEFT(at, link);
  return at;
}

int64_t deadlines_first_ns(const struct deadlines *deadlines) {
  const struct deadline *deadline = first(deadlines);
  return deadline == NULL ? INT64_MAX : deadline->at_ns;
}

bool deadlines_pass(struct deadlines *deadlines, int64_t now_ns) {
  bool any = false;
  struct deadline *deadline;
  while ((deadline = first(deadlines)) != NULL && deadline->at_ns <= now_ns) {
    deadlines_clear(deadlines, deadline);
    deadline->pass(deadline->context, deadline);
    any = true;
  }
  return any;
}
