/* json_test.c -- JSON in, exactly; and all that is no JSON is refused with its place. Out: json_put_test.c. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assert_text.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "codec/key.h"
#include "random.h"

/* Events written down: "[ i1 f0.5 's' ]". */

struct notes {
  struct buf text;
  const char *stop_at;      /* the event at which to answer false */
  struct failure *failure;  /* where to say why, or NULL */
};

static bool note(struct notes *notes, const char *word) {
  if (notes->text.size > 0) buf_put_byte(&notes->text, ' ');
  buf_put_text(&notes->text, word);
  if (notes->stop_at == NULL || strcmp(notes->stop_at, word) != 0) return true;
  if (notes->failure != NULL) failure_set(notes->failure, ERR_TOO_LARGE, "enough");
  return false;
}

static bool on_null(void *context) { return note(context, "null"); }
static bool on_boolean(void *context, bool truth) { return note(context, truth ? "true" : "false"); }
static bool on_array_begin(void *context) { return note(context, "["); }
static bool on_array_end(void *context) { return note(context, "]"); }
static bool on_object_begin(void *context) { return note(context, "{"); }
static bool on_object_end(void *context) { return note(context, "}"); }

static bool on_integer(void *context, int64_t number) {
  char word[32];
  snprintf(word, sizeof word, "i%" PRId64, number);
  return note(context, word);
}

static bool on_float(void *context, double number) {
  char word[32];
  assert_true(isfinite(number));
  snprintf(word, sizeof word, "f%.17g", number);
  return note(context, word);
}

static bool note_text(struct notes *notes, struct slice text, char mark) {
  bool more = note(notes, "");
  buf_put_byte(&notes->text, (uint8_t)mark);
  buf_put(&notes->text, text);
  buf_put_byte(&notes->text, (uint8_t)mark);
  return more;
}

static bool on_string(void *context, struct slice text) { return note_text(context, text, '\''); }
static bool on_key(void *context, struct slice text) { return note_text(context, text, '"'); }

static const struct json_events events = {
  .on_null = on_null, .on_boolean = on_boolean, .on_integer = on_integer, .on_float = on_float, .on_string = on_string,
  .on_key = on_key, .on_array_begin = on_array_begin, .on_array_end = on_array_end, .on_object_begin = on_object_begin,
  .on_object_end = on_object_end,
};

static enum err parse(struct slice text, size_t depth_max, struct notes *notes, struct failure *failure) {
  /* In a block of its own size, so that a sanitizer sees a read beyond it. */
  uint8_t *copy = malloc(text.size == 0 ? 1 : text.size);
  assert_non_null(copy);
  if (text.size > 0) memcpy(copy, text.data, text.size);
  struct json_parser *parser = json_parser_try_new(&events, notes, depth_max);
  enum err err = parser == NULL ? failure_set(failure, ERR_MEMORY, "none for the parser")
                                : json_parse(parser, slice_of(copy, text.size), failure);
  json_parser_free(parser);
  free(copy);
  assert_int_equal(err, failure->err);
  return err;
}

static void valid_text_becomes_events(void **state) {
  (void)state;
  static const struct { const char *text, *expected; } cases[] = {
    { " [1, -2, 0.5, true, false, null] ", "[ i1 i-2 f0.5 true false null ]" },
    { "{\"a\":{\"b\":[]},\"\":{}}", "{ \"a\" { \"b\" [ ] } \"\" { } }" },
    { "\t\r\n\"x\"\n", "'x'" },
    { "9223372036854775807", "i9223372036854775807" },
    { "-9223372036854775808", "i-9223372036854775808" },
    { "9223372036854775808", "f9.2233720368547758e+18" },
    { "-9223372036854775809", "f-9.2233720368547758e+18" },
    { "9007199254740993", "i9007199254740993" },
    { "-0", "i0" },
    { "-0.0", "f-0" },
    { "1.0", "f1" },
    { "1e0", "f1" },
    { "1E+2", "f100" },
    { "0.1", "f0.10000000000000001" },
    { "1e-999", "f0" },
    { "1.7976931348623157e308", "f1.7976931348623157e+308" },
    { "5e-324", "f4.9406564584124654e-324" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", "'\"\\/\b\f\n\r\t\xc3\xa9'" },
    { "\"\\ud83d\\ude00\\uD83D\\uDE00\"", "'\xf0\x9f\x98\x80\xf0\x9f\x98\x80'" },
    { "\"\\\\ud83d \\\\\\\\ude00\"", "'\\ud83d \\\\ude00'" },
    { "\"\x7f\xc3\xa9\xf4\x8f\xbf\xbf\"", "'\x7f\xc3\xa9\xf4\x8f\xbf\xbf'" },
    { "{\"a\":1,\"a\":2}", "{ \"a\" i1 \"a\" i2 }" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct notes notes = { 0 };
    struct failure failure = { 0 };
    if (parse(slice_text(cases[i].text), 100, &notes, &failure) != ERR_NONE) {
      fail_msg("%s: %.*s", cases[i].text, (int)failure.message.size, (char *)failure.message.data);
    }
    assert_text(&notes.text, cases[i].expected);
    buf_done(&notes.text);
    failure_done(&failure);
  }
}

static void strings_may_hold_nul(void **state) {
  (void)state;
  struct notes notes = { 0 };
  struct failure failure = { 0 };
  assert_int_equal(parse(slice_text("{\"a\\u0000b\":\"\\u0000\"}"), 100, &notes, &failure), ERR_NONE);
  assert_int_equal(notes.text.size, 13);
  assert_memory_equal(notes.text.data, "{ \"a\0b\" '\0' }", 13);
  buf_done(&notes.text);
  failure_done(&failure);
}

static void long_numbers_are_read_whole(void **state) {
  (void)state;
  struct buf text = { 0 };
  struct notes notes = { 0 };
  struct failure failure = { 0 };
  buf_put_text(&text, "[0.");
  for (int i = 0; i < 100000; i++) buf_put_byte(&text, '0');
  buf_put_text(&text, "1e100001,123");
  for (int i = 0; i < 200; i++) buf_put_byte(&text, '0');
  buf_put_text(&text, "]");
  assert_int_equal(parse(buf_slice(&text), 100, &notes, &failure), ERR_NONE);
  assert_text(&notes.text, "[ f1 f1.2300000000000001e+202 ]");
  buf_done(&text);
  buf_done(&notes.text);
  failure_done(&failure);
}

static void bad_text_is_refused_with_its_place(void **state) {
  (void)state;
  static const struct { const char *text, *place; } cases[] = {
    { "", "byte 1:" }, { "  ", "byte 2:" }, { "[1,2,]", "byte 6:" }, { "[1 2]", "byte 4:" },
    { "{\"a\":1,}", "byte 8:" }, { "{a:1}", "byte 2:" }, { "[1,\"a", "byte 5:" }, { "tru", "" },
    { "true x", "byte 6:" }, { "1 2", "byte 3:" }, { "[1]\"", "byte 4: trailing" }, { "\"a\"\"b", "byte 5: trailing" },
    { "1 \"\\", "byte 4: trailing" }, { "{}\"\\u00", "byte 7: trailing" }, { "[1]]", "byte 4:" }, { "01", "byte 2:" }, { "-01", "" },
    { "1.", "" }, { ".5", "byte 1:" }, { "-", "" }, { "+1", "byte 1:" }, { "1e", "" }, { "1e+", "" },
    { "0x10", "byte 2:" }, { "NaN", "byte 1:" }, { "Infinity", "byte 1:" }, { "-Infinity", "" }, { "nul", "" },
    { "nulL", "" }, { "[", "" }, { "]", "byte 1:" }, { "{\"a\"", "" }, { "{\"a\":", "" },
    { "[1e999]", "byte 6: a number" }, { "-1e999", "a number beyond" }, { "1e999999", "a number beyond" },
    { "\"\\ud800\"", "byte 2: half" }, { "\"ab\\udc00\"", "byte 4: half" },
    { "\"\\ud83d\\ud83d\"", "byte 2: half" }, { "\"\\ud83dx\"", "byte 2: half" },
    { "\"\\ud83d\\\\ude00\"", "byte 2: half" }, { "\"\\\\\\ude00\"", "byte 4: half" },
    { "\"\\ud83d\\ude00\\ude00\"", "byte 14: half" }, { "\"\\ud83d", "byte 2: half" },
    { "{\"\\uDFFF\":1}", "byte 3: half" }, { "\"\\u00g0\"", "" }, { "\"\\u00\"", "" }, { "\"\\x\"", "" },
    { "\"\\", "" }, { "\\", "byte 1:" }, { "'a'", "byte 1:" }, { "\"a\x01\"", "byte 3: a control" },
    { "\"a\nb\"", "" }, { "\f1", "byte 1: a control" }, { "1\v", "byte 2: a control" },
    { "\"\xc0\x80\"", "byte 2: invalid UTF-8" }, { "\"\xed\xa0\x80\"", "byte 2: invalid UTF-8" },
    { "\"ab\xf4\x90\x80\x80\"", "byte 4: invalid UTF-8" }, { "\"\xc3\"", "byte 2: invalid UTF-8" },
    { "\xef\xbb\xbf" "1", "byte 1:" }, { "/*x*/1", "byte 1:" }, { "//x\n1", "byte 1:" }, { "[1}", "byte 3:" },
    { "{\"a\" 1}", "byte 6:" }, { "{1:2}", "byte 2:" }, { "[,]", "byte 2:" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct notes notes = { 0 };
    struct failure failure = { 0 };
    if (parse(slice_text(cases[i].text), 100, &notes, &failure) != ERR_REQUEST) fail_msg("%s was read", cases[i].text);
    buf_put_byte(&failure.message, 0);
    const char *message = (const char *)failure.message.data;
    if (strncmp(message, "not valid JSON at byte ", 23) != 0 || strstr(message, cases[i].place) == NULL) {
      fail_msg("%s: %s", cases[i].text, message);
    }
    buf_done(&notes.text);
    failure_done(&failure);
  }
  struct notes notes = { 0 };
  struct failure failure = { 0 };
  assert_int_equal(parse(slice_of("1\0", 2), 100, &notes, &failure), ERR_REQUEST);
  buf_done(&notes.text);
  failure_done(&failure);
}

/* The look over the text takes eight bytes at once where it can. */
static void each_byte_is_looked_at(void **state) {
  (void)state;
  struct notes notes = { 0 };
  for (size_t at = 1; at < 29; at++) {
    for (int byte = 0; byte < 0x20; byte++) {
      char text[] = "\"............................\"", place[32];
      struct failure failure = { 0 };
      text[at] = (char)byte;
      enum err err = parse(slice_of(text, sizeof text - 1), 9, &notes, &failure);
      snprintf(place, sizeof place, "byte %zu: a control", at + 1);
      bool is_space = byte == '\t' || byte == '\n' || byte == '\r';
      assert_int_equal(err, ERR_REQUEST);                /* white space too: not within a string */
      if (!is_space) assert_non_null(memmem(failure.message.data, failure.message.size, place, strlen(place)));
      failure_done(&failure);
    }
  }
  buf_done(&notes.text);
}

static void a_parser_reads_again(void **state) {
  (void)state;
  struct notes notes = { 0 };
  struct json_parser *parser = json_parser_try_new(&events, NULL, 3);
  static const char *const texts[] = { "[[[1]]]", "[[[[", "\"a\\u0041\\n\"", "{\"a\":tru", "\"\\ud800\"", "[[[2]]]" };
  assert_non_null(parser);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct failure failure = { 0 };
    buf_clear(&notes.text);
    json_parser_again(parser, &notes);
    enum err err = json_parse(parser, slice_text(texts[i]), &failure);
    assert_int_equal(err, i == 0 || i == 2 || i == 5 ? ERR_NONE : ERR_REQUEST);
    failure_done(&failure);
  }
  buf_put_byte(&notes.text, 0);
  assert_non_null(strstr((const char *)notes.text.data, "i2"));
  json_parser_free(parser);
  buf_done(&notes.text);
}

static void depth_is_bounded(void **state) {
  (void)state;
  struct buf text = { 0 };
  struct notes notes = { 0 };
  struct failure failure = { 0 };
  assert_int_equal(parse(slice_text("[{\"a\":[]},[[]]]"), 3, &notes, &failure), ERR_NONE);
  buf_clear(&notes.text);
  assert_int_equal(parse(slice_text("[[{\"a\":[]}]]"), 3, &notes, &failure), ERR_REQUEST);
  assert_text(&failure.message, "not valid JSON at byte 8: nested deeper than 3");
  failure_clear(&failure);
  buf_clear(&notes.text);
  for (int i = 0; i < 1000000; i++) buf_put_byte(&text, '[');
  assert_int_equal(parse(buf_slice(&text), 100, &notes, &failure), ERR_REQUEST);
  assert_text(&failure.message, "not valid JSON at byte 101: nested deeper than 100");
  failure_clear(&failure);
  buf_clear(&notes.text);
  buf_clear(&text);
  for (int i = 0; i < 200000; i++) buf_put_text(&text, "{\"\":");
  assert_int_equal(parse(buf_slice(&text), 1000000, &notes, &failure), ERR_REQUEST);
  buf_done(&text);
  buf_done(&notes.text);
  failure_done(&failure);
}

static void an_event_can_stop(void **state) {
  (void)state;
  struct notes notes = { .stop_at = "i2" };
  struct failure failure = { 0 };
  assert_int_equal(parse(slice_text("[1,2,3]"), 100, &notes, &failure), ERR_REQUEST);
  assert_text(&notes.text, "[ i1 i2");
  failure_clear(&failure);
  buf_clear(&notes.text);
  notes.failure = &failure;
  assert_int_equal(parse(slice_text("[1,2,3]"), 100, &notes, &failure), ERR_TOO_LARGE);
  assert_text(&failure.message, "enough");
  buf_done(&notes.text);
  failure_done(&failure);
}

struct escape {
  jmp_buf out;
};

static bool leave(void *context) {
  struct escape *escape = context;
  longjmp(escape->out, 1);
}

static void an_event_may_leave_by_longjmp(void **state) {
  (void)state;
  struct escape escape;
  struct json_events leaving = events;
  leaving.on_array_begin = leave;
  struct failure failure = { 0 };
  struct json_parser *parser = json_parser_try_new(&leaving, &escape, 100);
  assert_non_null(parser);
  if (setjmp(escape.out) == 0) {
    (void)json_parse(parser, slice_text("[1]"), &failure);
    fail();
  }
  json_parser_free(parser);   /* the leak checker is the judge */
  failure_done(&failure);
}

/* Every allocation fails in turn: an error each time, no crash, no leak. */
static void want_of_memory_is_an_error(void **state) {
  (void)state;
  struct buf text = { 0 };
  buf_put_text(&text, "{\"key\\n\":[[[1,2.5,\"\\u0041text\"]]],\"n\":1");
  for (int i = 0; i < 300; i++) buf_put_byte(&text, '0');
  buf_put_text(&text, "e-200,\"deep\":");
  for (int i = 0; i < 300; i++) buf_put_byte(&text, '[');
  for (int i = 0; i < 300; i++) buf_put_byte(&text, ']');
  buf_put_text(&text, "}");
  enum err err = ERR_MEMORY;
  unsigned long k = 0;
  while (err != ERR_NONE) {
    struct notes notes = { 0 };
    struct failure failure = { 0 };
    struct json_parser *parser;
    mem_fail_at(++k);
    parser = json_parser_try_new(&events, &notes, 1000);
    err = parser == NULL ? ERR_MEMORY : json_parse(parser, buf_slice(&text), &failure);
    bool has_failed = mem_has_failed();
    mem_fail_at(0);
    if (err != ERR_NONE) assert_int_equal(err, ERR_MEMORY);
    if (!has_failed) assert_int_equal(err, ERR_NONE);
    json_parser_free(parser);
    buf_done(&notes.text);
    failure_done(&failure);
    if (err == ERR_NONE && has_failed) err = ERR_MEMORY;   /* it was the test's own buffer; go on */
  }
  assert_true(k > 8);
  buf_done(&text);
}

static void keys_are_read_from_json(void **state) {
  (void)state;
  static const struct { const char *text, *printed; enum err err; } cases[] = {
    { "[\"eu\",42]", "[\"eu\",42]", ERR_NONE },
    { "\"ann\"", "\"ann\"", ERR_NONE },
    { "[\"ann\"]", "\"ann\"", ERR_NONE },
    { "42", "[42]", ERR_NONE },
    { "1.0", "[1]", ERR_NONE },
    { "[[]]", "[[]]", ERR_NONE },
    { "[[1,[true]],0.5,\"\\u0000\"]", "[[1,[true]],0.5,\"\\u0000\"]", ERR_NONE },
    { "[]", "a key must not be an empty tuple", ERR_KEY },
    { "null", "null cannot be part of a key", ERR_KEY },
    { "[[null]]", "null cannot be part of a key", ERR_KEY },
    { "{}", "an object cannot be part of a key", ERR_KEY },
    { "[{\"a\":1}]", "an object cannot be part of a key", ERR_KEY },
    { "[1e999]", "the key is not valid JSON at byte 6: a number beyond the range of floats", ERR_KEY },
    { "[1", "the key is not valid JSON at byte 2: premature EOF", ERR_KEY },
    { "[\"0123456789012345678901234567890123456789\"]", "the key is longer than 32 bytes encoded", ERR_KEY },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buf key, printed = { 0 };
    struct failure failure = { 0 };
    buf_init(&key, 40);
    buf_put_text(&key, "8 bytes ");
    if (json_parse_key(slice_text(cases[i].text), &key, &failure) != cases[i].err) fail_msg("%s", cases[i].text);
    if (cases[i].err == ERR_NONE) {
      key_print(&printed, slice_after(buf_slice(&key), 8));
      assert_text(&printed, cases[i].printed);
    } else {
      assert_int_equal(key.size, 8);
      assert_text(&failure.message, cases[i].printed);
    }
    buf_done(&key);
    buf_done(&printed);
    failure_done(&failure);
  }
}

static void keys_are_as_deep_as_they_may_be(void **state) {
  (void)state;
  struct buf text = { 0 }, key = { 0 };
  struct failure failure = { 0 };
  for (int i = 0; i < KEY_DEPTH_MAX + 1; i++) buf_put_byte(&text, '[');
  for (int i = 0; i < KEY_DEPTH_MAX + 1; i++) buf_put_byte(&text, ']');
  assert_int_equal(json_parse_key(buf_slice(&text), &key, &failure), ERR_NONE);
  assert_true(key_is_valid(buf_slice(&key)));
  buf_clear(&key);
  assert_int_equal(json_parse_key(slice_of("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 32), &key, &failure), ERR_KEY);
  failure_clear(&failure);
  buf_put_byte(&text, ']');
  text.data[KEY_DEPTH_MAX + 1] = '[';
  buf_put_byte(&text, ']');
  assert_int_equal(json_parse_key(buf_slice(&text), &key, &failure), ERR_KEY);
  assert_int_equal(key.size, 0);
  mem_fail_at(1);
  failure_clear(&failure);
  assert_int_equal(json_parse_key(slice_text("1"), &key, &failure), ERR_MEMORY);
  buf_done(&text);
  buf_done(&key);
  failure_done(&failure);
}

/* Whatever is damaged in a text: an answer, and never a read beyond it. */
static void random_text_is_answered(void **state) {
  (void)state;
  static const char sample[] = "{\"a\":[1,-2.5e3,true,null,\"\\ud83d\\ude00\\n\xc3\xa9\"],\"b\":{\"\":[]},"
                               " \"c\" : 12345678901234567890}";
  static const char likely[] = "{}[],:\"\\ue0-+.1 \xd8\xed";
  struct random random = random_begin("random_text");
  unsigned fine = 0;
  for (int i = 0; i < 50000; i++) {
    uint8_t text[sizeof sample];
    size_t size = sizeof sample - 1;
    struct notes notes = { 0 };
    struct failure failure = { 0 };
    memcpy(text, sample, size);
    for (uint64_t changes = random_below(&random, 3); changes > 0 && size > 0; changes--) {
      size_t at = random_below(&random, size);
      if (random_once_in(&random, 5)) size = at;
      else if (random_once_in(&random, 2)) text[at] = (uint8_t)random_next(&random);
      else text[at] = (uint8_t)likely[random_below(&random, sizeof likely - 1)];
    }
    if (parse(slice_of(text, size), 100, &notes, &failure) == ERR_NONE) {
      assert_true(utf8_is_valid(buf_slice(&notes.text)));
      fine++;
    }
    buf_done(&notes.text);
    failure_done(&failure);
  }
  assert_true(fine > 0 && fine < 50000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(valid_text_becomes_events),
    cmocka_unit_test(strings_may_hold_nul),
    cmocka_unit_test(long_numbers_are_read_whole),
    cmocka_unit_test(bad_text_is_refused_with_its_place),
    cmocka_unit_test(each_byte_is_looked_at),
    cmocka_unit_test(a_parser_reads_again),
    cmocka_unit_test(depth_is_bounded),
    cmocka_unit_test(an_event_can_stop),
    cmocka_unit_test(an_event_may_leave_by_longjmp),
    cmocka_unit_test(want_of_memory_is_an_error),
    cmocka_unit_test(keys_are_read_from_json),
    cmocka_unit_test(keys_are_as_deep_as_they_may_be),
    cmocka_unit_test(random_text_is_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
