/* performance.c -- see performance.h. */
#include "stage/performance.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/trace.h"
#include "script/outgoing.h"
#include "script/stay.h"
#include "script/turn.h"
#include "stage/assignment.h"
#include "stage/errand.h"
#include "stage/existence.h"
#include "stage/failed.h"
#include "stage/inspection.h"
#include "stage/report.h"
#include "stage/rig.h"

/* How long a caller waits for a word beyond the deadline at which its callee ends. */
enum { GRACE_NS = 100 * 1000000 };

/* A request's turn that is under way. */
struct performance {
  struct turn turn;
  struct actor *actor;
  struct request *request;
  struct commit *commit;               /* while it waits: the commit that it will send, if it has one */
  uint64_t batch;                      /* the records in its drafts may be in log batches after this one */
  struct wait wait;
  struct ask *ask;                     /* while it waits for an answer, or for its turn with it; else NULL */
  struct deadline deadline;            /* of that wait */
  bool is_overdue;                     /* that has passed once, and the callee has GRACE_NS for a word */
};

struct performances {
  struct performances_config config;
  struct rig rig;
  struct ask_home home;
  struct waits waits;                  /* their actors are busy */
};

/* -- life -- */

static void arrive(void *context, struct ask *ask) {
  performances_answer(context, ask);
}

struct performances *performances_new(const struct performances_config *config) {
  struct performances *made = mem_zero(sizeof *made);
  made->config = *config;
  made->home = (struct ask_home){
    .worker = config->worker, .post = config->post, .logger = config->vm->logger, .arrive = arrive, .context = made,
  };
  rig_init(&made->rig, config->vm, config->records, config->actor_ids, config->wakes, config->sends, config->connections);
  waits_init(&made->waits);
  return made;
}

struct rig *performances_rig(struct performances *all) {
  return &all->rig;
}

void performances_set_vm(struct performances *all, struct vm *vm) {
  all->rig.vm = vm;
}

/* -- a performance -- */

static struct performance *performance_of(struct wait *wait) {
  return (struct performance *)(void *)((uint8_t *)wait - offsetof(struct performance, wait));
}

static void drop_ask(struct performances *all, struct performance *performance) {
  struct ask *ask = performance->ask;
  deadlines_clear(all->config.deadlines, &performance->deadline);
  performance->ask = NULL;
  if (ask == NULL) return;
  if (ask->is_answered) {
    ask_free(ask);
  } else {
    ask_forget(ask);
  }
}

/* The connection of a connect that was not done is gone. */
static void drop_seat(struct performances *all, const struct performance *performance) {
  struct connection *connection = performance->turn.connection;
  bool connects = performance->turn.task == TURN_CONNECT && connection != NULL;
  if (connects && seat_of(connection)->state == SEAT_JOINING) connections_drop(all->config.connections, seat_of(connection));
}

static void performance_free(struct performances *all, struct performance *performance) {
  drop_ask(all, performance);
  drop_seat(all, performance);
  rig_end(&all->rig, &performance->turn);
  commit_free(performance->commit);
  turn_done(&performance->turn);
  request_free(performance->request);
  mem_free(performance);
}

/* Ends a performance whose actor does not wait any more. If it was an errand, that ends behind it. */
static void end(struct performances *all, struct performance *performance) {
  struct actor *actor = performance->actor;
  struct errand *errand = performance->request->errand;
  performance_free(all, performance);
  if (errand != NULL) errand->kind->end(errand, actor);
}

/* What an errand hears of its failed turn: all of it. */
static void note_failure(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  if (turn->failure.err != ERR_NOT_FOUND) report_log(all->config.vm->logger, performance->actor, turn, turn->method);
  failure_move(&performance->request->reply->failure, &turn->failure);
}

/* What an operator sees of an actor beside its state, also where there is none to be seen. */
static void look_beside(struct performances *all, struct performance *performance) {
  struct actor *actor = performance->actor;
  struct reply *reply = performance->request->reply;
  if (performance->turn.task != TURN_INSPECT || reply->format != FORMAT_JSON) return;
  struct records *records = all->config.records;
  buf_clear(&reply->more);
  if (existence_learn(records, NULL, actor) != ERR_NONE) return;
  const struct view view = records_view(records, NULL);
  inspection_put(&reply->more, &view, actor, connections_count(all->config.connections, actor->id));
  if (reply->more.err != ERR_NONE) buf_clear(&reply->more);
}

/* The reply of a call that failed. */
static void answer_failure(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct reply *reply = performance->request->reply;
  if (performance->request->errand != NULL) {
    note_failure(all, performance);
    return;
  }
  buf_clear(&reply->body);
  report_log(all->config.vm->logger, performance->actor, turn, turn->method);
  report_tell(all->config.vm->dev, turn, reply);
  look_beside(all, performance);
  if (rig_try_answer(&all->rig, performance->actor, turn, reply)) return;
  reply_keep(reply);               /* no memory even for a commit: it has read nothing, or everything it read is saved */
}

static int64_t now_ns(const struct performances *all) {
  return clock_monotonic_ns(all->config.vm->clock);
}

/* The actor is busy until what it waits for is due. */
static void wait_for(struct performances *all, struct performance *performance, enum wait_what what) {
  struct actor *actor = performance->actor;
  bool holds = drafts_hold(performance->turn.view.drafts);
  CHECK(!performance->wait.is_in_line);
  /* What its actor has seen, and not the worker's last commit: that may fail without this turn. */
  performance->wait = (struct wait){
    .what = what, .seen = actor->seen, .held_batch = holds ? performance->batch : UINT64_MAX, .since_ns = now_ns(all),
  };
  performance->commit = rig_let_wait(&all->rig, &performance->turn, what == WAIT_SAVE);
  if (actor->waiting == NULL) actors_set_waiting(all->config.actors, actor, performance);
  waits_put(&all->waits, &performance->wait);
  trace_text(all->config.vm->logger, performance->turn.call_id, "turn waits", "for", waits_name(what));
}

/* Its actor is busy no longer. What has ended meanwhile has its turn now. */
static void stop_waiting(struct performances *all, struct actor *actor) {
  struct queue_item *partings = actor->partings;
  actor->partings = NULL;
  actors_set_waiting(all->config.actors, actor, NULL);
  if (partings != NULL) all->config.part(all->config.context, partings);
}

/* -- a turn asks another actor -- */

/* When the wall time of a call is over, that of its callers included. */
static int64_t wall_end_ns(const struct performances *all, const struct vm_usage *usage) {
  int64_t end_ns = usage->wall_begin_ns + (int64_t)all->config.vm->limits->call_wall_ms * 1000000;
  return usage->deadline_ns != 0 && usage->deadline_ns < end_ns ? usage->deadline_ns : end_ns;
}

/* The callee ends its call at the deadline and says so. Only if it is stuck, no word comes. */
static void pass_deadline(void *context, struct deadline *deadline) {
  struct performances *all = context;
  struct performance *performance =
      (struct performance *)(void *)((uint8_t *)deadline - offsetof(struct performance, deadline));
  if (!performance->is_overdue) {
    performance->is_overdue = true;
    deadlines_set(all->config.deadlines, deadline, now_ns(all) + GRACE_NS);
    return;
  }
  struct buf callee = { 0 };
  ask_print_callee(performance->ask, &callee);
  failure_set(&performance->turn.outgoing->failure, ERR_TIMEOUT,
              "no word came from %.*s: it is not known whether that call happens", (int)callee.size, (const char *)callee.data);
  buf_done(&callee);
  drop_ask(all, performance);
  waits_move(&all->waits, &performance->wait, WAIT_ANSWERED);
}

/* Whether the turn may ask at all. */
static bool may_ask(const struct performances *all, const struct performance *performance, struct failure *failure) {
  const struct limits *limits = all->config.vm->limits;
  size_t waiting = waits_count(&all->waits, WAIT_ANSWER) + waits_count(&all->waits, WAIT_ANSWERED);
  if (performance->request->depth + 2 > limits->call_depth) {
    failure_set(failure, ERR_TOO_DEEP, "a chain of calls has at most %llu actors " LIMIT_NAME(CALL_DEPTH),
                (unsigned long long)limits->call_depth);
    return false;
  }
  if (waiting > limits->waiting_turns) {
    failure_set(failure, ERR_OVERLOADED, "%llu calls of this worker's actors wait for others already "
                LIMIT_NAME(WAITING_TURNS), (unsigned long long)limits->waiting_turns);
    return false;
  }
  return true;
}

/* Sends what a turn asks, and lets it wait for the answer. */
static void ask(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct outgoing *outgoing = turn->outgoing;
  struct request *request;
  wait_for(all, performance, WAIT_ANSWER);
  if (!may_ask(all, performance, &outgoing->failure)) {
    waits_move(&all->waits, &performance->wait, WAIT_ANSWERED);
    return;
  }
  uint64_t id = atomic_fetch_add(all->config.next_call_id, 1);
  if (!ask_try_make(&all->home, performance->actor, outgoing, id, &performance->ask, &request)) {
    failure_set(&outgoing->failure, ERR_MEMORY, "no memory for a call");
    waits_move(&all->waits, &performance->wait, WAIT_ANSWERED);
    return;
  }
  performance->ask->caller = performance;
  request->since_ns = performance->wait.since_ns;
  request->seen = performance->actor->seen;
  request->epoch = turn->epoch;
  request->depth = performance->request->depth + 1;
  request->deadline_ns = wall_end_ns(all, &turn->usage);
  int64_t own_ns = outgoing->timeout_ms == 0 ? INT64_MAX : request->since_ns + outgoing->timeout_ms * 1000000;
  if (own_ns < request->deadline_ns) request->deadline_ns = own_ns;
  performance->is_overdue = false;
  performance->deadline = (struct deadline){ .pass = pass_deadline, .context = all };
  deadlines_set(all->config.deadlines, &performance->deadline, request->deadline_ns);
  trace_number(all->config.vm->logger, turn->call_id, "turn asks", "call", id);
  all->config.send(all->config.context, performance->ask->worker, &request);
}

/* -- an actor leaves memory -- */

/* on_stop, in a turn of its own, if the actor is there: its reply is `reply`, unless that is NULL. False: it was not
 * there, or failed; then the reply is not kept. */
static bool stop(struct performances *all, struct actor *actor, struct reply *reply) {
  struct turn turn = {
    .call_id = reply != NULL ? reply->call_id : atomic_fetch_add(all->config.next_call_id, 1),
    .task = TURN_STOP, .caller = CALLER_NONE, .format = FORMAT_VALUE,
  };
  bool stopped = false;
  if (actor->instance != NULL && instance_is_loaded(actor->instance)) {
    stopped = rig_begin(&all->rig, actor, &turn, false, reply) == TURN_DONE;
    if (!stopped) report_log(all->config.vm->logger, actor, &turn, slice_text("on_stop"));
  }
  rig_end(&all->rig, &turn);
  turn_done(&turn);
  return stopped;
}

void performances_put_to_sleep(struct performances *all, struct actor *actor, struct reply *reply) {
  if (!stop(all, actor, reply) && reply != NULL) reply_keep(reply);
  actors_remove(all->config.actors, actor);
}

bool performances_must_retire(const struct performances *all, const struct actor *actor) {
  return actor->instance != NULL && instance_vm(actor->instance) != all->rig.vm;
}

/* Before a turn of an actor whose VM retires: it leaves that VM, so that the turn begins in the present one. */
static void move(struct performances *all, struct actor *actor) {
  stop(all, actor, NULL);
  actor_drop(actor);
}

/* After a turn, or a request that did not become one. An actor that was asked for but does not exist leaves no trace; one
 * whose VM retires leaves memory with its last turn there. */
static void let_go(struct performances *all, struct actor *actor) {
  actors_touch(all->config.actors, actor, now_ns(all));
  if (actor->mailbox.count > 0) return;
  if (performances_must_retire(all, actor)) {
    performances_put_to_sleep(all, actor, NULL);
  } else if (actor->instance == NULL) {
    actors_remove(all->config.actors, actor);
  }
}

/* -- a request's turn -- */

/* After a stay in Lua: waits, or answers and lets the actor take its next call. */
static void after_turn(struct performances *all, struct performance *performance, enum turn_status status) {
  struct actor *actor = performance->actor;
  switch (status) {
    case TURN_SAVING: wait_for(all, performance, WAIT_SAVE); return;
    case TURN_PAUSED: wait_for(all, performance, WAIT_OTHERS); return;
    case TURN_ASKS: ask(all, performance); return;
    case TURN_FAILED: answer_failure(all, performance); break;
    case TURN_DONE: break;
  }
  bool destroyed = status == TURN_DONE && performance->turn.task == TURN_DESTROY;
  if (destroyed) report_destroyed(all->config.vm->logger, actor, &performance->turn);
  if (actor->waiting != NULL) stop_waiting(all, actor);
  end(all, performance);
  let_go(all, actor);
}

/* The connection that opens with this request, or through which it came. */
static void attach(struct performances *all, struct performance *performance) {
  const struct request *request = performance->request;
  struct seat *seat = NULL;
  if (request->type == REQUEST_CONNECT) seat = connections_try_open(all->config.connections, request);
  if (request->connection_id != 0) seat = connections_find(all->config.connections, request->connection_id);
  if (seat != NULL) performance->turn.connection = &seat->connection;
}

static void perform(struct performances *all, struct actor *actor, struct request *request) {
  struct performance *performance = mem_try_zero(sizeof *performance);
  if (performance == NULL) {
    struct errand *errand = request->errand;
    reply_fail(request->reply, ERR_MEMORY, "no memory for a call");
    request_free(request);
    if (errand != NULL) errand->kind->end(errand, actor);
    let_go(all, actor);
    return;
  }
  if (performances_must_retire(all, actor)) move(all, actor);
  performance->actor = actor;
  performance->request = request;
  performance->batch = records_durable_batch(all->config.records);
  assignment_give(request, &performance->turn);
  attach(all, performance);
  bool create = request->create && (request->type == REQUEST_CALL || request->type == REQUEST_CONNECT);
  after_turn(all, performance, rig_begin(&all->rig, actor, &performance->turn, create, request->reply));
}

/* Nobody waits for this call, so it does not begin. A client that closed only its own side of the connection hears why. */
static void drop(struct performances *all, struct actor *actor, struct request *request) {
  reply_fail(request->reply, ERR_OVERLOADED,
             "the client ended its side of the connection before the call began: it did not run");
  request_free(request);
  let_go(all, actor);
}

/* Whether a call came through a connection that has ended since. Then it does not begin, and is answered behind that end. */
static bool refuse_parted(struct performances *all, struct actor *actor, struct request *request) {
  if (request->connection_id == 0) return false;
  const struct seat *seat = connections_find(all->config.connections, request->connection_id);
  if (seat != NULL && seat_is_open(seat)) return false;
  uint64_t seen = seat == NULL ? 0 : seat->hall->ended > seat->closing ? seat->hall->ended : seat->closing;
  struct reply *reply = request->reply;
  failure_set(&reply->failure, ERR_OVERLOADED, "the connection ended before the call began: it did not run");
  request_free(request);
  performances_tell(all, reply, seen);
  let_go(all, actor);
  return true;
}

/* What an operator wants to become of something that this actor was given up on. */
static void settle(struct performances *all, struct actor *actor, struct request *request) {
  struct reply *reply = request->reply;
  bool settled = failed_settle(&all->rig, actor, request, &reply->failure) == ERR_NONE;
  bool is_revived = settled && request->type == REQUEST_RETRY && request->failed.kind == FAILED_MESSAGE;
  if (is_revived) all->config.revive(all->config.context, actor, request->failed.place);
  if (settled && reply->format == FORMAT_JSON) buf_put_text(&reply->body, "null");
  request_free(request);
  performances_tell(all, reply, actor->seen);
  let_go(all, actor);
}

/* The request of an actor: takes over what that has seen. False, and it is answered, if that has failed or its time is over. */
static bool take_over(struct performances *all, struct actor *actor, struct request *request) {
  if (gate_judge(&all->rig.gate, &request->seen, request->epoch) != GATE_HOLDS) {
    reply_fail(request->reply, ERR_STORAGE, "what the caller had seen could not be made durable: the call did not begin");
  } else if (now_ns(all) >= request->deadline_ns) {
    reply_fail(request->reply, ERR_TIMEOUT, "the time of its caller was over: the call had not begun, and will not");
  } else {
    actor_see(actor, request->seen);
    return true;
  }
  request_free(request);
  let_go(all, actor);
  return false;
}

void performances_begin(struct performances *all, struct actor *actor, struct request **request) {
  struct request *performed = *request;
  *request = NULL;
  deadlines_clear(all->config.deadlines, &performed->deadline);
  bool is_asked = performed->reply->early && performed->errand == NULL;
  if (is_asked && !atomic_load(&performed->reply->is_unwanted) && !take_over(all, actor, performed)) return;
  if (atomic_load(&performed->reply->is_unwanted)) {
    drop(all, actor, performed);
  } else if (performed->type == REQUEST_SLEEP && actor->mailbox.count == 0) {
    performances_put_to_sleep(all, actor, performed->reply);
    request_free(performed);
  } else if (performed->type == REQUEST_RETRY || performed->type == REQUEST_DROP) {
    settle(all, actor, performed);
  } else if (refuse_parted(all, actor, performed)) {
    return;
  } else if (performed->type == REQUEST_SLEEP) {
    reply_fail(performed->reply, ERR_OVERLOADED, "calls wait for this actor: it cannot sleep");
    request_free(performed);
  } else {
    perform(all, actor, performed);
  }
}

/* -- a turn goes on, or cannot -- */

/* Something that the turn saved or saw has failed with its epoch. */
static void fail_waiting(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct reply *reply = performance->request->reply;
  stay_abandon(turn);
  failure_set(&turn->failure, ERR_STORAGE, "what the call had saved or seen could not be made durable");
  stop_waiting(all, performance->actor);
  actor_drop(performance->actor);
  if (performance->request->errand != NULL) {
    note_failure(all, performance);
    end(all, performance);
    return;
  }
  report_log(all->config.vm->logger, performance->actor, turn, turn->method);
  report_tell(all->config.vm->dev, turn, reply);
  performance_free(all, performance);
  reply_keep(reply);
}

void performances_fail_lost(struct performances *all) {
  struct wait_list lost;
  struct wait *wait;
  waits_take_lost(&all->waits, records_verdict(all->config.records), &lost);
  /* One may have asked another, and its answer must not find it: it stands in no line any more. */
  TAILQ_FOREACH(wait, &lost, link) drop_ask(all, performance_of(wait));
  while ((wait = TAILQ_FIRST(&lost)) != NULL) {
    TAILQ_REMOVE(&lost, wait, link);
    fail_waiting(all, performance_of(wait));
  }
}

/* An answer is given to the turn that asked, which takes over what it stands on. False if it is unknown whether that holds. */
static bool take_answer(struct performances *all, struct performance *performance) {
  struct outgoing *outgoing = performance->turn.outgoing;
  struct actor *actor = performance->actor;
  if (performance->ask == NULL) return true;                /* it never left, or no word came */
  struct reply *reply = &performance->ask->reply;
  enum gate_word word = gate_judge(&all->rig.gate, &reply->seen, reply->epoch);
  if (word == GATE_FAILED) {
    failure_set(&outgoing->failure, ERR_STORAGE, "the call could not be made durable; nothing of it happened");
  } else if (word == GATE_HOLDS) {
    actor_see(actor, reply->seen);
    buf_move(&outgoing->result, &reply->body);
    failure_move(&outgoing->failure, &reply->failure);
  }
  drop_ask(all, performance);
  return word != GATE_UNKNOWN;
}

/* Why a turn ends whose time was over while it waited for an answer. What came of that call is part of it. */
static void set_late(const struct performances *all, const struct turn *turn, struct failure *failure) {
  const struct failure *heard = &turn->outgoing->failure;
  bool late = heard->err == ERR_TIMEOUT;
  char why[128] = "the time of its caller was over";
  if (turn->usage.deadline_ns == 0) {
    snprintf(why, sizeof why, "the call took more than %llu ms in all " LIMIT_NAME(CALL_WALL_MS),
             (unsigned long long)all->config.vm->limits->call_wall_ms);
  }
  if (late) outgoing_name_failure(turn->outgoing);
  failure_set(failure, ERR_TIMEOUT, "%s, while it waited for another actor%s%.*s", why, late ? ": " : "",
              late ? (int)heard->message.size : 0, (const char *)heard->message.data);
}

static void resume(struct performances *all, struct performance *performance) {
  struct turn *turn = &performance->turn;
  struct actor *actor = performance->actor;
  struct failure failure = { 0 };
  bool late = performance->wait.what == WAIT_ANSWERED && now_ns(all) >= wall_end_ns(all, &turn->usage);
  if (!drafts_hold(turn->view.drafts)) performance->batch = records_durable_batch(all->config.records);
  if (late) set_late(all, turn, &failure);
  enum turn_status status = late ? rig_cancel(&all->rig, actor, turn, &performance->commit, &failure)
                                 : rig_go_on(&all->rig, actor, turn, &performance->commit, performance->request->reply);
  failure_done(&failure);
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
  if (what == WAIT_ANSWERED && !take_answer(all, performance)) {
    fail_waiting(all, performance);
  } else {
    resume(all, performance);
  }
  return true;
}

bool performances_are_due(struct performances *all) {
  if (waits_want_durable(&all->waits)) records_wake_when_durable(all->config.records);
  return waits_are_due(&all->waits, records_durable(all->config.records));
}

void performances_answer(struct performances *all, struct ask *ask) {
  ask->is_answered = true;
  if (ask->caller == NULL) {
    ask_free(ask);
  } else {
    deadlines_clear(all->config.deadlines, &ask->caller->deadline);
    waits_move(&all->waits, &ask->caller->wait, WAIT_ANSWERED);
  }
}

/* -- what others may know, and say -- */

void performances_tell(struct performances *all, struct reply *reply, uint64_t seen) {
  const struct turn turn = { .call_id = reply->call_id, .epoch = records_epoch(all->config.records) };
  if (gate_try_prepare(&all->rig.gate)) {
    const struct gate_load load = { .reply = reply };
    gate_pass(&all->rig.gate, &turn, &load, seen);
  } else {
    reply_fail(reply, ERR_MEMORY, "no memory for an answer; what was asked for may have happened");
  }
}

bool performances_hold(const struct performances *all, uint64_t *seen, uint64_t epoch) {
  return gate_judge(&all->rig.gate, seen, epoch) == GATE_HOLDS;
}

const struct ask *performance_ask(const struct performance *performance) {
  const struct ask *asked = performance->ask;
  return asked == NULL || asked->is_answered ? NULL : asked;
}

const struct request *performance_request(const struct performance *performance) {
  return performance->request;
}

void performances_each(const struct performances *all,
                       void (*visit)(const struct performance *performance, const struct actor *actor,
                                     const struct wait *wait, void *context), void *context) {
  struct wait *wait;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    TAILQ_FOREACH(wait, &all->waits.lines[what], link) {
      const struct performance *performance = performance_of(wait);
      visit(performance, performance->actor, wait, context);
    }
  }
}

void performances_ring(struct performances *all, bool in_any_case) {
  gate_ring(&all->rig.gate, in_any_case);
}

bool performances_owe(const struct performances *all) {
  return all->rig.gate.owes;
}

bool performances_are_unrung(const struct performances *all) {
  return all->rig.gate.unrung;
}

bool performances_are_waiting(const struct performances *all) {
  return !waits_is_empty(&all->waits);
}

uint64_t performances_hold_back(const struct performances *all, uint64_t batch) {
  return waits_hold_back(&all->waits, batch);
}

void performances_free(struct performances *all) {
  if (all == NULL) return;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    struct wait *wait;
    while ((wait = waits_take(&all->waits, (enum wait_what)what)) != NULL) {
      struct performance *performance = performance_of(wait);
      reply_abandon(performance->request->reply);
      performance_free(all, performance);
    }
  }
  rig_done(&all->rig);
  mem_free(all);
}
