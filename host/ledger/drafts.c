/* drafts.c -- a stack of tables; snapshots are heights in it. */
#include "ledger/drafts.h"

#include "base/check.h"
#include "base/mem.h"
#include "ledger/changes.h"

struct level {
  struct memtable *table;
  size_t pins;             /* snapshots whose last table is this one */
  const struct memtable_entry *cursor;
};

struct drafts {
  struct level *levels;
  size_t count;            /* of tables in use, at least 1 */
  size_t sent;             /* how many of them, from the oldest on, were sent */
  size_t durable;          /* how many of those are durable */
  size_t room;             /* of levels; those behind `count` have an empty table, or none */
};

struct drafts *drafts_try_new(void) {
  struct drafts *drafts = mem_try_zero(sizeof *drafts);
  if (drafts == NULL) return NULL;
  drafts->levels = mem_try_zero(sizeof *drafts->levels);
  drafts->room = drafts->count = 1;
  if (drafts->levels != NULL) drafts->levels[0].table = memtable_try_new();
  if (drafts->levels != NULL && drafts->levels[0].table != NULL) return drafts;
  drafts_free(drafts);
  return NULL;
}

void drafts_free(struct drafts *drafts) {
  if (drafts == NULL) return;
  for (size_t i = 0; i < drafts->room && drafts->levels != NULL; i++) memtable_free(drafts->levels[i].table);
  mem_free(drafts->levels);
  mem_free(drafts);
}

const struct memtable *drafts_table(const struct drafts *drafts, size_t index) {
  CHECK_THAT(index, <, drafts->count);
  return drafts->levels[index].table;
}

size_t drafts_table_count(const struct drafts *drafts, size_t snapshot) {
  CHECK_THAT(snapshot, <=, drafts->count);
  return snapshot == 0 ? drafts->count : snapshot;
}

const struct memtable_entry **drafts_cursor(struct drafts *drafts, size_t index) {
  CHECK_THAT(index, <, drafts->count);
  return &drafts->levels[index].cursor;
}

/* -- writing -- */

static bool try_add_level(struct drafts *drafts) {
  if (drafts->count == drafts->room) {
    size_t room = 2 * drafts->room;
    struct level *levels = mem_try_resize(drafts->levels, room * sizeof *levels);
    if (levels == NULL) return false;
    memset(levels + drafts->room, 0, (room - drafts->room) * sizeof *levels);
    drafts->levels = levels;
    drafts->room = room;
  }
  struct level *level = &drafts->levels[drafts->count];
  if (level->table == NULL) level->table = memtable_try_new();
  if (level->table == NULL) return false;
  drafts->count++;
  return true;
}

/* The table that writes go into, or NULL if out of memory. */
static struct memtable *top_to_write(struct drafts *drafts) {
  bool closed = drafts->levels[drafts->count - 1].pins > 0 || drafts->count == drafts->sent;
  if (closed && !try_add_level(drafts)) return NULL;
  return drafts->levels[drafts->count - 1].table;
}

bool drafts_try_put(struct drafts *drafts, struct slice key, struct slice value) {
  struct memtable *table = top_to_write(drafts);
  return table != NULL && memtable_try_put(table, key, value);
}

bool drafts_try_delete(struct drafts *drafts, struct slice key) {
  struct memtable *table = top_to_write(drafts);
  return table != NULL && memtable_try_delete(table, key);
}

bool drafts_try_delete_range(struct drafts *drafts, struct slice from, struct slice to) {
  struct memtable *table = top_to_write(drafts);
  return table != NULL && memtable_try_delete_range(table, from, to);
}

size_t drafts_bytes(const struct drafts *drafts) {
  size_t bytes = 0;
  for (size_t i = drafts->sent; i < drafts->count; i++) bytes += memtable_bytes(drafts->levels[i].table);
  return bytes;
}

size_t drafts_bytes_of(const struct drafts *drafts, struct slice key) {
  const struct level *top = &drafts->levels[drafts->count - 1];
  if (top->pins > 0 || drafts->count == drafts->sent) return 0;
  const struct memtable_entry *entry = memtable_seek(top->table, key, false);
  if (entry == NULL || !slice_equal(memtable_key(entry), key)) return 0;
  return key.size + memtable_value(entry).size;
}

/* -- snapshots -- */

size_t drafts_pin(struct drafts *drafts) {
  size_t top = drafts->count - 1;
  /* An empty table on top adds nothing to the snapshot: it stays open for writes. */
  if (top > 0 && memtable_is_empty(drafts->levels[top].table)) top--;
  drafts->levels[top].pins++;
  return top + 1;
}

/* Joins the uppermost tables, as long as no snapshot is between them and none was sent. */
static void join_top(struct drafts *drafts) {
  while (drafts->count > drafts->sent + 1 && drafts->levels[drafts->count - 2].pins == 0) {
    struct level *top = &drafts->levels[drafts->count - 1];
    drafts->levels[drafts->count - 2].pins = top->pins;
    top->pins = 0;
    memtable_merge(drafts->levels[drafts->count - 2].table, top->table);
    drafts->count--;
  }
}

void drafts_unpin(struct drafts *drafts, size_t snapshot) {
  CHECK_THAT(snapshot, <=, drafts->count);
  CHECK(snapshot > 0 && drafts->levels[snapshot - 1].pins > 0);
  drafts->levels[snapshot - 1].pins--;
  if (drafts->levels[drafts->count - 1].pins == 0) join_top(drafts);
}

static bool has_snapshots(const struct drafts *drafts) {
  for (size_t i = 0; i < drafts->count; i++) {
    if (drafts->levels[i].pins > 0) return true;
  }
  return false;
}

static void unpin_all(struct drafts *drafts) {
  for (size_t i = 0; i < drafts->count; i++) drafts->levels[i].pins = 0;
  join_top(drafts);
}

/* -- the stage's -- */

bool drafts_is_empty(const struct drafts *drafts) {
  for (size_t i = drafts->sent; i < drafts->count; i++) {
    if (!memtable_is_empty(drafts->levels[i].table)) return false;
  }
  return true;
}

void drafts_put_changes(const struct drafts *drafts, struct buf *changes) {
  for (size_t i = drafts->sent; i < drafts->count; i++) changes_put_all(changes, drafts->levels[i].table);
}

size_t drafts_sent_count(const struct drafts *drafts) {
  return drafts->sent;
}

bool drafts_hold(const struct drafts *drafts) {
  return drafts->sent > 0;
}

size_t drafts_held_memory(const struct drafts *drafts) {
  size_t bytes = 0;
  for (size_t i = 0; i < drafts->sent && has_snapshots(drafts); i++) bytes += memtable_memory(drafts->levels[i].table);
  return bytes;
}

void drafts_send(struct drafts *drafts, struct memtable *pending, uint64_t seq) {
  if (drafts->sent == 0 && !has_snapshots(drafts)) {
    CHECK_THAT(drafts->count, ==, 1);
    memtable_push(pending, drafts->levels[0].table, seq);
  } else {
    drafts->sent = drafts->count;
  }
}

/* Moves on what is durable, oldest first. The tables above then take the places of those that are empty. */
static void give(struct drafts *drafts, struct memtable *active) {
  for (; drafts->durable > 0; drafts->durable--) {
    struct level given = drafts->levels[0];
    memtable_merge(active, given.table);
    if (drafts->count > 1) {
      memmove(drafts->levels, drafts->levels + 1, (drafts->count - 1) * sizeof given);
      drafts->levels[--drafts->count] = given;
    }
    drafts->sent--;
  }
}

void drafts_make_active(struct drafts *drafts, struct memtable *active) {
  drafts->durable = drafts->sent;
  if (!has_snapshots(drafts)) give(drafts, active);
}

void drafts_end_snapshots(struct drafts *drafts, struct memtable *active) {
  unpin_all(drafts);
  give(drafts, active);
}

void drafts_discard(struct drafts *drafts) {
  for (size_t i = drafts->sent; i < drafts->count; i++) memtable_clear(drafts->levels[i].table);
  unpin_all(drafts);
}

void drafts_end(struct drafts *drafts, struct memtable *active) {
  drafts_end_snapshots(drafts, active);
  drafts->sent = 0;               /* what is still here has failed */
  drafts_discard(drafts);
}
