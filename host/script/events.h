/* events.h -- what a turn tells the connections of its actor, until its commit takes it along.
 *
 * WHY     The script room knows what is told to whom; the stage hands it to the doors (stage/notice.h). A turn that fails tells
 *         nothing, so what it tells waits here.
 * ROOM    script, without lua.h.
 * THREAD  The turn's worker's.
 * OWNS    Its events. It is the turn's: NULL while that tells nothing.
 * LIMITS  commit_bytes, kept by lib_connection.c: the events of a turn count towards its commit.
 */
#ifndef TROUPE_EVENTS_H
#define TROUPE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum event_kind {
  EVENT_BROADCAST,     /* to all that have subscribed to its name */
  EVENT_SEND,          /* to one connection, whatever it has subscribed to */
  EVENT_DISCONNECT     /* one connection is closed, behind the answer of the call */
};

struct event {
  struct event *next;
  enum event_kind kind;
  uint64_t connection_id;          /* of the one; 0: of a broadcast */
  struct slice name;               /* of a broadcast; else empty */
  struct slice text;               /* {"event":NAME,"args":[...]} in JSON; of a disconnect: the reason, as text */
};

struct events {
  struct event *first, *last;      /* in the order in which they were made */
  size_t count;
  size_t bytes;                    /* of all of them, about as they take memory */
};

struct events *events_try_new(void);
void events_free(struct events *events);

/* Puts a copy of the event at the end. False if memory runs out. */
bool events_try_put(struct events *events, const struct event *event);

/* What an event counts for. */
size_t events_bytes_of(const struct event *event);

#endif
