/* relief.c -- see relief.h. */
#include "stage/relief.h"

#include "base/clock.h"

enum {
  SLEEPERS_A_STEP = 64,
  LEAVE_A_STEP = 512              /* more than can come in a step */
};

/* When the VMs are nearly full, a quarter of the actors leave before their time, those idle longest first; then their garbage
 * is collected. Both take many steps, so that nobody waits for long, and go faster than newcomers can come. If nobody could
 * leave, that is tried again when they hold a good deal more. */
static void relieve(struct relief *relief) {
  size_t bytes = vms_bytes(relief->vms), limit = relief->vm->limits->vm_bytes;
  bool tight = bytes > limit / 4 * 3;
  if (!tight) relief->stuck_bytes = 0;
  bool stuck = relief->stuck_bytes > 0 && bytes < relief->stuck_bytes + limit / 32;
  if (relief->leaving == 0 && !relief->collects && tight && !stuck) relief->leaving = actors_count(relief->actors) / 4 + 1;
}

bool relief_collect(struct relief *relief) {
  if (!relief->collects || relief->leaving > 0) return false;
  relief->collects = !vms_collect_some(relief->vms);
  return true;
}

bool relief_put_to_sleep(struct relief *relief, bool all) {
  relieve(relief);
  int64_t idle_ns = (int64_t)relief->vm->limits->idle_ms * 1000000;
  size_t most = relief->leaving > 0 ? LEAVE_A_STEP : SLEEPERS_A_STEP, slept = 0;
  for (; slept < most; slept++) {
    struct actor *actor = actors_idlest(relief->actors);
    bool sooner = all || (relief->leaving > 0 && actors_count(relief->actors) > 1);
    if (actor != NULL) sooner |= performances_must_retire(relief->performances, actor);
    if (actor == NULL || (!sooner && clock_monotonic_ns(relief->vm->clock) - actor->used_ns < idle_ns)) break;
    if (relief->leaving > 0) relief->collects = --relief->leaving == 0;
    performances_put_to_sleep(relief->performances, actor, NULL);
  }
  if (slept < most && relief->leaving > 0) {          /* the others are busy, or have mail */
    relief->leaving = 0;
    relief->collects = true;
    relief->stuck_bytes = slept == 0 ? vms_bytes(relief->vms) : 0;
  }
  return slept > 0;
}
