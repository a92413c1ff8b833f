/* lua_lossless.c -- see lua_lossless.h. */
#include "marshal/lua_lossless.h"

#include "base/limits.h"
#include "base/recursion.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "marshal/handle.h"
#include "marshal/tracked.h"
#include "marshal/walk.h"
#include "vm/budget.h"

/* A table that is being written, and the one around it. */
struct level {
  const struct level *up;
  const void *table;
  size_t depth;
};

enum form { FORM_ARRAY, FORM_OBJECT, FORM_MAP };

static void put_value(lua_State *L, int index, struct buf *text, const struct level *up);

/* Writes what stands for something that is not data. */
static void put_words(struct buf *text, const char *words) {
  buf_printf(text, "{\"$unshown\":\"%s\"}", words);
}

static void put_number(lua_State *L, int index, struct buf *text) {
  if (lua_isinteger(L, index)) {
    json_put_integer(text, lua_tointeger(L, index));
  } else {
    json_put_lossless_float(text, lua_tonumber(L, index));
  }
}

/* Whether the name of a field can be that of an object in JSON, without looking like one of the forms here. */
static bool is_plain_name(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TSTRING) return false;
  struct slice name = vm_string_at(L, index);
  return (name.size == 0 || name.data[0] != '$') && utf8_is_valid(name);
}

/* The form of a table, by the keys of its `data`. */
static enum form form_of(lua_State *L, int data, bool marked) {
  lua_Integer count = 0, highest = 0;
  bool names = true, numbers = true;
  lua_pushnil(L);                                                    /* key */
  while ((names || numbers) && lua_next(L, data)) {                  /* key value */
    lua_pop(L, 1);                                                   /* key */
    lua_Integer number = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    numbers = numbers && number > 0;
    names = names && is_plain_name(L, -1);
    if (number > highest) highest = number;
    count++;
    budget_check(L);
  }
  lua_settop(L, data);                                               /* - */
  if (count == 0) return marked ? FORM_ARRAY : FORM_OBJECT;
  if (numbers && highest == count) return FORM_ARRAY;
  return names ? FORM_OBJECT : FORM_MAP;
}

static void put_array(lua_State *L, int data, struct buf *text, const struct level *level) {
  buf_put_byte(text, '[');
  lua_Integer count = (lua_Integer)lua_rawlen(L, data);
  for (lua_Integer i = 1; i <= count && text->err == ERR_NONE; i++) {
    if (i > 1) buf_put_byte(text, ',');
    lua_rawgeti(L, data, i);                                         /* value */
    put_value(L, data + 1, text, level);
    lua_pop(L, 1);                                                   /* - */
    budget_check(L);
  }
  buf_put_byte(text, ']');
}

/* Writes the key of a pair: as data, or else in words. */
static void put_key(lua_State *L, int key, struct buf *text) {
  bool tabular = lua_type(L, key) == LUA_TTABLE || tracked_is_part(L, key);
  if (tabular) {
    put_words(text, "a table");
  } else {
    put_value(L, key, text, NULL);
  }
}

/* Writes the fields of an object, or the pairs of a map. */
static void put_fields(lua_State *L, int data, bool map, struct buf *text, const struct level *level) {
  buf_put_text(text, map ? "{\"$map\":[" : "{");
  bool first = true;
  lua_pushnil(L);                                                    /* key */
  while (text->err == ERR_NONE && lua_next(L, data)) {               /* key value */
    if (!first) buf_put_byte(text, ',');
    if (map) buf_put_byte(text, '[');
    put_key(L, data + 1, text);
    buf_put_byte(text, map ? ',' : ':');
    put_value(L, data + 2, text, level);
    if (map) buf_put_byte(text, ']');
    lua_pop(L, 1);                                                   /* key */
    first = false;
    budget_check(L);
  }
  lua_settop(L, data);                                               /* - */
  buf_put_text(text, map ? "]}" : "}");
}

static bool is_within_itself(const void *table, const struct level *level) {
  while (level != NULL && level->table != table) level = level->up;
  return level != NULL;
}

static void put_table(lua_State *L, int index, struct buf *text, const struct level *up) {
  bool marked = false;
  budget_check_stack(L, 8);
  walk_table(L, index, &marked);                                     /* data */
  int data = lua_gettop(L);
  struct level level = { .up = up, .table = lua_topointer(L, data), .depth = up == NULL ? 1 : up->depth + 1 };
  if (is_within_itself(level.table, up)) {
    put_words(text, "a table that this one is within");
  } else if (level.depth > RECURSION_MAX) {
    put_words(text, "a table that is nested too deep to be shown");
  } else {
    enum form form = form_of(L, data, marked);
    if (form == FORM_ARRAY) {
      put_array(L, data, text, &level);
    } else {
      put_fields(L, data, form == FORM_MAP, text, &level);
    }
  }
  lua_pop(L, 1);                                                     /* - */
}

static void put_handle(lua_State *L, int index, struct buf *text) {
  const struct handle *handle = lua_touserdata(L, index);
  buf_put_text(text, "{\"$actor\":[");
  json_put_lossless_string(text, handle_class(handle));
  buf_put_byte(text, ',');
  json_put_key(text, handle_key(handle));
  buf_put_text(text, "]}");
}

static void put_userdata(lua_State *L, int index, struct buf *text, const struct level *up) {
  if (handle_is(L, index)) {
    put_handle(L, index, text);
  } else if (!tracked_is_part(L, index)) {
    put_words(text, "a userdata");
  } else if (!tracked_is_owned(L, index)) {
    put_words(text, "a part of the state of another actor, or of one that has left memory");
  } else {
    put_table(L, index, text, up);
  }
}

static void put_value(lua_State *L, int index, struct buf *text, const struct level *up) {
  switch (lua_type(L, index)) {
    case LUA_TNIL: buf_put_text(text, "null"); break;
    case LUA_TBOOLEAN: buf_put_text(text, lua_toboolean(L, index) ? "true" : "false"); break;
    case LUA_TNUMBER: put_number(L, index, text); break;
    case LUA_TSTRING: json_put_lossless_string(text, vm_string_at(L, index)); break;
    case LUA_TTABLE: put_table(L, index, text, up); break;
    case LUA_TUSERDATA: put_userdata(L, index, text, up); break;
    case LUA_TFUNCTION: put_words(text, "a function"); break;
    case LUA_TTHREAD: put_words(text, "a thread"); break;
    default:
      if (lua_touserdata(L, index) == NULL) {
        buf_put_text(text, "null");
      } else {
        put_words(text, "a userdata");
      }
  }
}

enum err lua_lossless_write(lua_State *L, int index, struct buf *text, struct failure *failure) {
  failure_clear(failure);
  put_value(L, lua_absindex(L, index), text, NULL);
  if (text->err == ERR_TOO_LARGE) {
    failure_set(failure, ERR_TOO_LARGE, "what there is to see is larger than the limit of %zu bytes " LIMIT_NAME(VM_BYTES),
                text->size_max);
  } else if (text->err != ERR_NONE) {
    failure_set(failure, ERR_MEMORY, "no memory to show this actor");
  }
  return failure->err;
}
