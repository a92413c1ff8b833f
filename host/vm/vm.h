/* vm.h -- one Lua virtual machine: a worker's, shared by its actors.
 *
 * WHY     A Lua error, which is a longjmp, must land in one place; and rooms that do not see Lua make a VM, ask how full it
 *         is and close it.
 * ROOM    vm, without lua.h. Below: budget, lua_vm.
 * THREAD  Its worker's; until that has it, the one that opens it.
 * OWNS    The Lua state and all classes in it.
 * ALWAYS  Lua is entered through vm_enter() only. Whatever is acquired while Lua runs belongs to the turn or to the VM, never
 *         to a C frame, so that an error leaks nothing.
 */
#ifndef TROUPE_VM_H
#define TROUPE_VM_H

#include "base/failure.h"
#include "vm/vm_config.h"

struct vm;
struct lua_State;

void vm_close(struct vm *vm);

/* What is called now and then while Lua runs in it, not before 16,000 instructions; none from the start. */
void vm_set_tick(struct vm *vm, void (*tick)(void *context), void *context);

/* Puts a VM beside another: they stand in a ring, which vm_close() leaves, and `limits.vm_bytes` holds for all in it
 * together (budget.h). A VM is in a ring of its own at first. */
void vm_put_beside(struct vm *vm, struct vm *other);

/* The next one in its ring. */
struct vm *vm_beside(const struct vm *vm);

/* How many actors have their Lua side in it. */
size_t vm_instances(const struct vm *vm);

/* Memory of the VM in bytes. */
size_t vm_bytes(const struct vm *vm);

/* Collects all garbage. */
void vm_collect(struct vm *vm);

/* Collects some of it, for about 5 ms. Returns whether everything that was garbage at the first of these calls is gone. */
bool vm_collect_some(struct vm *vm);

/* A VM in which nothing is built yet, without limits; NULL if out of memory. */
struct vm *vm_try_new(const struct vm_config *config, vm_describer *describe);

/* All of a VM but its Lua state, for a state that is not ours (lent.h). It keeps no reference to that state. */
struct vm *vm_new_beside(const struct vm_config *config, vm_describer *describe);
void vm_free_beside(struct vm *vm);

/* Runs a C function under protection, with `context` as a light userdata. False if it raised; the failure then says what,
 * as the VM's describer puts it. */
bool vm_enter(struct vm *vm, int (*function)(struct lua_State *L), void *context, struct failure *failure);

#endif
