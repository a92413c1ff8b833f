/* committer.h -- makes changes durable, then lets their effects go.
 *
 * WHY      One sync for each call would cost a disk write each. Calls are gathered while the batch before them syncs.
 * ROOM     ledger. Below: changes, log, checkpointer. Knows no actor and no Lua, nor what a log does to be durable.
 * THREAD   committer_put() and _ring() from any worker; committer_step() and _rest_ns() on one thread at a time, mostly the
 *          committer's own (inline: the caller's).
 * OWNS     The commit, from committer_put() on. Each of its effects is let go, failed or dropped, once; then the commit is
 *          freed.
 * STATES   GATHERING -> APPENDED -> SYNCED -> RELEASING -> GATHERING       committer_step(), one round
 *          GATHERING -> APPENDED -> RELEASING -> GATHERING  with `relaxed`: SYNCED comes later, within SYNC_MS
 *          GATHERING -> FAILED -> GATHERING    a write that did not happen: the epoch ends, see ALWAYS 3
 *          any -> LOST                         it is unknown what is on disk: from then on committer_step() returns
 *                  ERR_FATAL, nothing is let go any more, and main ends the host
 * WORDS    The *ticket* of a commit is its place in the committer's queue, from 1: one order for the commits of all sources.
 *          A batch that fails ends the *epoch*; verdicts.h.
 * ALWAYS   1. No effect leaves before the batch of its changes, and each batch before it, is synced (with `relaxed`:
 *             appended).
 *          2. Commits are made durable in the order of their tickets. If one of an epoch is durable, so is every smaller one of
 *             that epoch.
 *          3. When a batch fails, every commit of its epoch that is not durable fails with ERR_STORAGE: those in the
 *             batch, those behind it, and those that still come from a source that has not heard of the new epoch.
 *          4. An effect is released before committer_released() tells its ticket, and that before committer_durable() does
 *             and its source hears of it. committer_durable_batch() tells a batch only after that.
 *          5. When an epoch ends, every source first hears what is durable; then the verdict can be read; then the new epoch;
 *             and only then do effects of the old one fail. So a client that sees the failure cannot call again and meet
 *             memory that is about to go.
 *          6. A ticket that committer_released() tells is released if it is of the epoch that committer_epoch() tells after
 *             that; of an older epoch, the verdict says.
 * LIMITS   batch_bytes_max, batch_commits_max. The queue has no bound of its own: each source limits what it has under way.
 */
#ifndef TROUPE_COMMITTER_H
#define TROUPE_COMMITTER_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/queue.h"
#include "ledger/changes.h"
#include "ledger/checkpointer.h"
#include "ledger/log.h"
#include "ledger/verdicts.h"

/* What leaves the host when changes are durable: embedded in the reply, in a message, in an event. `release` is called
 * once, with ERR_NONE or ERR_STORAGE, on the thread of committer_step() or on the worker's. It takes over the effect. */
struct effect {
  struct effect *next;
  void (*release)(struct effect *effect, enum err err);
  void (*drop)(struct effect *effect);     /* in place of that, by committer_abandon(); NULL: its maker has it back by that */
};

/* Where commits come from: a worker. Called on the thread of committer_step(), which may be another source's. */
struct commit_source {
  /* All commits of this source up to `ticket`, one of its own, are durable. It may be the same one again. */
  void (*durable)(struct commit_source *source, uint64_t ticket);
  /* The epoch has ended: every commit of this source that durable() has not covered has failed or will. New commits carry
   * committer_epoch(), once the source has looked at it. */
  void (*failed)(struct commit_source *source);
  uint64_t appended;                   /* the committer's: the ticket of its last commit that was appended */
};

/* One turn's message to the committer. */
struct commit {
  struct queue_item item;
  struct commit_source *source;
  uint64_t ticket;            /* the committer's */
  uint64_t epoch;             /* in which the turn began; the first is 0 */
  uint64_t call_id;           /* of the call that it belongs to, for the trace */
  bool sync;                  /* waits for the sync in any case, relaxed or not */
  struct buf changes;         /* may be empty: then the effects wait for what is before them, but for no sync of their own */
  struct effect *effects;     /* in the order in which they are released; may be NULL */
};

struct commit *commit_try_new(void);
void commit_free(struct commit *commit);   /* with its changes; its effects must be gone */

struct committer;

enum { SYNC_MS = 500 };       /* with `relaxed`: how long what was released may stay unsynced */

struct committer_config {
  struct log *log;
  struct checkpointer *checkpointer;   /* is told how the log grows; NULL: nobody is */
  bool relaxed;                        /* effects leave before the sync */
  struct commit_source **sources;
  size_t source_count;
  size_t batch_bytes_max;
  size_t batch_commits_max;
  void (*after_release)(void *context);      /* called after one or more effects were released; NULL: never */
  void *after_release_context;
  const struct logger *logger;
  const struct clock *clock;
};

struct committer *committer_new(const struct committer_config *config);
void committer_free(struct committer *committer);   /* nothing may be under way */

/* Takes over the commit, and returns its ticket. The committer learns of it at the next committer_ring(). */
uint64_t committer_put(struct committer *committer, struct commit **commit);

void committer_ring(struct committer *committer);

/* One round: takes what has come, makes it durable, lets its effects go. `*worked` says whether there was anything to do.
 * ERR_FATAL, with the reason in the log, if the host must end. */
enum err committer_step(struct committer *committer, bool *worked);

/* How far it is, from any thread: the last ticket whose effects have left, the last one that is durable, the epoch in which
 * turns are to begin (ALWAYS 6). */
uint64_t committer_released(const struct committer *committer);
uint64_t committer_durable(const struct committer *committer);
uint64_t committer_epoch(const struct committer *committer);

/* The verdict of an epoch that has ended; as verdicts_find(). */
bool committer_find_verdict(const struct committer *committer, uint64_t epoch, uint64_t *ticket);

/* The last batch that is durable and of which every source has heard. From any thread. */
uint64_t committer_durable_batch(const struct committer *committer);

/* After a step: for how long there is nothing to do unless commits come, in nanoseconds; -1: for ever; 0: there is more. */
int64_t committer_rest_ns(const struct committer *committer);

/* Waits so long, or for the next commit, or for committer_wake(). One thread at a time, and never from within a step; another
 * thread may do steps meanwhile. */
void committer_wait(struct committer *committer, int64_t rest_ns);
void committer_wake(struct committer *committer);

/* Drops everything that is under way, as a crash would: effects are never released, but dropped. For specs. */
void committer_abandon(struct committer *committer);

struct committer_stats {
  _Atomic uint64_t commits;    /* with changes, made durable */
  _Atomic uint64_t syncs;
  _Atomic uint64_t bytes;      /* of changes */
};

const struct committer_stats *committer_stats(const struct committer *committer);

#endif
