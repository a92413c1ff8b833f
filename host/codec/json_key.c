/* json_key.c -- an actor's key as it stands in a URL, to its bytes. */
#include "codec/json.h"
#include "codec/key.h"

struct reading {
  struct buf *key;
  struct failure *failure;
  size_t depth;
};

/* After each part: false, to end the parse, where the key took it no more. */
static bool check(const struct reading *reading) {
  return reading->key->err == ERR_NONE;
}

static bool refuse(struct reading *reading, const char *what) {
  failure_set(reading->failure, ERR_KEY, "%s cannot be part of a key", what);
  return false;
}

static bool on_null(void *context) {
  return refuse(context, "null");
}

static bool on_object_begin(void *context) {
  return refuse(context, "an object");
}

/* Neither comes without on_object_begin() before. */
static bool on_object_end(void *context) {
  return refuse(context, "an object");
}

static bool on_key(void *context, struct slice text) {
  (void)text;
  return refuse(context, "an object");
}

static bool on_boolean(void *context, bool truth) {
  struct reading *reading = context;
  key_put_boolean(reading->key, truth);
  return check(reading);
}

static bool on_integer(void *context, int64_t number) {
  struct reading *reading = context;
  key_put_integer(reading->key, number);
  return check(reading);
}

static bool on_float(void *context, double number) {
  struct reading *reading = context;
  return key_put_float(reading->key, number) ? check(reading) : refuse(reading, "NaN");
}

static bool on_string(void *context, struct slice text) {
  struct reading *reading = context;
  key_put_string(reading->key, text);
  return check(reading);
}

static bool on_array_begin(void *context) {
  struct reading *reading = context;
  if (reading->depth++ > 0) key_tuple_begin(reading->key);
  return check(reading);
}

static bool on_array_end(void *context) {
  struct reading *reading = context;
  if (--reading->depth > 0) key_tuple_end(reading->key);
  return check(reading);
}

static const struct json_events events = {
  .on_null = on_null,
  .on_boolean = on_boolean,
  .on_integer = on_integer,
  .on_float = on_float,
  .on_string = on_string,
  .on_key = on_key,
  .on_array_begin = on_array_begin,
  .on_array_end = on_array_end,
  .on_object_begin = on_object_begin,
  .on_object_end = on_object_end,
};

/* A parse that failed tells its reason in `parsing`; for the caller, it is the key that is wrong. */
static enum err note_result(const struct reading *reading, const struct failure *parsing, size_t size_before,
                            struct failure *failure) {
  const struct buf *key = reading->key;
  if (parsing->err == ERR_MEMORY || key->err == ERR_MEMORY) {
    return failure_set(failure, ERR_MEMORY, "out of memory while reading a key");
  }
  if (key->err != ERR_NONE) {
    return failure_set(failure, ERR_KEY, "the key is longer than %zu bytes encoded", key->size_max - size_before);
  }
  if (parsing->err == ERR_REQUEST) {
    return failure_set(failure, ERR_KEY, "the key is %.*s", (int)parsing->message.size, (char *)parsing->message.data);
  }
  if (parsing->err != ERR_NONE) return failure_set_text(failure, ERR_KEY, buf_slice(&parsing->message));
  if (key->size == size_before) return failure_set(failure, ERR_KEY, "a key must not be an empty tuple");
  return ERR_NONE;
}

enum err json_parse_key(struct slice text, struct buf *key, struct failure *failure) {
  struct failure parsing = { 0 };
  struct reading reading = { .key = key, .failure = &parsing };
  size_t size_before = key->size;
  /* The key itself is one array around KEY_DEPTH_MAX nested tuples. */
  struct json_parser *parser = json_parser_try_new(&events, &reading, KEY_DEPTH_MAX + 1);
  if (parser == NULL) {
    failure_set(&parsing, ERR_MEMORY, "out of memory");
  } else {
    (void)json_parse(parser, text, &parsing);   /* the failure holds what it returns, too */
  }
  enum err err = note_result(&reading, &parsing, size_before, failure);
  if (err != ERR_NONE) key->size = size_before;
  json_parser_free(parser);
  failure_done(&parsing);
  return err;
}
