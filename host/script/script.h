/* script.h -- a VM in which actors can run.
 *
 * WHY     The stage opens a VM, asks for its classes, and opens another when they change. It need not know what is in one.
 * ROOM    script, without lua.h. Below: sandbox, classes.
 * THREAD  The VM's.
 */
#ifndef TROUPE_SCRIPT_H
#define TROUPE_SCRIPT_H

#include "vm/vm.h"

/* A VM with the classes of a folder; vm_close() ends it. An error names the file, the line and the reason. */
enum err script_open(const struct vm_config *config, struct vm **vm, struct failure *failure);

/* The sorted names of its classes, "Counter, Inventory"; the text belongs to the VM. */
const char *script_class_names(const struct vm *vm);

/* Whether any class asks who calls, which means that it has on_before_connect. */
bool script_admits(struct vm *vm);

/* Whether there is a class of this name. ERR_CLASS_NOT_FOUND: no; ERR_MEMORY: out of memory to tell. */
enum err script_find_class(struct vm *vm, struct slice name);

/* Whether there is a class of this name, and it has this hook. ERR_NOT_FOUND: no; ERR_MEMORY: out of memory to tell. */
enum err script_find_hook(struct vm *vm, struct slice name, const char *hook);

#endif
