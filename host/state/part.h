/* part.h -- one table of a state: what stands for it, and where it stands.
 *
 * WHY     A state is a tree of parts. Each knows its home, so that a change finds its record without a search, and its
 *         node, where it has records of its own.
 * ROOM    state. Below: journal, walk.
 * WORDS   settle.h
 * OWNS    Its data, a plain Lua table of scalars and parts, between turns; within one, plain tables too that a script
 *         stored there.
 * ALWAYS  A home is true for a part that is not detached. What a detached part holds is looked over again when it comes
 *         back into the state.
 */
#ifndef TROUPE_PART_H
#define TROUPE_PART_H

#include "state/journal.h"

enum {
  STATE_INLINE_BYTES_MAX = 256,    /* of a field's record, before a table in it becomes a node */
  STATE_NAME_BYTES_MAX = 512,      /* of a field's name, to have a record of its own: a NUL takes two bytes in its key */
  STATE_ROOT_FIELD = 1             /* of node 0 */
};

/* The user values of a part. */
enum { PART_DATA = TRACKED_DATA, PART_PARENT, PART_KEY, PART_SLOT_COUNT = PART_KEY };

struct part {
  struct tracked tracked;
  uint64_t node_id;        /* 0: inline; of the holder of the root too */
  bool detached;           /* not in the state, as of the last settling */
};

/* Makes a detached part over the table on top of the stack, in its place. [-1, +1, m] */
struct part *part_new(lua_State *L, const struct instance *instance);

bool part_is(lua_State *L, int index);

/* Notes where a part stands and what it is, before that changes in this turn. [-0, +0, m] */
void part_note(lua_State *L, struct instance *instance, int index);

/* Puts back what was noted in this turn, or forgets it. [-0, +0, -] */
void part_undo(lua_State *L, struct instance *instance);
void part_forget(lua_State *L, struct instance *instance);

/* Its home, by stack indexes. [-0, +0, -] */
void part_set_home(lua_State *L, int index, int owner, int key);

/* Whether a name is too long for a record of its own. */
bool part_is_long_key(lua_State *L, int key);

/* Appends the key of a field's record, by the stack index of its name; with index 0 that of the node's own record. */
void part_put_record_key(lua_State *L, const struct instance *instance, uint64_t node_id, int key, struct buf *bytes);

/* What keeps a name, or a value as far as it is certain, from being in a state; or NULL. */
const char *part_key_problem(lua_State *L, int key);
const char *part_value_problem(lua_State *L, int value);

#endif
