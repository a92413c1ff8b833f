/* key.c -- tuples to bytes and back; only bytes that the writer would write are read. */
#include "codec/key.h"

#include <math.h>

#include "base/check.h"
#include "base/utf8.h"
#include "codec/json_text.h"

enum {
  CODE_END = 0x00,
  CODE_STRING = 0x01,
  CODE_TUPLE = 0x05,
  CODE_NUMBER = 0x15,
  CODE_FALSE = 0x26,
  CODE_TRUE = 0x27,
  ESCAPE = 0xff,
};

enum { NUMBER_SIZE = 9, NUMBER_LONG_SIZE = 11 };

static const double TWO_53 = 9007199254740992.0;
static const double TWO_63 = 9223372036854775808.0;
static const uint64_t SIGN = (uint64_t)1 << 63;

/* A string without a NUL, as most are, in one go. */
static void put_plain_string(struct buf *buf, struct slice text) {
  uint8_t *room = buf_try_reserve(buf, text.size + 2);
  if (room == NULL) return;
  room[0] = CODE_STRING;
  if (text.size > 0) memcpy(room + 1, text.data, text.size);
  room[text.size + 1] = CODE_END;
  buf->size += text.size + 2;
}

void key_put_string(struct buf *buf, struct slice text) {
  if (text.size == 0 || memchr(text.data, 0, text.size) == NULL) {
    put_plain_string(buf, text);
    return;
  }
  buf_put_byte(buf, CODE_STRING);
  while (text.size > 0) {
    const uint8_t *zero = memchr(text.data, 0, text.size);
    size_t size = zero == NULL ? text.size : (size_t)(zero - text.data) + 1;
    buf_put(buf, slice_of(text.data, size));
    if (zero != NULL) buf_put_byte(buf, ESCAPE);
    text = slice_after(text, size);
  }
  buf_put_byte(buf, CODE_END);
}

/* The largest float that is not above the number, and how far the number is above that. */
static void put_number(struct buf *buf, double floor, uint64_t above) {
  uint64_t bits;
  memcpy(&bits, &floor, sizeof bits);
  bits = (bits & SIGN) != 0 ? ~bits : bits | SIGN;
  buf_put_byte(buf, CODE_NUMBER);
  buf_put_u64(buf, bits);
  if (fabs(floor) < TWO_53) return;
  buf_put_byte(buf, (uint8_t)(above >> 8));
  buf_put_byte(buf, (uint8_t)above);
}

void key_put_integer(struct buf *buf, int64_t number) {
  double floor = (double)number;
  if (floor >= TWO_63 || (int64_t)floor > number) floor = nextafter(floor, -INFINITY);
  uint64_t above = (uint64_t)number - (uint64_t)(int64_t)floor;
  CHECK_THAT(above, <, 1024);
  put_number(buf, floor, above);
}

static bool is_integer(double number) {
  return number >= -TWO_63 && number < TWO_63 && trunc(number) == number;
}

bool key_put_float(struct buf *buf, double number) {
  if (isnan(number)) return false;
  if (is_integer(number)) {
    key_put_integer(buf, (int64_t)number);
  } else {
    put_number(buf, number, 0);
  }
  return true;
}

void key_put_boolean(struct buf *buf, bool truth) {
  buf_put_byte(buf, truth ? CODE_TRUE : CODE_FALSE);
}

void key_tuple_begin(struct buf *buf) {
  buf_put_byte(buf, CODE_TUPLE);
}

void key_tuple_end(struct buf *buf) {
  buf_put_byte(buf, CODE_END);
}

void key_reader_init(struct key_reader *reader, struct slice key) {
  *reader = (struct key_reader){ .rest = key };
}

void key_reader_again(struct key_reader *reader, struct slice key) {
  buf_clear(&reader->unescaped);
  reader->rest = key;
  reader->depth = 0;
}

void key_reader_done(struct key_reader *reader) {
  buf_done(&reader->unescaped);
}

/* Bytes of a string with its code and its end; 0 where it has none. */
static size_t string_size(struct slice rest) {
  size_t at = 1;
  while (at < rest.size) {
    const uint8_t *zero = memchr(rest.data + at, 0, rest.size - at);
    if (zero == NULL) return 0;
    at = (size_t)(zero - rest.data) + 1;
    if (at == rest.size || rest.data[at] != ESCAPE) return at;
    at++;
  }
  return 0;
}

struct slice key_string_inside(struct slice part) {
  return slice_of(part.data + 1, part.size - 2);
}

static bool try_read_string(struct key_reader *reader, struct slice part) {
  struct buf *text = &reader->unescaped;
  struct slice rest = key_string_inside(part);
  reader->text = rest;
  if (rest.size == 0 || memchr(rest.data, 0, rest.size) == NULL) return true;
  buf_clear(text);
  while (rest.size > 0) {
    const uint8_t *zero = memchr(rest.data, 0, rest.size);
    size_t size = zero == NULL ? rest.size : (size_t)(zero - rest.data) + 1;
    buf_put(text, slice_of(rest.data, size));
    rest = slice_after(rest, zero == NULL ? size : size + 1);
  }
  reader->text = buf_slice(text);
  return text->err == ERR_NONE;
}

static double number_floor(struct slice rest) {
  uint64_t bits = read_u64(rest.data + 1);
  bits = (bits & SIGN) != 0 ? bits & ~SIGN : ~bits;
  double floor;
  memcpy(&floor, &bits, sizeof floor);
  return floor;
}

/* Bytes of a number with its code; 0 where they are too few. */
static size_t number_size(struct slice rest) {
  if (rest.size < NUMBER_SIZE) return 0;
  size_t size = fabs(number_floor(rest)) < TWO_53 ? NUMBER_SIZE : NUMBER_LONG_SIZE;
  return rest.size < size ? 0 : size;
}

static enum key_type read_number(struct key_reader *reader, struct slice part) {
  double floor = number_floor(part);
  uint32_t above = part.size == NUMBER_LONG_SIZE ? (uint32_t)part.data[9] << 8 | part.data[10] : 0;
  if (isnan(floor) || (floor == 0 && signbit(floor))) return KEY_BROKEN;
  if (!is_integer(floor)) {
    reader->number = floor;
    return above == 0 ? KEY_FLOAT : KEY_BROKEN;
  }
  /* Where the next float is not above the number, that one would have been its floor. */
  if (above > 0 && nextafter(floor, INFINITY) - floor <= above) return KEY_BROKEN;
  reader->integer = (int64_t)floor + above;
  return KEY_INTEGER;
}

/* The next part; its string is checked, and kept only where somebody wants it. */
static enum key_type read_part(struct key_reader *reader, bool keep_string) {
  struct slice rest = reader->rest;
  enum key_type type = KEY_BROKEN;
  size_t size = 1;
  if (rest.size == 0) return reader->depth == 0 ? KEY_END : KEY_BROKEN;
  switch (rest.data[0]) {
    case CODE_END:
      if (reader->depth == 0) return KEY_BROKEN;
      reader->depth--;
      type = KEY_END;
      break;
    case CODE_TUPLE:
      if (reader->depth == KEY_DEPTH_MAX) return KEY_BROKEN;
      reader->depth++;
      type = KEY_TUPLE;
      break;
    case CODE_STRING:
      size = string_size(rest);
      if (size == 0 || (keep_string && !try_read_string(reader, slice_of(rest.data, size)))) break;
      type = KEY_STRING;
      break;
    case CODE_NUMBER:
      size = number_size(rest);
      if (size > 0) type = read_number(reader, slice_of(rest.data, size));
      break;
    case CODE_FALSE:
    case CODE_TRUE:
      reader->truth = rest.data[0] == CODE_TRUE;
      type = KEY_BOOLEAN;
      break;
    default:
      break;
  }
  /* What is broken stays in front, so that it is broken the next time too. */
  if (type != KEY_BROKEN) reader->rest = slice_after(rest, size);
  return type;
}

enum key_type key_next(struct key_reader *reader) {
  return read_part(reader, true);
}

size_t key_part_size(struct slice key) {
  struct key_reader reader;
  key_reader_init(&reader, key);
  do {
    if (read_part(&reader, false) == KEY_BROKEN) return 0;
  } while (reader.depth > 0);
  return key.size - reader.rest.size;
}

bool key_is_valid(struct slice key) {
  struct key_reader reader;
  key_reader_init(&reader, key);
  while (reader.rest.size > 0) {
    if (read_part(&reader, false) == KEY_BROKEN) return false;
  }
  return key.size > 0 && reader.depth == 0;
}

static void print_float(struct buf *buf, double number) {
  if (isinf(number)) {
    buf_put_text(buf, number < 0 ? "-inf" : "inf");
  } else {
    json_put_float(buf, number);
  }
}

/* The parts up to the end, with commas; false where the bytes are broken. */
static bool print_parts(struct buf *buf, struct key_reader *reader) {
  bool is_first = true;
  for (;;) {
    size_t depth = reader->depth;
    enum key_type type = key_next(reader);
    if (type == KEY_BROKEN) return false;
    if (type == KEY_END && depth == 0) return true;
    if (!is_first && type != KEY_END) buf_put_byte(buf, ',');
    is_first = type == KEY_TUPLE;
    switch (type) {
      case KEY_STRING: json_put_text(buf, reader->text); break;
      case KEY_INTEGER: json_put_integer(buf, reader->integer); break;
      case KEY_FLOAT: print_float(buf, reader->number); break;
      case KEY_BOOLEAN: buf_put_text(buf, reader->truth ? "true" : "false"); break;
      case KEY_TUPLE: buf_put_byte(buf, '['); break;
      default: buf_put_byte(buf, ']');
    }
  }
}

void key_print(struct buf *buf, struct slice key) {
  struct key_reader reader;
  bool is_plain = key.size > 0 && key.data[0] == CODE_STRING && string_size(key) == key.size;
  key_reader_init(&reader, key);
  if (!is_plain) buf_put_byte(buf, '[');
  if (!print_parts(buf, &reader)) buf_put_text(buf, reader.unescaped.err == ERR_NONE ? "<broken>" : "<out of memory>");
  if (!is_plain) buf_put_byte(buf, ']');
  key_reader_done(&reader);
}

/* Whether a text without quotes is not taken for anything else. */
static bool is_bare(struct slice text) {
  if (text.size == 0 || text.data[0] == '[' || !utf8_is_valid(text)) return false;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < 0x20 || text.data[i] == 0x7f) return false;
  }
  return true;
}

void key_print_name(struct buf *buf, struct slice name) {
  if (is_bare(name)) {
    buf_put(buf, name);
  } else {
    json_put_text(buf, name);
  }
}

void key_print_address(struct buf *buf, struct slice class_name, struct slice key) {
  bool is_plain = key.size > 0 && key.data[0] == CODE_STRING && string_size(key) == key.size;
  key_print_name(buf, class_name);
  buf_put_byte(buf, '/');
  if (is_plain && is_bare(key_string_inside(key))) {
    buf_put(buf, key_string_inside(key));
  } else {
    if (is_plain) buf_put_byte(buf, '[');
    key_print(buf, key);
    if (is_plain) buf_put_byte(buf, ']');
  }
}
