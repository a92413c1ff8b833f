/* rig.h -- what the turns of a worker use one after the other: its VM, its drafts, its gate.
 *
 * WHY     A turn (script/turn.h) is what Lua does. Before it, its actor must be there, with drafts and a commit; after each of
 *         its stays in Lua, what came of that is sent through the gate, or rolled back.
 * ROOM    stage. Below: gate, existence, idempotency, records, actor, script.
 * THREAD  Its worker's.
 * OWNS    The drafts and the spare commit of the turn that runs. A turn that waits takes them along.
 * ALWAYS  After TURN_FAILED the actor is as it was before the turn, or as of its last save; or it has left memory.
 */
#ifndef TROUPE_RIG_H
#define TROUPE_RIG_H

#include "script/turn.h"
#include "stage/actor.h"
#include "stage/gate.h"
#include "stage/records.h"
#include "vm/turn_status.h"

struct rig {
  const struct vm_config *config;
  struct records *records;
  _Atomic uint64_t *next_actor_id;     /* the host's */
  struct vm *vm;                       /* in which actors are opened; a turn is in that of its instance */
  struct gate gate;
  struct drafts *drafts;
};

void rig_init(struct rig *rig, const struct vm_config *config, struct records *records, _Atomic uint64_t *next_actor_id);
void rig_done(struct rig *rig);

/* Begins a turn and sends what it has produced. If it fails, the turn's failure says why, and `reply`, if there is one, is
 * still to be kept. */
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

/* Takes the drafts of a turn back, if it has any; to be called at its end. */
void rig_end(struct rig *rig, struct turn *turn);

#endif
