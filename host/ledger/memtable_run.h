/* memtable_run.h -- puts many writes into a memtable together, sorted.
 *
 * WHY    Recovery reads writes of all actors as they came, and each would go down the tree by its own way, with a cache miss at
 *        each step. In the order of their keys each follows the one before: several times as fast.
 * ROOM   ledger. Below: memtable, changes.
 * OWNS   Copies of what it took, until they are in the table; the table is the caller's. `= { .memtable = ... }` ...
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
  struct buf items;      /* one for each write, in the order in which they came */
};

/* Takes a batch, a run of changes (changes.h), as a visitor of the log (log_reader.h): `context` is the run, the number does
 * not matter. A range delete goes into the table at once, behind all that was held back. ERR_MEMORY: only a part was taken;
 * ERR_STORAGE: the same, and what follows is broken. */
enum err memtable_run_take(void *context, uint64_t number, struct slice changes);

/* Puts everything that is held back into the table. ERR_MEMORY: only a part is in it. */
enum err memtable_run_end(struct memtable_run *run);

void memtable_run_done(struct memtable_run *run);

#endif
