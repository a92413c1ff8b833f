/* worker.h -- one worker: its VMs, its actors, their turns.
 *
 * WHY     An actor lives on one worker, so nothing about it is shared and nothing is locked.
 * ROOM    stage. Below: performance, agenda, mail, farewells, sends, wakes, timesaver, survey, relief, records, actor, vms,
 *         script.
 * THREAD  worker_put(), worker_ring(), worker_bring() and worker_stop() from any; the rest on its own (inline: the caller's).
 * OWNS    Its VMs, its actors, its performances, its records, what it knows of schedules, messages and connections, the letters
 *         put to it.
 * STATES  of a request: put -> in the actor's mailbox -> its turn (performance.h) -> its reply at the gate (gate.h)
 *         -> delivered.
 * ALWAYS  1. When an epoch ends, and before any other turn begins, every actor that saw something not durable leaves
 *            memory, and every waiting turn that did fails. What is due is sought anew after that, and what was taken from the
 *            records in that epoch is there again.
 *         2. A request that is put after worker_bring() has returned begins in that VM, or in a later one. What has begun
 *            before ends in its own VM, and notices nothing (vms.h).
 * LIMITS  waiting_calls, idle_ms, vm_bytes; those of records.h.
 */
#ifndef TROUPE_WORKER_H
#define TROUPE_WORKER_H

#include "stage/records.h"
#include "stage/request.h"
#include "vm/vm.h"

struct worker;
struct survey;
struct actor_ids;

struct worker_config {
  struct vm_config vm;
  struct store *store;
  const struct memtable *recovered;    /* as in records.h, with the two below */
  struct reserve *reserve;
  size_t checkpoint_bytes;
  unsigned turns_a_step;               /* at most so many new turns, and so many of each kind that waits; then the step ends */
  const struct post *post;             /* the host's; where worker_inbox() of each worker stands */
  _Atomic unsigned *unquiet;           /* the host's: how many workers do not stop yet, or have calls left */
  void (*delivered)(void *context);    /* the host's: called after replies were delivered */
  void *delivered_context;
  struct actor_ids *actor_ids;         /* the host's, as the next */
  _Atomic uint64_t *next_call_id;
};

/* Takes the VM over, which is one of this configuration. */
enum err worker_open(const struct worker_config *config, struct vm **vm, struct worker **worker,
                     struct failure *failure);
void worker_close(struct worker *worker);

/* Where it sends to; set once, before its first step. */
void worker_connect(struct worker *worker, struct committer *committer, struct checkpointer *checkpointer);
struct commit_source *worker_commit_source(struct worker *worker);
struct checkpoint_source *worker_checkpoint_source(struct worker *worker);

/* Takes the request over. The worker hears of it at the next worker_ring(). */
void worker_put(struct worker *worker, struct request **request);
void worker_ring(struct worker *worker);

/* Where letters for it go (post.h). */
struct queue *worker_inbox(const struct worker *worker);

/* Takes what has come, runs some turns, puts idle actors to sleep. Returns whether there was anything to do. It lasts a few
 * milliseconds plus its longest turn at most, so that calls that come meanwhile get their place. */
bool worker_step(struct worker *worker);

/* Wakes those that have something from this worker: the committer and the doors. Call it after each step; a long step also
 * does it on its way. */
void worker_ring_others(struct worker *worker);

/* Whether somebody outside waits for what it has sent to the committer since worker_ring_others(). */
bool worker_owes(const struct worker *worker);
void worker_wait(struct worker *worker);

/* When it will have something to do by its clock, though nothing comes; INT64_MAX: never. */
int64_t worker_due_ns(const struct worker *worker);
void worker_stop(struct worker *worker);

/* Adds what it has to a survey (survey.h). The worker does so when the survey comes as a letter; others may only if
 * the steps run inline, between two of them. As survey->kind->add(). */
enum err worker_survey(const struct worker *worker, struct survey *survey, struct failure *failure);

/* Whether a stopping worker has nothing left. */
bool worker_is_done(struct worker *worker);

/* Brings it a new VM, in which actors are opened from its next step on. Takes it over. */
void worker_bring(struct worker *worker, struct vm **vm);

/* Bytes that its VMs hold after all garbage was collected. */
size_t worker_memory(struct worker *worker);

#endif
