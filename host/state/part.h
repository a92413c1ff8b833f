/* part.h -- one table of a state: what scripts hold of it, and where it is.
 *
 * WHY     A state is a tree of parts. Each knows its home, so that a change finds its record without a search, and its
 *         node id if it has records of its own.
 * ROOM    state. Below: journal, walk.
 * WORDS   settle.h
 * OWNS    Its data, a plain Lua table: between turns it holds scalars and parts, and during a turn also plain tables that a
 *         script has stored there.
 * ALWAYS  The home of a part that is not detached is true. What a detached part holds is looked at again when it comes back
 *         into the state.
 */
#ifndef TROUPE_PART_H
#define TROUPE_PART_H

#include "state/journal.h"

enum {
  STATE_INLINE_BYTES_MAX = 256,    /* of a field's record; beyond this a table in it becomes a node */
  STATE_NAME_BYTES_MAX = 512,      /* of the name of a field with its own record: a NUL takes two bytes in the key */
  STATE_ROOT_FIELD = 1             /* of node 0 */
};

/* The user values of a part. */
enum { PART_DATA = TRACKED_DATA, PART_PARENT, PART_KEY, PART_SLOT_COUNT = PART_KEY };

struct part {
  struct tracked tracked;
  uint64_t node_id;        /* 0: inline, or the holder of the root */
  bool detached;           /* not in the state, as of the last settling */
};

/* Replaces the table on top of the stack with a detached part over it. [-1, +1, m] */
struct part *part_new(lua_State *L, const struct instance *instance);

bool part_is(lua_State *L, int index);

/* Notes where a part is and what it is (home, node id, detached), before this turn changes any of it. [-0, +0, m] */
void part_note(lua_State *L, struct instance *instance, int index);

/* Puts back what was noted in this turn, or forgets it. [-0, +0, -] */
void part_undo(lua_State *L, struct instance *instance);
void part_forget(lua_State *L, struct instance *instance);

/* Sets its home, given by stack indexes. [-0, +0, -] */
void part_set_home(lua_State *L, int index, int owner, int key);

/* Whether a name is too long for a record of its own. */
bool part_is_long_key(lua_State *L, int key);

/* Appends the key of a field's record; `key` is the stack index of its name, or 0 for the record of the node itself. */
void part_put_record_key(lua_State *L, const struct instance *instance, uint64_t node_id, int key, struct buf *bytes);

/* Why a name, or a value, cannot be in a state; NULL if it can. What a plain table holds is not looked at: it may change. */
const char *part_key_problem(lua_State *L, int key);
const char *part_value_problem(lua_State *L, int value);

#endif
