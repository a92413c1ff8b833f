/* records.h -- what the specs of the ledger share: chance with a seed, a scratch folder, a log that remembers, and the model
 * of an ordered map that everything is compared with: a sorted array.
 */
#ifndef TROUPE_SPEC_RECORDS_H
#define TROUPE_SPEC_RECORDS_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/logger.h"
#include "base/slice.h"
#include "ledger/changes.h"

/* ---- chance: TROUPE_SEED, or a new seed, printed -------------------------------------------------------- */

struct chance {
  uint64_t state;
};

static inline struct chance chance_begin(const char *name) {
  const char *given = getenv("TROUPE_SEED");
  uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
  printf("%s: TROUPE_SEED=%llu\n", name, (unsigned long long)seed);
  fflush(stdout);
  return (struct chance){ .state = seed };
}

static inline uint64_t chance_next(struct chance *chance) {
  uint64_t x = chance->state += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* A number below `count`. */
static inline size_t chance_below(struct chance *chance, size_t count) {
  return (size_t)(chance_next(chance) % count);
}

/* ---- keys: around the lengths where the store cuts them, with long prefixes in common -------------------- */

enum { RECORD_KEY_MAX = 4096 };

static inline struct slice chance_key(struct chance *chance, uint8_t *room) {
  static const size_t edges[] = { 0, 1, 2, 9, 507, 509, 511, 1010, 1011, 1020, 1511, 1530, 2012, 3515, 4095 };
  static const uint8_t bytes[] = { 0x00, 0x01, 'a', 0xfe, 0xff };
  size_t size = edges[chance_below(chance, sizeof edges / sizeof edges[0])] + chance_below(chance, 4);
  if (chance_below(chance, 4) == 0) size = chance_below(chance, 20);
  if (size > RECORD_KEY_MAX) size = RECORD_KEY_MAX;
  memset(room, bytes[chance_below(chance, 5)], size);
  size_t changes = chance_below(chance, 3);
  for (size_t i = 0; i < changes && size > 0; i++) {
    size_t at = chance_below(chance, 2) == 0 ? size - 1 - chance_below(chance, size < 3 ? size : 3)
                                             : edges[chance_below(chance, sizeof edges / sizeof edges[0])];
    if (at < size) room[at] = bytes[chance_below(chance, 5)];
  }
  return slice_of(room, size);
}

/* ---- the model ------------------------------------------------------------------------------------------- */

struct record {
  struct slice key;      /* malloc'ed, the value behind it */
  struct slice value;
  bool deleted;          /* a layer's mark; a model that is compared with has none */
};

struct model {
  struct record *records;
  size_t count;
  size_t capacity;
};

/* The index of the first record with a key >= `key`. */
static inline size_t model_lower(const struct model *model, struct slice key) {
  size_t low = 0, high = model->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (slice_compare(model->records[middle].key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

static inline const struct record *model_find(const struct model *model, struct slice key) {
  size_t at = model_lower(model, key);
  return at < model->count && slice_equal(model->records[at].key, key) ? &model->records[at] : NULL;
}

static inline void model_delete(struct model *model, struct slice key) {
  const struct record *found = model_find(model, key);
  if (found == NULL) return;
  size_t at = (size_t)(found - model->records);
  free((void *)found->key.data);
  memmove(model->records + at, model->records + at + 1, (model->count - at - 1) * sizeof *found);
  model->count--;
}

static inline void model_put(struct model *model, struct slice key, struct slice value, bool deleted) {
  model_delete(model, key);
  if (model->count == model->capacity) {
    model->capacity = model->capacity * 2 + 16;
    model->records = realloc(model->records, model->capacity * sizeof *model->records);
    assert_non_null(model->records);
  }
  uint8_t *bytes = malloc(key.size + value.size + 1);
  assert_non_null(bytes);
  memcpy(bytes, key.data, key.size);
  if (value.size > 0) memcpy(bytes + key.size, value.data, value.size);
  size_t at = model_lower(model, key);
  memmove(model->records + at + 1, model->records + at, (model->count - at) * sizeof *model->records);
  model->records[at] = (struct record){ slice_of(bytes, key.size), slice_of(bytes + key.size, value.size), deleted };
  model->count++;
}

/* Lays a model with its marks of deletion upon another. */
static inline void model_apply(struct model *model, const struct model *layer) {
  for (size_t i = 0; i < layer->count; i++) {
    const struct record *record = &layer->records[i];
    if (record->deleted) model_delete(model, record->key);
    else model_put(model, record->key, record->value, false);
  }
}

static inline void model_clear(struct model *model) {
  for (size_t i = 0; i < model->count; i++) free((void *)model->records[i].key.data);
  free(model->records);
  *model = (struct model){0};
}

static inline void assert_slice_equal(struct slice a, struct slice b) {
  assert_int_equal(a.size, b.size);
  if (a.size > 0) assert_memory_equal(a.data, b.data, a.size);
}

/* Does a run of changes to a memtable, one after the other. ERR_MEMORY: some of them are done; ERR_STORAGE: it is broken there. */
static inline enum err changes_apply(struct slice changes, struct memtable *memtable) {
  for (;;) {
    struct change change = changes_next(&changes);
    bool done = true;
    switch (change.type) {
      case CHANGE_END: return ERR_NONE;
      case CHANGE_BROKEN: return ERR_STORAGE;
      case CHANGE_PUT: done = memtable_try_put(memtable, change.key, change.value); break;
      case CHANGE_DELETE: done = memtable_try_delete(memtable, change.key); break;
      case CHANGE_DELETE_RANGE: done = memtable_try_delete_range(memtable, change.key, change.value); break;
    }
    if (!done) return ERR_MEMORY;
  }
}

/* ---- a scratch folder ------------------------------------------------------------------------------------ */

struct scratch {
  char path[PATH_MAX / 2];
};

static inline void scratch_begin(struct scratch *scratch) {
  const char *parent = getenv("TMPDIR");
  snprintf(scratch->path, sizeof scratch->path, "%s/troupe-spec-XXXXXX", parent != NULL ? parent : "/tmp");
  assert_non_null(mkdtemp(scratch->path));
}

static inline int scratch_remove(const char *path, const struct stat *status, int type, struct FTW *ftw) {
  (void)status, (void)type, (void)ftw;
  return remove(path);
}

static inline void scratch_end(struct scratch *scratch) {
  assert_int_equal(nftw(scratch->path, scratch_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Turns a byte over in the scratch folder's file wherever `needle` stands, `offset` behind its begin: LMDB leaves older
 * copies of a page behind. */
static inline void scratch_damage(const struct scratch *scratch, const char *name, struct slice needle, size_t offset) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", scratch->path, name);
  FILE *file = fopen(path, "r+b");
  assert_non_null(file);
  struct stat status;
  assert_int_equal(fstat(fileno(file), &status), 0);
  size_t size = (size_t)status.st_size;
  uint8_t *content = malloc(size);
  assert_non_null(content);
  assert_int_equal(fread(content, 1, size, file), size);
  size_t count = 0;
  for (size_t at = 0; at + needle.size <= size; at++) {
    if (content[at] != needle.data[0] || memcmp(content + at, needle.data, needle.size) != 0) continue;
    assert_int_equal(fseek(file, (long)(at + offset), SEEK_SET), 0);
    fputc(content[at + offset] ^ 1, file);
    count++;
  }
  assert_true(count > 0);
  free(content);
  assert_int_equal(fclose(file), 0);
}

/* ---- a log that remembers -------------------------------------------------------------------------------- */

struct memory_log {
  struct clock clock;
  struct logger logger;
  size_t errors;
  char last[LOGGER_LINE_MAX + 1];
};

static inline void memory_log_write(void *context, enum log_level level, struct slice line) {
  struct memory_log *log = context;
  if (level < LOG_ERROR) return;
  log->errors++;
  size_t size = line.size < LOGGER_LINE_MAX ? line.size : LOGGER_LINE_MAX;
  memcpy(log->last, line.data, size);
  log->last[size] = 0;
}

static inline void memory_log_init(struct memory_log *log) {
  *log = (struct memory_log){0};
  clock_init_manual(&log->clock, 0);
  log->logger = (struct logger){ .clock = &log->clock, .level_min = LOG_DEBUG, .write = memory_log_write, .context = log };
}

#endif
