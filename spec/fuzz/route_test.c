/* route_test.c -- request lines of any bytes: each is refused in words, or means what the same request means when it is
 * written anew. */
#include "fuzz.h"

#include <ctype.h>
#include <math.h>

#include "base/utf8.h"
#include "codec/json.h"
#include "codec/key.h"
#include "door/route.h"

#define TOKEN "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

/* ---- request lines --------------------------------------------------------------------------------------- */

/* The first few are what is wanted, and come more often. */
static const char *any_of(struct fuzz *fuzz, const char *const *texts, size_t count) {
  return texts[fuzz_below(fuzz, fuzz_once_in(fuzz, 4) ? count : 3)];
}

#define ANY(fuzz, ...) any_of(fuzz, (const char *const[]){ __VA_ARGS__ }, \
                              sizeof (const char *const[]){ __VA_ARGS__ } / sizeof(const char *))

static void make_target(struct fuzz *fuzz) {
  struct buf *target = &fuzz->bytes;
  buf_put_text(target, ANY(fuzz, "/actors", "/connect", "/actors", "/health", "/", "", "//", "*", "/connect/a/b"));
  buf_put_byte(target, '/');
  buf_put_text(target, ANY(fuzz, "Counter", "C%6funter", "a%2Fb", "%", "%g0", "", ".", "\xc3\xa9", "%C3", "[1]"));
  buf_put_byte(target, '/');
  buf_put_text(target, ANY(fuzz, "ann", "[\"eu\",42]", "%00%ff", "42", "", ".", "..", "%2e", "%5B%22eu%22%2C42%5D",
                           "[1.5,[true]]", "[\"[\"]", "a+b%20c", "[", "[]", "[null]", "[1e300,9007199254740993]",
                           "[1]\"", "[\"%c3%a9\\u0000\"]"));
  if (fuzz_once_in(fuzz, 3)) return;
  buf_put_byte(target, '/');
  buf_put_text(target, ANY(fuzz, "increment", "get", "%67et", "", "a/b", "\xff"));
  if (fuzz_once_in(fuzz, 2)) return;
  buf_put_byte(target, '?');
  for (size_t count = fuzz_below(fuzz, 4); count > 0; count--) {
    buf_put_text(target, ANY(fuzz, "create=false", "input=%7B%7D", "params={\"a\":[1,2]}", "create=true", "create=",
                             "create", "input=1", "input=%", "params=",
                             "x=y", "", "=", "%63reate=true", "input=\"a=b?c\""));
    buf_put_byte(target, '&');
  }
}

/* ---- what it means, written anew --------------------------------------------------------------------------- */

static void put_encoded(struct buf *target, struct slice text) {
  for (size_t i = 0; i < text.size; i++) {
    if (isalnum(text.data[i])) buf_put_byte(target, text.data[i]);
    else buf_printf(target, "%%%02x", text.data[i]);
  }
}

/* False where JSON has no words for a key: it has a part that is no UTF-8. Then it can only be one string. */
static bool try_put_key(struct buf *target, struct slice key) {
  struct key_reader reader;
  struct buf json = { 0 };
  key_reader_init(&reader, key);
  bool is_text = true, is_one = key_part_size(key) == key.size && key.data[0] == 1;
  for (enum key_type type = key_next(&reader); reader.rest.size > 0 || type != KEY_END; type = key_next(&reader)) {
    if (type == KEY_STRING) is_text = is_text && utf8_is_valid(reader.text);
  }
  if (is_one) {
    key_reader_again(&reader, key);
    key_next(&reader);
    bool is_special = reader.text.size == 0 || slice_begins(reader.text, slice_text("[")) ||
                      slice_equal(reader.text, slice_text(".")) || slice_equal(reader.text, slice_text(".."));
    if (!is_special) put_encoded(target, reader.text);
    else if (is_text) json_put_string(&json, reader.text);
    if (json.size > 0) {
      buf_put_text(target, "%5b");
      put_encoded(target, buf_slice(&json));
      buf_put_text(target, "%5D");
    }
    is_text = is_text || !is_special;
  } else {
    key_print(&json, key);
    put_encoded(target, buf_slice(&json));
  }
  buf_done(&json);
  key_reader_done(&reader);
  return is_text;
}

static bool try_put_target(struct buf *target, const struct request *request) {
  bool is_call = request->type == REQUEST_CALL, connects = request->type == REQUEST_CONNECT;
  buf_put_text(target, connects ? "/connect/" : "/actors/");
  put_encoded(target, buf_slice(&request->class_name));
  buf_put_byte(target, '/');
  bool is_told = try_put_key(target, buf_slice(&request->key));
  if (!is_call && !connects) return is_told;
  if (is_call) buf_put_byte(target, '/');
  put_encoded(target, buf_slice(&request->method));
  buf_put_text(target, request->create ? "?create=true" : "?create=false");
  if (request->input.size > 0) {
    buf_put_text(target, "&input=");
    put_encoded(target, buf_slice(&request->input));
  }
  if (request->params.size > 0) {
    buf_put_text(target, "&params=");
    put_encoded(target, buf_slice(&request->params));
  }
  return is_told;
}

static void assert_same_request(const struct request *a, const struct request *b) {
  assert_int_equal(a->type, b->type);
  assert_int_equal(a->create, b->create);
  fuzz_assert_same(buf_slice(&a->class_name), buf_slice(&b->class_name));
  fuzz_assert_same(buf_slice(&a->key), buf_slice(&b->key));
  fuzz_assert_same(buf_slice(&a->method), buf_slice(&b->method));
  fuzz_assert_same(buf_slice(&a->input), buf_slice(&b->input));
  fuzz_assert_same(buf_slice(&a->params), buf_slice(&b->params));
}

static void ignore(struct reply *reply) {
  (void)reply;
}

static void assert_means_the_same(const struct route *route, const struct request *request, struct reply *reply) {
  struct failure failure = { 0 };
  struct request *again = NULL;
  const char *allow;
  struct buf target = { 0 };
  assert_true(key_is_valid(buf_slice(&request->key)));
  assert_true(request->key.size <= route->key_bytes_max);
  assert_true(request->class_name.size > 0);
  assert_int_equal(request->method.size > 0, request->type == REQUEST_CALL);
  if (try_put_target(&target, request)) {
    struct route anew = *route;
    anew.target = buf_slice(&target);
    assert_int_equal(route_read(&anew, reply, &again, &allow, &failure), ERR_NONE);
    assert_same_request(request, again);
  }
  request_free(again);
  buf_done(&target);
  failure_done(&failure);
}

static void request_lines(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "request lines");
  while (fuzz_next(&fuzz)) {
    struct failure failure = { 0 };
    struct request *request = NULL;
    const char *allow;
    struct reply reply;
    reply_init(&reply, FORMAT_JSON, ignore);
    make_target(&fuzz);
    fuzz_mutate(&fuzz);
    struct route route = {
      .method = slice_text(ANY(&fuzz, "POST", "POST", "GET", "HEAD", "DELETE", "OPTIONS", "PUT", "post", "", "\xff", "GET, HEAD")),
      .target = fuzz_copy(&fuzz), .token = TOKEN, .key_bytes_max = fuzz_once_in(&fuzz, 4) ? 8 : KEY_BYTES_MAX,
      .authorization = slice_text(ANY(&fuzz, "Bearer " TOKEN, "bearer   " TOKEN, "Bearer " TOKEN, "Bearer", "Bearer ",
                                      "", TOKEN, "Basic x")),
    };
    enum err err = route_read(&route, &reply, &request, &allow, &failure);
    assert_int_equal(err, failure.err);
    if (err != ERR_NONE) {
      assert_null(request);
      assert_true(err == ERR_REQUEST || err == ERR_KEY || err == ERR_UNAUTHORIZED || err == ERR_PATH ||
                  err == ERR_NOT_ALLOWED);
      assert_int_equal(allow == NULL, err == ERR_PATH);
      assert_true(failure.message.size > 0);
    } else if (request != NULL) {
      assert_means_the_same(&route, request, &reply);
    }
    fuzz.taken += err == ERR_NONE;
    request_free(request);
    reply_done(&reply);
    failure_done(&failure);
  }
  fuzz_end(&fuzz);
}

int main(void) {
  const struct CMUnitTest tests[] = { FUZZ_TEST(request_lines) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
