/* timekeeper.h -- the three times that records are dated by, whatever becomes of the wall clock.
 *
 * WHY     A wall clock is set by people and by NTP, and a device without a battery starts in 1970. What is due in a minute must
 *         not wait for a day because of that, and a call that was made must not run again.
 * ROOM    base. Below: clock.
 * THREAD  timekeeper_init() before any other; timekeeper_note_saved() on one; the rest from any, without a lock.
 * OWNS    Nothing: the clock is the caller's.
 * WORDS   All in milliseconds since 1970.
 *         *Wall time*: what the wall clock says.
 *         *Host time*: it goes on with the time that passes (CLOCK_BOOTTIME, which counts also while the machine is suspended),
 *         and is never behind the wall clock. If that is set back, host time is *ahead* of it from then on; if it is set
 *         forward, it first comes nearer to host time, and takes it along only once it has caught up.
 *         *Lived time*: it counts only while a host runs. It began at the wall time of the first start.
 *         A *mark* is what is kept from one start to the next.
 * ALWAYS  1. While a host runs, neither host time nor lived time goes back, on whatever thread they are read.
 *         2. Host time after a start is not less than that of the last mark. So if the wall clock was set back while no host
 *            ran, what is due comes late by no more than the time since that mark, and not by a day.
 *         3. Lived time never runs faster than time passes, so what is to be kept for 24 hours of it is kept for at least 24
 *            hours.
 * LIMITS  TIMEKEEPER_AHEAD_MS: how much of `ahead` may be new and not in a mark. TIMEKEEPER_LIVED_MS: how much of lived time.
 */
#ifndef TROUPE_TIMEKEEPER_H
#define TROUPE_TIMEKEEPER_H

#include <stdatomic.h>

#include "base/clock.h"

enum { TIMEKEEPER_AHEAD_MS = 1000, TIMEKEEPER_LIVED_MS = 60 * 60 * 1000 };

struct time_mark {
  int64_t ahead_ms;            /* how far host time is ahead of the wall clock, 0 or more */
  int64_t lived_ms;
  int64_t host_ms;
};

struct timekeeper {
  const struct clock *clock;
  int64_t first_offset_ms;               /* of the wall clock: at the start, or at the last mark if that is greater */
  int64_t lived_offset_ms;               /* what lived time is more than the time that passes */
  _Atomic int64_t host_offset_ms;        /* likewise; it only rises */
  _Atomic int64_t saved_ahead_ms, saved_lived_ms, saved_host_ms;   /* the last mark */
};

/* `mark`: the one of the last start; NULL: this is the first. */
void timekeeper_init(struct timekeeper *timekeeper, const struct clock *clock, const struct time_mark *mark);

int64_t timekeeper_wall_ms(const struct timekeeper *timekeeper);
int64_t timekeeper_host_ms(struct timekeeper *timekeeper);
int64_t timekeeper_lived_ms(const struct timekeeper *timekeeper);

/* The three as of now; whether it is time to save them; whether they are just what was saved. */
struct time_mark timekeeper_mark(struct timekeeper *timekeeper);
bool timekeeper_wants_save(struct timekeeper *timekeeper);
bool timekeeper_is_saved(struct timekeeper *timekeeper);

/* A mark was saved; NULL: that was lost. */
void timekeeper_note_saved(struct timekeeper *timekeeper, const struct time_mark *mark);

/* In how many nanoseconds that will be, unless the wall clock is set; at most TIMEKEEPER_LIVED_MS. */
int64_t timekeeper_save_in_ns(const struct timekeeper *timekeeper);

/* Whoever dates by the wall clock watches it: whether it was set back, by more than TIMEKEEPER_AHEAD_MS, since this watch last
 * said so. The first time it counts from the last mark, as far as that knows. */
struct timekeeper_watch {
  int64_t offset_ms;           /* of the wall clock */
};

void timekeeper_watch(const struct timekeeper *timekeeper, struct timekeeper_watch *watch);
bool timekeeper_was_set_back(const struct timekeeper *timekeeper, struct timekeeper_watch *watch);

#endif
