/* schedule_audit.h -- whether the records of schedules agree, with each other and with what tells of them elsewhere.
 *
 * WHY     A schedule that nothing wakes is never run, and one that failed in silence is never seen.
 * ROOM    stage. Below: schedule, wake_key, failed_id, own_record, ledger (view).
 * THREAD  The caller's.
 * OWNS    What it has seen of one shard, and of one actor.
 * ALWAYS  What it asks: each schedule is pending and has its place, or has failed and stands in its shard's list; each place
 *         and each entry of that list has its schedule; their number and the last id are right; the wake-ups are the earliest
 *         place of each actor on each timeline, and no others.
 */
#ifndef TROUPE_SCHEDULE_AUDIT_H
#define TROUPE_SCHEDULE_AUDIT_H

#include "base/findings.h"
#include "schedule/schedule.h"
#include "stage/failed_id.h"

/* All zero: nothing was seen. */
struct schedule_audit {
  const struct view *view;
  struct findings *findings;
  struct buf wakes;            /* of the shard: what is in SPACE_WAKE, sorted once the first actor comes */
  bool sorted;
  int64_t count, last_id;      /* of the actor: how many there are, and the greatest id; */
  int64_t told_count, told_last_id;    /* what its record of that says */
  struct schedule_place first[SCHEDULE_TIMELINES];     /* its first place on each; id 0: it has none */
};

/* A record of a shard: of SPACE_WAKE, or of SPACE_FAILED, whose key says that it is a schedule's. Both return what is wrong
 * with it, or NULL; `*err`: ERR_NONE, ERR_STORAGE, ERR_MEMORY. */
const char *schedule_audit_wake(struct schedule_audit *audit, struct slice key, struct slice value, enum err *err);
const char *schedule_audit_failed(struct schedule_audit *audit, const struct failed_id *id, struct slice value,
                                  enum err *err);

/* A record of an actor, of SPACE_SCHEDULE. As above. */
const char *schedule_audit_record(struct schedule_audit *audit, struct slice key, struct slice value, enum err *err);

/* All records of an actor were seen; all of a shard were. */
void schedule_audit_end_actor(struct schedule_audit *audit, uint64_t actor_id);
void schedule_audit_end_shard(struct schedule_audit *audit);

void schedule_audit_done(struct schedule_audit *audit);

#endif
