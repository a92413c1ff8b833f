/* performance.h -- a request's turn, from its beginning to its reply at the gate.
 *
 * WHY     A turn (script/turn.h) is what Lua does; around it stand an actor, drafts, a commit and a reply. Here they stay
 *         together, even while the turn waits in the middle.
 * ROOM    stage. Below: rig, assignment, connections, errand, failed, report, waits, ask, deadlines, records, actor, script.
 * THREAD  Its worker's.
 * OWNS    What waits: performances, with their requests and asks. The rig.
 * STATES  begun -> done       its drafts become pending, its changes go through the gate with the reply
 *               -> failed     its drafts are thrown away, and the error goes through the gate
 *               -> waiting (waits.h) -> goes on -> ...
 *                             its actor is busy, and its drafts wait with it
 *         Saving (self:save_state()): what it has so far is committed without a reply, and it waits until that is
 *         durable. If that fails, so does the call.
 *         Asking another actor (ask.h): it waits for the answer, and until its deadline for a word of it.
 * ALWAYS  1. An actor has one performance at a time.
 *         2. A turn is in the VM of its actor's instance from its beginning to its end.
 *         3. Each request that is taken has its reply kept once, directly or through the gate; that of an errand ends behind
 *            its turn instead (errand.h). Only what still waits at performances_free() gets no reply.
 */
#ifndef TROUPE_PERFORMANCE_H
#define TROUPE_PERFORMANCE_H

#include "stage/actor.h"
#include "stage/ask.h"
#include "stage/deadlines.h"
#include "stage/records.h"
#include "stage/rig.h"
#include "stage/waits.h"
#include "vm/vm.h"

struct performances_config {
  const struct vm_config *vm;          /* the worker's */
  struct records *records;
  struct actors *actors;
  struct wakes *wakes;
  struct sends *sends;
  struct connections *connections;
  struct deadlines *deadlines;
  const struct post *post;
  unsigned worker;                     /* its number */
  /* Takes the request of an actor to its callee's worker. */
  void (*send)(void *context, unsigned worker, struct request **request);
  /* Letters of connections that ended while a turn of their actor waited (actor.h): that is over. Takes them over. */
  void (*part)(void *context, struct queue_item *partings);
  /* A message for an actor was given up, and begins anew. */
  void (*revive)(void *context, const struct actor *actor, struct mail_place place);
  void *context;
  struct actor_ids *actor_ids;         /* the host's, as the next */
  _Atomic uint64_t *next_call_id;
};

/* All of one worker: `all`. */
struct performances;

struct performances *performances_new(const struct performances_config *config);

/* Forgets all that still wait: they get no reply. */
void performances_free(struct performances *all);

/* For what is to be committed without a turn, between two of them. */
struct rig *performances_rig(struct performances *all);

/* The VM in which actors are opened from now on. Set it before the first one. Any other that actors are in retires: turns that
 * wait go on there, and an actor that is called leaves it first. */
void performances_set_vm(struct performances *all, struct vm *vm);

/* Whether the actor is in a VM that retires. */
bool performances_must_retire(const struct performances *all, const struct actor *actor);

/* Runs one request of an actor to its reply, or until it must wait. Takes the request over. */
void performances_begin(struct performances *all, struct actor *actor, struct request **request);

/* Moves the performances that wait for this and are due to the front of their line; returns how many there are.
 * performances_resume() goes on with the first in line; false if there is none. */
size_t performances_line_up(struct performances *all, enum wait_what what);
bool performances_resume(struct performances *all, enum wait_what what);

/* When an epoch has ended: fails the waiting performances that have seen something which now never becomes durable. */
void performances_fail_lost(struct performances *all);

/* Whether any that waits is due. If not, the worker is woken when one is. */
bool performances_are_due(struct performances *all);

/* The answer to what a turn of this worker had asked is here. Takes it over. */
void performances_answer(struct performances *all, struct ask *ask);

/* What its turn asks, while it waits for the answer; else NULL. */
const struct ask *performance_ask(const struct performance *performance);

/* Answers what came of no turn, through the gate: behind the commits up to the ticket `seen`, which is of the worker's epoch,
 * or older and durable. */
void performances_tell(struct performances *all, struct reply *reply, uint64_t seen);

/* Whether what a message of that epoch has seen, up to `*seen`, still holds; as gate_judge(). */
bool performances_hold(const struct performances *all, uint64_t *seen, uint64_t epoch);

/* Its request. */
const struct request *performance_request(const struct performance *performance);

/* Calls `visit` with each that waits. */
void performances_each(const struct performances *all,
                       void (*visit)(const struct performance *performance, const struct actor *actor,
                                     const struct wait *wait, void *context), void *context);

/* As gate_ring(); whether somebody outside waits for what it would tell, and whether there is anything to tell. */
void performances_ring(struct performances *all, bool in_any_case);
bool performances_owe(const struct performances *all);
bool performances_are_unrung(const struct performances *all);

bool performances_are_waiting(const struct performances *all);

/* The last batch before those whose records a waiting performance still holds, if that is less than `batch`; else
 * `batch`. */
uint64_t performances_hold_back(const struct performances *all, uint64_t batch);

/* Runs on_stop, then takes the actor, which has no mail, out of memory. `reply` is kept when that is durable; NULL: nobody
 * waits for it. */
void performances_put_to_sleep(struct performances *all, struct actor *actor, struct reply *reply);

#endif
