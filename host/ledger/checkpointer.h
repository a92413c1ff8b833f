/* checkpointer.h -- brings what is durable in the log into the store, so that the log can be forgotten.
 *
 * WHY      A key that was written ten thousand times goes to the store once, and keys go there in order and in bulk. A call
 *          could not wait for that.
 * ROOM     ledger. Below: memtable, store, log (only to tidy it). Knows no actor and no Lua.
 * THREAD   checkpointer_want(), _hear() and _put(): any. checkpointer_step() on its own (inline: the caller's).
 * OWNS     The tables that sources put, and the store's write transactions.
 * STATES   RESTING -> FREEZING   wanted, or the log has grown: each source is asked for its table
 *          FREEZING -> WRITING   all tables are here. The checkpoint's number is the lowest of their batches
 *          WRITING -> WRITING    a portion: ranges to delete and records, in one synced transaction
 *          WRITING -> THAWING    the last portion, with the number of the checkpoint. The log is tidied
 *          THAWING -> RESTING    no source reads its table any more: the tables are freed
 * ALWAYS   1. What a source puts holds all of its records of all batches up to the one it names, and nothing that is not
 *             durable.
 *          2. Between two portions the store is a mixture. The log holds everything since the checkpoint before, and repeating
 *             it leads to the same records: so a crash there does no harm.
 *          3. A portion that failed for lack of room is tried again, after CHECKPOINT_RETRY_MS.
 * LIMITS   log_bytes_max: how much the log grows between the beginnings of two checkpoints. portion_records_max: what one
 *          transaction takes; a record counts once more for each KiB. It decides for how long the disk is busy.
 */
#ifndef TROUPE_CHECKPOINTER_H
#define TROUPE_CHECKPOINTER_H

#include "base/clock.h"
#include "base/queue.h"
#include "ledger/log.h"
#include "ledger/memtable.h"
#include "ledger/store.h"

enum { CHECKPOINT_RETRY_MS = 1000 };

struct checkpointer;

/* What a source puts: first its frozen table; later, once that is written, word that the source no longer reads it. */
struct checkpoint_part {
  struct queue_item item;
  struct memtable *table;      /* NULL: the word */
  uint64_t batch;              /* the table holds all of this source's records up to it */
};

/* Where records come from: a worker. Called on the checkpointer's thread. The worker answers the first two calls by
 * checkpointer_put(), some time later. */
struct checkpoint_source {
  void (*freeze)(struct checkpoint_source *source);
  void (*written)(struct checkpoint_source *source);
  void (*failing)(struct checkpoint_source *source);      /* checkpointer_is_failing() is true now. No answer */
};

struct checkpointer_config {
  struct store *store;
  const struct log *log;       /* which it tidies */
  struct checkpoint_source **sources;
  size_t source_count;
  uint64_t log_bytes_max;
  size_t portion_records_max;
  const struct logger *logger;
  const struct clock *clock;
};

/* `recovered`: what the log held at the start, up to batch `last`. All sources read it as their frozen table, and it is
 * written first. NULL: there was nothing. */
struct checkpointer *checkpointer_new(const struct checkpointer_config *config, struct memtable *recovered, uint64_t last);

/* May be called in the middle of a checkpoint: that is like a crash. */
void checkpointer_free(struct checkpointer *checkpointer);

/* Asks for a checkpoint of everything that is durable now. */
void checkpointer_want(struct checkpointer *checkpointer);

/* Tells how far log_bytes() has come. */
void checkpointer_hear(struct checkpointer *checkpointer, uint64_t log_bytes);

/* Puts a source's part. It stays the source's, which may use it again when it is next called. */
void checkpointer_put(struct checkpointer *checkpointer, struct checkpoint_part *part);

/* Does one step: a change of state, or a portion. ERR_FATAL, with the reason in the log, if the host must end. */
enum err checkpointer_step(struct checkpointer *checkpointer, bool *worked);

/* Waits for something to do, or for checkpointer_wake(). */
void checkpointer_wait(struct checkpointer *checkpointer);
void checkpointer_wake(struct checkpointer *checkpointer);

/* Whether the last portion failed: then nobody knows when the next checkpoint will be. From any thread. */
bool checkpointer_is_failing(const struct checkpointer *checkpointer);

/* Bytes of the log that the store does not have yet, or a few more if a checkpoint is just ending. From any thread. */
uint64_t checkpointer_owed_bytes(const struct checkpointer *checkpointer);

#endif
