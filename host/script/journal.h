/* journal.h -- tables that remember what they were, so that a failed turn can be undone.
 *
 * WHY     A call happens wholly or not at all, in memory too, at a cost of what it changed and not of what there is.
 * ROOM    script. Below: self.h.
 * WORDS   A *tracked* userdata stands in front of a Lua table, its data, in its first user value. Parts of the state
 *         and `self` are tracked. The *journal* of an actor lists the tracked userdata that the turn wrote to, each
 *         with a table of old values.
 * OWNS    The journal, in a slot of `self`; gone when the turn has ended.
 * ALWAYS  1. The first write of a turn to a field notes what it was; later ones note nothing.
 *         2. A tracked userdata is dead outside its own actor's turn, and after the actor left memory.
 */
#ifndef TROUPE_JOURNAL_H
#define TROUPE_JOURNAL_H

#include "script/self.h"

/* Every tracked userdata begins so. */
struct tracked {
  uint64_t owner;        /* serial of the instance */
  uint32_t noted;        /* its place in the journal, from 1; 0: not written to in this turn */
  bool array;            /* marked as a sequence */
};

/* Makes a tracked userdata over the table on top of the stack, with `slots` user values; over nil, one whose data comes
 * before its first write. [-1, +1, m] */
struct tracked *journal_track(lua_State *L, const struct instance *instance, int slots);

/* Whether the value is a part of a state (of any actor). */
bool journal_is_part(lua_State *L, int index);

/* Pushes the data of the tracked userdata at `index` and answers whether it is marked as a sequence; raises where it is
 * dead. [-0, +1, v] */
bool journal_push_data(lua_State *L, int index);

/* Whether it is alive. [-0, +0, -] */
bool journal_is_live(lua_State *L, int index);

/* Raises where the tracked userdata at `index` is dead. */
struct tracked *journal_check_live(lua_State *L, int index);

/* Sets data[key] = value for the tracked userdata at `index`, after noting what it was. Key and value are on top of the
 * stack. Whether anything changed. [-2, +0, m] */
bool journal_set(lua_State *L, int index);

/* Marks a part as a sequence. [-0, +0, v] */
void journal_mark_array(lua_State *L, int index);

/* Calls `visit` with each field that was written in this turn: the tracked userdata, the key and the old value are on
 * top of the stack (-3, -2, -1), which it leaves as they are. A key may be the mark of a sequence: journal_is_mark().
 * It may set fields of the data.
 * [-0, +0, v] */
void journal_each(lua_State *L, struct instance *instance, void (*visit)(lua_State *L, void *context), void *context);
bool journal_is_mark(lua_State *L, int index);

/* Pushes the table of what a tracked userdata held before this turn's writes, by key; false, and nothing pushed, where
 * there were none. [-0, +(0|1), -] */
bool journal_push_old_values(lua_State *L, struct instance *instance, const struct tracked *tracked);

/* Puts everything back; then forgets. [-0, +0, m, though only where the system has no memory] */
void journal_undo(lua_State *L, struct instance *instance);

/* Forgets: the turn is done. [-0, +0, m] */
void journal_clear(lua_State *L, struct instance *instance);

#endif
