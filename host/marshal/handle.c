/* handle.c -- see handle.h. */
#include "marshal/handle.h"

#include <lauxlib.h>

#include "base/check.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

static const struct handle *handle_at(lua_State *L, int index) {
  if (!handle_is(L, index)) luaL_typeerror(L, index, "handle");
  return lua_touserdata(L, index);
}

/* handle == other   [-0, +1, -] */
static int handle_eq(lua_State *L) {
  bool equal = handle_is(L, 1) && handle_is(L, 2);
  if (equal) {
    const struct handle *a = lua_touserdata(L, 1), *b = lua_touserdata(L, 2);
    equal = slice_equal(handle_class(a), handle_class(b)) && slice_equal(handle_key(a), handle_key(b));
  }
  lua_pushboolean(L, equal);
  return 1;
}

/* tostring(handle) -> "Account/ann"   [-0, +1, v] */
static int handle_tostring(lua_State *L) {
  const struct handle *handle = handle_at(L, 1);
  struct buf *text = &vm_of(L)->key;
  buf_clear(text);
  key_print_address(text, handle_class(handle), handle_key(handle));
  if (text->err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory for the text of a handle");
  lua_pushlstring(L, (const char *)text->data, text->size);
  return 1;
}

void handle_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "__eq", handle_eq }, { "__tostring", handle_tostring }, { NULL, NULL } };
  lua_createtable(L, 0, 8);                                          /* meta */
  luaL_setfuncs(L, functions, 0);
  lua_pushliteral(L, "handle");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  vm_of(L)->handle_mark = lua_topointer(L, -1);
  vm_set_ref(L, VM_HANDLE_META);                                     /* - */
}

struct handle *handle_push(lua_State *L, struct slice class_name, struct slice key, bool with_options) {
  CHECK(class_name.size <= UINT8_MAX && key.size <= UINT32_MAX);
  budget_check_stack(L, 4);
  size_t size = sizeof(struct handle) + class_name.size + key.size;
  struct handle *handle = lua_newuserdatauv(L, size, with_options ? HANDLE_SLOT_COUNT : 0);   /* handle */
  *handle = (struct handle){
    .has_options = with_options, .create = true, .class_size = (uint8_t)class_name.size, .key_size = (uint32_t)key.size,
  };
  if (class_name.size > 0) memcpy(handle->bytes, class_name.data, class_name.size);
  if (key.size > 0) memcpy(handle->bytes + class_name.size, key.data, key.size);
  vm_push_ref(L, VM_HANDLE_META);
  lua_setmetatable(L, -2);                                           /* handle */
  return handle;
}

bool handle_is(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return false;     /* meta */
  bool is = lua_topointer(L, -1) == vm_of(L)->handle_mark;
  lua_pop(L, 1);                                                     /* - */
  return is;
}

void handle_strip(lua_State *L, int index) {
  if (!handle_is(L, index)) return;
  const struct handle *handle = lua_touserdata(L, index);
  if (!handle->has_options) return;
  index = lua_absindex(L, index);
  handle_push(L, handle_class(handle), handle_key(handle), false);   /* handle */
  lua_replace(L, index);                                             /* - */
}
