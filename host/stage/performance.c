/* performance.c -- see performance.h. */
#include "stage/performance.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/trace.h"
#include "codec/key.h"
#include "codec/value.h"
#include "ledger/record_key.h"
#include "script/script.h"
#include "script/stay.h"
#include "script/turn.h"
#include "stage/gate.h"
#include "stage/idempotency.h"

/* A request's turn that is under way. */
struct performance {
  struct turn turn;
  struct actor *actor;
  struct request *request;
  struct commit *commit;               /* while it waits: the one that it will send, if it has one */
  uint64_t batch;                      /* what its drafts hold may be in log batches after this one */
  struct wait wait;
};

struct performances {
  struct performances_config config;
  struct vm *vm;                       /* in which actors are opened */
  struct gate gate;
  struct drafts *drafts;               /* of the turn that runs; one that waits takes them along */
  struct waits waits;                  /* their actors are busy */
};

/* -- life -- */

struct performances *performances_new(const struct performances_config *config) {
  struct performances *made = mem_zero(sizeof *made);
  made->config = *config;
  gate_init(&made->gate, config->records, config->vm->logger);
  waits_init(&made->waits);
  made->drafts = drafts_try_new();
  CHECK(made->drafts != NULL);
  return made;
}

void performances_set_vm(struct performances *all, struct vm *vm) {
  all->vm = vm;
}

/* -- records of the host -- */

/* The key of the record that maps an address to its actor id. */
static void put_index_key(struct buf *key, const struct actor *actor) {
  record_key_put_head(key, RECORD_HOST_ID, SPACE_INDEX);
  buf_put(key, actor_address(actor));
}

/* Learns whether the actor exists, and its id. */
static enum err know(struct performances *all, struct actor *actor) {
  if (actor->known) return ERR_NONE;
  struct view view = records_view(all->config.records, all->drafts);
  struct buf key = { 0 };
  struct slice value;
  put_index_key(&key, actor);
  enum err err = key.err != ERR_NONE ? key.err : view_get(&view, buf_slice(&key), &value);
  buf_done(&key);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return err;
  if (err == ERR_NONE && value.size != 8) return ERR_STORAGE;
  actor->exists = err == ERR_NONE;
  actor->id = actor->exists ? read_u64(value.data) : 0;
  actor->known = true;
  /* It may have been in memory before, and will see what is not durable of it: the last thing sent, to be on the safe
   * side. */
  const struct records *records = all->config.records;
  bool is_pending = actor->exists ? records_is_pending(records, actor->id) : records_has_pending(records);
  if (is_pending) actor->seen = records_ticket(records);
  return ERR_NONE;
}

/* The records that make an actor exist: its place in the index, and who it is. */
static bool draft_creation(struct drafts *drafts, const struct actor *actor) {
  struct buf key = { 0 }, value = { 0 };
  put_index_key(&key, actor);
  buf_put_u64(&value, actor->id);
  bool drafted = key.err == ERR_NONE && value.err == ERR_NONE &&
                 drafts_try_put(drafts, buf_slice(&key), buf_slice(&value));
  buf_clear(&key);
  buf_clear(&value);
  record_key_put_head(&key, actor->id, SPACE_OWN);
  value_put_map(&value, 2);
  value_put_string(&value, slice_text("class"));
  value_put_string(&value, actor_class(actor));
  value_put_string(&value, slice_text("key"));
  value_put_string(&value, actor_key(actor));
  drafted = drafted && key.err == ERR_NONE && value.err == ERR_NONE &&
            drafts_try_put(drafts, buf_slice(&key), buf_slice(&value));
  buf_done(&key);
  buf_done(&value);
  return drafted;
}

/* -- what went wrong -- */

/* What somebody was refused is their affair, a limit that stopped a call its author's, and the rest is the
 * operator's. */
static enum log_level level_of(enum err err) {
  if (err == ERR_USER || err_blames_client(err)) return LOG_DEBUG;
  return err == ERR_INTERNAL || err == ERR_STORAGE ? LOG_ERROR : LOG_WARN;
}

/* The one line that each call leaves which failed, or was stopped. */
static void log_failure(const struct performances *all, const struct actor *actor, const struct turn *turn,
                        struct slice method) {
  const struct logger *logger = all->config.vm->logger;
  enum log_level level = level_of(turn->failure.err);
  struct buf key = { 0 };
  char id[TRACE_ID_MAX];
  if (level < logger->level_min) return;
  key_print(&key, actor_key(actor));
  trace_print_id(turn->call_id, id);
  struct log_field fields[] = {
    { "class", actor_class(actor) },            { "key", buf_slice(&key) },
    { "method", method },                       { "id", slice_text(id) },
    { "code", failure_code(&turn->failure) },   { "error", buf_slice(&turn->failure.message) },
    { "traceback", buf_slice(&turn->traceback) },
  };
  size_t count = sizeof fields / sizeof *fields - (turn->traceback.size == 0);
  logger_event(logger, level, slice_text("call failed"), fields, count);
  buf_done(&key);
}

/* What the client hears of a failure: of a script's mistake no more than that there was one, unless it is an
 * operator. */
static void tell_failure(const struct performances *all, struct turn *turn, struct reply *reply) {
  bool tells = all->config.vm->dev || turn_looks(turn);
  if (turn->failure.err == ERR_INTERNAL && !tells) {
    failure_set(&reply->failure, ERR_INTERNAL, "the actor failed; the host's log says how");
  } else {
    failure_move(&reply->failure, &turn->failure);
    if (reply->failure.err == ERR_INTERNAL && turn->traceback.size > 0 && reply->failure.metadata.size == 0) {
      value_put_map(&reply->failure.metadata, 1);
      value_put_string(&reply->failure.metadata, slice_text("traceback"));
      value_put_string(&reply->failure.metadata, buf_slice(&turn->traceback));
      if (reply->failure.metadata.err != ERR_NONE) buf_clear(&reply->failure.metadata);
    }
  }
}

/* -- a turn -- */

/* Makes the actor ready for a turn: its instance is there. The failure says what is missing. */
static enum err prepare(struct performances *all, struct actor *actor, bool create, struct failure *failure) {
  if (all->drafts == NULL) all->drafts = drafts_try_new();
  if (!gate_try_prepare(&all->gate) || all->drafts == NULL) {
    return failure_set(failure, ERR_MEMORY, "no memory for a call");
  }
  if (actor->instance != NULL) return ERR_NONE;
  struct slice class_name = actor_class(actor);
  enum err err = script_find_class(all->vm, class_name);
  if (err == ERR_CLASS_NOT_FOUND) {
    return failure_set(failure, err, "there is no class \"%.*s\"", class_name.size > 128 ? 128 : (int)class_name.size,
                       (const char *)class_name.data);
  }
  if (err != ERR_NONE) return failure_set(failure, err, "no memory for a call");
  err = know(all, actor);
  if (err != ERR_NONE) return failure_set(failure, err, "the record of this actor cannot be read");
  if (!actor->exists && !create) return failure_set(failure, ERR_ACTOR_NOT_FOUND, "this actor does not exist");
  if (!actor->exists) actor->id = atomic_fetch_add(all->config.next_actor_id, 1);
  return instance_open(all->vm, class_name, actor_key(actor), actor->id, &actor->instance, failure);
}

static enum err lose_memory(struct turn *turn) {
  return failure_set(&turn->failure, ERR_MEMORY, "no memory for the changes of a call");
}

/* With a turn done, or saving: its drafts become pending and go to the committer, with the reply, if it has one.
 * After an error nothing happened but that the actor's memory is ahead. */
static enum err commit_turn(struct performances *all, struct actor *actor, struct turn *turn, bool saving,
                            struct reply *reply) {
  struct records *records = all->config.records;
  struct drafts *drafts = turn->view.drafts;
  if (turn->create && !draft_creation(drafts, actor)) return lose_memory(turn);
  turn->create = false;
  const struct buf *result = reply == NULL ? NULL : &reply->body;
  if (!idempotency_try_draft(turn, actor->id, all->config.vm->clock, result)) return lose_memory(turn);
  if (drafts_is_empty(drafts)) {
    if (reply != NULL) gate_pass(&all->gate, turn, reply, actor->seen);
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
  actor->seen = gate_send(&all->gate, turn, &changes, reply, saving);
  actor->exists = true;
  return ERR_NONE;
}

/* After a failed turn the actor is as before it; where that is out of reach, it leaves memory. */
static void roll_back(struct actor *actor, struct turn *turn) {
  if (turn->view.drafts != NULL) drafts_discard(turn->view.drafts);
  if (actor->instance == NULL) return;
  if (!instance_is_loaded(actor->instance) || instance_is_broken(actor->instance)) {
    actor_drop(actor);
  }
}

/* What a turn changed cannot be taken: its actor must come back as it is on disk. `waits`: it is in the middle. */
static enum turn_status lose_changes(struct actor *actor, struct turn *turn, bool waits) {
  if (waits) stay_abandon(turn);
  actor_drop(actor);
  return TURN_FAILED;
}

/* Sends what came of a stay in Lua, done or saving; rolls a failed one back. */
static enum turn_status send_turn(struct performances *all, struct actor *actor, struct turn *turn,
                                  enum turn_status status, struct reply *reply) {
  if (status == TURN_DONE && reply != NULL) buf_move(&reply->body, &turn->result);
  if (status == TURN_PAUSED) return status;
  if (status != TURN_FAILED) {
    bool saving = status == TURN_SAVING;
    enum err err = commit_turn(all, actor, turn, saving, saving ? NULL : reply);
    if (err != ERR_NONE) status = lose_changes(actor, turn, saving);
  }
  if (status == TURN_FAILED) roll_back(actor, turn);
  return status;
}

/* Begins a turn and sends what came of it. Where it failed, the failure says why and `reply`, if there is one, waits
 * for its words. */
static enum turn_status take_turn(struct performances *all, struct actor *actor, struct turn *turn, bool create,
                                  struct reply *reply) {
  turn->epoch = records_epoch(all->config.records);
  if (prepare(all, actor, create, &turn->failure) != ERR_NONE) {
    roll_back(actor, turn);
    return TURN_FAILED;
  }
  turn->vm = instance_vm(actor->instance);
  turn->instance = actor->instance;
  turn->view = records_view(all->config.records, all->drafts);
  turn->create = !actor->exists;
  if (actor->exists && idempotency_recall(turn, actor->id, all->config.vm->clock) != ERR_NONE) {
    roll_back(actor, turn);
    return TURN_FAILED;
  }
  trace_number(all->config.vm->logger, turn->call_id, "turn begins", "actor", actor->id);
  return send_turn(all, actor, turn, stay_begin(turn), reply);
}

static enum turn_task task_of(enum request_type type) {
  switch (type) {
    case REQUEST_INSPECT: return TURN_INSPECT;
    case REQUEST_STATE: return TURN_STATE;
    case REQUEST_KV: return TURN_KV;
    case REQUEST_CALL:
    case REQUEST_SLEEP: break;
  }
  return TURN_CALL;
}

/* A turn that waits takes its drafts along; and its commit, where that is not sent. */
static void keep_along(struct performances *all, struct performance *performance) {
  if (performance->turn.view.drafts == all->drafts) all->drafts = NULL;
  if (performance->wait.what != WAIT_SAVE) performance->commit = gate_take_spare(&all->gate);
}

/* Answers whether there is a commit for the rest of a turn that waited. */
static bool bring_commit(struct performances *all, struct performance *performance) {
  gate_give_spare(&all->gate, performance->commit);
  performance->commit = NULL;
  return gate_try_prepare(&all->gate);
}

static void release_drafts(struct performances *all, struct turn *turn) {
  if (turn->view.drafts == NULL) return;
  if (all->drafts == NULL) all->drafts = turn->view.drafts;
  records_end(all->config.records, turn->view.drafts);
  if (turn->view.drafts != all->drafts) drafts_free(turn->view.drafts);
  turn->view.drafts = NULL;
}

/* -- a performance: a request's turn, from its beginning to its reply -- */

static struct performance *performance_of(struct wait *wait) {
  return (struct performance *)(void *)((uint8_t *)wait - offsetof(struct performance, wait));
}

static void performance_free(struct performances *all, struct performance *performance) {
  release_drafts(all, &performance->turn);
  commit_free(performance->commit);
  turn_done(&performance->turn);
  request_free(performance->request);
  mem_free(performance);
}

/* The reply of a call that failed. */
static void answer_failure(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct reply *reply = performance->request->reply;
  buf_clear(&reply->body);
  log_failure(all, performance->actor, turn, turn->method);
  tell_failure(all, turn, reply);
  if (gate_try_prepare(&all->gate)) {
    gate_pass(&all->gate, turn, reply, performance->actor->seen);
  } else {
    reply_keep(reply);             /* no memory even for a commit: nothing was read, or all of it was saved */
  }
}

/* The actor is busy until what it waits for is due. */
static void wait_for(struct performances *all, struct performance *performance, enum wait_what what) {
  struct actor *actor = performance->actor;
  bool holds = drafts_hold(performance->turn.view.drafts);
  /* It has seen its actor's last commit, which need not be the worker's: that may already have failed, and if nothing
   * was saved no other will come. */
  performance->wait = (struct wait){
    .what = what, .seen = actor->seen, .held_batch = holds ? performance->batch : UINT64_MAX,
  };
  keep_along(all, performance);
  if (!actor->busy) actors_set_busy(all->config.actors, actor, true);
  waits_put(&all->waits, &performance->wait);
  trace_text(all->config.vm->logger, performance->turn.call_id, "turn waits", "for", waits_name(what));
}

/* on_stop, in a turn of its own, if the actor is there: its reply is `reply`, unless that is NULL. False: it was not
 * there, or failed; the reply is not kept then. */
static bool stop(struct performances *all, struct actor *actor, struct reply *reply) {
  struct turn turn = {
    .call_id = reply != NULL ? reply->call_id : atomic_fetch_add(all->config.next_call_id, 1),
    .task = TURN_STOP, .caller = CALLER_NONE, .format = FORMAT_VALUE,
  };
  bool loaded = actor->instance != NULL && instance_is_loaded(actor->instance), stopped = false;
  if (loaded) {
    stopped = take_turn(all, actor, &turn, false, reply) == TURN_DONE;
    if (!stopped) log_failure(all, actor, &turn, slice_text("on_stop"));
  }
  release_drafts(all, &turn);
  turn_done(&turn);
  return stopped;
}

void performances_put_to_sleep(struct performances *all, struct actor *actor, struct reply *reply) {
  if (!stop(all, actor, reply) && reply != NULL) reply_keep(reply);
  actors_remove(all->config.actors, actor);
}

bool performances_must_retire(const struct performances *all, const struct actor *actor) {
  return actor->instance != NULL && instance_vm(actor->instance) != all->vm;
}

/* Before a turn of an actor whose VM retires: it leaves that, so that the turn begins in the present one. */
static void move(struct performances *all, struct actor *actor) {
  stop(all, actor, NULL);
  actor_drop(actor);
}

/* After a turn, or a request that did not become one. An actor that was asked for and is not there leaves no trace; one
 * whose VM retires goes with its last turn there. */
static void let_go(struct performances *all, struct actor *actor) {
  actors_touch(all->config.actors, actor, clock_monotonic_ns(all->config.vm->clock));
  if (actor->mailbox.count > 0) return;
  if (performances_must_retire(all, actor)) {
    performances_put_to_sleep(all, actor, NULL);
  } else if (actor->instance == NULL) {
    actors_remove(all->config.actors, actor);
  }
}

/* After a stay in Lua: waits, or answers and lets the actor take its next call. */
static void after_turn(struct performances *all, struct performance *performance, enum turn_status status) {
  struct actor *actor = performance->actor;
  switch (status) {
    case TURN_SAVING: wait_for(all, performance, WAIT_SAVE); return;
    case TURN_PAUSED: wait_for(all, performance, WAIT_OTHERS); return;
    case TURN_FAILED: answer_failure(all, performance); break;
    case TURN_DONE: break;
  }
  if (actor->busy) actors_set_busy(all->config.actors, actor, false);
  performance_free(all, performance);
  let_go(all, actor);
}

static void perform(struct performances *all, struct actor *actor, struct request *request) {
  struct performance *performance = mem_try_zero(sizeof *performance);
  if (performance == NULL) {
    reply_fail(request->reply, ERR_MEMORY, "no memory for a call");
    request_free(request);
    return;
  }
  if (performances_must_retire(all, actor)) move(all, actor);
  performance->actor = actor;
  performance->request = request;
  performance->batch = records_durable_batch(all->config.records);
  performance->turn = (struct turn){
    .call_id = request->reply->call_id, .task = task_of(request->type), .caller = CALLER_CLIENT,
    .method = buf_slice(&request->method),
    .format = request->format, .args = buf_slice(&request->args), .input = buf_slice(&request->input),
    .params = buf_slice(&request->params), .headers = buf_slice(&request->headers),
    .idempotency_key = buf_slice(&request->idempotency_key),
  };
  bool create = request->create && request->type == REQUEST_CALL;
  after_turn(all, performance, take_turn(all, actor, &performance->turn, create, request->reply));
}

/* Nobody waits for this call, so it does not begin. Who ended only its own side of a connection hears why. */
static void drop(struct performances *all, struct actor *actor, struct request *request) {
  reply_fail(request->reply, ERR_OVERLOADED,
             "the client ended its side of the connection before the call began: it did not run");
  request_free(request);
  let_go(all, actor);
}

void performances_begin(struct performances *all, struct actor *actor, struct request **request) {
  struct request *performed = *request;
  *request = NULL;
  if (atomic_load(&performed->reply->is_unwanted)) {
    drop(all, actor, performed);
  } else if (performed->type == REQUEST_SLEEP && actor->mailbox.count == 0) {
    performances_put_to_sleep(all, actor, performed->reply);
    request_free(performed);
  } else if (performed->type == REQUEST_SLEEP) {
    reply_fail(performed->reply, ERR_OVERLOADED, "calls wait for this actor: it cannot sleep");
    request_free(performed);
  } else {
    perform(all, actor, performed);
  }
}

/* What a turn saved, or saw, has failed with its epoch. */
static void fail_waiting(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct reply *reply = performance->request->reply;
  stay_abandon(turn);
  failure_set(&turn->failure, ERR_STORAGE, "what the call had saved or seen could not be made durable");
  log_failure(all, performance->actor, turn, turn->method);
  tell_failure(all, turn, reply);
  actors_set_busy(all->config.actors, performance->actor, false);
  performance_free(all, performance);
  reply_keep(reply);
}

void performances_fail_lost(struct performances *all) {
  struct wait_list lost;
  struct wait *wait;
  waits_take_lost(&all->waits, records_verdict(all->config.records), &lost);
  while ((wait = TAILQ_FIRST(&lost)) != NULL) {
    TAILQ_REMOVE(&lost, wait, link);
    fail_waiting(all, performance_of(wait));
  }
}

static void resume(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct actor *actor = performance->actor;
  turn->epoch = records_epoch(all->config.records);
  if (!drafts_hold(turn->view.drafts)) performance->batch = records_durable_batch(all->config.records);
  enum turn_status status;
  if (bring_commit(all, performance)) {
    status = send_turn(all, actor, turn, stay_go_on(turn), performance->request->reply);
  } else {
    failure_set(&turn->failure, ERR_MEMORY, "no memory for a call");
    status = lose_changes(actor, turn, true);
    roll_back(actor, turn);
  }
  after_turn(all, performance, status);
}

size_t performances_line_up(struct performances *all, enum wait_what what) {
  return waits_line_up(&all->waits, what, records_durable(all->config.records));
}

bool performances_resume(struct performances *all, enum wait_what what) {
  struct wait *wait = waits_take(&all->waits, what);
  if (wait == NULL) return false;
  struct performance *performance = performance_of(wait);
  trace_text(all->config.vm->logger, performance->turn.call_id, "turn goes on", "after", waits_name(what));
  if (what == WAIT_SAVE) records_make_active(all->config.records, performance->turn.view.drafts);
  resume(all, performance);
  return true;
}

bool performances_are_due(struct performances *all) {
  if (waits_want_durable(&all->waits)) records_wake_when_durable(all->config.records);
  return waits_are_due(&all->waits, records_durable(all->config.records));
}

uint64_t performances_hold_back(const struct performances *all, uint64_t batch) {
  return waits_hold_back(&all->waits, batch);
}

void performances_free(struct performances *all) {
  if (all == NULL) return;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    struct wait *wait;
    while ((wait = waits_take(&all->waits, (enum wait_what)what)) != NULL) {
      performance_free(all, performance_of(wait));
    }
  }
  gate_done(&all->gate);
  drafts_free(all->drafts);
  mem_free(all);
}
