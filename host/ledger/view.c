/* view.c -- one order out of many tables: newer drafts hide older ones, drafts hide the layers, an upper layer hides a lower
 * one, and all of them hide what is stored. */
#include "ledger/view.h"

/* -- the tables over the store, the newest first -- */

static size_t draft_count(const struct view *view) {
  return view->drafts == NULL ? 0 : drafts_table_count(view->drafts, view->snapshot);
}

static size_t table_count(const struct view *view) {
  return draft_count(view) + VIEW_LAYERS - (view->layers->frozen == NULL);
}

enum { LAYER_PENDING, LAYER_ACTIVE };      /* behind the drafts; then comes the frozen table */

static const struct memtable *layer_at(const struct layers *layers, size_t index) {
  return index == LAYER_PENDING ? layers->pending : index == LAYER_ACTIVE ? layers->active : layers->frozen;
}

static const struct memtable *table_at(const struct view *view, size_t index) {
  size_t drafts = draft_count(view);
  return index < drafts ? drafts_table(view->drafts, drafts - 1 - index) : layer_at(view->layers, index - drafts);
}

enum err view_get(const struct view *view, struct slice key, struct slice *value) {
  for (size_t i = 0; i < table_count(view); i++) {
    enum memtable_answer answer = memtable_get(table_at(view, i), key, value);
    if (answer != MEMTABLE_NOTHING) return answer == MEMTABLE_VALUE ? ERR_NONE : ERR_NOT_FOUND;
  }
  return store_get(view->reader, key, value);
}

enum err view_reach(const struct view *view, struct slice key) {
  struct slice value;
  if (key.size <= STORE_SHORT_MAX) return ERR_NONE;
  for (size_t i = 0; i < table_count(view); i++) {
    if (memtable_get(table_at(view, i), key, &value) != MEMTABLE_NOTHING) return ERR_NONE;
  }
  return store_reach(view->reader, key);
}

/* -- the scan -- */

void scan_begin(struct scan *scan, const struct view *view, struct slice from, struct slice to, bool reverse) {
  *scan = (struct scan){ .view = view, .from = from, .to = to, .reverse = reverse };
}

/* Where the scan is in a table; drafts keep this beside each of their tables. */
static const struct memtable_entry **cursor_at(struct scan *scan, size_t index) {
  size_t drafts = draft_count(scan->view);
  return index < drafts ? drafts_cursor(scan->view->drafts, drafts - 1 - index) : &scan->at[index - drafts];
}

/* Whether a key is before the far bound of the scan. Where the scan begins takes care of the near bound. */
static bool scan_holds(const struct scan *scan, struct slice key) {
  return scan->reverse ? slice_compare(key, scan->from) >= 0 : slice_compare(key, scan->to) < 0;
}

static const struct memtable_entry *scan_bound(const struct scan *scan, const struct memtable_entry *entry) {
  return entry != NULL && scan_holds(scan, memtable_key(entry)) ? entry : NULL;
}

/* Moves the scan in a table behind a bound: to the first key >= it, in reverse to the last one below it. */
static void table_seek(struct scan *scan, size_t index, struct slice bound) {
  const struct memtable *table = table_at(scan->view, index);
  const struct memtable_entry *entry = NULL;
  if (memtable_may_hold(table, scan->from, scan->to)) entry = memtable_seek(table, bound, scan->reverse);
  if (scan->reverse && entry != NULL && slice_equal(memtable_key(entry), bound)) entry = memtable_next(entry, true);
  *cursor_at(scan, index) = scan_bound(scan, entry);
}

/* Takes the outcome of the same in the store, which now holds its record, if it has one. */
static void stored_take(struct scan *scan, enum err err) {
  if (err == ERR_NONE && !scan_holds(scan, scan->stored_key)) err = ERR_NOT_FOUND;
  scan->stored_err = err;
  scan->stored = err == ERR_NONE;
}

/* Refuses what the store gives from before the bound where a scan begins or goes on. With damaged pages the scan may have come
 * to anybody's records; and for all that is known, a damaged pointer has records on both sides of the bound. */
static void stored_check_place(struct scan *scan, struct slice bound) {
  int order = scan->stored ? slice_compare(scan->stored_key, bound) : 0;
  bool strays = scan->stored && (scan->reverse ? order >= 0 : order < 0);
  if (!strays) return;
  scan->stored = false;
  scan->stored_err = store_astray(scan->view->reader, scan->stored_key);
}

static void stored_next(struct scan *scan) {
  stored_take(scan, store_next(scan->view->reader, &scan->stored_key));
  stored_check_place(scan, scan->reverse ? scan->to : scan->from);
}

/* What the store's record at hand holds. If that is damaged, the scan ends. */
static enum err stored_value(struct scan *scan, struct slice *value) {
  enum err err = store_value(scan->view->reader, value);
  if (err == ERR_NONE) return err;
  scan->stored = false;
  scan->stored_err = err;
  return err;
}

static void stored_seek(struct scan *scan, struct slice bound) {
  stored_take(scan, store_seek(scan->view->reader, bound, scan->reverse, &scan->stored_key));
  if (scan->stored && scan->reverse && slice_equal(scan->stored_key, bound)) {
    stored_next(scan);
  } else {
    stored_check_place(scan, bound);
  }
}

/* What others have deleted is none of this scan's business. */
static bool tables_are_done(struct scan *scan) {
  for (size_t i = 0; i < table_count(scan->view); i++) {
    if (*cursor_at(scan, i) != NULL || memtable_touches(table_at(scan->view, i), scan->from, scan->to)) return false;
  }
  return true;
}

/* At first, puts everything at its beginning; later, fetches the store's next record. It is read only when it is needed,
 * since reading it ends the record before. */
static enum err scan_fetch(struct scan *scan) {
  if (!scan->begun) {
    scan->begun = true;
    struct slice bound = scan->reverse ? scan->to : scan->from;
    for (size_t i = 0; i < table_count(scan->view); i++) table_seek(scan, i, bound);
    stored_seek(scan, bound);
    scan->alone = tables_are_done(scan);
  } else if (!scan->stored && scan->stored_err == ERR_NONE) {
    stored_next(scan);
  }
  return scan->stored_err == ERR_NOT_FOUND ? ERR_NONE : scan->stored_err;
}

/* Whether key `a` comes before `b` in the direction of the scan. */
static bool scan_is_nearer(const struct scan *scan, struct slice a, struct slice b) {
  int order = slice_compare(a, b);
  return scan->reverse ? order > 0 : order < 0;
}

/* The next key in any table or the store, and the newest table that has it (the count of tables: the store). False if all
 * are at their ends. */
static bool scan_nearest(struct scan *scan, struct slice *key, size_t *index) {
  bool any = scan->stored;
  if (any) *key = scan->stored_key;
  *index = table_count(scan->view);
  for (size_t i = table_count(scan->view); i > 0; i--) {
    const struct memtable_entry *entry = *cursor_at(scan, i - 1);
    if (entry == NULL || (any && scan_is_nearer(scan, *key, memtable_key(entry)))) continue;
    *key = memtable_key(entry);
    *index = i - 1;
    any = true;
  }
  return any;
}

/* If a newer table has deleted a range around the key, moves all older ones behind that range. */
static bool scan_skip(struct scan *scan, struct slice key, size_t index) {
  struct slice from, to;
  size_t count = table_count(scan->view);
  for (size_t i = 0; i < index; i++) {
    if (!memtable_covers(table_at(scan->view, i), key, &from, &to)) continue;
    struct slice bound = scan->reverse ? from : to;
    for (size_t older = i + 1; older < count; older++) table_seek(scan, older, bound);
    if (scan->stored_err == ERR_NONE) stored_seek(scan, bound);
    return true;
  }
  return false;
}

/* Moves everything behind a key that was given or is hidden. */
static void scan_pass(struct scan *scan, struct slice key) {
  bool any_ended = false;
  if (scan->stored && slice_equal(scan->stored_key, key)) scan->stored = false;
  for (size_t i = 0; i < table_count(scan->view); i++) {
    const struct memtable_entry **at = cursor_at(scan, i);
    if (*at == NULL || !slice_equal(memtable_key(*at), key)) continue;
    *at = scan_bound(scan, memtable_next(*at, scan->reverse));
    any_ended |= *at == NULL;
  }
  if (any_ended) scan->alone = tables_are_done(scan);
}

/* The store's next record, with nothing over it. */
static enum err stored_give(struct scan *scan, struct slice *key, struct slice *value) {
  if (!scan->stored) return ERR_NOT_FOUND;
  *key = scan->stored_key;
  scan->stored = false;
  return stored_value(scan, value);
}

enum err scan_step(struct scan *scan, struct slice *key, struct slice *value, bool *found) {
  *found = true;
  if (!scan->begun && slice_compare(scan->from, scan->to) >= 0) return ERR_NOT_FOUND;
  for (;;) {
    size_t index;
    struct slice nearest;
    enum err err = scan_fetch(scan);
    if (err != ERR_NONE) return err;
    if (scan->alone) return stored_give(scan, key, value);
    if (!scan_nearest(scan, &nearest, &index)) return ERR_NOT_FOUND;
    if (scan_skip(scan, nearest, index)) continue;
    const struct memtable_entry *entry = index < table_count(scan->view) ? *cursor_at(scan, index) : NULL;
    *key = nearest;
    if (entry != NULL) *value = memtable_value(entry);
    else if ((err = stored_value(scan, value)) != ERR_NONE) return err;
    scan_pass(scan, nearest);
    *found = entry == NULL || !memtable_is_deleted(entry);
    if (!*found && index == draft_count(scan->view) + LAYER_ACTIVE) scan->view->layers->deleted_passed++;
    return ERR_NONE;
  }
}

enum err scan_next(struct scan *scan, struct slice *key, struct slice *value) {
  bool found;
  enum err err;
  do {
    err = scan_step(scan, key, value, &found);
  } while (err == ERR_NONE && !found);
  return err;
}
