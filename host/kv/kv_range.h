/* kv_range.h -- which entries `list` and its like mean, and how far they have been scanned.
 *
 * WHY     prefix, start, start_after, stop, end, reverse, limit and format mean the same in every method that takes them, so
 *         they are read in one place. A scan dies at the next write or pause, and another begins behind its last key.
 * ROOM    kv. Below: lua_key, view.
 * OWNS    A userdata: it lives as long as it is on a Lua stack.
 */
#ifndef TROUPE_KV_RANGE_H
#define TROUPE_KV_RANGE_H

#include <lua.h>

#include "ledger/record_key.h"
#include "ledger/view.h"

enum { KV_KEY_BEGIN = RECORD_KEY_HEAD };   /* where the kv key begins in a record key, behind id and space */

struct kv_range {
  struct slice from;          /* whole record keys, from <= key < to */
  struct slice to;
  bool reverse;
  bool bytes;                 /* format = "bytes" */
  size_t left;                /* how many more entries it may give; SIZE_MAX: any number */
  uint64_t turn;              /* of an iterator: the serial of the turn that made it */
  size_t snapshot;            /* of an iterator; 0: it has ended */
  uint8_t *last;              /* the last key scanned, and a 00: together the first bytes behind it. In its user value */
  size_t last_size;           /* 0: at the beginning */
  size_t last_room;
  uint8_t bounds[];
};

/* Pushes the range of the options at `index` (none or nil: all entries). Raises for an unknown option, a wrong type, or
 * bounds that exclude each other. [-0, +1, v] */
struct kv_range *kv_range_push(lua_State *L, int index);

/* Whether format is "bytes" in the options at `index`, which may hold no other option. [-0, +0, v] */
bool kv_range_read_format(lua_State *L, int index);

/* Begins to scan the rest of the range. The view must outlive the scan. */
void kv_range_scan(const struct kv_range *range, const struct view *view, struct scan *scan);

/* Notes that the range at `index` has been scanned up to this key. [-0, +0, m] */
void kv_range_pass(lua_State *L, int index, struct slice key);

/* The bounds of the scanned part of the range. */
struct slice kv_range_passed_from(const struct kv_range *range);
struct slice kv_range_passed_to(const struct kv_range *range);

#endif
