/* value_test.c -- what is written is MessagePack and comes back; what is damaged is refused within its bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/key.h"
#include "codec/value.h"
#include "random.h"

struct token {
  enum value_type type;
  int64_t integer;      /* VALUE_BOOLEAN too */
  uint64_t bits;        /* of a VALUE_FLOAT */
  uint32_t count;
  size_t size;          /* of a VALUE_STRING, or of the name in a VALUE_HANDLE, whose bytes are all `fill` */
  uint8_t fill;
};

static uint64_t bits_of(double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

static double float_of(uint64_t bits) {
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

static void put_filled(struct buf *buf, const struct token *token) {
  uint8_t *text = malloc(token->size + 1);
  assert_non_null(text);
  memset(text, token->fill, token->size + 1);
  value_put_string(buf, slice_of(text, token->size));
  free(text);
}

/* The handle's key is the number of the token; in the name of its class are no more than 255 bytes. */
static void put_handle(struct buf *buf, const struct token *token) {
  uint8_t name[255];
  struct buf key = { 0 };
  memset(name, token->fill, sizeof name);
  for (uint32_t i = 0; i < token->count; i++) key_put_integer(&key, token->integer);
  value_put_handle(buf, slice_of(name, token->size), buf_slice(&key));
  buf_done(&key);
}

static void check_handle(const struct value_reader *reader, const struct token *token) {
  struct key_reader key;
  assert_int_equal(reader->text.size, token->size);
  for (size_t i = 0; i < token->size; i++) assert_int_equal(reader->text.data[i], token->fill);
  key_reader_init(&key, reader->key);
  for (uint32_t i = 0; i < token->count; i++) {
    assert_int_equal(key_next(&key), KEY_INTEGER);
    assert_true(key.integer == token->integer);
  }
  assert_int_equal(key_next(&key), KEY_END);
  key_reader_done(&key);
}

static void put(struct buf *buf, const struct token *token) {
  switch (token->type) {
    case VALUE_NULL: value_put_null(buf); break;
    case VALUE_BOOLEAN: value_put_boolean(buf, token->integer != 0); break;
    case VALUE_INTEGER: value_put_integer(buf, token->integer); break;
    case VALUE_FLOAT: value_put_float(buf, float_of(token->bits)); break;
    case VALUE_STRING: put_filled(buf, token); break;
    case VALUE_ARRAY: value_put_array(buf, token->count); break;
    case VALUE_MAP: value_put_map(buf, token->count); break;
    case VALUE_SAME: value_put_same(buf, token->count); break;
    case VALUE_HANDLE: put_handle(buf, token); break;
    default: fail();
  }
}

static void check(const struct value_reader *reader, enum value_type type, const struct token *token) {
  assert_int_equal(type, token->type);
  switch (type) {
    case VALUE_BOOLEAN: assert_int_equal(reader->truth, token->integer != 0); break;
    case VALUE_INTEGER: assert_true(reader->integer == token->integer); break;
    case VALUE_FLOAT: assert_true(bits_of(reader->number) == token->bits); break;
    case VALUE_STRING:
      assert_int_equal(reader->text.size, token->size);
      for (size_t i = 0; i < token->size; i++) assert_int_equal(reader->text.data[i], token->fill);
      break;
    case VALUE_HANDLE: check_handle(reader, token); break;
    case VALUE_ARRAY: case VALUE_MAP: case VALUE_SAME: assert_int_equal(reader->count, token->count); break;
    default: break;
  }
}

static struct token random_token(struct random *random) {
  static const size_t sizes[] = { 0, 1, 31, 32, 255, 256, 65535, 65536 };
  struct token token = { .type = VALUE_NULL };
  switch (random_below(random, 17)) {
    case 0: break;
    case 1: token = (struct token){ .type = VALUE_BOOLEAN, .integer = (int64_t)random_below(random, 2) }; break;
    case 2: case 3: case 4: case 5: case 6: {
      uint64_t number = ((uint64_t)1 << random_below(random, 64)) + random_below(random, 5) - 2;
      if (random_once_in(random, 2)) number = 0 - number;
      token = (struct token){ .type = VALUE_INTEGER, .integer = (int64_t)number };
      break;
    }
    case 7: case 8: token = (struct token){ .type = VALUE_FLOAT, .bits = random_next(random) }; break;
    case 9: case 10: case 11:
      token = (struct token){ .type = VALUE_STRING, .fill = (uint8_t)random_next(random) };
      token.size = random_once_in(random, 50) ? sizes[random_below(random, 8)] : random_below(random, 40);
      break;
    case 12: case 13: token = (struct token){ .type = VALUE_ARRAY, .count = (uint32_t)random_below(random, 20) }; break;
    case 14: token = (struct token){ .type = VALUE_MAP, .count = (uint32_t)random_below(random, 20) }; break;
    case 15:
      token = (struct token){ .type = VALUE_HANDLE, .fill = (uint8_t)random_next(random), .integer = (int64_t)random_next(random) };
      token.size = 1 + random_below(random, random_once_in(random, 4) ? 255 : 40);
      token.count = 1 + (uint32_t)random_below(random, random_once_in(random, 50) ? 8000 : 4);
      break;
    default: token = (struct token){ .type = VALUE_SAME, .count = (uint32_t)random_next(random) };
  }
  return token;
}

static void random_tokens_come_back(void **state) {
  (void)state;
  enum { TOKENS = 200, TAIL = 64 };
  struct random random = random_begin("random_tokens");
  struct buf buf = { 0 };
  for (int round = 0; round < 500; round++) {
    struct token tokens[TOKENS];
    buf_clear(&buf);
    for (int i = 0; i < TOKENS; i++) {
      tokens[i] = random_token(&random);
      put(&buf, &tokens[i]);
    }
    for (int i = 0; i < TAIL; i++) value_put_null(&buf);   /* so that there is room for what the last counts promise */
    assert_int_equal(buf.err, ERR_NONE);
    struct value_reader reader;
    value_reader_init(&reader, buf_slice(&buf));
    for (int i = 0; i < TOKENS; i++) check(&reader, value_next(&reader), &tokens[i]);
    for (int i = 0; i < TAIL; i++) assert_int_equal(value_next(&reader), VALUE_NULL);
    assert_int_equal(value_next(&reader), VALUE_END);
    assert_int_equal(value_next(&reader), VALUE_END);
  }
  buf_done(&buf);
}

/* By the examples of the specification, so that other tools can read what we write. */
static void the_bytes_are_messagepack(void **state) {
  (void)state;
  static const uint8_t expected[] = {
    0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xff, 0xe0, 0xcc, 0x80, 0xd0, 0xdf, 0xcd, 0x01, 0x00, 0xd1, 0xff, 0x7f,
    0xce, 0x00, 0x01, 0x00, 0x00, 0xcf, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
    0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xa2, 'h', 0xff, 0xa0, 0x92, 0x81,
    0xd6, 0x01, 0x00, 0x01, 0x02, 0x03,
    0xc7, 0x07, 0x03, 0xa3, 'B', 'o', 'x', 0x01, 'a', 0x00, 0xd6, 0x03, 0xa2, 'B', 'o', 0x27,
  };
  struct buf buf = { 0 };
  value_put_null(&buf);
  value_put_boolean(&buf, false);
  value_put_boolean(&buf, true);
  static const int64_t numbers[] = { 0, 127, -1, -32, 128, -33, 256, -129, 65536, INT64_C(4294967296), INT64_MIN };
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) value_put_integer(&buf, numbers[i]);
  value_put_float(&buf, 1.0);
  value_put_string(&buf, slice_text("h\xff"));
  value_put_string(&buf, slice_of(NULL, 0));
  value_put_array(&buf, 2);
  value_put_map(&buf, 1);
  value_put_same(&buf, 0x00010203);
  value_put_handle(&buf, slice_text("Box"), slice_of("\x01" "a", 3));
  value_put_handle(&buf, slice_text("Bo"), slice_text("\x27"));
  assert_int_equal(buf.size, sizeof expected);
  assert_memory_equal(buf.data, expected, sizeof expected);
  buf_done(&buf);
}

/* In a block of its own size, so that a sanitizer sees a read beyond it. */
static enum value_type read_all(struct slice bytes) {
  uint8_t *copy = malloc(bytes.size == 0 ? 1 : bytes.size);
  assert_non_null(copy);
  if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
  struct value_reader reader;
  value_reader_init(&reader, slice_of(copy, bytes.size));
  enum value_type type;
  unsigned sum = 0;
  do {
    size_t before = reader.rest.size;
    type = value_next(&reader);
    assert_true(type == VALUE_END || type == VALUE_BROKEN || reader.rest.size < before);
    if (type == VALUE_ARRAY) assert_true(reader.count <= reader.rest.size);
    if (type == VALUE_MAP) assert_true(reader.count <= reader.rest.size / 2);
    if (type == VALUE_STRING || type == VALUE_HANDLE) {
      for (size_t i = 0; i < reader.text.size; i++) sum += reader.text.data[i];
    }
  } while (type != VALUE_END && type != VALUE_BROKEN);
  assert_true(sum < UINT32_MAX);
  assert_int_equal(value_next(&reader), type);
  free(copy);
  return type;
}

static void damage_is_refused(void **state) {
  (void)state;
  static const struct {
    size_t size;
    const char *bytes;
  } broken[] = {
    { 1, "\xc1" }, { 1, "\xc4" }, { 1, "\xca" }, { 1, "\xcb" }, { 8, "\xcb\0\0\0\0\0\0" }, { 1, "\xcc" },
    { 2, "\xcd\0" }, { 4, "\xce\0\0\0" }, { 8, "\xcf\0\0\0\0\0\0\0" },
    { 9, "\xcf\x80\0\0\0\0\0\0\0" },          /* beyond int64 */
    { 1, "\xa1" }, { 2, "\xd9\x01" }, { 3, "\xda\0\x01" }, { 5, "\xdb\xff\xff\xff\xff" }, { 1, "\xd9" },
    { 1, "\x91" }, { 2, "\x81\xc0" }, { 3, "\xdc\xff\xff" }, { 5, "\xdd\xff\xff\xff\xff" },
    { 5, "\xdf\x80\0\0\0" }, { 6, "\xdf\0\0\0\x01\xc0" }, { 5, "\xde\0\x02\xc0\xc0" },
    { 1, "\xd6" }, { 2, "\xd6\x01" }, { 5, "\xd6\x01\0\0\0" }, { 6, "\xd6\x02\0\0\0\0" }, { 3, "\xd4\x01\0" },
    { 7, "\xc7\x04\x01\0\0\0\0" }, { 10, "\xc7\x08\x02\0\0\0\0\0\0\0" }, { 10, "\xd7\x02\0\0\0\0\0\0\0\0" },
    { 6, "\xd6\x03\xa2" "Bo" },               /* handles: without a key, */
    { 5, "\xc7\x03\x03\xa2" "B" }, { 6, "\xc7\x03\x03\xa2" "Bo" },
    { 7, "\xc7\x04\x03\xa2" "Bo\x27" },      /* not in the shortest form, */
    { 8, "\xc7\x05\x03\xd9\x02" "Bo\x27" },
    { 7, "\xc8\0\x03\x03\xa1" "B\x27" }, { 9, "\xc9\0\0\0\x03\x03\xa1" "B\x27" },
    { 5, "\xd5\x03\xa0\x27" }, { 6, "\xc7\x03\x03\xa1" "B\x28" }, { 6, "\xc7\x03\x03\xa1" "B\x05" },
    { 6, "\xc7\x03\x03\x93" "B\x27" },       /* no name, no key, a name that is an array, */
    { 11, "\xd8\x03\xd8\x03\xd8\x03\xd8\x03\xd8\x03\xd8" }, { 5, "\xd6\x04" "\xa2" "Bo" },
  };
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    if (read_all(slice_of(broken[i].bytes, broken[i].size)) != VALUE_BROKEN) fail_msg("number %zu was read", i);
  }
  assert_int_equal(read_all(slice_of("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9)), VALUE_END);
  assert_int_equal(read_all(slice_of("\x81\xc0\xc0", 3)), VALUE_END);
  assert_int_equal(read_all(slice_of("\xc7\x03\x03\xa1" "B\x27", 6)), VALUE_END);
}

static void random_damage_stays_within_the_bytes(void **state) {
  (void)state;
  struct random random = random_begin("random_damage");
  struct buf buf = { 0 };
  unsigned broken = 0;
  for (int round = 0; round < 50000; round++) {
    buf_clear(&buf);
    for (uint64_t i = random_below(&random, 8); i > 0; i--) {
      struct token token = random_token(&random);
      if (token.size > 100) token.size = 100;
      put(&buf, &token);
    }
    for (uint64_t changes = random_below(&random, 3); changes > 0 && buf.size > 0; changes--) {
      size_t at = random_below(&random, buf.size);
      if (random_once_in(&random, 3)) buf.size = at;
      else buf.data[at] = (uint8_t)random_next(&random);
    }
    broken += read_all(buf_slice(&buf)) == VALUE_BROKEN;
  }
  assert_true(broken > 0 && broken < 50000);
  buf_done(&buf);
}

static void want_of_memory_stays_in_the_buffer(void **state) {
  (void)state;
  struct buf buf = { 0 };
  mem_fail_at(1);
  value_put_array(&buf, 2);
  assert_true(mem_has_failed());
  value_put_integer(&buf, 1);
  value_put_string(&buf, slice_text("text"));
  assert_int_equal(buf.err, ERR_MEMORY);
  assert_int_equal(buf.size, 0);
  buf_init(&buf, 3);
  value_put_string(&buf, slice_text("text"));
  assert_int_equal(buf.err, ERR_TOO_LARGE);
  buf_done(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(random_tokens_come_back),
    cmocka_unit_test(the_bytes_are_messagepack),
    cmocka_unit_test(damage_is_refused),
    cmocka_unit_test(random_damage_stays_within_the_bytes),
    cmocka_unit_test(want_of_memory_stays_in_the_buffer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
