/* rpc.h -- the first argument of a method: the call.
 *
 * WHY     A method may ask who calls it and with what. Most do not, so each field is made when it is first read.
 * ROOM    script. Below: lib_connection, turn, lua_json, lua_value.
 */
#ifndef TROUPE_RPC_H
#define TROUPE_RPC_H

#include <lua.h>

/* Makes the metatable of calls. [-0, +0, m] */
void rpc_build(lua_State *L);

/* Pushes the call of the present turn. It is dead once the turn ends. [-0, +1, m] */
void rpc_push(lua_State *L);

#endif
