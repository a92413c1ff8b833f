/* worker.c -- see worker.h: the step, and what it holds together. */
#include "stage/worker.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/trace.h"
#include "script/script.h"
#include "stage/actor.h"
#include "stage/performance.h"
#include "stage/reload.h"

enum {
  TURNS_A_RING = 16,              /* how many turns go to the committer and the doors together */
  TURNS_A_STEP = 256,             /* then the step ends, so that calls that came meanwhile get their place in line; */
  STEP_NS = 5000000,              /* if turns are long, it ends after this time: then each kind of work that is left does
                                   * one piece */
  SLEEPERS_A_STEP = 64,
  LEAVE_A_STEP = 2 * TURNS_A_STEP
};

struct worker {
  struct worker_config config;
  struct queue *inbox;
  struct vm *vm;
  struct records *records;
  struct actors *actors;
  struct performances *performances;
  bool connected;                      /* to the committer */
  size_t leaving;                      /* how many actors must still leave before their time, because memory is short */
  bool collects;                       /* they have left, and their garbage goes bit by bit */
  int64_t step_end_ns;                 /* when the step has lasted long enough, by clock_work_ns() */
  bool stopping, stopped;
  uint64_t files;                      /* --dev: the files that the classes were read from (reload.h) */
  _Atomic bool told_stop;
};

/* -- life -- */

void worker_ring_others(struct worker *worker) {
  records_ring(worker->records);
  if (worker->config.delivered != NULL) worker->config.delivered(worker->config.delivered_context);
}

/* While Lua runs for long: what earlier turns have ready need not wait for it. */
static void tick(void *context) {
  struct worker *worker = context;
  if (worker->connected) worker_ring_others(worker);
}

static enum err open_records(struct worker *worker, struct failure *failure) {
  const struct worker_config *config = &worker->config;
  struct records_config records = {
    .store = config->store, .recovered = config->recovered, .reserve = config->reserve,
    .checkpoint_bytes = config->checkpoint_bytes, .bell = worker->inbox,
  };
  return records_open(&records, &worker->records, failure);
}

enum err worker_open(const struct worker_config *config, struct worker **worker, struct failure *failure) {
  struct worker *made = mem_zero(sizeof *made);
  made->config = *config;
  if (config->vm.dev) made->files = reload_signature(config->vm.actors_path);
  made->inbox = queue_new();
  made->actors = actors_new();
  made->config.vm.tick = tick;
  made->config.vm.tick_context = made;
  enum err err = script_open(&made->config.vm, &made->vm, failure);
  if (err == ERR_NONE) err = open_records(made, failure);
  if (err != ERR_NONE) {
    worker_close(made);
    return err;
  }
  struct performances_config performances = {
    .vm = &made->config.vm, .records = made->records, .actors = made->actors, .next_actor_id = config->next_actor_id,
    .next_call_id = config->next_call_id,
  };
  made->performances = performances_new(&performances);
  performances_set_vm(made->performances, made->vm);
  *worker = made;
  return ERR_NONE;
}

void worker_close(struct worker *worker) {
  if (worker == NULL) return;
  for (struct queue_item *item = queue_take(worker->inbox), *next; item != NULL; item = next) {
    next = item->next;
    request_free(request_of(item));
  }
  performances_free(worker->performances);
  actors_free(worker->actors);
  records_close(worker->records);
  vm_close(worker->vm);
  queue_free(worker->inbox);
  mem_free(worker);
}

void worker_connect(struct worker *worker, struct committer *committer, struct checkpointer *checkpointer) {
  records_connect(worker->records, committer, checkpointer);
  worker->connected = true;
}

struct commit_source *worker_commit_source(struct worker *worker) {
  return records_commit_source(worker->records);
}

struct checkpoint_source *worker_checkpoint_source(struct worker *worker) {
  return records_checkpoint_source(worker->records);
}

struct vm *worker_vm(const struct worker *worker) {
  return worker->vm;
}

void worker_put(struct worker *worker, struct request **request) {
  struct request *put = *request;
  *request = NULL;
  queue_post(worker->inbox, &put->item);
}

void worker_ring(struct worker *worker) {
  queue_ring(worker->inbox);
}

void worker_stop(struct worker *worker) {
  atomic_store(&worker->told_stop, true);
  queue_wake(worker->inbox);
}

bool worker_is_done(struct worker *worker) {
  return worker->stopped;
}

/* -- the step -- */

static void drop_undurable(struct actor *actor, void *context) {
  struct worker *worker = context;
  if (actor->last_seq <= records_durable(worker->records)) return;
  actor_drop(actor);
  actor->last_seq = 0;
  if (actor->mailbox.count == 0 && !actor->busy) actors_remove(worker->actors, actor);
}

/* Takes in what the committer told: what is durable and, if an epoch ended, what has failed. */
static void hear(struct worker *worker) {
  if (!records_hear(worker->records)) return;
  performances_fail_lost(worker->performances);
  actors_each(worker->actors, drop_undurable, worker);
}

/* Takes in what the checkpointer told. Returns whether that was anything. */
static bool hear_checkpointer(struct worker *worker) {
  bool thawed = records_thaw(worker->records);
  if (!records_must_freeze(worker->records)) return thawed;
  uint64_t batch = performances_hold_back(worker->performances, records_durable_batch(worker->records));
  hear(worker);                                              /* now all of it is active */
  records_freeze(worker->records, batch);
  return true;
}

static void refuse(struct request *request, enum err err, const char *why) {
  reply_fail(request->reply, err, "%s", why);
  request_free(request);
}

/* Puts a request into its actor's mailbox. */
static void deal(struct worker *worker, struct request *request) {
  size_t waiting_max = (size_t)worker->config.vm.limits->waiting_calls;
  trace_number(worker->config.vm.logger, request->reply->call_id, "call dealt", "worker", worker->config.vm.worker);
  struct actor *actor = actors_try_get(worker->actors, buf_slice(&request->class_name), buf_slice(&request->key));
  if (actor == NULL) {
    refuse(request, ERR_MEMORY, "no memory for another actor");
  } else if (!actors_try_mail(worker->actors, actor, &request, waiting_max)) {
    reply_fail(request->reply, ERR_OVERLOADED,
               "%zu calls wait for this actor already " LIMIT_NAME(WAITING_CALLS), waiting_max);
    request_free(request);
  }
}

static bool deal_all(struct worker *worker) {
  struct queue_item *item = queue_take(worker->inbox);
  bool worked = item != NULL;
  while (item != NULL) {
    struct request *request = request_of(item);
    item = item->next;
    if (worker->stopping) {
      refuse(request, ERR_OVERLOADED, "the host is stopping");
    } else {
      deal(worker, request);
    }
  }
  return worked;
}

/* Whether the disk is too far behind. */
static bool must_wait_for_disk(struct worker *worker) {
  if (records_wait_for_store(worker->records)) return true;
  if (!records_wait_for_log(worker->records)) return false;
  hear(worker);
  return records_wait_for_log(worker->records);
}

static bool is_due(const struct worker *worker) {
  return clock_work_ns(worker->config.vm.clock) >= worker->step_end_ns;
}

static bool run_turns(struct worker *worker) {
  bool worked = false;
  for (int i = 0; i < TURNS_A_STEP; i++) {
    struct request *request;
    if (must_wait_for_disk(worker)) break;
    struct actor *actor = actors_take(worker->actors, &request);
    if (actor == NULL) break;
    performances_begin(worker->performances, actor, &request);
    worked = true;
    if (i % TURNS_A_RING == TURNS_A_RING - 1) worker_ring_others(worker);
    if (records_epoch_ended(worker->records)) hear(worker);
    if (is_due(worker)) break;
  }
  return worked;
}

/* Of each kind of waiting turns, those that are due go on once: as many as the step has time for, but at least one. */
static bool run_waiting(struct worker *worker, bool first) {
  bool worked = false;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    if (waits_go_first((enum wait_what)what) != first) continue;
    size_t count = performances_line_up(worker->performances, (enum wait_what)what);
    if (count > 0) worked = true;
    for (; count > 0 && performances_resume(worker->performances, (enum wait_what)what); count--) {
      if (records_epoch_ended(worker->records)) hear(worker);
      if (is_due(worker)) break;
    }
  }
  return worked;
}

static int64_t now_ns(const struct worker *worker) {
  return clock_monotonic_ns(worker->config.vm.clock);
}

/* When the VM is nearly full, a quarter of the actors leave before their time, those idle longest first; then their garbage
 * is collected. Both take many steps, so that nobody waits for long, and go faster than newcomers can come. */
static void relieve(struct worker *worker) {
  bool tight = vm_bytes(worker->vm) > worker->config.vm.limits->vm_bytes / 4 * 3;
  if (worker->leaving == 0 && !worker->collects && tight) worker->leaving = actors_count(worker->actors) / 4 + 1;
}

static bool collect(struct worker *worker) {
  if (!worker->collects || worker->leaving > 0) return false;
  worker->collects = !vm_collect_some(worker->vm);
  return true;
}

/* A shortage of memory never makes the last actor leave: that one stays until its time has come. */
static bool put_idle_to_sleep(struct worker *worker) {
  relieve(worker);
  int64_t idle_ns = (int64_t)worker->config.vm.limits->idle_ms * 1000000;
  size_t most = worker->leaving > 0 ? LEAVE_A_STEP : SLEEPERS_A_STEP, slept = 0;
  for (; slept < most; slept++) {
    struct actor *actor = actors_idlest(worker->actors);
    bool sooner = worker->stopping || (worker->leaving > 0 && actors_count(worker->actors) > 1);
    if (actor == NULL || (!sooner && now_ns(worker) - actor->used_ns < idle_ns)) break;
    if (worker->leaving > 0) worker->collects = --worker->leaving == 0;
    performances_put_to_sleep(worker->performances, actor, NULL);
  }
  if (slept < most && worker->leaving > 0) {          /* the others are busy, or have mail */
    worker->leaving = 0;
    worker->collects = true;
  }
  return slept > 0;
}

/* --dev: a new VM when a file has changed. Only between turns, while no actor has mail: a sleeping actor needs no VM. */
static void reload(struct worker *worker) {
  const struct logger *logger = worker->config.vm.logger;
  uint64_t files = reload_signature(worker->config.vm.actors_path);
  bool busy = actors_have_mail(worker->actors) || performances_are_waiting(worker->performances);
  if (files == worker->files || busy) return;
  worker->files = files;
  struct failure failure = { 0 };
  struct vm *vm;
  if (script_open(&worker->config.vm, &vm, &failure) == ERR_NONE) {
    struct actor *actor;
    while ((actor = actors_idlest(worker->actors)) != NULL) {
      performances_put_to_sleep(worker->performances, actor, NULL);
    }
    vm_close(worker->vm);
    worker->vm = vm;
    performances_set_vm(worker->performances, vm);
    logger_printf(logger, LOG_INFO, "classes reloaded: %s", script_class_names(vm));
  } else {
    logger_printf(logger, LOG_ERROR, "classes not reloaded, the old ones serve on: %.*s", (int)failure.message.size,
                  (const char *)failure.message.data);
  }
  failure_done(&failure);
}

bool worker_step(struct worker *worker) {
  worker->step_end_ns = clock_work_ns(worker->config.vm.clock) + STEP_NS;
  hear(worker);
  records_refresh(worker->records);
  bool worked = hear_checkpointer(worker);
  if (atomic_load(&worker->told_stop)) worker->stopping = true;
  if (worker->config.vm.dev) reload(worker);
  worked |= deal_all(worker);
  worked |= run_waiting(worker, true);
  worked |= run_turns(worker);
  worked |= run_waiting(worker, false);
  worked |= performances_are_due(worker->performances);
  worked |= put_idle_to_sleep(worker);
  worked |= collect(worker);
  if (worker->stopping && !worked && actors_count(worker->actors) == 0) {
    records_wake_when_durable(worker->records);
    hear(worker);
    worker->stopped = !records_has_pending(worker->records);
  }
  return worked;
}

void worker_wait(struct worker *worker) {
  if (worker->stopped) return;
  const struct actor *actor = actors_idlest(worker->actors);
  int64_t timeout_ns = -1;
  if (actor != NULL) {
    int64_t idle_ns = (int64_t)worker->config.vm.limits->idle_ms * 1000000;
    timeout_ns = actor->used_ns + idle_ns - now_ns(worker);
    if (timeout_ns < 0) timeout_ns = 0;
  }
  queue_wait(worker->inbox, timeout_ns);
}
