/* budget.h -- how much memory and time a stay in Lua may take.
 *
 * WHY     A script that takes too long or too much must be stopped, whatever it catches; and long work in the middle of a
 *         call must let other actors have their turns.
 * ROOM    vm. Beside vm.c, which makes a VM with this allocator and this hook.
 * ALWAYS  1. Once `stopped` is set, every return from a protected call inside Lua raises again, until budget_end().
 *         2. VMs beside one another (vm.h) share vm_bytes, but a quarter of it is each one's own.
 *         3. While `granting`, the allocator refuses nothing that the system can give: undoing must not fail at a limit.
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

/* Lifts all limits: outside of stays, and while Lua is lent. */
void budget_lift(struct vm *vm);

/* Between these two the limits of a call hold, less what it has already used. The second adds what this stay used, unless
 * `usage` is NULL: then the call is over. */
void budget_begin(struct vm *vm, struct vm_usage *usage);
void budget_end(struct vm *vm, struct vm_usage *usage);

/* From here to the next budget_begin() only the memory of the VM is limited: for reading a state, which is certain to end.
 * It grants a little more than a call gets, so that a state that once fitted fits again, with what reading it takes. */
void budget_begin_load(struct vm *vm);

/* Raises again if the call has been stopped. Called after every protected call that a script can make. [-0, +0, v] */
void budget_check_stopped(lua_State *L);

/* Stops the call in the middle of something that the script must not survive: the call is undone, whatever the script
 * catches. [-0, +0, v] */
int budget_stop(lua_State *L, enum err err);

/* Looks at the limits, then does what budget_check_stopped() does: for loops in C, where the hook does not run.
 * [-0, +0, v] */
void budget_check(lua_State *L);

/* The same after C has gone over so many bytes in one go; they count as work in proportion. [-0, +0, v] */
void budget_check_for(lua_State *L, size_t bytes);

/* Stops the call of an actor if its caller's time is over: C may have run for long since anybody looked, and what nobody waits
 * for must not stay. Asked once, at the end of a call. [-0, +0, v] */
void budget_check_caller(lua_State *L);

/* Long work in the middle of a call lets other actors have their turns. Keep what it needs after a pause on the Lua stack or
 * in a userdata: meanwhile the working buffers of the VM and every scan belong to other turns.
 *
 * Whether this stay in Lua has lasted so long that it should pause (vm_config.pause_ms). Ask once a record: it reads the
 * clock every 64th time. False where a call cannot wait (wait_is_possible()): in a function that a sort or a gsub
 * calls, in on_stop. */
bool budget_is_due(lua_State *L);

/* Pauses. A C function returns this, and goes on as `function` with `context`, its stack as it was. [-0, +0, v] */
int budget_pause(lua_State *L, lua_KContext context, lua_KFunction function);

/* Makes room for so many more values. Raises if the script has nested calls too deep. Out of memory, it stops the call;
 * luaL_checkstack() would report that as nesting too. [-0, +0, v] */
void budget_check_stack(lua_State *L, int slots);

#endif
