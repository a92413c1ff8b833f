/* log.c -- appends, syncs, turns to a new segment; and makes ready what a crash has left. */
#include "ledger/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "ledger/segment.h"

struct log {                /* log_tidy() reads only fields that do not change */
  int folder;
  int segment;          /* the newest; -1: the next batch begins one */
  size_t offset;        /* where in it the next record goes */
  size_t segment_bytes;
  uint64_t last;        /* number of the last batch that was appended */
  uint64_t synced;      /* number of the last batch that was synced */
  uint64_t bytes;
  bool lost;            /* it is unknown what is on disk: nothing is written any more */
  bool rests;           /* the last append was refused untried */
  unsigned failed;      /* how many turns to a new segment have failed in a row */
  int64_t retry_ns;     /* when to try the next one, if more than one has failed */
  const struct logger *logger;
  const struct clock *clock;
  struct faults *faults;
};

static enum err log_failed(struct log *log, enum err err, const char *what, int error) {
  if (err == ERR_FATAL) log->lost = true;
  logger_printf(log->logger, LOG_ERROR, "the log failed %s: %s", what, strerror(error));
  return err;
}

static int close_file(int *fd) {
  int closed = *fd;
  *fd = -1;
  return closed < 0 ? 0 : close(closed);
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

static enum err open_folder(const char *path, int *folder, struct failure *failure) {
  *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*folder >= 0) return ERR_NONE;
  int error = errno;
  return failure_set(failure, disk_err(error, ERR_REQUEST), "cannot open the log %s: %s", path, strerror(error));
}

/* Makes the newest segment ready for more. Records that may not have been synced are written again: after a failed sync
 * they can still be read, since the system remembers them, but another sync alone would not bring them to the disk. */
static int take_segment(struct log *log, const struct log_contents *contents) {
  char name[SEGMENT_NAME_SIZE];
  segment_name(contents->first, name);
  log->segment = openat(log->folder, name, O_RDWR | O_CLOEXEC);
  if (log->segment < 0) return errno;
  log->offset = contents->end;
  int error = 0;
  if (contents->unproven < contents->end) {
    struct slice again = slice_of(contents->newest.data + contents->unproven, contents->end - contents->unproven);
    error = disk_write_at(log->segment, contents->unproven, again, log->faults);
  }
  if (error == 0 && contents->tail > 0) {
    error = disk_zero_at(log->segment, contents->end, contents->tail, log->faults);
  }
  return error != 0 ? error : disk_sync_data(log->segment, log->faults);
}

static enum err recover(struct log *log, const char *path, const struct log_contents *contents,
                        struct failure *failure) {
  int error = segment_sweep(log->folder);
  if (error == 0) error = disk_sync(log->folder, log->faults);
  /* A segment that ends before what the store holds cannot go on: the number of the next batch is higher. */
  if (error == 0 && contents->next == contents->last + 1) error = take_segment(log, contents);
  if (error != 0) {
    return failure_set(failure, ERR_REQUEST, "cannot write to the log %s: %s", path, strerror(error));
  }
  log->last = log->synced = contents->last;
  log->bytes = contents->bytes;
  if (contents->tail > 0) {
    logger_printf(log->logger, LOG_INFO, "%zu bytes behind batch %" PRIu64 " of the log were the tail of a crash and "
                  "are dropped", contents->tail, contents->last);
  }
  return ERR_NONE;
}

enum err log_open(const struct log_config *config, uint64_t after, const struct log_visitor *visitor, struct log **log,
                  struct failure *failure) {
  *log = NULL;
  struct log *made = mem_zero(sizeof *made);
  made->segment = -1;
  made->segment_bytes = config->segment_bytes;
  made->logger = config->logger;
  made->clock = config->clock;
  made->faults = config->faults;
  struct log_contents contents = { 0 };
  contents.last = after;
  enum err err = open_folder(config->path, &made->folder, failure);
  if (err == ERR_NONE) err = log_read(made->folder, config->path, after, visitor, &contents, failure);
  if (err == ERR_NONE) err = recover(made, config->path, &contents, failure);
  log_contents_done(&contents);
  if (err == ERR_NONE) *log = made;
  else log_close(made);
  return err;
}

void log_close(struct log *log) {
  if (log == NULL) return;
  close_file(&log->segment);
  close_file(&log->folder);
  mem_free(log);
}

enum err log_verify(const struct log_config *config, uint64_t after, const struct log_visitor *visitor, uint64_t *last,
                    struct failure *failure) {
  int folder;
  struct log_contents contents = { .last = after };
  enum err err = open_folder(config->path, &folder, failure);
  if (err == ERR_NONE) err = log_read(folder, config->path, after, visitor, &contents, failure);
  *last = contents.last;
  log_contents_done(&contents);
  close_file(&folder);
  return err;
}

/* ---- appending ------------------------------------------------------------------------------------------- */

/* Turns to a new segment for a record of so many bytes. If the newest segment holds no batch, the new one replaces it. A
 * record that is larger than a segment gets one of its own, without zeros, which would be written for nothing. */
static enum err try_turn(struct log *log, size_t size) {
  enum err err = log_sync(log);
  if (err != ERR_NONE) return err;
  int segment;
  uint64_t first = log->last + 1;
  size_t fill_bytes = size > log->segment_bytes ? 0 : log->segment_bytes;
  int error = segment_begin(log->folder, first, fill_bytes, log->faults, &segment);
  if (error != 0) return log_failed(log, ERR_STORAGE, "to begin a segment", error);
  /* From here on the new segment may be on disk, so nothing may be appended to the old one, whatever happens. */
  close_file(&log->segment);
  log->offset = 0;
  error = disk_sync(log->folder, log->faults);
  if (error == 0) {
    log->segment = segment;
    return ERR_NONE;
  }
  close_file(&segment);
  segment_remove(log->folder, first);
  return log_failed(log, ERR_STORAGE, "to begin a segment", error);
}

static enum err turn_segment(struct log *log, size_t size) {
  int64_t now_ns = log->clock == NULL ? 0 : clock_monotonic_ns(log->clock);
  log->rests = log->clock != NULL && log->failed > 1 && now_ns < log->retry_ns;
  if (log->rests) return ERR_STORAGE;
  enum err err = try_turn(log, size);
  log->failed = err == ERR_NONE ? 0 : log->failed + 1;
  log->retry_ns = now_ns + (int64_t)LOG_RETRY_MS * 1000000;
  return err;
}

/* Removes what a failed write has left. That also syncs what was appended before. */
static enum err cut_back(struct log *log, int write_error) {
  int error = disk_truncate(log->segment, log->offset, log->faults);
  if (error == 0) error = disk_sync_data(log->segment, log->faults);
  if (error != 0) return log_failed(log, ERR_FATAL, "to take back what it could not write", error);
  log->synced = log->last;
  return log_failed(log, ERR_STORAGE, "to write", write_error);
}

enum err log_append(struct log *log, struct buf *batch) {
  CHECK(batch->err == ERR_NONE);
  CHECK_THAT(batch->size, >=, LOG_RECORD_HEAD);
  if (log->lost) return ERR_FATAL;
  log->rests = false;
  bool fits = log->segment >= 0 && log->offset + batch->size <= log->segment_bytes;
  if (!fits) {
    enum err err = turn_segment(log, batch->size);
    if (err != ERR_NONE) return err;
  }
  log_record_seal(batch->data, batch->size, log->last + 1, log->synced);
  int error = disk_write_at(log->segment, log->offset, buf_slice(batch), log->faults);
  if (error != 0) return cut_back(log, error);
  log->offset += batch->size;
  log->bytes += batch->size;
  log->last++;
  return ERR_NONE;
}

bool log_rests(const struct log *log) {
  return log->rests;
}

enum err log_sync(struct log *log) {
  if (log->lost) return ERR_FATAL;
  if (log->synced == log->last) return ERR_NONE;
  int error = disk_sync_data(log->segment, log->faults);
  if (error != 0) return log_failed(log, ERR_FATAL, "to sync", error);
  log->synced = log->last;
  return ERR_NONE;
}

uint64_t log_last(const struct log *log) {
  return log->last;
}

uint64_t log_bytes(const struct log *log) {
  return log->bytes;
}

/* ---- tidying --------------------------------------------------------------------------------------------- */

static int remove_reached(int folder, uint64_t reached) {
  struct buf list = { 0 };
  int error = segment_list(folder, &list);
  const uint64_t *firsts = (const uint64_t *)(const void *)list.data;
  size_t count = list.size / sizeof *firsts;
  for (size_t i = 0; error == 0 && i + 1 < count && firsts[i + 1] - 1 <= reached; i++) {
    error = segment_remove(folder, firsts[i]);
  }
  buf_done(&list);
  return error;
}

void log_tidy(const struct log *log, uint64_t reached) {
  int error = remove_reached(log->folder, reached);
  if (error == 0) error = segment_prepare(log->folder, log->segment_bytes, log->faults);
  if (error != 0) logger_printf(log->logger, LOG_WARN, "the log was not tidied: %s", strerror(error));
}

void log_empty(struct log *log, uint64_t reached) {
  if (log->lost || log->last != reached || log->synced != reached) return;
  struct buf list = { 0 };
  int error = segment_list(log->folder, &list);
  const uint64_t *firsts = (const uint64_t *)(const void *)list.data;
  close_file(&log->segment);
  for (size_t i = 0; error == 0 && i < list.size / sizeof *firsts; i++) error = segment_remove(log->folder, firsts[i]);
  buf_done(&list);
  if (error != 0) logger_printf(log->logger, LOG_WARN, "the log was not emptied: %s", strerror(error));
}
