/* topics.h -- who has subscribed to which events.
 *
 * WHY     A worker tells a door of an event once, however many of its sockets want it. Which ones do is known here alone, so
 *         subscribing costs no worker anything.
 * ROOM    door. Below: base. Does not know what subscribes.
 * THREAD  The server's.
 * OWNS    Topics: an actor's event that somebody has subscribed to; and the subscriptions, each in its topic's list and in its
 *         subscriber's.
 * ALWAYS  1. A topic without subscriptions does not exist.
 *         2. A subscriber has at most one subscription of a topic.
 * LIMITS  TOPIC_NAME_BYTES_MAX; how many a subscriber may have is its owner's to say
 */
#ifndef TROUPE_TOPICS_H
#define TROUPE_TOPICS_H

#include <bsd/sys/queue.h>

#include "base/hash.h"
#include "base/siphash.h"

enum { TOPIC_NAME_BYTES_MAX = 256 };

struct subscription;
struct topic;

/* Embedded in what subscribes; all zero but for `actor_id` at first. */
struct subscriber {
  LIST_HEAD(subscription_list, subscription) subscriptions;
  unsigned count;
  uint64_t actor_id;                     /* whose events it hears */
};

struct topics {
  struct topic *by_name;                 /* uthash's, but hashed by siphash(), since clients choose the names */
  struct siphash_key hash_key;
};

void topics_init(struct topics *topics);

/* Only when nobody subscribes any more. */
void topics_done(struct topics *topics);

/* Names have 1 to TOPIC_NAME_BYTES_MAX bytes. */
bool topics_has(const struct topics *topics, const struct subscriber *subscriber, struct slice name);

/* To subscribe twice is to subscribe once. False if out of memory. */
bool topics_try_add(struct topics *topics, struct subscriber *subscriber, struct slice name);

/* Nothing happens if it has not subscribed. */
void topics_remove(struct topics *topics, struct subscriber *subscriber, struct slice name);

/* Ends all its subscriptions: as many steps as there are. */
void topics_leave(struct topics *topics, struct subscriber *subscriber);

/* Calls `tell` for each subscriber of an actor's event, which may leave then, but no other. */
void topics_tell(struct topics *topics, uint64_t actor_id, struct slice name,
                 void (*tell)(struct subscriber *subscriber, void *context), void *context);

#endif
