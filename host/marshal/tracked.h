/* tracked.h -- a userdata in front of a table: whose it is, and what it holds.
 *
 * WHY     What a script holds of an actor, `self` and the parts of its state, must be dead in the hands of others, and
 *         must hear of each write.
 * ROOM    marshal. Below: raise, the VM.
 * WORDS   The *data* of a tracked userdata is the table, its first user value.
 * ALWAYS  Outside its own actor's turn, and after that has left memory, its data is not reached.
 */
#ifndef TROUPE_TRACKED_H
#define TROUPE_TRACKED_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Its first user value. */
enum { TRACKED_DATA = 1 };

/* Every tracked userdata begins so. */
struct tracked {
  uint64_t owner;           /* serial of the instance */
  uint32_t journal_place;   /* its place in the journal, from 1; 0: not written to in this turn */
  bool array;               /* marked as a sequence */
};

/* Makes a tracked userdata over the table on top of the stack, with `slots` user values; over nil, one whose data comes
 * before its first write. [-1, +1, m] */
struct tracked *tracked_new(lua_State *L, uint64_t owner, int slots);

/* Whether the value is a part of a state (of any actor). */
bool tracked_is_part(lua_State *L, int index);

/* Pushes the data of the tracked userdata at `index` and tells whether it is marked as a sequence; raises where it
 * belongs to another actor. [-0, +1, v] */
bool tracked_push_data(lua_State *L, int index);

/* Whether it belongs to the actor whose turn it is. [-0, +0, -] */
bool tracked_is_owned(lua_State *L, int index);

/* Raises where it belongs to another. [-0, +0, v] */
struct tracked *tracked_check_owner(lua_State *L, int index);

#endif
