/* failure.h -- what went wrong, in words for a person.
 *
 * WHY    An error names what was wrong, where, and the limit (promise 6). The value says which kind it is; the
 *        message says the rest.
 * ROOM   base.
 * OWNS   Its message, code and metadata. failure_init() or `= {0}` ... failure_done().
 * ALWAYS The first failure sticks: failure_set() on one that is set does nothing.
 * LIMITS FAILURE_MESSAGE_MAX bytes of message; the rest is cut, at a character of UTF-8, and "..." marks it.
 */
#ifndef TROUPE_FAILURE_H
#define TROUPE_FAILURE_H

#include "base/buf.h"

enum { FAILURE_MESSAGE_MAX = 4096, FAILURE_CODE_MAX = 64, FAILURE_HOPS_NAMED = 3 };

struct failure {
  enum err err;          /* ERR_NONE: nothing went wrong */
  struct buf message;
  struct buf code;       /* of a UserError that has its own; else empty, and err_code(err) counts */
  struct buf metadata;   /* of a UserError, as a value (codec/value.h); else empty */
  unsigned hops;         /* calls between actors that it came through and that its message names, at most FAILURE_HOPS_NAMED */
};

void failure_init(struct failure *failure);
void failure_done(struct failure *failure);

/* Forgets what went wrong, for the next use. */
void failure_clear(struct failure *failure);

/* Notes what went wrong and returns `err`, so that `return failure_set(...)` reads well. */
enum err failure_set(struct failure *failure, enum err err, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/* The same with text that is not a format and may hold any bytes. */
enum err failure_set_text(struct failure *failure, enum err err, struct slice message);

/* The code that reaches the caller: that of the UserError, or err_code(). A slice into the failure or a constant. */
struct slice failure_code(const struct failure *failure);

/* Moves one into the other (released first); the source is empty afterwards. */
void failure_move(struct failure *to, struct failure *from);

#endif
