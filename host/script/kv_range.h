/* kv_range.h -- which keys `list` and its like mean: options to bounds.
 *
 * WHY     prefix, start, start_after, stop, end, reverse, limit and format mean the same wherever they are taken; they
 *         are read once.
 * ROOM    script. Below: lua_key.
 * OWNS    Nothing: the bounds are written into two buffers of the VM.
 */
#ifndef TROUPE_KV_RANGE_H
#define TROUPE_KV_RANGE_H

#include "script/self.h"

struct kv_range {
  struct slice from;      /* whole record keys, from <= key < to */
  struct slice to;
  bool reverse;
  bool bytes;             /* format = "bytes" */
  size_t limit;           /* SIZE_MAX: none */
};

/* Reads the options at `index` (none or nil: all keys). Raises for an unknown option, a wrong type, contradicting
 * bounds. The bounds live in vm->key and vm->key_end
 * until these are written to. [-0, +0, v] */
void kv_range_read(lua_State *L, int index, const struct instance *instance, struct kv_range *range);

#endif
