/* agenda.h -- runs the schedules of a worker's actors when they are due.
 *
 * WHY     A schedule runs once for good: what its method does and its removal are one commit. Between two tries it is a record
 *         and nothing else, so a crash neither loses nor doubles it.
 * ROOM    stage. Below: errand, existence, rig, wakes, schedule.
 * THREAD  Its worker's.
 * OWNS    The errands under way.
 * STATES  of a run: due (wakes.h) -> an errand in the actor's mailbox, at most one an actor -> its turn, which takes the
 *         earliest of what is due then
 *         -> done: gone, or at its next beat. What else of the actor is due gets its place behind other calls
 *         -> failed: rolled back. A commit of the host's own notes the try, the error, and when the next one is; after
 *            RETRY_TRIES a one-shot is given up, and the log says so
 *         -> the disk took nothing, or cannot be read: it is as it was, and begins again after AGENDA_PAUSE_MS. One actor
 *            whose records are damaged keeps nobody else waiting
 *         Where the wall clock was set back, an errand of each actor that follows it sets its schedules right, a portion at a
 *         time (schedule_set_back()).
 *         A run that has saved and then fails is given up at once, since a second one would do twice what was saved.
 * LIMITS  AGENDA_SET_BACK schedules a portion. AGENDA_OUT_MAX runs are under way, or rest, at a time; if
 *         AGENDA_RESTS_MAX rest, no more begin for AGENDA_PAUSE_MS.
 */
#ifndef TROUPE_AGENDA_H
#define TROUPE_AGENDA_H

#include "stage/deadlines.h"
#include "stage/rig.h"
#include "stage/wakes.h"

enum { AGENDA_SET_BACK = 256, AGENDA_OUT_MAX = 1024, AGENDA_RESTS_MAX = 64, AGENDA_PAUSE_MS = 1000 };

struct agenda_config {
  struct rig *rig;
  struct actors *actors;
  struct wakes *wakes;
  struct deadlines *deadlines;
  const struct vm_config *vm;          /* the worker's */
  _Atomic uint64_t *next_call_id;      /* the host's */
};

struct agenda;

struct agenda *agenda_new(const struct agenda_config *config);
void agenda_free(struct agenda *agenda);   /* no run is under way */

/* What the wake-ups tell of TIMELINE_HOST and TIMELINE_WALL (struct wakes_config). */
bool agenda_tell(struct agenda *agenda, const struct wake *wake);

#endif
