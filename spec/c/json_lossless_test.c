/* json_lossless_test.c -- a value's bytes as JSON that leaves nothing out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "assert_text.h"
#include "base/mem.h"
#include "base/recursion.h"
#include "codec/json.h"
#include "codec/json_lossless.h"
#include "codec/key.h"
#include "random.h"
#include "value_words.h"

static void each_value_has_a_form(void **state) {
  (void)state;
  static const struct { const char *words, *expected; } cases[] = {
    { "n", "null" }, { "t", "true" }, { "f", "false" }, { "i-5", "-5" }, { "d0.5", "0.5" }, { "sann", "\"ann\"" },
    { "dnan", "{\"$number\":\"nan\"}" }, { "dinf", "{\"$number\":\"inf\"}" }, { "s\xff", "{\"$bytes\":\"/w==\"}" },
    { "[0", "[]" }, { "{0", "{}" }, { "[3 i1 n t", "[1,null,true]" }, { "[1 [1 [0", "[[[]]]" },
    { "{2 sa i1 sb i2", "{\"a\":1,\"b\":2}" }, { "{1 s$a i1", "{\"$map\":[[\"$a\",1]]}" },
    { "{1 s\xff i1", "{\"$map\":[[{\"$bytes\":\"/w==\"},1]]}" },
    { "{2 i1 sa i2 sb", "[\"a\",\"b\"]" }, { "{2 i2 sb i1 sa", "{\"$map\":[[2,\"b\"],[1,\"a\"]]}" },
    { "{1 i2 sb", "{\"$map\":[[2,\"b\"]]}" }, { "{2 i1 i2 sa i3", "{\"$map\":[[1,2],[\"a\",3]]}" },
    { "{3 t {0 f [0 d0.5 {1 i7 {1 sa [1 i1", "{\"$map\":[[true,{}],[false,[]],[0.5,{\"$map\":[[7,{\"a\":[1]}]]}]]}" },
    { "[2 {1 sa [2 i1 i2 {1 i1 {1 i1 {0", "[{\"a\":[1,2]},[[{}]]]" },
    { "[3 {0 =1 i1", "[{},{\"$unshown\":\"a table that stands before this one\"},1]" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct buf value = { 0 }, text = { 0 };
    put_words(&value, cases[i].words);
    assert_true(json_lossless_put(&text, buf_slice(&value)));
    assert_text(&text, cases[i].expected);
    buf_done(&text);
    buf_done(&value);
  }
}

static void handles_name_their_actor(void **state) {
  (void)state;
  struct buf key = { 0 }, value = { 0 }, text = { 0 };
  key_put_string(&key, slice_text("eu"));
  key_put_integer(&key, 42);
  value_put_array(&value, 2);
  value_put_handle(&value, slice_text("Room"), buf_slice(&key));
  value_put_integer(&value, 1);
  assert_true(json_lossless_put(&text, buf_slice(&value)));
  assert_text(&text, "[{\"$actor\":[\"Room\",[\"eu\",42]]},1]");
  buf_done(&text);
  buf_done(&value);
  buf_done(&key);
}

/* Bytes that are no value leave no text; nor does what no writer writes: a node, a table as a key. */
static void damage_is_told(void **state) {
  (void)state;
  static const char *const broken[] = { "", "\xc1", "\x92\x01\x02\x03", "\x92\x01\xc1", "\x81\xc0\x01", "\x81\x91\x01\x02",
                                        "\x91" };
  struct buf value = { 0 }, text = { 0 };
  buf_put_text(&text, "before");
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) assert_false(json_lossless_put(&text, slice_text(broken[i])));
  value_put_node(&value, 7);
  assert_false(json_lossless_put(&text, buf_slice(&value)));
  buf_clear(&value);
  value_put_same(&value, 0);
  assert_false(json_lossless_put(&text, buf_slice(&value)));
  assert_text(&text, "before");
  buf_done(&text);
  buf_done(&value);
}

static void depth_is_bounded(void **state) {
  (void)state;
  for (int depth = RECURSION_MAX; depth <= RECURSION_MAX + 1; depth++) {
    struct buf value = { 0 }, text = { 0 };
    for (int i = 0; i < depth; i++) value_put_array(&value, i < depth - 1);
    assert_int_equal(json_lossless_put(&text, buf_slice(&value)), depth == RECURSION_MAX);
    assert_int_equal(text.size, depth == RECURSION_MAX ? 2 * depth : 0);
    buf_done(&text);
    buf_done(&value);
  }
}

static void put_random(struct buf *value, struct random *random, int depth, bool is_key) {
  uint64_t what = random_below(random, is_key ? 3 : depth == 0 ? 5 : 8);
  uint32_t count = (uint32_t)random_below(random, 4);
  switch (what) {
    case 0: value_put_integer(value, 1 + (int64_t)random_below(random, 3)); break;
    case 1: value_put_string(value, slice_text(random_below(random, 2) == 0 ? "a" : "$b")); break;
    case 2: value_put_boolean(value, true); break;
    case 3: value_put_null(value); break;
    case 4: value_put_float(value, 0.5); break;
    case 5: case 6:
      value_put_array(value, count);
      for (uint32_t i = 0; i < count; i++) put_random(value, random, depth - 1, false);
      break;
    default:
      value_put_map(value, count);
      for (uint32_t i = 0; i < count; i++) {
        put_random(value, random, 0, true);
        put_random(value, random, depth - 1, false);
      }
  }
}

static bool take(void *context) {
  return context == NULL;
}

static bool take_boolean(void *context, bool truth) {
  (void)truth;
  return take(context);
}

static bool take_integer(void *context, int64_t number) {
  (void)number;
  return take(context);
}

static bool take_float(void *context, double number) {
  (void)number;
  return take(context);
}

static bool take_text(void *context, struct slice text) {
  (void)text;
  return take(context);
}

/* Whatever the value, it is JSON that a parser takes. */
static void all_of_it_is_json(void **state) {
  (void)state;
  static const struct json_events events = {
    .on_null = take, .on_boolean = take_boolean, .on_integer = take_integer, .on_float = take_float, .on_string = take_text,
    .on_key = take_text, .on_array_begin = take, .on_array_end = take, .on_object_begin = take, .on_object_end = take,
  };
  struct random random = random_begin("json_lossless_test");
  for (int i = 0; i < 20000; i++) {
    struct buf value = { 0 }, text = { 0 };
    struct failure failure = { 0 };
    put_random(&value, &random, 4, false);
    assert_true(json_lossless_put(&text, buf_slice(&value)));
    struct json_parser *parser = json_parser_try_new(&events, NULL, JSON_LOSSLESS_DEPTH_MAX);
    if (json_parse(parser, buf_slice(&text), &failure) != ERR_NONE) print_message("%.*s\n", (int)text.size, (char *)text.data);
    assert_int_equal(failure.err, ERR_NONE);
    json_parser_free(parser);
    failure_done(&failure);
    buf_done(&text);
    buf_done(&value);
  }
}

static void memory_may_run_out(void **state) {
  (void)state;
  struct buf value = { 0 };
  put_words(&value, "[2 {1 sa [2 i1 i2 {1 i1 {1 i1 {0");
  for (unsigned long at = 1;; at++) {
    struct buf text = { 0 };
    mem_fail_at(at);
    assert_true(json_lossless_put(&text, buf_slice(&value)));
    bool failed = mem_has_failed();
    mem_fail_at(0);
    assert_int_equal(text.err, failed ? ERR_MEMORY : ERR_NONE);
    buf_done(&text);
    if (!failed) break;
  }
  buf_done(&value);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_value_has_a_form),
    cmocka_unit_test(handles_name_their_actor),
    cmocka_unit_test(damage_is_told),
    cmocka_unit_test(depth_is_bounded),
    cmocka_unit_test(all_of_it_is_json),
    cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
