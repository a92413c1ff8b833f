/* framing.h -- where each request on a connection begins and ends: as RFC 9112 has it, and in no other way.
 *
 * WHY     If a proxy before the host reads the same bytes by other rules, a client can hide a request in the body of
 *         another. So bytes that can be read in two ways are refused. h2o reads leniently, and cannot be told not to, which
 *         is why this file reads the bytes before h2o does.
 * ROOM    door. Below: base. Does not know h2o.
 * OWNS    The part of a request's head, or of a line of a chunked body, that has come so far; and what came while RAW.
 * STATES  HEAD -> HEAD (a request without a body) | LENGTH | CHUNK_SIZE
 *         LENGTH -> HEAD;  CHUNK_SIZE -> CHUNK_DATA -> CHUNK_END -> CHUNK_SIZE;  CHUNK_SIZE -> TRAILER -> HEAD
 *         HEAD -> RAW, for good: a GET without a body that asks for a WebSocket. What follows is not HTTP, and is kept
 *         any but LENGTH and CHUNK_DATA -> REFUSED, for good: framing_read()
 * ALWAYS  1. It passes on whole heads, bodies, and chunks without extensions and trailers. They mean one thing only.
 *         2. How the bytes are cut into reads makes no difference to what is passed on.
 *         3. A wrong head becomes FRAMING_STAND_IN, a wrong body FRAMING_BREAK; nothing is passed on after that.
 * LIMITS  FRAMING_HEAD_BYTES_MAX for a head, and for all trailers of a body; FRAMING_HEADERS_MAX; FRAMING_LINE_BYTES_MAX for
 *         a line between chunks.
 */
#ifndef TROUPE_FRAMING_H
#define TROUPE_FRAMING_H

#include "base/buf.h"

enum { FRAMING_HEAD_BYTES_MAX = 400 * 1024, FRAMING_LINE_BYTES_MAX = 4096, FRAMING_HEADERS_MAX = 100 };

/* The request that takes the place of a refused one, so that its answer comes in the right order. No client can send its
 * method, which is not a token. */
#define FRAMING_STAND_IN_METHOD "?"
#define FRAMING_STAND_IN FRAMING_STAND_IN_METHOD " / HTTP/1.0\r\n\r\n"

/* No reader of chunks can go on after this, whatever it waits for. */
#define FRAMING_BREAK "x"

enum framing_state {
  FRAMING_HEAD, FRAMING_LENGTH, FRAMING_CHUNK_SIZE, FRAMING_CHUNK_DATA, FRAMING_CHUNK_END, FRAMING_TRAILER,
  FRAMING_RAW, FRAMING_REFUSED
};

struct framing {
  enum framing_state state;
  struct buf held;             /* lines that came in more than one read, until they are whole; while RAW: what came */
  uint64_t heads;              /* how many were passed on */
  bool is_passed;              /* `held` was passed on by the last read */
  size_t line_at, searched;    /* in these lines: the one that has not ended, and how far its end was searched for */
  size_t trailer_bytes;
  uint64_t left;               /* bytes of a body, or of a chunk */
  bool has_line;               /* the first line has come of the head that is being read; the next fields are of that head */
  bool is_old;                 /* HTTP/1.0 */
  bool has_host, has_length, is_chunked;
  bool is_get, has_upgrade, has_connection;   /* Upgrade names WebSocket, Connection names Upgrade */
  unsigned headers;
  char size_line[24];          /* of the chunk that was passed on last */
  const char *fault;           /* why it is refused, or NULL */
};

/* A connection without bytes is all zero. */
void framing_done(struct framing *framing);

/* Takes bytes off the front of those that came next, and tells what may be passed on for them, which may be nothing. Returns
 * how many it took, at least one if there is one; the caller calls again for the rest. What is passed on may lie in `bytes`
 * (it moves white space there), and is valid until the next call. Once refused, it takes everything and passes nothing on. */
size_t framing_read(struct framing *framing, uint8_t *bytes, size_t size, struct slice *passed);

/* Whether it is between two requests. */
bool framing_is_between(const struct framing *framing);

/* Moves what came while RAW. */
void framing_take_raw(struct framing *framing, struct buf *raw);

/* How many bytes that are. */
static inline size_t framing_raw_bytes(const struct framing *framing) {
  return framing->state == FRAMING_RAW && !framing->is_passed ? framing->held.size : 0;
}

#endif
