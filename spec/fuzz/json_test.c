/* json_test.c -- JSON text of any bytes: taken exactly where a reader that is slow and plain takes it; and what was
 * taken reads the same when it is printed again. Keys in URLs are such text too. */
#include "fuzz.h"

#include <math.h>

#include "base/utf8.h"
#include "codec/json.h"
#include "codec/key.h"

/* ---- text ------------------------------------------------------------------------------------------------ */

static void put_string(struct fuzz *fuzz) {
  static const char *const pieces[] = {
    "\\u0000", "\\ud83d\\ude00", "\\uD83D", "\\ude00", "\\n", "\\/", "\\\"", "\\\\", "\\u00", "\\x", "\xc3\xa9", "\x7f",
    "\xed\xa0\x80", "\xf4\x8f\xbf\xbf", "plain text, and more of it", "\t", "\f", "ab\\u0041c",
  };
  buf_put_byte(&fuzz->bytes, '"');
  for (size_t count = fuzz_below(fuzz, 4); count > 0; count--) {
    size_t piece = fuzz_once_in(fuzz, 3) ? fuzz_below(fuzz, sizeof pieces / sizeof pieces[0]) : 14;
    buf_put_text(&fuzz->bytes, pieces[piece]);
  }
  buf_put_byte(&fuzz->bytes, '"');
}

static void put_number(struct fuzz *fuzz) {
  static const char *const numbers[] = {
    "0", "-0", "-0.0", "01", "-", "1.", ".5", "1e5", "1E+5", "1e", "1e-400", "1e400", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "99999999999999999999999999999999999999",
    "0.1000000000000000055511151231257827", "1.7976931348623159e308", "5e-324", "NaN", "Infinity", "+1", "0x10",
  };
  switch (fuzz_below(fuzz, 4)) {
    case 0: buf_put_text(&fuzz->bytes, numbers[fuzz_below(fuzz, sizeof numbers / sizeof numbers[0])]); break;
    case 1: json_put_integer(&fuzz->bytes, (int64_t)fuzz_number(fuzz)); break;
    case 2: buf_printf(&fuzz->bytes, "%.*g", (int)fuzz_below(fuzz, 30), fuzz_float(fuzz)); break;
    default: buf_printf(&fuzz->bytes, "%u", (unsigned)fuzz_below(fuzz, 100));
  }
}

static void put_space(struct fuzz *fuzz) {
  static const char *const spaces[] = { " ", "\n", "\r\n\t", "\v", "/*c*/", "//c\n", "\xef\xbb\xbf", "\xc2\xa0" };
  if (fuzz_once_in(fuzz, 8)) buf_put_text(&fuzz->bytes, spaces[fuzz_below(fuzz, fuzz_once_in(fuzz, 10) ? 8 : 3)]);
}

static void put_json(struct fuzz *fuzz, size_t depth) {
  static const char *const words[] = { "null", "true", "false" };
  size_t kind = fuzz_below(fuzz, depth > 0 ? 6 : 3), count = fuzz_below(fuzz, 4);
  put_space(fuzz);
  if (kind == 0) put_string(fuzz);
  else if (kind == 1) put_number(fuzz);
  else if (kind == 2) buf_put_text(&fuzz->bytes, words[fuzz_below(fuzz, 3)]);
  if (kind >= 3) {
    buf_put_byte(&fuzz->bytes, kind == 3 ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
      if (i > 0) buf_put_byte(&fuzz->bytes, ',');
      put_space(fuzz);
      if (kind == 3) put_string(fuzz);
      if (kind == 3) buf_put_byte(&fuzz->bytes, ':');
      put_json(fuzz, depth - 1);
    }
    buf_put_byte(&fuzz->bytes, kind == 3 ? '}' : ']');
  }
  put_space(fuzz);
}

static void make_text(struct fuzz *fuzz, size_t depth_max) {
  static const char alphabet[] = "[]{},:\"\\0123456789.eE+-nulltruefalse \t\n/ud8";
  if (fuzz_once_in(fuzz, 20)) {
    fuzz_put_random(fuzz, fuzz_size(fuzz));
  } else if (fuzz_once_in(fuzz, 10)) {
    for (size_t count = fuzz_below(fuzz, 12); count > 0; count--) {
      buf_put_byte(&fuzz->bytes, (uint8_t)alphabet[fuzz_below(fuzz, sizeof alphabet - 1)]);
    }
  } else if (fuzz_once_in(fuzz, 20)) {
    size_t count = depth_max - 1 + fuzz_below(fuzz, 4);
    for (size_t i = 0; i < count; i++) buf_put_text(&fuzz->bytes, "[");
    put_json(fuzz, 0);
    for (size_t i = 0; i < count; i++) buf_put_text(&fuzz->bytes, "]");
  } else {
    put_json(fuzz, 4);
  }
  if (fuzz_once_in(fuzz, 2)) fuzz_mutate(fuzz);
}

/* ---- the plain reader: RFC 8259, a function a rule --------------------------------------------------------- */

struct plain {
  struct slice rest;
  size_t depth, depth_max;
};

static bool take(struct plain *plain, const char *word) {
  if (!slice_begins(plain->rest, slice_text(word))) return false;
  plain->rest = slice_after(plain->rest, strlen(word));
  return true;
}

static bool is_next(const struct plain *plain, const char *any) {
  return plain->rest.size > 0 && plain->rest.data[0] != 0 && strchr(any, plain->rest.data[0]) != NULL;
}

static size_t take_any(struct plain *plain, const char *any) {
  size_t count = 0;
  for (; is_next(plain, any); count++) plain->rest = slice_after(plain->rest, 1);
  return count;
}

static bool take_hex(struct plain *plain, unsigned *code) {
  char digits[5] = { 0 };
  if (plain->rest.size < 4) return false;
  memcpy(digits, plain->rest.data, 4);
  *code = (unsigned)strtoul(digits, NULL, 16);
  return take_any(&(struct plain){ .rest = slice_text(digits) }, "0123456789abcdefABCDEF") == 4 &&
         (plain->rest = slice_after(plain->rest, 4), true);
}

static bool take_escape(struct plain *plain) {
  unsigned code, low;
  if (is_next(plain, "\"\\/bfnrt")) return plain->rest = slice_after(plain->rest, 1), true;
  if (!take(plain, "u") || !take_hex(plain, &code)) return false;
  if (code < 0xd800 || code > 0xdfff) return true;
  return code < 0xdc00 && take(plain, "\\u") && take_hex(plain, &low) && low >= 0xdc00 && low <= 0xdfff;
}

static bool take_string(struct plain *plain) {
  if (!take(plain, "\"")) return false;
  while (plain->rest.size > 0) {
    if (take(plain, "\"")) return true;
    if (take(plain, "\\")) {
      if (!take_escape(plain)) return false;
    } else if (plain->rest.data[0] < 0x20) {
      return false;
    } else {
      plain->rest = slice_after(plain->rest, 1);
    }
  }
  return false;
}

static bool take_number(struct plain *plain) {
  static const char digits[] = "0123456789";
  struct slice begin = plain->rest;
  take(plain, "-");
  if (!take(plain, "0") && take_any(plain, digits) == 0) return false;
  if (take(plain, ".") && take_any(plain, digits) == 0) return false;
  if (take(plain, "e") || take(plain, "E")) {
    if (!take(plain, "+")) take(plain, "-");
    if (take_any(plain, digits) == 0) return false;
  }
  char text[4096] = { 0 };
  size_t size = begin.size - plain->rest.size;
  assert_true(size < sizeof text);
  memcpy(text, begin.data, size);
  return isfinite(strtod(text, NULL));
}

static bool take_value(struct plain *plain);

static bool take_table(struct plain *plain, const char *end, bool is_object) {
  static const char space[] = " \t\r\n";
  if (plain->depth++ == plain->depth_max) return false;
  take_any(plain, space);
  bool is_empty = take(plain, end);
  while (!is_empty) {
    take_any(plain, space);
    if (is_object && (!take_string(plain) || (take_any(plain, space), !take(plain, ":")))) return false;
    if (!take_value(plain)) return false;
    if (take(plain, end)) break;
    if (!take(plain, ",")) return false;
  }
  plain->depth--;
  return true;
}

/* With the white space around it. */
static bool take_value(struct plain *plain) {
  static const char space[] = " \t\r\n";
  take_any(plain, space);
  bool taken = is_next(plain, "\"") ? take_string(plain)
             : take(plain, "[") ? take_table(plain, "]", false)
             : take(plain, "{") ? take_table(plain, "}", true)
             : take(plain, "null") || take(plain, "true") || take(plain, "false") || take_number(plain);
  take_any(plain, space);
  return taken;
}

static bool is_json(struct slice text, size_t depth_max) {
  struct plain plain = { .rest = text, .depth_max = depth_max };
  return utf8_is_valid(text) && take_value(&plain) && plain.rest.size == 0;
}

/* ---- print what was parsed --------------------------------------------------------------------------------- */

struct printer {
  struct buf text;
  bool wants_comma;
};

static struct buf *begin(struct printer *printer) {
  if (printer->wants_comma) buf_put_byte(&printer->text, ',');
  printer->wants_comma = true;
  return &printer->text;
}

static bool put_word(struct printer *printer, const char *word) {
  buf_put_text(begin(printer), word);
  return true;
}

static bool on_null(void *context) { return put_word(context, "null"); }
static bool on_boolean(void *context, bool truth) { return put_word(context, truth ? "true" : "false"); }
static bool on_integer(void *context, int64_t number) { return json_put_integer(begin(context), number), true; }

static bool on_float(void *context, double number) {
  assert_true(isfinite(number));
  return json_put_float(begin(context), number), true;
}

static bool on_string(void *context, struct slice text) {
  assert_true(json_put_string(begin(context), text));
  return true;
}

static bool on_key(void *context, struct slice text) {
  struct printer *printer = context;
  on_string(printer, text);
  buf_put_byte(&printer->text, ':');
  printer->wants_comma = false;
  return true;
}

static bool on_begin(struct printer *printer, const char *bracket) {
  put_word(printer, bracket);
  printer->wants_comma = false;
  return true;
}

static bool on_end(struct printer *printer, uint8_t bracket) {
  buf_put_byte(&printer->text, bracket);
  return printer->wants_comma = true;
}

static bool on_array_begin(void *context) { return on_begin(context, "["); }
static bool on_array_end(void *context) { return on_end(context, ']'); }
static bool on_object_begin(void *context) { return on_begin(context, "{"); }
static bool on_object_end(void *context) { return on_end(context, '}'); }

static const struct json_events events = {
  .on_null = on_null, .on_boolean = on_boolean, .on_integer = on_integer, .on_float = on_float, .on_string = on_string,
  .on_key = on_key, .on_array_begin = on_array_begin, .on_array_end = on_array_end, .on_object_begin = on_object_begin,
  .on_object_end = on_object_end,
};

enum { DEPTH_MAX = 20 };

/* One parser for all texts, as a worker has one. */
static enum err parse(struct json_parser *parser, struct slice text, struct printer *printer) {
  struct failure failure = { 0 };
  json_parser_again(parser, printer);
  enum err err = json_parse(parser, text, &failure);
  assert_int_equal(err, failure.err);
  if (err != ERR_NONE) {
    assert_int_equal(err, ERR_REQUEST);
    assert_true(slice_begins(buf_slice(&failure.message), slice_text("not valid JSON at byte ")));
    assert_true(utf8_is_valid(buf_slice(&failure.message)));
  }
  failure_done(&failure);
  return err;
}

static void texts(void **state) {
  (void)state;
  struct fuzz fuzz;
  struct json_parser *parser = json_parser_try_new(&events, NULL, DEPTH_MAX);
  fuzz_begin(&fuzz, "JSON");
  while (fuzz_next(&fuzz)) {
    make_text(&fuzz, DEPTH_MAX);
    struct slice text = fuzz_copy(&fuzz);
    struct printer first = { 0 }, second = { 0 };
    bool is_taken = parse(parser, text, &first) == ERR_NONE;
    if (is_taken != is_json(text, DEPTH_MAX)) {
      fail_msg("%s: %.*s", is_taken ? "taken" : "refused", (int)text.size, (const char *)text.data);
    }
    if (is_taken) {
      assert_int_equal(parse(parser, buf_slice(&first.text), &second), ERR_NONE);
      fuzz_assert_same(buf_slice(&second.text), buf_slice(&first.text));
    }
    fuzz.taken += is_taken;
    buf_done(&second.text);
    buf_done(&first.text);
  }
  fuzz_end(&fuzz);
  json_parser_free(parser);
}

/* ---- keys in URLs ---------------------------------------------------------------------------------------- */

static void keys(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "JSON of keys");
  while (fuzz_next(&fuzz)) {
    make_text(&fuzz, KEY_DEPTH_MAX + 1);
    struct slice text = fuzz_copy(&fuzz);
    struct buf key = { 0 }, printed = { 0 }, again = { 0 };
    struct failure failure = { 0 };
    buf_init(&key, fuzz_once_in(&fuzz, 4) ? fuzz_below(&fuzz, 40) : 0);
    enum err err = json_parse_key(text, &key, &failure);
    assert_int_equal(err, failure.err);
    assert_true(err == ERR_NONE || err == ERR_KEY);
    if (err == ERR_NONE) {
      assert_true(key_is_valid(buf_slice(&key)));
      key_print(&printed, buf_slice(&key));
      assert_int_equal(json_parse_key(buf_slice(&printed), &again, &failure), ERR_NONE);
      fuzz_assert_same(buf_slice(&again), buf_slice(&key));
    } else {
      assert_int_equal(key.size, 0);
      assert_true(failure.message.size > 0 && utf8_is_valid(buf_slice(&failure.message)));
    }
    fuzz.taken += err == ERR_NONE;
    failure_done(&failure);
    buf_done(&again);
    buf_done(&printed);
    buf_done(&key);
  }
  fuzz_end(&fuzz);
}

int main(void) {
  const struct CMUnitTest tests[] = { FUZZ_TEST(texts), FUZZ_TEST(keys) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
