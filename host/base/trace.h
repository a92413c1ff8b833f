/* trace.h -- the way of one call through the host: a line a station, at level trace.
 *
 * WHY     A call crosses several threads, and what it waits for is seen on none of them. Its id goes with it, so that one
 *         word finds its lines.
 * ROOM    base.
 * THREAD  Any. A line is in the log before the call is handed on, so lines stand in the order of its way; but a commit may
 *         be written before its turn has said that it waits.
 * ALWAYS  Where the logger does not take LOG_TRACE, a station costs one comparison.
 */
#ifndef TROUPE_TRACE_H
#define TROUPE_TRACE_H

#include "base/logger.h"

enum { TRACE_ID_MAX = 17, TRACE_FIELDS_MAX = 4 };

/* The id of a call in words, as `rpc.id` has it: hexadecimal, with a NUL behind it. */
void trace_print_id(uint64_t call_id, char text[TRACE_ID_MAX]);

static inline bool trace_is_on(const struct logger *logger) {
  return logger->level_min <= LOG_TRACE;
}

/* Writes the line of a station, with TRACE_FIELDS_MAX fields beside the id at most; where the trace is on. */
void trace_write(const struct logger *logger, uint64_t call_id, const char *station, const struct log_field *fields,
                 size_t field_count);
void trace_write_number(const struct logger *logger, uint64_t call_id, const char *station, const char *name,
                        uint64_t number);

/* Stations with one field, a number or a text. */
static inline void trace_number(const struct logger *logger, uint64_t call_id, const char *station, const char *name,
                                uint64_t number) {
  if (trace_is_on(logger)) trace_write_number(logger, call_id, station, name, number);
}

static inline void trace_text(const struct logger *logger, uint64_t call_id, const char *station, const char *name,
                              const char *text) {
  if (!trace_is_on(logger)) return;
  const struct log_field field = { name, slice_text(text) };
  trace_write(logger, call_id, station, &field, 1);
}

#endif
