/* host.c -- see host.h. */
#include "stage/host.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/trace.h"
#include "codec/key.h"
#include "ledger/checkpoint_number.h"
#include "ledger/checkpointer.h"
#include "ledger/folder.h"
#include "ledger/memtable_run.h"
#include "ledger/record_key.h"
#include "ledger/reserve.h"
#include "script/script.h"
#include "stage/router.h"
#include "stage/signature.h"
#include "stage/survey.h"
#include "stage/worker.h"

enum { BATCH_BYTES_MAX = 64 * 1024 * 1024, BATCH_COMMITS_MAX = 65536 };

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
  _Atomic unsigned unquiet;
  _Atomic uint64_t next_actor_id;
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

static uint64_t id_of(struct slice key) {
  return key.size >= RECORD_KEY_HEAD ? record_key_id(key) : 0;
}

/* The id after the last one in any record. In a damaged record the key itself may be wrong. So damaged records at the end
 * count as an id far behind that of the last good one, and no id is given twice. */
static enum err find_next_actor_id(struct host *host, struct failure *failure) {
  enum { IDS_UNKNOWN = 1 << 30 };
  struct store_reader *reader;
  struct slice key, value;
  enum err err = store_reader_open(host->store, &reader, failure);
  if (err != ERR_NONE) return err;
  uint64_t last, unknown = 0;
  err = store_seek(reader, record_key_behind_all(), true, &key);
  while (err == ERR_NONE && store_value(reader, &value) != ERR_NONE) {
    unknown = IDS_UNKNOWN;
    err = store_next(reader, &key);
  }
  last = (err == ERR_NONE ? id_of(key) : 0) + unknown;
  store_reader_close(reader);
  const struct memtable_entry *entry = NULL;
  if (host->recovered != NULL) entry = memtable_seek(host->recovered, record_key_behind_all(), true);
  if (entry != NULL && id_of(memtable_key(entry)) > last) last = id_of(memtable_key(entry));
  if (err == ERR_STORAGE) return failure_set(failure, ERR_STORAGE, "the end of the store cannot be read");
  atomic_store(&host->next_actor_id, last + 1);
  return ERR_NONE;
}

static void open_reserve(struct host *host) {
  const struct reserve_config config = {
    .path = host->config.data_path, .free_bytes = host->config.limits.disk_free_bytes, .clock = host->config.clock,
    .logger = host->config.logger,
  };
  host->reserve = reserve_new(&config);
}

static struct vm_config vm_config_of(const struct host *host, unsigned worker) {
  const struct host_config *config = &host->config;
  return (struct vm_config){
    .actors_path = config->actors_path, .limits = &config->limits, .clock = config->clock, .logger = config->logger,
    .worker = worker, .pause_ms = config->pause_ms, .dev = config->dev,
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
      .next_actor_id = &host->next_actor_id,
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

static void open_committer(struct host *host) {
  struct committer_config config = {
    .log = host->log, .checkpointer = host->checkpointer, .relaxed = host->config.relaxed,
    .sources = host->sources, .source_count = host->worker_count, .batch_bytes_max = BATCH_BYTES_MAX,
    .batch_commits_max = BATCH_COMMITS_MAX, .after_release = host->config.delivered,
    .after_release_context = host->config.delivered_context, .logger = host->config.logger, .clock = host->config.clock,
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
  if (err == ERR_NONE) err = find_next_actor_id(made, failure);
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

void host_submit(struct host *host, struct request **request) {
  (*request)->reply->call_id = atomic_fetch_add(&host->next_call_id, 1);
  (*request)->reply->logger = host->config.logger;
  if (trace_is_on(host->config.logger) && (*request)->type != REQUEST_CALLS) trace_request(host, *request);
  struct slice class_name = buf_slice(&(*request)->class_name), key = buf_slice(&(*request)->key);
  bool is_survey = (*request)->type == REQUEST_CALLS;        /* it begins at the first worker */
  unsigned worker = is_survey ? 0 : router_worker(class_name, key, host->worker_count);
  worker_put(host->workers[worker], request);
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
  struct survey *survey = survey_try_new(NULL);
  if (survey == NULL) return ERR_MEMORY;
  for (unsigned i = 0; i < host->worker_count; i++) worker_survey(host->workers[i], survey);
  enum err err = survey_put(survey, text);
  survey_free(survey);
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
