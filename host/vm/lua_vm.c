/* lua_vm.c -- see lua_vm.h. */
#include "vm/lua_vm.h"

#include <lauxlib.h>
#include <string.h>

/* Idle coroutines kept for their next call. */
enum { COROUTINES_KEPT = 64 };

bool vm_is_text(lua_State *L, int index, const char *text) {
  size_t size;
  if (lua_type(L, index) != LUA_TSTRING) return false;
  const char *found = lua_tolstring(L, index, &size);
  return size == strlen(text) && memcmp(found, text, size) == 0;
}

void vm_push_ref(lua_State *L, enum vm_ref ref) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->refs[ref]);            /* +1 */
}

void vm_set_ref(lua_State *L, enum vm_ref ref) {
  struct vm *vm = vm_of(L);
  if (vm->refs[ref] == LUA_NOREF) {
    vm->refs[ref] = luaL_ref(L, LUA_REGISTRYINDEX);                  /* -1 */
  } else {
    lua_rawseti(L, LUA_REGISTRYINDEX, vm->refs[ref]);                /* -1 */
  }
}

lua_State *vm_take_coroutine(lua_State *L) {
  vm_push_ref(L, VM_COROUTINES);                                     /* +1 pool */
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  if (count == 0) {
    lua_pop(L, 1);                                                   /* - */
    return lua_newthread(L);                                         /* +1 coroutine */
  }
  lua_rawgeti(L, -1, count);                                         /* +2 pool coroutine */
  lua_pushnil(L);                                                    /* +3 pool coroutine nil */
  lua_rawseti(L, -3, count);                                         /* +2 pool coroutine */
  lua_replace(L, -2);                                                /* +1 coroutine */
  return lua_tothread(L, -1);
}

void vm_give_coroutine(lua_State *L) {
  vm_push_ref(L, VM_COROUTINES);                                     /* coroutine pool */
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  lua_insert(L, -2);                                                 /* pool coroutine */
  if (count < COROUTINES_KEPT) {
    lua_rawseti(L, -2, count + 1);                                   /* pool */
    lua_pop(L, 1);                                                   /* - */
  } else {
    lua_pop(L, 2);                                                   /* - */
  }
}

void vm_tell(struct vm *vm, lua_State *L) {
  *(struct vm **)lua_getextraspace(L) = vm;
}
