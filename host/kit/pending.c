/* pending.c -- calls of a spec: submitted to the host, and answered some time later. */
#include "base/check.h"
#include "base/mem.h"
#include "kit/kit.h"
#include "script/lua_key.h"
#include "script/lua_value.h"
#include "stage/idempotency.h"

static const char pending_name[] = "troupe.pending";

struct pending {
  struct reply reply;
  struct kit *kit;                     /* NULL when the host has let go of it */
  struct pending *next;
  bool done, lost, dropped;            /* dropped: the spec's userdata is gone */
};

static void pending_unlink(struct pending *pending) {
  struct pending **at = &pending->kit->pendings;
  while (*at != pending) at = &(*at)->next;
  *at = pending->next;
  pending->kit = NULL;
}

static void pending_free(struct pending *pending) {
  reply_done(&pending->reply);
  mem_free(pending);
}

static void deliver(struct reply *reply) {
  struct pending *pending = (struct pending *)(void *)((uint8_t *)reply - offsetof(struct pending, reply));
  pending_unlink(pending);
  pending->done = true;
  if (pending->dropped) pending_free(pending);
}

static struct pending *check_pending(lua_State *L, int index) {
  struct pending **pending = luaL_checkudata(L, index, pending_name);
  return *pending;
}

void pendings_lose(struct kit *kit) {
  while (kit->pendings != NULL) {
    struct pending *pending = kit->pendings;
    pending_unlink(pending);
    pending->lost = true;
    if (pending->dropped) pending_free(pending);
  }
}

static void write_value(lua_State *L, struct kit *kit, int index, const char *what, struct buf *bytes) {
  struct walk_options options = { .root.name = what, .depth_max = (size_t)kit->config.limits.depth, .boolean_keys = true,
                                  .raw_metatables = true, .shared = true };
  if (lua_value_write(L, index, bytes, &options, &kit->lent->raised) == ERR_NONE) return;
  lua_pushlstring(L, (const char *)kit->lent->raised.message.data, kit->lent->raised.message.size);
  lua_error(L);
}

/* Takes the bytes of the working buffer over into a request. */
static void take_bytes(struct kit *kit, struct buf *into) {
  buf_put(into, buf_slice(&kit->lent->value));
  CHECK(into->err == ERR_NONE);
}

/* Takes a value of the options, at 8, into a request. */
static void take_option(lua_State *L, struct kit *kit, const char *name, struct buf *into) {
  buf_clear(&kit->lent->value);
  if (lua_getfield(L, 8, name) != LUA_TNIL) write_value(L, kit, lua_gettop(L), name, &kit->lent->value);   /* value */
  lua_pop(L, 1);                                                     /* - */
  take_bytes(kit, into);
}

/* The idempotency key of the options, at 8; empty where there is none. Its bytes are those of the string there. */
static struct slice idempotency_key_option(lua_State *L, struct kit *kit) {
  struct failure *failure = &kit->lent->raised;
  size_t size = 0;
  if (!lua_istable(L, 8)) return slice_of(NULL, 0);
  int type = lua_getfield(L, 8, "idempotency_key");                  /* value */
  if (type != LUA_TNIL) luaL_checktype(L, -1, LUA_TSTRING);
  const char *text = lua_tolstring(L, -1, &size);
  lua_pop(L, 1);                                                     /* - */
  struct slice key = slice_of(text, size);
  failure_clear(failure);
  if (type != LUA_TNIL && idempotency_check_key(key, failure) != ERR_NONE) {
    lua_pushlstring(L, (const char *)failure->message.data, failure->message.size);
    lua_error(L);
  }
  return key;
}

static struct request *new_request(lua_State *L, struct kit *kit, struct pending *pending, enum request_type type) {
  size_t size;
  const char *class_name = luaL_checklstring(L, 3, &size);
  struct request *request = request_try_new(type, &pending->reply);
  CHECK(request != NULL);
  buf_put(&request->class_name, slice_of(class_name, size));
  buf_put(&request->key, buf_slice(&kit->lent->key));
  return request;
}

/* Pushes `count` arguments, from the table at 6, as one marked sequence: a table that is in two of them stays one. */
static void push_arguments(lua_State *L, lua_Integer count) {
  lua_createtable(L, (int)count, 0);                                 /* arguments */
  for (lua_Integer i = 1; i <= count; i++) {
    if (lua_geti(L, 6, i) == LUA_TNIL) {                             /* arguments value */
      lua_pop(L, 1);
      lua_pushlightuserdata(L, NULL);                                /* arguments null */
    }
    lua_rawseti(L, -2, i);                                           /* arguments */
  }
  walk_mark(L);
}

/* kit:submit(type, class, key [, method, arguments, count [, options]]) -> pending
 * type: "call", "inspect", "state", "kv", "sleep"; options: { create = bool, input = value, params = value,
 * idempotency_key = string } */
int pending_submit(lua_State *L) {
  static const char *const types[] = { "call", "inspect", "state", "kv", "sleep", NULL };
  static const enum request_type values[] = { REQUEST_CALL, REQUEST_INSPECT, REQUEST_STATE, REQUEST_KV, REQUEST_SLEEP };
  struct kit *kit = kit_check(L);
  enum request_type type = values[luaL_checkoption(L, 2, NULL, types)];
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  luaL_checkstring(L, 3);
  luaL_checkany(L, 4);
  lua_settop(L, 8);
  struct slice idempotency_key = idempotency_key_option(L, kit);
  buf_clear(&kit->lent->key);
  lua_key_write(L, 4, &kit->lent->key, &(struct argument){ .name = "key" });
  buf_clear(&kit->lent->value);
  push_arguments(L, luaL_optinteger(L, 7, 0));                       /* arguments */
  write_value(L, kit, lua_gettop(L), "arguments", &kit->lent->value);
  lua_pop(L, 1);                                                     /* - */
  struct pending **box = lua_newuserdatauv(L, sizeof *box, 1);       /* pending */
  *box = NULL;
  luaL_setmetatable(L, pending_name);
  struct pending *pending = mem_zero(sizeof *pending);
  *box = pending;
  pending->kit = kit;
  reply_init(&pending->reply, FORMAT_VALUE, deliver);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);                                       /* pending: keeps its kit alive */
  size_t size = 0;
  const char *method = luaL_optlstring(L, 5, "", &size);
  struct request *request = new_request(L, kit, pending, type);
  buf_put(&request->method, slice_of(method, size));
  take_bytes(kit, &request->args);
  buf_put(&request->idempotency_key, idempotency_key);
  if (lua_istable(L, 8)) {
    lua_getfield(L, 8, "create");
    request->create = lua_isnil(L, -1) || lua_toboolean(L, -1);
    lua_pop(L, 1);
    take_option(L, kit, "input", &request->input);
    take_option(L, kit, "params", &request->params);
  }
  pending->next = kit->pendings;
  kit->pendings = pending;
  host_submit(kit->host, &request);
  return 1;
}

/* pending:is_done() -> whether its answer is there, or lost */
static int pending_is_done(lua_State *L) {
  struct pending *pending = check_pending(L, 1);
  lua_pushboolean(L, pending->done || pending->lost);
  return 1;
}

/* pending:answer() -> true, result | false, code, message, metadata | nil: none yet */
static int pending_answer(lua_State *L) {
  struct pending *pending = check_pending(L, 1);
  lua_getiuservalue(L, 1, 1);                                        /* pending kit */
  lua_replace(L, 1);                                                 /* kit, in the place that kit_check() looks at */
  kit_check(L);
  if (pending->lost) {
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "connection_lost");
    lua_pushliteral(L, "the host ended before it answered; the call may or may not have happened");
    return 3;
  }
  if (!pending->done) return 0;
  const struct failure *failure = &pending->reply.failure;
  lua_pushboolean(L, failure->err == ERR_NONE);
  if (failure->err == ERR_NONE) {
    if (pending->reply.body.size == 0) {
      lua_pushlightuserdata(L, NULL);
    } else {
      lua_value_read(L, buf_slice(&pending->reply.body));
    }
    return 2;
  }
  struct slice code = failure_code(failure);
  lua_pushlstring(L, (const char *)code.data, code.size);
  lua_pushlstring(L, (const char *)failure->message.data, failure->message.size);
  if (failure->metadata.size == 0) return 3;
  lua_value_read(L, buf_slice(&failure->metadata));
  return 4;
}

static int pending_gc(lua_State *L) {
  struct pending **box = lua_touserdata(L, 1);
  if (*box == NULL) return 0;
  if ((*box)->kit != NULL) {
    (*box)->dropped = true;
  } else {
    pending_free(*box);
  }
  *box = NULL;
  return 0;
}

void pending_open(lua_State *L) {
  static const luaL_Reg methods[] = { { "is_done", pending_is_done }, { "answer", pending_answer }, { NULL, NULL } };
  kit_make_class(L, pending_name, methods, pending_gc);
}
