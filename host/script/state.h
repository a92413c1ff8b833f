/* state.h -- self.state: plain tables to the eye, tracked underneath.
 *
 * WHY     Data in memory that is simply still there after a crash. Each table of a state is a *part*: a tracked
 *         userdata over the real table, which every operation on tables accepts.
 * ROOM    script. Below: part, journal, walk, lua_value. What becomes of changes is settle.h's.
 * ERRORS  Unsavable values are refused at the write that stores them, with their path; what can only be told at the end
 *         (one table in two places, a cycle, what a plain table holds by then) when the turn is settled.
 */
#ifndef TROUPE_STATE_H
#define TROUPE_STATE_H

#include "script/self.h"

/* Makes the metatable of parts. [-0, +0, m] */
void state_build(lua_State *L);

/* Pushes the state of the actor; raises where its class has none. [-0, +1, v] */
void state_push(lua_State *L, struct instance *instance);

/* self.state = the value at `index`. [-0, +0, v] */
void state_assign(lua_State *L, struct instance *instance, int index);

/* Builds the state from its records, not journaled, and answers the version that it was saved with (1 where there is no
 * record of it): one walk reads both. Raises `storage_error` where they cannot be read or are damaged. [-0, +0, v] */
lua_Integer state_read(lua_State *L, struct instance *instance);

/* next, rawget, rawset and rawlen for a part at index 1 */
int state_next(lua_State *L);
int state_rawget(lua_State *L);
int state_rawset(lua_State *L);
int state_rawlen(lua_State *L);

#endif
