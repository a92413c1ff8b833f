/* relief.h -- which actors of a worker leave memory, and when.
 *
 * WHY     An idle actor leaves after a while; when the VMs are nearly full, many leave before their time.
 * ROOM    stage. Below: performance, actor, vms.
 * THREAD  Its worker's.
 * OWNS    Nothing but its counts.
 * ALWAYS  A shortage of memory never makes the last actor leave: that one stays until its time has come, or that of its VM.
 * LIMITS  idle_ms, vm_bytes
 */
#ifndef TROUPE_RELIEF_H
#define TROUPE_RELIEF_H

#include "stage/performance.h"
#include "stage/vms.h"

struct relief {
  const struct vm_config *vm;          /* the worker's, as all of these */
  struct vms *vms;
  struct actors *actors;
  struct performances *performances;
  size_t leaving;                      /* how many actors must still leave before their time, because memory is short */
  bool collects;                       /* they have left, and their garbage goes bit by bit */
  size_t stuck_bytes;                  /* what the VMs held when memory was short and nobody could leave; 0: some can */
};

/* Puts some actors to sleep whose time has come, or that must leave; `all`: every one must. Whether there were any. */
bool relief_put_to_sleep(struct relief *relief, bool all);

/* Collects some garbage of those that had to leave. Whether there was any. */
bool relief_collect(struct relief *relief);

#endif
