/* stream.h -- text for a standard stream that perhaps nobody reads.
 *
 * WHY     A full pipe blocks its writer. O_NONBLOCK would make it refuse instead, but for the shell and everything else that
 *         has it open too. So a thread that must not be held up asks first whether there is room.
 * ROOM    base.
 * THREAD  Any.
 */
#ifndef TROUPE_STREAM_H
#define TROUPE_STREAM_H

#include <stdbool.h>

#include "base/slice.h"

/* Writes a text as far as the stream takes it, and gives up after `patience_ms` in which it takes nothing (negative: never).
 * Returns whether all of it was written; if not, errno tells why, EAGAIN if nobody reads. */
bool stream_say(int fd, struct slice text, int patience_ms);

#endif
