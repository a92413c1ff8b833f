/* memtable.c -- a red-black tree of entries for their order, and a list of the same entries for their age. */
#include "ledger/memtable.h"

#include <bsd/sys/tree.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/mem.h"

struct memtable_entry {
  RB_ENTRY(memtable_entry) node;
  TAILQ_ENTRY(memtable_entry) age;
  uint64_t seq;           /* of the merge that brought it */
  struct slice key;       /* into `bytes` */
  struct slice value;     /* into `bytes`, behind the key */
  bool deleted;
  bool merged;            /* or still as it was written, with no seq */
  uint8_t bytes[];
};

RB_HEAD(entry_tree, memtable_entry);
TAILQ_HEAD(entry_list, memtable_entry);

struct memtable {
  struct entry_tree tree;
  struct entry_list oldest_first;
  size_t count;
  size_t bytes;
};

static int entry_compare(const struct memtable_entry *a, const struct memtable_entry *b) {
  return slice_compare(a->key, b->key);
}

/* What RB_GENERATE_STATIC makes, whose own mark for unused functions is not defined here. */
RB_GENERATE_INTERNAL(entry_tree, memtable_entry, node, entry_compare, __attribute__((unused)) static)

static size_t entry_bytes(const struct memtable_entry *entry) {
  return entry->key.size + entry->value.size;
}

static struct memtable_entry *entry_try_new(struct slice key, struct slice value, bool deleted) {
  CHECK_THAT(value.size, <=, SIZE_MAX - sizeof(struct memtable_entry) - key.size);
  struct memtable_entry *entry = mem_try_alloc(sizeof *entry + key.size + value.size);
  if (entry == NULL) return NULL;
  *entry = (struct memtable_entry){ .deleted = deleted };
  if (key.size > 0) memcpy(entry->bytes, key.data, key.size);
  if (value.size > 0) memcpy(entry->bytes + key.size, value.data, value.size);
  entry->key = slice_of(entry->bytes, key.size);
  entry->value = slice_of(entry->bytes + key.size, value.size);
  return entry;
}

static void memtable_remove(struct memtable *memtable, struct memtable_entry *entry) {
  RB_REMOVE(entry_tree, &memtable->tree, entry);
  TAILQ_REMOVE(&memtable->oldest_first, entry, age);
  memtable->count--;
  memtable->bytes -= entry_bytes(entry);
  mem_free(entry);
}

/* Puts an entry in as the youngest, in the place of what had its key. */
static void memtable_insert(struct memtable *memtable, struct memtable_entry *entry) {
  struct memtable_entry *older = RB_INSERT(entry_tree, &memtable->tree, entry);
  if (older != NULL) {
    memtable_remove(memtable, older);
    CHECK(RB_INSERT(entry_tree, &memtable->tree, entry) == NULL);
  }
  TAILQ_INSERT_TAIL(&memtable->oldest_first, entry, age);
  memtable->count++;
  memtable->bytes += entry_bytes(entry);
}

struct memtable *memtable_try_new(void) {
  struct memtable *memtable = mem_try_zero(sizeof *memtable);
  if (memtable == NULL) return NULL;
  RB_INIT(&memtable->tree);
  TAILQ_INIT(&memtable->oldest_first);
  return memtable;
}

void memtable_free(struct memtable *memtable) {
  if (memtable == NULL) return;
  memtable_clear(memtable);
  mem_free(memtable);
}

bool memtable_try_put(struct memtable *memtable, struct slice key, struct slice value) {
  struct memtable_entry *entry = entry_try_new(key, value, false);
  if (entry == NULL) return false;
  memtable_insert(memtable, entry);
  return true;
}

bool memtable_try_delete(struct memtable *memtable, struct slice key) {
  struct memtable_entry *entry = entry_try_new(key, slice_of(NULL, 0), true);
  if (entry == NULL) return false;
  memtable_insert(memtable, entry);
  return true;
}

const struct memtable_entry *memtable_find(const struct memtable *memtable, struct slice key) {
  const struct memtable_entry *entry = memtable_seek(memtable, key, false);
  return entry != NULL && slice_equal(entry->key, key) ? entry : NULL;
}

const struct memtable_entry *memtable_seek(const struct memtable *memtable, struct slice key, bool reverse) {
  const struct memtable_entry *nearest = NULL;
  const struct memtable_entry *entry = RB_ROOT(&memtable->tree);
  while (entry != NULL) {
    int order = slice_compare(key, entry->key);
    if (order == 0) return entry;
    if ((order > 0) == reverse) nearest = entry;
    entry = order < 0 ? RB_LEFT(entry, node) : RB_RIGHT(entry, node);
  }
  return nearest;
}

const struct memtable_entry *memtable_next(const struct memtable_entry *entry, bool reverse) {
  struct memtable_entry *here = (struct memtable_entry *)entry;
  return reverse ? RB_PREV(entry_tree, NULL, here) : RB_NEXT(entry_tree, NULL, here);
}

struct slice memtable_key(const struct memtable_entry *entry) {
  return entry->key;
}

struct slice memtable_value(const struct memtable_entry *entry) {
  return entry->value;
}

bool memtable_is_deleted(const struct memtable_entry *entry) {
  return entry->deleted;
}

void memtable_merge(struct memtable *to, struct memtable *from, uint64_t seq) {
  CHECK(to != from);
  struct memtable_entry *entry = TAILQ_FIRST(&from->oldest_first);
  /* All of them leave: the tree is given up at once, and balanced no more. */
  RB_INIT(&from->tree);
  TAILQ_INIT(&from->oldest_first);
  from->count = 0;
  from->bytes = 0;
  while (entry != NULL) {
    struct memtable_entry *next = TAILQ_NEXT(entry, age);
    entry->seq = seq;
    entry->merged = true;
    memtable_insert(to, entry);
    entry = next;
  }
}

void memtable_drop(struct memtable *memtable, uint64_t seq_max) {
  struct memtable_entry *entry = TAILQ_FIRST(&memtable->oldest_first);
  while (entry != NULL && (!entry->merged || entry->seq <= seq_max)) {
    struct memtable_entry *next = TAILQ_NEXT(entry, age);
    if (entry->merged) memtable_remove(memtable, entry);
    entry = next;
  }
}

void memtable_clear(struct memtable *memtable) {
  struct memtable_entry *entry = TAILQ_FIRST(&memtable->oldest_first);
  RB_INIT(&memtable->tree);
  TAILQ_INIT(&memtable->oldest_first);
  memtable->count = 0;
  memtable->bytes = 0;
  while (entry != NULL) {
    struct memtable_entry *next = TAILQ_NEXT(entry, age);
    mem_free(entry);
    entry = next;
  }
}

size_t memtable_count(const struct memtable *memtable) {
  return memtable->count;
}

size_t memtable_bytes(const struct memtable *memtable) {
  return memtable->bytes;
}
