/* spectator.c -- see spectator.h. */
#include "kit/spectator.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "kit/call_form.h"
#include "kit/lender.h"
#include "kit/userdata.h"
#include "marshal/lua_json.h"
#include "script/lib_event.h"
#include "stage/notice.h"
#include "vm/raise.h"

static const char spectator_name[] = "troupe.spectator";

enum frame_kind { FRAME_EVENT, FRAME_ANSWER, FRAME_CLOSE };

/* What has come for a connection. */
struct frame {
  struct frame *next;
  enum frame_kind kind;
  lua_Integer call;                    /* of an answer: which call's */
  struct slice text;                   /* of an event, JSON */
};

/* The name of an event that a connection has subscribed to. */
struct subscription {
  struct subscription *next;
  struct slice name;
};

struct spectator {
  struct spectators *all;              /* its owner's */
  struct spectator *next;              /* in all->first */
  uint64_t id;
  uint64_t actor_id;                   /* whose broadcasts it gets */
  bool connecting, closed;             /* both: the spec has closed it before it was open */
  bool ended;                          /* the host knows it no more */
  bool dropped;                        /* the spec's userdata is gone, and its owner may be */
  struct parting *parting;             /* to be sent when it ends; NULL: there is nothing to be told */
  unsigned code;                       /* of its end, */
  char *reason;                        /* with the reason */
  struct buf class_name, key;
  struct subscription *subscriptions;
  struct frame *first, *last;          /* what has come, and was not taken yet */
  lua_Integer calls;                   /* how many were made: the last one's number */
};

static void frames_free(struct spectator *spectator) {
  for (struct frame *frame = spectator->first, *next; frame != NULL; frame = next) {
    next = frame->next;
    mem_free(frame);
  }
  spectator->first = spectator->last = NULL;
}

static void spectator_free(struct spectator *spectator) {
  for (struct subscription *at = spectator->subscriptions, *next; at != NULL; at = next) {
    next = at->next;
    mem_free(at);
  }
  frames_free(spectator);
  parting_free(spectator->parting);
  mem_free(spectator->reason);
  buf_done(&spectator->class_name);
  buf_done(&spectator->key);
  mem_free(spectator);
}

/* The host knows it no more. */
static void let_go(struct spectator *spectator) {
  struct spectator **at = &spectator->all->first;
  while (*at != spectator) at = &(*at)->next;
  *at = spectator->next;
  spectator->ended = true;
  if (spectator->dropped) spectator_free(spectator);
}

/* -- what comes -- */

static void put_frame(struct spectator *spectator, enum frame_kind kind, lua_Integer call, struct slice text) {
  if (spectator->dropped) return;      /* nobody can take it */
  struct frame *frame = mem_alloc(sizeof *frame + text.size);
  uint8_t *bytes = (uint8_t *)(frame + 1);
  if (text.size > 0) memcpy(bytes, text.data, text.size);
  *frame = (struct frame){ .kind = kind, .call = call, .text = slice_of(bytes, text.size) };
  if (spectator->last == NULL) {
    spectator->first = frame;
  } else {
    spectator->last->next = frame;
  }
  spectator->last = frame;
}

/* A copy as a C string, which cannot fail: a step of a worker in which allocations are made to fail may post. */
static char *text_of(struct slice text) {
  char *made = mem_alloc(text.size + 1);
  if (text.size > 0) memcpy(made, text.data, text.size);
  made[text.size] = 0;
  return made;
}

/* It is closed from now on, and the calls of it that are under way are lost; its opening will still be heard of. */
static void end(struct spectator *spectator, unsigned code, struct slice reason) {
  if (spectator->closed) return;
  spectator->closed = true;
  spectator->code = code;
  spectator->reason = text_of(reason);
  put_frame(spectator, FRAME_CLOSE, 0, slice_of(NULL, 0));
  for (struct pending *pending = spectator->all->pendings->first; pending != NULL; pending = pending->next) {
    if (pending->spectator != spectator) continue;
    pending_abandon(pending);
    if (pending->connects) pending->spectator = spectator;
  }
}

/* The reply of its connect has come. */
static void take_opening(struct spectator *spectator, const struct reply *reply) {
  const struct failure *failure = &reply->failure;
  spectator->connecting = false;
  if (failure->err == ERR_NONE) {
    spectator->actor_id = reply->actor_id;
    return;
  }
  parting_free(spectator->parting);
  spectator->parting = NULL;
  end(spectator, SPECTATOR_REFUSED + (unsigned)err_status(failure->err), failure_code(failure));
  let_go(spectator);
}

static void take_reply(struct pending *pending) {
  struct spectator *spectator = pending->spectator;
  pending->spectator = NULL;
  if (spectator != NULL && pending->connects) {
    take_opening(spectator, &pending->reply);
  } else if (spectator != NULL) {
    put_frame(spectator, FRAME_ANSWER, pending->call, slice_of(NULL, 0));
  }
  pending_arrive(pending);
}

static bool has_subscribed(const struct spectator *spectator, struct slice name) {
  const struct subscription *at = spectator->subscriptions;
  while (at != NULL && !slice_equal(at->name, name)) at = at->next;
  return at != NULL;
}

static bool concerns(const struct notice *notice, const struct spectator *spectator) {
  if (spectator->closed) return false;
  if (notice->kind != NOTICE_BROADCAST) return notice->connection_id == spectator->id;
  return !spectator->connecting && notice->actor_id == spectator->actor_id && has_subscribed(spectator, notice->name);
}

static void take_notice(struct spectators *spectators, const struct notice *notice) {
  for (struct spectator *at = spectators->first; at != NULL; at = at->next) {
    if (!concerns(notice, at)) continue;
    if (notice->kind == NOTICE_CLOSE) {
      end(at, notice->code, notice->text);
    } else {
      put_frame(at, FRAME_EVENT, 0, notice->text);
    }
  }
}

static void post(struct outlet *outlet, struct outlet_item *item) {
  struct spectators *spectators = (struct spectators *)(void *)((uint8_t *)outlet - offsetof(struct spectators, outlet));
  if (item->kind == OUTLET_REPLY) {
    take_reply(pending_of(item));
  } else {
    take_notice(spectators, notice_of(item));
    notice_free(notice_of(item));
  }
}

/* -- all of them -- */

void spectators_init(struct spectators *spectators, struct pendings *pendings, struct host **host,
                     const struct limits *limits) {
  *spectators = (struct spectators){ .outlet.post = post, .pendings = pendings, .host = host, .limits = limits };
}

bool spectators_step(struct spectators *spectators) {
  bool any = false;
  for (struct spectator *at = spectators->first, *next; at != NULL; at = next) {
    next = at->next;
    if (!at->closed || at->connecting) continue;
    host_part(*spectators->host, &at->parting);
    let_go(at);
    any = true;
  }
  return any;
}

void spectators_end(struct spectators *spectators, unsigned code) {
  while (spectators->first != NULL) {
    struct spectator *spectator = spectators->first;
    end(spectator, code, slice_text(code == SPECTATOR_STOPPED ? "the host stops" : ""));
    for (struct pending *pending = spectators->pendings->first; pending != NULL; pending = pending->next) {
      if (pending->spectator == spectator) pending->spectator = NULL;
    }
    spectator->connecting = false;
    let_go(spectator);
  }
}

/* -- what specs do -- */

static struct spectator *check_spectator(lua_State *L) {
  struct spectator **box = luaL_checkudata(L, 1, spectator_name);
  return *box;
}

/* Pushes the userdata of a new spectator, which keeps its owner, at 1, alive. [-0, +1, m] */
static struct spectator *push_new(lua_State *L, struct spectators *spectators) {
  struct spectator **box = lua_newuserdatauv(L, sizeof *box, 1);     /* spectator */
  *box = NULL;
  luaL_setmetatable(L, spectator_name);
  struct spectator *spectator = mem_zero(sizeof *spectator);
  *box = spectator;
  spectator->all = spectators;
  spectator->ended = true;             /* until it is submitted, the host does not know it */
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);                                       /* spectator */
  return spectator;
}

static void keep(struct buf *into, const struct buf *bytes) {
  buf_put(into, buf_slice(bytes));
  CHECK(into->err == ERR_NONE);
}

int spectator_connect(lua_State *L, struct spectators *spectators) {
  static const char *const known[] = { "create", "input", "params", "headers", "address", NULL };
  if (*spectators->host == NULL) return luaL_error(L, "this host has ended");
  lua_settop(L, 4);
  struct call_form form;
  call_form_init(&form, L, spectators->limits);
  form.class_name = call_form_text(L, 2);
  call_form_read_key(&form, L, 3);
  call_form_read_options(&form, L, 4, known);
  struct pending *pending = pending_push(L, spectators->pendings, spectators->limits);       /* pending */
  struct spectator *spectator = push_new(L, spectators);             /* pending spectator */
  struct request *request = call_form_request(&form, REQUEST_CONNECT, &pending->reply);
  spectator->parting = parting_try_new();
  CHECK(spectator->parting != NULL);
  keep(&spectator->class_name, &request->class_name);
  keep(&spectator->key, &request->key);
  spectator->connecting = true;
  spectator->ended = false;
  spectator->next = spectators->first;
  spectators->first = spectator;
  request->outlet = &spectators->outlet;
  request->parting = spectator->parting;
  pending->outlet = &spectators->outlet;
  pending->spectator = spectator;
  pending->connects = true;
  pending_send(pending, *spectators->host, request);
  spectator->id = pending->reply.call_id;
  return 2;
}

/* spectator:submit(method, arguments, count [, options]) -> pending, the number of this call */
static int spectator_submit(lua_State *L) {
  static const char *const known[] = { "idempotency_key", NULL };
  struct spectator *spectator = check_spectator(L);
  struct spectators *all = spectator->all;
  lua_settop(L, 5);
  struct call_form form;
  if (spectator->closed || spectator->connecting) return luaL_error(L, "this connection is not open");
  call_form_init(&form, L, all->limits);
  form.class_name = buf_slice(&spectator->class_name);
  form.method = call_form_text(L, 2);
  buf_put(&form.loan->key, buf_slice(&spectator->key));
  call_form_read_arguments(&form, L, 3, luaL_checkinteger(L, 4));
  call_form_read_options(&form, L, 5, known);
  struct pending *pending = pending_push(L, all->pendings, all->limits);     /* pending */
  struct request *request = call_form_request(&form, REQUEST_CALL, &pending->reply);
  request->connection_id = spectator->id;
  pending->outlet = &all->outlet;
  pending->spectator = spectator;
  pending->call = ++spectator->calls;
  pending_send(pending, *all->host, request);
  lua_pushinteger(L, pending->call);                                 /* pending number */
  return 2;
}

/* The name of an event, at 2, by the rule for self:broadcast. [-0, +0, v] */
static struct slice check_event(lua_State *L, const struct spectator *spectator) {
  struct slice name = { 0 };
  lender_lend(L, spectator->all->limits);
  if (lua_type(L, 2) == LUA_TSTRING) name = call_form_text(L, 2);
  if (name.size == 0 || name.size > LIB_EVENT_NAME_BYTES_MAX || !utf8_is_valid(name)) {
    raise_host(L, ERR_REQUEST, "event: a string of 1 to %d bytes in UTF-8 expected", LIB_EVENT_NAME_BYTES_MAX);
  }
  return name;
}

static void check_count(lua_State *L, const struct spectator *spectator) {
  uint64_t count = 0, limit = spectator->all->limits->subscriptions;
  for (const struct subscription *at = spectator->subscriptions; at != NULL; at = at->next) count++;
  if (count < limit) return;
  raise_host(L, ERR_TOO_LARGE, "the connection has %" PRIu64 " subscriptions; the limit is %" PRIu64 " "
             LIMIT_NAME(SUBSCRIPTIONS), count, limit);
}

/* spectator:subscribe(event) */
static int spectator_subscribe(lua_State *L) {
  struct spectator *spectator = check_spectator(L);
  struct slice name = check_event(L, spectator);
  if (spectator->closed || spectator->connecting) return luaL_error(L, "this connection is not open");
  if (has_subscribed(spectator, name)) return 0;
  check_count(L, spectator);
  struct subscription *made = mem_alloc(sizeof *made + name.size);
  memcpy(made + 1, name.data, name.size);
  *made = (struct subscription){ .next = spectator->subscriptions, .name = slice_of(made + 1, name.size) };
  spectator->subscriptions = made;
  return 0;
}

/* spectator:unsubscribe(event) */
static int spectator_unsubscribe(lua_State *L) {
  struct spectator *spectator = check_spectator(L);
  struct slice name = check_event(L, spectator);
  struct subscription **at = &spectator->subscriptions;
  while (*at != NULL && !slice_equal((*at)->name, name)) at = &(*at)->next;
  struct subscription *found = *at;
  if (found == NULL) return 0;
  *at = found->next;
  mem_free(found);
  return 0;
}

/* Pushes what a frame says: the table of an event, the number of the call that is answered, or true for the end.
 * [-0, +1, v] */
static void push_frame(lua_State *L, const struct frame *frame, struct failure *failure) {
  switch (frame->kind) {
    case FRAME_EVENT:
      if (lua_json_try_read(L, frame->text, LUA_JSON_DEPTH_MAX, failure) != ERR_NONE) {
        luaL_error(L, "an event that is not JSON: %s", (const char *)frame->text.data);
      }
      break;
    case FRAME_ANSWER: lua_pushinteger(L, frame->call); break;
    case FRAME_CLOSE: lua_pushboolean(L, 1); break;
  }
}

/* spectator:take(all) -> what has come since it was taken last, the oldest first: events, or all, as push_frame() has them */
static int spectator_take(lua_State *L) {
  struct spectator *spectator = check_spectator(L);
  bool all = lua_toboolean(L, 2);
  struct loan *loan = lender_lend(L, spectator->all->limits);
  struct frame **at = &spectator->first, *stays = NULL;
  lua_Integer count = 0;
  lua_newtable(L);                                                   /* frames */
  while (*at != NULL) {
    struct frame *frame = *at;
    if (!all && frame->kind != FRAME_EVENT) {
      stays = frame;
      at = &frame->next;
      continue;
    }
    push_frame(L, frame, &loan->failure);                            /* frames frame */
    lua_rawseti(L, -2, ++count);                                     /* frames */
    *at = frame->next;
    mem_free(frame);
  }
  spectator->last = stays;
  return 1;
}

/* spectator:close() */
static int spectator_close(lua_State *L) {
  end(check_spectator(L), SPECTATOR_NORMAL, slice_of(NULL, 0));
  return 0;
}

/* spectator:closed() -> code, reason | nothing: it is not */
static int spectator_closed(lua_State *L) {
  const struct spectator *spectator = check_spectator(L);
  if (!spectator->closed) return 0;
  lua_pushinteger(L, (lua_Integer)spectator->code);
  lua_pushstring(L, spectator->reason);
  return 2;
}

static int spectator_gc(lua_State *L) {
  struct spectator **box = lua_touserdata(L, 1);
  if (*box == NULL) return 0;
  if ((*box)->ended) {
    spectator_free(*box);
  } else {
    (*box)->dropped = true;
    frames_free(*box);
  }
  *box = NULL;
  return 0;
}

void spectator_open(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "submit", spectator_submit }, { "subscribe", spectator_subscribe }, { "unsubscribe", spectator_unsubscribe },
    { "take", spectator_take }, { "close", spectator_close }, { "closed", spectator_closed }, { NULL, NULL },
  };
  userdata_make_class(L, spectator_name, methods, spectator_gc);
}
