/* route_test.c -- paths: what they mean, and how each mistake in one is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/key.h"
#include "door/route.h"

#define TOKEN "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

/* One reading of a route, with what came out of it. */
struct trial {
  struct reply reply;
  struct request *request;
  struct failure failure;
  enum err err;
  const char *allow;
};

static void ignore(struct reply *reply) {
  (void)reply;
}

static void try_route(struct trial *trial, const char *method, struct slice target, const char *authorization) {
  trial->request = NULL;
  struct route route = { .method = slice_text(method), .target = target, .authorization = slice_text(authorization),
                         .token = TOKEN, .key_bytes_max = KEY_BYTES_MAX };
  reply_init(&trial->reply, FORMAT_JSON, ignore);
  failure_init(&trial->failure);
  trial->err = route_read(&route, &trial->reply, &trial->request, &trial->allow, &trial->failure);
  assert_int_equal(trial->err, trial->failure.err);
  if (trial->err != ERR_NONE) assert_null(trial->request);
}

static void trial_done(struct trial *trial) {
  request_free(trial->request);
  reply_done(&trial->reply);
  failure_done(&trial->failure);
}

static void assert_bytes(struct slice found, struct slice wanted) {
  if (!slice_equal(found, wanted)) {
    print_message("found \"%.*s\", wanted \"%.*s\"\n", (int)found.size, (const char *)found.data, (int)wanted.size,
                  (const char *)wanted.data);
    fail();
  }
}

static void assert_text(const struct buf *found, const char *wanted) {
  assert_bytes(buf_slice(found), slice_text(wanted));
}

/* The key as a person reads it. */
static void assert_key(const struct request *request, const char *wanted) {
  struct buf printed = { 0 };
  assert_true(key_is_valid(buf_slice(&request->key)));
  key_print(&printed, buf_slice(&request->key));
  assert_text(&printed, wanted);
  buf_done(&printed);
}

static void a_call_has_class_key_and_method(void **state) {
  (void)state;
  struct trial trial;
  try_route(&trial, "POST", slice_text("/actors/Counter/ann/increment"), "");
  assert_int_equal(trial.err, ERR_NONE);
  assert_non_null(trial.request);
  assert_int_equal(trial.request->type, REQUEST_CALL);
  assert_int_equal(trial.request->format, FORMAT_JSON);
  assert_ptr_equal(trial.request->reply, &trial.reply);
  assert_text(&trial.request->class_name, "Counter");
  assert_key(trial.request, "\"ann\"");
  assert_text(&trial.request->method, "increment");
  assert_true(trial.request->create);
  assert_int_equal(trial.request->input.size, 0);
  assert_int_equal(trial.request->params.size, 0);
  assert_int_equal(trial.request->args.size, 0);
  trial_done(&trial);
}

static void keys_are_split_raw_and_decoded_once(void **state) {
  (void)state;
  static const struct {
    const char *segment, *key;
  } cases[] = {
    { "ann", "\"ann\"" },
    { "42", "\"42\"" },
    { "true", "\"true\"" },
    { "a+b", "\"a+b\"" },
    { "a%20b", "\"a b\"" },
    { "a%2Fb", "\"a/b\"" },
    { "a%2fb", "\"a/b\"" },
    { "%252F", "\"%2F\"" },
    { "a%3Fb", "\"a?b\"" },
    { "[\"\"]", "\"\"" },
    { "...", "\"...\"" },
    { "a[", "\"a[\"" },
    { "%00", "\"\\u0000\"" },
    { "%C3%A9", "\"\xC3\xA9\"" },
    { "\xC3\xA9", "\"\xC3\xA9\"" },
    { "[\"eu\",42]", "[\"eu\",42]" },
    { "%5B%22eu%22%2C42%5D", "[\"eu\",42]" },
    { "[\"eu\",%2042]", "[\"eu\",42]" },
    { "[\"[\"]", "\"[\"" },
    { "[\"..\"]", "\"..\"" },
    { "[\"a%2Fb\"]", "\"a/b\"" },
    { "[[1],true]", "[[1],true]" },
    { "[1.0]", "[1]" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char target[128];
    snprintf(target, sizeof target, "/actors/C/%s/m", cases[i].segment);
    struct trial trial;
    try_route(&trial, "POST", slice_text(target), "");
    if (trial.err != ERR_NONE) print_message("%s\n", target);
    assert_int_equal(trial.err, ERR_NONE);
    assert_key(trial.request, cases[i].key);
    trial_done(&trial);
  }
}

static void names_are_decoded_too(void **state) {
  (void)state;
  struct trial trial;
  try_route(&trial, "POST", slice_text("/actors/%43o%75nter/k/a%2Fb%00"), "");
  assert_int_equal(trial.err, ERR_NONE);
  assert_text(&trial.request->class_name, "Counter");
  assert_bytes(buf_slice(&trial.request->method), slice_of("a/b\0", 4));
  trial_done(&trial);
}

static void the_query_says_create_input_and_params(void **state) {
  (void)state;
  struct trial trial;
  try_route(&trial, "POST", slice_text("/actors/C/k/m?create=false&input=%7B%22a%22:1%7D&params=[1,%20\"x=y+z?\"]&"),
            "");
  assert_int_equal(trial.err, ERR_NONE);
  assert_false(trial.request->create);
  assert_text(&trial.request->input, "{\"a\":1}");
  assert_text(&trial.request->params, "[1, \"x=y+z?\"]");
  trial_done(&trial);

  try_route(&trial, "POST", slice_text("/actors/C/k/m?create=true"), "");
  assert_int_equal(trial.err, ERR_NONE);
  assert_true(trial.request->create);
  trial_done(&trial);

  try_route(&trial, "POST", slice_text("/actors/C/k/m?"), "");
  assert_int_equal(trial.err, ERR_NONE);
  trial_done(&trial);
}

static void a_connection_is_asked_for_without_a_token(void **state) {
  (void)state;
  struct trial trial;
  struct route route = { .method = slice_text("GET") };
  static const char target[] = "/connect/%43/[\"eu\",42]?create=false&input=5&params=%7B%7D";
  try_route(&trial, "GET", slice_text(target), "");
  assert_int_equal(trial.err, ERR_NONE);
  assert_int_equal(trial.request->type, REQUEST_CONNECT);
  assert_text(&trial.request->class_name, "C");
  assert_key(trial.request, "[\"eu\",42]");
  assert_int_equal(trial.request->method.size, 0);
  assert_false(trial.request->create);
  assert_text(&trial.request->input, "5");
  assert_text(&trial.request->params, "{}");
  trial_done(&trial);
  try_route(&trial, "OPTIONS", slice_text(target), "");
  assert_int_equal(trial.err, ERR_NONE);
  assert_null(trial.request);
  assert_string_equal(trial.allow, "GET, OPTIONS");
  trial_done(&trial);

  static const struct {
    const char *target;
    bool connects;
  } paths[] = {
    { target, true }, { "/connect/C/", true }, { "/connect/C/%zz?x", true }, { "/connect/C", false }, { "/connect/C/k/m", false },
    { "/actors/C/k", false }, { "/health", false }, { "*", false }, { "", false },
  };
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    route.target = slice_text(paths[i].target);
    assert_int_equal(route_connects(&route), paths[i].connects);
  }
}

static void health_makes_no_request(void **state) {
  (void)state;
  struct trial trial;
  try_route(&trial, "HEAD", slice_text("/health"), "");
  assert_int_equal(trial.err, ERR_NONE);
  assert_null(trial.request);
  trial_done(&trial);
}

static void inspect_wants_the_token(void **state) {
  (void)state;
  static const char *const good[] = { "Bearer " TOKEN, "bearer " TOKEN, "BEARER   " TOKEN };
  static const char *const bad[] = { "", "Bearer", "Bearer ", TOKEN, "Basic " TOKEN, "Bearer " TOKEN "x",
                                     "Bearer x" TOKEN, "Bearer " TOKEN " ",
                                     "Bearer 0123456789abcdefghijklmnopqrstuvwxyzABCDEF",
                                     "Bearer 0123456789abcdefghijklmnopqrstuvwxyzABCDEH",
                                     "Bearer 1123456789abcdefghijklmnopqrstuvwxyzABCDEFG" };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct trial trial;
    try_route(&trial, "GET", slice_text("/actors/C/[\"eu\",42]"), good[i]);
    assert_int_equal(trial.err, ERR_NONE);
    assert_int_equal(trial.request->type, REQUEST_INSPECT);
    assert_text(&trial.request->class_name, "C");
    assert_key(trial.request, "[\"eu\",42]");
    assert_int_equal(trial.request->method.size, 0);
    trial_done(&trial);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct trial trial;
    try_route(&trial, "GET", slice_text("/actors/C/k"), bad[i]);
    assert_int_equal(trial.err, ERR_UNAUTHORIZED);
    trial_done(&trial);
  }
  /* Who has no token learns nothing about the rest of the path. */
  struct trial trial;
  try_route(&trial, "GET", slice_text("/actors/C/%zz?x=1"), "");
  assert_int_equal(trial.err, ERR_UNAUTHORIZED);
  trial_done(&trial);
}

static void delete_wants_the_token(void **state) {
  (void)state;
  static const struct {
    const char *target, *authorization;
    enum err err;
  } tried[] = {
    { "/actors/C/[\"eu\",42]", "Bearer " TOKEN, ERR_NONE },  { "/actors/C/k", "Bearer x", ERR_UNAUTHORIZED },
    { "/actors/C/k?create=true", "Bearer " TOKEN, ERR_REQUEST }, { "/actors/C/[]", "Bearer " TOKEN, ERR_KEY },
  };
  for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
    struct trial trial;
    try_route(&trial, "DELETE", slice_text(tried[i].target), tried[i].authorization);
    assert_int_equal(trial.err, tried[i].err);
    if (trial.err == ERR_NONE) {
      assert_int_equal(trial.request->type, REQUEST_DESTROY);
      assert_text(&trial.request->class_name, "C");
      assert_key(trial.request, "[\"eu\",42]");
    }
    trial_done(&trial);
  }
}

/* What was given up: a list in pages, and what is to become of one. */
static void failed_wants_the_token_and_an_id(void **state) {
  (void)state;
  static const struct {
    const char *method, *target, *authorization;
    enum err err;
    enum request_type type;
    unsigned limit;
  } tried[] = {
    { "GET", "/failed", "Bearer " TOKEN, ERR_NONE, REQUEST_FAILED, 100 },
    { "HEAD", "/failed?limit=7&after=s-803-12-3", "Bearer " TOKEN, ERR_NONE, REQUEST_FAILED, 7 },
    { "POST", "/failed/s-803-12-3/retry", "Bearer " TOKEN, ERR_NONE, REQUEST_RETRY, 0 },
    { "DELETE", "/failed/s-803-12-3", "Bearer " TOKEN, ERR_NONE, REQUEST_DROP, 0 },
    { "GET", "/failed", "", ERR_UNAUTHORIZED, REQUEST_FAILED, 0 },
    { "DELETE", "/failed/s-803-12-3", "Bearer x", ERR_UNAUTHORIZED, REQUEST_DROP, 0 },
    { "GET", "/failed?limit=", "Bearer " TOKEN, ERR_REQUEST, REQUEST_FAILED, 0 },
    { "GET", "/failed?limit=99999999999999999999", "Bearer " TOKEN, ERR_REQUEST, REQUEST_FAILED, 0 },
    { "GET", "/failed?after=s-1024-1-1", "Bearer " TOKEN, ERR_REQUEST, REQUEST_FAILED, 0 },
    { "DELETE", "/failed/s-803-12", "Bearer " TOKEN, ERR_FAILED_NOT_FOUND, REQUEST_DROP, 0 },
    { "DELETE", "/failed/m-803-18446744073709551616-5-7", "Bearer " TOKEN, ERR_FAILED_NOT_FOUND, REQUEST_DROP, 0 },
    { "DELETE", "/failed/s-803-12-3?x=1", "Bearer " TOKEN, ERR_REQUEST, REQUEST_DROP, 0 },
    { "POST", "/failed/s-803-12-3/again", "Bearer " TOKEN, ERR_PATH, REQUEST_RETRY, 0 },
    { "POST", "/failed/s-803-12-3", "Bearer " TOKEN, ERR_NOT_ALLOWED, REQUEST_DROP, 0 },
  };
  for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
    struct trial trial;
    try_route(&trial, tried[i].method, slice_text(tried[i].target), tried[i].authorization);
    assert_int_equal(trial.err, tried[i].err);
    if (trial.err == ERR_NONE) {
      assert_int_equal(trial.request->type, tried[i].type);
      assert_int_equal(trial.request->limit, tried[i].limit);
      bool names = strstr(tried[i].target, "s-803") != NULL;
      assert_int_equal(trial.request->failed.kind, names ? FAILED_SCHEDULE : FAILED_NONE);
      if (names) assert_int_equal(trial.request->failed.schedule, 3);
    }
    trial_done(&trial);
  }
}

static void calls_want_the_token_and_no_query(void **state) {
  (void)state;
  static const struct {
    const char *method, *target, *authorization;
    enum err err;
  } tried[] = {
    { "GET", "/calls", "Bearer " TOKEN, ERR_NONE },       { "HEAD", "/calls", "Bearer " TOKEN, ERR_NONE },
    { "GET", "/calls", "", ERR_UNAUTHORIZED },            { "GET", "/calls?x=1", "Bearer x", ERR_UNAUTHORIZED },
    { "GET", "/calls?x=1", "Bearer " TOKEN, ERR_REQUEST }, { "POST", "/calls", "Bearer " TOKEN, ERR_NOT_ALLOWED },
    { "GET", "/calls/", "Bearer " TOKEN, ERR_PATH },      { "GET", "/calls/x", "Bearer " TOKEN, ERR_PATH },
  };
  for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
    struct trial trial;
    try_route(&trial, tried[i].method, slice_text(tried[i].target), tried[i].authorization);
    assert_int_equal(trial.err, tried[i].err);
    if (trial.err == ERR_NONE) assert_int_equal(trial.request->type, REQUEST_CALLS);
    trial_done(&trial);
  }
}

static void options_tell_the_methods_of_a_path(void **state) {
  (void)state;
  static const struct {
    const char *target, *allow;
  } cases[] = {
    { "*", "GET, HEAD, POST, DELETE, OPTIONS" }, { "/health", "GET, HEAD, OPTIONS" },
    { "/actors/C/k", "GET, HEAD, DELETE, OPTIONS" }, { "/actors/C/k/m?create=false", "POST, OPTIONS" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct trial trial;
    try_route(&trial, "OPTIONS", slice_text(cases[i].target), "");
    assert_int_equal(trial.err, ERR_NONE);
    assert_null(trial.request);
    assert_string_equal(trial.allow, cases[i].allow);
    trial_done(&trial);
  }
}

static void a_host_before_the_path_is_cut_off(void **state) {
  (void)state;
  static const struct {
    const char *target, *host, *rest;
  } cases[] = {
    { "http://a:80/health", "a:80", "/health" }, { "HTTPS://[::1]/a?b=c", "[::1]", "/a?b=c" }, { "http://a", "a", "/" },
    { "http://a?b", "a", "?b" }, { "http://a//b", "a", "//b" }, { "/health", "", "/health" }, { "*", "", "*" },
    { "http:///a", "", "http:///a" }, { "http://", "", "http://" }, { "/http://a/b", "", "/http://a/b" },
    { "ftp://a/b", "", "ftp://a/b" }, { "http:/a", "", "http:/a" }, { "", "", "" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct slice target = slice_text(cases[i].target);
    assert_bytes(route_cut_host(&target), slice_text(cases[i].host));
    assert_bytes(target, slice_text(cases[i].rest));
  }
}

/* Mistakes, the error, and a piece of the message that names them. */
static const struct {
  const char *method, *target;
  enum err err;
  const char *named;
} mistakes[] = {
  { "GET", "/", ERR_PATH, "there is nothing at /;" },
  { "GET", "", ERR_PATH, "there is nothing at" },
  { "GET", "health", ERR_PATH, "there is nothing at health;" },
  { "GET", "*", ERR_PATH, "there is nothing at *;" },
  { "GET", "ftp://host/health", ERR_PATH, "there is nothing at" },
  { "GET", "/health/", ERR_PATH, "there is nothing at" },
  { "GET", "/healthy", ERR_PATH, "there is nothing at" },
  { "GET", "//health", ERR_PATH, "there is nothing at" },
  { "GET", "/health?x=1", ERR_REQUEST, "no query" },
  { "POST", "/health", ERR_NOT_ALLOWED, "POST is not a method of this path, which knows GET, HEAD, OPTIONS" },
  { "get", "/health", ERR_NOT_ALLOWED, "get is not" },
  { "GET, HEAD", "/health", ERR_NOT_ALLOWED, "GET, HEAD is not" },
  { "", "/health", ERR_NOT_ALLOWED, "is not" },
  { "GET", "/actors/C/k/m", ERR_NOT_ALLOWED, "GET is not a method of this path, which knows POST, OPTIONS" },
  { "PUT", "/actors/C/k/m", ERR_NOT_ALLOWED, "PUT is not" },
  { "POST", "/actors/C/k", ERR_NOT_ALLOWED, "POST is not a method of this path, which knows GET, HEAD, DELETE, OPTIONS" },
  { "DELETE", "/actors/C/k/m", ERR_NOT_ALLOWED, "DELETE is not" },
  { "DELETE", "/calls", ERR_NOT_ALLOWED, "DELETE is not" },
  { "DELETE", "/actors/C", ERR_PATH, "there is nothing at" },
  { "DELETE", "/actors/C/k", ERR_UNAUTHORIZED, "for operators" },
  { "POST", "/actors/C/k/m/", ERR_PATH, "there are POST /actors/{class}/{key}/{method}" },
  { "POST", "/actors/C/a/b/m", ERR_PATH, "a / inside a key is written %2F" },
  { "POST", "/Actors/C/k/m", ERR_PATH, "there is nothing at" },
  { "GET", "/connect", ERR_PATH, "there are" },
  { "GET", "/connect/C", ERR_PATH, "GET /connect/{class}/{key}" },
  { "GET", "/connect/C/k/m", ERR_PATH, "there is nothing at" },
  { "POST", "/connect/C/k", ERR_NOT_ALLOWED, "POST is not a method of this path, which knows GET, OPTIONS" },
  { "HEAD", "/connect/C/k", ERR_NOT_ALLOWED, "HEAD is not" },
  { "GET", "/connect//k", ERR_REQUEST, "the class is empty" },
  { "GET", "/connect/C/", ERR_KEY, "[\"\"]" },
  { "GET", "/connect/C/k?method=1", ERR_REQUEST, "a call or a connection knows create, input and params" },
  { "GET", "/connect/C/k?params=1&params=2", ERR_REQUEST, "params twice" },
  { "POST", "/actors/C//m", ERR_KEY, "[\"\"]" },
  { "POST", "/actors//k/m", ERR_REQUEST, "the class is empty" },
  { "POST", "/actors/C/k/", ERR_REQUEST, "the method is empty" },
  { "POST", "/actors/C%/k/m", ERR_REQUEST, "the class holds \"%\"" },
  { "POST", "/actors/C/a%zz/m", ERR_REQUEST, "the key holds \"%zz\"" },
  { "POST", "/actors/C/a%4/m", ERR_REQUEST, "the key holds \"%4\"" },
  { "POST", "/actors/C/a%4g/m", ERR_REQUEST, "the key holds \"%4g\"" },
  { "POST", "/actors/C/a%g4/m", ERR_REQUEST, "the key holds \"%g4\"" },
  { "POST", "/actors/C/k/m%", ERR_REQUEST, "the method holds \"%\"" },
  { "POST", "/actors/C/./m", ERR_KEY, "[\".\"]" },
  { "POST", "/actors/C/../m", ERR_KEY, "[\"..\"]" },
  { "POST", "/actors/C/%2e%2E/m", ERR_KEY, "[\"..\"]" },
  { "POST", "/actors/C/[]/m", ERR_KEY, "" },
  { "POST", "/actors/C/[null]/m", ERR_KEY, "" },
  { "POST", "/actors/C/[{}]/m", ERR_KEY, "" },
  { "POST", "/actors/C/k/m?creat=1", ERR_REQUEST, "\"creat\"" },
  { "POST", "/actors/C/k/m?x", ERR_REQUEST, "\"x\"" },
  { "POST", "/actors/C/k/m?=1", ERR_REQUEST, "unknown name \"\"" },
  { "POST", "/actors/C/k/m?create", ERR_REQUEST, "create is \"\"" },
  { "POST", "/actors/C/k/m?create=", ERR_REQUEST, "create is \"\"" },
  { "POST", "/actors/C/k/m?create=True", ERR_REQUEST, "create is \"True\"" },
  { "POST", "/actors/C/k/m?create=0", ERR_REQUEST, "create is \"0\"" },
  { "POST", "/actors/C/k/m?create=true&create=true", ERR_REQUEST, "create twice" },
  { "POST", "/actors/C/k/m?input", ERR_REQUEST, "input is empty" },
  { "POST", "/actors/C/k/m?params=", ERR_REQUEST, "params is empty" },
  { "POST", "/actors/C/k/m?input=%7", ERR_REQUEST, "input holds \"%7\"" },
  { "POST", "/actors/C/k/m?params=1%x1", ERR_REQUEST, "params holds \"%x1\"" },
};

static void each_mistake_is_named(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct trial trial;
    try_route(&trial, mistakes[i].method, slice_text(mistakes[i].target), "");
    const struct buf *message = &trial.failure.message;
    const char *named = mistakes[i].named;
    bool is_named = message->size > 0 && memmem(message->data, message->size, named, strlen(named)) != NULL;
    if (trial.err != mistakes[i].err || !is_named) {
      print_message("%s %s: error %d, \"%.*s\"\n", mistakes[i].method, mistakes[i].target, (int)trial.err,
                    (int)message->size, (char *)message->data);
      fail();
    }
    trial_done(&trial);
  }
  struct trial trial;
  try_route(&trial, "GET", slice_text("/actors/C/k?create=true"), "Bearer " TOKEN);
  assert_int_equal(trial.err, ERR_REQUEST);   /* create is for calls */
  trial_done(&trial);
}

/* A key of one string of n bytes takes n + 2 encoded. */
static void the_limit_of_a_key_is_exact(void **state) {
  (void)state;
  for (size_t size = KEY_BYTES_MAX - 4; size <= KEY_BYTES_MAX; size++) {
    char target[KEY_BYTES_MAX + 64];
    int head = snprintf(target, sizeof target, "/actors/C/");
    memset(target + head, 'k', size);
    snprintf(target + head + size, 8, "/m");
    struct trial trial;
    try_route(&trial, "POST", slice_text(target), "");
    assert_int_equal(trial.err, size + 2 <= KEY_BYTES_MAX ? ERR_NONE : ERR_KEY);
    if (trial.err == ERR_KEY) {
      char wanted[80];
      snprintf(wanted, sizeof wanted, "%zu bytes encoded; the limit is %d", size + 2, KEY_BYTES_MAX);
      assert_non_null(memmem(trial.failure.message.data, trial.failure.message.size, wanted, strlen(wanted)));
    }
    trial_done(&trial);
  }
}

static unsigned long seed_of_run(void) {
  const char *text = getenv("TROUPE_SEED");
  unsigned long seed = text != NULL ? strtoul(text, NULL, 10) : (unsigned long)time(NULL);
  print_message("TROUPE_SEED=%lu\n", seed);
  return seed;
}

static unsigned pick(unsigned *random, unsigned below) {
  return (unsigned)rand_r(random) % below;
}

/* Any bytes but an empty text, written with escapes where a segment needs them and at whim where it does not. */
static size_t write_segment(unsigned *random, uint8_t *plain, struct buf *target) {
  size_t size = 1 + pick(random, 12);
  for (size_t i = 0; i < size; i++) {
    plain[i] = pick(random, 2) == 0 ? (uint8_t)"/%?&=+[].a0 "[pick(random, 12)] : (uint8_t)pick(random, 256);
    if (strchr("/%? ", plain[i]) != NULL || pick(random, 3) == 0) {   /* strchr() finds NUL too */
      buf_printf(target, pick(random, 2) == 0 ? "%%%02x" : "%%%02X", plain[i]);
    } else {
      buf_put_byte(target, plain[i]);
    }
  }
  return size;
}

static void what_is_escaped_comes_back(void **state) {
  (void)state;
  unsigned random = (unsigned)seed_of_run();
  for (unsigned round = 0; round < 20000; round++) {
    uint8_t plain[3][16];
    size_t size[3];
    struct buf target = { 0 }, key = { 0 };
    buf_put_text(&target, "/actors");
    for (unsigned i = 0; i < 3; i++) {
      buf_put_byte(&target, '/');
      size[i] = write_segment(&random, plain[i], &target);
    }
    struct trial trial;
    try_route(&trial, "POST", buf_slice(&target), "");
    struct slice text = slice_of(plain[1], size[1]);
    if (text.data[0] == '[' || slice_equal(text, slice_text(".")) || slice_equal(text, slice_text(".."))) {
      if (trial.err == ERR_NONE) assert_true(key_is_valid(buf_slice(&trial.request->key)));
    } else {
      key_put_string(&key, text);
      assert_int_equal(trial.err, ERR_NONE);
      assert_bytes(buf_slice(&trial.request->class_name), slice_of(plain[0], size[0]));
      assert_bytes(buf_slice(&trial.request->key), buf_slice(&key));
      assert_bytes(buf_slice(&trial.request->method), slice_of(plain[2], size[2]));
    }
    trial_done(&trial);
    buf_done(&target);
    buf_done(&key);
  }
}

static void any_bytes_are_answered(void **state) {
  (void)state;
  static const char *const pieces[] = { "/", "actors", "/actors/C/k/m", "?", "&", "=", "create", "input", "params",
                                        "%", "%4", "%zz", "%5B", "[", "]", "\"", "true", "false", "health",
                                        ".", "\xff", "+", "1e999" };
  unsigned random = (unsigned)seed_of_run();
  for (unsigned round = 0; round < 20000; round++) {
    struct buf target = { 0 };
    if (pick(&random, 2) == 0) buf_put_text(&target, "/actors/C/");
    for (unsigned count = pick(&random, 12); count > 0; count--) {
      buf_put_text(&target, pieces[pick(&random, sizeof pieces / sizeof *pieces)]);
    }
    struct slice text = buf_slice(&target);
    struct trial trial;
    try_route(&trial, pick(&random, 2) == 0 ? "POST" : "GET", text, "Bearer " TOKEN);
    if (trial.err != ERR_NONE) {
      assert_true(trial.err == ERR_REQUEST || trial.err == ERR_KEY || trial.err == ERR_PATH || trial.err == ERR_NOT_ALLOWED);
      assert_true(trial.failure.message.size > 0);
    } else if (trial.request != NULL) {
      assert_true(key_is_valid(buf_slice(&trial.request->key)));
      assert_true(trial.request->class_name.size > 0);
    } else {
      assert_true(slice_begins(text, slice_text("/health")));
    }
    trial_done(&trial);
    buf_done(&target);
  }
}

/* Each allocation fails in turn: either the route is read all the same, or memory is what is wanting. */
static void memory_may_fail_anywhere(void **state) {
  (void)state;
  static const char *const targets[] = { "/actors/C/ann/m?input=[1]&params=[2]",
                                         "/actors/C/[\"eu\",[42]]/m?create=false" };
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    bool has_failed = true;
    for (unsigned long k = 1; has_failed; k++) {
      mem_fail_at(k);
      struct trial trial;
      try_route(&trial, "POST", slice_text(targets[i]), "");
      has_failed = mem_has_failed();
      mem_fail_at(0);
      if (!has_failed) assert_int_equal(trial.err, ERR_NONE);
      if (trial.err != ERR_NONE) assert_int_equal(trial.err, ERR_MEMORY);
      trial_done(&trial);
      assert_true(k < 1000);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_call_has_class_key_and_method),
    cmocka_unit_test(keys_are_split_raw_and_decoded_once),
    cmocka_unit_test(names_are_decoded_too),
    cmocka_unit_test(the_query_says_create_input_and_params),
    cmocka_unit_test(a_connection_is_asked_for_without_a_token),
    cmocka_unit_test(health_makes_no_request),
    cmocka_unit_test(options_tell_the_methods_of_a_path),
    cmocka_unit_test(a_host_before_the_path_is_cut_off),
    cmocka_unit_test(inspect_wants_the_token),
    cmocka_unit_test(delete_wants_the_token),
    cmocka_unit_test(calls_want_the_token_and_no_query),
    cmocka_unit_test(failed_wants_the_token_and_an_id),
    cmocka_unit_test(each_mistake_is_named),
    cmocka_unit_test(the_limit_of_a_key_is_exact),
    cmocka_unit_test(what_is_escaped_comes_back),
    cmocka_unit_test(any_bytes_are_answered),
    cmocka_unit_test(memory_may_fail_anywhere),
  };
  return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
