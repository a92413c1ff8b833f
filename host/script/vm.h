/* vm.h -- one Lua virtual machine: a worker's, shared by its actors.
 *
 * WHY     The stage opens and closes it, asks for its classes and how full it is; the rest is the script room's own.
 * ROOM    script, without lua.h. lua_vm.h is what the room itself sees, and says how it works.
 * THREAD  Its worker's.
 * OWNS    The Lua state and all classes in it.
 */
#ifndef TROUPE_VM_H
#define TROUPE_VM_H

#include "base/failure.h"
#include "base/limits.h"
#include "base/logger.h"

struct vm;

enum { VM_PAUSE_MS = 10 };

struct vm_config {
  const char *actors_path;
  const struct limits *limits;
  struct clock *clock;
  const struct logger *logger;
  unsigned worker;           /* the number of its worker, for the ids of calls */
  unsigned pause_ms;         /* a stay in Lua that has lasted so long pauses where it can (budget_is_due()); 0: at each look */
  bool dev;
  void (*tick)(void *context);   /* called now and then while Lua runs; not before 16,000 instructions; NULL: not */
  void *tick_context;
};

/* What a call has used in its stays in Lua so far. */
struct vm_usage {
  int64_t cpu_ns;
  int64_t wall_begin_ns;     /* by the host's clock; 0: with the next stay */
  int64_t bytes;             /* that it added to the VM */
};

void vm_close(struct vm *vm);

/* Memory of the VM in bytes. */
size_t vm_bytes(const struct vm *vm);

/* Collects all garbage. */
void vm_collect(struct vm *vm);

/* Collects some of it, for about 5 ms. Whether all that was garbage when the first of these calls began is gone. */
bool vm_collect_some(struct vm *vm);

#endif
