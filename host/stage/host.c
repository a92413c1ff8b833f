/* host.c -- see host.h. */
#include "stage/host.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/trace.h"
#include "codec/key.h"
#include "ledger/checkpoint_number.h"
#include "ledger/checkpointer.h"
#include "ledger/clock_record.h"
#include "ledger/folder.h"
#include "ledger/memtable_run.h"
#include "ledger/reserve.h"
#include "script/script.h"
#include "stage/actor_ids.h"
#include "stage/call_list.h"
#include "stage/router.h"
#include "stage/signature.h"
#include "stage/worker.h"

enum { BATCH_BYTES_MAX = 64 * 1024 * 1024 };

struct host {
  struct host_config config;
  struct folder *folder;
  struct store *store;
  struct log *log;
  struct memtable *recovered;       /* what the log held, until the checkpointer has it */
  struct reserve *reserve;
  struct checkpointer *checkpointer;
  struct committer *committer;
  struct worker **workers;
  struct commit_source **sources;
  struct checkpoint_source **checkpoint_sources;
  unsigned worker_count;
  uint64_t files;                   /* with dev: the signature of what the classes were loaded from */
  struct buf class_names;           /* of the VMs that were loaded last, as the next */
  bool admits;
  struct post post;
  atomic_bool unrung;               /* post.h */
  struct timekeeper timekeeper;
  _Atomic unsigned unquiet;
  struct actor_ids actor_ids;
  _Atomic uint64_t next_call_id;
};

static enum err open_store(struct host *host, struct failure *failure) {
  struct store_config config = {
    .path = folder_store_path(host->folder), .map_bytes = host->config.map_bytes,
    .readers_max = host->config.workers + 16, .must_exist = folder_is_begun(host->folder),
    .logger = host->config.logger, .faults = host->config.store_faults,
  };
  return store_open(&config, &host->store, failure);
}

/* Opens the log, and reads into memory what is not yet in the store. */
static enum err open_log(struct host *host, struct failure *failure) {
  uint64_t reached;
  enum err err = checkpoint_number_read(host->store, &reached, failure);
  if (err != ERR_NONE) return err;
  host->recovered = memtable_try_new();
  CHECK(host->recovered != NULL);
  const struct log_config config = {
    .path = folder_log_path(host->folder), .segment_bytes = host->config.segment_bytes, .logger = host->config.logger,
    /* in specs a fault fails one write, and no time passes */
    .clock = host->config.clock->manual ? NULL : host->config.clock,
    .faults = host->config.faults,
  };
  struct memtable_run run = { .memtable = host->recovered };
  struct log_visitor visitor = { .batch = memtable_run_take, .context = &run };
  err = log_open(&config, reached, &visitor, &host->log, failure);
  if (err == ERR_NONE) err = memtable_run_end(&run);
  memtable_run_done(&run);
  if (err != ERR_NONE && failure->err == ERR_NONE) failure_set(failure, err, "the log cannot be read into memory");
  if (err != ERR_NONE) return err;
  if (memtable_is_empty(host->recovered)) {
    memtable_free(host->recovered);
    host->recovered = NULL;
  } else {
    logger_printf(host->config.logger, LOG_INFO, "recovered batches %llu to %llu from the log",
                  (unsigned long long)reached + 1, (unsigned long long)log_last(host->log));
  }
  return ERR_NONE;
}

/* The clocks go on where the last start left them. The first one notes where they begin before there is anything to date by
 * them; if that cannot be written, the first worker will. */
static enum err open_clocks(struct host *host, struct failure *failure) {
  struct timekeeper *timekeeper = &host->timekeeper;
  struct time_mark mark;
  enum err err = clock_record_read(host->store, host->recovered, &mark, failure);
  timekeeper_init(timekeeper, host->config.clock, err == ERR_NONE ? &mark : NULL);
  if (err != ERR_NOT_FOUND) return err;
  mark = timekeeper_mark(timekeeper);
  err = clock_record_write(host->store, &mark);
  if (err == ERR_FATAL) {
    return failure_set(failure, err, "it is unknown what the store %s holds: %s", folder_store_path(host->folder),
                       store_reason(host->store));
  }
  if (err != ERR_NONE) timekeeper_note_saved(timekeeper, NULL);
  return ERR_NONE;
}

static void open_reserve(struct host *host) {
  const struct reserve_config config = {
    .path = host->config.data_path, .free_bytes = host->config.limits.disk_free_bytes, .clock = host->config.clock,
    .logger = host->config.logger,
  };
  host->reserve = reserve_new(&config);
}

static struct vm_config vm_config_of(struct host *host, unsigned worker) {
  const struct host_config *config = &host->config;
  return (struct vm_config){
    .actors_path = config->actors_path, .limits = &config->limits, .timekeeper = &host->timekeeper, .clock = config->clock,
    .logger = config->logger, .worker = worker, .pause_ms = config->pause_ms, .dev = config->dev,
  };
}

/* Opens a VM for each worker: all, or on an error none. */
static enum err open_vms(struct host *host, struct vm **vms, struct failure *failure) {
  unsigned count = 0;
  if (host->config.dev) host->files = signature_read(host->config.actors_path);
  while (count < host->config.workers) {
    struct vm_config config = vm_config_of(host, count);
    if (script_open(&config, &vms[count], failure) != ERR_NONE) break;
    count++;
  }
  if (count == host->config.workers) return ERR_NONE;
  while (count > 0) vm_close(vms[--count]);
  return failure->err;
}

/* Notes what is to be known of the classes: their VMs are the workers' from then on. */
static void note_classes(struct host *host, struct vm *vm) {
  buf_clear(&host->class_names);
  buf_put_text(&host->class_names, script_class_names(vm));
  host->admits = script_admits(vm);
}

/* Takes the VMs over, one a worker. */
static enum err open_workers(struct host *host, struct vm **vms, struct failure *failure) {
  enum err err = ERR_NONE;
  host->workers = mem_zero(host->config.workers * sizeof *host->workers);
  host->post.inboxes = mem_zero(host->config.workers * sizeof *host->post.inboxes);
  host->post.full = mem_zero(host->config.workers * sizeof *host->post.full);
  host->post.unrung = &host->unrung;
  host->post.count = host->config.workers;
  atomic_store(&host->unquiet, host->config.workers);
  host->sources = mem_zero(host->config.workers * sizeof *host->sources);
  host->checkpoint_sources = mem_zero(host->config.workers * sizeof *host->checkpoint_sources);
  for (unsigned i = 0; i < host->config.workers; i++) {
    struct worker_config config = {
      .vm = vm_config_of(host, i),
      .store = host->store,
      .recovered = host->recovered,
      .reserve = host->reserve,
      .checkpoint_bytes = host->config.checkpoint_bytes,
      .turns_a_step = host->config.turns_a_step,
      .post = &host->post,
      .unquiet = &host->unquiet,
      .delivered = host->config.delivered,
      .delivered_context = host->config.delivered_context,
      .actor_ids = &host->actor_ids,
      .next_call_id = &host->next_call_id,
    };
    if (err == ERR_NONE) err = worker_open(&config, &vms[i], &host->workers[i], failure);
    if (err != ERR_NONE) {
      vm_close(vms[i]);
      continue;
    }
    host->worker_count++;
    host->post.inboxes[i] = worker_inbox(host->workers[i]);
    host->sources[i] = worker_commit_source(host->workers[i]);
    host->checkpoint_sources[i] = worker_checkpoint_source(host->workers[i]);
  }
  return err;
}

static enum err open_stage(struct host *host, struct failure *failure) {
  struct vm **vms = mem_zero(host->config.workers * sizeof(struct vm *));
  enum err err = open_vms(host, vms, failure);
  if (err == ERR_NONE) note_classes(host, vms[0]);
  if (err == ERR_NONE) err = open_workers(host, vms, failure);
  mem_free(vms);
  return err;
}

static void open_checkpointer(struct host *host) {
  struct checkpointer_config config = {
    .store = host->store, .log = host->log, .sources = host->checkpoint_sources,
    .source_count = host->worker_count, .log_bytes_max = host->config.checkpoint_bytes,
    .portion_records_max = host->config.portion_records, .logger = host->config.logger, .clock = host->config.clock,
  };
  host->checkpointer = checkpointer_new(&config, host->recovered, log_last(host->log));
  host->recovered = NULL;
}

/* Effects were released: those hear of it for whom they are. */
static void ring_all(void *context) {
  struct host *host = context;
  post_ring(&host->post);
  if (host->config.delivered != NULL) host->config.delivered(host->config.delivered_context);
}

static void open_committer(struct host *host) {
  struct committer_config config = {
    .log = host->log, .checkpointer = host->checkpointer, .relaxed = host->config.relaxed,
    .sources = host->sources, .source_count = host->worker_count, .batch_bytes_max = BATCH_BYTES_MAX,
    .batch_commits_max = host->config.batch_commits, .after_release = ring_all,
    .after_release_context = host, .logger = host->config.logger, .clock = host->config.clock,
  };
  host->committer = committer_new(&config);
  for (unsigned i = 0; i < host->worker_count; i++) {
    worker_connect(host->workers[i], host->committer, host->checkpointer);
  }
}

enum err host_open(const struct host_config *config, struct host **host, struct failure *failure) {
  CHECK_THAT(config->workers, >=, 1);
  struct host *made = mem_zero(sizeof *made);
  made->config = *config;
  /* The ids of two starts differ, since there are fewer calls than nanoseconds. */
  atomic_store(&made->next_call_id, (uint64_t)clock_unix_ns(config->clock));
  enum err err = folder_open(config->data_path, &made->folder, failure);
  if (err == ERR_NONE) err = open_store(made, failure);
  if (err == ERR_NONE) err = folder_begin(made->folder, failure);
  if (err == ERR_NONE) err = open_log(made, failure);
  if (err == ERR_NONE) err = open_clocks(made, failure);
  open_reserve(made);
  if (err == ERR_NONE) err = open_stage(made, failure);
  if (err != ERR_NONE) {
    host_close(made, true);
    return err;
  }
  open_checkpointer(made);
  open_committer(made);
  *host = made;
  return ERR_NONE;
}

/* After the last checkpoint nothing is left in the log that a start would have to read. */
static void empty_log(struct host *host) {
  struct failure failure = { 0 };
  uint64_t reached;
  if (checkpoint_number_read(host->store, &reached, &failure) == ERR_NONE) log_empty(host->log, reached);
  failure_done(&failure);
}

void host_close(struct host *host, bool abandon) {
  if (host == NULL) return;
  if (!abandon && host->log != NULL) empty_log(host);
  if (host->committer != NULL && abandon) committer_abandon(host->committer);
  committer_free(host->committer);
  checkpointer_free(host->checkpointer);
  memtable_free(host->recovered);
  for (unsigned i = 0; i < host->worker_count; i++) worker_close(host->workers[i]);
  mem_free(host->workers);
  mem_free(host->post.inboxes);
  mem_free(host->post.full);
  mem_free(host->sources);
  mem_free(host->checkpoint_sources);
  reserve_free(host->reserve);
  log_close(host->log);
  store_close(host->store);
  folder_close(host->folder);
  buf_done(&host->class_names);
  mem_free(host);
}

static void trace_request(const struct host *host, const struct request *request) {
  struct buf key = { 0 };
  key_print(&key, buf_slice(&request->key));
  const struct log_field fields[] = {
    { "class", buf_slice(&request->class_name) }, { "key", buf_slice(&key) }, { "method", buf_slice(&request->method) },
  };
  trace_write(host->config.logger, request->reply->call_id, "call submitted", fields, sizeof fields / sizeof *fields);
  buf_done(&key);
}

/* The worker that a request begins at. */
static unsigned worker_of(const struct host *host, const struct request *request) {
  bool is_settled = request->type == REQUEST_RETRY || request->type == REQUEST_DROP;
  if (request_is_survey(request)) return 0;
  if (is_settled) return request->failed.shard % host->worker_count;
  return router_worker(buf_slice(&request->class_name), buf_slice(&request->key), host->worker_count);
}

void host_submit(struct host *host, struct request **request) {
  (*request)->reply->call_id = atomic_fetch_add(&host->next_call_id, 1);
  (*request)->reply->logger = host->config.logger;
  if (trace_is_on(host->config.logger) && !request_is_survey(*request)) trace_request(host, *request);
  unsigned worker = worker_of(host, *request);
  if ((*request)->parting != NULL) {
    (*request)->parting->worker = worker;
    (*request)->parting->connection_id = (*request)->reply->call_id;
  }
  worker_put(host->workers[worker], request);
}

void host_part(struct host *host, struct parting **parting) {
  struct parting *sent = *parting;
  *parting = NULL;
  queue_post(host->post.inboxes[sent->worker], &sent->letter.item);   /* not unrung: its door rings */
}

void host_ring(struct host *host) {
  for (unsigned i = 0; i < host->worker_count; i++) worker_ring(host->workers[i]);
}

void host_stop(struct host *host) {
  for (unsigned i = 0; i < host->worker_count; i++) worker_stop(host->workers[i]);
}

static enum err reload(struct host *host, struct vm **vms, struct failure *failure) {
  if (vms == NULL) return failure_set(failure, ERR_MEMORY, "no memory for another VM");
  enum err err = open_vms(host, vms, failure);
  if (err != ERR_NONE) return err;
  note_classes(host, vms[0]);
  for (unsigned i = 0; i < host->worker_count; i++) worker_bring(host->workers[i], &vms[i]);
  return ERR_NONE;
}

enum err host_reload(struct host *host, struct failure *failure) {
  const struct logger *logger = host->config.logger;
  struct vm **vms = mem_try_zero(host->worker_count * sizeof(struct vm *));
  enum err err = reload(host, vms, failure);
  mem_free(vms);
  if (err == ERR_NONE) {
    logger_printf(logger, LOG_INFO, "classes reloaded: %.*s", (int)host->class_names.size,
                  (const char *)host->class_names.data);
  } else {
    logger_printf(logger, LOG_ERROR, "classes not reloaded, the old ones serve on: %.*s", (int)failure->message.size,
                  (const char *)failure->message.data);
  }
  return err;
}

void host_look(struct host *host) {
  if (!host->config.dev || signature_read(host->config.actors_path) == host->files) return;
  struct failure failure = { 0 };
  (void)host_reload(host, &failure);
  failure_done(&failure);
}

void host_worker_step(struct host *host, unsigned worker, bool *worked) {
  CHECK_THAT(worker, <, host->worker_count);
  *worked = worker_step(host->workers[worker]);
}

void host_worker_ring(struct host *host, unsigned worker) {
  worker_ring_others(host->workers[worker]);
}

bool host_worker_owes(struct host *host, unsigned worker) {
  return worker_owes(host->workers[worker]);
}

void host_worker_wait(struct host *host, unsigned worker) {
  worker_wait(host->workers[worker]);
}

int64_t host_next_due_ns(const struct host *host) {
  int64_t due_ns = INT64_MAX, now_ns = clock_monotonic_ns(host->config.clock);
  for (unsigned i = 0; i < host->worker_count; i++) {
    int64_t of_worker_ns = worker_due_ns(host->workers[i]);
    if (of_worker_ns < due_ns) due_ns = of_worker_ns;
  }
  return due_ns == INT64_MAX ? INT64_MAX : due_ns < now_ns ? 0 : due_ns - now_ns;
}

bool host_worker_done(struct host *host, unsigned worker) {
  return worker_is_done(host->workers[worker]);
}

enum err host_committer_step(struct host *host, bool *worked) {
  return committer_step(host->committer, worked);
}

int64_t host_committer_rest_ns(const struct host *host) {
  return committer_rest_ns(host->committer);
}

void host_committer_wait(struct host *host, int64_t rest_ns) {
  committer_wait(host->committer, rest_ns);
}

void host_committer_wake(struct host *host) {
  committer_wake(host->committer);
}

enum err host_checkpointer_step(struct host *host, bool *worked) {
  return checkpointer_step(host->checkpointer, worked);
}

void host_checkpointer_wait(struct host *host) {
  checkpointer_wait(host->checkpointer);
}

void host_checkpointer_wake(struct host *host) {
  checkpointer_wake(host->checkpointer);
}

enum err host_checkpoint(struct host *host) {
  checkpointer_want(host->checkpointer);
  bool any = true;
  while (any) {
    bool worked;
    any = false;
    for (unsigned i = 0; i < host->worker_count; i++) any |= worker_step(host->workers[i]);
    enum err err = committer_step(host->committer, &worked);
    any |= worked;
    if (err == ERR_NONE) err = checkpointer_step(host->checkpointer, &worked);
    any |= worked;
    if (err != ERR_NONE) return err;
  }
  return ERR_NONE;
}

enum err host_calls(const struct host *host, struct buf *text) {
  struct survey *survey = call_list_try_new(NULL);
  struct failure failure = { 0 };
  if (survey == NULL) return ERR_MEMORY;
  for (unsigned i = 0; i < host->worker_count; i++) (void)worker_survey(host->workers[i], survey, &failure);
  enum err err = survey->kind->put(survey, text, &failure);
  survey_free(survey);
  failure_done(&failure);
  return err;
}

struct slice host_class_names(const struct host *host) {
  return buf_slice(&host->class_names);
}

bool host_admits(const struct host *host) {
  return host->admits;
}

const char *host_token(const struct host *host) {
  return folder_token(host->folder);
}

const struct committer_stats *host_stats(const struct host *host) {
  return committer_stats(host->committer);
}

size_t host_memory(struct host *host) {
  size_t bytes = 0;
  for (unsigned i = 0; i < host->worker_count; i++) bytes += worker_memory(host->workers[i]);
  return bytes;
}

size_t host_entry_count(struct host *host) {
  return store_entry_count(host->store);
}
