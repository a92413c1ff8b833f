/* worker.h -- one worker: its VM, its actors, their turns.
 *
 * WHY     An actor lives on one worker, so nothing of it is shared and nothing is locked.
 * ROOM    stage. Below: actor, script, ledger.
 * THREAD  worker_put(), worker_ring() and worker_stop() from any; what its commit_source is told, on that of
 *         committer_step(); the rest on its own (inline: the caller's).
 * OWNS    Its VM, its actors, its pending records, its reader, the requests put to it.
 * STATES  of a request: put -> in the actor's mailbox -> its turn -> its reply at the gate -> delivered.
 *         A *turn* is done or failed (script/turn.h). Done: its drafts become pending, its changes go to the committer
 *         with the reply as effect. Failed: its drafts are thrown away.
 *         Saving (self:save_state()): what it has so far is committed without a reply and its actor is busy, until that
 *         is durable; then the turn goes on. When that fails, so does the call.
 * ALWAYS  1. The gate: a reply leaves at once only where the actor has seen nothing that is not durable; else it goes
 *            through the committer, behind what it waits for. Errors likewise.
 *         2. Records go down the layers, to active when they are durable, and are frozen between two turns.
 *         3. When the epoch ends, pending is emptied and every actor that saw something not durable leaves memory,
 *            before any other turn begins.
 *         4. With --dev, where a file of the actors changed, every actor sleeps and the VM is a new one before the next
 *            turn begins; where the new files do not load, the old VM serves on.
 * LIMITS  waiting_calls, idle_ms, vm_bytes; PENDING_BYTES_MAX: beyond it no turn begins until the disk has caught up.
 *         checkpoint_bytes: an active layer of so much memory wants a checkpoint; at twice as much, while one is under
 *         way, no turn begins, and where checkpoints fail, none may change anything.
 */
#ifndef TROUPE_WORKER_H
#define TROUPE_WORKER_H

#include <stdatomic.h>

#include "base/limits.h"
#include "ledger/checkpointer.h"
#include "ledger/reserve.h"
#include "script/turn.h"
#include "script/vm.h"
#include "stage/actor.h"

struct worker_config {
  struct vm_config vm;
  struct store *store;
  const struct memtable *recovered;    /* frozen from the start on; NULL: nothing was */
  struct reserve *reserve;             /* the host's */
  size_t checkpoint_bytes;
  void (*delivered)(void *context);    /* the host's: after replies were delivered */
  void *delivered_context;
  _Atomic uint64_t *next_actor_id;     /* the host's */
};

/* A request's turn that is under way. */
struct performance {
  struct turn turn;
  struct actor *actor;
  struct request *request;
  struct commit *commit;               /* while it is paused: the one that it will send */
  uint64_t wait_seq;                   /* while it saves: the commit that must be durable before it goes on */
  uint64_t batch;                      /* the oldest log batch that may still hold what its drafts hold is the next one */
  TAILQ_ENTRY(performance) link;
};

TAILQ_HEAD(performance_list, performance);

struct worker {
  struct worker_config config;
  struct queue *inbox;
  struct vm *vm;
  struct actors *actors;
  struct store_reader *reader;
  struct layers layers;
  struct drafts *drafts;               /* of the turn that runs; one that waits takes them along */
  struct committer *committer;
  struct checkpointer *checkpointer;
  struct performance_list paused;      /* turns that let others go first; their actors are busy */
  struct performance_list saving;      /* turns that wait for what they saved to be durable; their actors are busy */
  struct commit *spare;                /* the one that the turn that runs will send: had before it begins, so that its end
                                        * cannot fail for want of it; one that pauses takes it along */
  uint64_t seq;                        /* of the last commit sent */
  uint64_t epoch;                      /* the one that turns begin in */
  uint64_t settled_seq;                /* pending holds nothing up to here */
  size_t leaving;                      /* so many actors still leave before their time, for want of memory */
  bool collects;                       /* they have left, and their garbage goes bit by bit */
  int64_t step_end_ns;                 /* when the step has lasted long enough, by clock_work_ns() */
  bool stopping, stopped;
  uint64_t files;                      /* --dev: the files that the classes were read from (reload.h) */
  struct commit_source source;
  struct checkpoint_source checkpoint_source;
  struct checkpoint_part part;
  _Atomic uint64_t released_seq;       /* these are told by other threads */
  _Atomic uint64_t durable_seq;
  _Atomic uint64_t told_epoch;
  _Atomic bool told_freeze, told_written;
  _Atomic bool told_stop;
  _Atomic bool wants_durable;          /* waits for durable_seq to move: wake it */
};

enum err worker_open(const struct worker_config *config, struct worker **worker, struct failure *failure);
void worker_close(struct worker *worker);

/* Where it sends to; set once, before its first step. */
void worker_connect(struct worker *worker, struct committer *committer, struct checkpointer *checkpointer);
struct commit_source *worker_source(struct worker *worker);
struct checkpoint_source *worker_checkpoint_source(struct worker *worker);

/* Takes the request over. The worker hears of it with the next worker_ring(). */
void worker_put(struct worker *worker, struct request **request);
void worker_ring(struct worker *worker);

/* Takes what has come, runs some turns, puts idle actors to sleep. Whether there was anything to do. It lasts no longer
 * than some milliseconds and its longest turn, so that what comes meanwhile gets its place. */
bool worker_step(struct worker *worker);

/* Wakes who has something from this worker: the committer, and the doors. After each step; a long one does it between. */
void worker_ring_others(struct worker *worker);
void worker_wait(struct worker *worker);
void worker_stop(struct worker *worker);

/* Whether a stopping worker has nothing left. */
bool worker_is_done(struct worker *worker);

/* -- for the files of the stage -- */

/* Whether nothing more may be changed, since the store takes nothing and memory has its bound. */
bool worker_is_full(const struct worker *worker);

/* Runs one request of an actor to its reply; takes it over. */
void worker_perform(struct worker *worker, struct actor *actor, struct request **request);

/* Whether the step has lasted so long that it is to end. */
bool worker_is_due(const struct worker *worker);

/* Goes on with the turns whose saves are durable, one at least, as many as the step has time for; whether there were any. */
bool worker_resume_saved(struct worker *worker, uint64_t durable_seq);

/* Goes on with the turn that is paused for the longest time. */
void worker_resume_paused(struct worker *worker);

/* Fails the turns whose saves, or what they saw, are not durable and never will be. */
void worker_fail_saving(struct worker *worker, uint64_t durable_seq);

/* Forgets all turns that save or are paused, without a word. */
void worker_drop_waiting(struct worker *worker);

/* on_stop, then out of memory. `reply` is kept when that is durable; NULL: nobody waits. The actor has no mail. */
void worker_put_to_sleep(struct worker *worker, struct actor *actor, struct reply *reply);

#endif
