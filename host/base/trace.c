/* trace.c -- see trace.h. */
#include "base/trace.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"

void trace_print_id(uint64_t call_id, char text[TRACE_ID_MAX]) {
  snprintf(text, TRACE_ID_MAX, "%" PRIx64, call_id);
}

void trace_write(const struct logger *logger, uint64_t call_id, const char *station, const struct log_field *fields,
                 size_t field_count) {
  struct log_field all[1 + TRACE_FIELDS_MAX];
  char id[TRACE_ID_MAX];
  CHECK_THAT(field_count, <=, TRACE_FIELDS_MAX);
  trace_print_id(call_id, id);
  all[0] = (struct log_field){ "id", slice_text(id) };
  for (size_t i = 0; i < field_count; i++) all[1 + i] = fields[i];
  logger_event(logger, LOG_TRACE, slice_text(station), all, 1 + field_count);
}

void trace_write_number(const struct logger *logger, uint64_t call_id, const char *station, const char *name,
                        uint64_t number) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, number);
  const struct log_field field = { name, slice_text(text) };
  trace_write(logger, call_id, station, &field, 1);
}
