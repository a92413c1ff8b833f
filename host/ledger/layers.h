/* layers.h -- the records of one worker that are not in the store yet.
 *
 * WHY     A record goes down by what is known of it: pending, it was sent to the committer; active, it is durable, in the
 *         log; frozen, a checkpoint brings it to the store.
 * ROOM    ledger. Below: memtable.
 * THREAD  Its worker's.
 * OWNS    pending and active. What is frozen belongs to the checkpointer, and is only read.
 * ALWAYS  An upper layer is newer than those below it.
 */
#ifndef TROUPE_LAYERS_H
#define TROUPE_LAYERS_H

#include "ledger/memtable.h"

struct layers {
  struct memtable *pending;          /* memtable_push() brings records in */
  struct memtable *active;
  const struct memtable *frozen;     /* NULL: none */
  uint64_t deleted_passed;           /* how often a walk passed a deleted record of active; from its beginning on */
};

/* False for want of memory. */
bool layers_try_init(struct layers *layers);
void layers_done(struct layers *layers);

/* What was pushed up to `seq` is durable: it becomes active. */
void layers_make_active(struct layers *layers, uint64_t seq);

/* What is pending has failed. */
void layers_fail(struct layers *layers);

/* What is active becomes frozen, and is the caller's, who frees it after layers_thaw(). NULL for want of memory, and
 * nothing changed. Nothing may be frozen before. */
struct memtable *layers_try_freeze(struct layers *layers);

/* What was frozen is in the store. Whoever reads both takes a new snapshot of the store afterwards. */
void layers_thaw(struct layers *layers);

#endif
