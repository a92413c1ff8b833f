/* memtable.c -- a red-black tree of entries for their order, one of boundaries for the deleted ranges, and a list of all
 * writes for their age.
 *
 * A boundary says whether a deleted range covers the keys from it up to the next boundary, and how old the newest such
 * range is. A range brings two boundaries, at its ends; the upper one continues what was there before. They replace the
 * boundaries that they meet or enclose. So the boundaries of the newest range are always in the tree, and those of the
 * oldest can be taken out without a trace, once what it covers is marked as not covered.
 *
 * A large table has a filter beside the tree, a Bloom filter with one hash (Bloom, "Space/time trade-offs in hash coding
 * with allowable errors", 1970). */
#include "ledger/memtable.h"

#include <bsd/sys/tree.h>
#include <endian.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/mem.h"
#include "ledger/crc.h"

/* How many entries make a filter worth its memory, and its size. Both are small in tests, which so meet it full and not. */
#ifdef TROUPE_FAULTS
enum { FILTER_FROM = 8, FILTER_BITS_LOG2 = 8 };
#else
enum { FILTER_FROM = 1024, FILTER_BITS_LOG2 = 21 };
#endif

enum { FILTER_BITS = 1 << FILTER_BITS_LOG2, FILTER_SHIFT = 64 - FILTER_BITS_LOG2 };

enum write { WRITE_PUT, WRITE_DELETE, WRITE_RANGE };

/* The first bytes of a key as numbers, padded with 0: if two heads differ, they are in the order of their keys. A step down
 * the tree mostly needs no more, and the head shares a cache line with the entry's links. */
struct head {
  uint64_t first, second;
};

struct memtable_entry {
  RB_ENTRY(memtable_entry) node;     /* of a range: not in the tree */
  struct head head;
  TAILQ_ENTRY(memtable_entry) age;
  uint64_t seq;                      /* of the push that brought it */
  uint32_t key_size, value_size;     /* of a range: the sizes of its bounds */
  enum write write;
  bool replaced;                     /* out of sight: only in the order of age */
  bool is_new;                       /* no layer below has its key: a delete leaves nothing */
};

/* One end of a range. */
struct boundary {
  RB_ENTRY(boundary) node;
  struct slice key;
  uint64_t seq;                      /* of the range that covers from here on */
  bool covers;
  bool linked;                       /* is in the tree */
};

struct range {
  struct memtable_entry entry;
  struct boundary begin, end;
};

RB_HEAD(entry_tree, memtable_entry);
RB_HEAD(boundary_tree, boundary);
TAILQ_HEAD(entry_list, memtable_entry);

struct memtable {
  struct entry_tree tree;
  struct boundary_tree boundaries;
  struct entry_list oldest_first;
  uint64_t *filter;                  /* NULL: none. A bit for each owner of an entry that is or was in the tree */
  size_t inserted;                   /* entries that came into the tree while there was no filter */
  size_t bytes;
  size_t memory;
};

/* -- entries -- */

/* Key and value are behind the struct. */
static uint8_t *entry_content(const struct memtable_entry *entry) {
  size_t head = entry->write == WRITE_RANGE ? sizeof(struct range) : sizeof *entry;
  return (uint8_t *)entry + head;
}

struct slice memtable_key(const struct memtable_entry *entry) {
  return slice_of(entry_content(entry), entry->key_size);
}

struct slice memtable_value(const struct memtable_entry *entry) {
  return slice_of(entry_content(entry) + entry->key_size, entry->value_size);
}

bool memtable_is_deleted(const struct memtable_entry *entry) {
  return entry->write == WRITE_DELETE;
}

static struct head head_of(struct slice key) {
  struct head head = { 0 };
  if (key.size > 0) memcpy(&head, key.data, key.size < sizeof head ? key.size : sizeof head);
  return (struct head){ .first = be64toh(head.first), .second = be64toh(head.second) };
}

/* Compares a key, whose head is known, with an entry. */
static inline int compare_with(struct head head, struct slice key, const struct memtable_entry *entry) {
  if (head.first != entry->head.first) return head.first < entry->head.first ? -1 : 1;
  if (head.second != entry->head.second) return head.second < entry->head.second ? -1 : 1;
  return slice_compare(key, memtable_key(entry));
}

static int entry_compare(const struct memtable_entry *a, const struct memtable_entry *b) {
  return compare_with(a->head, memtable_key(a), b);
}

static int boundary_compare(const struct boundary *a, const struct boundary *b) {
  return slice_compare(a->key, b->key);
}

/* The same as RB_GENERATE_STATIC, whose own mark for unused functions is not defined here. */
RB_GENERATE_INTERNAL(entry_tree, memtable_entry, node, entry_compare, __attribute__((unused)) static)
RB_GENERATE_INTERNAL(boundary_tree, boundary, node, boundary_compare, __attribute__((unused)) static)

static size_t entry_bytes(const struct memtable_entry *entry) {
  return (size_t)entry->key_size + entry->value_size;
}

static size_t entry_memory(const struct memtable_entry *entry) {
  enum { HEAP_HEAD = 16 };
  return (entry->write == WRITE_RANGE ? sizeof(struct range) : sizeof *entry) + entry_bytes(entry) + HEAP_HEAD;
}

static struct range *range_of(struct memtable_entry *entry) {
  CHECK_THAT(entry->write, ==, WRITE_RANGE);
  return (struct range *)(void *)((uint8_t *)entry - offsetof(struct range, entry));
}

static struct memtable_entry *entry_try_new(enum write write, struct slice key, struct slice value) {
  CHECK_THAT(key.size, <=, UINT32_MAX);
  CHECK_THAT(value.size, <=, UINT32_MAX);
  struct memtable_entry head = {
    .head = head_of(key), .write = write, .key_size = (uint32_t)key.size, .value_size = (uint32_t)value.size,
  };
  size_t head_size = write == WRITE_RANGE ? sizeof(struct range) : sizeof head;
  struct memtable_entry *entry = mem_try_alloc(head_size + key.size + value.size);
  if (entry == NULL) return NULL;
  *entry = head;
  uint8_t *content = entry_content(entry);
  if (key.size > 0) memcpy(content, key.data, key.size);
  if (value.size > 0) memcpy(content + key.size, value.data, value.size);
  if (write == WRITE_RANGE) {
    struct range *range = range_of(entry);
    range->begin = (struct boundary){ .key = memtable_key(entry), .covers = true };
    range->end = (struct boundary){ .key = memtable_value(entry) };
  }
  return entry;
}

/* Takes a write out of the order of age. */
static void forget(struct memtable *memtable, struct memtable_entry *entry) {
  TAILQ_REMOVE(&memtable->oldest_first, entry, age);
  memtable->memory -= entry_memory(entry);
  if (!entry->replaced) memtable->bytes -= entry_bytes(entry);
}

/* Takes an entry that has left the tree out of sight: for good, or until it is pulled. */
static void hide(struct memtable *memtable, struct memtable_entry *entry, bool keep) {
  if (keep) {
    entry->replaced = true;
    memtable->bytes -= entry_bytes(entry);
  } else {
    forget(memtable, entry);
    mem_free(entry);
  }
}

/* -- the filter -- */

/* Most reads of a large table are for actors of which it holds nothing: a bit says so, and saves the way down the tree. An
 * owner is an actor's id; for the host's own id, 0, it is the whole key. */
static uint64_t owner_of(struct head head, struct slice key) {
  return head.first != 0 ? head.first : crc_end(crc_add(CRC_BEGIN, key));
}

/* The number of an owner's bit, by Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, 6.4). */
static size_t filter_bit(struct head head, struct slice key) {
  return (size_t)((owner_of(head, key) * 0x9e3779b97f4a7c15u) >> FILTER_SHIFT);
}

static void filter_set(uint64_t *filter, const struct memtable_entry *entry) {
  size_t bit = filter_bit(entry->head, memtable_key(entry));
  filter[bit / 64] |= (uint64_t)1 << bit % 64;
}

/* False if the tree holds no entry of the owner of this key. */
static bool filter_lets_pass(const struct memtable *memtable, struct head head, struct slice key) {
  if (memtable->filter == NULL) return true;
  size_t bit = filter_bit(head, key);
  return (memtable->filter[bit / 64] >> bit % 64 & 1) != 0;
}

/* Notes an entry of the tree. If out of memory, no filter is made. */
static void filter_note(struct memtable *memtable, const struct memtable_entry *entry) {
  if (memtable->filter != NULL) {
    filter_set(memtable->filter, entry);
    return;
  }
  if (++memtable->inserted % FILTER_FROM != 0) return;
  memtable->filter = mem_try_zero(FILTER_BITS / 8);
  if (memtable->filter == NULL) return;
  memtable->memory += FILTER_BITS / 8;
  struct memtable_entry *each;
  RB_FOREACH(each, entry_tree, &memtable->tree) filter_set(memtable->filter, each);
}

static void filter_drop(struct memtable *memtable) {
  mem_free(memtable->filter);
  memtable->filter = NULL;
  memtable->inserted = 0;
}

/* -- boundaries -- */

/* The last boundary with a key <= `key`, or NULL. */
static struct boundary *boundary_before(const struct memtable *memtable, struct slice key) {
  struct boundary *boundary = RB_ROOT(&memtable->boundaries), *nearest = NULL;
  while (boundary != NULL) {
    int order = slice_compare(key, boundary->key);
    if (order == 0) return boundary;
    if (order > 0) nearest = boundary;
    boundary = order < 0 ? RB_LEFT(boundary, node) : RB_RIGHT(boundary, node);
  }
  return nearest;
}

static struct boundary *boundary_after(struct boundary *boundary) {
  return RB_NEXT(boundary_tree, NULL, boundary);
}

static void boundary_unlink(struct memtable *memtable, struct boundary *boundary) {
  if (!boundary->linked) return;
  RB_REMOVE(boundary_tree, &memtable->boundaries, boundary);
  boundary->linked = false;
}

static void boundary_link(struct memtable *memtable, struct boundary *boundary) {
  CHECK(RB_INSERT(boundary_tree, &memtable->boundaries, boundary) == NULL);
  boundary->linked = true;
}

/* Makes a range cover what is between its bounds. */
static void range_link(struct memtable *memtable, struct range *range) {
  struct boundary *at = boundary_before(memtable, range->end.key);
  range->end.covers = at != NULL && at->covers;
  range->end.seq = at != NULL ? at->seq : 0;
  range->begin.seq = range->entry.seq;
  range->begin.covers = true;      /* the table that it came from may have cleared this */
  while (at != NULL && slice_compare(at->key, range->begin.key) >= 0) {
    struct boundary *before = RB_PREV(boundary_tree, NULL, at);
    boundary_unlink(memtable, at);
    at = before;
  }
  boundary_link(memtable, &range->begin);
  boundary_link(memtable, &range->end);
}

/* Removes the oldest range: what only it covers is not covered any more. */
static void range_unlink(struct memtable *memtable, struct range *range) {
  struct boundary *at = boundary_before(memtable, range->end.key);
  for (; at != NULL && slice_compare(at->key, range->begin.key) >= 0; at = RB_PREV(boundary_tree, NULL, at)) {
    if (at->seq <= range->entry.seq) at->covers = false;
  }
  boundary_unlink(memtable, &range->begin);
  boundary_unlink(memtable, &range->end);
}

/* -- writing -- */

/* Replaces an older entry of the same key in the tree. */
static void take_place(struct memtable *memtable, struct memtable_entry *older, struct memtable_entry *entry) {
  struct memtable_entry *parent = RB_PARENT(older, node);
  entry->node = older->node;
  if (parent == NULL) {
    RB_ROOT(&memtable->tree) = entry;
  } else if (RB_LEFT(parent, node) == older) {
    RB_LEFT(parent, node) = entry;
  } else {
    RB_RIGHT(parent, node) = entry;
  }
  if (RB_LEFT(entry, node) != NULL) RB_PARENT(RB_LEFT(entry, node), node) = entry;
  if (RB_RIGHT(entry, node) != NULL) RB_PARENT(RB_RIGHT(entry, node), node) = entry;
}

static void insert_entry(struct memtable *memtable, struct memtable_entry *entry, bool keep) {
  struct memtable_entry *older = RB_INSERT(entry_tree, &memtable->tree, entry);
  if (older == NULL) {
    if (!keep) filter_note(memtable, entry);   /* a table that is pushed to soon loses them all */
    return;
  }
  take_place(memtable, older, entry);
  entry->is_new = older->is_new;
  hide(memtable, older, keep);
}

static void insert_range(struct memtable *memtable, struct range *range, bool keep) {
  struct slice to = memtable_value(&range->entry);
  const struct memtable_entry *entry = memtable_seek(memtable, memtable_key(&range->entry), false), *next;
  for (; entry != NULL && slice_compare(memtable_key(entry), to) < 0; entry = next) {
    struct memtable_entry *covered = (struct memtable_entry *)entry;
    next = memtable_next(entry, false);
    RB_REMOVE(entry_tree, &memtable->tree, covered);
    hide(memtable, covered, keep);
  }
  range_link(memtable, range);
}

/* Takes out a delete of what no layer below has. */
static void remove_if_nothing(struct memtable *memtable, struct memtable_entry *entry) {
  if (!entry->is_new || entry->write != WRITE_DELETE) return;
  RB_REMOVE(entry_tree, &memtable->tree, entry);
  forget(memtable, entry);
  mem_free(entry);
}

/* Inserts a write as the youngest. */
static void insert(struct memtable *memtable, struct memtable_entry *entry, bool keep) {
  entry->replaced = false;
  if (entry->write == WRITE_RANGE) {
    insert_range(memtable, range_of(entry), keep);
  } else {
    insert_entry(memtable, entry, keep);
  }
  TAILQ_INSERT_TAIL(&memtable->oldest_first, entry, age);
  memtable->bytes += entry_bytes(entry);
  memtable->memory += entry_memory(entry);
  remove_if_nothing(memtable, entry);
}

static bool try_write(struct memtable *memtable, enum write write, struct slice key, struct slice value) {
  struct memtable_entry *entry = entry_try_new(write, key, value);
  if (entry == NULL) return false;
  insert(memtable, entry, false);
  return true;
}

bool memtable_try_put(struct memtable *memtable, struct slice key, struct slice value) {
  return try_write(memtable, WRITE_PUT, key, value);
}

bool memtable_try_delete(struct memtable *memtable, struct slice key) {
  return try_write(memtable, WRITE_DELETE, key, slice_of(NULL, 0));
}

bool memtable_try_delete_range(struct memtable *memtable, struct slice from, struct slice to) {
  return slice_compare(from, to) >= 0 || try_write(memtable, WRITE_RANGE, from, to);
}

/* -- moving -- */

/* Gives away all writes, oldest first, as a list linked by age; the table is empty then. */
static struct memtable_entry *take_all(struct memtable *memtable) {
  struct memtable_entry *first = TAILQ_FIRST(&memtable->oldest_first);
  /* All of them leave: the trees are dropped at once, without balancing. */
  RB_INIT(&memtable->tree);
  RB_INIT(&memtable->boundaries);
  filter_drop(memtable);
  TAILQ_INIT(&memtable->oldest_first);
  memtable->bytes = 0;
  memtable->memory = 0;
  return first;
}

static void move_all(struct memtable *to, struct memtable *from, uint64_t seq, bool keep, bool is_new) {
  CHECK(to != from);
  struct memtable_entry *entry = take_all(from);
  while (entry != NULL) {
    struct memtable_entry *next = TAILQ_NEXT(entry, age);
    CHECK(!entry->replaced);
    entry->seq = seq;
    entry->is_new = is_new;
    insert(to, entry, keep);
    entry = next;
  }
}

void memtable_merge(struct memtable *to, struct memtable *from) {
  move_all(to, from, 0, false, false);
}

void memtable_merge_new(struct memtable *to, struct memtable *from) {
  move_all(to, from, 0, false, true);
}

void memtable_push(struct memtable *to, struct memtable *from, uint64_t seq) {
  const struct memtable_entry *youngest = TAILQ_LAST(&to->oldest_first, entry_list);
  CHECK(youngest == NULL || youngest->seq <= seq);
  move_all(to, from, seq, true, false);
}

void memtable_pull(struct memtable *to, struct memtable *from, uint64_t seq_max) {
  CHECK(to != from);
  struct memtable_entry *entry;
  while ((entry = TAILQ_FIRST(&from->oldest_first)) != NULL && entry->seq <= seq_max) {
    if (entry->write == WRITE_RANGE) {
      range_unlink(from, range_of(entry));
    } else if (!entry->replaced) {
      RB_REMOVE(entry_tree, &from->tree, entry);
    }
    forget(from, entry);
    if (to == NULL) {
      mem_free(entry);
    } else {
      entry->seq = 0;
      entry->is_new = false;
      insert(to, entry, false);
    }
  }
}

/* -- reading -- */

const struct memtable_entry *memtable_seek(const struct memtable *memtable, struct slice key, bool reverse) {
  const struct memtable_entry *nearest = NULL;
  const struct memtable_entry *entry = RB_ROOT(&memtable->tree);
  struct head head = head_of(key);
  while (entry != NULL) {
    int order = compare_with(head, key, entry);
    if (order == 0) return entry;
    if ((order > 0) == reverse) nearest = entry;
    entry = order < 0 ? RB_LEFT(entry, node) : RB_RIGHT(entry, node);
  }
  return nearest;
}

bool memtable_may_hold(const struct memtable *memtable, struct slice from, struct slice to) {
  if (RB_EMPTY(&memtable->tree)) return false;
  struct head first = head_of(from), last = head_of(to);
  bool has_owner = first.first != 0 && first.first == last.first;
  return !has_owner || filter_lets_pass(memtable, first, from);
}

const struct memtable_entry *memtable_next(const struct memtable_entry *entry, bool reverse) {
  struct memtable_entry *here = (struct memtable_entry *)entry;
  return reverse ? RB_PREV(entry_tree, NULL, here) : RB_NEXT(entry_tree, NULL, here);
}

enum memtable_answer memtable_get(const struct memtable *memtable, struct slice key, struct slice *value) {
  struct head head = head_of(key);
  const struct memtable_entry *entry = filter_lets_pass(memtable, head, key) ? RB_ROOT(&memtable->tree) : NULL;
  while (entry != NULL) {
    int order = compare_with(head, key, entry);
    if (order == 0) {
      *value = memtable_value(entry);
      return entry->write == WRITE_PUT ? MEMTABLE_VALUE : MEMTABLE_DELETED;
    }
    entry = order < 0 ? RB_LEFT(entry, node) : RB_RIGHT(entry, node);
  }
  const struct boundary *boundary = boundary_before(memtable, key);
  return boundary != NULL && boundary->covers ? MEMTABLE_DELETED : MEMTABLE_NOTHING;
}

/* The bounds of the covered keys around a boundary that covers. */
static void join_ranges(struct boundary *boundary, struct slice *from, struct slice *to) {
  struct boundary *first = boundary, *last = boundary, *before;
  while ((before = RB_PREV(boundary_tree, NULL, first)) != NULL && before->covers) first = before;
  while (last->covers) last = boundary_after(last);      /* the last range always has its end behind it */
  *from = first->key;
  *to = last->key;
}

bool memtable_covers(const struct memtable *memtable, struct slice key, struct slice *from, struct slice *to) {
  struct boundary *boundary = boundary_before(memtable, key);
  if (boundary == NULL || !boundary->covers) return false;
  join_ranges(boundary, from, to);
  return true;
}

bool memtable_touches(const struct memtable *memtable, struct slice from, struct slice to) {
  if (RB_EMPTY(&memtable->boundaries) || slice_compare(from, to) >= 0) return false;
  struct boundary *boundary = boundary_before(memtable, from);
  if (boundary == NULL) boundary = RB_MIN(boundary_tree, (struct boundary_tree *)&memtable->boundaries);
  while (boundary != NULL && !boundary->covers && slice_compare(boundary->key, to) < 0) boundary = boundary_after(boundary);
  return boundary != NULL && boundary->covers && slice_compare(boundary->key, to) < 0;
}

bool memtable_next_range(const struct memtable *memtable, struct slice key, struct slice *from, struct slice *to) {
  struct boundary *boundary = boundary_before(memtable, key);
  if (boundary == NULL) boundary = RB_MIN(boundary_tree, (struct boundary_tree *)&memtable->boundaries);
  while (boundary != NULL && !boundary->covers) boundary = boundary_after(boundary);
  if (boundary == NULL) return false;
  join_ranges(boundary, from, to);
  return true;
}

/* -- the whole -- */

struct memtable *memtable_try_new(void) {
  struct memtable *memtable = mem_try_zero(sizeof *memtable);
  if (memtable == NULL) return NULL;
  TAILQ_INIT(&memtable->oldest_first);
  return memtable;
}

void memtable_clear(struct memtable *memtable) {
  struct memtable_entry *entry = take_all(memtable);
  while (entry != NULL) {
    struct memtable_entry *next = TAILQ_NEXT(entry, age);
    mem_free(entry);
    entry = next;
  }
}

void memtable_free(struct memtable *memtable) {
  if (memtable == NULL) return;
  memtable_clear(memtable);
  mem_free(memtable);
}

bool memtable_is_empty(const struct memtable *memtable) {
  return TAILQ_EMPTY(&memtable->oldest_first);
}

size_t memtable_bytes(const struct memtable *memtable) {
  return memtable->bytes;
}

size_t memtable_memory(const struct memtable *memtable) {
  return memtable->memory;
}
