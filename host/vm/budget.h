/* budget.h -- what a stay in Lua may take: memory and time.
 *
 * WHY     Scripts must be stopped when they take too long or too much, whatever they catch; and long work in the middle of a
 *         call lets other actors have their turns.
 * ROOM    vm. Beside vm.c, which makes a VM with this allocator and this hook.
 * ALWAYS  1. Once `stopped` is set, every return from a protected call inside Lua raises again, until budget_end().
 *         2. Of vm_bytes, VMs beside one another (vm.h) share what is more than a quarter for each.
 *         3. While `granting`, the allocator refuses nothing that the system has: undoing must not fail for want of a
 *            limit.
 * LIMITS  call_cpu_ms, call_wall_ms, call_bytes, vm_bytes
 */
#ifndef TROUPE_BUDGET_H
#define TROUPE_BUDGET_H

#include "vm/lua_vm.h"

/* Instructions between two calls of the hook. */
enum { BUDGET_HOOK_INSTRUCTIONS = 1000 };

/* For lua_newstate() and lua_sethook(), with the VM as context. */
void *budget_allocate(void *context, void *block, size_t old_size, size_t size);
void budget_hook(lua_State *L, lua_Debug *where);

/* No limits hold: outside of stays, and where Lua is lent. */
void budget_lift(struct vm *vm);

/* Between these two the limits of a call hold, less what it has used already; the second adds to that, unless it is NULL:
 * then the call is over. */
void budget_begin(struct vm *vm, struct vm_usage *usage);
void budget_end(struct vm *vm, struct vm_usage *usage);

/* From here to the next budget_begin() the memory of the VM alone bounds what runs: reading a state, whose end is
 * certain. It grants a little more than a call gets, so that a state that fitted fits again beside what reading it takes. */
void budget_begin_load(struct vm *vm);

/* Raises again where the call was stopped: after every protected call that a script can make. [-0, +0, v] */
void budget_check_stopped(lua_State *L);

/* Stops the call in the middle of something that a script must not go on after: it is undone whatever it catches. [-0,
 * +0, v] */
int budget_stop(lua_State *L, enum err err);

/* The same as budget_check_stopped() after a look at the limits: in loops of C, where no hook falls. [-0, +0, v] */
void budget_check(lua_State *L);

/* The same after C has gone over so many bytes at once, which counts as so much more work. [-0, +0, v] */
void budget_check_for(lua_State *L, size_t bytes);

/* Long work in the middle of a call lets other actors have their turns. What it needs after a pause is on the Lua stack or
 * in a userdata: the working buffers of the VM and every scan belong to other turns meanwhile.
 *
 * Whether this stay in Lua has lasted so long that it should pause (vm_config.pause_ms). To be asked once a record: it
 * reads the clock at every 64th. False where a call cannot pause: in a coroutine of the script, in a function that a sort
 * or a gsub calls, in on_stop. */
bool budget_is_due(lua_State *L);

/* Pauses: to be returned by a C function, which goes on as `function` with `context`, its stack as it was. [-0, +0, v] */
int budget_pause(lua_State *L, lua_KContext context, lua_KFunction function);

/* Makes room for so many values more. Raises where the script has nested calls too deep; unlike luaL_checkstack(), which
 * says that of want of memory too, stops the call for that. [-0, +0, v] */
void budget_check_stack(lua_State *L, int slots);

#endif
