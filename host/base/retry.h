/* retry.h -- when what failed is tried again, and how often.
 *
 * WHY     A schedule or a message that fails mostly fails for a reason that passes: soon, or in some hours. One that goes on
 *         failing must not take the time of all others.
 * ROOM    base.
 */
#ifndef TROUPE_RETRY_H
#define TROUPE_RETRY_H

#include <stdint.h>

enum { RETRY_TRIES = 10 };     /* then it is given up */

/* How long to wait after so many failed tries, at least one: a second, then four times as long each time, at most an hour. In
 * milliseconds. */
int64_t retry_pause_ms(unsigned tries);

#endif
