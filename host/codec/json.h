/* json.h -- JSON text, exact.
 *
 * WHY     What a client sends is what the actor gets and what comes back (lua/README.md, "JSON"): 64-bit integers stay
 *         integers, floats print with the fewest digits that read back, lone surrogates and trailing bytes are refused.
 * ROOM    codec. Parsing is YAJL's; numbers, surrogates, depth and printing are ours. Knows no Lua.
 * LIMITS  `depth_max` arrays and objects within each other.
 */
#ifndef TROUPE_JSON_H
#define TROUPE_JSON_H

#include "base/buf.h"
#include "base/failure.h"
#include "base/recursion.h"
#include "codec/json_text.h"

enum {
  JSON_DEPTH_MAX = 100,
  JSON_LOSSLESS_DEPTH_MAX = 3 * RECURSION_MAX + 1     /* of text in which a table may be three: an object, an array, a pair */
};

/* What a parser calls, in the order of the text. Each returns true to go on. One may leave by longjmp as long
 * as json_parser_free() is called later. Strings are UTF-8 and may hold NUL. */
struct json_events {
  bool (*on_null)(void *context);
  bool (*on_boolean)(void *context, bool truth);
  bool (*on_integer)(void *context, int64_t number);
  bool (*on_float)(void *context, double number);        /* also integers beyond 64 bits; finite */
  bool (*on_string)(void *context, struct slice text);
  bool (*on_key)(void *context, struct slice text);      /* the name of the next value of an object */
  bool (*on_array_begin)(void *context);
  bool (*on_array_end)(void *context);
  bool (*on_object_begin)(void *context);
  bool (*on_object_end)(void *context);
};

struct json_parser;

/* NULL if out of memory. `events` and `context` stay the caller's and must outlive it. */
struct json_parser *json_parser_try_new(const struct json_events *events, void *context, size_t depth_max);
void json_parser_free(struct json_parser *parser);

/* How deep the next texts may be, instead of `depth_max`. */
void json_parser_set_depth(struct json_parser *parser, size_t depth_max);

/* Makes a parser that has parsed, or was left by longjmp, ready for another text. */
void json_parser_again(struct json_parser *parser, void *context);

/* Parses one whole text: one value, white space around it. 0; or `err` set in the failure with the place in bytes: "not
 * valid JSON at byte 12: ..."; nested too deeply, a lone surrogate, a number beyond the floats (1e999) and invalid
 * UTF-8 too. If an event returned false, what the event noted in the failure before, else ERR_REQUEST. The err set
 * is ERR_REQUEST, or ERR_MEMORY. Then free the parser, or call json_parser_again(). */
enum err json_parse(struct json_parser *parser, struct slice text, struct failure *failure);

/* A key from JSON text: an array is a tuple (arrays in it nested tuples), a string, number or boolean a tuple of one.
 * Objects, null and an empty tuple are ERR_KEY, and so is text that is not JSON. Appends the encoded key (codec/key.h), or
 * nothing. */
enum err json_parse_key(struct slice text, struct buf *key, struct failure *failure);

/* An actor's key (codec/key.h), which is valid, in the lossless form: a tuple of one string as that string, any other tuple as
 * an array. */
void json_put_key(struct buf *buf, struct slice key);

/* The fields of an object that name an actor, in the lossless form: "class":"Account","key":"ann". */
void json_put_address(struct buf *buf, struct slice class_name, struct slice key);

/* A value's bytes (codec/value.h) as JSON by the rules of "JSON out" (lua/README.md): used where no Lua is near. A map
 * with keys exactly 1..n, n > 0, is an array (in any order of the bytes); with string keys only, or empty, an object.
 * Others ERR_ARGUMENTS with the path in the failure, and the buffer is cut back to where it was. */
enum err json_put_value(struct buf *buf, struct slice value, struct failure *failure);

/* {"error":{"code":...,"message":...,"metadata":...}}: metadata only where there is one that JSON can express. */
void json_put_failure(struct buf *buf, const struct failure *failure);

#endif
