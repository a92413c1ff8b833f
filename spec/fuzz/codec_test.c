/* codec_test.c -- keys, values and UTF-8 of any bytes: what can be read is what the writer would have written. */
#include "fuzz.h"

#include <math.h>

#include "base/utf8.h"
#include "codec/json.h"
#include "codec/key.h"
#include "codec/value.h"

/* ---- keys ------------------------------------------------------------------------------------------------ */

static void put_key_part(struct fuzz *fuzz, struct buf *key, size_t depth) {
  uint8_t room[2000];
  switch (fuzz_below(fuzz, depth > 0 ? 5 : 4)) {
    case 0: key_put_string(key, fuzz_text(fuzz, room)); break;
    case 1: key_put_integer(key, (int64_t)fuzz_number(fuzz)); break;
    case 2: key_put_float(key, fuzz_float(fuzz)); break;
    case 3: key_put_boolean(key, fuzz_once_in(fuzz, 2)); break;
    default:
      key_tuple_begin(key);
      for (size_t count = fuzz_below(fuzz, 4); count > 0; count--) put_key_part(fuzz, key, depth - 1);
      key_tuple_end(key);
  }
}

static void make_key(struct fuzz *fuzz) {
  if (fuzz_once_in(fuzz, 10)) {
    fuzz_put_random(fuzz, fuzz_size(fuzz));
  } else if (fuzz_once_in(fuzz, 20)) {
    for (size_t count = KEY_DEPTH_MAX - 1 + fuzz_below(fuzz, 4); count > 0; count--) key_tuple_begin(&fuzz->bytes);
    for (size_t count = KEY_DEPTH_MAX - 1 + fuzz_below(fuzz, 4); count > 0; count--) key_tuple_end(&fuzz->bytes);
  } else {
    for (size_t count = 1 + fuzz_below(fuzz, 4); count > 0; count--) put_key_part(fuzz, &fuzz->bytes, 3);
  }
  fuzz_mutate(fuzz);
}

/* What the parts of a key tell, written again. `is_text`: whether JSON has words for all of it. */
struct key_parts {
  struct buf again;
  bool is_whole;
  bool is_text;
};

static void take_key_part(struct key_parts *parts, const struct key_reader *reader, enum key_type type) {
  switch (type) {
    case KEY_STRING:
      key_put_string(&parts->again, reader->text);
      parts->is_text = parts->is_text && utf8_is_valid(reader->text);
      break;
    case KEY_INTEGER: key_put_integer(&parts->again, reader->integer); break;
    case KEY_FLOAT:
      assert_true(key_put_float(&parts->again, reader->number));
      parts->is_text = parts->is_text && isfinite(reader->number);
      break;
    case KEY_BOOLEAN: key_put_boolean(&parts->again, reader->truth); break;
    case KEY_TUPLE: key_tuple_begin(&parts->again); break;
    default: key_tuple_end(&parts->again);
  }
}

static void read_key(struct slice key, struct key_parts *parts) {
  struct key_reader reader;
  *parts = (struct key_parts){ .is_text = true };
  key_reader_init(&reader, key);
  for (size_t count = 0; ; count++) {
    assert_true(count <= key.size);
    size_t depth = reader.depth;
    enum key_type type = key_next(&reader);
    if (type == KEY_BROKEN) {
      assert_int_equal(key_next(&reader), KEY_BROKEN);
      break;
    }
    assert_true(reader.depth <= KEY_DEPTH_MAX);
    parts->is_whole = type == KEY_END && depth == 0;
    if (parts->is_whole) break;
    take_key_part(parts, &reader, type);
  }
  key_reader_done(&reader);
}

/* The parts of a valid key stand one behind the other and are keys by themselves. */
static void assert_parts(struct slice key, bool is_valid) {
  while (key.size > 0) {
    size_t size = key_part_size(key);
    assert_true(size <= key.size);
    if (size == 0) break;
    assert_true(key_is_valid(slice_of(key.data, size)));
    key = slice_after(key, size);
  }
  assert_true(!is_valid || key.size == 0);
}

static void keys(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "keys");
  while (fuzz_next(&fuzz)) {
    make_key(&fuzz);
    struct slice key = fuzz_copy(&fuzz);
    struct key_parts parts;
    read_key(key, &parts);
    bool is_valid = key_is_valid(key);
    assert_int_equal(is_valid, parts.is_whole && key.size > 0);
    assert_parts(key, is_valid);
    struct buf printed = { 0 }, parsed = { 0 };
    struct failure failure = { 0 };
    key_print(&printed, key);
    assert_true(utf8_is_valid(buf_slice(&printed)));
    if (is_valid) fuzz_assert_same(buf_slice(&parts.again), key);
    if (is_valid && parts.is_text) {
      assert_int_equal(json_parse_key(buf_slice(&printed), &parsed, &failure), ERR_NONE);
      fuzz_assert_same(buf_slice(&parsed), key);
    }
    fuzz.taken += is_valid;
    failure_done(&failure);
    buf_done(&parsed);
    buf_done(&printed);
    buf_done(&parts.again);
  }
  fuzz_end(&fuzz);
}

/* ---- values ---------------------------------------------------------------------------------------------- */

static void put_handle(struct fuzz *fuzz, struct buf *value) {
  uint8_t room[2000];
  struct buf key = { 0 };
  struct slice name = fuzz_text(fuzz, room);
  if (name.size == 0) name = slice_text("Box");
  if (name.size > 255) name.size = 255;
  for (size_t count = 1 + fuzz_below(fuzz, 3); count > 0; count--) put_key_part(fuzz, &key, 2);
  if (key.size == 0) key_put_boolean(&key, true);     /* NaN is no part */
  value_put_handle(value, name, buf_slice(&key));
  buf_done(&key);
}

static void put_value(struct fuzz *fuzz, struct buf *value, size_t depth) {
  uint8_t room[2000];
  size_t count = fuzz_below(fuzz, 4), kind = fuzz_below(fuzz, depth > 0 ? 10 : 7);
  if (fuzz_once_in(fuzz, 30)) count = 14 + fuzz_below(fuzz, 6);
  switch (kind) {
    case 0: value_put_null(value); break;
    case 1: value_put_boolean(value, fuzz_once_in(fuzz, 2)); break;
    case 2: value_put_integer(value, (int64_t)fuzz_number(fuzz)); break;
    case 3: value_put_float(value, fuzz_float(fuzz)); break;
    case 4: case 5: value_put_string(value, fuzz_text(fuzz, room)); break;
    case 6:
      if (fuzz_once_in(fuzz, 20)) value_put_node(value, fuzz_number(fuzz) | 1);
      else if (fuzz_once_in(fuzz, 20)) value_put_same(value, (uint32_t)fuzz_number(fuzz));
      else if (fuzz_once_in(fuzz, 2)) put_handle(fuzz, value);
      else value_put_integer(value, (int64_t)count);
      break;
    case 7:
      value_put_array(value, (uint32_t)count);
      while (count-- > 0) put_value(fuzz, value, depth - 1);
      break;
    default:
      value_put_map(value, (uint32_t)count);
      for (size_t i = 1; i <= count; i++) {
        if (kind == 8) value_put_string(value, fuzz_text(fuzz, room));
        else value_put_integer(value, (int64_t)(fuzz_once_in(fuzz, 20) ? fuzz_number(fuzz) : i));
        put_value(fuzz, value, depth - 1);
      }
  }
}

/* Whether it is as the writer has written it. */
static bool make_value(struct fuzz *fuzz) {
  if (fuzz_once_in(fuzz, 10)) {
    fuzz_put_random(fuzz, fuzz_size(fuzz));
    return false;
  }
  if (fuzz_once_in(fuzz, 20)) {
    for (size_t count = VALUE_DEPTH_MAX - 1 + fuzz_below(fuzz, 4); count > 0; count--) value_put_array(&fuzz->bytes, 1);
    value_put_null(&fuzz->bytes);
  } else {
    put_value(fuzz, &fuzz->bytes, 4);
  }
  return !fuzz_mutate(fuzz);
}

static void put_token(struct buf *again, const struct value_reader *reader, enum value_type type) {
  switch (type) {
    case VALUE_NULL: value_put_null(again); break;
    case VALUE_BOOLEAN: value_put_boolean(again, reader->truth); break;
    case VALUE_INTEGER: value_put_integer(again, reader->integer); break;
    case VALUE_FLOAT: value_put_float(again, reader->number); break;
    case VALUE_STRING: value_put_string(again, reader->text); break;
    case VALUE_ARRAY: value_put_array(again, reader->count); break;
    case VALUE_MAP: value_put_map(again, reader->count); break;
    case VALUE_NODE: value_put_node(again, reader->node); break;
    case VALUE_HANDLE: value_put_handle(again, reader->text, reader->key); break;
    default: value_put_same(again, reader->count);
  }
}

/* Reads all tokens and writes them again. Whether they are one whole value, and no more. */
static bool read_tokens(struct slice value, struct buf *again) {
  struct value_reader reader;
  uint64_t owed = 1;
  bool is_one = true;
  value_reader_init(&reader, value);
  for (;;) {
    size_t before = reader.rest.size;
    enum value_type type = value_next(&reader);
    if (type == VALUE_END) return is_one && owed == 0;
    if (type == VALUE_BROKEN) {
      assert_int_equal(reader.rest.size, before);
      return false;
    }
    assert_true(reader.rest.size < before);
    is_one = is_one && owed > 0;
    if (is_one) owed--;
    if (type == VALUE_ARRAY || type == VALUE_MAP) {
      assert_true(reader.count <= reader.rest.size);
      owed += (uint64_t)reader.count * (type == VALUE_MAP ? 2 : 1);
    }
    put_token(again, &reader, type);
  }
}

static bool ignore(void *context) { (void)context; return true; }
static bool ignore_boolean(void *context, bool truth) { (void)context, (void)truth; return true; }
static bool ignore_integer(void *context, int64_t number) { (void)context, (void)number; return true; }
static bool ignore_float(void *context, double number) { (void)context, (void)number; return true; }
static bool ignore_text(void *context, struct slice text) { (void)context, (void)text; return true; }

/* What is printed of a value is JSON; what cannot be printed leaves nothing. */
static void assert_printed(struct slice value) {
  static const struct json_events events = {
    .on_null = ignore, .on_boolean = ignore_boolean, .on_integer = ignore_integer, .on_float = ignore_float,
    .on_string = ignore_text, .on_key = ignore_text, .on_array_begin = ignore, .on_array_end = ignore,
    .on_object_begin = ignore, .on_object_end = ignore,
  };
  struct buf text = { 0 };
  struct failure failure = { 0 }, parsing = { 0 };
  buf_put_text(&text, "before");
  enum err err = json_put_value(&text, value, &failure);
  assert_int_equal(err, failure.err);
  if (err == ERR_NONE) {
    struct json_parser *parser = json_parser_try_new(&events, NULL, JSON_DEPTH_MAX);
    assert_int_equal(json_parse(parser, slice_after(buf_slice(&text), 6), &parsing), ERR_NONE);
    json_parser_free(parser);
  } else {
    assert_int_equal(text.size, 6);
  }
  failure_done(&parsing);
  failure_done(&failure);
  buf_done(&text);
}

/* A number may stand in more bytes than it needs: other programs write so. Written again, it is ours. */
static void values(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "values");
  while (fuzz_next(&fuzz)) {
    bool is_written = make_value(&fuzz);
    struct slice value = fuzz_copy(&fuzz);
    struct buf again = { 0 }, thrice = { 0 };
    bool is_whole = read_tokens(value, &again);
    if (is_written) {
      assert_true(is_whole);
      fuzz_assert_same(buf_slice(&again), value);
    }
    if (is_whole) {
      assert_true(again.size <= value.size);
      assert_true(read_tokens(buf_slice(&again), &thrice));
      fuzz_assert_same(buf_slice(&thrice), buf_slice(&again));
      fuzz.taken++;
    }
    assert_printed(value);
    buf_done(&thrice);
    buf_done(&again);
  }
  fuzz_end(&fuzz);
}

/* ---- UTF-8 ----------------------------------------------------------------------------------------------- */

/* The one way in which a character is written. */
static size_t write_character(uint32_t code, uint8_t bytes[4]) {
  static const uint8_t marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
  size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = size - 1; i > 0; i--, code >>= 6) bytes[i] = (uint8_t)(0x80 | (code & 0x3f));
  bytes[0] = (uint8_t)(marks[size] | code);
  return size;
}

static void assert_cuts(struct fuzz *fuzz, struct slice text, size_t valid) {
  size_t size_max = fuzz_below(fuzz, text.size + 2), size = utf8_cut(text, size_max);
  assert_true(size <= size_max && size <= text.size && size + 4 > (size_max < text.size ? size_max : text.size));
  if (valid == text.size) assert_true(utf8_is_valid(slice_of(text.data, size)));
}

static void utf8(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "UTF-8");
  while (fuzz_next(&fuzz)) {
    uint8_t room[2000], bytes[4];
    buf_put(&fuzz.bytes, fuzz_text(&fuzz, room));
    if (fuzz_once_in(&fuzz, 2)) fuzz_mutate(&fuzz);
    struct slice text = fuzz_copy(&fuzz);
    uint32_t code = 0;
    size_t valid = utf8_valid_size(text), at = 0;
    assert_int_equal(utf8_is_valid(text), valid == text.size);
    while (at < text.size) {
      size_t size = utf8_first(slice_after(text, at), &code);
      if (size == 0) break;
      assert_true(code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
      assert_int_equal(write_character(code, bytes), size);
      assert_memory_equal(bytes, text.data + at, size);
      at += size;
    }
    assert_int_equal(at, valid);
    assert_cuts(&fuzz, text, valid);
    fuzz.taken += valid == text.size;
  }
  fuzz_end(&fuzz);
}

int main(void) {
  const struct CMUnitTest tests[] = { FUZZ_TEST(keys), FUZZ_TEST(values), FUZZ_TEST(utf8) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
