/* outbox.h -- the messages that a turn has sent, until its commit takes them along.
 *
 * WHY     The script room knows what is sent to whom; the stage makes records of it (stage/parcel.h). A turn that fails sends
 *         nothing, so what it has sent waits here.
 * ROOM    script, without lua.h.
 * THREAD  The turn's worker's.
 * OWNS    Its messages. It is the turn's: NULL while that has sent nothing.
 * LIMITS  waiting_sends and commit_bytes, kept by lib_send.c: the messages of a turn count towards its commit.
 */
#ifndef TROUPE_OUTBOX_H
#define TROUPE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct message {
  struct message *next;
  struct slice class_name, key;    /* the receiver's; the key is encoded */
  struct slice method;
  struct slice args;               /* a value, an array */
  struct slice input;              /* a value, for initialize_state; or empty */
  struct slice idempotency_key;    /* or empty */
  bool create;                     /* whether it may create the receiver */
};

struct outbox {
  struct message *first, *last;    /* in the order in which they were sent */
  size_t count;
  size_t bytes;                    /* of all of them, about as their records take */
};

struct outbox *outbox_try_new(void);
void outbox_free(struct outbox *outbox);

/* Puts a copy of the message at the end. False if memory runs out. */
bool outbox_try_put(struct outbox *outbox, const struct message *message);

/* What a message counts for. */
size_t outbox_bytes_of(const struct message *message);

#endif
