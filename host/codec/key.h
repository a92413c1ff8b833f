/* key.h -- tuples as bytes whose order is the order of the tuples.
 *
 * WHY     Actor keys, kv keys and record keys are compared as bytes by everyone below; so the bytes sort like the
 *         tuples: strings (bytewise) < nested tuples < numbers (by value) < false < true, a tuple before its
 *         extensions.
 * ROOM    codec.
 * BYTES   Type codes after FoundationDB's tuple layer: string 01 bytes 00 (a 00 inside is 00 ff), nested tuple 05 parts
 *         00, number 15, false 26, true 27. A number is 15 and the largest double <= x as 8 big-endian bytes, sign bit
 *         flipped (all bits where negative); only where |double| >= 2^53 two more bytes, x - double. A float with an
 *         exact 64-bit integer value is that integer; -0.0 is 0; NaN cannot be a key.
 * ALWAYS  sign(slice_compare(enc a, enc b)) = sign(a <=> b), and dec(enc a) = a with the same kind of number.
 * LIMITS  KEY_BYTES_MAX encoded is the default limit of a key; its keeper checks. KEY_DEPTH_MAX nested tuples.
 */
#ifndef TROUPE_KEY_H
#define TROUPE_KEY_H

#include "base/buf.h"

enum { KEY_BYTES_MAX = 2048, KEY_DEPTH_MAX = 100 };

enum key_type {
  KEY_END,       /* of the whole key, or of a nested tuple that was begun */
  KEY_STRING,
  KEY_TUPLE,     /* a nested tuple begins; its parts follow, then KEY_END */
  KEY_INTEGER,
  KEY_FLOAT,
  KEY_BOOLEAN,
  KEY_BROKEN     /* these bytes are not a key */
};

/* Writing: the parts of a tuple one after the other; a nested one between _begin and _end. What buf.h says of
 * failures holds. */
void key_put_string(struct buf *buf, struct slice text);
void key_put_integer(struct buf *buf, int64_t number);
void key_put_boolean(struct buf *buf, bool truth);
void key_tuple_begin(struct buf *buf);
void key_tuple_end(struct buf *buf);

/* False, and nothing is written, for NaN. */
bool key_put_float(struct buf *buf, double number);

/* Reading: a cursor over the parts. A string is a slice of the key's own bytes, or, if NULs in it are escaped, a copy
 * in `unescaped`, which is reused. */
struct key_reader {
  struct slice rest;
  size_t depth;
  struct slice text;    /* KEY_STRING: dead with the next part */
  struct buf unescaped;
  int64_t integer;      /* KEY_INTEGER */
  double number;        /* KEY_FLOAT */
  bool truth;           /* KEY_BOOLEAN */
};

void key_reader_init(struct key_reader *reader, struct slice key);
void key_reader_again(struct key_reader *reader, struct slice key);   /* the same, keeping the memory of another key */
void key_reader_done(struct key_reader *reader);

/* The next part, its content in the reader. KEY_BROKEN also if out of memory (unescaped.err says so). */
enum key_type key_next(struct key_reader *reader);

/* How many bytes the first part of a key takes; 0 if the bytes are not a key. Checks no more than it needs to. */
size_t key_part_size(struct slice key);

/* The bytes between the type code of a string and its end: the string, but with NULs escaped. */
struct slice key_string_inside(struct slice part);

/* Whether the bytes are a whole key of one part or more. */
bool key_is_valid(struct slice key);

/* A key as a person reads it, in JSON: {"eu", 42} is `["eu",42]`, a tuple of one plain string is `"ann"`. Bytes that
 * are not UTF-8 are shown as \ufffd. For messages and logs only. */
void key_print(struct buf *buf, struct slice key);

/* The address of an actor as a person reads it, and writes it in a path: `Account/ann`, `Room/["eu",42]`. A key of one
 * string stands without quotes if a path can have it so. */
void key_print_address(struct buf *buf, struct slice class_name, struct slice key);

/* A name as it stands there: as it is, or with quotes if it could be taken for something else. */
void key_print_name(struct buf *buf, struct slice name);

#endif
