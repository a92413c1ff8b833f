/* logger.h -- one line an event: `time level message key=value ...`, to standard error or to a callback.
 *
 * WHY     People and programs read it. Text from scripts and clients cannot forge a line: control characters,
 *         quotes and invalid UTF-8 are escaped.
 * ROOM    base.
 * THREAD  Any: a line is written with one write.
 * LIMITS  LOGGER_LINE_MAX bytes a line; the rest is cut and marked with "...".
 */
#ifndef TROUPE_LOGGER_H
#define TROUPE_LOGGER_H

#include "base/clock.h"
#include "base/slice.h"

enum { LOGGER_LINE_MAX = 8192 };

/* Of LOG_TRACE is only what base/trace.h writes. */
enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

struct log_field {
  const char *name;
  struct slice value;
};

struct logger {
  const struct clock *clock;
  enum log_level level_min;
  /* Where a finished line goes (with its line end); NULL: standard error. */
  void (*write)(void *context, enum log_level level, struct slice line);
  void *context;
};

/* "trace", "debug", ... */
const char *logger_level_name(enum log_level level);

/* One event. The message is text of the host's or a script's; fields may be NULL if field_count is 0. */
void logger_event(const struct logger *logger, enum log_level level, struct slice message,
                  const struct log_field *fields, size_t field_count);

/* An event without fields, its message printf's. */
void logger_printf(const struct logger *logger, enum log_level level, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

#endif
