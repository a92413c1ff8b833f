/* backlog.h -- lines of the log on their way to the thread that writes them, and a count of those that found no room.
 *
 * WHY     Nobody may wait for the reader of the log: a pipe that nobody drains would hold up every worker that has something
 *         to say. So lines are put here, and a thread that nobody waits for writes them.
 * ROOM    base. Below: logger, queue.
 * THREAD  backlog_put() and backlog_wake() from any. The others on the writer's own.
 * OWNS    The lines, until they are passed.
 * ALWAYS  1. backlog_put() does not wait. A line without room is dropped and counted, and the count is a line, where those
 *            that it counts would stand.
 *         2. A line is passed on whole, behind all that came before it.
 * LIMITS  BACKLOG_BYTES_MAX
 */
#ifndef TROUPE_BACKLOG_H
#define TROUPE_BACKLOG_H

#include "base/logger.h"

enum { BACKLOG_BYTES_MAX = 1024 * 1024 };

struct backlog;

/* The clock is for the lines that tell a count. */
struct backlog *backlog_new(const struct clock *clock);
void backlog_free(struct backlog *backlog);

/* What a logger's `write` calls, with the backlog as context. */
void backlog_put(void *backlog, enum log_level level, struct slice line);

/* The bytes to write next, one line or the rest of it; empty: nothing. They stay until backlog_pass() says how many of
 * them are written, or that nobody takes them. */
struct slice backlog_next(struct backlog *backlog);
void backlog_pass(struct backlog *backlog, size_t size);

/* Waits for a line, or for backlog_wake(). */
void backlog_wait(struct backlog *backlog);
void backlog_wake(struct backlog *backlog);

#endif
