/* clock_record.c -- see clock_record.h. */
#include "ledger/clock_record.h"

#include "ledger/record_key.h"

enum { VALUE_SIZE = 3 * 8 };

/* Ten thousand years: a sum of two still fits. */
static const uint64_t ms_max = UINT64_C(10000) * 366 * 24 * 60 * 60 * 1000;

static struct slice clock_key(uint8_t bytes[RECORD_KEY_HEAD]) {
  record_key_write_head(bytes, RECORD_HOST_ID, SPACE_CLOCK);
  return slice_of(bytes, RECORD_KEY_HEAD);
}

static struct slice value_of(uint8_t bytes[VALUE_SIZE], const struct time_mark *mark) {
  write_u64(bytes, (uint64_t)mark->ahead_ms);
  write_u64(bytes + 8, (uint64_t)mark->lived_ms);
  write_u64(bytes + 16, (uint64_t)mark->host_ms);
  return slice_of(bytes, VALUE_SIZE);
}

bool clock_record_is_valid(struct slice value) {
  if (value.size != VALUE_SIZE) return false;
  for (size_t at = 0; at < VALUE_SIZE; at += 8) {
    if (read_u64(value.data + at) > ms_max) return false;
  }
  return true;
}

static enum err read_value(struct slice value, struct time_mark *mark) {
  if (!clock_record_is_valid(value)) return ERR_STORAGE;
  *mark = (struct time_mark){
    .ahead_ms = (int64_t)read_u64(value.data), .lived_ms = (int64_t)read_u64(value.data + 8),
    .host_ms = (int64_t)read_u64(value.data + 16),
  };
  return ERR_NONE;
}

static enum err read_store(struct store *store, struct time_mark *mark, struct failure *failure) {
  struct store_reader *reader;
  struct slice value;
  uint8_t key[RECORD_KEY_HEAD];
  enum err err = store_reader_open(store, &reader, failure);
  if (err != ERR_NONE) return err;
  err = store_get(reader, clock_key(key), &value);
  if (err == ERR_NONE) err = read_value(value, mark);
  store_reader_close(reader);
  return err;
}

enum err clock_record_read(struct store *store, const struct memtable *recovered, struct time_mark *mark,
                           struct failure *failure) {
  struct slice value;
  uint8_t key[RECORD_KEY_HEAD];
  bool is_recovered = recovered != NULL && memtable_get(recovered, clock_key(key), &value) == MEMTABLE_VALUE;
  enum err err = is_recovered ? read_value(value, mark) : read_store(store, mark, failure);
  if (err == ERR_NONE || err == ERR_NOT_FOUND || failure->err != ERR_NONE) return err;
  return failure_set(failure, err, "the record of the host's clocks cannot be read");
}

enum err clock_record_write(struct store *store, const struct time_mark *mark) {
  uint8_t key[RECORD_KEY_HEAD], value[VALUE_SIZE];
  enum err err = store_begin(store);
  if (err != ERR_NONE) return err;
  err = store_put(store, clock_key(key), value_of(value, mark));
  if (err == ERR_NONE) return store_commit(store);
  store_abort(store);
  return err;
}

bool clock_record_try_draft(struct drafts *drafts, const struct time_mark *mark) {
  uint8_t key[RECORD_KEY_HEAD], value[VALUE_SIZE];
  return drafts_try_put(drafts, clock_key(key), value_of(value, mark));
}
