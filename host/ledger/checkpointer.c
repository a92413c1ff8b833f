/* checkpointer.c -- gathers tables, writes them in portions, and lets go of them. */
#include "ledger/checkpointer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "ledger/checkpoint_number.h"

enum phase { RESTING, FREEZING, WRITING, THAWING };

/* How far the tables are written. */
struct progress {
  size_t table;
  struct slice range_from;          /* ranges that end behind it have still to be deleted */
  bool ranges_done;
  const struct memtable_entry *entry;
};

struct checkpointer {
  struct checkpointer_config config;
  struct queue *queue;
  enum phase phase;
  struct memtable **tables;         /* to write: one from each source, or the one that was recovered */
  size_t table_count;
  size_t answers;                   /* how many sources have answered in this phase */
  uint64_t number;                  /* of the checkpoint under way */
  uint64_t written;                 /* of the last one */
  bool tidied;                      /* since the start */

  struct progress progress;         /* where the next portion begins */
  int64_t retry_ns;                 /* while failing: when to try again */
  uint64_t portions;                /* written in this checkpoint */
  _Atomic uint64_t log_bytes;       /* heard last */
  _Atomic uint64_t log_bytes_begun; /* when the last checkpoint began */
  _Atomic uint64_t log_bytes_written; /* when the last one that was completed began */
  atomic_bool wanted;
  atomic_bool failing;
};

struct checkpointer *checkpointer_new(const struct checkpointer_config *config, struct memtable *recovered, uint64_t last) {
  CHECK_THAT(config->source_count, >, 0);
  CHECK_THAT(config->portion_records_max, >, 0);
  struct checkpointer *checkpointer = mem_zero(sizeof *checkpointer);
  checkpointer->config = *config;
  checkpointer->queue = queue_new();
  checkpointer->tables = mem_zero(config->source_count * sizeof *checkpointer->tables);
  checkpointer->number = checkpointer->written = last;
  if (recovered != NULL) {
    checkpointer->written = 0;
    checkpointer->tables[0] = recovered;
    checkpointer->table_count = 1;
    checkpointer->phase = WRITING;
  }
  return checkpointer;
}

static struct checkpoint_part *part_of(struct queue_item *item) {
  return (struct checkpoint_part *)(void *)((uint8_t *)item - offsetof(struct checkpoint_part, item));
}

static void free_tables(struct checkpointer *checkpointer) {
  for (size_t i = 0; i < checkpointer->table_count; i++) memtable_free(checkpointer->tables[i]);
  checkpointer->table_count = 0;
}

void checkpointer_free(struct checkpointer *checkpointer) {
  if (checkpointer == NULL) return;
  for (struct queue_item *item = queue_take(checkpointer->queue); item != NULL; item = item->next) {
    memtable_free(part_of(item)->table);
  }
  free_tables(checkpointer);
  mem_free(checkpointer->tables);
  queue_free(checkpointer->queue);
  mem_free(checkpointer);
}

void checkpointer_want(struct checkpointer *checkpointer) {
  if (!atomic_exchange(&checkpointer->wanted, true)) queue_wake(checkpointer->queue);
}

void checkpointer_hear(struct checkpointer *checkpointer, uint64_t log_bytes) {
  atomic_store(&checkpointer->log_bytes, log_bytes);
  if (log_bytes - atomic_load(&checkpointer->log_bytes_begun) >= checkpointer->config.log_bytes_max) {
    checkpointer_want(checkpointer);
  }
}

void checkpointer_put(struct checkpointer *checkpointer, struct checkpoint_part *part) {
  queue_put(checkpointer->queue, &part->item);
}

bool checkpointer_is_failing(const struct checkpointer *checkpointer) {
  return atomic_load(&checkpointer->failing);
}

uint64_t checkpointer_owed_bytes(const struct checkpointer *checkpointer) {
  uint64_t written = atomic_load(&checkpointer->log_bytes_written);      /* read first: it only follows the other */
  return atomic_load(&checkpointer->log_bytes) - written;
}

/* ---- a portion ------------------------------------------------------------------------------------------- */

/* Goes on deleting the ranges of a table, as far as the portion allows. A range counts as a record too, since it is looked
 * for in the store even if nothing is left of it. */
static enum err write_ranges(struct store *store, const struct memtable *table, struct progress *progress, size_t *left) {
  struct slice from, to;
  while (*left > 0 && memtable_next_range(table, progress->range_from, &from, &to)) {
    size_t count;
    enum err err = store_delete_some(store, from, to, *left, &count);
    if (err != ERR_NONE) return err;
    *left -= count;
    if (*left == 0) return ERR_NONE;            /* there may be more of it: the next portion will look */
    progress->range_from = to;
    --*left;
  }
  if (*left == 0) return ERR_NONE;
  progress->ranges_done = true;
  progress->entry = memtable_seek(table, slice_of(NULL, 0), false);
  return ERR_NONE;
}

static enum err write_records(struct store *store, struct progress *progress, size_t *left) {
  while (*left > 0 && progress->entry != NULL) {
    struct slice key = memtable_key(progress->entry), value = memtable_value(progress->entry);
    bool deleted = memtable_is_deleted(progress->entry);
    enum err err = deleted ? store_delete(store, key) : store_put(store, key, value);
    if (err != ERR_NONE) return err;
    size_t cost = 1 + (key.size + value.size) / 1024;
    *left -= cost < *left ? cost : *left;
    progress->entry = memtable_next(progress->entry, false);
  }
  return ERR_NONE;
}

/* Writes what a portion takes, from `progress` on. The number goes with the last portion. */
static enum err write_some(struct checkpointer *checkpointer, struct progress *progress) {
  struct store *store = checkpointer->config.store;
  size_t left = checkpointer->config.portion_records_max;
  for (; progress->table < checkpointer->table_count; *progress = (struct progress){ .table = progress->table + 1 }) {
    const struct memtable *table = checkpointer->tables[progress->table];
    enum err err = progress->ranges_done ? ERR_NONE : write_ranges(store, table, progress, &left);
    if (err == ERR_NONE) err = write_records(store, progress, &left);
    if (err != ERR_NONE || left == 0) return err;
  }
  return checkpoint_number_put(store, checkpointer->number);
}

/* Writes one portion, wholly or not at all. */
static enum err write_portion(struct checkpointer *checkpointer) {
  struct store *store = checkpointer->config.store;
  struct progress progress = checkpointer->progress;
  enum err err = store_begin(store);
  if (err != ERR_NONE) return err;
  err = write_some(checkpointer, &progress);
  if (err != ERR_NONE) {
    store_abort(store);
    return err;
  }
  err = store_commit(store);
  if (err == ERR_NONE) checkpointer->progress = progress;
  return err;
}

/* ---- from state to state --------------------------------------------------------------------------------- */

static void log_checkpoint(const struct checkpointer *checkpointer, const char *what) {
  char batch[24], portions[24];
  snprintf(batch, sizeof batch, "%" PRIu64, checkpointer->number);
  snprintf(portions, sizeof portions, "%" PRIu64, checkpointer->portions);
  const struct log_field fields[] = { { "batch", slice_text(batch) }, { "portions", slice_text(portions) } };
  logger_event(checkpointer->config.logger, LOG_INFO, slice_text(what), fields, 2 - (checkpointer->portions == 0));
}

static bool nothing_changed(const struct checkpointer *checkpointer) {
  bool changed = checkpointer->number != checkpointer->written;
  for (size_t i = 0; i < checkpointer->table_count; i++) changed |= !memtable_is_empty(checkpointer->tables[i]);
  return !changed;
}

static void begin_writing(struct checkpointer *checkpointer) {
  checkpointer->phase = WRITING;
  checkpointer->progress = (struct progress){ 0 };
  checkpointer->portions = 0;
  log_checkpoint(checkpointer, "checkpoint begun");
}

static void take_part(struct checkpointer *checkpointer, const struct checkpoint_part *part) {
  CHECK(checkpointer->phase == (part->table == NULL ? THAWING : FREEZING));
  checkpointer->answers++;
  if (part->table == NULL) return;
  if (part->batch < checkpointer->number) checkpointer->number = part->batch;
  checkpointer->tables[checkpointer->table_count++] = part->table;
}

static bool take_parts(struct checkpointer *checkpointer) {
  struct queue_item *item = queue_take(checkpointer->queue);
  bool any = item != NULL;
  while (item != NULL) {
    const struct checkpoint_part *part = part_of(item);
    item = item->next;            /* read now: once it is called again, the source may use the item again */
    take_part(checkpointer, part);
  }
  return any;
}

static bool step_resting(struct checkpointer *checkpointer) {
  if (!checkpointer->tidied) {
    checkpointer->tidied = true;
    log_tidy(checkpointer->config.log, checkpointer->written);
  }
  if (!atomic_exchange(&checkpointer->wanted, false)) return false;
  atomic_store(&checkpointer->log_bytes_begun, atomic_load(&checkpointer->log_bytes));
  checkpointer->phase = FREEZING;
  checkpointer->answers = 0;
  checkpointer->number = UINT64_MAX;
  for (size_t i = 0; i < checkpointer->config.source_count; i++) {
    struct checkpoint_source *source = checkpointer->config.sources[i];
    source->freeze(source);
  }
  return true;
}

static void begin_thawing(struct checkpointer *checkpointer) {
  atomic_store(&checkpointer->log_bytes_written, atomic_load(&checkpointer->log_bytes_begun));
  checkpointer->phase = THAWING;
  checkpointer->answers = 0;
  for (size_t i = 0; i < checkpointer->config.source_count; i++) {
    struct checkpoint_source *source = checkpointer->config.sources[i];
    source->written(source);
  }
}

static void end_writing(struct checkpointer *checkpointer) {
  checkpointer->written = checkpointer->number;
  log_checkpoint(checkpointer, "checkpoint done");
  checkpointer->tidied = true;
  log_tidy(checkpointer->config.log, checkpointer->written);
  begin_thawing(checkpointer);
}

static enum err step_writing(struct checkpointer *checkpointer, bool *worked) {
  int64_t now_ns = clock_monotonic_ns(checkpointer->config.clock);
  if (atomic_load(&checkpointer->failing) && now_ns < checkpointer->retry_ns) return ERR_NONE;
  *worked = true;
  enum err err = write_portion(checkpointer);
  if (err == ERR_FATAL) return err;
  atomic_store(&checkpointer->failing, err != ERR_NONE);
  if (err != ERR_NONE) {
    *worked = false;
    checkpointer->retry_ns = now_ns + (int64_t)CHECKPOINT_RETRY_MS * 1000000;
    for (size_t i = 0; i < checkpointer->config.source_count; i++) {
      checkpointer->config.sources[i]->failing(checkpointer->config.sources[i]);
    }
    return ERR_NONE;
  }
  checkpointer->portions++;
  if (checkpointer->progress.table == checkpointer->table_count) end_writing(checkpointer);
  return ERR_NONE;
}

enum err checkpointer_step(struct checkpointer *checkpointer, bool *worked) {
  *worked = take_parts(checkpointer);
  bool all = checkpointer->answers == checkpointer->config.source_count;
  switch (checkpointer->phase) {
    case RESTING:
      *worked |= step_resting(checkpointer);
      return ERR_NONE;
    case FREEZING:
      if (all && nothing_changed(checkpointer)) begin_thawing(checkpointer);
      else if (all) begin_writing(checkpointer);
      *worked |= all;
      return ERR_NONE;
    case WRITING:
      return step_writing(checkpointer, worked);
    case THAWING:
      if (!all) return ERR_NONE;
      free_tables(checkpointer);
      checkpointer->phase = RESTING;
      *worked = true;
      return ERR_NONE;
  }
  return ERR_NONE;
}

void checkpointer_wait(struct checkpointer *checkpointer) {
  bool rests = checkpointer->phase == RESTING && atomic_load(&checkpointer->wanted);
  if (rests) return;
  int64_t timeout_ns = -1;
  if (checkpointer->phase == WRITING) {
    timeout_ns = atomic_load(&checkpointer->failing) ? (int64_t)CHECKPOINT_RETRY_MS * 1000000 : 0;
  }
  queue_wait(checkpointer->queue, timeout_ns);
}

void checkpointer_wake(struct checkpointer *checkpointer) {
  queue_wake(checkpointer->queue);
}
