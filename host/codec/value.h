/* value.h -- values as MessagePack.
 *
 * WHY     State, kv values, arguments between actors: what is saved or copied is one kind of bytes, which other tools
 *         can read (https://github.com/msgpack/msgpack/blob/master/spec.md). Written with msgpack-c; reading is our
 *         own, since its unpacker gives up at depth 33, and never recurses.
 * ROOM    codec. Knows no Lua; a writer and a reader of tokens.
 * BYTES   nil is Troupe's null. Integers are integers, floats float64, strings str whatever their bytes. A marked
 *         sequence is an array; any other table is a map, in no particular order. Extension VALUE_EXT_SAME with 4 bytes
 *         big-endian n: the very n-th table (array or map, from 0, in the order in which they begin) of this value.
 *         Extension VALUE_EXT_NODE with 8 bytes big-endian: a table of a state that has records of its own, by its node
 *         id. Extension VALUE_EXT_HANDLE: the handle of an actor, its class as a str and its key (codec/key.h), all in
 *         the shortest form: handles of one actor are the same bytes.
 * LIMITS  VALUE_DEPTH_MAX tables within tables; its keeper checks when writing, the reader when reading.
 */
#ifndef TROUPE_VALUE_H
#define TROUPE_VALUE_H

#include "base/buf.h"

enum { VALUE_DEPTH_MAX = 100, VALUE_EXT_SAME = 1, VALUE_EXT_NODE = 2, VALUE_EXT_HANDLE = 3 };

enum { VALUE_NEVER = 0xc1 };   /* a byte with which a value never begins */

enum value_type {
  VALUE_END,       /* of the bytes */
  VALUE_NULL,
  VALUE_BOOLEAN,
  VALUE_INTEGER,
  VALUE_FLOAT,
  VALUE_STRING,
  VALUE_ARRAY,     /* `count` values follow */
  VALUE_MAP,       /* `count` pairs follow: key, value */
  VALUE_NODE,      /* the table with the id `node` */
  VALUE_SAME,      /* the table number `count` of this value again */
  VALUE_HANDLE,    /* of the actor of the class `text` with the key `key` */
  VALUE_BROKEN     /* these bytes are not a value: damage, or another program's */
};

void value_put_null(struct buf *buf);
void value_put_boolean(struct buf *buf, bool truth);
void value_put_integer(struct buf *buf, int64_t number);
void value_put_float(struct buf *buf, double number);
void value_put_string(struct buf *buf, struct slice text);
void value_put_array(struct buf *buf, uint32_t count);
void value_put_map(struct buf *buf, uint32_t count);
void value_put_node(struct buf *buf, uint64_t node_id);
void value_put_same(struct buf *buf, uint32_t table);

/* The name of the class has 1 to 255 bytes; the key is an encoded one, and valid. */
void value_put_handle(struct buf *buf, struct slice class_name, struct slice key);

/* Reading: one token a call. A caller that builds nested tables counts what is still to come. */
struct value_reader {
  struct slice rest;
  bool truth;
  int64_t integer;       /* a uint64 beyond int64 is VALUE_BROKEN: Troupe writes none */
  double number;
  struct slice text;     /* into the bytes that are read, as is `key` */
  struct slice key;      /* encoded, and valid */
  uint32_t count;
  uint64_t node;
};

void value_reader_init(struct value_reader *reader, struct slice bytes);
/* The next token. A `count` is never larger than what the rest of the bytes can hold. */
enum value_type value_next(struct value_reader *reader);

/* Whether bytes are one whole value, and nothing behind it. Appends the ids of the nodes that it refers to, as
 * uint64_t's; `nodes` NULL: it may not refer to any. */
bool value_is_valid(struct slice bytes, struct buf *nodes);

#endif
