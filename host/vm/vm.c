/* vm.c -- see vm.h and lua_vm.h: the one entry into Lua, and the life of a VM. */
#include "vm/vm.h"

#include <lauxlib.h>
#include <lualib.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/json.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

/* A panic means that Lua was entered elsewhere than in vm_enter(). */
static int panic(lua_State *L) {
  check_failed(__FILE__, __LINE__, "Lua is entered under protection", lua_type(L, -1), 0);
}

bool vm_enter(struct vm *vm, lua_CFunction function, void *context, struct failure *failure) {
  lua_State *L = vm->L;
  int top = lua_gettop(L);
  CHECK(lua_checkstack(L, 8));
  lua_pushcfunction(L, function);                                    /* +1 function */
  lua_pushlightuserdata(L, context);                                 /* +2 function context */
  int status = lua_pcall(L, 1, 0, 0);                                /* +0, or +1 error */
  if (status != LUA_OK) vm->describe(L, status, failure);
  lua_settop(L, top);
  if (vm->parser != NULL) json_parser_again(vm->parser, NULL);
  return status == LUA_OK;
}

/* Without limits, and without a Lua state. */
static void set_up(struct vm *vm, const struct vm_config *config, vm_describer *describe) {
  vm->config = *config;
  vm->describe = describe;
  vm->beside = vm;
  for (size_t i = 0; i < VM_REF_COUNT; i++) vm->refs[i] = LUA_NOREF;
  budget_lift(vm);
}

struct vm *vm_try_new(const struct vm_config *config, vm_describer *describe) {
  struct vm *vm = mem_try_zero(sizeof *vm);
  if (vm == NULL) return NULL;
  set_up(vm, config, describe);
  vm->L = lua_newstate(budget_allocate, vm);
  if (vm->L == NULL) {
    mem_free(vm);
    return NULL;
  }
  lua_atpanic(vm->L, panic);
  vm_tell(vm, vm->L);
  lua_sethook(vm->L, budget_hook, LUA_MASKCOUNT, BUDGET_HOOK_INSTRUCTIONS);         /* coroutines inherit it */
  return vm;
}

struct vm *vm_new_beside(const struct vm_config *config, vm_describer *describe) {
  struct vm *vm = mem_zero(sizeof *vm);
  set_up(vm, config, describe);
  return vm;
}

void vm_free_beside(struct vm *vm) {
  json_parser_free(vm->parser);
  buf_done(&vm->value);
  buf_done(&vm->key);
  buf_done(&vm->key_end);
  key_reader_done(&vm->key_reader);
  failure_done(&vm->raised);
  mem_free(vm);
}

void vm_close(struct vm *vm) {
  if (vm == NULL) return;
  struct vm *before = vm;
  while (before->beside != vm) before = before->beside;
  before->beside = vm->beside;
  vm->granting = true;
  lua_close(vm->L);
  CHECK_THAT(vm->bytes, ==, 0);
  vm_free_beside(vm);
}

void vm_set_tick(struct vm *vm, void (*tick)(void *context), void *context) {
  vm->tick = tick;
  vm->tick_context = context;
}

void vm_put_beside(struct vm *vm, struct vm *other) {
  CHECK(vm->beside == vm);
  vm->beside = other->beside;
  other->beside = vm;
}

struct vm *vm_beside(const struct vm *vm) {
  return vm->beside;
}

size_t vm_instances(const struct vm *vm) {
  return vm->instances;
}

size_t vm_bytes(const struct vm *vm) {
  return vm->bytes;
}

void vm_collect(struct vm *vm) {
  lua_gc(vm->L, LUA_GCCOLLECT, 0);
}

/* A cycle that is already under way at the first call may have marked what is garbage now, so it takes a second one. */
bool vm_collect_some(struct vm *vm) {
  enum { MOST_NS = 5000000, CYCLES = 2 };
  int64_t end_ns = clock_thread_cpu_ns(vm->config.clock) + MOST_NS;
  do {
    vm->cycles += lua_gc(vm->L, LUA_GCSTEP, 0) != 0;
  } while (vm->cycles < CYCLES && clock_thread_cpu_ns(vm->config.clock) < end_ns);
  if (vm->cycles < CYCLES) return false;
  vm->cycles = 0;
  return true;
}
