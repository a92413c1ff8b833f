/* state.h -- self.state: plain tables to the eye, tracked underneath.
 *
 * WHY     Data in memory that is simply still there after a crash. Each table of a state is a *part*: a tracked
 *         userdata over the real table, which every operation on tables accepts.
 * ROOM    state. Below: part, journal, walk, lua_value. settle.h is about what becomes of changes.
 * ERRORS  A value that cannot be saved is refused by the write that stores it, with its path. What shows only at the end (one
 *         table in two places, a cycle, what a plain table holds by then) is refused when the turn is settled.
 */
#ifndef TROUPE_STATE_H
#define TROUPE_STATE_H

#include "state/self.h"

/* Makes the metatable of parts. [-0, +0, m] */
void state_build(lua_State *L);

/* Pushes the state of the actor. Raises if its class has none, or if initialize_state has not made it yet. [-0, +1, v] */
void state_push(lua_State *L, struct instance *instance);

/* self.state = the value at `index`. [-0, +0, v] */
void state_assign(lua_State *L, struct instance *instance, int index);

/* Builds the state from its records, without a journal. state_begin_read() pushes a reading, with which state_read() goes on
 * until the turn is due to pause. Then it returns false; call it again after the pause, with the stack as it was. At the end
 * it returns true, and the version that the actor was saved with, which the same scan meets. Raises `storage_error` if
 * records cannot be read or are damaged. [-0, +1, v]; [-(0|1), +0, v] */
void state_begin_read(lua_State *L, struct instance *instance);
bool state_read(lua_State *L, lua_Integer *version);

/* The version that the actor was saved with; 1 if there is no record of it. Raises as state_read() does. [-0, +0, v] */
lua_Integer state_read_version(lua_State *L, struct instance *instance);

/* Whether there is a state; false until initialize_state has made one. [-0, +0, -] */
bool state_is_there(lua_State *L, struct instance *instance);

/* next, rawget, rawset and rawlen for a part at index 1 */
int state_next(lua_State *L);
int state_rawget(lua_State *L);
int state_rawset(lua_State *L);
int state_rawlen(lua_State *L);

#endif
