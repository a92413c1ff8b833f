/* snapshot.c -- see snapshot.h. */
#include "ledger/snapshot.h"

#include <time.h>

#include "base/mem.h"
#include "ledger/checkpoint_number.h"
#include "ledger/folder.h"
#include "ledger/log.h"
#include "ledger/memtable_run.h"

enum {
  TRIES = 8,                    /* to see store and log as of one moment, while a host is at work in both */
  PAUSE_MS = 30
};

struct snapshot {
  struct folder *folder;
  struct store *store;
  struct store_reader *reader;
  struct memtable *tail;        /* what is in the log but not in the store */
  struct layers layers;
  struct view view;
  uint64_t last_batch;
};

/* One try. */
static enum err look(struct snapshot *snapshot, const struct logger *logger, struct failure *failure) {
  const struct log_config config = { .path = folder_log_path(snapshot->folder), .logger = logger };
  struct memtable_run run = { .memtable = snapshot->tail };
  const struct log_visitor visitor = { .batch = memtable_run_take, .context = &run };
  uint64_t number;
  memtable_clear(snapshot->tail);
  store_reader_reset(snapshot->reader);
  enum err err = checkpoint_number_get(snapshot->reader, &number, failure);
  snapshot->last_batch = number;
  if (err == ERR_NONE && folder_has_log(snapshot->folder)) {
    err = log_verify(&config, number, &visitor, &snapshot->last_batch, failure);
  }
  if (err == ERR_NONE && memtable_run_end(&run) != ERR_NONE) {
    err = failure_set(failure, ERR_MEMORY, "no memory for what the log holds");
  }
  memtable_run_done(&run);
  return err;
}

/* While a host appends to the log, or forgets what went to the store, a try can miss. Damage stays where it is: what two tries
 * say is true. */
static enum err look_again(struct snapshot *snapshot, const struct logger *logger, struct failure *failure) {
  const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
  struct failure before = { 0 };
  enum err err = look(snapshot, logger, failure);
  for (int i = 1; i < TRIES && err == ERR_REQUEST; i++) {
    failure_done(&before);
    failure_move(&before, failure);
    nanosleep(&pause, NULL);
    err = look(snapshot, logger, failure);
    if (err == ERR_REQUEST && slice_equal(buf_slice(&before.message), buf_slice(&failure->message))) break;
  }
  failure_done(&before);
  return err;
}

static enum err open_store(struct snapshot *snapshot, size_t map_bytes, const struct logger *logger,
                           struct failure *failure) {
  const struct store_config config = {
    .path = folder_store_path(snapshot->folder), .map_bytes = map_bytes, .readers_max = SNAPSHOT_READERS_MAX,
    .read_only = true, .is_still = folder_is_still(snapshot->folder), .logger = logger,
  };
  enum err err = store_open(&config, &snapshot->store, failure);
  return err == ERR_NONE ? store_reader_open(snapshot->store, &snapshot->reader, failure) : err;
}

enum err snapshot_open(const char *data_path, size_t map_bytes, const struct logger *logger, struct snapshot **snapshot,
                       struct failure *failure) {
  *snapshot = NULL;
  struct snapshot *made = mem_zero(sizeof *made);
  made->tail = memtable_try_new();
  bool has_memory = layers_try_init(&made->layers) && made->tail != NULL;
  enum err err = has_memory ? ERR_NONE : failure_set(failure, ERR_MEMORY, "no memory to look at %s", data_path);
  if (err == ERR_NONE) err = folder_look(data_path, true, &made->folder, failure);
  if (err == ERR_NONE) err = open_store(made, map_bytes, logger, failure);
  if (err == ERR_NONE) err = look_again(made, logger, failure);
  if (err != ERR_NONE) {
    snapshot_close(made);
    return err;
  }
  made->layers.frozen = made->tail;
  made->view = (struct view){ .layers = &made->layers, .reader = made->reader };
  *snapshot = made;
  return ERR_NONE;
}

void snapshot_close(struct snapshot *snapshot) {
  if (snapshot == NULL) return;
  layers_done(&snapshot->layers);
  memtable_free(snapshot->tail);
  store_reader_close(snapshot->reader);
  store_close(snapshot->store);
  folder_close(snapshot->folder);
  mem_free(snapshot);
}

uint64_t snapshot_last_batch(const struct snapshot *snapshot) {
  return snapshot->last_batch;
}

bool snapshot_is_old(const struct snapshot *snapshot) {
  return folder_is_old(snapshot->folder);
}

const struct view *snapshot_view(const struct snapshot *snapshot) {
  return &snapshot->view;
}
