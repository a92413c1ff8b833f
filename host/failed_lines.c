/* failed_lines.c -- see failed_lines.h. */
#include "failed_lines.h"

#include <stdlib.h>
#include <time.h>

#include "codec/json.h"
#include "codec/json_span.h"
#include "codec/key.h"

/* The text of a string of JSON, as a key of one part: that is what there is a reader for. False if it is another form. */
static bool read_string(struct slice span, struct key_reader *reader, struct buf *key) {
  struct failure ignored = { 0 };
  buf_clear(key);
  bool read = span.size > 0 && span.data[0] == '"' && json_parse_key(span, key, &ignored) == ERR_NONE;
  failure_done(&ignored);
  if (!read) return false;
  key_reader_again(reader, buf_slice(key));
  return key_next(reader) == KEY_STRING;
}

static void put_name(struct slice span, struct buf *lines) {
  struct key_reader reader;
  struct buf key = { 0 };
  key_reader_init(&reader, slice_of(NULL, 0));
  if (read_string(span, &reader, &key)) {
    key_print_name(lines, reader.text);
  } else {
    buf_put(lines, span);                            /* it has bytes that JSON cannot express */
  }
  key_reader_done(&reader);
  buf_done(&key);
}

/* `Account/ann`, of an object with a class and a key. */
static void put_address(struct slice object, struct buf *lines) {
  struct slice class_span = json_span_field(object, "class"), key_span = json_span_field(object, "key");
  struct key_reader reader;
  struct buf class_key = { 0 }, key = { 0 };
  struct failure ignored = { 0 };
  key_reader_init(&reader, slice_of(NULL, 0));
  bool is_plain = json_parse_key(key_span, &key, &ignored) == ERR_NONE && read_string(class_span, &reader, &class_key);
  if (is_plain) {
    key_print_address(lines, reader.text, buf_slice(&key));
  } else {
    put_name(class_span, lines);
    buf_put_byte(lines, '/');
    buf_put(lines, key_span);
  }
  failure_done(&ignored);
  key_reader_done(&reader);
  buf_done(&key);
  buf_done(&class_key);
}

static void put_time(struct slice span, struct buf *lines) {
  char number[32], text[32];
  struct tm moment;
  if (span.size >= sizeof number) return;
  memcpy(number, span.data, span.size);
  number[span.size] = '\0';
  time_t seconds = (time_t)strtod(number, NULL);
  if (gmtime_r(&seconds, &moment) == NULL) return;
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &moment);
  buf_printf(lines, ", last due %s UTC", text);
}

static bool is_null(struct slice span) {
  return slice_equal(span, slice_text("null"));
}

static void put_entry(struct slice entry, struct buf *lines) {
  struct slice method = json_span_field(entry, "method"), sender = json_span_field(entry, "sender");
  struct slice tries = json_span_field(entry, "tries"), due = json_span_field(entry, "due");
  struct slice id = json_span_field(entry, "id");
  if (id.size > 2) buf_put(lines, slice_of(id.data + 1, id.size - 2));
  buf_put_text(lines, "  ");
  put_address(entry, lines);
  if (!is_null(method)) {
    buf_put_byte(lines, '.');
    put_name(method, lines);
  }
  if (!is_null(sender)) {
    buf_put_text(lines, ", from ");
    put_address(sender, lines);
  }
  buf_put_text(lines, "  ");
  buf_put(lines, tries);
  buf_put_text(lines, slice_equal(tries, slice_text("1")) ? " try" : " tries");
  if (!is_null(due)) put_time(due, lines);
  buf_put_text(lines, "\n    ");
  buf_put(lines, json_span_field(entry, "error"));
  buf_put_byte(lines, '\n');
}

enum err failed_lines_print(struct slice page, struct buf *lines, struct buf *next, struct failure *failure) {
  struct slice entries = json_span_field(page, "failed"), behind = json_span_field(page, "next"), name, entry;
  while (json_span_next(&entries, &name, &entry)) put_entry(entry, lines);
  buf_clear(next);
  if (behind.size > 2 && behind.data[0] == '"') buf_put(next, slice_of(behind.data + 1, behind.size - 2));
  if (lines->err == ERR_NONE && next->err == ERR_NONE) return ERR_NONE;
  return failure_set(failure, ERR_MEMORY, "no memory for what was given up");
}
