/* vm.c -- see vm.h and lua_vm.h: the one entry into Lua, the life of a VM, what it keeps. */

#include <lauxlib.h>
#include <lualib.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/json.h"
#include "script/lua_vm.h"

enum {
  HOOK_INSTRUCTIONS = 1000,   /* between two looks at the limits */
  WORK_A_CLOCK = 64,          /* reading a thread's processor time is a system call: not at each hook */
  CPU_CLOCK_OLD_NS = 1000000, /* nor for each call: what was read is good for so long, and may charge a call for as much */
  WORK_A_HOOK = 4,            /* what a hook counts as, where one vm_check_limits() is 1 */
  WORK_BYTES = 8192,          /* and so many bytes that C goes over as well */
  LOOKS_A_CLOCK = 64,         /* of vm_is_due() */
  COROUTINES_KEPT = 64
};

/* What the allocator still grants beyond the soft limit, so that the hook, not a full collection for each refused
 * block, ends the call. */
static size_t margin_of(size_t limit) {
  return limit / 8 + MIB(16);
}

static void *allocate(void *context, void *block, size_t old_size, size_t size) {
  struct vm *vm = context;
  if (block == NULL) old_size = 0;
  if (size == 0) {
    mem_free(block);
    vm->bytes -= old_size;
    return NULL;
  }
  if (size > old_size && !vm->granting && vm->bytes + (size - old_size) > vm->bytes_hard) {
    if (vm->stopped == ERR_NONE) vm->stopped = ERR_MEMORY;
    return NULL;
  }
  void *moved = mem_try_resize(block, size);
  if (moved == NULL && block != NULL && size <= old_size) moved = block;        /* Lua counts on it that a block can shrink */
  if (moved != NULL) vm->bytes += size - old_size;
  vm->refused |= moved == NULL;
  return moved;
}

static void look_at_limits(lua_State *L, struct vm *vm, size_t work) {
  if (vm->bytes > vm->bytes_soft && !vm->granting) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    if (vm->bytes > vm->bytes_soft && vm->stopped == ERR_NONE) vm->stopped = ERR_MEMORY;
  }
  vm->work += work;
  if (vm->work < WORK_A_CLOCK || vm->stopped != ERR_NONE) return;
  vm->work = 0;
  if (vm->config.tick != NULL) vm->config.tick(vm->config.tick_context);
  bool late = clock_thread_cpu_ns(vm->config.clock) > vm->cpu_end_ns || clock_monotonic_ns(vm->config.clock) > vm->wall_end_ns;
  if (late) vm->stopped = ERR_TIMEOUT;
}

static void hook(lua_State *L, lua_Debug *where) {
  (void)where;
  look_at_limits(L, vm_of(L), WORK_A_HOOK);
  vm_check_stopped(L);
}

void vm_check_stopped(lua_State *L) {
  struct vm *vm = vm_of(L);
  if (vm->stopped == ERR_NONE || vm->granting) return;
  lua_pushlightuserdata(L, vm);                                      /* +1: any error object will do, `stopped` tells */
  lua_error(L);
}

int vm_stop(lua_State *L, enum err err) {
  struct vm *vm = vm_of(L);
  if (vm->stopped == ERR_NONE) vm->stopped = err;
  lua_pushlightuserdata(L, vm);                                      /* +1 */
  return lua_error(L);
}

void vm_check_limits(lua_State *L) {
  vm_check_limits_for(L, 0);
}

void vm_check_limits_for(lua_State *L, size_t bytes) {
  struct vm *vm = vm_of(L);
  if (vm->bytes_hard == SIZE_MAX) return;                            /* between vm_limit_end() and _begin(), and where Lua is lent */
  look_at_limits(L, vm, 1 + bytes / WORK_BYTES);
  vm_check_stopped(L);
}

void vm_check_stack(lua_State *L, int slots) {
  struct vm *vm = vm_of(L);
  vm->refused = false;
  if (lua_checkstack(L, slots)) return;
  if (vm->refused) vm_stop(L, ERR_MEMORY);
  luaL_error(L, "stack overflow");
}

bool vm_is_text(lua_State *L, int index, const char *text) {
  size_t size;
  if (lua_type(L, index) != LUA_TSTRING) return false;
  const char *found = lua_tolstring(L, index, &size);
  return size == strlen(text) && memcmp(found, text, size) == 0;
}

void vm_limit_begin(struct vm *vm, struct vm_usage *usage) {
  const struct limits *limits = vm->config.limits;
  size_t used = usage->bytes > 0 ? (size_t)usage->bytes : 0;
  size_t soft = vm->bytes + (used < limits->call_bytes ? limits->call_bytes - used : 0);
  if (soft > limits->vm_bytes) soft = limits->vm_bytes;
  vm->bytes_soft = soft;
  vm->bytes_hard = soft + margin_of(soft);
  vm->bytes_begin = vm->bytes;
  int64_t now_ns = clock_work_ns(vm->config.clock);
  if (usage->cpu_ns > 0 || now_ns - vm->cpu_read_ns >= CPU_CLOCK_OLD_NS) {
    vm->cpu_begin_ns = clock_thread_cpu_ns(vm->config.clock);
    vm->cpu_read_ns = now_ns;
  }
  vm->cpu_end_ns = vm->cpu_begin_ns + (int64_t)limits->call_cpu_ms * 1000000 - usage->cpu_ns;
  if (usage->wall_begin_ns == 0) usage->wall_begin_ns = clock_monotonic_ns(vm->config.clock);
  vm->wall_end_ns = usage->wall_begin_ns + (int64_t)limits->call_wall_ms * 1000000;
  vm->pause_ns = now_ns + (int64_t)vm->config.pause_ms * 1000000;
  vm->pause_looks = 0;
  vm->work = 0;
  vm->stopped = ERR_NONE;
}

void vm_limit_load(struct vm *vm) {
  size_t limit = vm->config.limits->vm_bytes;
  vm->bytes_soft = limit + margin_of(limit) / 2;
  vm->bytes_hard = limit + margin_of(limit);
  vm->cpu_end_ns = INT64_MAX;
  vm->wall_end_ns = INT64_MAX;
}

static void lift_limits(struct vm *vm) {
  vm->bytes_soft = SIZE_MAX;
  vm->bytes_hard = SIZE_MAX;
  vm->cpu_end_ns = INT64_MAX;
  vm->wall_end_ns = INT64_MAX;
  vm->stopped = ERR_NONE;
}

void vm_limit_end(struct vm *vm, struct vm_usage *usage) {
  if (usage != NULL) {
    usage->cpu_ns += clock_thread_cpu_ns(vm->config.clock) - vm->cpu_begin_ns;
    usage->bytes += (int64_t)vm->bytes - (int64_t)vm->bytes_begin;
  }
  lift_limits(vm);
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

/* A panic can only come from Lua entered elsewhere than in vm_enter(). */
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
  for (size_t i = 0; i < VM_REF_COUNT; i++) vm->refs[i] = LUA_NOREF;
  lift_limits(vm);
}

struct vm *vm_try_new(const struct vm_config *config, vm_describer *describe) {
  struct vm *vm = mem_try_zero(sizeof *vm);
  if (vm == NULL) return NULL;
  set_up(vm, config, describe);
  vm->boot = (uint64_t)clock_unix_ns(config->clock);
  vm->L = lua_newstate(allocate, vm);
  if (vm->L == NULL) {
    mem_free(vm);
    return NULL;
  }
  lua_atpanic(vm->L, panic);
  vm_tell(vm, vm->L);
  lua_sethook(vm->L, hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);         /* coroutines inherit it */
  return vm;
}

struct vm *vm_new_beside(const struct vm_config *config, vm_describer *describe) {
  struct vm *vm = mem_zero(sizeof *vm);
  set_up(vm, config, describe);
  return vm;
}

void vm_tell(struct vm *vm, lua_State *L) {
  *(struct vm **)lua_getextraspace(L) = vm;
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
  vm->granting = true;
  lua_close(vm->L);
  CHECK_THAT(vm->bytes, ==, 0);
  vm_free_beside(vm);
}

size_t vm_bytes(const struct vm *vm) {
  return vm->bytes;
}

void vm_collect(struct vm *vm) {
  lua_gc(vm->L, LUA_GCCOLLECT, 0);
}

/* A cycle that is under way when it begins may have marked what is garbage now, so it takes a second one. */
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

bool vm_is_due(lua_State *L) {
  struct vm *vm = vm_of(L);
  if (vm->call != L || !vm->now.may_pause) return false;
  if (++vm->pause_looks % LOOKS_A_CLOCK != 0 && vm->config.pause_ms > 0) return false;
  return clock_work_ns(vm->config.clock) >= vm->pause_ns && lua_isyieldable(L);
}

int vm_pause(lua_State *L, lua_KContext context, lua_KFunction function) {
  vm_of(L)->now.paused = true;
  return lua_yieldk(L, 0, context, function);
}
