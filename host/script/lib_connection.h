/* lib_connection.h -- connections, as scripts hold them: self.connections, rpc.connection, what the hooks get.
 *
 * WHY     An actor has something to say to one of those that are connected, and keeps what it knows of each.
 * ROOM    script. Below: connection_state, lib_event, turn.
 * OWNS    Nothing: what a script holds is a number, by which the connection is found, as long as it lives.
 * WORDS   A connection is *gone* once the stage does not know it any more. That *of a call* is not one that anything can be
 *         sent to: it stands for an HTTP call, which on_before_connect has admitted.
 * ALWAYS  Of a connection that is gone nothing is left, and what is sent to it goes nowhere: who sends cannot know.
 */
#ifndef TROUPE_LIB_CONNECTION_H
#define TROUPE_LIB_CONNECTION_H

#include <lua.h>

#include "script/connection.h"

struct turn;

/* Makes the metatable of connections. [-0, +0, m] */
void lib_connection_build(lua_State *L);

/* Pushes a connection. [-0, +1, m] */
void lib_connection_push(lua_State *L, const struct connection *connection);

/* self.connections: pushes a new array of those that are there, in the order in which they were opened. [-0, +1, v] */
void lib_connection_push_all(lua_State *L);

/* rpc.connection: pushes the one through which the present call came, or that of the call, or nil. [-0, +1, m] */
void lib_connection_push_own(lua_State *L);

/* What on_before_connect has returned, at `index`, becomes the state of the turn's connection, or that of the call. [-0, +0, v]
 * */
void lib_connection_admit(lua_State *L, int index);

#endif
