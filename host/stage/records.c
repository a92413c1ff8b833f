/* records.c -- see records.h. */
#include "stage/records.h"

#include "base/check.h"
#include "base/mem.h"

enum {
  PASSED_MAX = 4 * 1024 * 1024,   /* deleted records that scans may pass before a checkpoint must clear them away */
  PENDING_BYTES_MAX = 256 * 1024 * 1024
};

struct records {
  struct records_config config;
  struct layers layers;
  struct store_reader *reader;
  struct committer *committer;
  struct checkpointer *checkpointer;
  uint64_t ticket;                     /* of the last commit sent that has changes */
  uint64_t epoch;                      /* the one that turns begin in */
  uint64_t verdict;                    /* of the one before, as far as this worker heard */
  uint64_t active_ticket;              /* pending holds nothing up to here */
  struct commit_source commit_source;
  struct checkpoint_source checkpoint_source;
  struct checkpoint_part part;
  _Atomic uint64_t own_durable;        /* told by other threads, as the next ones: the last ticket of its own that is durable */
  _Atomic bool told_freeze, told_written;
  _Atomic bool wants_durable;          /* waits for more to be: wake the worker */
  _Atomic size_t under_way;
};

/* -- told by the committer and the checkpointer, on their threads -- */

static struct records *records_of(struct commit_source *source) {
  return (struct records *)(void *)((uint8_t *)source - offsetof(struct records, commit_source));
}

static void told_durable(struct commit_source *source, uint64_t ticket) {
  struct records *records = records_of(source);
  atomic_store(&records->own_durable, ticket);
  if (atomic_exchange(&records->wants_durable, false)) queue_wake(records->config.bell);
}

static void told_failed(struct commit_source *source) {
  queue_wake(records_of(source)->config.bell);
}

static struct records *records_of_checkpoint(struct checkpoint_source *source) {
  return (struct records *)(void *)((uint8_t *)source - offsetof(struct records, checkpoint_source));
}

static void told_freeze(struct checkpoint_source *source) {
  struct records *records = records_of_checkpoint(source);
  atomic_store(&records->told_freeze, true);
  queue_wake(records->config.bell);
}

static void told_written(struct checkpoint_source *source) {
  struct records *records = records_of_checkpoint(source);
  atomic_store(&records->told_written, true);
  queue_wake(records->config.bell);
}

static void told_failing(struct checkpoint_source *source) {
  queue_wake(records_of_checkpoint(source)->config.bell);
}

/* -- life -- */

enum err records_open(const struct records_config *config, struct records **records, struct failure *failure) {
  struct records *made = mem_zero(sizeof *made);
  made->config = *config;
  made->commit_source = (struct commit_source){ .durable = told_durable, .failed = told_failed };
  made->checkpoint_source = (struct checkpoint_source){
    .freeze = told_freeze, .written = told_written, .failing = told_failing,
  };
  CHECK(layers_try_init(&made->layers));
  made->layers.frozen = config->recovered;
  enum err err = store_reader_open(config->store, &made->reader, failure);
  if (err != ERR_NONE) {
    records_close(made);
    return err;
  }
  *records = made;
  return ERR_NONE;
}

void records_close(struct records *records) {
  if (records == NULL) return;
  layers_done(&records->layers);
  store_reader_close(records->reader);
  mem_free(records);
}

void records_connect(struct records *records, struct committer *committer, struct checkpointer *checkpointer) {
  records->committer = committer;
  records->checkpointer = checkpointer;
}

struct commit_source *records_commit_source(struct records *records) {
  return &records->commit_source;
}

struct checkpoint_source *records_checkpoint_source(struct records *records) {
  return &records->checkpoint_source;
}

/* -- what other threads told -- */

/* How the epoch that turns begin in has ended. Where that is not to be had, less is known for certain: this worker has sent
 * nothing of a newer one, so what it was told of its own commits is of that one. */
static uint64_t find_verdict(const struct records *records) {
  uint64_t verdict;
  if (committer_find_verdict(records->committer, records->epoch, &verdict)) return verdict;
  return atomic_load(&records->own_durable);
}

/* A ticket that the committer told, and after that what holds of it for this worker's epoch (committer.h, ALWAYS 6). */
static uint64_t within_epoch(const struct records *records, uint64_t told) {
  if (!records_epoch_ended(records)) return told;
  uint64_t verdict = find_verdict(records);
  return told < verdict ? told : verdict;
}

bool records_is_released(const struct records *records, uint64_t ticket) {
  return ticket <= within_epoch(records, committer_released(records->committer));
}

uint64_t records_durable(const struct records *records) {
  return within_epoch(records, committer_durable(records->committer));
}

uint64_t records_epoch(const struct records *records) {
  return records->epoch;
}

bool records_epoch_ended(const struct records *records) {
  return committer_epoch(records->committer) != records->epoch;
}

bool records_hear(struct records *records) {
  uint64_t epoch = committer_epoch(records->committer);
  uint64_t durable = atomic_load(&records->own_durable);   /* after the epoch: of the one before, all is in it */
  if (durable != records->active_ticket) {
    layers_make_active(&records->layers, durable);
    records->active_ticket = durable;
  }
  if (epoch == records->epoch) return false;
  records->verdict = find_verdict(records);
  records->epoch = epoch;
  layers_fail(&records->layers);
  return true;
}

bool records_find_verdict(const struct records *records, uint64_t epoch, uint64_t *ticket) {
  return committer_find_verdict(records->committer, epoch, ticket);
}

uint64_t records_verdict(const struct records *records) {
  return records->verdict;
}

void records_wake_when_durable(struct records *records) {
  atomic_store(&records->wants_durable, true);
}

bool records_thaw(struct records *records) {
  if (!atomic_load(&records->told_written)) return false;
  layers_thaw(&records->layers);
  store_reader_reset(records->reader);
  atomic_store(&records->told_written, false);
  records->part = (struct checkpoint_part){ .table = NULL };
  checkpointer_put(records->checkpointer, &records->part);
  return true;
}

bool records_must_freeze(const struct records *records) {
  return atomic_load(&records->told_freeze);
}

uint64_t records_durable_batch(const struct records *records) {
  return committer_durable_batch(records->committer);
}

void records_freeze(struct records *records, uint64_t batch) {
  struct memtable *table = layers_try_freeze(&records->layers);
  if (table == NULL) return;
  atomic_store(&records->told_freeze, false);
  records->part = (struct checkpoint_part){ .table = table, .batch = batch };
  checkpointer_put(records->checkpointer, &records->part);
}

/* -- what turns read and write -- */

struct view records_view(struct records *records, struct drafts *drafts) {
  return (struct view){ .drafts = drafts, .layers = &records->layers, .reader = records->reader };
}

void records_refresh(struct records *records) {
  store_reader_reset(records->reader);
}

bool records_has_pending(const struct records *records) {
  return !memtable_is_empty(records->layers.pending);
}

bool records_is_pending(const struct records *records, uint64_t actor_id) {
  const struct memtable *pending = records->layers.pending;
  uint8_t from[8], to[8 + 1];
  if (memtable_is_empty(pending)) return false;
  write_u64(from, actor_id);
  write_u64(to, actor_id);
  to[8] = 0xff;
  if (memtable_touches(pending, slice_of(from, sizeof from), slice_of(to, sizeof to))) return true;
  if (!memtable_may_hold(pending, slice_of(from, sizeof from), slice_of(to, sizeof to))) return false;
  const struct memtable_entry *entry = memtable_seek(pending, slice_of(from, sizeof from), false);
  return entry != NULL && slice_compare(memtable_key(entry), slice_of(to, sizeof to)) < 0;
}

bool records_is_key_pending(const struct records *records, struct slice key) {
  struct slice value;
  return memtable_get(records->layers.pending, key, &value) != MEMTABLE_NOTHING;
}

uint64_t records_ticket(const struct records *records) {
  return records->ticket;
}

uint64_t records_commit(struct records *records, struct commit **commit, struct drafts *drafts, bool ends) {
  (*commit)->source = &records->commit_source;
  uint64_t ticket = committer_put(records->committer, commit);
  if (drafts == NULL) return ticket;
  if (ends) drafts_end_snapshots(drafts, records->layers.active);
  drafts_send(drafts, records->layers.pending, ticket);
  CHECK_THAT(ticket, >, records->ticket);
  records->ticket = ticket;
  return ticket;
}

void records_end_snapshots(struct records *records, struct drafts *drafts) {
  drafts_end_snapshots(drafts, records->layers.active);
}

void records_ring(struct records *records) {
  committer_ring(records->committer);
}

void records_take_in(struct records *records, struct memtable *table) {
  memtable_merge_new(records->layers.active, table);
}

_Atomic size_t *records_under_way(struct records *records) {
  return &records->under_way;
}

void records_make_active(struct records *records, struct drafts *drafts) {
  drafts_make_active(drafts, records->layers.active);
}

void records_end(struct records *records, struct drafts *drafts) {
  drafts_end(drafts, records->layers.active);
}

/* -- bounds -- */

bool records_has_room(struct records *records, const struct view *view, size_t more) {
  return reserve_takes(records->config.reserve, view, more, records->checkpointer);
}

static bool is_heavy(const struct records *records) {
  const struct layers *layers = &records->layers;
  return memtable_memory(layers->active) > 2 * records->config.checkpoint_bytes && layers->frozen != NULL;
}

bool records_is_full(const struct records *records) {
  return is_heavy(records) && checkpointer_is_failing(records->checkpointer);
}

bool records_wait_for_store(struct records *records) {
  const struct layers *layers = &records->layers;
  bool large = memtable_memory(layers->active) > records->config.checkpoint_bytes ||
               layers->deleted_passed > PASSED_MAX;
  if (large && layers->frozen == NULL) checkpointer_want(records->checkpointer);
  return is_heavy(records) && !records_is_full(records);
}

bool records_wait_for_log(struct records *records) {
  if (memtable_memory(records->layers.pending) + atomic_load(&records->under_way) <= PENDING_BYTES_MAX) return false;
  records_wake_when_durable(records);
  return true;
}
