/* pending.c -- see pending.h. */
#include "kit/pending.h"

#include "base/check.h"
#include "base/mem.h"
#include "codec/idempotency_key.h"
#include "kit/failed_page.h"
#include "kit/lender.h"
#include "kit/userdata.h"
#include "marshal/lua_key.h"
#include "marshal/lua_value.h"

static const char pending_name[] = "troupe.pending";

struct pending {
  struct reply reply;
  struct pendings *pendings;           /* its owner's */
  const struct limits *limits;         /* its owner's */
  struct pending *next;                /* in pendings->first, until it is done or lost */
  bool is_page;                        /* its answer is a page of what was given up */
  bool done, lost, dropped;            /* dropped: the spec's userdata is gone, and its owner may be */
};

static void pending_unlink(struct pending *pending) {
  struct pending **at = &pending->pendings->first;
  while (*at != pending) at = &(*at)->next;
  *at = pending->next;
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

void pendings_lose(struct pendings *pendings) {
  while (pendings->first != NULL) {
    struct pending *pending = pendings->first;
    pending_unlink(pending);
    pending->lost = true;
    if (pending->dropped) pending_free(pending);
  }
}

static void raise_message(lua_State *L, const struct failure *failure) {
  lua_pushlstring(L, (const char *)failure->message.data, failure->message.size);
  lua_error(L);
}

static void take_bytes(struct buf *into, struct slice bytes) {
  buf_put(into, bytes);
  CHECK(into->err == ERR_NONE);
}

static struct slice text_at(lua_State *L, int index) {
  size_t size;
  const char *text = luaL_checklstring(L, index, &size);
  return slice_of(text, size);
}

/* Appends a value's bytes to a buffer of the loan. [-0, +0, v] */
static void write_value(lua_State *L, int index, const char *what, const struct limits *limits, struct loan *loan,
                        struct buf *bytes) {
  struct walk_options options = { .root.name = what, .depth_max = (size_t)limits->depth, .boolean_keys = true,
                                  .raw_metatables = true, .shared = true };
  if (lua_value_write(L, index, bytes, &options, &loan->failure) != ERR_NONE) raise_message(L, &loan->failure);
}

/* The same for a value of the options, at 8, if there is one. [-0, +0, v] */
static void write_option(lua_State *L, const char *name, const struct limits *limits, struct loan *loan, struct buf *bytes) {
  if (!lua_istable(L, 8)) return;
  if (lua_getfield(L, 8, name) != LUA_TNIL) write_value(L, lua_gettop(L), name, limits, loan, bytes);      /* value */
  lua_pop(L, 1);                                                     /* - */
}

static bool creates(lua_State *L) {
  if (!lua_istable(L, 8)) return true;
  bool is_there = lua_getfield(L, 8, "create") != LUA_TNIL;          /* value */
  bool create = !is_there || lua_toboolean(L, -1);
  lua_pop(L, 1);                                                     /* - */
  return create;
}

/* The idempotency key of the options, at 8; empty if there is none. Its bytes are those of the Lua string. */
static struct slice idempotency_key_option(lua_State *L, struct loan *loan) {
  size_t size = 0;
  if (!lua_istable(L, 8)) return slice_of(NULL, 0);
  int type = lua_getfield(L, 8, "idempotency_key");                  /* value */
  if (type != LUA_TNIL) luaL_checktype(L, -1, LUA_TSTRING);
  const char *text = lua_tolstring(L, -1, &size);
  lua_pop(L, 1);                                                     /* - */
  struct slice key = slice_of(text, size);
  if (type != LUA_TNIL && idempotency_key_check(key, &loan->failure) != ERR_NONE) raise_message(L, &loan->failure);
  return key;
}

/* The id of what was given up, which stands in place of the class; for a page it may be empty. */
static struct failed_id failed_id_at(lua_State *L, enum request_type type) {
  struct failed_id id = { .kind = FAILED_NONE };
  struct slice text = text_at(L, 3);
  bool is_page = type == REQUEST_FAILED, is_one = type == REQUEST_RETRY || type == REQUEST_DROP;
  if (is_one || (is_page && text.size > 0)) {
    luaL_argcheck(L, failed_id_parse(text, &id), 3, "not an id of what was given up");
  }
  return id;
}

/* How many entries a page has, of the options at 8. */
static lua_Integer limit_option(lua_State *L) {
  lua_Integer limit = 100;
  if (!lua_istable(L, 8)) return limit;
  if (lua_getfield(L, 8, "limit") != LUA_TNIL) limit = luaL_checkinteger(L, -1);       /* value */
  lua_pop(L, 1);                                                     /* - */
  return limit < 1 ? 1 : limit;
}

/* Pushes `count` arguments, from the table at 6, as one marked sequence, so that a table in two of them stays one. */
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

/* Pushes the userdata of a new pending, which keeps its owner, at 1, alive. [-0, +1, m] */
static struct pending *push_new(lua_State *L, struct pendings *pendings, const struct limits *limits) {
  struct pending **box = lua_newuserdatauv(L, sizeof *box, 1);       /* pending */
  *box = NULL;
  luaL_setmetatable(L, pending_name);
  struct pending *pending = mem_zero(sizeof *pending);
  *box = pending;
  pending->pendings = pendings;
  pending->limits = limits;
  reply_init(&pending->reply, FORMAT_VALUE, deliver);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);                                       /* pending */
  return pending;
}

int pending_submit(lua_State *L, struct pendings *pendings, struct host *host, const struct limits *limits) {
  static const char *const types[] = { "call", "inspect", "state", "kv", "destroy", "sleep", "calls", "failed", "retry", "drop",
                                       NULL };
  static const enum request_type values[] = { REQUEST_CALL, REQUEST_INSPECT, REQUEST_STATE, REQUEST_KV, REQUEST_DESTROY,
                                              REQUEST_SLEEP, REQUEST_CALLS, REQUEST_FAILED, REQUEST_RETRY, REQUEST_DROP };
  struct loan *loan = lender_lend(L, limits);
  enum request_type type = values[luaL_checkoption(L, 2, NULL, types)];
  if (host == NULL) return luaL_error(L, "this host has ended");
  luaL_checkstring(L, 3);
  luaL_checkany(L, 4);
  lua_settop(L, 8);
  struct slice idempotency_key = idempotency_key_option(L, loan);
  lua_key_write(L, 4, &loan->key, &(struct argument){ .name = "key" });
  push_arguments(L, luaL_optinteger(L, 7, 0));                       /* arguments */
  write_value(L, lua_gettop(L), "arguments", limits, loan, &loan->arguments);
  lua_pop(L, 1);                                                     /* - */
  write_option(L, "input", limits, loan, &loan->input);
  write_option(L, "params", limits, loan, &loan->params);
  bool create = creates(L);
  struct failed_id failed = failed_id_at(L, type);
  struct slice class_name = text_at(L, 3), method = lua_isnil(L, 5) ? slice_of(NULL, 0) : text_at(L, 5);
  lua_Integer limit = limit_option(L);
  struct pending *pending = push_new(L, pendings, limits);           /* pending */
  pending->is_page = type == REQUEST_FAILED;
  if (type == REQUEST_CALLS) pending->reply.format = FORMAT_JSON;
  struct request *request = request_try_new(type, &pending->reply);
  CHECK(request != NULL);
  take_bytes(&request->class_name, class_name);
  take_bytes(&request->key, buf_slice(&loan->key));
  take_bytes(&request->method, method);
  take_bytes(&request->args, buf_slice(&loan->arguments));
  take_bytes(&request->idempotency_key, idempotency_key);
  take_bytes(&request->input, buf_slice(&loan->input));
  take_bytes(&request->params, buf_slice(&loan->params));
  request->create = create;
  request->failed = failed;
  request->limit = (unsigned)limit;
  pending->next = pendings->first;
  pendings->first = pending;
  host_submit(host, &request);
  return 1;
}

/* pending:is_done() -> whether its answer has come, or is lost */
static int pending_is_done(lua_State *L) {
  struct pending *pending = check_pending(L, 1);
  lua_pushboolean(L, pending->done || pending->lost);
  return 1;
}

/* pending:answer() -> true, result | false, code, message, metadata | nil: there is none yet */
static int pending_answer(lua_State *L) {
  struct pending *pending = check_pending(L, 1);
  if (pending->pendings->is_closed) return luaL_error(L, "this host is closed");
  lender_lend(L, pending->limits);
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
    } else if (pending->reply.format == FORMAT_JSON) {
      lua_pushlstring(L, (const char *)pending->reply.body.data, pending->reply.body.size);
    } else {
      lua_value_read(L, buf_slice(&pending->reply.body));
      if (pending->is_page) failed_page_decode(L);
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
  if ((*box)->done || (*box)->lost) {
    pending_free(*box);
  } else {
    (*box)->dropped = true;
  }
  *box = NULL;
  return 0;
}

void pending_open(lua_State *L) {
  static const luaL_Reg methods[] = { { "is_done", pending_is_done }, { "answer", pending_answer }, { NULL, NULL } };
  userdata_make_class(L, pending_name, methods, pending_gc);
}
