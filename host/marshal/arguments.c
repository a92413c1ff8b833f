/* arguments.c -- see arguments.h. */
#include "marshal/arguments.h"

#include "base/limits.h"
#include "codec/value.h"
#include "marshal/handle.h"
#include "marshal/lua_value.h"
#include "vm/budget.h"

void arguments_write_value(lua_State *L, int index, const struct argument *argument) {
  struct vm *vm = vm_of(L);
  struct walk_options options = { .root = *argument, .depth_max = (size_t)vm->config.limits->depth, .boolean_keys = true,
                                  .shared = true };
  size_t begin = vm->value.size;
  enum err err = lua_value_write(L, index, &vm->value, &options, &vm->raised);
  budget_check_for(L, vm->value.size - begin);
  if (err == ERR_NONE) return;
  if (err == ERR_INTERNAL) raise_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
  if (err == ERR_MEMORY) raise_failure(L, &vm->raised);
  raise_about(L, err, argument, "more than %zu bytes, the limit of a value " LIMIT_NAME(VALUE_BYTES), vm->value.size_max);
}

/* Pushes the arguments as one marked sequence: a table that is in two of them stays one. [-0, +1, m] */
static void push_as_one(lua_State *L, int first, int count) {
  lua_createtable(L, count, 0);                                      /* ... arguments */
  for (int i = 1; i <= count; i++) {
    lua_pushvalue(L, first + i - 1);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushlightuserdata(L, NULL);                                /* ... arguments null */
    }
    lua_rawseti(L, -2, i);                                           /* ... arguments */
  }
  walk_mark(L);
}

/* Whether tables are among the arguments: then they are written as one. */
static bool have_tables(lua_State *L, int first, int count) {
  for (int i = first; i < first + count; i++) {
    int type = lua_type(L, i);
    if (type == LUA_TTABLE || (type == LUA_TUSERDATA && !handle_is(L, i))) return true;
  }
  return false;
}

void arguments_write(lua_State *L, int first, int count) {
  struct vm *vm = vm_of(L);
  struct argument argument = { .name = "arguments" };
  if (count > ARGUMENTS_MAX) raise_host(L, ERR_ARGUMENTS, "%d arguments; a call takes at most %d", count, ARGUMENTS_MAX);
  struct buf *value = vm_begin_value(vm, (size_t)vm->config.limits->value_bytes);
  budget_check_stack(L, 8);
  if (have_tables(L, first, count)) {
    push_as_one(L, first, count);                                    /* ... arguments */
    arguments_write_value(L, first + count, &argument);
    lua_pop(L, 1);                                                   /* ... */
    return;
  }
  value_put_array(value, (uint32_t)count);
  for (int i = 1; i <= count; i++) {
    argument.position = i;
    arguments_write_value(L, first + i - 1, &argument);
  }
}
