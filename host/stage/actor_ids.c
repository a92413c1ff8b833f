/* actor_ids.c -- see actor_ids.h. */
#include "stage/actor_ids.h"

#include "ledger/record_key.h"

/* The records of a shard: own <= id, key < end. */
struct range {
  uint64_t own;
  struct slice end;
};

/* The id in a key; the shard's own id if it is none of this shard. */
static uint64_t id_of(const struct range *range, struct slice key) {
  if (key.size < RECORD_KEY_HEAD) return range->own;
  uint64_t id = record_key_id(key);
  return id < range->own || slice_compare(key, range->end) >= 0 ? range->own : id;
}

/* Deleted records count: nobody minds an id that is left out. */
static uint64_t last_in_table(const struct range *range, const struct memtable *table) {
  const struct memtable_entry *entry = table == NULL ? NULL : memtable_seek(table, range->end, true);
  return entry == NULL ? range->own : id_of(range, memtable_key(entry));
}

/* In a damaged record the key itself may be wrong. So damaged records at the end of a shard, on either side of it, count as an
 * id far behind that of the last good one, and no id is given twice. */
static enum err last_in_store(const struct range *range, struct store_reader *reader, uint64_t *last) {
  enum { IDS_UNKNOWN = 1 << 30 };
  struct slice key, value;
  uint64_t unknown = 0;
  enum err err = store_seek(reader, range->end, false, &key);
  if (err == ERR_NONE && store_value(reader, &value) != ERR_NONE) unknown = IDS_UNKNOWN;
  if (err == ERR_NONE || err == ERR_NOT_FOUND) err = store_seek(reader, range->end, true, &key);
  while (err == ERR_NONE && store_value(reader, &value) != ERR_NONE) {
    unknown = IDS_UNKNOWN;
    err = store_next(reader, &key);
  }
  *last = (err == ERR_NONE ? id_of(range, key) : range->own) + unknown;
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static uint64_t later(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static enum err find_next(const struct view *view, unsigned shard, uint64_t *next) {
  uint8_t end[sizeof(uint64_t)];
  const struct range range = { .own = record_own_id(shard), .end = slice_of(end, sizeof end) };
  uint64_t last = range.own;
  write_u64(end, record_own_id(shard + 1));
  enum err err = last_in_store(&range, view->reader, &last);
  if (err != ERR_NONE) return err;
  last = later(last, last_in_table(&range, view->layers->pending));
  last = later(last, last_in_table(&range, view->layers->active));
  last = later(last, last_in_table(&range, view->layers->frozen));
  *next = last + 1;
  return ERR_NONE;
}

enum err actor_ids_give(struct actor_ids *ids, const struct view *view, unsigned shard, uint64_t *id) {
  uint64_t *next = &ids->next[shard];
  enum err err = *next == 0 ? find_next(view, shard, next) : ERR_NONE;
  if (err != ERR_NONE) return err;
  if (record_shard(*next) != shard) return ERR_STORAGE;
  *id = (*next)++;
  return ERR_NONE;
}
