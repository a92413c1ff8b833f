/* json_lossless.c -- see json_lossless.h. Which form a map takes shows only at its end: so one pass finds the forms of all
 * tables, and another one writes. */
#include "codec/json_lossless.h"

#include "base/recursion.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "codec/value.h"

enum form { FORM_ARRAY, FORM_OBJECT, FORM_MAP };

/* A table that has begun and not ended. */
struct frame {
  size_t table;            /* its number in the value */
  enum form form;          /* when it is written */
  bool is_map;             /* in the bytes */
  bool names, sequence;    /* whether it can be an object, or an array, by the keys so far */
  uint64_t count, done;    /* tokens of its own: keys and values; those that have come */
};

struct printer {
  struct buf *buf;
  struct buf forms;        /* a byte a table */
  struct value_reader reader;
  size_t tables, depth;
  struct frame frames[RECURSION_MAX];
};

static bool is_plain_name(struct slice name) {
  return (name.size == 0 || name.data[0] != '$') && utf8_is_valid(name);
}

/* A table begins, whose token was read. Null if it is nested too deep. */
static struct frame *begin_table(struct printer *printer, bool is_map) {
  if (printer->depth == RECURSION_MAX) return NULL;
  struct frame *frame = &printer->frames[printer->depth++];
  *frame = (struct frame){
    .table = printer->tables++, .is_map = is_map, .names = true, .sequence = true,
    .count = (uint64_t)printer->reader.count * (is_map ? 2 : 1),
  };
  return frame;
}

static struct frame *innermost(struct printer *printer) {
  return printer->depth == 0 ? NULL : &printer->frames[printer->depth - 1];
}

/* -- the forms -- */

static void note_key(struct frame *frame, enum value_type type, const struct value_reader *reader) {
  int64_t place = (int64_t)(frame->done / 2) + 1;
  frame->names = frame->names && type == VALUE_STRING && is_plain_name(reader->text);
  frame->sequence = frame->sequence && type == VALUE_INTEGER && reader->integer == place;
}

static enum form form_of(const struct frame *frame) {
  if (!frame->is_map) return FORM_ARRAY;
  if (frame->count == 0) return FORM_OBJECT;
  return frame->sequence ? FORM_ARRAY : frame->names ? FORM_OBJECT : FORM_MAP;
}

/* Ends the tables that are complete. */
static void end_tables(struct printer *printer) {
  struct frame *frame;
  while ((frame = innermost(printer)) != NULL && frame->done == frame->count) {
    if (printer->forms.err == ERR_NONE) printer->forms.data[frame->table] = (uint8_t)form_of(frame);
    printer->depth--;
  }
}

static bool find_forms(struct printer *printer) {
  do {
    enum value_type type = value_next(&printer->reader);
    struct frame *frame = innermost(printer);
    bool is_key = frame != NULL && frame->is_map && frame->done % 2 == 0;
    bool is_table = type == VALUE_ARRAY || type == VALUE_MAP;
    if (type == VALUE_END || type == VALUE_BROKEN || type == VALUE_NODE) return false;
    if (type == VALUE_SAME && printer->reader.count >= printer->tables) return false;
    if (is_key && (is_table || type == VALUE_NULL)) return false;
    if (is_key) note_key(frame, type, &printer->reader);
    if (frame != NULL) frame->done++;
    if (is_table) {
      if (begin_table(printer, type == VALUE_MAP) == NULL) return false;
      buf_put_byte(&printer->forms, FORM_MAP);
    }
    end_tables(printer);
  } while (printer->depth > 0);
  return printer->reader.rest.size == 0;
}

/* -- the text -- */

/* What stands in front of the next token of this table. False: nothing of the token is to be written, the index of an array. */
static bool put_before(const struct frame *frame, struct buf *buf) {
  bool is_key = frame->is_map && frame->done % 2 == 0;
  bool is_value = frame->is_map && !is_key;
  if (frame->form == FORM_ARRAY) {
    if (is_key) return false;
    if (frame->done > 1 || (!frame->is_map && frame->done > 0)) buf_put_byte(buf, ',');
    return true;
  }
  if (is_value) {
    buf_put_byte(buf, frame->form == FORM_OBJECT ? ':' : ',');
    return true;
  }
  if (frame->done > 0) buf_put_byte(buf, ',');
  if (frame->form == FORM_MAP) buf_put_byte(buf, '[');
  return true;
}

/* What stands behind a token that is whole, and behind the tables that end with it. */
static void put_after(struct printer *printer) {
  static const char *const ends[] = { [FORM_ARRAY] = "]", [FORM_OBJECT] = "}", [FORM_MAP] = "]}" };
  struct frame *frame = innermost(printer);
  if (frame != NULL && frame->form == FORM_MAP && frame->done > 0 && frame->done % 2 == 0) buf_put_byte(printer->buf, ']');
  while (frame != NULL && frame->done == frame->count) {
    buf_put_text(printer->buf, ends[frame->form]);
    printer->depth--;
    frame = innermost(printer);
    if (frame != NULL && frame->form == FORM_MAP && frame->done % 2 == 0) buf_put_byte(printer->buf, ']');
  }
}

static void put_table(struct printer *printer, bool is_map) {
  static const char *const begins[] = { [FORM_ARRAY] = "[", [FORM_OBJECT] = "{", [FORM_MAP] = "{\"$map\":[" };
  struct frame *frame = begin_table(printer, is_map);
  frame->form = (enum form)printer->forms.data[frame->table];
  buf_put_text(printer->buf, begins[frame->form]);
}

static void put_handle(struct buf *buf, const struct value_reader *reader) {
  buf_put_text(buf, "{\"$actor\":[");
  json_put_lossless_string(buf, reader->text);
  buf_put_byte(buf, ',');
  json_put_key(buf, reader->key);
  buf_put_text(buf, "]}");
}

static void put_token(struct printer *printer, enum value_type type) {
  const struct value_reader *reader = &printer->reader;
  struct buf *buf = printer->buf;
  switch (type) {
    case VALUE_NULL: buf_put_text(buf, "null"); break;
    case VALUE_BOOLEAN: buf_put_text(buf, reader->truth ? "true" : "false"); break;
    case VALUE_INTEGER: json_put_integer(buf, reader->integer); break;
    case VALUE_FLOAT: json_put_lossless_float(buf, reader->number); break;
    case VALUE_STRING: json_put_lossless_string(buf, reader->text); break;
    case VALUE_ARRAY: put_table(printer, false); break;
    case VALUE_MAP: put_table(printer, true); break;
    case VALUE_SAME: buf_put_text(buf, "{\"$unshown\":\"a table that stands before this one\"}"); break;
    case VALUE_HANDLE: put_handle(buf, reader); break;
    case VALUE_NODE: case VALUE_END: case VALUE_BROKEN: break;       /* find_forms() has found none */
  }
}

static void print(struct printer *printer) {
  do {
    enum value_type type = value_next(&printer->reader);
    struct frame *frame = innermost(printer);
    bool is_shown = frame == NULL || put_before(frame, printer->buf);
    if (frame != NULL) frame->done++;
    if (is_shown) put_token(printer, type);
    bool is_begun = innermost(printer) != frame && innermost(printer)->count > 0;
    if (!is_begun) put_after(printer);
  } while (printer->depth > 0 && printer->buf->err == ERR_NONE);
}

bool json_lossless_put(struct buf *buf, struct slice value) {
  struct printer printer = { .buf = buf };
  value_reader_init(&printer.reader, value);
  bool is_sound = find_forms(&printer);
  if (is_sound && printer.forms.err != ERR_NONE) {
    if (buf->err == ERR_NONE) buf->err = printer.forms.err;
  } else if (is_sound) {
    printer.tables = printer.depth = 0;
    value_reader_init(&printer.reader, value);
    print(&printer);
  }
  buf_done(&printer.forms);
  return is_sound;
}
