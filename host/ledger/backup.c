/* backup.c -- see backup.h. */
#include "ledger/backup.h"

#include "base/disk.h"
#include "ledger/checkpoint_number.h"
#include "ledger/folder.h"
#include "ledger/record_key.h"
#include "ledger/snapshot.h"

enum { BATCH_BYTES = 8 * 1024 * 1024, RECORD_COST = 64 };   /* what one transaction takes; each record adds its cost */

struct copy {
  struct scan scan;
  const struct backup_source *source;      /* NULL: the records come from the scan as they are */
  void *opened;                            /* of the source */
  struct store *store;
  struct backup_report *report;
  struct failure *failure;
};

static enum err cannot_write(const struct copy *copy, enum err err) {
  return failure_set(copy->failure, err, "the backup did not come to its end: its store cannot be written; the line before "
                     "says why");
}

static enum err next_record(struct copy *copy, struct slice *key, struct slice *value) {
  if (copy->source == NULL) return scan_next(&copy->scan, key, value);
  return copy->source->next(copy->opened, key, value, copy->failure);
}

static enum err cannot_read(const struct copy *copy, enum err err) {
  if (err == ERR_NONE || copy->failure->err != ERR_NONE) return err;
  return failure_set(copy->failure, err, "the backup did not come to its end: a record cannot be read; the line before names "
                     "it");
}

/* Appends records to the batch that has begun, until it is full. `*ended`: no more follow. */
static enum err copy_some(struct copy *copy, bool *ended) {
  struct slice key, value;
  for (size_t bytes = 0; bytes < BATCH_BYTES; bytes += key.size + value.size + RECORD_COST) {
    enum err err = next_record(copy, &key, &value);
    if (err == ERR_NOT_FOUND) {
      *ended = true;
      return ERR_NONE;
    }
    if (err != ERR_NONE) return cannot_read(copy, err);
    if (checkpoint_number_is(key)) continue;
    err = store_append(copy->store, key, value);
    if (err != ERR_NONE) return cannot_write(copy, err);
    copy->report->records++;
  }
  return ERR_NONE;
}

/* Copies one transaction; the number goes with the last one. */
static enum err copy_batch(struct copy *copy, bool *ended) {
  enum err err = store_begin(copy->store);
  if (err != ERR_NONE) return cannot_write(copy, err);
  err = copy_some(copy, ended);
  if (err == ERR_NONE && *ended && checkpoint_number_put(copy->store, copy->report->batch) != ERR_NONE) {
    err = cannot_write(copy, ERR_STORAGE);
  }
  if (err != ERR_NONE) {
    store_abort(copy->store);
    return err;
  }
  err = store_commit(copy->store);
  return err == ERR_NONE ? ERR_NONE : cannot_write(copy, err);
}

static enum err copy_records(struct copy *copy, const struct view *view) {
  enum err err = ERR_NONE;
  bool ended = false;
  if (copy->source == NULL) {
    scan_begin(&copy->scan, view, slice_of(NULL, 0), record_key_behind_all(), false);
  } else {
    err = cannot_read(copy, copy->source->open(view, &copy->opened, copy->failure));
  }
  if (err != ERR_NONE) return err;
  while (!ended && err == ERR_NONE) err = copy_batch(copy, &ended);
  if (copy->source != NULL) copy->source->close(copy->opened);
  return err;
}

/* Makes a store and copies the records into it. */
static enum err copy_store(struct copy *copy, const struct view *view, const char *path, size_t map_bytes,
                           const struct logger *logger) {
  enum { READERS_MAX = 16 };
  const struct store_config config = {
    .path = path, .map_bytes = map_bytes, .readers_max = READERS_MAX, .logger = logger,
  };
  enum err err = store_open(&config, &copy->store, copy->failure);
  if (err != ERR_NONE) return err;
  err = copy_records(copy, view);
  store_close(copy->store);
  return err;
}

/* Copies the token too, if there is one: a host whose first start was cut off has none yet. */
static enum err finish(const char *from, struct folder *to, struct failure *failure) {
  struct buf token = { 0 };
  struct failure none = { 0 };
  (void)folder_read_token(from, &token, &none);
  enum err err = folder_finish(to, buf_slice(&token), failure);
  failure_done(&none);
  buf_done(&token);
  return err;
}

enum err backup_make(const char *from, const char *to, size_t map_bytes, const struct logger *logger,
                     const struct backup_source *old, struct backup_report *report, struct failure *failure) {
  struct snapshot *snapshot = NULL;
  struct folder *folder = NULL;
  struct copy copy = { .report = report, .failure = failure };
  *report = (struct backup_report){ 0 };
  enum err err = snapshot_open(from, map_bytes, logger, &snapshot, failure);
  if (err == ERR_NONE) {
    report->batch = snapshot_last_batch(snapshot);
    report->is_upgraded = snapshot_is_old(snapshot);
    copy.source = report->is_upgraded ? old : NULL;
  }
  if (err == ERR_NONE && disk_is_below(to, from)) {
    err = failure_set(failure, ERR_REQUEST, "%s lies in %s: a folder is not copied into itself", to, from);
  }
  if (err == ERR_NONE) err = folder_make(to, &folder, failure);
  if (err == ERR_NONE) err = copy_store(&copy, snapshot_view(snapshot), folder_store_path(folder), map_bytes, logger);
  if (err == ERR_NONE) err = finish(from, folder, failure);
  folder_close(folder);
  snapshot_close(snapshot);
  return err;
}
