/* kv_list.h -- lists, counts and range deletes.
 *
 * WHY     A method that goes over many entries in one call lets other actors have their turns.
 * ROOM    kv. Below: kv, kv_range.
 */
#ifndef TROUPE_KV_LIST_H
#define TROUPE_KV_LIST_H

#include <lua.h>

/* kv:list([opts]), kv:count([opts]), kv:delete_range([opts]), kv:delete_all()   [-0, +1, v] */
int kv_list(lua_State *L);
int kv_list_count(lua_State *L);
int kv_list_delete_range(lua_State *L);
int kv_list_delete_all(lua_State *L);

#endif
