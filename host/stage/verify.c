/* verify.c -- see verify.h. */
#include "stage/verify.h"

#include "ledger/folder.h"
#include "ledger/snapshot.h"

/* Damage in the folder is a finding. A folder that cannot be checked remains an error. */
static enum err take_failure(enum err err, struct findings *findings, struct failure *failure) {
  if (err != ERR_STORAGE && err != ERR_REQUEST) return err;
  findings_add(findings, "%.*s", (int)failure->message.size, (const char *)failure->message.data);
  failure_clear(failure);
  return ERR_NONE;
}

static const char *for_want(enum err err) {
  return err == ERR_MEMORY ? ": out of memory" : "";
}

/* Whatever would be logged is a finding already. */
static void log_nothing(void *context, enum log_level level, struct slice line) {
  (void)context;
  (void)level;
  (void)line;
}

static enum err check_store(const struct folder *folder, size_t map_bytes, const struct logger *logger,
                            struct findings *findings,
                            struct store_place *place, struct verify_report *report, struct failure *failure) {
  const struct store_config config = {
    .path = folder_store_path(folder), .map_bytes = map_bytes, .readers_max = SNAPSHOT_READERS_MAX, .read_only = true,
    .is_still = folder_is_still(folder), .logger = logger,
  };
  struct store *store = NULL;
  struct store_reader *reader = NULL;
  enum err err = store_open(&config, &store, failure);
  if (err == ERR_NONE) err = store_reader_open(store, &reader, failure);
  if (err == ERR_NONE) {
    err = store_check(reader, findings, place, &report->records);
    if (err != ERR_NONE) failure_set(failure, err, "the store cannot be read%s", for_want(err));
  }
  store_reader_close(reader);
  store_close(store);
  return take_failure(err, findings, failure);
}

/* Reads the log, and with it all records. They are audited only if nothing has been found wrong before. */
static enum err check_records(const char *path, size_t map_bytes, const struct logger *logger, struct findings *findings,
                              struct verify_report *report, struct failure *failure) {
  struct snapshot *snapshot = NULL;
  enum err err = snapshot_open(path, map_bytes, logger, &snapshot, failure);
  if (err == ERR_NONE) {
    report->batch = snapshot_last_batch(snapshot);
    if (findings->count == 0) err = audit_records(snapshot_view(snapshot), findings, &report->audit);
    if (err != ERR_NONE) failure_set(failure, err, "the records cannot be read%s", for_want(err));
  }
  snapshot_close(snapshot);
  return take_failure(err, findings, failure);
}

enum err verify_folder(const char *path, size_t map_bytes, struct findings *findings, struct store_place *place,
                       struct verify_report *report, struct failure *failure) {
  struct clock clock;
  clock_init(&clock);
  const struct logger logger = { .clock = &clock, .level_min = LOG_ERROR, .write = log_nothing };
  struct folder *folder = NULL;
  *report = (struct verify_report){ 0 };
  enum err err = folder_look(path, false, &folder, failure);
  if (err != ERR_NONE) return err;
  err = check_store(folder, map_bytes, &logger, findings, place, report, failure);
  if (err == ERR_NONE) err = check_records(path, map_bytes, &logger, findings, report, failure);
  folder_close(folder);
  return err;
}
