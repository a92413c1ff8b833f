/* wakes.h -- when sleeping actors are to be woken: an index by time of the shards of one worker.
 *
 * WHY     An actor with a schedule need not be in memory until that is due. So what is due is found in the records, and memory
 *         holds one number a shard and timeline: a million pending schedules cost the disk alone.
 * ROOM    stage. Below: records, actor, router, schedule.
 * THREAD  Its worker's.
 * OWNS    The bounds. The entries are records.
 * WORDS   An *entry* names an actor and a moment of a timeline (record_key.h): its earliest schedule there, or one of its
 *         messages that waits for another try. A *bound* is not later than the earliest entry that nobody was told of yet.
 * ALWAYS  1. An actor has one entry at most for each timeline of schedules: the earliest of what is pending.
 *         2. Who was told of an entry takes it away, or moves it, with what it does about it; or says that it is still there
 *            (wakes_note()).
 *         3. A scan begins behind what it has told before: what was taken away lies there until the next checkpoint.
 * LIMITS  WAKES_A_STEP entries, and WAKES_SHARDS_A_STEP shards, a step.
 */
#ifndef TROUPE_WAKES_H
#define TROUPE_WAKES_H

#include "schedule/schedule.h"
#include "stage/actor.h"
#include "stage/records.h"
#include "stage/wake_key.h"

enum { WAKES_A_STEP = 64, WAKES_SHARDS_A_STEP = 16, WAKES_PAUSE_MS = 1000 };

struct wakes_config {
  unsigned worker, workers;    /* its number, and how many there are */
  struct records *records;
  const struct logger *logger;

  /* Tells of an entry that is due. False: not now; then it is told again after wakes_resume(), or after WAKES_PAUSE_MS: what
   * was short may be memory, of which nobody says that it is there again. */
  bool (*tell)(void *context, const struct wake *wake);
  void *context;
};

struct wakes;

struct wakes *wakes_new(const struct wakes_config *config);
void wakes_free(struct wakes *wakes);

/* Tells of some entries that are due, `now_ms` being what time it is on each timeline. Returns whether it did anything. At
 * first nothing is known of any shard: a few are looked at in each step. */
bool wakes_step(struct wakes *wakes, const int64_t now_ms[TIMELINE_COUNT]);

/* Whether there is anything, or may be: if not, nobody need know what time it is. */
bool wakes_are_pending(const struct wakes *wakes);

/* For how long there is nothing to do: 0: there is something; INT64_MAX: until something is noted. */
int64_t wakes_rest_ms(const struct wakes *wakes, const int64_t now_ms[TIMELINE_COUNT]);

/* An entry of this shard is there that may not have been told: a new one, or one that is to be told again. */
void wakes_note(struct wakes *wakes, unsigned shard, enum timeline timeline, int64_t due_ms);

/* Who refused an entry takes it now. */
void wakes_resume(struct wakes *wakes);

/* The wall clock was set back: tells of all entries of TIMELINE_WALL, of all shards or of one, also of those that are not
 * due. */
void wakes_set_back(struct wakes *wakes);
void wakes_set_back_shard(struct wakes *wakes, unsigned shard);

/* Tells nothing before that moment, on TIMELINE_HOST: the disk takes nothing just now. */
void wakes_pause(struct wakes *wakes, int64_t until_ms);

/* Records may be other than they were when they were looked at: an epoch has ended. */
void wakes_forget(struct wakes *wakes);

/* Finds the actor's entries, as of what was sent, unless its memory knows them: call it before anything of a turn is sent.
 * Each is the place of its earliest pending schedule. ERR_STORAGE, ERR_MEMORY. */
enum err wakes_learn(struct wakes *wakes, struct actor *actor);

/* Drafts what becomes of the actor's own entries: `touch` says what a turn has done to its schedules, which are seen through
 * `view`, with its drafts. What it drafts holds once it is sent; else the actor's memory must be dropped (actor_drop()).
 * ERR_STORAGE, ERR_MEMORY. */
enum err wakes_draft(struct wakes *wakes, struct actor *actor, const struct view *view, const struct schedule_touch *touch);

/* Drafts that it has none any more: it is destroyed. As wakes_draft(). */
enum err wakes_draft_end(struct wakes *wakes, struct actor *actor, const struct view *view);

/* Says that the actor's entries are still there, if they are known. */
void wakes_note_actor(struct wakes *wakes, const struct actor *actor);

#endif
