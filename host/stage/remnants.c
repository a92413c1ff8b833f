/* remnants.c -- see remnants.h. */
#include "stage/remnants.h"

#include "ledger/record_key.h"

/* Whether there are, or may be, records in a range. One that cannot be read is one. */
static bool may_hold(const struct view *view, struct slice from, struct slice to) {
  struct scan scan;
  struct slice key, value;
  bool found = false;
  scan_begin(&scan, view, from, to, false);
  for (int i = 0; i < REMNANTS_STEPS && !found; i++) {
    enum err err = scan_step(&scan, &key, &value, &found);
    if (err == ERR_NOT_FOUND) return false;
    if (err != ERR_NONE) return true;
  }
  return true;
}

bool remnants_try_draft(const struct view *view, uint64_t actor_id) {
  uint8_t from[RECORD_KEY_HEAD], to[RECORD_KEY_HEAD];
  record_key_write_head(from, actor_id, SPACE_CONNECTION);
  record_key_write_head(to, actor_id, (enum record_space)(SPACE_CONNECTION + 1));
  struct slice begin = slice_of(from, sizeof from), end = slice_of(to, sizeof to);
  return !may_hold(view, begin, end) || drafts_try_delete_range(view->drafts, begin, end);
}
