/* performance.c -- see worker.h: one turn from its request to its reply at the gate. */
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/key.h"
#include "codec/value.h"
#include "ledger/record.h"
#include "script/script.h"
#include "script/stay.h"
#include "stage/idempotency.h"
#include "stage/worker.h"

/* -- records of the host -- */

/* The key of the record that maps an address to its actor id. */
static void put_index_key(struct buf *key, const struct actor *actor) {
  record_put_head(key, RECORD_HOST_ID, SPACE_INDEX);
  buf_put(key, actor_address(actor));
}

static struct view view_of(struct worker *worker) {
  return (struct view){ .drafts = worker->drafts, .layers = &worker->layers, .reader = worker->reader };
}

/* Whether something of the actor, or a deleted range that may be its, is not durable yet. */
static bool is_pending(const struct worker *worker, const struct actor *actor) {
  const struct memtable *pending = worker->layers.pending;
  uint8_t from[8], to[8 + 1];
  if (memtable_is_empty(pending)) return false;
  if (memtable_has_ranges(pending) || !actor->exists) return true;
  write_u64(from, actor->id);
  write_u64(to, actor->id);
  to[8] = 0xff;
  if (!memtable_may_hold(pending, slice_of(from, sizeof from), slice_of(to, sizeof to))) return false;
  const struct memtable_entry *entry = memtable_seek(pending, slice_of(from, sizeof from), false);
  return entry != NULL && slice_compare(memtable_key(entry), slice_of(to, sizeof to)) < 0;
}

/* Learns whether the actor exists, and its id. */
static enum err know(struct worker *worker, struct actor *actor) {
  if (actor->known) return ERR_NONE;
  struct view view = view_of(worker);
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
  /* It may have been in memory before, and will see what is not durable of it: the last thing sent, to be on the safe side. */
  if (is_pending(worker, actor)) actor->last_seq = worker->seq;
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
  record_put_head(&key, actor->id, SPACE_OWN);
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

/* -- the gate -- */

/* Sends the spare commit, with these changes or none, and this reply or none, to the committer. */
static void send(struct worker *worker, struct buf *changes, struct reply *reply, uint64_t epoch, bool sync) {
  struct commit *commit = worker->spare;
  worker->spare = NULL;
  CHECK(commit != NULL);
  commit->source = &worker->source;
  commit->seq = worker->seq;
  commit->epoch = epoch;
  commit->sync = sync;
  if (changes != NULL) buf_move(&commit->changes, changes);
  if (reply != NULL) commit->effects = &reply->effect;
  committer_put(worker->committer, &commit);
}

/* Lets a reply go that changed nothing: at once, unless the actor has seen what is not durable. */
static void pass_gate(struct worker *worker, const struct actor *actor, struct reply *reply, uint64_t epoch) {
  if (actor->last_seq <= atomic_load(&worker->released_seq)) {
    reply_keep(reply);
  } else {
    send(worker, NULL, reply, epoch, false);
  }
}

/* -- what went wrong -- */

/* What somebody was refused is their affair, a limit that stopped a call its author's, and the rest the operator's. */
static enum log_level level_of(enum err err) {
  if (err == ERR_USER || err_blames_client(err)) return LOG_DEBUG;
  return err == ERR_INTERNAL || err == ERR_STORAGE ? LOG_ERROR : LOG_WARN;
}

/* The one line that each call leaves which failed, or was stopped. */
static void log_failure(const struct worker *worker, const struct actor *actor, const struct turn *turn, struct slice method) {
  const struct logger *logger = worker->config.vm.logger;
  enum log_level level = level_of(turn->failure.err);
  struct buf key = { 0 };
  char id[TURN_ID_MAX];
  if (level < logger->level_min) return;
  key_print(&key, actor_key(actor));
  turn_print_id(turn, id);
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

/* What the client hears of a failure: of a script's mistake no more than that there was one, unless it is an operator. */
static void tell_failure(const struct worker *worker, struct turn *turn, struct reply *reply) {
  bool tells = worker->config.vm.dev || turn_looks(turn);
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
static enum err prepare(struct worker *worker, struct actor *actor, bool create, struct failure *failure) {
  if (worker->spare == NULL) worker->spare = commit_try_new();
  if (worker->drafts == NULL) worker->drafts = drafts_try_new();
  if (worker->spare == NULL || worker->drafts == NULL) return failure_set(failure, ERR_MEMORY, "no memory for a call");
  if (actor->instance != NULL) return ERR_NONE;
  struct slice class_name = actor_class(actor);
  enum err err = script_find_class(worker->vm, class_name);
  if (err == ERR_CLASS_NOT_FOUND) {
    return failure_set(failure, err, "there is no class \"%.*s\"", class_name.size > 128 ? 128 : (int)class_name.size,
                       (const char *)class_name.data);
  }
  if (err != ERR_NONE) return failure_set(failure, err, "no memory for a call");
  err = know(worker, actor);
  if (err != ERR_NONE) return failure_set(failure, err, "the record of this actor cannot be read");
  if (!actor->exists && !create) return failure_set(failure, ERR_ACTOR_NOT_FOUND, "this actor does not exist");
  if (!actor->exists) actor->id = atomic_fetch_add(worker->config.next_actor_id, 1);
  return instance_open(worker->vm, class_name, actor_key(actor), actor->id, &actor->instance, failure);
}

static enum err lose_memory(struct turn *turn) {
  return failure_set(&turn->failure, ERR_MEMORY, "no memory for the changes of a call");
}

/* With a turn done, or saving: its drafts become pending and go to the committer, with the reply, if it has one. After an
 * error nothing happened but that the actor's memory is ahead. */
static enum err commit_turn(struct worker *worker, struct actor *actor, struct turn *turn, bool saving,
                            struct reply *reply) {
  struct drafts *drafts = turn->view.drafts;
  if (turn->create && !draft_creation(drafts, actor)) return lose_memory(turn);
  turn->create = false;
  const struct buf *result = reply == NULL ? NULL : &reply->body;
  if (!idempotency_try_draft(turn, actor->id, worker->config.vm.clock, result)) return lose_memory(turn);
  if (drafts_is_empty(drafts)) {
    if (reply != NULL) pass_gate(worker, actor, reply, turn->epoch);
    return ERR_NONE;
  }
  if (worker_is_full(worker)) {
    return failure_set(&turn->failure, ERR_STORAGE, "the store has no room for more changes; the host's log says why");
  }
  if (!reserve_takes(worker->config.reserve, &turn->view, worker->checkpointer)) {
    return failure_set(&turn->failure, ERR_STORAGE, "the disk is nearly full: calls that make the data larger are refused, "
                       "and those that delete are not " LIMIT_NAME(DISK_FREE_BYTES));
  }
  struct buf changes = { 0 };
  drafts_put_changes(drafts, &changes);
  if (changes.err != ERR_NONE) {
    buf_done(&changes);
    return lose_memory(turn);
  }
  worker->seq++;
  if (!saving) drafts_end_snapshots(drafts, worker->layers.active);
  drafts_send(drafts, worker->layers.pending, worker->seq);
  actor->last_seq = worker->seq;
  actor->exists = true;
  send(worker, &changes, reply, turn->epoch, saving);
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
static enum turn_status send_turn(struct worker *worker, struct actor *actor, struct turn *turn, enum turn_status status,
                                  struct reply *reply) {
  if (status == TURN_DONE && reply != NULL) buf_move(&reply->body, &turn->result);
  if (status == TURN_PAUSED) return status;
  if (status != TURN_FAILED) {
    bool saving = status == TURN_SAVING;
    enum err err = commit_turn(worker, actor, turn, saving, saving ? NULL : reply);
    if (err != ERR_NONE) status = lose_changes(actor, turn, saving);
  }
  if (status == TURN_FAILED) roll_back(actor, turn);
  return status;
}

/* Begins a turn and sends what came of it. Where it failed, the failure says why and `reply`, if there is one, waits
 * for its words. */
static enum turn_status take_turn(struct worker *worker, struct actor *actor, struct turn *turn, bool create,
                                  struct reply *reply) {
  turn->epoch = worker->epoch;
  if (prepare(worker, actor, create, &turn->failure) != ERR_NONE) {
    roll_back(actor, turn);
    return TURN_FAILED;
  }
  turn->vm = worker->vm;
  turn->instance = actor->instance;
  turn->view = view_of(worker);
  turn->create = !actor->exists;
  if (actor->exists && idempotency_recall(turn, actor->id, worker->config.vm.clock) != ERR_NONE) {
    roll_back(actor, turn);
    return TURN_FAILED;
  }
  return send_turn(worker, actor, turn, stay_begin(turn), reply);
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
static void keep_along(struct worker *worker, struct performance *performance, enum turn_status status) {
  if (performance->turn.view.drafts == worker->drafts) worker->drafts = NULL;
  if (status != TURN_PAUSED) return;
  performance->commit = worker->spare;
  worker->spare = NULL;
}

/* Answers whether there is a commit for the rest of a turn that waited. One that was paused has its own. */
static bool bring_commit(struct worker *worker, struct performance *performance) {
  if (worker->spare == NULL) {
    worker->spare = performance->commit;
  } else {
    commit_free(performance->commit);
  }
  performance->commit = NULL;
  if (worker->spare == NULL) worker->spare = commit_try_new();
  return worker->spare != NULL;
}

static void release_drafts(struct worker *worker, struct turn *turn) {
  if (turn->view.drafts == NULL) return;
  if (worker->drafts == NULL) worker->drafts = turn->view.drafts;
  drafts_end(turn->view.drafts, worker->layers.active);
  if (turn->view.drafts != worker->drafts) {
    drafts_free(turn->view.drafts);
  }
  turn->view.drafts = NULL;
}

/* -- a performance: a request's turn, from its beginning to its reply -- */

static void performance_free(struct worker *worker, struct performance *performance) {
  release_drafts(worker, &performance->turn);
  commit_free(performance->commit);
  turn_done(&performance->turn);
  request_free(performance->request);
  mem_free(performance);
}

/* The reply of a call that failed. */
static void answer_failure(struct worker *worker, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct reply *reply = performance->request->reply;
  buf_clear(&reply->body);
  log_failure(worker, performance->actor, turn, turn->method);
  tell_failure(worker, turn, reply);
  if (worker->spare == NULL) worker->spare = commit_try_new();
  if (worker->spare == NULL) {
    reply_keep(reply);             /* no memory even for a commit: nothing was read, or all of it was saved */
  } else {
    pass_gate(worker, performance->actor, reply, turn->epoch);
  }
}

/* After a stay in Lua: waits, or answers and lets the actor take its next call. */
static void after_turn(struct worker *worker, struct performance *performance, enum turn_status status) {
  struct actor *actor = performance->actor;
  if (status == TURN_SAVING || status == TURN_PAUSED) keep_along(worker, performance, status);
  if (status == TURN_PAUSED) {
    if (!actor->busy) actors_set_busy(worker->actors, actor, true);
    TAILQ_INSERT_TAIL(&worker->paused, performance, link);
    return;
  }
  if (status == TURN_SAVING) {
    /* The actor's last commit, not the worker's: the worker's may already have failed, and if nothing was saved no other
     * will come. */
    performance->wait_seq = actor->last_seq;
    if (!actor->busy) actors_set_busy(worker->actors, actor, true);
    TAILQ_INSERT_TAIL(&worker->saving, performance, link);
    return;
  }
  if (status == TURN_FAILED) answer_failure(worker, performance);
  if (actor->busy) actors_set_busy(worker->actors, actor, false);
  actors_touch(worker->actors, actor, clock_monotonic_ns(worker->config.vm.clock));
  performance_free(worker, performance);
  /* Who was asked for and is not there leaves no trace in memory. */
  if (actor->instance == NULL && actor->mailbox.count == 0) actors_remove(worker->actors, actor);
}

static void perform(struct worker *worker, struct actor *actor, struct request *request) {
  struct performance *performance = mem_try_zero(sizeof *performance);
  if (performance == NULL) {
    reply_fail(request->reply, ERR_MEMORY, "no memory for a call");
    request_free(request);
    return;
  }
  performance->actor = actor;
  performance->request = request;
  performance->batch = committer_durable_batch(worker->committer);
  performance->turn = (struct turn){
    .task = task_of(request->type), .caller = CALLER_CLIENT, .method = buf_slice(&request->method),
    .format = request->format, .args = buf_slice(&request->args), .input = buf_slice(&request->input),
    .params = buf_slice(&request->params), .headers = buf_slice(&request->headers),
    .idempotency_key = buf_slice(&request->idempotency_key),
  };
  bool create = request->create && request->type == REQUEST_CALL;
  after_turn(worker, performance, take_turn(worker, actor, &performance->turn, create, request->reply));
}

/* Nobody waits for this call, so it does not begin. Who ended only its own side of a connection hears why. */
static void drop(struct worker *worker, struct actor *actor, struct request *request) {
  reply_fail(request->reply, ERR_OVERLOADED, "the client ended its side of the connection before the call began: it did not run");
  request_free(request);
  actors_touch(worker->actors, actor, clock_monotonic_ns(worker->config.vm.clock));
  if (actor->instance == NULL && actor->mailbox.count == 0) actors_remove(worker->actors, actor);
}

void worker_perform(struct worker *worker, struct actor *actor, struct request **request) {
  struct request *performed = *request;
  *request = NULL;
  if (atomic_load(&performed->reply->is_unwanted)) {
    drop(worker, actor, performed);
  } else if (performed->type == REQUEST_SLEEP && actor->mailbox.count == 0) {
    worker_put_to_sleep(worker, actor, performed->reply);
    request_free(performed);
  } else if (performed->type == REQUEST_SLEEP) {
    reply_fail(performed->reply, ERR_OVERLOADED, "calls wait for this actor: it cannot sleep");
    request_free(performed);
  } else {
    perform(worker, actor, performed);
  }
}

/* What a turn saved, or saw, has failed with its epoch. */
static void fail_waiting(struct worker *worker, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct reply *reply = performance->request->reply;
  stay_abandon(turn);
  failure_set(&turn->failure, ERR_STORAGE, "what the call had saved or seen could not be made durable");
  log_failure(worker, performance->actor, turn, turn->method);
  tell_failure(worker, turn, reply);
  actors_set_busy(worker->actors, performance->actor, false);
  performance_free(worker, performance);
  reply_keep(reply);
}

void worker_fail_saving(struct worker *worker, uint64_t durable_seq) {
  struct performance *performance, *next;
  for (performance = TAILQ_FIRST(&worker->saving); performance != NULL; performance = next) {
    next = TAILQ_NEXT(performance, link);
    if (performance->wait_seq <= durable_seq) continue;
    TAILQ_REMOVE(&worker->saving, performance, link);
    fail_waiting(worker, performance);
  }
  for (performance = TAILQ_FIRST(&worker->paused); performance != NULL; performance = next) {
    next = TAILQ_NEXT(performance, link);
    if (performance->actor->last_seq <= durable_seq) continue;
    TAILQ_REMOVE(&worker->paused, performance, link);
    fail_waiting(worker, performance);
  }
}

static void resume(struct worker *worker, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct actor *actor = performance->actor;
  turn->epoch = worker->epoch;
  if (!drafts_hold(turn->view.drafts)) performance->batch = committer_durable_batch(worker->committer);
  enum turn_status status;
  if (bring_commit(worker, performance)) {
    status = send_turn(worker, actor, turn, stay_go_on(turn), performance->request->reply);
  } else {
    failure_set(&turn->failure, ERR_MEMORY, "no memory for a call");
    status = lose_changes(actor, turn, true);
    roll_back(actor, turn);
  }
  after_turn(worker, performance, status);
}

bool worker_resume_saved(struct worker *worker, uint64_t durable_seq) {
  struct performance_list ready = TAILQ_HEAD_INITIALIZER(ready);
  struct performance *performance, *next;
  for (performance = TAILQ_FIRST(&worker->saving); performance != NULL; performance = next) {
    next = TAILQ_NEXT(performance, link);
    if (performance->wait_seq > durable_seq) continue;
    TAILQ_REMOVE(&worker->saving, performance, link);
    TAILQ_INSERT_TAIL(&ready, performance, link);
  }
  bool any = !TAILQ_EMPTY(&ready);
  while ((performance = TAILQ_FIRST(&ready)) != NULL) {
    TAILQ_REMOVE(&ready, performance, link);
    drafts_settle(performance->turn.view.drafts, worker->layers.active);
    resume(worker, performance);
    if (worker_is_due(worker)) break;
  }
  TAILQ_CONCAT(&ready, &worker->saving, link);      /* those that are left come first */
  TAILQ_CONCAT(&worker->saving, &ready, link);
  return any;
}

void worker_resume_paused(struct worker *worker) {
  struct performance *performance = TAILQ_FIRST(&worker->paused);
  TAILQ_REMOVE(&worker->paused, performance, link);
  resume(worker, performance);
}

void worker_drop_waiting(struct worker *worker) {
  struct performance *performance;
  TAILQ_CONCAT(&worker->saving, &worker->paused, link);
  while ((performance = TAILQ_FIRST(&worker->saving)) != NULL) {
    TAILQ_REMOVE(&worker->saving, performance, link);
    performance_free(worker, performance);
  }
}

void worker_put_to_sleep(struct worker *worker, struct actor *actor, struct reply *reply) {
  struct turn turn = { .task = TURN_STOP, .caller = CALLER_NONE, .format = FORMAT_VALUE };
  struct reply *waiting = reply;
  if (actor->instance != NULL && instance_is_loaded(actor->instance)) {
    if (take_turn(worker, actor, &turn, false, reply) == TURN_DONE) {
      waiting = NULL;
    } else {
      log_failure(worker, actor, &turn, slice_text("on_stop"));
    }
  }
  release_drafts(worker, &turn);
  turn_done(&turn);
  if (waiting != NULL) reply_keep(waiting);
  actors_remove(worker->actors, actor);
}
