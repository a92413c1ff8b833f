/* layers.h -- the records of one worker that are not in the store yet.
 *
 * WHY     A record sinks as more is known of it. Pending: it was sent to the committer. Active: it is durable, in the log.
 *         Frozen: a checkpoint is bringing it to the store.
 * ROOM    ledger. Below: memtable.
 * THREAD  Its worker's.
 * OWNS    pending and active. The frozen table belongs to the checkpointer, and is only read.
 * ALWAYS  An upper layer is newer than those below it.
 */
#ifndef TROUPE_LAYERS_H
#define TROUPE_LAYERS_H

#include "ledger/memtable.h"

struct layers {
  struct memtable *pending;          /* memtable_push() brings records in */
  struct memtable *active;
  const struct memtable *frozen;     /* NULL: none */
  uint64_t deleted_passed;           /* how often scans have passed a deleted record of active, since that began */
};

/* False if out of memory. */
bool layers_try_init(struct layers *layers);
void layers_done(struct layers *layers);

/* What was pushed up to `seq` is durable: makes it active. */
void layers_make_active(struct layers *layers, uint64_t seq);

/* What is pending has failed: forgets it. */
void layers_fail(struct layers *layers);

/* Freezes the active table and returns it. It is the caller's now, to be freed after layers_thaw(). NULL if out of memory,
 * and nothing changed. Nothing may be frozen before. */
struct memtable *layers_try_freeze(struct layers *layers);

/* What was frozen is in the store: lets go of it. A reader of both must take a new snapshot of the store afterwards. */
void layers_thaw(struct layers *layers);

#endif
