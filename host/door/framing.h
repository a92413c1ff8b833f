/* framing.h -- where each request on a connection begins and ends: as RFC 9112 has it, and in no other way.
 *
 * WHY     Who stands before a host and reads the same bytes with other rules lets a client hide a request in the body of
 *         another. So what can be read in two ways is refused. h2o reads leniently, and cannot be told not to: these are the
 *         bytes before h2o sees them.
 * ROOM    door. Below: base. Knows no h2o.
 * OWNS    The part of a request's head, or of a line of a chunked body, that has come.
 * STATES  HEAD -> HEAD (a request without a body) | LENGTH | CHUNK_SIZE
 *         LENGTH -> HEAD;  CHUNK_SIZE -> CHUNK_DATA -> CHUNK_END -> CHUNK_SIZE;  CHUNK_SIZE -> TRAILER -> HEAD
 *         any but LENGTH and CHUNK_DATA -> REFUSED, for good: framing_read()
 * ALWAYS  1. What is passed on is whole heads, bodies, and chunks without extensions and trailers. It means one thing.
 *         2. How the bytes are cut into reads makes no difference to what is passed on.
 *         3. A wrong head becomes FRAMING_STAND_IN, a wrong body FRAMING_BREAK; nothing follows either.
 * LIMITS  FRAMING_HEAD_BYTES_MAX a head, and all trailers of a body; FRAMING_HEADERS_MAX; FRAMING_LINE_BYTES_MAX a line
 *         between chunks.
 */
#ifndef TROUPE_FRAMING_H
#define TROUPE_FRAMING_H

#include "base/buf.h"

enum { FRAMING_HEAD_BYTES_MAX = 400 * 1024, FRAMING_LINE_BYTES_MAX = 4096, FRAMING_HEADERS_MAX = 100 };

/* The request that stands in the place of one that is refused, so that its answer comes in the right order. No client can
 * send its method, which is not a token. */
#define FRAMING_STAND_IN_METHOD "?"
#define FRAMING_STAND_IN FRAMING_STAND_IN_METHOD " / HTTP/1.0\r\n\r\n"

/* Behind it no reader of chunks can go on, whatever it waits for. */
#define FRAMING_BREAK "x"

enum framing_state {
  FRAMING_HEAD, FRAMING_LENGTH, FRAMING_CHUNK_SIZE, FRAMING_CHUNK_DATA, FRAMING_CHUNK_END, FRAMING_TRAILER,
  FRAMING_REFUSED
};

struct framing {
  enum framing_state state;
  struct buf held;             /* lines that have begun, where they came in more than one read */
  bool is_passed;              /* `held` is what was passed on last */
  size_t line_at, searched;    /* in these lines: the one that has not ended, and how far its end was looked for */
  size_t trailer_bytes;
  uint64_t left;               /* of a body, or of a chunk */
  bool has_line;               /* what follows is of the head that is being read: its first line has come */
  bool is_old;                 /* HTTP/1.0 */
  bool has_host, has_length, is_chunked;
  unsigned headers;
  char size_line[24];          /* of the chunk that was passed on last */
  const char *fault;           /* why it is refused, or NULL */
};

/* A connection without bytes is all zero. */
void framing_done(struct framing *framing);

/* Takes bytes off the front of those that have come next, and tells what of them may be passed on, which may be nothing.
 * Answers how many it took, at least one of one or more; the caller asks again for the rest. What is passed on may lie in
 * `bytes` (which are changed where white space must move), and is there until the next call. Once it is refused it takes
 * all and passes nothing on. */
size_t framing_read(struct framing *framing, uint8_t *bytes, size_t size, struct slice *passed);

/* Whether it is between two requests. */
bool framing_is_between(const struct framing *framing);

#endif
