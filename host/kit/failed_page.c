/* failed_page.c -- see failed_page.h. */
#include "kit/failed_page.h"

#include "codec/key.h"
#include "marshal/lua_key.h"
#include "marshal/lua_value.h"

static struct slice text_at(lua_State *L, int index) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  return slice_of(text, size);
}

/* One string as it is, any other key as a tuple. [-0, +1, v] */
static void push_key(lua_State *L, struct slice key) {
  struct key_reader reader;
  key_reader_init(&reader, key);
  bool is_string = key_next(&reader) == KEY_STRING && reader.rest.size == 0;
  key_reader_done(&reader);
  if (is_string) {
    lua_key_read_part(L, key);
  } else {
    lua_key_read(L, key);
  }
}

/* Sets class and key of the table `into` from the pair on top of the stack. [-1, +0, v] */
static void set_address(lua_State *L, int into) {
  lua_rawgeti(L, -1, 1);                                             /* pair class */
  lua_setfield(L, into, "class");                                    /* pair */
  lua_rawgeti(L, -1, 2);                                             /* pair bytes */
  push_key(L, text_at(L, -1));                                       /* pair bytes key */
  lua_setfield(L, into, "key");
  lua_pop(L, 2);                                                     /* - */
}

/* The entry is on top of the stack. [-0, +0, v] */
static void decode_entry(lua_State *L) {
  int entry = lua_gettop(L);
  lua_getfield(L, entry, "actor");                                   /* pair */
  set_address(L, entry);                                             /* - */
  lua_pushnil(L);
  lua_setfield(L, entry, "actor");
  if (lua_getfield(L, entry, "sender") == LUA_TTABLE) {              /* pair */
    lua_createtable(L, 0, 2);                                        /* pair sender */
    lua_pushvalue(L, -1);
    lua_setfield(L, entry, "sender");
    lua_insert(L, -2);                                               /* sender pair */
    set_address(L, entry + 1);                                       /* sender */
  } else {
    lua_pushnil(L);
    lua_setfield(L, entry, "sender");                                /* null */
  }
  lua_pop(L, 1);                                                     /* - */
  lua_getfield(L, entry, "args");                                    /* bytes */
  if (text_at(L, -1).size == 0) {
    lua_createtable(L, 0, 0);
  } else {
    lua_value_read(L, text_at(L, -1));                               /* bytes args */
  }
  lua_setfield(L, entry, "args");
  lua_pop(L, 1);                                                     /* - */
}

void failed_page_decode(lua_State *L) {
  lua_getfield(L, -1, "failed");                                     /* page entries */
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);                                           /* page entries entry */
    decode_entry(L);
    lua_pop(L, 1);                                                   /* page entries */
  }
  lua_pop(L, 1);                                                     /* page */
}
