/* outcome.c -- what a host answered to a client, taken apart. */
#include "outcome.h"

#include "codec/json.h"
#include "codec/json_span.h"

/* What the parser has seen: of an error its two texts, of anything else nothing. */
struct outcome {
  unsigned depth;
  bool in_error;          /* inside the object of "error" */
  struct buf *text;       /* where the next string goes: code, message or nowhere */
  struct buf code;
  struct buf message;
};

static bool on_null(void *context) {
  ((struct outcome *)context)->text = NULL;
  return true;
}

static bool on_boolean(void *context, bool truth) {
  (void)truth;
  return on_null(context);
}

static bool on_integer(void *context, int64_t number) {
  (void)number;
  return on_null(context);
}

static bool on_float(void *context, double number) {
  (void)number;
  return on_null(context);
}

static bool on_string(void *context, struct slice text) {
  struct outcome *outcome = context;
  if (outcome->text != NULL) buf_put(outcome->text, text);
  outcome->text = NULL;
  return true;
}

static bool on_key(void *context, struct slice text) {
  struct outcome *outcome = context;
  if (outcome->depth == 1) outcome->in_error = slice_equal(text, slice_text("error"));
  outcome->text = NULL;
  if (outcome->depth != 2 || !outcome->in_error) return true;
  if (slice_equal(text, slice_text("code"))) outcome->text = &outcome->code;
  if (slice_equal(text, slice_text("message"))) outcome->text = &outcome->message;
  return true;
}

static bool on_begin(void *context) {
  ((struct outcome *)context)->depth++;
  return on_null(context);
}

static bool on_end(void *context) {
  ((struct outcome *)context)->depth--;
  return true;
}

static const struct json_events EVENTS = {
  .on_null = on_null,   .on_boolean = on_boolean,     .on_integer = on_integer,       .on_float = on_float,
  .on_string = on_string, .on_key = on_key,           .on_array_begin = on_begin,     .on_array_end = on_end,
  .on_object_begin = on_begin, .on_object_end = on_end,
};

static enum err parse(struct slice text, size_t depth_max, struct outcome *outcome, struct failure *failure) {
  struct json_parser *parser = json_parser_try_new(&EVENTS, outcome, depth_max);
  if (parser == NULL) return failure_set(failure, ERR_MEMORY, "no memory to read JSON");
  enum err err = json_parse(parser, text, failure);
  json_parser_free(parser);
  if (err == ERR_NONE && (outcome->code.err != ERR_NONE || outcome->message.err != ERR_NONE)) {
    err = failure_set(failure, ERR_MEMORY, "no memory to read JSON");
  }
  return err;
}

/* `all`: what is shown is the whole answer, also where it tells more than an error. */
static enum err read(int status, struct slice body, bool all, struct buf *result, struct failure *failure) {
  struct outcome outcome = { 0 };
  struct failure reason = { 0 };
  enum err err = parse(body, JSON_LOSSLESS_DEPTH_MAX + 3, &outcome, &reason);
  struct slice found = err == ERR_NONE && status == 200 ? json_span_field(body, "result") : slice_of(NULL, 0);
  if (found.size > 0) {
    buf_put(result, all ? body : found);
    if (result->err != ERR_NONE) err = failure_set(failure, ERR_MEMORY, "no memory for the result");
  } else if (err == ERR_NONE && outcome.code.size > 0) {
    struct slice rest = body, name, value;
    bool tells_more = json_span_next(&rest, &name, &value) && json_span_next(&rest, &name, &value);
    if (all && tells_more) buf_put(result, body);
    err = failure_set(failure, ERR_USER, "%.*s: %.*s", (int)outcome.code.size, (const char *)outcome.code.data,
                      (int)outcome.message.size, (const char *)outcome.message.data);
  } else {
    err = failure_set(failure, ERR_REQUEST, "the answer there is not from a Troupe host (HTTP status %d)", status);
  }
  failure_done(&reason);
  buf_done(&outcome.code);
  buf_done(&outcome.message);
  return err;
}

enum err outcome_read(int status, struct slice body, struct buf *result, struct failure *failure) {
  return read(status, body, false, result, failure);
}

enum err outcome_read_all(int status, struct slice body, struct buf *answer, struct failure *failure) {
  return read(status, body, true, answer, failure);
}

enum err outcome_check_json(struct slice text, struct failure *failure) {
  struct outcome nothing = { 0 };
  enum err err = parse(text, JSON_DEPTH_MAX, &nothing, failure);
  buf_done(&nothing.code);
  buf_done(&nothing.message);
  return err;
}
