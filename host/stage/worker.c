/* worker.c -- see worker.h: the step and what it holds together. Turns are in performance.c. */
#include "stage/worker.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "script/script.h"
#include "stage/reload.h"

enum {
  TURNS_A_RING = 16,              /* so many turns go to the committer and the doors together */
  TURNS_A_STEP = 256,             /* then the step ends, so that what has come meanwhile gets its place in line; */
  STEP_NS = 5000000,              /* or, where turns are long, when it has lasted so long: then each kind of work that is left
                                   * does one piece */
  PASSED_MAX = 4 * 1024 * 1024,   /* deleted records that walks have passed, before a checkpoint is to clear them away */
  SLEEPERS_A_STEP = 64,
  LEAVE_A_STEP = 2 * TURNS_A_STEP,
  PENDING_BYTES_MAX = 256 * 1024 * 1024
};

/* -- told by the committer and the checkpointer, on their threads -- */

static struct worker *worker_of(struct commit_source *source) {
  return (struct worker *)(void *)((uint8_t *)source - offsetof(struct worker, source));
}

static void told_released(struct commit_source *source, uint64_t seq) {
  atomic_store(&worker_of(source)->released_seq, seq);
}

static void told_durable(struct commit_source *source, uint64_t seq) {
  struct worker *worker = worker_of(source);
  atomic_store(&worker->durable_seq, seq);
  if (atomic_exchange(&worker->wants_durable, false)) queue_wake(worker->inbox);
}

static void told_failed(struct commit_source *source, uint64_t epoch) {
  struct worker *worker = worker_of(source);
  atomic_store(&worker->told_epoch, epoch);
  queue_wake(worker->inbox);
}

static struct worker *worker_of_checkpoint(struct checkpoint_source *source) {
  return (struct worker *)(void *)((uint8_t *)source - offsetof(struct worker, checkpoint_source));
}

static void told_freeze(struct checkpoint_source *source) {
  struct worker *worker = worker_of_checkpoint(source);
  atomic_store(&worker->told_freeze, true);
  queue_wake(worker->inbox);
}

static void told_written(struct checkpoint_source *source) {
  struct worker *worker = worker_of_checkpoint(source);
  atomic_store(&worker->told_written, true);
  queue_wake(worker->inbox);
}

static void told_failing(struct checkpoint_source *source) {
  queue_wake(worker_of_checkpoint(source)->inbox);
}

void worker_ring_others(struct worker *worker) {
  committer_ring(worker->committer);
  if (worker->config.delivered != NULL) worker->config.delivered(worker->config.delivered_context);
}

/* -- life -- */

/* While Lua runs for long: what was there before it need not wait. */
static void tick(void *context) {
  struct worker *worker = context;
  if (worker->committer != NULL) worker_ring_others(worker);
}

enum err worker_open(const struct worker_config *config, struct worker **worker, struct failure *failure) {
  struct worker *made = mem_zero(sizeof *made);
  made->config = *config;
  if (config->vm.dev) made->files = reload_signature(config->vm.actors_path);
  made->source = (struct commit_source){ .released = told_released, .durable = told_durable, .failed = told_failed };
  made->checkpoint_source = (struct checkpoint_source){
    .freeze = told_freeze, .written = told_written, .failing = told_failing,
  };
  made->inbox = queue_new();
  made->actors = actors_new();
  made->config.vm.tick = tick;
  made->config.vm.tick_context = made;
  TAILQ_INIT(&made->saving);
  TAILQ_INIT(&made->paused);
  made->drafts = drafts_try_new();
  CHECK(layers_try_init(&made->layers) && made->drafts != NULL);
  made->layers.frozen = config->recovered;
  enum err err = script_open(&made->config.vm, &made->vm, failure);
  if (err == ERR_NONE) err = store_reader_open(config->store, &made->reader, failure);
  if (err != ERR_NONE) {
    worker_close(made);
    return err;
  }
  *worker = made;
  return ERR_NONE;
}

void worker_close(struct worker *worker) {
  if (worker == NULL) return;
  for (struct queue_item *item = queue_take(worker->inbox), *next; item != NULL; item = next) {
    next = item->next;
    request_free(request_of(item));
  }
  worker_drop_waiting(worker);
  actors_free(worker->actors);
  commit_free(worker->spare);
  drafts_free(worker->drafts);
  layers_done(&worker->layers);
  store_reader_close(worker->reader);
  vm_close(worker->vm);
  queue_free(worker->inbox);
  mem_free(worker);
}

void worker_connect(struct worker *worker, struct committer *committer, struct checkpointer *checkpointer) {
  worker->committer = committer;
  worker->checkpointer = checkpointer;
}

struct commit_source *worker_source(struct worker *worker) {
  return &worker->source;
}

struct checkpoint_source *worker_checkpoint_source(struct worker *worker) {
  return &worker->checkpoint_source;
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
  if (actor->last_seq <= atomic_load(&worker->durable_seq)) return;
  actor_drop(actor);
  actor->last_seq = 0;
  if (actor->mailbox.count == 0 && !actor->busy) actors_remove(worker->actors, actor);
}

/* Takes in what the committer told: what is durable, and where an epoch ended, what has failed. */
static void hear(struct worker *worker) {
  uint64_t epoch = atomic_load(&worker->told_epoch);
  uint64_t durable = atomic_load(&worker->durable_seq);     /* after the epoch: with it, all that was durable in the one before */
  if (durable != worker->settled_seq) {
    layers_settle(&worker->layers, durable);
    worker->settled_seq = durable;
  }
  if (epoch != worker->epoch) {
    worker->epoch = epoch;
    layers_fail(&worker->layers);
    worker_fail_saving(worker, durable);
    actors_each(worker->actors, drop_undurable, worker);
  }
}

/* The last batch before those whose records a turn still holds, if that is less. */
static uint64_t batch_before_held(const struct performance_list *list, uint64_t batch) {
  const struct performance *performance;
  TAILQ_FOREACH(performance, list, link) {
    const struct drafts *drafts = performance->turn.view.drafts;
    if (drafts != NULL && drafts_hold(drafts) && performance->batch < batch) batch = performance->batch;
  }
  return batch;
}

/* Gives all that is durable away to be written. */
static void freeze(struct worker *worker) {
  uint64_t batch = committer_durable_batch(worker->committer);
  batch = batch_before_held(&worker->saving, batch_before_held(&worker->paused, batch));
  hear(worker);                                              /* after that: all of it is active */
  struct memtable *table = layers_try_freeze(&worker->layers);
  if (table == NULL) return;
  atomic_store(&worker->told_freeze, false);
  worker->part = (struct checkpoint_part){ .table = table, .batch = batch };
  checkpointer_put(worker->checkpointer, &worker->part);
}

/* Lets go of what is in the store. */
static void thaw(struct worker *worker) {
  layers_thaw(&worker->layers);
  store_reader_reset(worker->reader);
  atomic_store(&worker->told_written, false);
  worker->part = (struct checkpoint_part){ .table = NULL };
  checkpointer_put(worker->checkpointer, &worker->part);
}

/* Takes in what the checkpointer told. Whether that was anything. */
static bool hear_checkpointer(struct worker *worker) {
  bool heard = atomic_load(&worker->told_written) || atomic_load(&worker->told_freeze);
  if (atomic_load(&worker->told_written)) thaw(worker);
  if (atomic_load(&worker->told_freeze)) freeze(worker);
  return heard;
}

static void refuse(struct request *request, enum err err, const char *why) {
  reply_fail(request->reply, err, "%s", why);
  request_free(request);
}

/* Puts a request into its actor's mailbox. */
static void deal(struct worker *worker, struct request *request) {
  size_t waiting_max = (size_t)worker->config.vm.limits->waiting_calls;
  struct actor *actor = actors_try_get(worker->actors, buf_slice(&request->class_name), buf_slice(&request->key));
  if (actor == NULL) {
    refuse(request, ERR_MEMORY, "no memory for another actor");
  } else if (!actors_try_mail(worker->actors, actor, &request, waiting_max)) {
    reply_fail(request->reply, ERR_OVERLOADED, "%zu calls wait for this actor already " LIMIT_NAME(WAITING_CALLS), waiting_max);
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

static bool is_heavy(const struct worker *worker) {
  return memtable_memory(worker->layers.active) > 2 * worker->config.checkpoint_bytes && worker->layers.frozen != NULL;
}

bool worker_is_full(const struct worker *worker) {
  return is_heavy(worker) && checkpointer_is_failing(worker->checkpointer);
}

/* Whether the disk is too far behind; then the worker asks to be woken when it has moved. */
static bool must_wait_for_disk(struct worker *worker) {
  const struct layers *layers = &worker->layers;
  bool large = memtable_memory(layers->active) > worker->config.checkpoint_bytes || layers->deleted_passed > PASSED_MAX;
  if (large && layers->frozen == NULL) checkpointer_want(worker->checkpointer);
  if (is_heavy(worker) && !worker_is_full(worker)) return true;
  if (memtable_memory(layers->pending) <= PENDING_BYTES_MAX) return false;
  atomic_store(&worker->wants_durable, true);
  hear(worker);
  return memtable_memory(layers->pending) > PENDING_BYTES_MAX;
}

bool worker_is_due(const struct worker *worker) {
  return clock_work_ns(worker->config.vm.clock) >= worker->step_end_ns;
}

static bool run_turns(struct worker *worker) {
  bool worked = false;
  for (int i = 0; i < TURNS_A_STEP; i++) {
    struct request *request;
    if (must_wait_for_disk(worker)) break;
    struct actor *actor = actors_take(worker->actors, &request);
    if (actor == NULL) break;
    worker_perform(worker, actor, &request);
    worked = true;
    if (i % TURNS_A_RING == TURNS_A_RING - 1) worker_ring_others(worker);
    if (atomic_load(&worker->told_epoch) != worker->epoch) hear(worker);
    if (worker_is_due(worker)) break;
  }
  return worked;
}

/* Each turn that is paused goes on for a while, or as many of them as the step has time for. */
static bool run_paused(struct worker *worker) {
  size_t count = 0;
  const struct performance *performance;
  TAILQ_FOREACH(performance, &worker->paused, link) count++;
  bool worked = count > 0;
  for (; count > 0 && !TAILQ_EMPTY(&worker->paused); count--) {
    worker_resume_paused(worker);
    if (atomic_load(&worker->told_epoch) != worker->epoch) hear(worker);
    if (worker_is_due(worker)) break;
  }
  return worked;
}

static int64_t now_ns(const struct worker *worker) {
  return clock_monotonic_ns(worker->config.vm.clock);
}

/* Where the VM is nearly full, a quarter of the actors leave before their time, who was used longest ago first; then what
 * they leave is collected. Both go on over many steps, so that nobody waits for long, and faster than newcomers can come. */
static void relieve(struct worker *worker) {
  bool tight = vm_bytes(worker->vm) > worker->config.vm.limits->vm_bytes / 4 * 3;
  if (worker->leaving == 0 && !worker->collects && tight) worker->leaving = actors_count(worker->actors) / 4 + 1;
}

static bool collect(struct worker *worker) {
  if (!worker->collects || worker->leaving > 0) return false;
  worker->collects = !vm_collect_some(worker->vm);
  return true;
}

/* The actor that was used last leaves only when its time has come. */
static bool put_idle_to_sleep(struct worker *worker) {
  relieve(worker);
  int64_t idle_ns = (int64_t)worker->config.vm.limits->idle_ms * 1000000;
  size_t most = worker->leaving > 0 ? LEAVE_A_STEP : SLEEPERS_A_STEP, slept = 0;
  for (; slept < most; slept++) {
    struct actor *actor = actors_idlest(worker->actors);
    bool sooner = worker->stopping || (worker->leaving > 0 && actors_count(worker->actors) > 1);
    if (actor == NULL || (!sooner && now_ns(worker) - actor->used_ns < idle_ns)) break;
    if (worker->leaving > 0) worker->collects = --worker->leaving == 0;
    worker_put_to_sleep(worker, actor, NULL);
  }
  if (slept < most && worker->leaving > 0) {          /* all others are busy, or have mail */
    worker->leaving = 0;
    worker->collects = true;
  }
  return slept > 0;
}

/* Asks to be woken when what turns have saved is durable; whether some of it is already. */
static bool wait_for_saves(struct worker *worker) {
  if (TAILQ_EMPTY(&worker->saving)) return false;
  atomic_store(&worker->wants_durable, true);
  uint64_t durable = atomic_load(&worker->durable_seq);
  const struct performance *performance;
  TAILQ_FOREACH(performance, &worker->saving, link) {
    if (performance->wait_seq <= durable) return true;
  }
  return false;
}

/* --dev: a new VM where a file has changed. Only between turns, while nobody has mail: a sleeping actor needs no VM. */
static void reload(struct worker *worker) {
  const struct logger *logger = worker->config.vm.logger;
  uint64_t files = reload_signature(worker->config.vm.actors_path);
  if (files == worker->files || actors_have_mail(worker->actors) || !TAILQ_EMPTY(&worker->saving) ||
      !TAILQ_EMPTY(&worker->paused)) {
    return;
  }
  worker->files = files;
  struct failure failure = { 0 };
  struct vm *vm;
  if (script_open(&worker->config.vm, &vm, &failure) == ERR_NONE) {
    struct actor *actor;
    while ((actor = actors_idlest(worker->actors)) != NULL) worker_put_to_sleep(worker, actor, NULL);
    vm_close(worker->vm);
    worker->vm = vm;
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
  store_reader_reset(worker->reader);      /* an old snapshot would keep the store from using its pages again */
  bool worked = hear_checkpointer(worker);
  if (atomic_load(&worker->told_stop)) worker->stopping = true;
  if (worker->config.vm.dev) reload(worker);
  worked |= deal_all(worker);
  worked |= worker_resume_saved(worker, atomic_load(&worker->durable_seq));
  worked |= run_turns(worker);
  worked |= run_paused(worker);
  worked |= wait_for_saves(worker);
  worked |= put_idle_to_sleep(worker);
  worked |= collect(worker);
  if (worker->stopping && !worked && actors_count(worker->actors) == 0) {
    atomic_store(&worker->wants_durable, true);
    hear(worker);
    worker->stopped = memtable_is_empty(worker->layers.pending);
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
