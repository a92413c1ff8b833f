/* script.h -- a VM in which actors can run.
 *
 * WHY     The stage opens one, asks for its classes and tries to load them anew, and need not know what is built in it.
 * ROOM    script, without lua.h. Below: sandbox, classes.
 * THREAD  The VM's.
 */
#ifndef TROUPE_SCRIPT_H
#define TROUPE_SCRIPT_H

#include "vm/vm.h"

/* A VM with the classes of a folder; vm_close() ends it. An error names file, line and reason. */
enum err script_open(const struct vm_config *config, struct vm **vm, struct failure *failure);

/* The sorted names of its classes, "Counter, Inventory"; the VM's. */
const char *script_class_names(const struct vm *vm);

/* Whether any of them asks who calls: has on_before_connect. */
bool script_admits(struct vm *vm);

/* Whether there is a class of this name: ERR_CLASS_NOT_FOUND; ERR_MEMORY, where that cannot be told. */
enum err script_find_class(struct vm *vm, struct slice name);

#endif
