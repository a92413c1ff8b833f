/* rig.h -- what the turns of a worker use one after the other: its VM, its drafts, its gate.
 *
 * WHY     A turn (script/turn.h) is what Lua does. Before it, its actor must be there, with drafts and a commit; after each of
 *         its stays in Lua, what came of that is sent through the gate, or rolled back.
 * ROOM    stage. Below: gate, errand, announcement, connections, remnants, existence, idempotency, inspection, sends, wakes,
 *         records, actor, script.
 * THREAD  Its worker's.
 * OWNS    The drafts and the spare commit of the turn that runs. A turn that waits takes them along. The drafts of a commit
 *         of the host's own.
 * STATES  of a commit of the host's own: none -> drafted (rig_begin_own()) -> sent (rig_commit_own())
 *                                                                          -> none (rig_drop_own(), or no room)
 * ALWAYS  1. After TURN_FAILED the actor is as it was before the turn, or as of its last save; or it has left memory.
 *         2. A commit of the host's own is drafted and sent between two stays in Lua. It is seen by what runs after it, and is
 *            lost with its epoch, as that of a turn: who needs it looks at its ticket then (records_verdict()).
 */
#ifndef TROUPE_RIG_H
#define TROUPE_RIG_H

#include "script/turn.h"
#include "stage/actor.h"
#include "stage/actor_ids.h"
#include "stage/connections.h"
#include "stage/gate.h"
#include "stage/records.h"
#include "stage/sends.h"
#include "stage/wakes.h"
#include "vm/turn_status.h"

struct rig {
  const struct vm_config *config;
  struct records *records;
  struct actor_ids *actor_ids;         /* the host's */
  struct vm *vm;                       /* in which actors are opened; a turn is in that of its instance */
  struct wakes *wakes;                 /* the worker's, as the next */
  struct sends *sends;
  struct connections *connections;
  struct gate gate;
  struct drafts *drafts;
  struct drafts *own;                  /* of a commit without a turn; NULL: none was made yet */
};

void rig_init(struct rig *rig, const struct vm_config *config, struct records *records, struct actor_ids *actor_ids,
              struct wakes *wakes, struct sends *sends, struct connections *connections);
void rig_done(struct rig *rig);

/* Begins a turn and sends what it has produced. A connect has its seat as `turn->connection`, or NULL, for want of memory; it
 * has joined if the turn is done. An errand says first what the turn does (errand.h). If it fails, the turn's failure says why,
 * and `reply`, if there is one, is still to be kept. */
enum turn_status rig_begin(struct rig *rig, struct actor *actor, struct turn *turn, bool create, struct reply *reply);

/* A turn waits from now on, and takes its drafts along; `has_sent`: its commit is on its way, and it waits for that. Returns
 * the commit for the rest of it, or NULL. */
struct commit *rig_let_wait(struct rig *rig, const struct turn *turn, bool has_sent);

/* Goes on with a turn that waited, and sends what it has produced; as rig_begin(). Takes the commit over, if there is one. */
enum turn_status rig_go_on(struct rig *rig, struct actor *actor, struct turn *turn, struct commit **commit,
                           struct reply *reply);

/* Ends a turn that waited, with a failure that it takes over; as rig_begin(). */
enum turn_status rig_cancel(struct rig *rig, struct actor *actor, struct turn *turn, struct commit **commit,
                            struct failure *failure);

/* Lets go of the reply of a turn that has failed, through the gate. False if there is no memory for a commit that may be
 * needed; then it is still to be kept. */
bool rig_try_answer(struct rig *rig, struct actor *actor, const struct turn *turn, struct reply *reply);

/* Takes the drafts of a turn back, if it has any; to be called at its end. */
void rig_end(struct rig *rig, struct turn *turn);

/* -- a commit without a turn: of the host's own records, or of an actor's while none of its turns is under way -- */

/* The drafts to write into, empty; they stay the rig's. NULL: not now, since there is no memory, the store is full, or the
 * epoch has ended and the worker has not heard. Try again in a later step. */
struct drafts *rig_begin_own(struct rig *rig);

/* Sends what was drafted since rig_begin_own(), which is at least one record, and returns the ticket of the commit. `actor`,
 * or NULL, has seen it from then on. 0: there is no memory, or no room on the disk for what makes the data larger: nothing
 * was sent, and what was drafted is gone. */
uint64_t rig_commit_own(struct rig *rig, struct actor *actor);

/* In place of rig_commit_own(), if a draft has failed: what was drafted is gone. */
void rig_drop_own(struct rig *rig);

#endif
