/* lib_connection.c -- see lib_connection.h. */
#include "script/lib_connection.h"

#include <lauxlib.h>

#include "base/trace.h"
#include "base/utf8.h"
#include "marshal/lua_json.h"
#include "marshal/lua_value.h"
#include "marshal/walk.h"
#include "script/connection_note.h"
#include "script/connection_state.h"
#include "script/lib_event.h"
#include "script/turn.h"
#include "state/self.h"
#include "vm/budget.h"
#include "vm/raise.h"

enum { REASON_BYTES_MAX = 123 };     /* of a close frame: RFC 6455, section 5.5 */

/* A connection as a script holds it. */
struct reference {
  uint64_t actor_id;
  uint64_t id;
  uint64_t call;            /* of a call: the serial of its turn; else 0 */
};

static bool is_reference(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TUSERDATA && walk_is_connection(L, index);
}

/* What a function that is called with a colon was called with. [-0, +0, v] */
static const struct reference *check(lua_State *L, const char *name) {
  budget_check_stack(L, 8);
  self_current(L);
  if (!is_reference(L, 1)) raise_misuse(L, "call %s with a colon: connection:%s(...)", name, name);
  const struct reference *reference = lua_touserdata(L, 1);
  if (reference->actor_id != vm_of(L)->now.actor_id) raise_misuse(L, "this connection belongs to another actor");
  return reference;
}

/* The connection itself; NULL: it is gone, or that of a call. */
static struct connection *find(lua_State *L, const struct reference *reference) {
  if (reference->call != 0) return NULL;
  return turn_find_connection(vm_of(L)->now.turn, reference->id);
}

/* Whether it is that of the present call. */
static bool is_own_call(lua_State *L, const struct reference *reference) {
  return reference->call != 0 && reference->call == vm_of(L)->now.serial;
}

/* Whether the turn may tell a connection anything. [-0, +0, -] */
static bool can_hear(lua_State *L, const struct connection *connection) {
  if (connection == NULL || connection->is_closing) return false;
  if (turn_ends_connection(vm_of(L)->now.turn, connection)) return false;
  const struct connection_note *note = connection_note_find(L, connection->id);
  return note == NULL || !note->has_left;
}

/* -- what a script calls -- */

/* Raises for the connection of a call, which is an answer's and nothing else. [-0, +0, v] */
static void check_can_tell(lua_State *L, const struct reference *reference, const char *name) {
  if (reference->call == 0) return;
  raise_misuse(L, "%s: this is the connection of an HTTP call, which hears its answer and nothing else", name);
}

/* connection:send(event, ...); raises payload_too_large, invalid_arguments   [-0, +0, v] */
static int connection_send(lua_State *L) {
  if (lua_gettop(L) < 2) lua_settop(L, 2);
  const struct reference *reference = check(L, "send");
  check_can_tell(L, reference, "send");
  const struct event event = { .kind = EVENT_SEND, .connection_id = reference->id, .text = lib_event_write(L) };
  lib_event_check_room(L, &event);
  if (can_hear(L, find(L, reference))) lib_event_put(L, &event);
  return 0;
}

/* The reason, as long as a close frame can carry it. [-0, +0, v] */
static struct slice check_reason(lua_State *L, int index) {
  if (lua_isnil(L, index)) return slice_of(NULL, 0);
  if (lua_type(L, index) != LUA_TSTRING) raise_misuse(L, "reason: a string, or nil, not a %s", luaL_typename(L, index));
  struct slice reason = vm_string_at(L, index);
  if (!utf8_is_valid(reason)) raise_misuse(L, "reason: a string that is not UTF-8");
  if (reason.size > REASON_BYTES_MAX) reason.size = utf8_cut(reason, REASON_BYTES_MAX);
  return reason;
}

/* connection:disconnect([reason])   [-0, +0, v] */
static int connection_disconnect(lua_State *L) {
  lua_settop(L, 2);                                                  /* connection reason */
  const struct reference *reference = check(L, "disconnect");
  check_can_tell(L, reference, "disconnect");
  const struct event event = { .kind = EVENT_DISCONNECT, .connection_id = reference->id, .text = check_reason(L, 2) };
  lib_event_check_room(L, &event);
  if (!can_hear(L, find(L, reference))) return 0;
  struct connection_note *note = connection_note_push(L, reference->id);      /* connection reason note */
  lib_event_put(L, &event);
  note->has_left = true;
  return 0;
}

/* -- what a script reads -- */

static void push_id(lua_State *L, const struct reference *reference) {
  char id[TRACE_ID_MAX];
  trace_print_id(reference->id, id);
  lua_pushstring(L, id);                                             /* id */
}

/* connection.params: what came with it. [-0, +1, v] */
static void push_params(lua_State *L, const struct reference *reference) {
  const struct connection *connection = find(L, reference);
  struct slice params = { 0 };
  enum format format = FORMAT_VALUE;
  if (connection != NULL) {
    params = connection->params;
    format = connection->format;
  } else if (is_own_call(L, reference)) {
    params = turn_params(vm_of(L)->now.turn, &format);
  }
  if (params.size == 0) {
    lua_pushnil(L);                                                  /* nil */
  } else if (format == FORMAT_JSON) {
    lua_json_read(L, params);                                        /* params */
  } else {
    lua_value_read(L, params);                                       /* params */
  }
}

/* connection.state: nil of one that is gone. [-0, +1, v] */
static void push_state(lua_State *L, const struct reference *reference) {
  const struct connection *connection = find(L, reference);
  if (connection != NULL || is_own_call(L, reference)) {
    connection_state_push(L, reference->id, connection);             /* state */
  } else {
    lua_pushnil(L);                                                  /* nil */
  }
}

static int fail_field(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  return raise_misuse(L, "a connection has no field \"%.64s\"; it has id, state, params, send and disconnect", name);
}

/* connection.name -> value; the methods are an upvalue   [-0, +1, v] */
static int connection_index(lua_State *L) {
  const struct reference *reference = check(L, "__index");
  if (vm_is_text(L, 2, "state")) {
    push_state(L, reference);
  } else if (vm_is_text(L, 2, "id")) {
    push_id(L, reference);
  } else if (vm_is_text(L, 2, "params")) {
    push_params(L, reference);
  } else {
    lua_pushvalue(L, 2);                                             /* connection name name */
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL) return fail_field(L);      /* connection name function */
  }
  return 1;
}

/* connection.state = value   [-0, +0, v] */
static int connection_newindex(lua_State *L) {
  const struct reference *reference = check(L, "__newindex");
  lua_settop(L, 3);                                                  /* connection name value */
  if (!vm_is_text(L, 2, "state")) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL && !vm_is_text(L, 2, "id") && !vm_is_text(L, 2, "params")) {
      return fail_field(L);
    }
    return raise_misuse(L, "connection.%s is the host's and cannot be set", lua_tostring(L, 2));
  }
  struct connection *connection = find(L, reference);
  bool lives = connection != NULL && !turn_ends_connection(vm_of(L)->now.turn, connection);
  if (!lives && !is_own_call(L, reference)) return raise_misuse(L, "connection.state: this connection has ended");
  connection_state_assign(L, 3, reference->id, connection);
  return 0;
}

/* connection == other   [-0, +1, -] */
static int connection_eq(lua_State *L) {
  bool equal = is_reference(L, 1) && is_reference(L, 2);
  if (equal) {
    const struct reference *a = lua_touserdata(L, 1), *b = lua_touserdata(L, 2);
    equal = a->id == b->id;
  }
  lua_pushboolean(L, equal);
  return 1;
}

/* tostring(connection) -> "connection 18c2f..."   [-0, +1, v] */
static int connection_tostring(lua_State *L) {
  if (!is_reference(L, 1)) return luaL_typeerror(L, 1, "connection");
  lua_pushliteral(L, "connection ");
  push_id(L, lua_touserdata(L, 1));
  lua_concat(L, 2);
  return 1;
}

void lib_connection_build(lua_State *L) {
  static const luaL_Reg methods[] = { { "send", connection_send }, { "disconnect", connection_disconnect }, { NULL, NULL } };
  static const luaL_Reg fields[] = { { "__index", connection_index }, { "__newindex", connection_newindex }, { NULL, NULL } };
  static const luaL_Reg others[] = { { "__eq", connection_eq }, { "__tostring", connection_tostring }, { NULL, NULL } };
  lua_createtable(L, 0, 6);                                          /* meta */
  luaL_newlib(L, methods);                                           /* meta methods */
  luaL_setfuncs(L, fields, 1);                                       /* meta */
  luaL_setfuncs(L, others, 0);
  lua_pushliteral(L, "connection");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  vm_set_ref(L, VM_CONNECTION_META);                                 /* - */
}

/* -- for the host -- */

static void push_reference(lua_State *L, uint64_t id, uint64_t call) {
  struct reference *reference = lua_newuserdatauv(L, sizeof *reference, 0);      /* connection */
  *reference = (struct reference){ .actor_id = vm_of(L)->now.actor_id, .id = id, .call = call };
  vm_push_ref(L, VM_CONNECTION_META);
  lua_setmetatable(L, -2);                                           /* connection */
}

void lib_connection_push(lua_State *L, const struct connection *connection) {
  push_reference(L, connection->id, 0);
}

/* Appends a connection to the array on top of the stack. [-0, +0, m] */
static void append(lua_State *L, const struct connection *connection, lua_Integer *count) {
  if (!can_hear(L, connection)) return;
  lib_connection_push(L, connection);                                /* array connection */
  lua_rawseti(L, -2, ++*count);                                      /* array */
}

void lib_connection_push_all(lua_State *L) {
  const struct turn *turn = vm_of(L)->now.turn;
  const struct connection *connection, *newest = turn->task == TURN_CONNECT ? turn->connection : NULL;
  size_t size = turn->audience == NULL ? 0 : turn->audience->count;
  lua_Integer count = 0;
  budget_check_stack(L, 8);
  lua_createtable(L, size < INT32_MAX ? (int)size : 0, 0);           /* array */
  walk_mark(L);
  if (turn->audience != NULL) {
    TAILQ_FOREACH(connection, &turn->audience->connections, link) {
      budget_check(L);
      if (connection != newest) append(L, connection, &count);
    }
  }
  if (newest != NULL && turn->is_admitted) append(L, newest, &count);
}

void lib_connection_push_own(lua_State *L) {
  const struct turn *turn = vm_of(L)->now.turn;
  bool is_connect = turn->task == TURN_CONNECT;
  if (turn->connection != NULL && (!is_connect || turn->is_admitted)) {
    lib_connection_push(L, turn->connection);                        /* connection */
  } else if (turn->is_admitted && !is_connect) {
    push_reference(L, turn->call_id, turn->serial);                  /* connection */
  } else {
    lua_pushnil(L);                                                  /* nil */
  }
}

void lib_connection_admit(lua_State *L, int index) {
  struct turn *turn = vm_of(L)->now.turn;
  turn->is_admitted = true;
  if (lua_isnil(L, index)) return;
  connection_state_assign(L, index, turn->connection != NULL ? turn->connection->id : turn->call_id, turn->connection);
}
