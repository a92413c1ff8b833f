/* call_form.c -- see call_form.h. */
#include "kit/call_form.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "codec/idempotency_key.h"
#include "marshal/lua_key.h"
#include "marshal/lua_value.h"

enum { PAGE_ENTRIES = 100 };

void call_form_init(struct call_form *form, lua_State *L, const struct limits *limits) {
  *form = (struct call_form){ .loan = lender_lend(L, limits), .limits = limits, .create = true, .limit = PAGE_ENTRIES };
}

struct slice call_form_text(lua_State *L, int index) {
  size_t size;
  const char *text = luaL_checklstring(L, index, &size);
  return slice_of(text, size);
}

static void raise_message(lua_State *L, const struct failure *failure) {
  lua_pushlstring(L, (const char *)failure->message.data, failure->message.size);
  lua_error(L);
}

/* Appends the bytes of the value at `index`. [-0, +0, v] */
static void write_value(const struct call_form *form, lua_State *L, int index, const char *what, struct buf *bytes) {
  struct walk_options options = { .root.name = what, .depth_max = (size_t)form->limits->depth, .boolean_keys = true,
                                  .raw_metatables = true, .shared = true };
  struct failure *failure = &form->loan->failure;
  if (lua_value_write(L, index, bytes, &options, failure) != ERR_NONE) raise_message(L, failure);
}

void call_form_read_key(struct call_form *form, lua_State *L, int index) {
  luaL_checkany(L, index);
  lua_key_write(L, index, &form->loan->key, &(struct argument){ .name = "key" });
}

void call_form_read_arguments(struct call_form *form, lua_State *L, int index, lua_Integer count) {
  lua_createtable(L, (int)count, 0);                                 /* arguments: one value, for a table in two of them */
  for (lua_Integer i = 1; i <= count; i++) {
    if (lua_geti(L, index, i) == LUA_TNIL) {                         /* arguments value */
      lua_pop(L, 1);
      lua_pushlightuserdata(L, NULL);                                /* arguments null */
    }
    lua_rawseti(L, -2, i);                                           /* arguments */
  }
  walk_mark(L);
  write_value(form, L, lua_gettop(L), "arguments", &form->loan->arguments);
  lua_pop(L, 1);                                                     /* - */
}

/* -- options -- */

static void check_names(lua_State *L, int index, const char *const *known) {
  lua_pushnil(L);                                                    /* name */
  while (lua_next(L, index)) {                                       /* name value */
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
    const char *const *at = known;
    while (*at != NULL && strcmp(*at, name) != 0) at++;
    if (*at == NULL) luaL_error(L, "there is no option \"%s\" here", name);
    lua_pop(L, 1);                                                   /* name */
  }
}

static void read_value(const struct call_form *form, lua_State *L, int index, const char *name, struct buf *bytes) {
  if (lua_getfield(L, index, name) != LUA_TNIL) write_value(form, L, lua_gettop(L), name, bytes);    /* value */
  lua_pop(L, 1);                                                     /* - */
}

/* The text of an option, which stays alive in the table; empty if there is none. [-0, +0, v] */
static struct slice read_text(lua_State *L, int index, const char *name) {
  struct slice text = { 0 };
  int type = lua_getfield(L, index, name);                           /* value */
  if (type != LUA_TNIL && type != LUA_TSTRING) luaL_error(L, "%s: a string expected, got %s", name, luaL_typename(L, -1));
  if (type == LUA_TSTRING) {
    size_t size;
    const char *data = lua_tolstring(L, -1, &size);
    text = slice_of(data, size);
  }
  lua_pop(L, 1);                                                     /* - */
  return text;
}

static void read_idempotency_key(struct call_form *form, lua_State *L, int index) {
  bool is_there = lua_getfield(L, index, "idempotency_key") != LUA_TNIL;     /* value */
  lua_pop(L, 1);                                                     /* - */
  if (!is_there) return;
  form->idempotency_key = read_text(L, index, "idempotency_key");
  struct failure *failure = &form->loan->failure;
  if (idempotency_key_check(form->idempotency_key, failure) != ERR_NONE) raise_message(L, failure);
}

/* Pushes the string at `index` with its letters in lower case, as a door has the names of headers. [-0, +1, m] */
static void push_lower(lua_State *L, int index) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  luaL_Buffer buffer;
  char *lower = luaL_buffinitsize(L, &buffer, size);
  for (size_t i = 0; i < size; i++) lower[i] = (char)tolower((unsigned char)text[i]);
  luaL_pushresultsize(&buffer, size);                                /* lower */
}

static void read_headers(struct call_form *form, lua_State *L, int index) {
  int type = lua_getfield(L, index, "headers");                      /* headers */
  if (type != LUA_TNIL && type != LUA_TTABLE) luaL_error(L, "headers: a table expected, got %s", luaL_typename(L, -1));
  if (type == LUA_TTABLE) {
    int headers = lua_gettop(L);
    lua_newtable(L);                                                 /* headers lower */
    lua_pushnil(L);                                                  /* headers lower name */
    while (lua_next(L, headers)) {                                   /* headers lower name value */
      if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "headers: a table from names to strings expected, got %s to %s", luaL_typename(L, -2),
                   luaL_typename(L, -1));
      }
      push_lower(L, headers + 2);                                    /* headers lower name value lower-name */
      lua_insert(L, -2);                                             /* headers lower name lower-name value */
      lua_rawset(L, headers + 1);                                    /* headers lower name */
    }
    write_value(form, L, headers + 1, "headers", &form->loan->headers);
    lua_pop(L, 1);                                                   /* headers */
  }
  lua_pop(L, 1);                                                     /* - */
}

void call_form_read_options(struct call_form *form, lua_State *L, int index, const char *const *known) {
  if (lua_isnoneornil(L, index)) return;
  if (!lua_istable(L, index)) luaL_error(L, "options: a table expected, got %s", luaL_typename(L, index));
  check_names(L, index, known);
  read_idempotency_key(form, L, index);
  read_value(form, L, index, "input", &form->loan->input);
  read_value(form, L, index, "params", &form->loan->params);
  read_headers(form, L, index);
  form->address = read_text(L, index, "address");
  form->create = lua_getfield(L, index, "create") == LUA_TNIL || lua_toboolean(L, -1);               /* create */
  if (lua_getfield(L, index, "limit") != LUA_TNIL) {                 /* create limit */
    lua_Integer limit = luaL_checkinteger(L, -1);
    form->limit = limit < 1 ? 1 : (unsigned)limit;
  }
  lua_pop(L, 2);                                                     /* - */
}

/* -- the request -- */

static void copy(struct buf *into, struct slice bytes) {
  buf_put(into, bytes);
  CHECK(into->err == ERR_NONE);
}

struct request *call_form_request(const struct call_form *form, enum request_type type, struct reply *reply) {
  struct request *request = request_try_new(type, reply);
  CHECK(request != NULL);
  copy(&request->class_name, form->class_name);
  copy(&request->key, buf_slice(&form->loan->key));
  copy(&request->method, form->method);
  copy(&request->args, buf_slice(&form->loan->arguments));
  copy(&request->input, buf_slice(&form->loan->input));
  copy(&request->params, buf_slice(&form->loan->params));
  copy(&request->headers, buf_slice(&form->loan->headers));
  copy(&request->address, form->address);
  copy(&request->idempotency_key, form->idempotency_key);
  request->create = form->create;
  request->limit = form->limit;
  return request;
}
