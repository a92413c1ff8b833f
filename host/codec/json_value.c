/* json_value.c -- a value's bytes as JSON, in one pass and without recursion.
 *
 * Whether a map is an array shows only at its end, since its keys may come in any order: its values are printed
 * as they come, where each came to lie is noted under its key, and at the end they are put in order. */
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "codec/value.h"

/* Where the text of one element begins and ends, without commas; end 0: it has not come yet. */
struct piece {
  size_t begin, end;
};

enum shape {
  SHAPE_ARRAY,      /* a marked sequence */
  SHAPE_OBJECT,     /* a map with names; of an empty map nothing else is known */
  SHAPE_SEQUENCE    /* a map with numbers */
};

/* A table that has begun and not ended. */
struct frame {
  enum shape shape;
  uint32_t table;          /* its number in the value */
  uint32_t count;          /* elements in all */
  uint32_t done;           /* elements that have begun */
  struct slice name;       /* SHAPE_OBJECT: of the element under way */
  int64_t index;           /* else: of the element under way, from 1 */
  struct piece *pieces;    /* SHAPE_SEQUENCE: `count` of them */
  bool is_shuffled;        /* SHAPE_SEQUENCE: not in order so far */
};

struct printer {
  struct buf *buf;
  struct failure *failure;
  struct value_reader reader;
  size_t depth;
  uint32_t tables;
  struct frame frames[JSON_DEPTH_MAX];
};

/* Paths: result.players["the one"][3].cb */

static bool is_identifier(struct slice name) {
  for (size_t i = 0; i < name.size; i++) {
    uint8_t c = name.data[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return name.size > 0;
}

static void put_step(struct buf *path, const struct frame *frame) {
  enum { NAME_MAX_SHOWN = 60 };
  if (frame->shape != SHAPE_OBJECT) {
    buf_printf(path, "[%lld]", (long long)frame->index);
    return;
  }
  struct slice name = frame->name;
  bool is_cut = name.size > NAME_MAX_SHOWN;
  if (is_cut) name.size = utf8_cut(name, NAME_MAX_SHOWN);
  if (is_identifier(name) && !is_cut) {
    buf_put_byte(path, '.');
    buf_put(path, name);
  } else {
    buf_put_byte(path, '[');
    json_put_text(path, name);
    buf_put_text(path, is_cut ? "...]" : "]");
  }
}

static void put_path(struct buf *path, const struct printer *printer, size_t depth) {
  buf_put_text(path, "result");
  for (size_t i = 0; i < depth; i++) put_step(path, &printer->frames[i]);
}

static enum err refuse(struct printer *printer, const char *what) {
  struct buf message = { 0 };
  put_path(&message, printer, printer->depth);
  buf_printf(&message, ": %s", what);
  enum err err = message.err == ERR_NONE ? ERR_ARGUMENTS : ERR_MEMORY;
  failure_set_text(printer->failure, err, buf_slice(&message));
  buf_done(&message);
  return err;
}

static enum err refuse_memory(struct printer *printer) {
  return failure_set(printer->failure, ERR_MEMORY, "out of memory while printing JSON");
}

static enum err refuse_same(struct printer *printer) {
  struct buf message = { 0 };
  size_t open = 0;
  while (open < printer->depth && printer->frames[open].table != printer->reader.count) open++;
  if (open == printer->depth) return refuse(printer, "the same table appears twice, which JSON cannot express");
  put_path(&message, printer, printer->depth);
  buf_put_text(&message, ": the table ");
  put_path(&message, printer, open);
  buf_put_text(&message, " is inside itself, which JSON cannot express");
  enum err err = message.err == ERR_NONE ? ERR_ARGUMENTS : ERR_MEMORY;
  failure_set_text(printer->failure, err, buf_slice(&message));
  buf_done(&message);
  return err;
}

/* Damage: not what an actor did. */
static enum err refuse_broken(struct printer *printer) {
  return failure_set(printer->failure, ERR_INTERNAL, "the bytes of a value are broken");
}

/* Tables. */

static enum err begin_table(struct printer *printer, bool is_array) {
  if (printer->depth == JSON_DEPTH_MAX) {
    char what[64];
    snprintf(what, sizeof what, "nested deeper than %d", JSON_DEPTH_MAX);
    return refuse(printer, what);
  }
  struct frame *frame = &printer->frames[printer->depth++];
  *frame = (struct frame){
    .shape = is_array ? SHAPE_ARRAY : SHAPE_OBJECT, .table = printer->tables++, .count = printer->reader.count,
  };
  buf_put_byte(printer->buf, is_array ? '[' : '{');
  return ERR_NONE;
}

/* The first key of a map tells which it is to be; a sequence's bracket replaces the brace. */
static enum err begin_sequence(struct printer *printer, struct frame *frame) {
  frame->pieces = mem_try_zero(frame->count * sizeof *frame->pieces);
  if (frame->pieces == NULL) return refuse_memory(printer);
  frame->shape = SHAPE_SEQUENCE;
  if (printer->buf->err == ERR_NONE) printer->buf->data[printer->buf->size - 1] = '[';
  return ERR_NONE;
}

static enum err take_index(struct printer *printer, struct frame *frame, int64_t index) {
  if (frame->shape == SHAPE_OBJECT && frame->done == 1) {
    enum err err = begin_sequence(printer, frame);
    if (err != ERR_NONE) return err;
  }
  bool is_fitting = frame->shape == SHAPE_SEQUENCE && index >= 1 && index <= frame->count;
  if (!is_fitting || frame->pieces[index - 1].end != 0) {
    printer->depth--;
    return refuse(printer, frame->shape == SHAPE_OBJECT
                             ? "a table with names and numbers as keys, which JSON cannot express"
                             : "a table with numbers as keys that are not 1 to n, which JSON cannot express");
  }
  frame->index = index;
  if (index != frame->done) frame->is_shuffled = true;
  return ERR_NONE;
}

static enum err take_name(struct printer *printer, struct frame *frame) {
  if (frame->shape != SHAPE_OBJECT) {
    printer->depth--;
    return refuse(printer, "a table with names and numbers as keys, which JSON cannot express");
  }
  frame->name = printer->reader.text;
  if (!json_put_string(printer->buf, frame->name)) return refuse(printer, "a name that is not UTF-8");
  buf_put_byte(printer->buf, ':');
  return ERR_NONE;
}

/* What stands in front of the next element: a comma, and in a map its key. */
static enum err begin_element(struct printer *printer, struct frame *frame) {
  if (frame->done++ > 0) buf_put_byte(printer->buf, ',');
  if (frame->shape == SHAPE_ARRAY) {
    frame->index = frame->done;
    return ERR_NONE;
  }
  enum err err;
  switch (value_next(&printer->reader)) {
    case VALUE_STRING: err = take_name(printer, frame); break;
    case VALUE_INTEGER: err = take_index(printer, frame, printer->reader.integer); break;
    case VALUE_FLOAT: case VALUE_BOOLEAN:
      printer->depth--;
      err = refuse(printer, "a table with a key that is neither a name nor 1 to n, which JSON cannot express");
      break;
    default: err = refuse_broken(printer);
  }
  if (err == ERR_NONE && frame->shape == SHAPE_SEQUENCE) {
    frame->pieces[frame->index - 1].begin = printer->buf->size;
  }
  return err;
}

static void end_element(struct printer *printer) {
  if (printer->depth == 0) return;
  struct frame *frame = &printer->frames[printer->depth - 1];
  if (frame->shape == SHAPE_SEQUENCE) frame->pieces[frame->index - 1].end = printer->buf->size;
}

/* Puts the elements of a sequence in order. They are as many bytes as before, only elsewhere. */
static enum err put_in_order(struct printer *printer, const struct frame *frame) {
  struct buf *buf = printer->buf;
  if (buf->err != ERR_NONE) return ERR_NONE;   /* then there are no elements to be moved */
  size_t begin = SIZE_MAX;
  for (uint32_t i = 0; i < frame->count; i++) {
    if (frame->pieces[i].begin < begin) begin = frame->pieces[i].begin;
  }
  struct buf ordered = { 0 };
  for (uint32_t i = 0; i < frame->count; i++) {
    if (i > 0) buf_put_byte(&ordered, ',');
    buf_put(&ordered, slice_of(buf->data + frame->pieces[i].begin, frame->pieces[i].end - frame->pieces[i].begin));
  }
  enum err err = ordered.err == ERR_NONE ? ERR_NONE : refuse_memory(printer);
  if (err == ERR_NONE) {
    CHECK_THAT(ordered.size, ==, buf->size - begin);
    memcpy(buf->data + begin, ordered.data, ordered.size);
  }
  buf_done(&ordered);
  return err;
}

static enum err end_table(struct printer *printer, struct frame *frame) {
  enum err err = frame->is_shuffled ? put_in_order(printer, frame) : ERR_NONE;
  buf_put_byte(printer->buf, frame->shape == SHAPE_OBJECT ? '}' : ']');
  mem_free(frame->pieces);
  frame->pieces = NULL;
  printer->depth--;
  end_element(printer);
  return err;
}

static enum err put_float(struct printer *printer, double number) {
  if (number != number) return refuse(printer, "NaN, which JSON cannot express");
  if (number - number != 0) return refuse(printer, "an infinity, which JSON cannot express");
  json_put_float(printer->buf, number);
  return ERR_NONE;
}

/* The next value: all of it, or the beginning of a table. */
static enum err put_next(struct printer *printer) {
  struct buf *buf = printer->buf;
  struct value_reader *reader = &printer->reader;
  enum err err = ERR_NONE;
  switch (value_next(reader)) {
    case VALUE_ARRAY: return begin_table(printer, true);
    case VALUE_MAP: return begin_table(printer, false);
    case VALUE_NULL: buf_put_text(buf, "null"); break;
    case VALUE_BOOLEAN: buf_put_text(buf, reader->truth ? "true" : "false"); break;
    case VALUE_INTEGER: json_put_integer(buf, reader->integer); break;
    case VALUE_FLOAT: err = put_float(printer, reader->number); break;
    case VALUE_STRING:
      if (!json_put_string(buf, reader->text)) err = refuse(printer, "a string that is not UTF-8");
      break;
    case VALUE_SAME: err = refuse_same(printer); break;
    case VALUE_HANDLE: err = refuse(printer, "the handle of an actor, which JSON cannot express"); break;
    default: err = refuse_broken(printer);
  }
  if (err == ERR_NONE) end_element(printer);
  return err;
}

static enum err print(struct printer *printer) {
  enum err err = put_next(printer);
  while (err == ERR_NONE && printer->depth > 0) {
    struct frame *frame = &printer->frames[printer->depth - 1];
    if (frame->done == frame->count) {
      err = end_table(printer, frame);
    } else {
      err = begin_element(printer, frame);
      if (err == ERR_NONE) err = put_next(printer);
    }
    if (err == ERR_NONE && printer->buf->err != ERR_NONE) break;
  }
  if (err == ERR_NONE && printer->buf->err == ERR_MEMORY) return refuse_memory(printer);
  if (err == ERR_NONE && printer->buf->err != ERR_NONE) {
    return failure_set(printer->failure, printer->buf->err, "JSON of more than %zu bytes", printer->buf->size_max);
  }
  if (err == ERR_NONE && printer->reader.rest.size > 0) return refuse_broken(printer);
  return err;
}

enum err json_put_value(struct buf *buf, struct slice value, struct failure *failure) {
  struct printer printer = { .buf = buf, .failure = failure };
  size_t size_before = buf->size;
  value_reader_init(&printer.reader, value);
  enum err err = print(&printer);
  if (err != ERR_NONE) buf->size = size_before;
  for (size_t i = 0; i < JSON_DEPTH_MAX; i++) mem_free(printer.frames[i].pieces);
  return err;
}

void json_put_failure(struct buf *buf, const struct failure *failure) {
  buf_put_text(buf, "{\"error\":{\"code\":");
  json_put_text(buf, failure_code(failure));
  buf_put_text(buf, ",\"message\":");
  json_put_text(buf, buf_slice(&failure->message));
  if (failure->metadata.size > 0) {
    static const char name[] = ",\"metadata\":";
    struct failure unprintable = { 0 };
    buf_put_text(buf, name);
    enum err err = json_put_value(buf, buf_slice(&failure->metadata), &unprintable);
    if (err != ERR_NONE && buf->err == ERR_NONE) buf->size -= sizeof name - 1;
    failure_done(&unprintable);
  }
  buf_put_text(buf, "}}");
}
