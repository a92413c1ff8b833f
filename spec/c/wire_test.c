/* wire_test.c -- messages of sockets: what they say, how each mistake in one is named, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "door/wire.h"

/* One reading of a message, with what came out of it. */
struct trial {
  struct wire wire;
  struct wire_message message;
  struct failure failure;
  enum err err;
};

static void try_text(struct trial *trial, struct slice text) {
  *trial = (struct trial){ .err = ERR_NONE };
  trial->err = wire_read(&trial->wire, text, &trial->message, &trial->failure);
  assert_int_equal(trial->err, trial->failure.err);
}

static void trial_done(struct trial *trial) {
  wire_done(&trial->wire);
  failure_done(&trial->failure);
}

static void assert_slice(struct slice found, const char *wanted) {
  if (!slice_equal(found, slice_text(wanted))) {
    fail_msg("found \"%.*s\", wanted \"%s\"", (int)found.size, (const char *)found.data, wanted);
  }
}

static void assert_frame(struct frame **frame, const char *wanted) {
  assert_non_null(*frame);
  size_t head = frame_size(slice_of((*frame)->bytes, (*frame)->size)) == (*frame)->size && (*frame)->bytes[1] < 126 ? 2 : 4;
  assert_slice(slice_of((*frame)->bytes + head, (*frame)->size - head), wanted);
  frame_free(*frame);
  *frame = NULL;
}

static void a_call_has_an_id_a_method_and_what_goes_with_it(void **state) {
  (void)state;
  static const struct {
    const char *text, *id, *method, *args, *key;
  } calls[] = {
    { "{\"id\":1,\"method\":\"add\"}", "1", "add", "", "" },
    { " {\t\"method\" : \"add\" ,\r\n\"id\" :\"x\"} ", "\"x\"", "add", "", "" },
    { "{\"id\":-9007199254740993,\"method\":\"m\",\"args\":[],\"key\":\"k-1\"}", "-9007199254740993", "m", "[]", "k-1" },
    { "{\"args\":[1, {\"a\":[\"]}\\\"\"]} ],\"id\":0,\"method\":\"m\"}", "0", "m", "[1, {\"a\":[\"]}\\\"\"]} ]", "" },
    { "{\"id\":\"\",\"method\":\"\\u00e9\\\"\\ud83d\\ude00\",\"key\":\"\\u0041\"}", "\"\"", "\xc3\xa9\"\xf0\x9f\x98\x80", "", "A" },
    { "{\"id\":\"\\u0061\\n\",\"method\":\"_private\"}", "\"\\u0061\\n\"", "_private", "", "" },
    { "{\"id\":184467440737095516159,\"method\":\"m\"}", "184467440737095516159", "m", "", "" },
    { "{\"id\":1,\"method\":\"m\",\"args\":[1,{]]}", "1", "m", "[1,{]]", "" },     /* the worker will see */
    { "{\"id\":1,\"method\":\"m\",\"args\":[tru]}", "1", "m", "[tru]", "" },
  };
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    struct trial trial;
    try_text(&trial, slice_text(calls[i].text));
    if (trial.err != ERR_NONE) print_message("%s\n", calls[i].text);
    assert_int_equal(trial.err, ERR_NONE);
    assert_int_equal(trial.message.kind, WIRE_CALL);
    assert_slice(trial.message.id, calls[i].id);
    assert_slice(trial.message.method, calls[i].method);
    assert_slice(trial.message.args, calls[i].args);
    assert_slice(trial.message.key, calls[i].key);
    trial_done(&trial);
  }
}

static void a_subscription_has_a_name_and_nothing_else(void **state) {
  (void)state;
  struct trial trial;
  try_text(&trial, slice_text("{\"subscribe\":\"news\"}"));
  assert_int_equal(trial.err, ERR_NONE);
  assert_int_equal(trial.message.kind, WIRE_SUBSCRIBE);
  assert_slice(trial.message.event, "news");
  trial_done(&trial);
  try_text(&trial, slice_text("{ \"unsubscribe\" : \"\\u00e9\" }"));
  assert_int_equal(trial.err, ERR_NONE);
  assert_int_equal(trial.message.kind, WIRE_UNSUBSCRIBE);
  assert_slice(trial.message.event, "\xc3\xa9");
  trial_done(&trial);
}

/* Messages that are wrong, a piece of what is said of them, and what the answer has beside the error. */
static const struct {
  const char *text, *named, *id, *more;
} mistakes[] = {
  { "", "not an object of JSON", "", "" },
  { "  ", "not an object of JSON", "", "" },
  { "[1]", "not an object of JSON", "", "" },
  { "null", "not an object of JSON", "", "" },
  { "\"id\"", "not an object of JSON", "", "" },
  { "{", "not valid JSON at byte 2", "", "" },
  { "{}", "says nothing to do", "", "" },
  { "{ }", "says nothing to do", "", "" },
  { "{\"id\":1}", "says nothing to do", "1", "" },
  { "{\"id\":1,\"args\":[]}", "says nothing to do", "1", "" },
  { "{\"id\":1,}", "not valid JSON at byte 8", "1", "" },
  { "{,\"id\":1}", "not valid JSON at byte 2", "", "" },
  { "{\"id\":1,\"method\":\"m\"", "not valid JSON", "1", "" },
  { "{\"id\":1,\"method\":\"m", "not valid JSON", "1", "" },
  { "{\"id\":1 \"method\":\"m\"}", "not valid JSON at byte 9", "1", "" },
  { "{\"id\":1,\"method\"}", "not valid JSON", "1", "" },
  { "{\"id\":1,\"method\":}", "not valid JSON", "1", "" },
  { "{\"id\":1,5}", "not valid JSON", "1", "" },
  { "{\"id\":1,\"method\":\"m\"}}", "not valid JSON", "1", "" },
  { "{\"id\":1,\"method\":\"m\"}{}", "not valid JSON", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"args\":[1]]}", "not valid JSON", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"args\":[1}", "not valid JSON", "1", "" },
  { "{\"method\":\"m\"}", "the call has no id", "", "" },
  { "{\"id\":null,\"method\":\"m\"}", "id is null; it must be", "", "" },
  { "{\"id\":1.0,\"method\":\"m\"}", "id is 1.0; it must be", "", "" },
  { "{\"id\":1e3,\"method\":\"m\"}", "id is 1e3", "", "" },
  { "{\"id\":01,\"method\":\"m\"}", "id is 01", "", "" },
  { "{\"id\":-,\"method\":\"m\"}", "id is -", "", "" },
  { "{\"id\":+1,\"method\":\"m\"}", "id is +1", "", "" },
  { "{\"id\":[1],\"method\":\"m\"}", "id is [1]", "", "" },
  { "{\"id\":1x,\"method\":\"m\"}", "id is 1x", "", "" },
  { "{\"id\":\"a\x01\",\"method\":\"m\"}", "id: ", "", "" },
  { "{\"id\":\"\\x\",\"method\":\"m\"}", "id: ", "", "" },
  { "{\"id\":\"\\ud800\",\"method\":\"m\"}", "id: ", "", "" },
  { "{\"id\":1,\"id\":2,\"method\":\"m\"}", "has id twice", "", "" },
  { "{\"id\":1,\"method\":\"m\",\"method\":\"m\"}", "has method twice", "1", "" },
  { "{\"id\":1,\"methot\":\"m\"}", "an unknown field \"methot\"", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"params\":{}}", "an unknown field \"params\"", "1", "" },
  { "{\"\\u0069d\":1,\"method\":\"m\"}", "an unknown field", "", "" },
  { "{\"id\":1,\"method\":5}", "method is not a string", "1", "" },
  { "{\"id\":1,\"method\":\"\"}", "method is empty", "1", "" },
  { "{\"id\":1,\"method\":\"\\\"}", "not valid JSON", "1", "" },
  { "{\"id\":1,\"method\":\"\\uD800\"}", "method: ", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"args\":{}}", "args is not an array", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"args\":null}", "args is not an array", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"key\":null}", "key is not a string", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"key\":\"\"}", "idempotency key is empty", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"key\":\"a b\"}", "byte 0x20 at position 2", "1", "" },
  { "{\"id\":1,\"method\":\"m\",\"subscribe\":\"x\"}", "several things at once", "1", "" },
  { "{\"id\":1,\"subscribe\":\"x\"}", "several things at once", "1", "" },
  { "{\"subscribe\":\"x\",\"unsubscribe\":\"x\"}", "several things at once", "", "" },
  { "{\"subscribe\":\"x\",\"subscribe\":\"x\"}", "has subscribe twice", "", "" },
  { "{\"subscribe\":7}", "subscribe is not a string", "", "" },
  { "{\"subscribe\":\"\"}", "has 0 bytes", "", ",\"subscribe\":\"\"" },
  { "{\"unsubscribe\":\"\"}", "has 0 bytes", "", ",\"unsubscribe\":\"\"" },
  { "{\"subscribe\":\"\\ud800\"}", "subscribe: ", "", "" },
};

static void each_mistake_is_named_and_answered_with_the_id(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct trial trial;
    struct buf wanted = { 0 };
    try_text(&trial, slice_text(mistakes[i].text));
    const struct buf *message = &trial.failure.message;
    bool is_named = message->size > 0 && memmem(message->data, message->size, mistakes[i].named, strlen(mistakes[i].named)) != NULL;
    if (trial.err != ERR_REQUEST || !is_named) {
      fail_msg("%s: error %d, \"%.*s\"", mistakes[i].text, (int)trial.err, (int)message->size, (const char *)message->data);
    }
    struct frame *answer = wire_try_error(&trial.message, &trial.failure), *same;
    struct slice none = slice_of(NULL, 0);
    failure_clear(&trial.failure);
    failure_set(&trial.failure, ERR_REQUEST, "no");
    same = wire_try_error(&trial.message, &trial.failure);
    buf_put_byte(&wanted, '{');
    if (*mistakes[i].id != 0) buf_printf(&wanted, "\"id\":%s,", mistakes[i].id);
    buf_printf(&wanted, "\"error\":{\"code\":\"invalid_request\",\"message\":\"no\"}%s}", mistakes[i].more);
    buf_put_byte(&wanted, 0);
    assert_frame(&same, (const char *)wanted.data);
    assert_null(none.data);
    frame_free(answer);
    buf_done(&wanted);
    trial_done(&trial);
  }
}

static void ids_and_names_have_exact_limits(void **state) {
  (void)state;
  for (size_t over = 0; over < 2; over++) {
    for (size_t is_text = 0; is_text < 2; is_text++) {
      struct buf text = { 0 };
      struct trial trial;
      buf_put_text(&text, is_text ? "{\"id\":\"" : "{\"id\":");
      for (size_t i = 0; i < WIRE_ID_BYTES_MAX + over; i++) buf_put_byte(&text, '7');
      buf_put_text(&text, is_text ? "\",\"method\":\"m\"}" : ",\"method\":\"m\"}");
      try_text(&trial, buf_slice(&text));
      assert_int_equal(trial.err, over ? ERR_REQUEST : ERR_NONE);
      assert_int_equal(trial.message.id.size > 0, !over);
      trial_done(&trial);
      buf_done(&text);
    }
    struct buf text = { 0 };
    struct trial trial;
    buf_put_text(&text, "{\"subscribe\":\"");
    for (size_t i = 0; i < 256 + over; i++) buf_put_byte(&text, 'n');
    buf_put_text(&text, "\"}");
    try_text(&trial, buf_slice(&text));
    assert_int_equal(trial.err, over ? ERR_REQUEST : ERR_NONE);
    trial_done(&trial);
    buf_done(&text);
  }
}

static void one_wire_reads_many_messages(void **state) {
  (void)state;
  struct wire wire = { 0 };
  struct wire_message message;
  struct failure failure = { 0 };
  for (int i = 0; i < 3; i++) {
    assert_int_equal(wire_read(&wire, slice_text("{\"id\":\"\\u0061\",\"method\":\"\\u0062\",\"key\":\"\\u0063\"}"), &message, &failure),
                     ERR_NONE);
    assert_slice(message.method, "b");
    assert_slice(message.key, "c");
    assert_int_equal(wire_read(&wire, slice_text("{\"id\":1,\"method\":\"\\u00\"}"), &message, &failure), ERR_REQUEST);
    failure_clear(&failure);
    assert_int_equal(wire_read(&wire, slice_text("{\"subscribe\":\"x\"}"), &message, &failure), ERR_NONE);
    assert_slice(message.event, "x");
    assert_int_equal(message.id.size, 0);
  }
  failure_done(&failure);
  wire_done(&wire);
}

static void answers_echo_the_id(void **state) {
  (void)state;
  struct failure failure = { 0 };
  struct frame *frame = wire_try_result(slice_text("\"\\u0061\""), slice_text("[1, 2]"));
  assert_frame(&frame, "{\"id\":\"\\u0061\",\"result\":[1, 2]}");
  failure_set(&failure, ERR_TIMEOUT, "too \"late\"");
  frame = wire_try_failure(slice_text("7"), &failure);
  assert_frame(&frame, "{\"id\":7,\"error\":{\"code\":\"timeout\",\"message\":\"too \\\"late\\\"\"}}");
  failure_done(&failure);
}

static void memory_may_run_out(void **state) {
  (void)state;
  struct slice text = slice_text("{\"id\":1,\"method\":\"\\u0062\"}");
  for (unsigned long k = 1;; k++) {
    struct trial trial;
    mem_fail_at(k);
    try_text(&trial, text);
    bool has_failed = mem_has_failed() != 0;
    mem_fail_at(0);
    assert_int_equal(trial.err, has_failed ? ERR_MEMORY : ERR_NONE);
    assert_slice(trial.message.id, "1");
    trial_done(&trial);
    if (!has_failed) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_call_has_an_id_a_method_and_what_goes_with_it),
    cmocka_unit_test(a_subscription_has_a_name_and_nothing_else),
    cmocka_unit_test(each_mistake_is_named_and_answered_with_the_id),
    cmocka_unit_test(ids_and_names_have_exact_limits),
    cmocka_unit_test(one_wire_reads_many_messages),
    cmocka_unit_test(answers_echo_the_id),
    cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
