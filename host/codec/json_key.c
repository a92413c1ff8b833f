/* json_key.c -- an actor's key as JSON, as it stands in a URL, to its bytes and back. */
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

static void put_parts(struct buf *buf, struct key_reader *reader) {
  bool is_first = true;
  for (;;) {
    size_t depth = reader->depth;
    enum key_type type = key_next(reader);
    if (type == KEY_BROKEN || (type == KEY_END && depth == 0)) return;
    if (!is_first && type != KEY_END) buf_put_byte(buf, ',');
    is_first = type == KEY_TUPLE;
    switch (type) {
      case KEY_STRING: json_put_lossless_string(buf, reader->text); break;
      case KEY_INTEGER: json_put_integer(buf, reader->integer); break;
      case KEY_FLOAT: json_put_lossless_float(buf, reader->number); break;
      case KEY_BOOLEAN: buf_put_text(buf, reader->truth ? "true" : "false"); break;
      case KEY_TUPLE: buf_put_byte(buf, '['); break;
      default: buf_put_byte(buf, ']');
    }
  }
}

void json_put_key(struct buf *buf, struct slice key) {
  struct key_reader reader;
  key_reader_init(&reader, key);
  bool is_string = key_next(&reader) == KEY_STRING && reader.rest.size == 0;
  key_reader_again(&reader, key);
  if (!is_string) buf_put_byte(buf, '[');
  put_parts(buf, &reader);
  if (!is_string) buf_put_byte(buf, ']');
  if (reader.unescaped.err != ERR_NONE && buf->err == ERR_NONE) buf->err = reader.unescaped.err;
  key_reader_done(&reader);
}

void json_put_address(struct buf *buf, struct slice class_name, struct slice key) {
  buf_put_text(buf, "\"class\":");
  json_put_lossless_string(buf, class_name);
  buf_put_text(buf, ",\"key\":");
  json_put_key(buf, key);
}
