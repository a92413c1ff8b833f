/* stream.h -- words for a standard stream that perhaps nobody reads.
 *
 * WHY     A pipe that is full blocks whoever writes to it. To make it refuse instead (O_NONBLOCK) would change it for the
 *         shell and everybody else who has it open: so who must not be held up asks first whether there is room.
 * ROOM    base.
 * THREAD  Any.
 */
#ifndef TROUPE_STREAM_H
#define TROUPE_STREAM_H

#include <stdbool.h>

#include "base/slice.h"

/* Writes a text as far as the stream takes it, and gives up after `patience_ms` in which it takes nothing (negative: never).
 * Whether all of it was written; else errno tells why, EAGAIN where nobody reads. */
bool stream_say(int fd, struct slice text, int patience_ms);

#endif
