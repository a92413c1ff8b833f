/* connection_state.h -- connection.state.
 *
 * WHY     What is known of who sits at the other end, such as who that is, belongs to the connection: it is there with each
 *         call that comes through it, also after its actor has slept, and is undone with a call that fails.
 * ROOM    script. Below: connection, connection_note, turn, lua_value, the ledger's drafts.
 * OWNS    Nothing: the record is the actor's (connection.h), what a script holds is in the notes of its turn.
 * STATES  of what a turn sees: not looked at -> loaded (a look, or an assignment) -> gone with the turn's notes. What is
 *         assigned is drafted at once; what a script has changed within a table, when the turn ends or saves.
 *         The record goes with the turn of on_disconnect; where the class has none, the stage sees to it (stage/farewells.h).
 * ALWAYS  1. A turn that has only looked drafts nothing.
 *         2. A table belongs to one turn: a later one gets its own.
 * LIMITS  connection_state_bytes
 * ERRORS  A value that cannot be saved is a plain error of the script, with its path: `connection.state.x`.
 */
#ifndef TROUPE_CONNECTION_STATE_H
#define TROUPE_CONNECTION_STATE_H

#include <lua.h>

#include "script/connection.h"

/* Pushes the state of a connection, or nil. `connection` NULL: it has no record, since it is that of an HTTP call. [-0, +1, v]
 * */
void connection_state_push(lua_State *L, uint64_t id, const struct connection *connection);

/* Makes the value at `index` the state of a connection, which has not ended. A plain table stays that very table until the turn
 * ends; of a part of the actor's state a copy is taken. `connection` as above. After an error nothing has changed. [-0, +0, v]
 * */
void connection_state_assign(lua_State *L, int index, uint64_t id, struct connection *connection);

/* Drafts what a script has changed within the tables that it holds. [-0, +0, v] */
void connection_state_settle(lua_State *L);

/* Drafts that nothing is left of the state of a connection, of whose end its actor has been told. [-0, +0, v] */
void connection_state_end(lua_State *L, const struct connection *connection);

#endif
