/* farewells.c -- see farewells.h. */
#include "stage/farewells.h"

#include <bsd/sys/queue.h>

#include "base/mem.h"
#include "base/retry.h"
#include "script/script.h"
#include "stage/errand.h"
#include "stage/router.h"

static const char hook[] = "on_disconnect";

/* An on_disconnect. */
struct farewell {
  struct errand errand;
  struct farewells *all;
  struct seat *seat;
};

static struct farewell *farewell_of(struct errand *errand) {
  return (struct farewell *)(void *)((uint8_t *)errand - offsetof(struct farewell, errand));
}

static struct actor *find_actor(const struct farewells *farewells, const struct seat *seat) {
  return actors_find(farewells->config.actors, seat_address(seat));
}

/* -- what becomes of a seat -- */

static void let_due(struct farewells *farewells, struct seat *seat) {
  seat->state = SEAT_LEAVING;
  TAILQ_INSERT_TAIL(&farewells->due, &seat->connection, link);
}

/* A commit of this ticket has done it, or one that was durable or is not known any more (0). */
static void let_be_made(struct farewells *farewells, struct seat *seat, uint64_t ticket) {
  seat->state = SEAT_LEFT;
  seat->ticket = ticket;
  if (ticket <= records_durable(farewells->config.rig->records)) {
    connections_drop(farewells->config.connections, seat);
  } else {
    TAILQ_INSERT_TAIL(&farewells->made, &seat->connection, link);
  }
}

static void pass_rest(void *context, struct deadline *deadline) {
  struct farewells *farewells = context;
  (void)deadline;
  TAILQ_CONCAT(&farewells->due, &farewells->resting, link);
}

static void let_rest(struct farewells *farewells, struct seat *seat) {
  TAILQ_INSERT_TAIL(&farewells->resting, &seat->connection, link);
  if (farewells->again.is_set) return;
  farewells->again.pass = pass_rest;
  farewells->again.context = farewells;
  deadlines_set(farewells->config.deadlines, &farewells->again,
                clock_monotonic_ns(farewells->config.vm->clock) + (int64_t)FAREWELLS_PAUSE_MS * 1000000);
}

/* -- on_disconnect -- */

static bool try_draft_removal(const struct seat *seat, struct drafts *drafts) {
  struct buf key = { 0 };
  if (!seat->connection.has_state) return true;
  connection_put_record_key(&key, seat->hall->actor_id, seat->connection.id);
  bool drafted = key.err == ERR_NONE && drafts_try_delete(drafts, buf_slice(&key));
  buf_done(&key);
  return drafted;
}

/* Its actor may have been destroyed meanwhile, and another be at its address. */
static enum err farewell_begin(struct errand *errand, struct actor *actor, struct turn *turn) {
  struct seat *seat = farewell_of(errand)->seat;
  if (actor->id != seat->hall->actor_id) return failure_set(&turn->failure, ERR_NOT_FOUND, "its actor has gone before");
  turn->task = TURN_DISCONNECT;
  turn->method = slice_text(hook);
  turn->connection = &seat->connection;
  return ERR_NONE;
}

/* Whatever the turn has drafted of it. There is no save before: hooks cannot. */
static bool farewell_try_draft(struct errand *errand, const struct actor *actor, const struct turn *turn) {
  (void)actor;
  return try_draft_removal(farewell_of(errand)->seat, turn->view.drafts);
}

static void farewell_free(struct errand *errand) {
  struct farewell *farewell = farewell_of(errand);
  farewell->all->out--;
  reply_done(&errand->reply);
  mem_free(farewell);
}

/* The host stops, or ends. */
static void farewell_drop(struct errand *errand) {
  struct farewell *farewell = farewell_of(errand);
  let_due(farewell->all, farewell->seat);
  farewell_free(errand);
}

/* Whether what failed may go well later. A script may itself be what takes the memory. */
static bool is_passing(struct seat *seat, enum err err) {
  return err == ERR_STORAGE || (err == ERR_MEMORY && ++seat->tries < RETRY_TRIES);
}

static void farewell_end(struct errand *errand, struct actor *actor) {
  struct farewells *farewells = farewell_of(errand)->all;
  struct seat *seat = farewell_of(errand)->seat;
  enum err err = errand->reply.failure.err;
  farewell_free(errand);
  if (err == ERR_NONE) {
    let_be_made(farewells, seat, actor->seen);
  } else if (err == ERR_NOT_FOUND || err == ERR_ACTOR_NOT_FOUND) {
    let_be_made(farewells, seat, seat->hall->ended);
  } else if (is_passing(seat, err)) {
    let_rest(farewells, seat);
  } else {
    seat->has_heard = true;
    let_due(farewells, seat);
  }
}

static const struct errand_kind farewell_kind = {
  .caller = CALLER_NONE, .begin = farewell_begin, .try_save = farewell_try_draft, .try_finish = farewell_try_draft,
  .end = farewell_end, .free = farewell_drop,
};

static bool try_put_errand(struct farewells *farewells, struct seat *seat) {
  const struct farewells_config *config = &farewells->config;
  struct slice class_name, key;
  router_read_address(seat_address(seat), &class_name, &key);
  struct actor *actor = actors_try_get(config->actors, class_name, key);
  struct farewell *farewell = actor == NULL ? NULL : mem_try_zero(sizeof *farewell);
  if (farewell == NULL) return false;
  farewell->all = farewells;
  farewell->seat = seat;
  farewells->out++;
  uint64_t call_id = atomic_fetch_add(config->next_call_id, 1);
  struct request *request = errand_try_request(&farewell->errand, &farewell_kind, call_id, actor);
  if (request != NULL) buf_put_text(&request->method, hook);
  if (request == NULL || request->method.err != ERR_NONE) {
    request_free(request);
    farewell_free(&farewell->errand);
    return false;
  }
  request->create = false;
  errand_put(config->actors, actor, request, clock_monotonic_ns(config->vm->clock));
  return true;
}

/* -- the record alone -- */

/* By a commit of the host's own. Its ticket; 0: not now. */
static uint64_t remove_record(struct farewells *farewells, const struct seat *seat) {
  struct rig *rig = farewells->config.rig;
  const struct actor *actor = find_actor(farewells, seat);
  struct drafts *drafts = actor != NULL && actor->waiting != NULL ? NULL : rig_begin_own(rig);
  if (drafts == NULL) return 0;
  if (try_draft_removal(seat, drafts)) return rig_commit_own(rig, NULL);
  rig_drop_own(rig);
  return 0;
}

/* -- what is due -- */

static void begin(struct farewells *farewells, struct seat *seat) {
  struct slice class_name, key;
  router_read_address(seat_address(seat), &class_name, &key);
  if (seat->hall->ended != 0) {
    let_be_made(farewells, seat, seat->hall->ended);
    return;
  }
  enum err err = seat->has_heard ? ERR_NOT_FOUND : script_find_hook(farewells->config.rig->vm, class_name, hook);
  uint64_t ticket = 0;
  if (err == ERR_NONE && try_put_errand(farewells, seat)) return;
  if (err == ERR_NOT_FOUND && seat->connection.has_state) ticket = remove_record(farewells, seat);
  if (ticket != 0 || (err == ERR_NOT_FOUND && !seat->connection.has_state)) {
    let_be_made(farewells, seat, ticket);
  } else {
    let_rest(farewells, seat);
  }
}

/* Frees those whose last commit is durable. */
static bool settle(struct farewells *farewells) {
  struct connection *connection = TAILQ_FIRST(&farewells->made);
  if (connection == NULL) return false;
  uint64_t durable = records_durable(farewells->config.rig->records);
  bool any = false;
  while ((connection = TAILQ_FIRST(&farewells->made)) != NULL && seat_of(connection)->ticket <= durable) {
    TAILQ_REMOVE(&farewells->made, connection, link);
    connections_drop(farewells->config.connections, seat_of(connection));
    any = true;
  }
  return any;
}

/* Its connection leaves, unless a turn of its actor waits, for which the audience stays as it is. Takes the letter over. */
static void part(struct farewells *farewells, struct parting *parting) {
  struct seat *seat = connections_find(farewells->config.connections, parting->connection_id);
  struct actor *actor = seat == NULL ? NULL : find_actor(farewells, seat);
  if (actor != NULL && actor->waiting != NULL) {
    parting->letter.item.next = actor->partings;
    actor->partings = &parting->letter.item;
    return;
  }
  parting_free(parting);
  if (seat == NULL) return;
  connections_leave(seat);
  let_due(farewells, seat);
}

static struct parting *take(struct farewells *farewells) {
  struct queue_item *item = farewells->come;
  if (item == NULL) return NULL;
  farewells->come = item->next;
  if (farewells->come == NULL) farewells->come_end = &farewells->come;
  return parting_of(letter_of(item));
}

bool farewells_step(struct farewells *farewells, bool stopping) {
  struct parting *parting;
  bool worked = settle(farewells);
  while ((parting = take(farewells)) != NULL) {
    worked = true;
    if (stopping) {
      parting_free(parting);
    } else {
      part(farewells, parting);
    }
  }
  if (stopping) return worked;
  for (int begun = 0; begun < FAREWELLS_OUT_MAX && farewells->out < FAREWELLS_OUT_MAX; begun++) {
    struct connection *connection = TAILQ_FIRST(&farewells->due);
    if (connection == NULL) break;
    TAILQ_REMOVE(&farewells->due, connection, link);
    begin(farewells, seat_of(connection));
    worked = true;
  }
  return worked;
}

void farewells_hear_lost(struct farewells *farewells) {
  uint64_t verdict = records_verdict(farewells->config.rig->records);
  struct connection *connection, *next;
  connections_hear_lost(farewells->config.connections, verdict);
  TAILQ_FOREACH_SAFE(connection, &farewells->made, link, next) {
    if (seat_of(connection)->ticket <= verdict) continue;
    TAILQ_REMOVE(&farewells->made, connection, link);
    let_due(farewells, seat_of(connection));
  }
}

/* -- letters -- */

void farewells_take(struct farewells *farewells, struct parting *parting) {
  struct queue_item *item = &parting->letter.item;
  item->next = NULL;
  *farewells->come_end = item;
  farewells->come_end = &item->next;
}

void farewells_take_aside(struct farewells *farewells, struct queue_item *partings) {
  struct queue_item *in_order = NULL, *next;
  for (struct queue_item *item = partings; item != NULL; item = next) {
    next = item->next;
    item->next = in_order;
    in_order = item;
  }
  for (struct queue_item *item = in_order; item != NULL; item = next) {
    next = item->next;
    farewells_take(farewells, parting_of(letter_of(item)));
  }
}

/* -- life -- */

void farewells_init(struct farewells *farewells, const struct farewells_config *config) {
  *farewells = (struct farewells){ .config = *config };
  farewells->come_end = &farewells->come;
  TAILQ_INIT(&farewells->due);
  TAILQ_INIT(&farewells->resting);
  TAILQ_INIT(&farewells->made);
}

void farewells_done(struct farewells *farewells) {
  struct parting *parting;
  deadlines_clear(farewells->config.deadlines, &farewells->again);
  while ((parting = take(farewells)) != NULL) parting_free(parting);
}
