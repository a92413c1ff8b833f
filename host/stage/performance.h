/* performance.h -- a request's turn, from its beginning to its reply at the gate.
 *
 * WHY     A turn (script/turn.h) is what Lua does; around it stand an actor, drafts, a commit and a reply. They stay
 *         together here, also where the turn waits in the middle.
 * ROOM    stage. Below: waits, gate, idempotency, records, actor, script.
 * THREAD  Its worker's.
 * OWNS    What waits: performances with their requests; the drafts and the gate that turns share.
 * STATES  begun -> done       its drafts become pending, its changes go through the gate with the reply
 *               -> failed     its drafts are thrown away, and the error goes through the gate
 *               -> waiting (waits.h) -> goes on -> ...
 *                             its actor is busy, and its drafts wait with it
 *         Saving (self:save_state()): what it has so far is committed without a reply, and it waits for that to be
 *         durable. When that fails, so does the call.
 * ALWAYS  1. An actor has one performance at a time.
 *         2. A turn is in the VM of its actor's instance from its beginning to its end.
 *         3. The reply of a request that was taken is kept once, be it by way of the gate; but for what is still
 *            waiting in performances_free().
 */
#ifndef TROUPE_PERFORMANCE_H
#define TROUPE_PERFORMANCE_H

#include "stage/actor.h"
#include "stage/records.h"
#include "stage/waits.h"
#include "vm/vm.h"

struct performances_config {
  const struct vm_config *vm;          /* the worker's */
  struct records *records;
  struct actors *actors;
  _Atomic uint64_t *next_actor_id;     /* the host's, as the next */
  _Atomic uint64_t *next_call_id;
};

/* All of one worker: `all`. */
struct performances;

struct performances *performances_new(const struct performances_config *config);

/* Forgets all that wait, without a word. */
void performances_free(struct performances *all);

/* The VM in which actors are opened from now on; to be set before the first. What is in another retires: what waits goes
 * on there, and an actor that is called leaves it first. */
void performances_set_vm(struct performances *all, struct vm *vm);

/* Whether the actor has its Lua side in a VM that retires. */
bool performances_must_retire(const struct performances *all, const struct actor *actor);

/* Runs one request of an actor to its reply, or to where it waits. Takes it over. */
void performances_begin(struct performances *all, struct actor *actor, struct request **request);

/* Puts those that wait for this and are due to the front; how many these are. performances_resume() goes on with the
 * first one; false where there is none. */
size_t performances_line_up(struct performances *all, enum wait_what what);
bool performances_resume(struct performances *all, enum wait_what what);

/* Fails those that wait and have seen what is not durable, and never will be: an epoch has ended. */
void performances_fail_lost(struct performances *all);

/* Whether some that waits is due. If not, the worker is woken when it is. */
bool performances_are_due(struct performances *all);

/* The last batch before those whose records some that wait still hold, if that is less than `batch`. */
uint64_t performances_hold_back(const struct performances *all, uint64_t batch);

/* on_stop, then out of memory. `reply` is kept when that is durable; NULL: nobody waits. The actor has no mail. */
void performances_put_to_sleep(struct performances *all, struct actor *actor, struct reply *reply);

#endif
