/* verify.c -- see verify.h. */
#include "stage/verify.h"

#include "ledger/folder.h"
#include "ledger/snapshot.h"

static void add_failure(struct findings *findings, struct failure *failure) {
  findings_add(findings, "%.*s", (int)failure->message.size, (const char *)failure->message.data);
  failure_clear(failure);
}

/* What is wrong comes as findings. */
static void log_nothing(void *context, enum log_level level, struct slice line) {
  (void)context;
  (void)level;
  (void)line;
}

static void check_store(const char *path, size_t map_bytes, const struct logger *logger, struct findings *findings,
                        struct store_place *place, struct verify_report *report, struct failure *failure) {
  const struct store_config config = {
    .path = path, .map_bytes = map_bytes, .readers_max = SNAPSHOT_READERS_MAX, .read_only = true, .logger = logger,
  };
  struct store *store = NULL;
  struct store_reader *reader = NULL;
  enum err err = store_open(&config, &store, failure);
  if (err == ERR_NONE) err = store_reader_open(store, &reader, failure);
  if (err == ERR_NONE && store_check(reader, findings, place, &report->records) != ERR_NONE) {
    failure_set(failure, ERR_STORAGE, "the store cannot be read");
  }
  if (failure->err != ERR_NONE) add_failure(findings, failure);
  store_reader_close(reader);
  store_close(store);
}

/* The log, and with it all records; they are looked at more closely where nothing was found by then. */
static void check_records(const char *path, size_t map_bytes, const struct logger *logger, struct findings *findings,
                          struct verify_report *report, struct failure *failure) {
  struct snapshot *snapshot = NULL;
  enum err err = snapshot_open(path, map_bytes, logger, &snapshot, failure);
  if (err == ERR_NONE) {
    report->batch = snapshot_last_batch(snapshot);
    if (findings->count == 0 && audit_records(snapshot_view(snapshot), findings, &report->audit) != ERR_NONE) {
      failure_set(failure, ERR_STORAGE, "the records cannot be read");
    }
  }
  if (failure->err != ERR_NONE) add_failure(findings, failure);
  snapshot_close(snapshot);
}

enum err verify_folder(const char *path, size_t map_bytes, struct findings *findings, struct store_place *place,
                       struct verify_report *report, struct failure *failure) {
  struct clock clock;
  clock_init(&clock);
  const struct logger logger = { .clock = &clock, .level_min = LOG_ERROR, .write = log_nothing };
  struct folder *folder = NULL;
  *report = (struct verify_report){ 0 };
  enum err err = folder_look(path, &folder, failure);
  if (err != ERR_NONE) return err;
  check_store(folder_store_path(folder), map_bytes, &logger, findings, place, report, failure);
  check_records(path, map_bytes, &logger, findings, report, failure);
  folder_close(folder);
  return ERR_NONE;
}
