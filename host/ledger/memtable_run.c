/* memtable_run.c -- sorts by the first bytes of keys, digit by digit from the last to the first (Knuth, The Art of Computer
 * Programming, volume 3, 5.2.5). Keys that begin alike keep their order, and the tree does the rest. */
#include "ledger/memtable_run.h"

#include "base/mem.h"
#include "ledger/changes.h"

enum { DIGITS = 16, DIGIT_VALUES = 256, AHEAD = 8 };

struct item {
  uint8_t head[DIGITS];      /* of the key; if that is shorter, the rest is 0 */
  size_t at;                 /* in the content */
  uint32_t key_size, value_size;
  bool deleted;
};

static void hold_back(struct memtable_run *run, const struct change *change) {
  struct item item = {
    .at = run->content.size, .key_size = (uint32_t)change->key.size, .value_size = (uint32_t)change->value.size,
    .deleted = change->type == CHANGE_DELETE,
  };
  size_t head_size = change->key.size < DIGITS ? change->key.size : DIGITS;
  if (head_size > 0) memcpy(item.head, change->key.data, head_size);
  buf_put(&run->items, slice_of(&item, sizeof item));
  buf_put(&run->content, change->key);
  buf_put(&run->content, change->value);
}

/* Sorts by one digit, from one array into the other; false if all have the same digit, and nothing was done. */
static bool sort_by(const struct item *from, struct item *to, size_t count, int digit) {
  size_t places[DIGIT_VALUES] = { 0 };
  for (size_t i = 0; i < count; i++) places[from[i].head[digit]]++;
  if (places[from[0].head[digit]] == count) return false;
  size_t place = 0;
  for (int value = 0; value < DIGIT_VALUES; value++) {
    size_t so_many = places[value];
    places[value] = place;
    place += so_many;
  }
  for (size_t i = 0; i < count; i++) to[places[from[i].head[digit]]++] = from[i];
  return true;
}

static bool insert(const struct memtable_run *run, const struct item *item) {
  struct slice key = slice_of(run->content.data + item->at, item->key_size);
  struct slice value = slice_of(run->content.data + item->at + item->key_size, item->value_size);
  return item->deleted ? memtable_try_delete(run->memtable, key) : memtable_try_put(run->memtable, key, value);
}

static enum err insert_all(const struct memtable_run *run, const struct item *items, size_t count) {
  for (size_t i = 0; i < count; i++) {
    /* The content of sorted neighbours may be anywhere: ask for it now, and it is there when it is copied. */
    if (i + AHEAD < count) __builtin_prefetch(run->content.data + items[i + AHEAD].at);
    if (!insert(run, &items[i])) return ERR_MEMORY;
  }
  return ERR_NONE;
}

enum err memtable_run_end(struct memtable_run *run) {
  if (run->items.err != ERR_NONE || run->content.err != ERR_NONE) return ERR_MEMORY;
  size_t count = run->items.size / sizeof(struct item);
  if (count == 0) return ERR_NONE;
  struct item *items = (struct item *)(void *)run->items.data, *other = mem_try_alloc(run->items.size), *spare = other;
  if (other == NULL) return ERR_MEMORY;
  for (int digit = DIGITS - 1; digit >= 0; digit--) {
    if (!sort_by(items, other, count, digit)) continue;
    struct item *sorted = other;
    other = items;
    items = sorted;
  }
  enum err err = insert_all(run, items, count);
  mem_free(spare);
  buf_clear(&run->items);
  buf_clear(&run->content);
  return err;
}

enum err memtable_run_take(void *context, uint64_t number, struct slice changes) {
  struct memtable_run *run = context;
  (void)number;
  for (;;) {
    struct change change = changes_next(&changes);
    enum err err = ERR_NONE;
    switch (change.type) {
      case CHANGE_END: return run->items.err != ERR_NONE || run->content.err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
      case CHANGE_BROKEN: return ERR_STORAGE;
      case CHANGE_PUT: case CHANGE_DELETE: hold_back(run, &change); break;
      case CHANGE_DELETE_RANGE:
        err = memtable_run_end(run);
        if (err == ERR_NONE && !memtable_try_delete_range(run->memtable, change.key, change.value)) err = ERR_MEMORY;
        break;
    }
    if (err == ERR_NONE && run->content.size >= RUN_BYTES_MAX) err = memtable_run_end(run);
    if (err != ERR_NONE) return err;
  }
}

void memtable_run_done(struct memtable_run *run) {
  buf_done(&run->items);
  buf_done(&run->content);
}
