/* state.h -- self.state: plain tables to the eye, tracked underneath.
 *
 * WHY     Data in memory that is simply still there after a crash. Each table of a state is a *part*: a tracked
 *         userdata over the
 *         real table, which every operation on tables accepts.
 * ROOM    script. Below: journal, walk, lua_value.
 * BYTES   One record of the actor: space `s`, its value the whole state (codec/value.h).
 * STATES  of a table that a script stores in the state: plain (that very table, until the turn's end) -> part (a copy)
 *             state_settle()
 * ERRORS  Unsavable values are refused at the write that stores them, with their path; what can only be told at the end
 *         (one table in two
 *         places, a cycle, what a plain table holds by then) by state_write().
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

/* Builds the state from its record's bytes, not journaled. [-0, +0, v] */
void state_read(lua_State *L, struct instance *instance, struct slice bytes);

/* Where the state changed in this turn: copies in the plain tables that were stored, and writes the whole into
 * vm->value; `*changed`
 * tells whether. Raises for what cannot be saved. [-0, +0, v] */
void state_write(lua_State *L, struct instance *instance, bool *changed);

/* next, rawget, rawset and rawlen for a part at index 1 */
int state_next(lua_State *L);
int state_rawget(lua_State *L);
int state_rawset(lua_State *L);
int state_rawlen(lua_State *L);

#endif
