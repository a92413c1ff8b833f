/* wire.c -- see wire.h. */
#include "door/wire.h"

#include "base/check.h"
#include "codec/idempotency_key.h"
#include "codec/json.h"
#include "codec/json_span.h"
#include "door/topics.h"

enum field { FIELD_ID, FIELD_METHOD, FIELD_ARGS, FIELD_KEY, FIELD_SUBSCRIBE, FIELD_UNSUBSCRIBE, FIELD_COUNT };

static const char *const NAMES[] = { "id", "method", "args", "key", "subscribe", "unsubscribe" };

/* For "%.*s": a client's text, no more of it than a message needs. */
enum { SHOWN_MAX = 100 };
#define SHOWN(slice) (int)((slice).size < SHOWN_MAX ? (slice).size : SHOWN_MAX), (const char *)(slice).data

/* The values of a message, as they came; no data: there is none. */
struct fields {
  struct slice values[FIELD_COUNT];
  struct slice unknown;                  /* the first name that is none of these */
  bool is_repeated[FIELD_COUNT];
};

/* -- texts -- */

static bool is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool on_text(void *context, struct slice text) {
  buf_put(context, text);
  return true;
}

static bool on_other(void *context) {
  (void)context;
  return false;
}

static bool on_boolean(void *context, bool truth) {
  (void)context, (void)truth;
  return false;
}

static bool on_integer(void *context, int64_t number) {
  (void)context, (void)number;
  return false;
}

static bool on_float(void *context, double number) {
  (void)context, (void)number;
  return false;
}

static enum err fail_memory(struct failure *failure) {
  return failure_set(failure, ERR_MEMORY, "no memory to read the message");
}

static enum err decode(struct wire *wire, struct slice json, struct slice *text, struct failure *failure) {
  static const struct json_events events = {
    .on_null = on_other, .on_boolean = on_boolean, .on_integer = on_integer, .on_float = on_float, .on_string = on_text,
    .on_key = on_text, .on_array_begin = on_other, .on_array_end = on_other, .on_object_begin = on_other,
    .on_object_end = on_other,
  };
  CHECK_THAT(wire->decoded_count, <, sizeof wire->decoded / sizeof *wire->decoded);
  struct buf *into = &wire->decoded[wire->decoded_count++];
  buf_clear(into);
  if (wire->parser == NULL) wire->parser = json_parser_try_new(&events, into, 1);
  if (wire->parser == NULL) return fail_memory(failure);
  json_parser_again(wire->parser, into);
  enum err err = json_parse(wire->parser, json, failure);
  if (err == ERR_NONE && into->err != ERR_NONE) return fail_memory(failure);
  *text = buf_slice(into);
  return err;
}

/* The text of a field that must be a string of JSON. Mostly it has no escapes, and lies there already. */
static enum err read_text(struct wire *wire, enum field field, struct slice json, struct slice *text,
                          struct failure *failure) {
  if (json.size < 2 || json.data[0] != '"' || json.data[json.size - 1] != '"') {
    return failure_set(failure, ERR_REQUEST, "%s is not a string", NAMES[field]);
  }
  *text = slice_of(json.data + 1, json.size - 2);
  bool is_plain = true;
  for (size_t i = 0; i < text->size; i++) is_plain = is_plain && text->data[i] >= ' ' && text->data[i] != '\\';
  if (is_plain) return ERR_NONE;
  struct failure reason = { 0 };
  enum err err = decode(wire, json, text, &reason);
  if (err != ERR_NONE) {
    failure_set(failure, err, "%s: %.*s", NAMES[field], SHOWN(buf_slice(&reason.message)));
  }
  failure_done(&reason);
  return err;
}

static bool is_integer(struct slice json) {
  size_t at = json.size > 0 && json.data[0] == '-' ? 1 : 0;
  if (at == json.size || (json.data[at] == '0' && at + 1 < json.size)) return false;
  for (; at < json.size; at++) {
    if (json.data[at] < '0' || json.data[at] > '9') return false;
  }
  return true;
}

static enum err check_id(struct wire *wire, struct slice json, struct failure *failure) {
  bool is_text = json.size > 0 && json.data[0] == '"';
  size_t size = is_text ? json.size - 2 : json.size;
  struct slice text;
  enum err err = is_text ? read_text(wire, FIELD_ID, json, &text, failure) : ERR_NONE;
  if (err != ERR_NONE) return err;
  if (!is_text && !is_integer(json)) {
    return failure_set(failure, ERR_REQUEST, "id is %.*s; it must be an integer or a string", SHOWN(json));
  }
  if (size <= WIRE_ID_BYTES_MAX) return ERR_NONE;
  return failure_set(failure, ERR_REQUEST, "id has %zu bytes; the most is %d", size, WIRE_ID_BYTES_MAX);
}

/* -- the message as its fields -- */

static void note_field(struct fields *fields, struct slice name, struct slice value) {
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    if (!slice_equal(name, slice_text(NAMES[i]))) continue;
    fields->is_repeated[i] = fields->values[i].data != NULL;
    fields->values[i] = value;
    return;
  }
  if (fields->unknown.data == NULL) fields->unknown = name;
}

static enum err split(struct slice text, struct fields *fields, struct failure *failure) {
  while (text.size > 0 && is_blank(text.data[0])) text = slice_after(text, 1);
  while (text.size > 0 && is_blank(text.data[text.size - 1])) text.size--;
  if (text.size == 0 || text.data[0] != '{') {
    return failure_set(failure, ERR_REQUEST, "the message is not an object of JSON");
  }
  struct slice rest = text, name, value;
  bool is_right = true;
  while (is_right && json_span_next(&rest, &name, &value)) {
    is_right = name.data != NULL && value.size > 0;
    if (is_right) note_field(fields, name, value);
  }
  if (rest.data == text.data) rest = slice_after(rest, 1);        /* no field: the brace that begins it is still there */
  while (rest.size > 1 && is_blank(rest.data[0])) rest = slice_after(rest, 1);
  if (is_right && slice_equal(rest, slice_text("}"))) return ERR_NONE;
  return failure_set(failure, ERR_REQUEST, "the message is not valid JSON at byte %zu", (size_t)(rest.data - text.data) + 1);
}

static enum err check_fields(const struct fields *fields, struct failure *failure) {
  static const char forms[] = "a message has id, method, args and key, or subscribe, or unsubscribe";
  size_t count = 0, kinds = 0;
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    if (fields->is_repeated[i]) return failure_set(failure, ERR_REQUEST, "the message has %s twice", NAMES[i]);
    bool is_there = fields->values[i].data != NULL;
    count += is_there;
    kinds += is_there && (i == FIELD_METHOD || i == FIELD_SUBSCRIBE || i == FIELD_UNSUBSCRIBE);
  }
  if (fields->unknown.data != NULL) {
    return failure_set(failure, ERR_REQUEST, "the message has an unknown field \"%.*s\"; %s", SHOWN(fields->unknown), forms);
  }
  bool is_call = fields->values[FIELD_METHOD].data != NULL;
  if (kinds != 1 || (!is_call && count > 1)) {
    return failure_set(failure, ERR_REQUEST, kinds == 0 ? "the message says nothing to do: %s"
                                                        : "the message says several things at once: %s", forms);
  }
  if (is_call && fields->values[FIELD_ID].data == NULL) return failure_set(failure, ERR_REQUEST, "the call has no id");
  return ERR_NONE;
}

static enum err read_call(struct wire *wire, const struct fields *fields, struct wire_message *message,
                          struct failure *failure) {
  struct slice args = fields->values[FIELD_ARGS], key = fields->values[FIELD_KEY];
  enum err err = read_text(wire, FIELD_METHOD, fields->values[FIELD_METHOD], &message->method, failure);
  if (err != ERR_NONE) return err;
  if (message->method.size == 0) return failure_set(failure, ERR_REQUEST, "method is empty");
  if (args.data != NULL && args.data[0] != '[') return failure_set(failure, ERR_REQUEST, "args is not an array");
  message->args = args;
  if (key.data == NULL) return ERR_NONE;
  err = read_text(wire, FIELD_KEY, key, &message->key, failure);
  return err == ERR_NONE ? idempotency_key_check(message->key, failure) : err;
}

static enum err read_event(struct wire *wire, enum field field, const struct fields *fields, struct wire_message *message,
                           struct failure *failure) {
  enum err err = read_text(wire, field, fields->values[field], &message->event, failure);
  if (err != ERR_NONE) return err;
  message->event_json = fields->values[field];
  if (message->event.size > 0 && message->event.size <= TOPIC_NAME_BYTES_MAX) return ERR_NONE;
  return failure_set(failure, ERR_REQUEST, "%s: the name of the event has %zu bytes; it has 1 to %d", NAMES[field],
                     message->event.size, TOPIC_NAME_BYTES_MAX);
}

enum err wire_read(struct wire *wire, struct slice text, struct wire_message *message, struct failure *failure) {
  struct fields fields = { 0 };
  struct slice *id = &fields.values[FIELD_ID];
  *message = (struct wire_message){ .kind = WIRE_CALL };
  wire->decoded_count = 0;
  enum err err = split(text, &fields, failure);
  if (id->data != NULL && !fields.is_repeated[FIELD_ID]) {
    struct failure reason = { 0 };
    if (check_id(wire, *id, &reason) == ERR_NONE) message->id = *id;
    if (err == ERR_NONE && reason.err != ERR_NONE) {
      err = reason.err;
      failure_move(failure, &reason);
    }
    failure_done(&reason);
  }
  if (err == ERR_NONE) err = check_fields(&fields, failure);
  if (err != ERR_NONE) return err;
  if (fields.values[FIELD_METHOD].data != NULL) return read_call(wire, &fields, message, failure);
  bool is_added = fields.values[FIELD_SUBSCRIBE].data != NULL;
  message->kind = is_added ? WIRE_SUBSCRIBE : WIRE_UNSUBSCRIBE;
  return read_event(wire, is_added ? FIELD_SUBSCRIBE : FIELD_UNSUBSCRIBE, &fields, message, failure);
}

void wire_done(struct wire *wire) {
  json_parser_free(wire->parser);
  for (size_t i = 0; i < sizeof wire->decoded / sizeof *wire->decoded; i++) buf_done(&wire->decoded[i]);
}

/* -- answers -- */

struct frame *wire_try_result(struct slice id, struct slice result) {
  const struct slice pieces[] = { slice_text("{\"id\":"), id, slice_text(",\"result\":"), result, slice_text("}") };
  return frame_try_new(FRAME_TEXT, pieces, sizeof pieces / sizeof *pieces);
}

/* The failure's own object, {"error": ...}, with a field before it and one behind it, where there is one. */
static struct frame *try_error(struct slice id, const struct failure *failure, const char *name, struct slice value) {
  struct buf text = { 0 };
  json_put_failure(&text, failure);
  struct frame *made = NULL;
  if (text.err == ERR_NONE) {
    struct slice fields = slice_of(text.data + 1, text.size - 2);
    struct slice pieces[] = { slice_text("{\"id\":"), id, slice_text(","), fields, slice_text(",\""), slice_text(name),
                              slice_text("\":"), value, slice_text("}") };
    if (id.size == 0) pieces[0] = slice_text("{"), pieces[2].size = 0;
    if (value.size == 0) pieces[4].size = pieces[5].size = pieces[6].size = 0;
    made = frame_try_new(FRAME_TEXT, pieces, sizeof pieces / sizeof *pieces);
  }
  buf_done(&text);
  return made;
}

struct frame *wire_try_failure(struct slice id, const struct failure *failure) {
  return try_error(id, failure, "", slice_of(NULL, 0));
}

struct frame *wire_try_error(const struct wire_message *message, const struct failure *failure) {
  return try_error(message->id, failure, message->kind == WIRE_UNSUBSCRIBE ? "unsubscribe" : "subscribe", message->event_json);
}
