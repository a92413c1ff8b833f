/* budget.c -- see budget.h. */
#include "vm/budget.h"

#include <lauxlib.h>

#include "base/mem.h"
#include "vm/wait.h"

enum {
  WORK_A_CLOCK = 64,          /* reading a thread's processor time is a system call: not at each hook */
  CPU_CLOCK_OLD_NS = 1000000, /* nor for each stay: a reading is good for this long, and may overcharge a call by as much */
  SHORT_STAY_NS = 100000,     /* a stay this short counts with the time that went by, on a processor or not */
  WORK_A_HOOK = 4,            /* what a hook counts as, if one budget_check() is 1 */
  WORK_BYTES = 8192,          /* so many bytes that C goes over are 1 too */
  LOOKS_A_CLOCK = 64          /* calls of budget_is_due() between two readings of the clock */
};

/* What the allocator still grants beyond the soft limit, so that the hook ends the call, and not a full collection for
 * each refused block. */
static size_t margin_of(size_t limit) {
  return limit / 8 + MIB(16);
}

void *budget_allocate(void *context, void *block, size_t old_size, size_t size) {
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
  if (moved == NULL && block != NULL && size <= old_size) moved = block;        /* Lua relies on shrinking never failing */
  if (moved != NULL) vm->bytes += size - old_size;
  vm->refused |= moved == NULL;
  return moved;
}

/* What those beside it leave a VM of the limit. A quarter is its own in any case: a new VM must not fail because the
 * old one has not gone yet. */
static size_t limit_of(const struct vm *vm) {
  size_t limit = vm->config.limits->vm_bytes, beside = 0;
  for (const struct vm *other = vm->beside; other != vm; other = other->beside) beside += other->bytes;
  return beside > limit / 4 * 3 ? limit / 4 : limit - beside;
}

static void set_bytes(struct vm *vm) {
  size_t limit = limit_of(vm);
  vm->bytes_soft = vm->bytes_call < limit ? vm->bytes_call : limit;
  vm->bytes_hard = vm->bytes_soft + margin_of(vm->bytes_soft);
}

/* If it is the limit of the VM, and not that of the call, the garbage of those beside it goes too. */
static void collect_for_call(lua_State *L, struct vm *vm) {
  lua_gc(L, LUA_GCCOLLECT, 0);
  if (vm->bytes <= vm->bytes_soft || vm->bytes_soft == vm->bytes_call || vm->beside == vm) return;
  for (struct vm *other = vm->beside; other != vm; other = other->beside) lua_gc(other->L, LUA_GCCOLLECT, 0);
  set_bytes(vm);
}

static void look_at_limits(lua_State *L, struct vm *vm, size_t work) {
  if (vm->bytes > vm->bytes_soft && !vm->granting) {
    collect_for_call(L, vm);
    if (vm->bytes > vm->bytes_soft && vm->stopped == ERR_NONE) vm->stopped = ERR_MEMORY;
  }
  vm->work += work;
  if (vm->work < WORK_A_CLOCK || vm->stopped != ERR_NONE) return;
  vm->work = 0;
  if (vm->tick != NULL) vm->tick(vm->tick_context);
  vm->on_the_processor = clock_thread_cpu_ns(vm->config.clock) > vm->cpu_end_ns;
  if (vm->on_the_processor || clock_monotonic_ns(vm->config.clock) > vm->wall_end_ns) vm->stopped = ERR_TIMEOUT;
}

void budget_hook(lua_State *L, lua_Debug *where) {
  (void)where;
  look_at_limits(L, vm_of(L), WORK_A_HOOK);
  budget_check_stopped(L);
}

void budget_check_stopped(lua_State *L) {
  struct vm *vm = vm_of(L);
  if (vm->stopped == ERR_NONE || vm->granting) return;
  lua_pushlightuserdata(L, vm);                                      /* +1: any error object will do, `stopped` tells */
  lua_error(L);
}

int budget_stop(lua_State *L, enum err err) {
  struct vm *vm = vm_of(L);
  if (vm->stopped == ERR_NONE) vm->stopped = err;
  lua_pushlightuserdata(L, vm);                                      /* +1 */
  return lua_error(L);
}

void budget_check(lua_State *L) {
  budget_check_for(L, 0);
}

void budget_check_for(lua_State *L, size_t bytes) {
  struct vm *vm = vm_of(L);
  /* between budget_end() and _begin(), and where Lua is lent */
  if (vm->bytes_hard == SIZE_MAX) return;
  look_at_limits(L, vm, 1 + bytes / WORK_BYTES);
  budget_check_stopped(L);
}

void budget_check_caller(lua_State *L) {
  struct vm *vm = vm_of(L);
  if (!vm->ends_with_caller || clock_monotonic_ns(vm->config.clock) < vm->wall_end_ns) return;
  vm->on_the_processor = false;
  budget_stop(L, ERR_TIMEOUT);
}

void budget_begin(struct vm *vm, struct vm_usage *usage) {
  const struct limits *limits = vm->config.limits;
  size_t used = usage->bytes > 0 ? (size_t)usage->bytes : 0;
  vm->bytes_call = vm->bytes + (used < limits->call_bytes ? limits->call_bytes - used : 0);
  set_bytes(vm);
  vm->bytes_begin = vm->bytes;
  int64_t now_ns = clock_work_ns(vm->config.clock);
  if (now_ns - vm->cpu_read_ns >= CPU_CLOCK_OLD_NS) {
    vm->cpu_begin_ns = clock_thread_cpu_ns(vm->config.clock);
    vm->cpu_read_ns = now_ns;
  }
  vm->begin_ns = now_ns;
  vm->cpu_end_ns = vm->cpu_begin_ns + (int64_t)limits->call_cpu_ms * 1000000 - usage->cpu_ns;
  if (usage->wall_begin_ns == 0) usage->wall_begin_ns = clock_monotonic_ns(vm->config.clock);
  vm->wall_end_ns = usage->wall_begin_ns + (int64_t)limits->call_wall_ms * 1000000;
  vm->ends_with_caller = usage->deadline_ns != 0 && usage->deadline_ns < vm->wall_end_ns;
  if (vm->ends_with_caller) vm->wall_end_ns = usage->deadline_ns;
  vm->pause_ns = now_ns + (int64_t)vm->config.pause_ms * 1000000;
  vm->pause_looks = 0;
  vm->work = 0;
  vm->stopped = ERR_NONE;
}

void budget_begin_load(struct vm *vm) {
  size_t whole = vm->config.limits->vm_bytes, limit = limit_of(vm);
  vm->bytes_call = whole + margin_of(whole) / 2;
  vm->bytes_soft = limit + margin_of(limit) / 2;
  vm->bytes_hard = limit + margin_of(limit);
  vm->cpu_end_ns = INT64_MAX;
  vm->wall_end_ns = INT64_MAX;
}

void budget_lift(struct vm *vm) {
  vm->bytes_soft = SIZE_MAX;
  vm->bytes_call = SIZE_MAX;
  vm->bytes_hard = SIZE_MAX;
  vm->cpu_end_ns = INT64_MAX;
  vm->wall_end_ns = INT64_MAX;
  vm->stopped = ERR_NONE;
}

/* The processor time of the stay that ends, or a little more: no stay takes more of it than goes by, and the reading from
 * before the stay is no younger than the stay. */
static int64_t stay_cpu_ns(struct vm *vm) {
  int64_t went_by_ns = clock_work_ns(vm->config.clock) - vm->begin_ns;
  if (went_by_ns < SHORT_STAY_NS) return went_by_ns;
  int64_t used_ns = clock_thread_cpu_ns(vm->config.clock) - vm->cpu_begin_ns;
  return used_ns < went_by_ns ? used_ns : went_by_ns;
}

void budget_end(struct vm *vm, struct vm_usage *usage) {
  if (usage != NULL) {
    usage->cpu_ns += stay_cpu_ns(vm);
    usage->bytes += (int64_t)vm->bytes - (int64_t)vm->bytes_begin;
  }
  budget_lift(vm);
}

bool budget_is_due(lua_State *L) {
  struct vm *vm = vm_of(L);
  if (vm->coroutine == NULL) return false;
  if (++vm->pause_looks % LOOKS_A_CLOCK != 0 && vm->config.pause_ms > 0) return false;
  return clock_work_ns(vm->config.clock) >= vm->pause_ns && wait_is_possible(L);
}

int budget_pause(lua_State *L, lua_KContext context, lua_KFunction function) {
  budget_check_stack(L, 1);
  return wait_yield(L, TURN_PAUSED, context, function);
}

void budget_check_stack(lua_State *L, int slots) {
  struct vm *vm = vm_of(L);
  vm->refused = false;
  if (lua_checkstack(L, slots)) return;
  if (vm->refused) budget_stop(L, ERR_MEMORY);
  luaL_error(L, "stack overflow");
}
