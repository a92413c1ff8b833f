/* wire.h -- what the frames of a socket say: JSON to calls and subscriptions, and answers to frames.
 *
 * WHY     Everything that a client can get wrong in a message is decided in one place, which can be tried without a server.
 * ROOM    door. Below: frame, topics (what may be a name), codec (JSON). Does not know h2o.
 * THREAD  The server's.
 * OWNS    Texts that it had to decode, until the next message.
 * BYTES   in:   {"id": ID, "method": NAME, "args": [...], "key": TEXT}    a call; `args` and `key` may be absent
 *               {"subscribe": NAME}, {"unsubscribe": NAME}
 *         out:  {"id": ID, "result": ...} or {"id": ID, "error": {...}}
 *               {"error": {...}}                                          of a message without an id
 *               {"error": {...}, "subscribe": NAME}                       of one that does not subscribe; "unsubscribe" too
 *         An id is an integer or a string, and comes back as it came, byte by byte. The arguments are not parsed: what is
 *         wrong in them the actor's worker will see.
 * LIMITS  WIRE_ID_BYTES_MAX
 * ERRORS  ERR_REQUEST, ERR_MEMORY
 */
#ifndef TROUPE_WIRE_H
#define TROUPE_WIRE_H

#include "base/failure.h"
#include "door/frame.h"

enum { WIRE_ID_BYTES_MAX = 128 };        /* without the quotes of a string */

struct json_parser;

struct wire {
  struct json_parser *parser;            /* for texts with escapes; NULL: none came yet */
  struct buf decoded[3];                 /* of such texts: the first fields that needed it */
  unsigned decoded_count;
};

enum wire_kind { WIRE_CALL, WIRE_SUBSCRIBE, WIRE_UNSUBSCRIBE };

/* Slices lie in the message or in `wire`, and are valid as long as the message is, until the next wire_read(). */
struct wire_message {
  enum wire_kind kind;
  struct slice id;                       /* JSON, as it came; empty: it has none */
  struct slice method;                   /* of a call */
  struct slice args;                     /* of a call: JSON that begins as an array; empty: none */
  struct slice key;                      /* of a call: its idempotency key; empty: none */
  struct slice event;                    /* of the others: the name */
  struct slice event_json;               /* the same as it came */
};

void wire_done(struct wire *wire);

/* Reads a message, which is UTF-8. After an error `message` holds what wire_try_error() needs to answer it. */
enum err wire_read(struct wire *wire, struct slice text, struct wire_message *message, struct failure *failure);

/* The answers; NULL if out of memory. */
struct frame *wire_try_result(struct slice id, struct slice result);
struct frame *wire_try_failure(struct slice id, const struct failure *failure);
struct frame *wire_try_error(const struct wire_message *message, const struct failure *failure);

#endif
