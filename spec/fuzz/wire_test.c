/* wire_test.c -- messages of sockets, of any bytes: what is taken means what a parser of the whole text says it means, and what
 * means something is taken. Only the arguments are not looked into; without them a message that is taken is JSON. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "codec/idempotency_key.h"
#include "codec/json.h"
#include "door/wire.h"

enum { ID, METHOD, ARGS, KEY, SUBSCRIBE, UNSUBSCRIBE, FIELDS };

static const char *const NAMES[] = { "id", "method", "args", "key", "subscribe", "unsubscribe" };

/* ---- messages -------------------------------------------------------------------------------------------- */

/* The first few are what is wanted, and come more often. */
static const char *any_of(struct fuzz *fuzz, const char *const *texts, size_t count) {
  return texts[fuzz_below(fuzz, fuzz_once_in(fuzz, 6) ? count : 4)];
}

#define ANY(fuzz, ...) any_of(fuzz, (const char *const[]){ __VA_ARGS__ }, \
                              sizeof (const char *const[]){ __VA_ARGS__ } / sizeof(const char *))

static void put_space(struct fuzz *fuzz) {
  buf_put_text(&fuzz->bytes, ANY(fuzz, "", "", "", " ", "\n\t", "\r ", "\v", "/**/"));
}

static void put_value(struct fuzz *fuzz, size_t field) {
  struct buf *bytes = &fuzz->bytes;
  if (fuzz_once_in(fuzz, 20)) field = fuzz_below(fuzz, FIELDS);
  switch (field) {
    case ID: buf_put_text(bytes, ANY(fuzz, "1", "\"a\"", "-9007199254740993", "\"\\u00e9\\\"\"", "1.0", "1e2", "null", "01", "\"\"",
                                     "99999999999999999999999", "[1]", "\"\\x\"", "-", "true")); break;
    case ARGS: buf_put_text(bytes, ANY(fuzz, "[]", "[1,\"]\",{\"a\":[]}]", "[[[]],\"\\\"]\"]", "[null]", "{}", "[1,]", "[", "[}",
                                       "[\"]", "null", "[1]]", "[1],2")); break;
    case KEY: buf_put_text(bytes, ANY(fuzz, "\"k-1\"", "\"\\u0041\"", "\"k\"", "\"~\"", "\"\"", "\"a b\"", "7", "null",
                                      "\"\xc3\xa9\"")); break;
    default: buf_put_text(bytes, ANY(fuzz, "\"m\"", "\"\xc3\xa9\"", "\"a\\n\\ud83d\\ude00\"", "\"\\u0000\"", "\"\"", "5", "null",
                                     "\"\\ud800\"", "\"a", "[\"m\"]")); break;
  }
}

static void put_field(struct fuzz *fuzz, size_t field, bool is_first) {
  struct buf *bytes = &fuzz->bytes;
  if (!is_first && !fuzz_once_in(fuzz, 100)) buf_put_byte(bytes, ',');
  put_space(fuzz);
  if (fuzz_once_in(fuzz, 40)) {
    buf_put_text(bytes, ANY(fuzz, "\"x\"", "\"\\u0069d\"", "\"ids\"", "id", "\"\"", "1"));
  } else {
    buf_printf(bytes, "\"%s\"", NAMES[field]);
  }
  put_space(fuzz);
  if (!fuzz_once_in(fuzz, 100)) buf_put_byte(bytes, ':');
  put_space(fuzz);
  put_value(fuzz, field);
  put_space(fuzz);
}

static void make_message(struct fuzz *fuzz) {
  static const size_t call[] = { ID, METHOD, ARGS, KEY };
  put_space(fuzz);
  buf_put_byte(&fuzz->bytes, '{');
  bool is_call = !fuzz_once_in(fuzz, 4);
  size_t from = fuzz_below(fuzz, 4), count = 0;
  for (size_t i = 0; i < 4; i++) {
    size_t field = call[(from + i) % 4];
    if (is_call ? field > METHOD && fuzz_once_in(fuzz, 2) : !fuzz_once_in(fuzz, 30)) continue;
    put_field(fuzz, field, count++ == 0);
  }
  if (!is_call || fuzz_once_in(fuzz, 30)) put_field(fuzz, SUBSCRIBE + fuzz_below(fuzz, 2), count == 0);
  if (!fuzz_once_in(fuzz, 50)) buf_put_byte(&fuzz->bytes, '}');
  put_space(fuzz);
  if (fuzz_once_in(fuzz, 3)) fuzz_mutate(fuzz);
}

/* ---- what a parser of the whole text makes of it --------------------------------------------------------- */

struct plain {
  size_t depth;                /* how many arrays and objects are open */
  struct buf values[FIELDS];   /* as events, one behind the other */
  unsigned counts[FIELDS], others;
  struct buf *value;           /* of the field that is read; NULL: of another name */
  bool is_object;
};

static bool note(void *context, char event, struct slice bytes) {
  struct plain *plain = context;
  if (plain->depth == 0 || plain->value == NULL) return true;
  buf_put_byte(plain->value, (uint8_t)event);
  buf_put_u32(plain->value, (uint32_t)bytes.size);
  buf_put(plain->value, bytes);
  return true;
}

static bool on_null(void *context) {
  return note(context, 'n', slice_of(NULL, 0));
}

static bool on_boolean(void *context, bool truth) {
  return note(context, truth ? 't' : 'f', slice_of(NULL, 0));
}

static bool on_integer(void *context, int64_t number) {
  return note(context, 'i', slice_of(&number, sizeof number));
}

static bool on_float(void *context, double number) {
  return note(context, 'd', slice_of(&number, sizeof number));
}

static bool on_string(void *context, struct slice text) {
  return note(context, 's', text);
}

static bool on_key(void *context, struct slice text) {
  struct plain *plain = context;
  if (plain->depth != 1 || !plain->is_object) return note(context, 'k', text);
  plain->value = NULL;
  for (size_t i = 0; i < FIELDS; i++) {
    if (!slice_equal(text, slice_text(NAMES[i]))) continue;
    plain->value = &plain->values[i];
    plain->counts[i]++;
  }
  plain->others += plain->value == NULL;
  return true;
}

static bool on_array_begin(void *context) {
  struct plain *plain = context;
  note(context, '[', slice_of(NULL, 0));
  plain->depth++;
  return true;
}

static bool on_object_begin(void *context) {
  struct plain *plain = context;
  if (plain->depth == 0) plain->is_object = true;
  note(context, '{', slice_of(NULL, 0));
  plain->depth++;
  return true;
}

static bool on_end(void *context) {
  struct plain *plain = context;
  plain->depth--;
  return note(context, ']', slice_of(NULL, 0));
}

/* Whether the text is JSON. */
static bool parse(struct slice text, struct plain *plain) {
  static const struct json_events events = {
    on_null, on_boolean, on_integer, on_float, on_string, on_key, on_array_begin, on_end, on_object_begin, on_end,
  };
  struct failure failure = { 0 };
  *plain = (struct plain){ .depth = 0 };
  struct json_parser *parser = json_parser_try_new(&events, plain, 1000);
  assert_non_null(parser);
  enum err err = json_parse(parser, text, &failure);
  json_parser_free(parser);
  failure_done(&failure);
  return err == ERR_NONE;
}

static void plain_done(struct plain *plain) {
  for (size_t i = 0; i < FIELDS; i++) buf_done(&plain->values[i]);
}

/* The field's text, if it is a string. */
static bool is_string(const struct plain *plain, size_t field, struct slice *text) {
  struct slice value = buf_slice(&plain->values[field]);
  if (value.size < 5 || value.data[0] != 's') return false;
  *text = slice_after(value, 5);
  return true;
}

static bool is_of(const struct plain *plain, size_t field, const char *events) {
  return plain->values[field].size > 0 && strchr(events, plain->values[field].data[0]) != NULL;
}

static bool is_key(struct slice text) {
  struct failure failure = { 0 };
  bool is_one = idempotency_key_check(text, &failure) == ERR_NONE;
  failure_done(&failure);
  return is_one;
}

/* Whether JSON says what to do, in a form that there is. */
static bool means_something(const struct plain *plain) {
  struct slice text;
  unsigned most = 0;
  for (size_t i = 0; i < FIELDS; i++) most = plain->counts[i] > most ? plain->counts[i] : most;
  if (!plain->is_object || plain->others > 0 || most > 1) return false;
  if (plain->counts[METHOD] + plain->counts[SUBSCRIBE] + plain->counts[UNSUBSCRIBE] != 1) return false;
  if (plain->counts[METHOD] == 0) {
    size_t field = plain->counts[SUBSCRIBE] > 0 ? SUBSCRIBE : UNSUBSCRIBE;
    bool is_alone = plain->counts[ID] + plain->counts[ARGS] + plain->counts[KEY] == 0;
    return is_alone && is_string(plain, field, &text) && text.size >= 1 && text.size <= 256;
  }
  if (!is_of(plain, ID, "is") || !is_string(plain, METHOD, &text) || text.size == 0) return false;
  if (plain->counts[ARGS] > 0 && !is_of(plain, ARGS, "[")) return false;
  return plain->counts[KEY] == 0 || (is_string(plain, KEY, &text) && is_key(text));
}

/* ---- tries ----------------------------------------------------------------------------------------------- */

static void assert_is_text(const struct plain *plain, size_t field, struct slice found) {
  struct slice text = { 0 };
  if (plain->counts[field] > 0) assert_true(is_string(plain, field, &text));
  fuzz_assert_same(found, text);
}

/* That a piece of the message is the field's value. */
static void assert_is_value(const struct plain *plain, size_t field, struct slice json) {
  struct buf wrapped = { 0 };
  struct plain again;
  buf_printf(&wrapped, "{\"%s\":", NAMES[field]);
  buf_put(&wrapped, json);
  buf_put_byte(&wrapped, '}');
  assert_true(parse(buf_slice(&wrapped), &again));
  fuzz_assert_same(buf_slice(&again.values[field]), buf_slice(&plain->values[field]));
  plain_done(&again);
  buf_done(&wrapped);
}

static void assert_same_meaning(const struct plain *plain, const struct wire_message *message) {
  if (message->kind == WIRE_CALL) {
    assert_is_value(plain, ID, message->id);
    assert_is_text(plain, METHOD, message->method);
    assert_is_text(plain, KEY, message->key);
    if (plain->counts[ARGS] > 0) assert_is_value(plain, ARGS, message->args);
    else assert_int_equal(message->args.size, 0);
  } else {
    size_t field = message->kind == WIRE_SUBSCRIBE ? SUBSCRIBE : UNSUBSCRIBE;
    assert_is_text(plain, field, message->event);
    assert_is_value(plain, field, message->event_json);
  }
}

/* What was taken though it is not JSON is so for its arguments alone. */
static void assert_only_arguments_are_wrong(struct slice text, const struct wire_message *message) {
  struct buf better = { 0 };
  struct plain plain;
  assert_true(message->args.size > 0 && message->args.data >= text.data);
  size_t before = (size_t)(message->args.data - text.data);
  buf_put(&better, slice_of(text.data, before));
  buf_put_text(&better, "[]");
  buf_put(&better, slice_after(text, before + message->args.size));
  assert_true(parse(buf_slice(&better), &plain));
  assert_true(means_something(&plain) || is_of(&plain, ID, "d"));
  assert_is_value(&plain, ID, message->id);
  assert_is_text(&plain, METHOD, message->method);
  plain_done(&plain);
  buf_done(&better);
}

static void messages(void **state) {
  (void)state;
  struct fuzz fuzz;
  struct wire wire = { 0 };
  fuzz_begin(&fuzz, "messages");
  while (fuzz_next(&fuzz)) {
    struct failure failure = { 0 };
    struct wire_message message;
    struct plain plain;
    make_message(&fuzz);
    if (!utf8_is_valid(buf_slice(&fuzz.bytes))) continue;
    struct slice text = fuzz_copy(&fuzz);
    bool is_taken = wire_read(&wire, text, &message, &failure) == ERR_NONE, is_json = parse(text, &plain);
    assert_int_equal(failure.err, is_taken ? ERR_NONE : ERR_REQUEST);
    /* Names are not decoded, and integers may be larger than a parser's. */
    bool is_special = memchr(text.data, '\\', text.size) != NULL || is_of(&plain, ID, "d") || text.size > WIRE_ID_BYTES_MAX;
    if (is_taken && is_json) assert_same_meaning(&plain, &message);
    if (is_taken && !is_json) assert_only_arguments_are_wrong(text, &message);
    if (is_json && !is_special) assert_int_equal(is_taken, means_something(&plain));
    fuzz.taken += is_taken;
    struct frame *answer = is_taken ? wire_try_result(message.id, slice_text("null")) : wire_try_error(&message, &failure);
    assert_non_null(answer);
    frame_free(answer);
    plain_done(&plain);
    failure_done(&failure);
  }
  fuzz_end(&fuzz);
  wire_done(&wire);
}

int main(void) {
  const struct CMUnitTest tests[] = { FUZZ_TEST(messages) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
