/* host.c -- see host.h. */
#include "stage/host.h"

#include "base/check.h"
#include "base/mem.h"
#include "ledger/folder.h"
#include "stage/router.h"
#include "stage/worker.h"

enum { BATCH_BYTES_MAX = 64 * 1024 * 1024, BATCH_COMMITS_MAX = 65536 };

struct host {
  struct host_config config;
  struct limits limits;
  struct folder *folder;
  struct store *store;
  struct committer *committer;
  struct worker **workers;
  struct commit_source **sources;
  unsigned worker_count;
  _Atomic uint64_t next_actor_id;
};

static enum err open_store(struct host *host, struct failure *failure) {
  struct store_config config = {
    .path = folder_store_path(host->folder), .map_bytes = host->config.map_bytes,
    .readers_max = host->config.workers + 16, .logger = host->config.logger, .faults = host->config.faults,
  };
  return store_open(&config, &host->store, failure);
}

/* The id after the last one that a record bears. */
static enum err find_next_actor_id(struct host *host, struct failure *failure) {
  struct store_reader *reader;
  struct slice key, value;
  uint8_t last[10];
  enum err err = store_reader_open(host->store, &reader, failure);
  if (err != ERR_NONE) return err;
  memset(last, 0xff, sizeof last);
  uint64_t next = 1;
  err = store_seek(reader, slice_of(last, sizeof last), true, &key, &value);
  if (err == ERR_NONE && key.size >= 8) next = read_u64(key.data) + 1;
  store_reader_close(reader);
  if (err == ERR_STORAGE) return failure_set(failure, ERR_STORAGE, "the last record of the store cannot be read");
  atomic_store(&host->next_actor_id, next);
  return ERR_NONE;
}

static enum err open_workers(struct host *host, struct failure *failure) {
  host->workers = mem_zero(host->config.workers * sizeof *host->workers);
  host->sources = mem_zero(host->config.workers * sizeof *host->sources);
  for (unsigned i = 0; i < host->config.workers; i++) {
    struct worker_config config = {
      .vm = { .actors_path = host->config.actors_path, .limits = &host->limits, .clock = host->config.clock,
              .logger = host->config.logger, .worker = i, .pause_ms = host->config.pause_ms, .dev = host->config.dev },
      .store = host->store,
      .next_actor_id = &host->next_actor_id,
    };
    enum err err = worker_open(&config, &host->workers[i], failure);
    if (err != ERR_NONE) return err;
    host->worker_count++;
    host->sources[i] = worker_source(host->workers[i]);
  }
  return ERR_NONE;
}

static void open_committer(struct host *host) {
  struct committer_config config = {
    .store = host->store, .sources = host->sources, .source_count = host->worker_count,
    .batch_bytes_max = BATCH_BYTES_MAX, .batch_commits_max = BATCH_COMMITS_MAX, .logger = host->config.logger,
  };
  host->committer = committer_new(&config);
  for (unsigned i = 0; i < host->worker_count; i++) worker_connect(host->workers[i], host->committer);
}

enum err host_open(const struct host_config *config, struct host **host, struct failure *failure) {
  CHECK_THAT(config->workers, >=, 1);
  struct host *made = mem_zero(sizeof *made);
  made->config = *config;
  made->limits = config->limits;
  enum err err = folder_open(config->data_path, &made->folder, failure);
  if (err == ERR_NONE) err = open_store(made, failure);
  if (err == ERR_NONE) err = find_next_actor_id(made, failure);
  if (err == ERR_NONE) err = open_workers(made, failure);
  if (err != ERR_NONE) {
    host_close(made, true);
    return err;
  }
  open_committer(made);
  *host = made;
  return ERR_NONE;
}

void host_close(struct host *host, bool abandon) {
  if (host == NULL) return;
  if (host->committer != NULL && abandon) committer_abandon(host->committer);
  committer_free(host->committer);
  for (unsigned i = 0; i < host->worker_count; i++) worker_close(host->workers[i]);
  mem_free(host->workers);
  mem_free(host->sources);
  store_close(host->store);
  folder_close(host->folder);
  mem_free(host);
}

void host_submit(struct host *host, struct request **request) {
  struct slice class_name = buf_slice(&(*request)->class_name), key = buf_slice(&(*request)->key);
  worker_put(host->workers[router_worker(class_name, key, host->worker_count)], request);
}

void host_stop(struct host *host) {
  for (unsigned i = 0; i < host->worker_count; i++) worker_stop(host->workers[i]);
}

void host_worker_step(struct host *host, unsigned worker, bool *worked) {
  CHECK_THAT(worker, <, host->worker_count);
  *worked = worker_step(host->workers[worker]);
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

void host_committer_wait(struct host *host) {
  committer_wait(host->committer);
}

void host_committer_wake(struct host *host) {
  committer_wake(host->committer);
}

const char *host_class_names(const struct host *host) {
  return vm_class_names(host->workers[0]->vm);
}

size_t host_class_count(const struct host *host) {
  return vm_class_count(host->workers[0]->vm);
}

const char *host_token(const struct host *host) {
  return folder_token(host->folder);
}

const struct committer_stats *host_stats(const struct host *host) {
  return committer_stats(host->committer);
}

size_t host_memory(struct host *host) {
  size_t bytes = 0;
  for (unsigned i = 0; i < host->worker_count; i++) {
    vm_collect(host->workers[i]->vm);
    bytes += vm_bytes(host->workers[i]->vm);
  }
  return bytes;
}

size_t host_entry_count(struct host *host) {
  return store_entry_count(host->store);
}
