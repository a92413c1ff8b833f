/* memtable_run.h -- many writes that come into a memtable together, sorted.
 *
 * WHY    Recovery brings in writes of all actors as they came, and each would go down the tree by another way, a cache miss
 *        a step. In the order of their keys each goes the way of the one before: several times as fast.
 * ROOM   ledger. Below: memtable, changes.
 * OWNS   Copies of what it took, until they are in the table, which is the caller's. `= { .memtable = ... }` ...
 *        memtable_run_done().
 * ALWAYS Writes of one key come in the order in which they were taken.
 * LIMITS RUN_BYTES_MAX of keys and values are held back.
 */
#ifndef TROUPE_MEMTABLE_RUN_H
#define TROUPE_MEMTABLE_RUN_H

#include "base/buf.h"
#include "ledger/memtable.h"

enum { RUN_BYTES_MAX = 16 * 1024 * 1024 };

struct memtable_run {
  struct memtable *memtable;
  struct buf content;    /* keys and values */
  struct buf items;      /* what is known of each, in the order in which they came */
};

/* Takes a batch, a run of changes (changes.h), as a visitor of the log (log_reader.h): `context` is the run, the number does
 * not matter. What does not wait comes into the table at once. ERR_MEMORY: some of it is taken; ERR_STORAGE: it is broken
 * there. */
enum err memtable_run_take(void *context, uint64_t number, struct slice changes);

/* Brings all that is held back into the table. ERR_MEMORY: some of it is there. */
enum err memtable_run_end(struct memtable_run *run);

void memtable_run_done(struct memtable_run *run);

#endif
