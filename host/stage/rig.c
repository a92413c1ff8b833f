/* rig.c -- see rig.h. */
#include "stage/rig.h"

#include "base/check.h"
#include "base/trace.h"
#include "script/script.h"
#include "script/stay.h"
#include "stage/existence.h"
#include "stage/idempotency.h"

void rig_init(struct rig *rig, const struct vm_config *config, struct records *records, _Atomic uint64_t *next_actor_id) {
  *rig = (struct rig){ .config = config, .records = records, .next_actor_id = next_actor_id, .drafts = drafts_try_new() };
  CHECK(rig->drafts != NULL);
  gate_init(&rig->gate, records, config->logger);
}

void rig_done(struct rig *rig) {
  gate_done(&rig->gate);
  drafts_free(rig->drafts);
}

/* Makes the actor ready for a turn, with an instance. If it cannot, the failure says why. */
static enum err prepare(struct rig *rig, struct actor *actor, bool create, struct failure *failure) {
  if (rig->drafts == NULL) rig->drafts = drafts_try_new();
  if (!gate_try_prepare(&rig->gate) || rig->drafts == NULL) {
    return failure_set(failure, ERR_MEMORY, "no memory for a call");
  }
  if (actor->instance != NULL) return ERR_NONE;
  struct slice class_name = actor_class(actor);
  enum err err = script_find_class(rig->vm, class_name);
  if (err == ERR_CLASS_NOT_FOUND) {
    return failure_set(failure, err, "there is no class \"%.*s\"", class_name.size > 128 ? 128 : (int)class_name.size,
                       (const char *)class_name.data);
  }
  if (err != ERR_NONE) return failure_set(failure, err, "no memory for a call");
  err = existence_learn(rig->records, rig->drafts, actor);
  if (err != ERR_NONE) return failure_set(failure, err, "the record of this actor cannot be read");
  if (!actor->exists && !create) return failure_set(failure, ERR_ACTOR_NOT_FOUND, "this actor does not exist");
  if (!actor->exists) actor->id = atomic_fetch_add(rig->next_actor_id, 1);
  return instance_open(rig->vm, class_name, actor_key(actor), actor->id, &actor->instance, failure);
}

static enum err lose_memory(struct turn *turn) {
  return failure_set(&turn->failure, ERR_MEMORY, "no memory for the changes of a call");
}

/* When a turn is done, or saves: its drafts become pending and go to the committer, with the reply, if it has one. After
 * an error nothing was sent, but the actor's memory is ahead of it. */
static enum err commit_turn(struct rig *rig, struct actor *actor, struct turn *turn, bool saving,
                            struct reply *reply) {
  struct records *records = rig->records;
  struct drafts *drafts = turn->view.drafts;
  if (turn->create && !existence_try_draft(drafts, actor)) return lose_memory(turn);
  turn->create = false;
  const struct buf *result = reply == NULL ? NULL : &reply->body;
  if (!idempotency_try_draft(turn, actor->id, rig->config->clock, result)) return lose_memory(turn);
  if (drafts_is_empty(drafts)) {
    if (reply != NULL) gate_pass(&rig->gate, turn, reply, actor->seen);
    return ERR_NONE;
  }
  if (records_is_full(records)) {
    return failure_set(&turn->failure, ERR_STORAGE, "the store has no room for more changes; the host's log says why");
  }
  if (!records_has_room(records, &turn->view)) {
    return failure_set(&turn->failure, ERR_STORAGE, "the disk is nearly full: calls that make the data larger are "
                       "refused, and those that delete are not " LIMIT_NAME(DISK_FREE_BYTES));
  }
  struct buf changes = { 0 };
  drafts_put_changes(drafts, &changes);
  if (changes.err != ERR_NONE) {
    buf_done(&changes);
    return lose_memory(turn);
  }
  uint64_t ticket = gate_send(&rig->gate, turn, &changes, reply, saving);
  CHECK_THAT(ticket, >, actor->seen);
  actor_see(actor, ticket);
  actor->exists = true;
  return ERR_NONE;
}

/* After a failed turn the actor is as it was before. If that cannot be restored, it leaves memory. */
static void roll_back(struct actor *actor, struct turn *turn) {
  if (turn->view.drafts != NULL) drafts_discard(turn->view.drafts);
  if (actor->instance == NULL) return;
  if (!instance_is_loaded(actor->instance) || instance_is_broken(actor->instance)) {
    actor_drop(actor);
  }
}

/* The changes of a turn cannot be taken: its actor must come back as it is on disk. `waits`: the turn is not over. */
static enum turn_status lose_changes(struct actor *actor, struct turn *turn, bool waits) {
  if (waits) stay_abandon(turn);
  actor_drop(actor);
  return TURN_FAILED;
}

/* Sends what a stay in Lua, done or saving, has produced; rolls back a failed one. */
static enum turn_status send_turn(struct rig *rig, struct actor *actor, struct turn *turn,
                                  enum turn_status status, struct reply *reply) {
  if (status == TURN_DONE && reply != NULL) buf_move(&reply->body, &turn->result);
  if (status == TURN_PAUSED || status == TURN_ASKS) return status;
  if (status != TURN_FAILED) {
    bool saving = status == TURN_SAVING;
    enum err err = commit_turn(rig, actor, turn, saving, saving ? NULL : reply);
    if (err != ERR_NONE) status = lose_changes(actor, turn, saving);
  }
  if (status == TURN_FAILED) roll_back(actor, turn);
  return status;
}

enum turn_status rig_begin(struct rig *rig, struct actor *actor, struct turn *turn, bool create, struct reply *reply) {
  turn->epoch = records_epoch(rig->records);
  if (prepare(rig, actor, create, &turn->failure) != ERR_NONE) {
    roll_back(actor, turn);
    return TURN_FAILED;
  }
  turn->vm = instance_vm(actor->instance);
  turn->instance = actor->instance;
  turn->view = records_view(rig->records, rig->drafts);
  turn->create = !actor->exists;
  if (actor->exists && idempotency_recall(turn, actor->id, rig->config->clock) != ERR_NONE) {
    roll_back(actor, turn);
    return TURN_FAILED;
  }
  trace_number(rig->config->logger, turn->call_id, "turn begins", "actor", actor->id);
  return send_turn(rig, actor, turn, stay_begin(turn), reply);
}

enum turn_status rig_go_on(struct rig *rig, struct actor *actor, struct turn *turn, struct commit **commit,
                           struct reply *reply) {
  gate_give_spare(&rig->gate, *commit);
  *commit = NULL;
  turn->epoch = records_epoch(rig->records);
  if (gate_try_prepare(&rig->gate)) return send_turn(rig, actor, turn, stay_go_on(turn), reply);
  failure_set(&turn->failure, ERR_MEMORY, "no memory for a call");
  lose_changes(actor, turn, true);
  roll_back(actor, turn);
  return TURN_FAILED;
}

enum turn_status rig_cancel(struct rig *rig, struct actor *actor, struct turn *turn, struct commit **commit,
                            struct failure *failure) {
  gate_give_spare(&rig->gate, *commit);
  *commit = NULL;
  turn->epoch = records_epoch(rig->records);
  stay_cancel(turn, failure);
  roll_back(actor, turn);
  return TURN_FAILED;
}

struct commit *rig_let_wait(struct rig *rig, const struct turn *turn, bool has_sent) {
  if (turn->view.drafts == rig->drafts) rig->drafts = NULL;
  return has_sent ? NULL : gate_take_spare(&rig->gate);
}

void rig_end(struct rig *rig, struct turn *turn) {
  if (turn->view.drafts == NULL) return;
  if (rig->drafts == NULL) rig->drafts = turn->view.drafts;
  records_end(rig->records, turn->view.drafts);
  if (turn->view.drafts != rig->drafts) drafts_free(turn->view.drafts);
  turn->view.drafts = NULL;
}
