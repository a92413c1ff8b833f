/* log_reader.c -- segment after segment, record after record, as long as each follows from the one before. */
#include "ledger/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/disk.h"
#include "ledger/log_record.h"
#include "ledger/segment.h"

struct reading {
  int folder;
  const char *path;
  uint64_t after;
  const struct log_visitor *visitor;
  struct log_contents *contents;
  struct failure *failure;
};

static enum err damaged(const struct reading *reading, uint64_t segment, size_t offset, uint64_t number,
                        const char *what) {
  char name[SEGMENT_NAME_SIZE];
  segment_name(segment, name);
  return failure_set(reading->failure, ERR_REQUEST, "the log is damaged: %s/%s at byte %zu: batch %" PRIu64 " %s",
                     reading->path, name, offset, number, what);
}

static enum err unreadable(const struct reading *reading, const char *name, int error) {
  return failure_set(reading->failure, disk_err(error, ERR_REQUEST), "cannot read the log: %s/%s: %s", reading->path, name,
                     strerror(error));
}

static enum err load(const struct reading *reading, uint64_t segment) {
  char name[SEGMENT_NAME_SIZE];
  segment_name(segment, name);
  buf_clear(&reading->contents->newest);
  int fd = openat(reading->folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  int error = fd < 0 ? errno : disk_read_open(fd, SIZE_MAX, &reading->contents->newest);
  if (fd >= 0) close(fd);
  return error == 0 ? ERR_NONE : unreadable(reading, name, error);
}

static enum err visit(const struct reading *reading, const struct log_record *record) {
  if (record->number <= reading->after) return ERR_NONE;
  reading->contents->bytes += LOG_RECORD_HEAD + record->body.size;
  if (reading->visitor == NULL) return ERR_NONE;
  enum err err = reading->visitor->batch(reading->visitor->context, record->number, record->body);
  if (err == ERR_NONE) return ERR_NONE;
  return failure_set(reading->failure, err, "batch %" PRIu64 " of the log was not taken: %s", record->number,
                     err_code(err));
}

/* Scans the records of a segment as long as they are whole and in order. */
static enum err scan(const struct reading *reading, uint64_t *synced) {
  struct log_contents *contents = reading->contents;
  struct log_record record;
  *synced = 0;
  contents->end = 0;
  contents->next = contents->first;
  while (log_record_read(slice_after(buf_slice(&contents->newest), contents->end), &record)) {
    if (record.number != contents->next) break;
    enum err err = visit(reading, &record);
    if (err != ERR_NONE) return err;
    *synced = record.synced;
    contents->end += LOG_RECORD_HEAD + record.body.size;
    contents->next++;
  }
  return ERR_NONE;
}

/* Where the first record that is not known to be synced begins. */
static size_t find_unproven(const struct log_contents *contents, uint64_t synced) {
  size_t offset = 0;
  struct log_record record;
  while (offset < contents->end) {
    if (!log_record_read_head(slice_after(buf_slice(&contents->newest), offset), &record)) break;
    if (record.number > synced) break;
    offset += LOG_RECORD_HEAD + record.body.size;
  }
  return offset;
}

/* How many bytes follow the records, up to the last one that is not zero. */
static size_t count_tail(const struct log_contents *contents) {
  size_t size = contents->newest.size;
  while (size > contents->end && contents->newest.data[size - 1] == 0) size--;
  return size - contents->end;
}

/* The highest number of a synced batch that anything behind the end of the records names. A head counts wherever it is, if
 * as many records as its number implies have room in between. But not within the body of a record: that may hold anything,
 * even a copy of a log. */
static uint64_t find_synced(const struct log_contents *contents) {
  struct slice rest = slice_after(buf_slice(&contents->newest), contents->end);
  struct log_record record;
  bool begun = log_record_read_head(rest, &record) && record.number == contents->next;
  size_t at = begun ? LOG_RECORD_HEAD + record.body.size : 0;
  uint64_t synced = 0;
  while (at < rest.size) {
    struct slice here = slice_after(rest, at);
    bool is_head = log_record_read_head(here, &record) && record.number - contents->next <= at / LOG_RECORD_HEAD;
    if (is_head && record.synced > synced) synced = record.synced;
    at += is_head && log_record_read(here, &record) ? LOG_RECORD_HEAD + record.body.size : 1;
  }
  return synced;
}

/* Judges what follows the records of the newest segment: nothing, the tail of a crash, or damage. */
static enum err judge_newest(const struct reading *reading) {
  struct log_contents *contents = reading->contents;
  contents->tail = count_tail(contents);
  if (contents->tail == 0) return ERR_NONE;
  if (contents->next > reading->after && contents->next > find_synced(contents)) return ERR_NONE;
  return damaged(reading, contents->first, contents->end, contents->next, "cannot be read, and it was synced");
}

/* Judges whether a segment leads on to the next one. Batches that the store holds may be missing in between, but only in
 * whole segments. */
static enum err judge_turn(const struct reading *reading, uint64_t following) {
  const struct log_contents *contents = reading->contents;
  if (following == contents->next) return ERR_NONE;
  if (following < contents->next) return damaged(reading, following, 0, following, "is in the segment before as well");
  if (following - 1 <= reading->after && count_tail(contents) == 0) return ERR_NONE;
  return damaged(reading, contents->first, contents->end, contents->next, "cannot be read, and it was synced");
}

static enum err read_segments(const struct reading *reading, const uint64_t *firsts, size_t count) {
  struct log_contents *contents = reading->contents;
  uint64_t synced = 0;
  if (count > 0 && firsts[0] - 1 > reading->after) {
    return damaged(reading, firsts[0], 0, reading->after + 1, "is missing before it");
  }
  for (size_t i = 0; i < count; i++) {
    contents->first = firsts[i];
    enum err err = load(reading, firsts[i]);
    if (err == ERR_NONE) err = scan(reading, &synced);
    if (err == ERR_NONE) err = i + 1 < count ? judge_turn(reading, firsts[i + 1]) : judge_newest(reading);
    if (err != ERR_NONE) return err;
  }
  contents->unproven = find_unproven(contents, synced);
  contents->last = contents->next > reading->after ? contents->next - 1 : reading->after;
  return ERR_NONE;
}

enum err log_read(int folder, const char *path, uint64_t after, const struct log_visitor *visitor,
                  struct log_contents *contents, struct failure *failure) {
  const struct reading reading = {
    .folder = folder, .path = path, .after = after, .visitor = visitor, .contents = contents, .failure = failure,
  };
  struct buf firsts = { 0 };
  int error = segment_list(folder, &firsts);
  enum err err = error == 0 ? read_segments(&reading, (const uint64_t *)(const void *)firsts.data,
                                            firsts.size / sizeof(uint64_t))
                            : unreadable(&reading, ".", error);
  buf_done(&firsts);
  return err;
}

void log_contents_done(struct log_contents *contents) {
  buf_done(&contents->newest);
}
