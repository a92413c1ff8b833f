/* vm_config.h -- what a VM is made with, and what it counts of each call.
 *
 * WHY     The stage knows this much of a VM without lua.h.
 * ROOM    vm.
 */
#ifndef TROUPE_VM_CONFIG_H
#define TROUPE_VM_CONFIG_H

#include "base/clock.h"
#include "base/timekeeper.h"
#include "base/failure.h"
#include "base/limits.h"
#include "base/logger.h"

enum { VM_PAUSE_MS = 10 };

struct vm_config {
  const char *actors_path;
  const struct limits *limits;
  struct timekeeper *timekeeper;   /* the host's */
  struct clock *clock;
  const struct logger *logger;
  unsigned worker;           /* the number of its worker, for the ids of calls */
  unsigned pause_ms;         /* a stay in Lua this long pauses where it can (budget_is_due()); 0: at each look */
  bool dev;
};

/* What a call has used in its stays in Lua so far. */
struct vm_usage {
  int64_t cpu_ns;
  int64_t wall_begin_ns;     /* by the host's clock; 0: begins with the next stay */
  int64_t deadline_ns;       /* by the host's clock, at which it ends in any case: its caller's; 0: none */
  int64_t bytes;             /* by which the call has grown the VM */
};

struct lua_State;

/* Sets the failure from the error object on top of the stack and the status of the protected call that caught it. Raises
 * nothing; leaves the stack as it was. */
typedef void vm_describer(struct lua_State *L, int status, struct failure *failure);

#endif
