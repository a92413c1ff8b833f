/* log_fixture.h -- what the specs of the commit log share: a log in a scratch folder, a list of what was appended to it, and
 * its files.
 */
#ifndef TROUPE_SPEC_LOG_FIXTURE_H
#define TROUPE_SPEC_LOG_FIXTURE_H

#include "records.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>

#include "ledger/log.h"

enum { BATCHES_MAX = 1000, SEGMENT_BYTES = 512, FILES_MAX = 12, FILE_BYTES_MAX = 8192 };

/* What was appended, from number 1 on. */
struct batch {
  uint8_t *bytes;
  size_t size;
  size_t place;          /* where its record begins in its segment, and which that is: see remember_places() */
  uint64_t segment;
  uint64_t synced;       /* what its record says */
};

struct fixture {
  struct scratch scratch;
  struct memory_log memory;
  struct chance chance;
  struct faults faults;
  struct failure failure;
  struct log_config config;
  struct log *log;
  uint64_t after;
  uint64_t last;         /* of the batches; index 0 is not used */
  uint64_t synced;
  struct batch batches[BATCHES_MAX];
  uint64_t visited;      /* number of the batch that was visited last */
  uint64_t visited_bytes;
  size_t lines[LOG_ERROR + 1];
};

static inline void count_line(void *context, enum log_level level, struct slice line) {
  struct fixture *fixture = context;
  (void)line;
  fixture->lines[level]++;
}

static inline int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->memory);
  fixture->memory.logger.write = count_line;
  fixture->memory.logger.context = fixture;
  fixture->config = (struct log_config){
    .path = fixture->scratch.path, .segment_bytes = SEGMENT_BYTES, .logger = &fixture->memory.logger,
    .faults = &fixture->faults,
  };
  fixture->chance = (struct chance){ .state = 1 };
  *state = fixture;
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *fixture = *state;
  log_close(fixture->log);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  for (size_t i = 0; i < BATCHES_MAX; i++) free(fixture->batches[i].bytes);
  free(fixture);
  return 0;
}

static inline enum err visit(void *context, uint64_t number, struct slice body) {
  struct fixture *fixture = context;
  assert_int_equal(number, fixture->visited + 1);
  assert_true(number <= fixture->last);
  assert_slice_equal(body, slice_of(fixture->batches[number].bytes, fixture->batches[number].size));
  fixture->visited = number;
  fixture->visited_bytes += LOG_RECORD_HEAD + body.size;
  return ERR_NONE;
}

static inline enum err open_or_verify(struct fixture *fixture, bool verify) {
  const struct log_visitor visitor = { visit, fixture };
  fixture->visited = fixture->after;
  fixture->visited_bytes = 0;
  failure_clear(&fixture->failure);
  uint64_t last;
  if (verify) return log_verify(&fixture->config, fixture->after, &visitor, &last, &fixture->failure);
  log_close(fixture->log);
  return log_open(&fixture->config, fixture->after, &visitor, &fixture->log, &fixture->failure);
}

/* Opens the log again. What it holds must be some of what was appended, and all that was synced. */
static inline void reopen(struct fixture *fixture) {
  enum err err = open_or_verify(fixture, false);
  if (err != ERR_NONE) fail_msg("%.*s", (int)fixture->failure.message.size, (char *)fixture->failure.message.data);
  assert_int_equal(log_last(fixture->log), fixture->visited);
  assert_int_equal(log_bytes(fixture->log), fixture->visited_bytes);
  assert_true(fixture->visited >= fixture->synced && fixture->visited <= fixture->last);
  fixture->last = fixture->synced = fixture->visited;
}

static inline enum err append(struct fixture *fixture, size_t size) {
  assert_true(fixture->last + 1 < BATCHES_MAX);
  struct batch *batch = &fixture->batches[fixture->last + 1];
  free(batch->bytes);
  *batch = (struct batch){ .bytes = malloc(size + 1), .size = size };
  for (size_t i = 0; i < size; i++) batch->bytes[i] = (uint8_t)chance_next(&fixture->chance);
  struct buf record = { 0 };
  for (int i = 0; i < LOG_RECORD_HEAD; i++) buf_put_byte(&record, 0xee);
  buf_put(&record, slice_of(batch->bytes, size));
  uint64_t bytes = log_bytes(fixture->log);
  enum err err = log_append(fixture->log, &record);
  assert_int_equal(log_bytes(fixture->log) - bytes, err == ERR_NONE ? record.size : 0);
  buf_done(&record);
  if (err == ERR_NONE) fixture->last++;
  assert_int_equal(log_last(fixture->log), fixture->last);
  return err;
}

static inline enum err sync_log(struct fixture *fixture) {
  enum err err = log_sync(fixture->log);
  if (err == ERR_NONE) fixture->synced = fixture->last;
  return err;
}

static inline void append_synced(struct fixture *fixture, size_t size) {
  assert_int_equal(append(fixture, size), ERR_NONE);
  assert_int_equal(sync_log(fixture), ERR_NONE);
}

/* ---- files ----------------------------------------------------------------------------------------------- */

static inline int open_file(const struct fixture *fixture, const char *name, int flags) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", fixture->scratch.path, name);
  return open(path, flags | O_CLOEXEC, 0600);
}

/* Bytes of a file; -1: it is not there. */
static inline long file_size(const struct fixture *fixture, const char *name) {
  struct stat status;
  int fd = open_file(fixture, name, O_RDONLY);
  if (fd < 0) return -1;
  assert_int_equal(fstat(fd, &status), 0);
  close(fd);
  return (long)status.st_size;
}

static inline void write_file(const struct fixture *fixture, const char *name, const void *bytes, size_t size) {
  int fd = open_file(fixture, name, O_WRONLY | O_CREAT | O_TRUNC);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes, size), size);
  close(fd);
}

static inline void remove_file(const struct fixture *fixture, const char *name) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", fixture->scratch.path, name);
  assert_int_equal(unlink(path), 0);
}

static inline void change_byte(const struct fixture *fixture, const char *name, size_t offset) {
  int fd = open_file(fixture, name, O_RDWR);
  uint8_t byte;
  assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
  byte ^= 0x10;
  assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
  close(fd);
}

static inline char *name_of(uint64_t segment, char *name) {
  snprintf(name, 17, "%016" PRIx64, segment);
  return name;
}

struct file {
  uint64_t segment;      /* number of its first batch */
  size_t size;
  uint8_t bytes[FILE_BYTES_MAX];
};

/* All segments, in order. */
struct files {
  size_t count;
  struct file files[FILES_MAX];
};

static inline void save_files(const struct fixture *fixture, struct files *files) {
  char name[17];
  files->count = 0;
  for (uint64_t number = 1; number <= fixture->last + 1; number++) {
    int fd = open_file(fixture, name_of(number, name), O_RDONLY);
    if (fd < 0) continue;
    assert_true(files->count < FILES_MAX);
    struct file *file = &files->files[files->count++];
    file->segment = number;
    ssize_t size = read(fd, file->bytes, FILE_BYTES_MAX);
    assert_true(size >= 0 && size < FILE_BYTES_MAX);
    file->size = (size_t)size;
    close(fd);
  }
}

static inline void clear_folder(const struct fixture *fixture) {
  DIR *dir = opendir(fixture->scratch.path);
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] != '.') remove_file(fixture, entry->d_name);
  }
  closedir(dir);
}

static inline void restore_files(const struct fixture *fixture, const struct files *files) {
  char name[17];
  clear_folder(fixture);
  for (size_t i = 0; i < files->count; i++) {
    write_file(fixture, name_of(files->files[i].segment, name), files->files[i].bytes, files->files[i].size);
  }
}

static inline void assert_unchanged(const struct fixture *fixture, const struct files *files) {
  static struct files now;
  save_files(fixture, &now);
  assert_int_equal(now.count, files->count);
  for (size_t i = 0; i < files->count; i++) {
    const struct file *a = &now.files[i], *b = &files->files[i];
    assert_int_equal(a->segment, b->segment);
    assert_slice_equal(slice_of(a->bytes, a->size), slice_of(b->bytes, b->size));
  }
}

#endif
