/* json_put_test.c -- JSON out: the shortest exact text, and what JSON cannot express by its path. */
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
#include "codec/json.h"
#include "codec/key.h"
#include "codec/value.h"
#include "random.h"
#include "value_words.h"

static void strings_are_escaped_and_no_further(void **state) {
  (void)state;
  struct buf buf = { 0 };
  assert_true(json_put_string(&buf, slice_of("a\"\\/\b\f\n\r\t\0\x1f\x7f\xc3\xa9\xe2\x80\xa8", 17)));
  assert_text(&buf, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xc3\xa9\xe2\x80\xa8\"");
  buf_clear(&buf);
  assert_true(json_put_string(&buf, slice_of(NULL, 0)));
  assert_text(&buf, "\"\"");
  assert_false(json_put_string(&buf, slice_text("a\xff")));
  assert_text(&buf, "\"\"");
  buf_clear(&buf);
  json_put_text(&buf, slice_text("a\xff\n\xc3\xa9\xed\xa0\x80"));
  assert_text(&buf, "\"a\\ufffd\\n\xc3\xa9\\ufffd\\ufffd\\ufffd\"");
  buf_clear(&buf);
  json_put_integer(&buf, INT64_MIN);
  assert_text(&buf, "-9223372036854775808");
  buf_done(&buf);
}

/* What lua-cjson has beyond JSON. */
static void bytes_and_rounded_numbers_are_as_lua_cjsons(void **state) {
  (void)state;
  static const struct {
    double number;
    int digits;
    const char *text;
  } rounded[] = { { 1.0 / 3, 3, "0.333" }, { 1234.5, 3, "1.23e+03" }, { 0.25, 14, "0.25" }, { 100, 3, "100.0" },
                  { -0.0, 1, "-0.0" }, { 99.9, 2, "1e+02" } };
  struct buf buf = { 0 };
  json_put_bytes(&buf, slice_of("a/\"\\\x7f\0\xff\xc3\xa9", 9));
  assert_text(&buf, "\"a\\/\\\"\\\\\\u007f\\u0000\xff\xc3\xa9\"");
  for (size_t i = 0; i < sizeof rounded / sizeof *rounded; i++) {
    buf_clear(&buf);
    json_put_rounded(&buf, rounded[i].number, rounded[i].digits);
    assert_text(&buf, rounded[i].text);
  }
  buf_clear(&buf);
  json_put_not_finite(&buf, (double)NAN);
  json_put_not_finite(&buf, -(double)NAN);
  json_put_not_finite(&buf, (double)INFINITY);
  json_put_not_finite(&buf, -(double)INFINITY);
  assert_text(&buf, "nannaninf-inf");
  buf_done(&buf);
}

/* The definition, taken literally: byte by byte. */
static void put_escaped(struct buf *buf, struct slice text) {
  buf_put_byte(buf, '"');
  for (size_t i = 0; i < text.size; i++) {
    uint8_t byte = text.data[i];
    const char *found = byte == 0 ? NULL : strchr("\b\f\n\r\t\"\\", byte);
    if (found != NULL) {
      buf_put_byte(buf, '\\');
      buf_put_byte(buf, (uint8_t)"bfnrt\"\\"[found - strchr("\b\f\n\r\t\"\\", '\b')]);
    } else if (byte < 0x20) {
      buf_printf(buf, "\\u%04x", byte);
    } else {
      buf_put_byte(buf, byte);
    }
  }
  buf_put_byte(buf, '"');
}

/* Mostly letters, since runs of them are found eight at a time. */
static void random_strings_are_escaped(void **state) {
  (void)state;
  static const char *const rare[] = { "\"", "\\", "\n", "\x01", "\x1f", " ", "!", "#", "[", "]", "\x7f", "\xc2\x80",
                                      "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x80", "\xff" };
  struct random random = random_begin("strings");
  struct buf text = { 0 }, printed = { 0 }, expected = { 0 };
  for (int i = 0; i < 100000; i++) {
    buf_clear(&text);
    buf_clear(&printed);
    buf_clear(&expected);
    for (uint64_t pieces = random_below(&random, 30); pieces > 0; pieces--) {
      bool letter = !random_once_in(&random, 12);
      if (letter) buf_put_byte(&text, (uint8_t)('a' + random_below(&random, 26)));
      if (!letter) buf_put_text(&text, rare[random_below(&random, sizeof rare / sizeof *rare)]);
    }
    bool valid = text.size == 0 || memchr(text.data, 0xff, text.size) == NULL;
    assert_int_equal(json_put_string(&printed, buf_slice(&text)), valid);
    if (valid) put_escaped(&expected, buf_slice(&text));
    assert_true(slice_equal(buf_slice(&printed), buf_slice(&expected)));
  }
  buf_done(&text);
  buf_done(&printed);
  buf_done(&expected);
}

static void integers_are_printed(void **state) {
  (void)state;
  struct random random = random_begin("integers");
  struct buf buf = { 0 };
  char expected[32];
  for (int i = 0; i < 100000; i++) {
    int64_t number = (int64_t)random_next(&random) >> random_below(&random, 64);
    buf_clear(&buf);
    json_put_integer(&buf, number);
    snprintf(expected, sizeof expected, "%" PRId64, number);
    assert_text(&buf, expected);
  }
  buf_done(&buf);
}

/* The definition, taken literally. */
static void fewest_digits(double number, char *text, size_t size) {
  int digits = 0;
  if (fabs(number) < 1e15 && floor(number) == number) {
    snprintf(text, size, "%lld.0", (long long)number);
    if (number == 0 && signbit(number)) snprintf(text, size, "-0.0");
    return;
  }
  do {
    snprintf(text, size, "%.*g", ++digits, number);
  } while (strtod(text, NULL) != number);
  if (strpbrk(text, ".eEn") == NULL) strcat(text, ".0");
}

static void check_float(struct buf *buf, double number) {
  char expected[40];
  fewest_digits(number, expected, sizeof expected - 2);
  buf_clear(buf);
  json_put_float(buf, number);
  assert_text(buf, expected);
}

static double random_float(struct random *random) {
  double number;
  uint64_t bits = random_next(random);
  char text[40];
  switch (random_below(random, 6)) {
    case 5:   /* prices, and the floats beside them */
      number = (double)((int64_t)bits >> (24 + random_below(random, 40))) / pow(10, (double)random_below(random, 8));
      return random_once_in(random, 4) ? nextafter(number, 1) : number;
    case 0:
      memcpy(&number, &bits, sizeof number);
      return isfinite(number) ? number : 0;
    case 1:   /* near a power of two, where the gaps differ on both sides */
      number = ldexp(1.0, (int)random_below(random, 2098) - 1074);
      for (uint64_t steps = random_below(random, 3); steps > 0; steps--) number = nextafter(number, 0);
      return number;
    case 2:   /* short decimals */
      bits >>= 20 + random_below(random, 44);
      snprintf(text, sizeof text, "%" PRIu64 "e%d", bits, (int)random_below(random, 40) - 20);
      return strtod(text, NULL);
    case 3: return (double)((int64_t)bits >> random_below(random, 64));
    default: return ldexp((double)(bits >> 12), -1074 + (int)random_below(random, 4));   /* denormals */
  }
}

static void floats_have_the_fewest_digits(void **state) {
  (void)state;
  static const double edges[] = {
    0.0, -0.0, 1.0, -1.0, 0.1, 10.0, 100.0, 1500.0, 123456.0, 1e15, 1e16, 1e17, 999999999999999.0, 1e22, 1e23, 0x1p53,
    0x1p53 + 2, 0x1p63, 1e300, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 9007199254740993.0, 0.3,
    2.0 / 3, 1e-5, 0.0001, 9.5367431640625e-7, 8.41e21, 5e-320,
  };
  struct random random = random_begin("floats");
  struct buf buf = { 0 };
  for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) check_float(&buf, edges[i]);
  for (int exponent = -1074; exponent < 1024; exponent++) check_float(&buf, ldexp(1.0, exponent));
  for (int i = 0; i < 100000; i++) check_float(&buf, random_float(&random));
  buf_clear(&buf);
  json_put_float(&buf, 0.1);
  buf_put_byte(&buf, ' ');
  json_put_float(&buf, 1.0);
  buf_put_byte(&buf, ' ');
  json_put_float(&buf, 1e300);
  buf_put_byte(&buf, ' ');
  json_put_float(&buf, 1500.0);
  assert_text(&buf, "0.1 1.0 1e+300 1500.0");
  buf_done(&buf);
}

/* -- values -- */

static enum err print(struct buf *buf, const char *words, struct failure *failure) {
  struct buf value = { 0 };
  put_words(&value, words);
  enum err err = json_put_value(buf, buf_slice(&value), failure);
  buf_done(&value);
  assert_int_equal(err, failure->err);
  return err;
}

static void values_become_json(void **state) {
  (void)state;
  static const struct { const char *words, *expected; } cases[] = {
    { "n", "null" },
    { "[4 t f i-7 d0.5", "[true,false,-7,0.5]" },
    { "[0", "[]" },
    { "{0", "{}" },
    { "{2 sa i1 sb\"c [1 s", "{\"a\":1,\"b\\\"c\":[\"\"]}" },
    { "{3 i1 sx i2 sy i3 sz", "[\"x\",\"y\",\"z\"]" },
    { "{3 i3 sz i1 [2 i1 i2 i2 {0", "[[1,2],{},\"z\"]" },
    { "[3 {2 i2 {2 i2 sd i1 sc i1 sa i9 n", "[[\"a\",[\"c\",\"d\"]],9,null]" },
    { "{2 sa {2 i2 {1 i1 n i1 d1 sb {1 sc {0", "{\"a\":[1.0,[null]],\"b\":{\"c\":{}}}" },
    { "{1 i1 {1 i1 {1 i1 i1", "[[[1]]]" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buf buf = { 0 };
    struct failure failure = { 0 };
    buf_put_text(&buf, "> ");
    if (print(&buf, cases[i].words, &failure) != ERR_NONE) {
      fail_msg("%s: %.*s", cases[i].words, (int)failure.message.size, (char *)failure.message.data);
    }
    assert_memory_equal(buf.data, "> ", 2);
    buf_put_byte(&buf, 0);
    assert_string_equal((char *)buf.data + 2, cases[i].expected);
    buf_done(&buf);
    failure_done(&failure);
  }
}

static void what_json_cannot_express_is_refused_with_its_path(void **state) {
  (void)state;
  static const struct { const char *words, *message; } cases[] = {
    { "dnan", "result: NaN" },
    { "[2 i1 dinf", "result[2]: an infinity" },
    { "s\xff", "result: a string that is not UTF-8" },
    { "{1 splayers {1 sann-b [3 n n {1 scb d-inf", "result.players[\"ann-b\"][3].cb: an infinity" },
    { "{1 sa\xff i1", "result[\"a\\ufffd\"]: a name that is not UTF-8" },
    { "{1 s1a dnan", "result[\"1a\"]: NaN" },
    { "{1 s dnan", "result[\"\"]: NaN" },
    { "{2 sa i1 i1 i1", "result: a table with names and numbers" },
    { "[1 {2 i1 i1 sa i1", "result[1]: a table with names and numbers" },
    { "{1 sx {1 i2 n", "result.x: a table with numbers as keys that are not 1 to n" },
    { "{1 i0 n", "result: a table with numbers as keys that are not 1 to n" },
    { "{2 i1 n i-1 n", "result: a table with numbers as keys that are not 1 to n" },
    { "{2 i1 n i1 n", "result: a table with numbers as keys that are not 1 to n" },
    { "{2 i2 n i9223372036854775807 n", "result: a table with numbers as keys that are not 1 to n" },
    { "{1 d0.5 n", "result: a table with a key that is neither" },
    { "{1 t n", "result: a table with a key that is neither" },
    { "{2 i2 dnan i1 n", "result[2]: NaN" },
    { "{2 sa [0 sb =1", "result.b: the same table appears twice" },
    { "{1 sa {1 sb =1", "result.a.b: the table result.a is inside itself" },
    { "[1 =0", "result[1]: the table result is inside itself" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buf buf = { 0 };
    struct failure failure = { 0 };
    buf_put_text(&buf, "before");
    if (print(&buf, cases[i].words, &failure) != ERR_ARGUMENTS) fail_msg("%s was printed", cases[i].words);
    assert_text(&buf, "before");
    buf_put_byte(&failure.message, 0);
    if (strncmp((char *)failure.message.data, cases[i].message, strlen(cases[i].message)) != 0) {
      fail_msg("%s: %s", cases[i].words, (char *)failure.message.data);
    }
    buf_done(&buf);
    failure_done(&failure);
  }
}

static void damaged_values_are_the_hosts_fault(void **state) {
  (void)state;
  static const char *const broken[] = { "", "\xc1", "\x92\x01\x02\x03", "\x81\xc0\x01", "\x81\x91\x01\x02",
                                        "\x92\x01\xc1" };
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct buf buf = { 0 };
    struct failure failure = { 0 };
    assert_int_equal(json_put_value(&buf, slice_text(broken[i]), &failure), ERR_INTERNAL);
    assert_int_equal(buf.size, 0);
    buf_done(&buf);
    failure_done(&failure);
  }
}

static void keys_are_strings_or_arrays(void **state) {
  (void)state;
  struct buf key = { 0 }, text = { 0 };
  key_put_string(&key, slice_of("a\0[\"", 4));
  json_put_key(&text, buf_slice(&key));
  assert_text(&text, "\"a\\u0000[\\\"\"");
  key_put_integer(&key, 42);
  key_tuple_begin(&key);
  key_tuple_begin(&key);
  key_tuple_end(&key);
  key_put_boolean(&key, true);
  key_tuple_end(&key);
  key_put_float(&key, 1.5);
  key_put_float(&key, -INFINITY);
  key_put_string(&key, slice_text("\xff"));
  buf_clear(&text);
  json_put_key(&text, buf_slice(&key));
  assert_text(&text, "[\"a\\u0000[\\\"\",42,[[],true],1.5,{\"$number\":\"-inf\"},{\"$bytes\":\"/w==\"}]");
  buf_clear(&key);
  key_put_integer(&key, 7);
  buf_clear(&text);
  json_put_key(&text, buf_slice(&key));
  assert_text(&text, "[7]");
  mem_fail_at(1);
  buf_done(&text);
  json_put_key(&text, buf_slice(&key));
  mem_fail_at(0);
  assert_int_equal(text.err, ERR_MEMORY);
  buf_done(&text);
  buf_done(&key);
}

static void printing_is_bounded(void **state) {
  (void)state;
  struct buf value = { 0 }, buf = { 0 };
  struct failure failure = { 0 };
  for (int i = 0; i < JSON_DEPTH_MAX - 1; i++) value_put_array(&value, 1);
  value_put_array(&value, 0);
  assert_int_equal(json_put_value(&buf, buf_slice(&value), &failure), ERR_NONE);
  assert_int_equal(buf.size, 2 * JSON_DEPTH_MAX);
  buf_clear(&value);
  for (int i = 0; i < 100000; i++) value_put_array(&value, 1);
  value_put_null(&value);
  assert_int_equal(json_put_value(&buf, buf_slice(&value), &failure), ERR_ARGUMENTS);
  buf_put_byte(&failure.message, 0);
  assert_non_null(strstr((char *)failure.message.data, "[1]: nested deeper than 100"));
  failure_clear(&failure);
  buf_done(&buf);
  buf_init(&buf, 5);
  assert_int_equal(print(&buf, "{2 i2 sabc i1 sabc", &failure), ERR_TOO_LARGE);
  assert_int_equal(buf.size, 0);
  buf_done(&buf);
  buf_done(&value);
  failure_done(&failure);
}

static void printing_without_memory_is_an_error(void **state) {
  (void)state;
  struct buf value = { 0 };
  put_words(&value, "{2 i2 {2 i2 sd i1 {1 sname sa_string_of_a_few_letters_so_that_the_buffer_has_to_grow i1 s"
                    "another_string_of_a_few_letters");
  enum err err = ERR_MEMORY;
  for (unsigned long k = 1; err != ERR_NONE; k++) {
    struct buf buf = { 0 };
    struct failure failure = { 0 };
    mem_fail_at(k);
    err = json_put_value(&buf, buf_slice(&value), &failure);
    assert_int_equal(err == ERR_MEMORY, mem_has_failed());
    if (err != ERR_NONE) assert_int_equal(buf.size, 0);
    mem_fail_at(0);
    buf_done(&buf);
    failure_done(&failure);
    assert_true(k < 100);
  }
  buf_done(&value);
}

static void failures_always_leave(void **state) {
  (void)state;
  struct failure failure = { 0 };
  struct buf buf = { 0 };
  failure_set(&failure, ERR_TIMEOUT, "a \"late\" \xff");
  json_put_failure(&buf, &failure);
  assert_text(&buf, "{\"error\":{\"code\":\"timeout\",\"message\":\"a \\\"late\\\" \\ufffd\"}}");
  failure_clear(&failure);
  buf_clear(&buf);
  failure_set(&failure, ERR_USER, "Not enough money");
  buf_put_text(&failure.code, "insufficient_funds");
  put_words(&failure.metadata, "{1 sbalance i3");
  json_put_failure(&buf, &failure);
  assert_text(&buf, "{\"error\":{\"code\":\"insufficient_funds\",\"message\":\"Not enough money\","
                    "\"metadata\":{\"balance\":3}}}");
  buf_clear(&buf);
  buf_clear(&failure.metadata);
  put_words(&failure.metadata, "{1 sbalance dnan");
  json_put_failure(&buf, &failure);
  assert_text(&buf, "{\"error\":{\"code\":\"insufficient_funds\",\"message\":\"Not enough money\"}}");
  buf_done(&buf);
  failure_done(&failure);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(strings_are_escaped_and_no_further),
    cmocka_unit_test(bytes_and_rounded_numbers_are_as_lua_cjsons),
    cmocka_unit_test(random_strings_are_escaped),
    cmocka_unit_test(integers_are_printed),
    cmocka_unit_test(floats_have_the_fewest_digits),
    cmocka_unit_test(values_become_json),
    cmocka_unit_test(what_json_cannot_express_is_refused_with_its_path),
    cmocka_unit_test(damaged_values_are_the_hosts_fault),
    cmocka_unit_test(keys_are_strings_or_arrays),
    cmocka_unit_test(printing_is_bounded),
    cmocka_unit_test(printing_without_memory_is_an_error),
    cmocka_unit_test(failures_always_leave),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
