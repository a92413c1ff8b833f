/* pending.c -- see pending.h. */
#include "kit/pending.h"

#include "base/mem.h"
#include "kit/call_form.h"
#include "kit/failed_page.h"
#include "kit/lender.h"
#include "kit/userdata.h"
#include "marshal/lua_value.h"

static const char pending_name[] = "troupe.pending";

static void pending_free(struct pending *pending) {
  reply_done(&pending->reply);
  mem_free(pending);
}

/* The host has its reply no more. */
static void let_go(struct pending *pending) {
  struct pending **at = &pending->pendings->first;
  while (*at != pending) at = &(*at)->next;
  *at = pending->next;
  pending->under_way = false;
  pending->spectator = NULL;
  if (pending->dropped) pending_free(pending);
}

void pending_arrive(struct pending *pending) {
  let_go(pending);
}

static void deliver(struct reply *reply) {
  struct pending *pending = (struct pending *)(void *)((uint8_t *)reply - offsetof(struct pending, reply));
  if (pending->outlet != NULL) {
    outlet_post(pending->outlet, &pending->item);
  } else {
    pending_arrive(pending);
  }
}

void pending_abandon(struct pending *pending) {
  pending->lost = true;
  pending->spectator = NULL;
  atomic_store(&pending->reply.is_unwanted, true);
}

void pendings_lose(struct pendings *pendings) {
  while (pendings->first != NULL) {
    pendings->first->lost = true;
    let_go(pendings->first);
  }
}

static struct pending *check_pending(lua_State *L, int index) {
  struct pending **pending = luaL_checkudata(L, index, pending_name);
  return *pending;
}

/* The id of what was given up, which stands in place of the class; for a page it may be empty. */
static struct failed_id failed_id_at(lua_State *L, enum request_type type) {
  struct failed_id id = { .kind = FAILED_NONE };
  struct slice text = call_form_text(L, 3);
  bool is_page = type == REQUEST_FAILED, is_one = type == REQUEST_RETRY || type == REQUEST_DROP;
  if (is_one || (is_page && text.size > 0)) {
    luaL_argcheck(L, failed_id_parse(text, &id), 3, "not an id of what was given up");
  }
  return id;
}

struct pending *pending_push(lua_State *L, struct pendings *pendings, const struct limits *limits) {
  struct pending **box = lua_newuserdatauv(L, sizeof *box, 1);       /* pending */
  *box = NULL;
  luaL_setmetatable(L, pending_name);
  struct pending *pending = mem_zero(sizeof *pending);
  *box = pending;
  pending->pendings = pendings;
  pending->limits = limits;
  pending->item.kind = OUTLET_REPLY;
  reply_init(&pending->reply, FORMAT_VALUE, deliver);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);                                       /* pending */
  return pending;
}

void pending_send(struct pending *pending, struct host *host, struct request *request) {
  pending->next = pending->pendings->first;
  pending->pendings->first = pending;
  pending->under_way = true;
  host_submit(host, &request);
}

int pending_submit(lua_State *L, struct pendings *pendings, struct host *host, const struct limits *limits) {
  static const char *const types[] = { "call", "inspect", "state", "kv", "destroy", "sleep", "calls", "failed", "retry", "drop",
                                       NULL };
  static const enum request_type values[] = { REQUEST_CALL, REQUEST_INSPECT, REQUEST_STATE, REQUEST_KV, REQUEST_DESTROY,
                                              REQUEST_SLEEP, REQUEST_CALLS, REQUEST_FAILED, REQUEST_RETRY, REQUEST_DROP };
  static const char *const known[] = { "create", "input", "params", "headers", "address", "idempotency_key", NULL };
  static const char *const known_of_page[] = { "limit", NULL };
  enum request_type type = values[luaL_checkoption(L, 2, NULL, types)];
  if (host == NULL) return luaL_error(L, "this host has ended");
  lua_settop(L, 8);
  struct call_form form;
  call_form_init(&form, L, limits);
  form.class_name = call_form_text(L, 3);
  call_form_read_key(&form, L, 4);
  if (!lua_isnil(L, 5)) form.method = call_form_text(L, 5);
  call_form_read_arguments(&form, L, 6, luaL_optinteger(L, 7, 0));
  call_form_read_options(&form, L, 8, type == REQUEST_FAILED ? known_of_page : known);
  struct failed_id failed = failed_id_at(L, type);
  struct pending *pending = pending_push(L, pendings, limits);       /* pending */
  pending->is_page = type == REQUEST_FAILED;
  if (type == REQUEST_CALLS) pending->reply.format = FORMAT_JSON;
  struct request *request = call_form_request(&form, type, &pending->reply);
  request->failed = failed;
  pending_send(pending, host, request);
  return 1;
}

/* pending:is_done() -> whether its answer has come, or is lost */
static int pending_is_done(lua_State *L) {
  struct pending *pending = check_pending(L, 1);
  lua_pushboolean(L, pending->lost || !pending->under_way);
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
    lua_pushliteral(L, "the host or the connection ended before the answer; the call may or may not have happened");
    return 3;
  }
  if (pending->under_way) return 0;
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
  if ((*box)->under_way) {
    (*box)->dropped = true;
  } else {
    pending_free(*box);
  }
  *box = NULL;
  return 0;
}

void pending_open(lua_State *L) {
  static const luaL_Reg methods[] = { { "is_done", pending_is_done }, { "answer", pending_answer }, { NULL, NULL } };
  userdata_make_class(L, pending_name, methods, pending_gc);
}
