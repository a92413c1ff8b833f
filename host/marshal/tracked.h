/* tracked.h -- a userdata in front of a table: whose it is, and what it holds.
 *
 * WHY     What a script holds of an actor, `self` and the parts of its state, must be dead in other hands, and must see
 *         each write.
 * ROOM    marshal. Below: raise, the VM.
 * WORDS   The *data* of a tracked userdata is the table, its first user value.
 * ALWAYS  Its data cannot be reached outside its own actor's turns, nor after the actor has left memory.
 */
#ifndef TROUPE_TRACKED_H
#define TROUPE_TRACKED_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Its first user value. */
enum { TRACKED_DATA = 1 };

/* Every tracked userdata begins with this. */
struct tracked {
  uint64_t owner;           /* serial of the instance */
  uint32_t journal_place;   /* its place in the journal, from 1; 0: not written to in this turn */
  bool array;               /* marked as a sequence */
};

/* Makes a tracked userdata over the table on top of the stack, with `slots` user values. Over nil: its data is set later,
 * before its first write. [-1, +1, m] */
struct tracked *tracked_new(lua_State *L, uint64_t owner, int slots);

/* Whether the value is a part of a state (of any actor). */
bool tracked_is_part(lua_State *L, int index);

/* Pushes the data of the tracked userdata at `index` and returns whether it is marked as a sequence. Raises if it belongs
 * to another actor. [-0, +1, v] */
bool tracked_push_data(lua_State *L, int index);

/* Whether it belongs to the actor whose turn it is. [-0, +0, -] */
bool tracked_is_owned(lua_State *L, int index);

/* Raises if it belongs to another. [-0, +0, v] */
struct tracked *tracked_check_owner(lua_State *L, int index);

#endif
