/* renumbering.c -- see renumbering.h. */
#include "stage/renumbering.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ledger/checkpoint_number.h"
#include "ledger/own_record.h"
#include "ledger/record_key.h"
#include "stage/router.h"

enum { ID_SIZE = 8, OLD_HOST_ID = 0 };

/* A place in the index. */
struct place {
  struct slice address;
  uint64_t id;             /* the new one */
};

struct renumbering {
  const struct view *view;
  struct buf ids;          /* the new ones, in order, as uint64_t's */
  size_t at;               /* the actor whose records come next, or are being given */
  size_t shard_end;        /* behind the last one of its shard */
  struct buf places;       /* of its shard, in order */
  struct buf addresses;    /* theirs */
  size_t place_at;         /* the next one to be given */
  bool is_scanning;
  struct scan scan;        /* the records of the actor */
  uint8_t from[ID_SIZE], to[ID_SIZE];
  struct buf key;          /* of what was given last; and on the way to it, an old key */
};

static uint64_t old_id_of(uint64_t id) {
  return id - record_own_id(record_shard(id));
}

static uint64_t id_at(const struct renumbering *all, size_t index) {
  uint64_t id;
  memcpy(&id, all->ids.data + index * sizeof id, sizeof id);
  return id;
}

static size_t id_count(const struct renumbering *all) {
  return all->ids.size / sizeof(uint64_t);
}

static enum err damaged(struct failure *failure, uint64_t old_id, const char *what) {
  return failure_set(failure, ERR_STORAGE, "the records are damaged: actor %" PRIu64 " %s", old_id, what);
}

/* Begins to scan the records with from <= id < to. */
static void scan_ids(struct renumbering *all, uint64_t from, uint64_t to) {
  write_u64(all->from, from);
  write_u64(all->to, to);
  scan_begin(&all->scan, all->view, slice_of(all->from, ID_SIZE), slice_of(all->to, ID_SIZE), false);
}

/* ---- before the first record: who there is ---------------------------------------------------------------- */

/* Appends the address of an actor with this old id. */
static enum err find_address(struct renumbering *all, uint64_t old_id, struct buf *address, struct failure *failure) {
  uint8_t key[RECORD_KEY_HEAD];
  struct slice value;
  record_key_write_head(key, old_id, SPACE_OWN);
  enum err err = view_get(all->view, slice_of(key, sizeof key), &value);
  if (err == ERR_NOT_FOUND) return damaged(failure, old_id, "has records, and none of itself");
  if (err != ERR_NONE) return err;
  struct slice class_name, actor_key;
  if (!own_record_read(value, &class_name, &actor_key)) {
    return damaged(failure, old_id, "has a record of its own that does not say who it is");
  }
  router_put_address(address, class_name, actor_key);
  return address->err;
}

static enum err find_ids(struct renumbering *all, struct failure *failure) {
  const uint64_t old_end = record_own_id(1);
  struct slice key, value;
  for (uint64_t old_id = OLD_HOST_ID + 1;; old_id++) {
    scan_ids(all, old_id, UINT64_MAX);
    enum err err = scan_next(&all->scan, &key, &value);
    if (err == ERR_NOT_FOUND) break;
    if (err != ERR_NONE) return err;
    old_id = key.size < RECORD_KEY_HEAD ? old_end : record_key_id(key);
    if (old_id >= old_end) return failure_set(failure, ERR_STORAGE, "the records are damaged: no host has made the last one");
    buf_clear(&all->addresses);
    err = find_address(all, old_id, &all->addresses, failure);
    if (err != ERR_NONE) return err;
    uint64_t id = record_own_id(router_shard_of(buf_slice(&all->addresses))) + old_id;
    buf_put(&all->ids, slice_of(&id, sizeof id));
    if (all->ids.err != ERR_NONE) return all->ids.err;
  }
  buf_sort_numbers(&all->ids);
  return ERR_NONE;
}

/* The index has as many addresses as there are actors; that it leads from theirs to them is checked when they are given. */
static enum err count_index(struct renumbering *all, struct failure *failure) {
  struct slice key, value;
  uint64_t count = 0;
  enum err err;
  scan_ids(all, OLD_HOST_ID, OLD_HOST_ID + 1);
  while ((err = scan_next(&all->scan, &key, &value)) == ERR_NONE) {
    if (checkpoint_number_is(key)) continue;
    if (key.size < RECORD_KEY_HEAD || record_key_space(key) != SPACE_INDEX) {
      return failure_set(failure, ERR_STORAGE, "the records are damaged: no host has made one of those of the host itself");
    }
    count++;
  }
  if (err != ERR_NOT_FOUND) return err;
  if (count == id_count(all)) return ERR_NONE;
  return failure_set(failure, ERR_STORAGE, "the records are damaged: the index leads to %" PRIu64 " actors, and there are %zu",
                     count, id_count(all));
}

/* ---- the index of a shard ----------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b) {
  const struct place *left = a, *right = b;
  return slice_compare(left->address, right->address);
}

static struct place *places(const struct renumbering *all) {
  return (struct place *)(void *)all->places.data;
}

static size_t place_count(const struct renumbering *all) {
  return all->places.size / sizeof(struct place);
}

static enum err check_index(struct renumbering *all, struct slice address, uint64_t old_id, struct failure *failure) {
  struct slice value;
  buf_clear(&all->key);
  record_key_put_head(&all->key, OLD_HOST_ID, SPACE_INDEX);
  buf_put(&all->key, address);
  enum err err = all->key.err != ERR_NONE ? all->key.err : view_get(all->view, buf_slice(&all->key), &value);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return err;
  bool is_led_to = err == ERR_NONE && value.size == ID_SIZE && read_u64(value.data) == old_id;
  return is_led_to ? ERR_NONE : damaged(failure, old_id, "is not the one that the index leads to from its address");
}

/* Gathers the addresses of the shard that begins at the next actor. */
static enum err begin_shard(struct renumbering *all, struct failure *failure) {
  unsigned shard = record_shard(id_at(all, all->at));
  buf_clear(&all->places);
  buf_clear(&all->addresses);
  all->place_at = 0;
  for (all->shard_end = all->at; all->shard_end < id_count(all); all->shard_end++) {
    uint64_t id = id_at(all, all->shard_end);
    size_t begin = all->addresses.size;
    if (record_shard(id) != shard) break;
    enum err err = find_address(all, old_id_of(id), &all->addresses, failure);
    if (err != ERR_NONE) return err;
    const struct place place = { .address = slice_after(buf_slice(&all->addresses), begin), .id = id };
    err = check_index(all, place.address, old_id_of(id), failure);
    if (err != ERR_NONE) return err;
    buf_put(&all->places, slice_of(&place, sizeof place));
  }
  if (all->places.err != ERR_NONE) return all->places.err;
  const uint8_t *at = all->addresses.data;      /* where they stand now that no more are added */
  for (size_t i = 0; i < place_count(all); at += places(all)[i++].address.size) places(all)[i].address.data = at;
  qsort(all->places.data, place_count(all), sizeof(struct place), compare_places);
  return ERR_NONE;
}

static enum err give_place(struct renumbering *all, struct slice *key, struct slice *value) {
  struct place *place = &places(all)[all->place_at++];
  buf_clear(&all->key);
  record_key_put_head(&all->key, record_own_id(record_shard(place->id)), SPACE_INDEX);
  buf_put(&all->key, place->address);
  write_u64(all->to, place->id);
  *key = buf_slice(&all->key);
  *value = slice_of(all->to, ID_SIZE);
  return all->key.err;
}

/* ---- one record after the other ----------------------------------------------------------------------------- */

/* The next record of the actor. ERR_NOT_FOUND: it has no more. */
static enum err give_record(struct renumbering *all, struct slice *key, struct slice *value) {
  uint64_t id = id_at(all, all->at);
  if (!all->is_scanning) scan_ids(all, old_id_of(id), old_id_of(id) + 1);
  all->is_scanning = true;
  struct slice old_key;
  enum err err = scan_next(&all->scan, &old_key, value);
  if (err != ERR_NONE) return err;
  buf_clear(&all->key);
  buf_put_u64(&all->key, id);
  buf_put(&all->key, slice_after(old_key, ID_SIZE));
  *key = buf_slice(&all->key);
  return all->key.err;
}

static enum err next(void *source, struct slice *key, struct slice *value, struct failure *failure) {
  struct renumbering *all = source;
  while (all->at < id_count(all)) {
    if (all->at == all->shard_end) {
      enum err err = begin_shard(all, failure);
      if (err != ERR_NONE) return err;
    }
    if (all->place_at < place_count(all)) return give_place(all, key, value);
    enum err err = give_record(all, key, value);
    if (err != ERR_NOT_FOUND) return err;
    all->is_scanning = false;
    all->at++;
  }
  return ERR_NOT_FOUND;
}

static void close_source(void *source) {
  struct renumbering *all = source;
  buf_done(&all->key);
  buf_done(&all->addresses);
  buf_done(&all->places);
  buf_done(&all->ids);
  mem_free(all);
}

static enum err open_source(const struct view *view, void **source, struct failure *failure) {
  struct renumbering *all = mem_zero(sizeof *all);
  all->view = view;
  enum err err = find_ids(all, failure);
  if (err == ERR_NONE) err = count_index(all, failure);
  if (err == ERR_NONE) {
    *source = all;
  } else {
    close_source(all);
  }
  return err;
}

const struct backup_source *renumbering_source(void) {
  static const struct backup_source source = { .open = open_source, .next = next, .close = close_source };
  return &source;
}
