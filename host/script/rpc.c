/* rpc.c -- see rpc.h. */
#include "script/rpc.h"

#include <lauxlib.h>

#include "base/trace.h"
#include "marshal/handle.h"
#include "marshal/lua_json.h"
#include "marshal/lua_value.h"
#include "script/connection.h"
#include "script/lib_connection.h"
#include "script/turn.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* The user values: what was read once. */
enum { KEPT_PARAMS = 1, KEPT_HEADERS, KEPT_SCHEDULE, KEPT_CONNECTION, KEPT_COUNT = KEPT_CONNECTION };

static const char *const caller_names[] = {
  [CALLER_CLIENT] = "client", [CALLER_ACTOR] = "actor", [CALLER_SCHEDULE] = "schedule"
};

/* rpc.params, rpc.headers: each is read once, then kept in a user value. Those of a connection came with its handshake. [-0,
 * +1, v] */
static void push_kept(lua_State *L, const struct turn *turn, bool params) {
  const struct connection *connection = turn->connection;
  enum format format = FORMAT_VALUE;
  lua_getiuservalue(L, 1, params ? KEPT_PARAMS : KEPT_HEADERS);      /* kept */
  if (!lua_isnil(L, -1)) return;
  struct slice headers = connection != NULL ? connection->headers : turn->headers;
  struct slice bytes = params ? turn_params(turn, &format) : headers;
  lua_pop(L, 1);                                                     /* - */
  if (bytes.size == 0) {
    lua_pushnil(L);
    return;
  }
  if (format == FORMAT_JSON) {
    lua_json_read(L, bytes);
  } else {
    lua_value_read(L, bytes);
  }                                                                  /* value */
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, params ? KEPT_PARAMS : KEPT_HEADERS);      /* value */
}

/* rpc.schedule: which run of which schedule this is. [-0, +1, m] */
static void push_schedule(lua_State *L, const struct turn_schedule *schedule) {
  if (lua_getiuservalue(L, 1, KEPT_SCHEDULE) != LUA_TNIL) return;    /* kept */
  lua_createtable(L, 0, 4);                                          /* nil table */
  lua_pushinteger(L, schedule->id);
  lua_setfield(L, -2, "id");
  lua_pushnumber(L, (lua_Number)schedule->due_ms / 1000);
  lua_setfield(L, -2, "due");
  lua_pushinteger(L, schedule->try);
  lua_setfield(L, -2, "try");
  lua_pushinteger(L, schedule->skipped);
  lua_setfield(L, -2, "skipped");                                    /* nil table */
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, KEPT_SCHEDULE);                            /* nil table */
}

/* rpc.connection, which is found once. [-0, +1, m] */
static void push_connection(lua_State *L) {
  if (lua_getiuservalue(L, 1, KEPT_CONNECTION) != LUA_TNIL) return;  /* kept */
  lua_pop(L, 1);                                                     /* - */
  lib_connection_push_own(L);                                        /* connection|nil */
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, KEPT_CONNECTION);                          /* connection|nil */
}

/* rpc.address: of the client. [-0, +1, m] */
static void push_address(lua_State *L, const struct turn *turn) {
  struct slice address = turn->connection != NULL ? turn->connection->address : turn->address;
  if (address.size > 0) {
    lua_pushlstring(L, (const char *)address.data, address.size);    /* address */
  } else {
    lua_pushnil(L);                                                  /* nil */
  }
}

/* rpc.name -> value   [-0, +1, v] */
static int rpc_index(lua_State *L) {
  const uint64_t *serial = lua_touserdata(L, 1);
  const struct turn *turn = vm_of(L)->now.turn;
  if (vm_of(L)->now.serial != *serial) return raise_misuse(L, "this rpc belongs to another call");
  if (vm_is_text(L, 2, "id")) {
    char id[TRACE_ID_MAX];
    trace_print_id(turn->call_id, id);
    lua_pushstring(L, id);
  } else if (vm_is_text(L, 2, "caller")) {
    lua_pushstring(L, caller_names[turn->caller]);
  } else if (vm_is_text(L, 2, "params")) {
    push_kept(L, turn, true);
  } else if (vm_is_text(L, 2, "headers")) {
    push_kept(L, turn, false);
  } else if (vm_is_text(L, 2, "connection")) {
    push_connection(L);
  } else if (vm_is_text(L, 2, "address")) {
    push_address(L, turn);
  } else if (vm_is_text(L, 2, "actor") && turn->caller_class.size > 0) {
    handle_push(L, turn->caller_class, turn->caller_key, false);
  } else if (vm_is_text(L, 2, "schedule") && turn->caller == CALLER_SCHEDULE) {
    push_schedule(L, &turn->schedule);
  } else if (vm_is_text(L, 2, "idempotency_key") && turn->idempotency_key.size > 0) {
    lua_pushlstring(L, (const char *)turn->idempotency_key.data, turn->idempotency_key.size);
  } else {
    lua_pushnil(L);
  }
  return 1;
}

static int rpc_newindex(lua_State *L) {
  return raise_misuse(L, "rpc cannot be written to");
}

void rpc_push(lua_State *L) {
  uint64_t *serial = lua_newuserdatauv(L, sizeof *serial, KEPT_COUNT);        /* rpc */
  *serial = vm_of(L)->now.serial;
  vm_push_ref(L, VM_RPC_META);
  lua_setmetatable(L, -2);                                           /* rpc */
}

void rpc_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "__index", rpc_index }, { "__newindex", rpc_newindex }, { NULL, NULL } };
  lua_createtable(L, 0, 4);                                          /* meta */
  luaL_setfuncs(L, functions, 0);
  lua_pushliteral(L, "rpc");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  vm_set_ref(L, VM_RPC_META);                                        /* - */
}
