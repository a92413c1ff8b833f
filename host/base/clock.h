/* clock.h -- what time it is, by the host's clock or by the caller's.
 *
 * WHY     In a spec time travels; in a host it passes. Nobody else in the house asks the system for the time of day.
 * ROOM    base.
 * THREAD  Any may read. Only who owns a manual clock sets it, and only where the steps run inline.
 */
#ifndef TROUPE_CLOCK_H
#define TROUPE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
  bool manual;
  int64_t manual_unix_ns;   /* of a manual clock: nanoseconds since 1970 */
};

/* The system's clocks. */
void clock_init(struct clock *clock);

/* A clock that stands at `unix_ns` until clock_advance(). */
void clock_init_manual(struct clock *clock, int64_t unix_ns);
void clock_advance(struct clock *clock, int64_t ns);

/* Nanoseconds since 1970, for people: may jump when the system's time is set. */
int64_t clock_unix_ns(const struct clock *clock);

/* Nanoseconds from an arbitrary start, for durations: never goes back. A manual clock's advance counts here too. */
int64_t clock_monotonic_ns(const struct clock *clock);

/* The same by the system's clock; real even under a manual clock. */
int64_t clock_system_ns(void);

/* Processor time of the calling thread in nanoseconds; real even under a manual clock. */
int64_t clock_thread_cpu_ns(void);

#endif
