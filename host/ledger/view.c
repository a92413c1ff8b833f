/* view.c -- one order out of three: drafts hide what is pending, what is pending hides what is stored. */
#include "ledger/view.h"

enum err view_get(const struct view *view, struct slice key, struct slice *value) {
  const struct memtable_entry *entry = memtable_find(view->drafts, key);
  if (entry == NULL) entry = memtable_find(view->pending, key);
  if (entry == NULL) return store_get(view->reader, key, value);
  if (memtable_is_deleted(entry)) return ERR_NOT_FOUND;
  *value = memtable_value(entry);
  return ERR_NONE;
}

void scan_begin(struct scan *scan, const struct view *view, struct slice from, struct slice to, bool reverse) {
  *scan = (struct scan){ .view = view, .from = from, .to = to, .reverse = reverse };
}

/* Whether the walk has not come to its far bound yet. The near one is met by where it begins. */
static bool scan_holds(const struct scan *scan, struct slice key) {
  return scan->reverse ? slice_compare(key, scan->from) >= 0 : slice_compare(key, scan->to) < 0;
}

static const struct memtable_entry *scan_bound(const struct scan *scan, const struct memtable_entry *entry) {
  return entry != NULL && scan_holds(scan, memtable_key(entry)) ? entry : NULL;
}

static const struct memtable_entry *scan_step(const struct scan *scan, const struct memtable_entry *entry) {
  return scan_bound(scan, memtable_next(entry, scan->reverse));
}

static const struct memtable_entry *scan_first(const struct scan *scan, const struct memtable *memtable) {
  const struct memtable_entry *entry = memtable_seek(memtable, scan->reverse ? scan->to : scan->from, scan->reverse);
  /* The upper bound itself is outside. */
  if (scan->reverse && entry != NULL && slice_equal(memtable_key(entry), scan->to)) entry = memtable_next(entry, true);
  return scan_bound(scan, entry);
}

static enum err scan_read_store(struct scan *scan) {
  struct store_reader *reader = scan->view->reader;
  struct slice *key = &scan->stored_key;
  if (scan->begun) return store_next(reader, key, &scan->stored_value);
  scan->begun = true;
  enum err err = store_seek(reader, scan->reverse ? scan->to : scan->from, scan->reverse, key, &scan->stored_value);
  if (err == ERR_NONE && scan->reverse && slice_equal(*key, scan->to)) {
    err = store_next(reader, key, &scan->stored_value);
  }
  return err;
}

/* Has the store's next record at hand, where there is one. It is read only now, since reading ends the record before.
 * */
static enum err scan_fetch(struct scan *scan) {
  if (!scan->stored && scan->stored_err == ERR_NONE) {
    scan->stored_err = scan_read_store(scan);
    if (scan->stored_err == ERR_NONE && !scan_holds(scan, scan->stored_key)) scan->stored_err = ERR_NOT_FOUND;
    scan->stored = scan->stored_err == ERR_NONE;
  }
  return scan->stored_err == ERR_NOT_FOUND ? ERR_NONE : scan->stored_err;
}

/* Of two keys, the one that comes first in the direction of the walk. */
static struct slice scan_nearer(const struct scan *scan, struct slice a, struct slice b) {
  int order = slice_compare(a, b);
  return (order <= 0) != scan->reverse ? a : b;
}

/* The key that is next in any of the three; false where all are at their end. */
static bool scan_nearest(const struct scan *scan, struct slice *key) {
  bool any = false;
  if (scan->stored) {
    *key = scan->stored_key;
    any = true;
  }
  if (scan->pending != NULL) {
    *key = any ? scan_nearer(scan, *key, memtable_key(scan->pending)) : memtable_key(scan->pending);
    any = true;
  }
  if (scan->draft != NULL) {
    *key = any ? scan_nearer(scan, *key, memtable_key(scan->draft)) : memtable_key(scan->draft);
    any = true;
  }
  return any;
}

/* The entry that stands for a key, or NULL where only the store has it; all three move on behind the key. */
static const struct memtable_entry *scan_pass(struct scan *scan, struct slice key) {
  const struct memtable_entry *entry = NULL;
  if (scan->stored && slice_equal(scan->stored_key, key)) scan->stored = false;
  if (scan->pending != NULL && slice_equal(memtable_key(scan->pending), key)) {
    entry = scan->pending;
    scan->pending = scan_step(scan, scan->pending);
  }
  if (scan->draft != NULL && slice_equal(memtable_key(scan->draft), key)) {
    entry = scan->draft;
    scan->draft = scan_step(scan, scan->draft);
  }
  return entry;
}

enum err scan_next(struct scan *scan, struct slice *key, struct slice *value) {
  if (slice_compare(scan->from, scan->to) >= 0) return ERR_NOT_FOUND;
  if (!scan->begun) {
    scan->draft = scan_first(scan, scan->view->drafts);
    scan->pending = scan_first(scan, scan->view->pending);
  }
  for (;;) {
    enum err err = scan_fetch(scan);
    if (err != ERR_NONE) return err;
    struct slice nearest;
    if (!scan_nearest(scan, &nearest)) return ERR_NOT_FOUND;
    const struct memtable_entry *entry = scan_pass(scan, nearest);
    if (entry != NULL && memtable_is_deleted(entry)) continue;
    *key = nearest;
    *value = entry != NULL ? memtable_value(entry) : scan->stored_value;
    return ERR_NONE;
  }
}
