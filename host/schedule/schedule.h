/* schedule.h -- a schedule: a method of an actor that is due at a moment, once or again and again.
 *
 * WHY     Lua sets schedules and the stage runs them; this is what both read and write. What is written are drafts, so that
 *         a schedule comes and goes with the commit of the turn that set or ran it.
 * ROOM    schedule. Below: cron, the ledger's view and own_record, codec, base (timekeeper).
 * THREAD  The worker's.
 * OWNS    Nothing.
 * WORDS   A *beat* is a moment at which a schedule ought to run. A one-shot has one; what repeats has them each `every_ms`, or
 *         as its calendar says. What is *due* is a run: that of a beat, or another try of it. A schedule is *pending* until it
 *         has run for the last time, or has *failed*: then it stays for people to see, and runs no more by itself.
 *         The *place* of a pending one is when it is due, and its id: the order in which an actor's schedules run.
 * STATES  pending -> gone (schedule_draft() with a new NULL: it ran, or was cancelled)
 *                 -> pending (schedule_next_beat(): it ran, and repeats; schedule_fail(): another try)
 *                 -> failed (schedule_fail(): the last try, or it may not be repeated) -> pending (schedule_begin_anew())
 * BYTES   Of an actor, in the space `p`: (0, id) -> the schedule, an array of the fields as they stand below; (1, timeline,
 *         due, id) -> nothing, while it is pending; (2) -> an array of the last id given and how many there are.
 *         Of its shard, in the space `f`: ("schedule", actor id, id) -> class and key of the actor, while it has failed.
 * ALWAYS  1. The records of a schedule are there together or not at all, and (2) counts them.
 *         2. An id is given once in the life of an actor, from 1 on.
 *         3. For what repeats: each run that succeeds stands for itself and for `skipped` beats before it, so that no beat is
 *            counted twice, and none is left out.
 * LIMITS  SCHEDULE_MS_MAX: no moment is later. Time before 1970 counts as 1970.
 */
#ifndef TROUPE_SCHEDULE_H
#define TROUPE_SCHEDULE_H

#include "base/timekeeper.h"
#include "ledger/record_key.h"
#include "ledger/view.h"

#define SCHEDULE_MS_MAX INT64_C(253402300799999)       /* the end of the year 9999 */
#define SCHEDULE_SPAN_MS_MAX (INT64_C(3653) * 24 * 3600 * 1000)   /* ten years: the longest `after` and `every` */
enum { SCHEDULE_EVERY_MS_MIN = 100 };

struct schedule {
  int64_t id;
  enum timeline timeline;      /* TIMELINE_HOST or TIMELINE_WALL */
  int64_t due_ms;              /* when it runs next: the moment of a beat, or of another try */
  int64_t beat_ms;             /* the beat of that run, `rpc.schedule.due` */
  int64_t every_ms;            /* from beat to beat; 0: not an `every` */
  int64_t first_ms;            /* the first beat, from which an `every` counts */
  struct slice cron;           /* the expression, as it was given; or empty: not a `cron` */
  struct slice method;
  struct slice args;           /* a value, an array */
  unsigned tries;              /* of this beat that failed */
  bool failed;
  struct slice error;          /* of the last try that failed, or empty */
  int64_t skipped;             /* beats before this one without a run that succeeded: `rpc.schedule.skipped` */
};

struct schedule_place {
  int64_t due_ms;
  int64_t id;
};

/* Whether a place comes before another. */
static inline bool schedule_is_before(const struct schedule_place *place, const struct schedule_place *other) {
  return place->due_ms != other->due_ms ? place->due_ms < other->due_ms : place->id < other->id;
}

enum { SCHEDULE_TIMELINES = TIMELINE_WALL + 1 };

/* What time it is on a timeline of schedules. */
int64_t schedule_now_ms(struct timekeeper *timekeeper, enum timeline timeline);

/* What a turn has done to the schedules of its actor since this was {0}. */
struct schedule_touch {
  bool any;                                            /* something was written */
  bool took[SCHEDULE_TIMELINES];                       /* something is not pending any more, or at another place */
  bool put[SCHEDULE_TIMELINES];                        /* something became pending */
  struct schedule_place first[SCHEDULE_TIMELINES];     /* then the least place that it got */
};

/* Whose schedules are read and written, and by what turn. */
struct schedule_owner {
  const struct view *view;
  struct schedule_touch *touch;
  uint64_t actor_id;
  struct slice class_name, key;    /* of the actor; only read when one that failed is written */
};

/* -- reading and writing -- */

/* The bytes of a record's value. False if they are not a schedule that could have been written: damage. The slices lie
 * in `value`. The id is that of the record's key. */
bool schedule_read(struct slice value, int64_t id, struct schedule *schedule);
void schedule_write(struct buf *value, const struct schedule *schedule);

/* Finds a schedule; its slices lie in `bytes`, which is cleared first. ERR_NOT_FOUND, ERR_STORAGE, ERR_MEMORY. */
enum err schedule_find(const struct view *view, uint64_t actor_id, int64_t id, struct buf *bytes, struct schedule *schedule);

/* The pending schedule with the least place, but not before `from` (NULL: of all). A caller that knows a lower bound spares
 * itself the walk over what was deleted before it. ERR_NOT_FOUND, ERR_STORAGE, ERR_MEMORY. */
enum err schedule_first(const struct view *view, uint64_t actor_id, enum timeline timeline, const struct schedule_place *from,
                        struct schedule_place *place);

/* Drafts all records that change when the schedule `old` becomes `new`, of the same id: old NULL: it is a new one; new NULL:
 * it goes. Neither's slices may lie in what a read of the view gave. ERR_MEMORY, ERR_STORAGE: some of them may be drafted, so
 * the turn must fail, whatever a script catches (budget_stop()). */
enum err schedule_draft(const struct schedule_owner *owner, const struct schedule *old, const struct schedule *new);

/* Drafts the end of what a shard keeps of the schedules of an actor that is destroyed. False if memory runs out. */
bool schedule_try_draft_end(struct drafts *drafts, uint64_t actor_id);

/* The last id given, and how many schedules there are, failed ones too; both 0 if there never was one. ERR_STORAGE,
 * ERR_MEMORY. */
enum err schedule_count(const struct view *view, uint64_t actor_id, int64_t *last_id, int64_t *count);

/* -- keys, for those who scan and check them -- */

void schedule_put_record_key(struct buf *key, uint64_t actor_id, int64_t id);
void schedule_put_place_key(struct buf *key, uint64_t actor_id, enum timeline timeline, const struct schedule_place *place);
void schedule_put_count_key(struct buf *key, uint64_t actor_id);
void schedule_put_failed_key(struct buf *key, uint64_t actor_id, int64_t id);

/* The bounds of all records (0, id) of an actor, and of all (1, timeline, ...) of a timeline. */
void schedule_put_record_bounds(struct buf *from, struct buf *to, uint64_t actor_id);
void schedule_put_place_bounds(struct buf *from, struct buf *to, uint64_t actor_id, enum timeline timeline);

enum schedule_record { SCHEDULE_BROKEN, SCHEDULE_RECORD, SCHEDULE_PLACE, SCHEDULE_COUNT };

/* What a key of the space `p` is of, and what it says: the id; for a place, all three. */
enum schedule_record schedule_read_key(struct slice key, enum timeline *timeline, struct schedule_place *place);

/* What a key of a failed one says, of those in the space `f`. False if it is none. */
bool schedule_read_failed_key(struct slice key, uint64_t *actor_id, int64_t *id);

/* The value of (2). False: damage. */
bool schedule_read_count(struct slice value, int64_t *last_id, int64_t *count);

/* -- from run to run; all by the clock of the schedule's timeline -- */

static inline bool schedule_repeats(const struct schedule *schedule) {
  return schedule->every_ms > 0 || schedule->cron.size > 0;
}

/* Before a run at `now_ms`: one run stands for all beats that have passed. `beat_ms` becomes the last of them, those before it
 * count as skipped, and a beat that is newer than the one that failed is on its first try. Nothing changes for a one-shot. */
void schedule_catch_up(struct schedule *schedule, int64_t now_ms);

/* After a run, or before it in its drafts: the first beat behind now, and behind the present one. For what repeats only. False
 * if there is none before the year 10000: then it is over. The error is emptied. */
bool schedule_next_beat(struct schedule *schedule, int64_t now_ms);

/* A try failed, at `now_ms`: another is due after a pause, but never behind the next beat; what repeats waits for that after
 * RETRY_TRIES, and a one-shot has failed. `schedule` is as it ran: caught up with the moment at which that run began. The
 * error must outlive it. */
void schedule_fail(struct schedule *schedule, int64_t now_ms, struct slice error);

/* The wall clock, which it follows, was set back, and it is `now_ms` again: a calendar goes on from there, and another try
 * waits no longer than its pause. Whether that changes anything. */
bool schedule_set_back(struct schedule *schedule, int64_t now_ms);

/* One that failed is due now, as if it had never run. */
void schedule_begin_anew(struct schedule *schedule, int64_t now_ms);

#endif
