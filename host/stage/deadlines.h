/* deadlines.h -- moments at which something that waits must end.
 *
 * WHY     A worker that sleeps must wake for the first of them, and a spec that moves the clock must find all that have passed.
 * ROOM    stage.
 * THREAD  Its worker's.
 * OWNS    Nothing: a deadline is embedded in what it ends, and must be taken out before that is freed.
 */
#ifndef TROUPE_DEADLINES_H
#define TROUPE_DEADLINES_H

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero: not set. */
struct deadline {
  RB_ENTRY(deadline) link;
  int64_t at_ns;               /* by the host's clock */
  bool is_set;
  void (*pass)(void *context, struct deadline *deadline);   /* called when it has passed, and is not set any more */
  void *context;
};

RB_HEAD(deadline_tree, deadline);

/* All zero: none. */
struct deadlines {
  struct deadline_tree tree;
};

/* Sets one that is not set. */
void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_ns);

/* Takes one out; nothing if it is not set. */
void deadlines_clear(struct deadlines *deadlines, struct deadline *deadline);

/* The first one; INT64_MAX if there is none. */
int64_t deadlines_first_ns(const struct deadlines *deadlines);

/* Calls `pass` of all that are not later than `now_ns`, the earliest first, those included that a `pass` sets. Whether there
 * were any. */
bool deadlines_pass(struct deadlines *deadlines, int64_t now_ns);

#endif
