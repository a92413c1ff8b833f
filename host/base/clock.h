/* clock.h -- what time it is, by the host's clock or by the caller's.
 *
 * WHY     In a spec time travels; in a host it passes. Nobody else in the house asks the system for the time of day, or
 *         for how long something has worked.
 * WORDS   The *wall clock* is what people set: it may jump, forward and back. The others only pass.
 * ROOM    base.
 * THREAD  Any may read the system's clocks. A manual clock belongs to one thread, in which all steps run inline: its owner
 *         sets it, and each look at its processor time moves that on.
 */
#ifndef TROUPE_CLOCK_H
#define TROUPE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
  bool manual;
  int64_t manual_unix_ns;   /* of a manual clock: nanoseconds since 1970, as its wall clock has it */
  int64_t manual_passed_ns; /* nanoseconds that pass, from the same number on */
  int64_t manual_cpu_ns;    /* its processor time */
  int64_t manual_look_ns;   /* which a look at it moves on by so much */
};

/* The system's clocks. */
void clock_init(struct clock *clock);

/* A clock that stands at `unix_ns` until clock_advance(): time passes. */
void clock_init_manual(struct clock *clock, int64_t unix_ns);
void clock_advance(struct clock *clock, int64_t ns);

/* Sets the wall clock of a manual clock, forward or back by so much, and no time passes. */
void clock_jump(struct clock *clock, int64_t ns);

/* The processor time of a manual clock is counted and not measured, so that the same work takes the same time on every
 * machine: from now on each look moves it on by `look_ns`, at first by 0. */
void clock_pace(struct clock *clock, int64_t look_ns);

/* The wall clock, in nanoseconds since 1970. Never measure how long something lasts by it. */
int64_t clock_unix_ns(const struct clock *clock);

/* Nanoseconds from an arbitrary start, for durations: never goes back, and stands while the machine is suspended. */
int64_t clock_monotonic_ns(const struct clock *clock);

/* The same, but it counts also while the machine is suspended. For a manual clock there is no difference. */
int64_t clock_boottime_ns(const struct clock *clock);

/* Processor time of the calling thread in nanoseconds. */
int64_t clock_thread_cpu_ns(struct clock *clock);

/* Nanoseconds from an arbitrary start, for how long work keeps a thread: time that passes, whether or not it runs.
 * A manual clock stands while anything runs, so there it is its processor time, which this does not move on. */
int64_t clock_work_ns(const struct clock *clock);

#endif
