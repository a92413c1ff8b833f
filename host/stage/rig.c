/* rig.c -- see rig.h. */
#include "stage/rig.h"

#include "base/check.h"
#include "base/trace.h"
#include "ledger/record_key.h"
#include "script/events.h"
#include "script/outbox.h"
#include "script/script.h"
#include "script/stay.h"
#include "stage/announcement.h"
#include "stage/errand.h"
#include "stage/existence.h"
#include "stage/idempotency.h"
#include "stage/inspection.h"
#include "stage/remnants.h"

void rig_init(struct rig *rig, const struct vm_config *config, struct records *records, struct actor_ids *actor_ids,
              struct wakes *wakes, struct sends *sends, struct connections *connections) {
  *rig = (struct rig){
    .config = config, .records = records, .actor_ids = actor_ids, .wakes = wakes, .sends = sends,
    .connections = connections, .drafts = drafts_try_new(),
  };
  CHECK(rig->drafts != NULL);
  gate_init(&rig->gate, records, config->logger);
}

void rig_done(struct rig *rig) {
  gate_done(&rig->gate);
  drafts_free(rig->drafts);
  drafts_free(rig->own);
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
  if (!actor->exists) {
    struct view view = records_view(rig->records, rig->drafts);
    err = actor_ids_give(rig->actor_ids, &view, actor->shard, &actor->id);
  }
  if (err != ERR_NONE) return failure_set(failure, err, "the store cannot be read where this actor would get an id");
  return instance_open(rig->vm, class_name, actor_key(actor), actor->id, &actor->instance, failure);
}

static enum err lose_memory(struct turn *turn) {
  return failure_set(&turn->failure, ERR_MEMORY, "no memory for the changes of a call");
}

/* Whether there is room for what a turn has drafted and sent. */
static enum err check_room(const struct rig *rig, struct turn *turn) {
  if (records_is_full(rig->records)) {
    return failure_set(&turn->failure, ERR_STORAGE, "the store has no room for more changes; the host's log says why");
  }
  size_t sent = turn->outbox == NULL ? 0 : turn->outbox->bytes;
  if (records_has_room(rig->records, &turn->view, sent)) return ERR_NONE;
  return failure_set(&turn->failure, ERR_STORAGE, "the disk is nearly full: calls that make the data larger are "
                     "refused, and those that delete are not " LIMIT_NAME(DISK_FREE_BYTES));
}

/* Puts what a turn has drafted into `changes`, and what it has sent. After an error nothing was taken. */
static enum err put_changes(const struct rig *rig, const struct actor *actor, struct turn *turn, struct buf *changes,
                            struct effect **parcels) {
  drafts_put_changes(turn->view.drafts, changes);
  if (changes->err != ERR_NONE) return lose_memory(turn);
  if (turn->outbox == NULL) return ERR_NONE;
  enum err err = sends_pack(rig->sends, actor, turn->outbox, changes, parcels);
  if (err == ERR_MEMORY) return lose_memory(turn);
  if (err != ERR_NONE) {
    return failure_set(&turn->failure, err, "the store has no room for more messages; the host's log says why");
  }
  outbox_free(turn->outbox);
  turn->outbox = NULL;
  return ERR_NONE;
}

/* Of a turn that destroys its actor: in place of all that it has written of it. What its errand drafts of its own record stays,
 * but for what stands under the actor's id. */
static enum err draft_end(struct rig *rig, struct actor *actor, const struct turn *turn, bool is_new) {
  struct drafts *drafts = turn->view.drafts;
  if (is_new && turn->errand == NULL) {
    drafts_discard(drafts);
    return ERR_NONE;
  }
  records_end_snapshots(rig->records, drafts);
  if (turn->errand != NULL && !errand_try_draft(turn->errand, actor, turn, false)) return ERR_MEMORY;
  if (!existence_try_draft_end(drafts, actor) || !schedule_try_draft_end(drafts, actor->id)) return ERR_MEMORY;
  return wakes_draft_end(rig->wakes, actor, &turn->view);
}

/* Drafts what the commit of a turn holds besides what the turn itself has written. `result` NULL: the turn saves, or nobody
 * waits for it. */
static enum err draft_rest(struct rig *rig, struct actor *actor, struct turn *turn, bool saving, const struct buf *result) {
  struct drafts *drafts = turn->view.drafts;
  struct schedule_touch touched = turn->touched;
  bool is_new = turn->create;
  turn->create = false;
  turn->touched = (struct schedule_touch){ 0 };
  if (turn->destroys) return draft_end(rig, actor, turn, is_new);
  if (is_new && !existence_try_draft(drafts, actor)) return ERR_MEMORY;
  enum err err = wakes_draft(rig->wakes, actor, &turn->view, &touched);
  if (err != ERR_NONE) return err;
  if (turn->errand != NULL && !errand_try_draft(turn->errand, actor, turn, saving)) return ERR_MEMORY;
  return idempotency_try_draft(turn, actor->id, rig->config->timekeeper, result) ? ERR_NONE : ERR_MEMORY;
}

/* Whom a turn can tell of, or ends, if anybody. */
static bool has_hearers(const struct rig *rig, const struct turn *turn) {
  return connections_are_any(rig->connections) && (turn->events != NULL || turn->destroys);
}

/* What has left or was sent with the commit of this ticket is true of connections from now on; 0: it has left. */
static void note_connections(struct rig *rig, const struct actor *actor, struct turn *turn, uint64_t ticket, bool saving) {
  if (has_hearers(rig, turn)) announcement_note(rig->connections, turn, actor->id, ticket);
  events_free(turn->events);
  turn->events = NULL;
  if (turn->task == TURN_CONNECT && !saving) connections_join(seat_of(turn->connection), ticket);
}

/* A load that goes with a turn that changed nothing. Where connections hear of the actor, what comes later must not overtake
 * it: the actor has seen the commit that bears it, and its hall tells that also when it has left memory meanwhile. */
static uint64_t pass(struct rig *rig, struct actor *actor, const struct turn *turn, const struct gate_load *load) {
  uint64_t ticket = gate_pass(&rig->gate, turn, load, actor->seen);
  if (ticket == 0 || !connections_are_any(rig->connections)) return ticket;
  struct hall *hall = connections_hall(rig->connections, actor->id);
  if (hall == NULL) return ticket;
  actor_see(actor, ticket);
  hall->told = ticket;
  return ticket;
}

bool rig_try_answer(struct rig *rig, struct actor *actor, const struct turn *turn, struct reply *reply) {
  const struct gate_load load = { .reply = reply };
  if (!reply->early && !gate_try_prepare(&rig->gate)) return false;
  pass(rig, actor, turn, &load);
  return true;
}

/* Sends what a turn has drafted, and its load. After an error nothing was sent. */
static enum err send_changes(struct rig *rig, struct actor *actor, struct turn *turn, bool saving, struct gate_load *load) {
  struct buf changes = { 0 };
  enum err err = check_room(rig, turn);
  if (err == ERR_NONE) err = put_changes(rig, actor, turn, &changes, &load->parcels);
  if (err != ERR_NONE) {
    buf_done(&changes);
    return err;
  }
  uint64_t ticket = gate_send(&rig->gate, turn, &changes, load, saving);
  CHECK_THAT(ticket, >, actor->seen);
  actor_see(actor, ticket);
  note_connections(rig, actor, turn, ticket, saving);
  actor->exists = true;
  if (saving && turn->errand != NULL) turn->errand->has_saved = true;
  return ERR_NONE;
}

/* When a turn is done, or saves: its drafts become pending and go to the committer, with the reply, if it has one. After
 * an error nothing was sent, but the actor's memory is ahead of it. */
static enum err commit_turn(struct rig *rig, struct actor *actor, struct turn *turn, bool saving,
                            struct reply *reply) {
  struct drafts *drafts = turn->view.drafts;
  struct announcement told = { 0 };
  enum err err = draft_rest(rig, actor, turn, saving, reply == NULL ? NULL : &reply->body);
  if (err == ERR_MEMORY) return lose_memory(turn);
  if (err != ERR_NONE) return failure_set(&turn->failure, err, "the schedules of this actor cannot be read");
  bool made = !has_hearers(rig, turn) ||
              announcement_try_make(rig->connections, turn, actor->id, records_under_way(rig->records), &told);
  if (!made) return lose_memory(turn);
  struct gate_load load = { .notices = told.notices, .reply = reply, .closings = told.closings };
  if (drafts_is_empty(drafts) && turn->outbox == NULL) {
    note_connections(rig, actor, turn, pass(rig, actor, turn, &load), saving);
    return ERR_NONE;
  }
  err = send_changes(rig, actor, turn, saving, &load);
  if (err != ERR_NONE) announcement_done(&told);
  return err;
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

/* What an operator sees of the actor beside its state, as of this turn. */
static void look_beside(const struct rig *rig, const struct actor *actor, const struct turn *turn, struct reply *reply) {
  if (turn->task != TURN_INSPECT || reply->format != FORMAT_JSON) return;
  inspection_put(&reply->more, &turn->view, actor, connections_count(rig->connections, actor->id));
}

/* Sends what a stay in Lua, done or saving, has produced; rolls back a failed one. */
static enum turn_status send_turn(struct rig *rig, struct actor *actor, struct turn *turn,
                                  enum turn_status status, struct reply *reply) {
  if (status == TURN_DONE && reply != NULL) {
    look_beside(rig, actor, turn, reply);
    if (turn->task == TURN_CONNECT) reply->actor_id = actor->id;
    buf_move(&reply->body, &turn->result);
  }
  if (status == TURN_PAUSED || status == TURN_ASKS) return status;
  if (status != TURN_FAILED) {
    bool saving = status == TURN_SAVING;
    enum err err = commit_turn(rig, actor, turn, saving, saving ? NULL : reply);
    if (err != ERR_NONE) status = lose_changes(actor, turn, saving);
    if (err == ERR_NONE && turn->destroys) actor_end(actor);
  }
  if (status == TURN_FAILED) roll_back(actor, turn);
  return status;
}

static void trace_beginning(const struct logger *logger, const struct turn *turn, const struct actor *actor) {
  if (!trace_is_on(logger)) return;
  struct buf id = { 0 };
  record_print_id(&id, actor->id);
  const struct log_field field = { "actor", buf_slice(&id) };
  trace_write(logger, turn->call_id, "turn begins", &field, 1);
  buf_done(&id);
}

/* The turn sees who is connected; a connect gets its place among them. False if memory runs out. */
static bool try_lend_audience(struct rig *rig, struct actor *actor, struct turn *turn) {
  if (!connections_are_any(rig->connections)) return turn->task != TURN_CONNECT;
  const struct hall *hall = connections_hall(rig->connections, actor->id);
  if (hall != NULL) {
    actor_see(actor, hall->told);
    if (hall->audience.count > 0) turn->audience = &hall->audience;
  }
  if (turn->task != TURN_CONNECT) return true;
  if (turn->connection == NULL || !connections_try_seat(rig->connections, seat_of(turn->connection), actor)) return false;
  return hall != NULL || !actor->exists || remnants_try_draft(&turn->view, actor->id);
}

/* What must be known before Lua runs. */
static enum err set_out(struct rig *rig, struct actor *actor, struct turn *turn) {
  turn->vm = instance_vm(actor->instance);
  turn->instance = actor->instance;
  turn->view = records_view(rig->records, rig->drafts);
  turn->create = !actor->exists;
  turn->waiting_sends = sends_waiting(rig->sends, actor->id);
  if (!try_lend_audience(rig, actor, turn)) return failure_set(&turn->failure, ERR_MEMORY, "no memory for a connection");
  enum err err = actor->exists ? idempotency_recall(turn, actor->id, rig->config->timekeeper) : ERR_NONE;
  return err == ERR_NONE && turn->errand != NULL ? turn->errand->kind->begin(turn->errand, actor, turn) : err;
}

enum turn_status rig_begin(struct rig *rig, struct actor *actor, struct turn *turn, bool create, struct reply *reply) {
  turn->epoch = records_epoch(rig->records);
  if (prepare(rig, actor, create, &turn->failure) != ERR_NONE || set_out(rig, actor, turn) != ERR_NONE) {
    roll_back(actor, turn);
    return TURN_FAILED;
  }
  trace_beginning(rig->config->logger, turn, actor);
  return send_turn(rig, actor, turn, stay_begin(turn), reply);
}

enum turn_status rig_go_on(struct rig *rig, struct actor *actor, struct turn *turn, struct commit **commit,
                           struct reply *reply) {
  gate_give_spare(&rig->gate, *commit);
  *commit = NULL;
  turn->epoch = records_epoch(rig->records);
  turn->waiting_sends = sends_waiting(rig->sends, actor->id);
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

/* -- a commit without a turn -- */

struct drafts *rig_begin_own(struct rig *rig) {
  if (rig->own == NULL) rig->own = drafts_try_new();
  bool ready = rig->own != NULL && gate_try_prepare(&rig->gate);
  if (!ready || records_epoch_ended(rig->records) || records_is_full(rig->records)) return NULL;
  CHECK(drafts_is_empty(rig->own));
  return rig->own;
}

uint64_t rig_commit_own(struct rig *rig, struct actor *actor) {
  struct view view = records_view(rig->records, rig->own);
  struct buf changes = { 0 };
  CHECK(!drafts_is_empty(rig->own));
  drafts_put_changes(rig->own, &changes);
  if (changes.err != ERR_NONE || !records_has_room(rig->records, &view, 0)) {
    buf_done(&changes);
    rig_drop_own(rig);
    return 0;
  }
  uint64_t ticket = gate_send_own(&rig->gate, rig->own, &changes);
  if (actor == NULL) return ticket;
  CHECK_THAT(ticket, >, actor->seen);
  actor_see(actor, ticket);
  return ticket;
}

void rig_drop_own(struct rig *rig) {
  drafts_discard(rig->own);
}
