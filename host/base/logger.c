/* logger.c -- one line an event, in which nothing can pretend to be another line, another field or a command to the
 * terminal. */
#include "base/logger.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/utf8.h"

/* What may follow the last byte that fits: the mark of a cut and the line end. */
enum { TAIL_BYTES = 4 };

struct line {
  size_t size;
  size_t limit;    /* how far it may grow now, <= LOGGER_LINE_MAX - TAIL_BYTES */
  bool is_cut;
  char bytes[LOGGER_LINE_MAX];
};

/* All of it or, from the first that does not fit on, nothing: so a cut never goes through an escape. */
static void put(struct line *line, const void *bytes, size_t size) {
  if (line->is_cut || size > line->limit - line->size) {
    line->is_cut = true;
    return;
  }
  memcpy(line->bytes + line->size, bytes, size);
  line->size += size;
}

static void put_text(struct line *line, const char *text) {
  put(line, text, strlen(text));
}

static void put_mark(struct line *line) {
  memcpy(line->bytes + line->size, "...", 3);
  line->size += 3;
}

/* Characters that do more than show: controls of ASCII and of Latin-1, line separators, changes of direction. */
static bool is_plain(uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false;
  return !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

static void put_escaped_byte(struct line *line, uint8_t byte) {
  char escape[5];
  switch (byte) {
    case '\n': put_text(line, "\\n"); return;
    case '\r': put_text(line, "\\r"); return;
    case '\t': put_text(line, "\\t"); return;
    default:
      snprintf(escape, sizeof escape, "\\x%02x", byte);
      put_text(line, escape);
  }
}

static void put_escaped(struct line *line, struct slice text, bool is_quoted) {
  while (text.size > 0 && !line->is_cut) {
    uint32_t code = 0;
    size_t size = utf8_first(text, &code);
    if (size > 0 && is_plain(code)) {
      if (is_quoted && (code == '"' || code == '\\')) put_text(line, code == '"' ? "\\\"" : "\\\\");
      else put(line, text.data, size);
    } else {
      size = size == 0 ? 1 : size;
      for (size_t i = 0; i < size; i++) put_escaped_byte(line, text.data[i]);
    }
    text = slice_after(text, size);
  }
}

/* Whether a value can stand bare behind its `=`. */
static bool is_bare(struct slice value) {
  if (value.size == 0) return false;
  while (value.size > 0) {
    uint32_t code;
    size_t size = utf8_first(value, &code);
    if (size == 0 || !is_plain(code) || code == ' ' || code == '"' || code == '=') return false;
    value = slice_after(value, size);
  }
  return true;
}

static void put_field(struct line *line, const struct log_field *field) {
  put_text(line, " ");
  put_escaped(line, slice_text(field->name), false);
  put_text(line, "=");
  if (is_bare(field->value)) {
    put(line, field->value.data, field->value.size);
    return;
  }
  put_text(line, "\"");
  put_escaped(line, field->value, true);
  put_text(line, "\"");
}

const char *logger_level_name(enum log_level level) {
  static const char *const names[] = {
    [LOG_TRACE] = "trace", [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error",
  };
  CHECK_THAT(level, <, LOG_LEVEL_COUNT);
  return names[level];
}

static void put_head(struct line *line, int64_t unix_ns, enum log_level level) {
  int64_t unix_ms = unix_ns / 1000000 - (unix_ns % 1000000 < 0);
  int64_t ms = (unix_ms % 1000 + 1000) % 1000;
  time_t seconds = (time_t)((unix_ms - ms) / 1000);
  struct tm date;
  char text[32];
  CHECK(gmtime_r(&seconds, &date) != NULL);
  CHECK(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &date) > 0);
  put_text(line, text);
  snprintf(text, sizeof text, ".%03dZ ", (int)ms);
  put_text(line, text);
  put_text(line, logger_level_name(level));
  put_text(line, " ");
}

static void write_line(const struct logger *logger, enum log_level level, struct slice line) {
  if (logger->write != NULL) {
    logger->write(logger->context, level, line);
    return;
  }
  /* Where standard error does not take it, there is nobody left to tell. */
  ssize_t written;
  do {
    written = write(STDERR_FILENO, line.data, line.size);
  } while (written < 0 && errno == EINTR);
}

void logger_event(const struct logger *logger, enum log_level level, struct slice message,
                  const struct log_field *fields, size_t field_count) {
  if (level < logger->level_min) return;
  struct line line;
  line.size = 0;
  line.is_cut = false;
  /* A message of a script may be endless; half of the line is kept for the fields, which say where it comes from. */
  line.limit = LOGGER_LINE_MAX / 2;
  put_head(&line, clock_unix_ns(logger->clock), level);
  put_escaped(&line, message, false);
  if (line.is_cut) put_mark(&line);
  line.is_cut = false;
  line.limit = LOGGER_LINE_MAX - TAIL_BYTES;
  for (size_t i = 0; i < field_count; i++) put_field(&line, &fields[i]);
  if (line.is_cut) put_mark(&line);
  line.bytes[line.size++] = '\n';
  write_line(logger, level, slice_of(line.bytes, line.size));
}

void logger_printf(const struct logger *logger, enum log_level level, const char *format, ...) {
  if (level < logger->level_min) return;
  char text[LOGGER_LINE_MAX];
  va_list args;
  va_start(args, format);
  int printed = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (printed < 0) text[0] = 0;
  logger_event(logger, level, slice_text(text), NULL, 0);
}
