/* worker.c -- see worker.h: the step, and what it holds together. */
#include "stage/worker.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/trace.h"
#include "stage/actor.h"
#include "stage/performance.h"
#include "stage/vms.h"

enum {
  TURNS_A_RING = 16,              /* so many turns go to the committer and the doors together */
  TURNS_A_STEP = 256,             /* then the step ends, so that what has come meanwhile gets its place in line; */
  STEP_NS = 5000000,              /* or, where turns are long, when it has lasted so long: then each kind of work that
                                   * is left does one piece */
  SLEEPERS_A_STEP = 64,
  LEAVE_A_STEP = 2 * TURNS_A_STEP
};

struct worker {
  struct worker_config config;
  struct queue *inbox;
  struct vms vms;
  struct records *records;
  struct actors *actors;
  struct performances *performances;
  size_t leaving;                      /* so many actors still leave before their time, for want of memory */
  bool collects;                       /* they have left, and their garbage goes bit by bit */
  size_t stuck_bytes;                  /* what the VMs held when memory was wanted and nobody could leave; 0: some can */
  int64_t step_end_ns;                 /* when the step has lasted long enough, by clock_work_ns() */
  bool stopping, stopped;
  _Atomic bool told_stop;
};

/* -- life -- */

void worker_ring_others(struct worker *worker) {
  records_ring(worker->records);
  if (worker->config.delivered != NULL) worker->config.delivered(worker->config.delivered_context);
}

/* While Lua runs for long: what was there before it need not wait. */
static void tick(void *context) {
  worker_ring_others(context);
}

static enum err open_records(struct worker *worker, struct failure *failure) {
  const struct worker_config *config = &worker->config;
  struct records_config records = {
    .store = config->store, .recovered = config->recovered, .reserve = config->reserve,
    .checkpoint_bytes = config->checkpoint_bytes, .bell = worker->inbox,
  };
  return records_open(&records, &worker->records, failure);
}

/* Takes over the VM that was brought, if one was. The present one retires. */
static bool renew(struct worker *worker) {
  if (!vms_renew(&worker->vms)) return false;
  performances_set_vm(worker->performances, vms_present(&worker->vms));
  return true;
}

enum err worker_open(const struct worker_config *config, struct vm **vm, struct worker **worker,
                     struct failure *failure) {
  struct worker *made = mem_zero(sizeof *made);
  made->config = *config;
  made->inbox = queue_new();
  made->actors = actors_new();
  vms_init(&made->vms);
  vms_bring(&made->vms, vm);
  enum err err = open_records(made, failure);
  if (err != ERR_NONE) {
    worker_close(made);
    return err;
  }
  struct performances_config performances = {
    .vm = &made->config.vm, .records = made->records, .actors = made->actors, .next_actor_id = config->next_actor_id,
    .next_call_id = config->next_call_id,
  };
  made->performances = performances_new(&performances);
  renew(made);
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
  vms_done(&worker->vms);
  queue_free(worker->inbox);
  mem_free(worker);
}

void worker_connect(struct worker *worker, struct committer *committer, struct checkpointer *checkpointer) {
  records_connect(worker->records, committer, checkpointer);
  vm_set_tick(vms_present(&worker->vms), tick, worker);
}

struct commit_source *worker_commit_source(struct worker *worker) {
  return records_commit_source(worker->records);
}

struct checkpoint_source *worker_checkpoint_source(struct worker *worker) {
  return records_checkpoint_source(worker->records);
}

void worker_bring(struct worker *worker, struct vm **vm) {
  vm_set_tick(*vm, tick, worker);
  vms_bring(&worker->vms, vm);
  queue_wake(worker->inbox);
}

size_t worker_memory(struct worker *worker) {
  vms_collect(&worker->vms);
  return vms_bytes(&worker->vms);
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
  if (actor->seen <= records_verdict(worker->records)) return;
  actor_drop(actor);
  actor->seen = 0;
  if (actor->mailbox.count == 0 && !actor->busy) actors_remove(worker->actors, actor);
}

/* Takes in what the committer told: what is durable, and where an epoch ended, what has failed. */
static void hear(struct worker *worker) {
  if (!records_hear(worker->records)) return;
  performances_fail_lost(worker->performances);
  actors_each(worker->actors, drop_undurable, worker);
}

/* Takes in what the checkpointer told. Whether that was anything. */
static bool hear_checkpointer(struct worker *worker) {
  bool thawed = records_thaw(worker->records);
  if (!records_must_freeze(worker->records)) return thawed;
  uint64_t batch = performances_hold_back(worker->performances, records_durable_batch(worker->records));
  hear(worker);                                              /* after that: all of it is active */
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

/* Of each kind of turns that wait, those that are due go on once, or one at least, and as many of them as the step
 * has time for. */
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

/* Where the VMs are nearly full, a quarter of the actors leave before their time, who was used longest ago first; then
 * what they leave is collected. Both go on over many steps, so that nobody waits for long, and faster than newcomers
 * can come. Where nobody could, that is tried again when they hold a good deal more. */
static void relieve(struct worker *worker) {
  size_t bytes = vms_bytes(&worker->vms), limit = worker->config.vm.limits->vm_bytes;
  bool tight = bytes > limit / 4 * 3;
  if (!tight) worker->stuck_bytes = 0;
  bool stuck = worker->stuck_bytes > 0 && bytes < worker->stuck_bytes + limit / 32;
  if (worker->leaving == 0 && !worker->collects && tight && !stuck) worker->leaving = actors_count(worker->actors) / 4 + 1;
}

static bool collect(struct worker *worker) {
  if (!worker->collects || worker->leaving > 0) return false;
  worker->collects = !vms_collect_some(&worker->vms);
  return true;
}

/* The actor that was used last leaves only when its time has come, or that of its VM. */
static bool put_idle_to_sleep(struct worker *worker) {
  relieve(worker);
  int64_t idle_ns = (int64_t)worker->config.vm.limits->idle_ms * 1000000;
  size_t most = worker->leaving > 0 ? LEAVE_A_STEP : SLEEPERS_A_STEP, slept = 0;
  for (; slept < most; slept++) {
    struct actor *actor = actors_idlest(worker->actors);
    bool sooner = worker->stopping || (worker->leaving > 0 && actors_count(worker->actors) > 1);
    if (actor != NULL) sooner |= performances_must_retire(worker->performances, actor);
    if (actor == NULL || (!sooner && now_ns(worker) - actor->used_ns < idle_ns)) break;
    if (worker->leaving > 0) worker->collects = --worker->leaving == 0;
    performances_put_to_sleep(worker->performances, actor, NULL);
  }
  if (slept < most && worker->leaving > 0) {          /* all others are busy, or have mail */
    worker->leaving = 0;
    worker->collects = true;
    worker->stuck_bytes = slept == 0 ? vms_bytes(&worker->vms) : 0;
  }
  return slept > 0;
}

bool worker_step(struct worker *worker) {
  worker->step_end_ns = clock_work_ns(worker->config.vm.clock) + STEP_NS;
  hear(worker);
  records_refresh(worker->records);
  bool worked = hear_checkpointer(worker);
  if (atomic_load(&worker->told_stop)) worker->stopping = true;
  worked |= deal_all(worker);
  worked |= renew(worker);       /* behind deal_all(): what was put after a VM was brought is not run in an older one */
  worked |= run_waiting(worker, true);
  worked |= run_turns(worker);
  worked |= run_waiting(worker, false);
  worked |= performances_are_due(worker->performances);
  worked |= put_idle_to_sleep(worker);
  worked |= collect(worker);
  worked |= vms_close_some(&worker->vms);
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
