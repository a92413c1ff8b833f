/* topics.c -- see topics.h. */
#include "door/topics.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

/* In front of the name, in a topic's key. */
enum { ID_BYTES = 8 };

struct topic {
  LIST_HEAD(, subscription) subscriptions;
  UT_hash_handle hh;
  bool hashed;
  size_t key_size;
  uint8_t key[];                         /* the actor's id and the event's name */
};

struct subscription {
  struct topic *topic;
  struct subscriber *subscriber;
  LIST_ENTRY(subscription) in_topic, in_subscriber;
};

/* A topic's key, on its way. */
struct key {
  size_t size;
  uint8_t bytes[ID_BYTES + TOPIC_NAME_BYTES_MAX];
};

static void make_key(struct key *key, uint64_t actor_id, struct slice name) {
  CHECK_THAT(name.size, <=, TOPIC_NAME_BYTES_MAX);
  write_u64(key->bytes, actor_id);
  if (name.size > 0) memcpy(key->bytes + ID_BYTES, name.data, name.size);
  key->size = ID_BYTES + name.size;
}

static unsigned hash_of(const struct topics *topics, const struct key *key) {
  return (unsigned)siphash(&topics->hash_key, slice_of(key->bytes, key->size));
}

static struct topic *find_topic(const struct topics *topics, uint64_t actor_id, struct slice name) {
  struct key key;
  struct topic *found = NULL;
  if (topics->by_name == NULL) return NULL;
  make_key(&key, actor_id, name);
  HASH_FIND_BYHASHVALUE(hh, topics->by_name, key.bytes, key.size, hash_of(topics, &key), found);
  return found;
}

static struct topic *topic_try_new(struct topics *topics, uint64_t actor_id, struct slice name) {
  struct key key;
  make_key(&key, actor_id, name);
  struct topic *made = mem_try_zero(sizeof *made + key.size);
  if (made == NULL) return NULL;
  memcpy(made->key, key.bytes, key.size);
  made->key_size = key.size;
  made->hashed = true;
  HASH_ADD_KEYPTR_BYHASHVALUE(hh, topics->by_name, made->key, made->key_size, hash_of(topics, &key), made);
  if (made->hashed) return made;
  mem_free(made);
  return NULL;
}

static void remove_topic_if_empty(struct topics *topics, struct topic *topic) {
  if (!LIST_EMPTY(&topic->subscriptions)) return;
  HASH_DEL(topics->by_name, topic);
  mem_free(topic);
}

static void remove_subscription(struct topics *topics, struct subscription *subscription) {
  LIST_REMOVE(subscription, in_topic);
  LIST_REMOVE(subscription, in_subscriber);
  subscription->subscriber->count--;
  remove_topic_if_empty(topics, subscription->topic);
  mem_free(subscription);
}

static struct subscription *find_subscription(const struct subscriber *subscriber, const struct topic *topic) {
  struct subscription *found;
  LIST_FOREACH(found, &subscriber->subscriptions, in_subscriber) {
    if (found->topic == topic) return found;
  }
  return NULL;
}

void topics_init(struct topics *topics) {
  *topics = (struct topics){ .hash_key = siphash_key_new() };
}

void topics_done(struct topics *topics) {
  CHECK_THAT(HASH_COUNT(topics->by_name), ==, 0);
}

bool topics_has(const struct topics *topics, const struct subscriber *subscriber, struct slice name) {
  const struct topic *topic = find_topic(topics, subscriber->actor_id, name);
  return topic != NULL && find_subscription(subscriber, topic) != NULL;
}

bool topics_try_add(struct topics *topics, struct subscriber *subscriber, struct slice name) {
  struct topic *topic = find_topic(topics, subscriber->actor_id, name);
  if (topic != NULL && find_subscription(subscriber, topic) != NULL) return true;
  if (topic == NULL) topic = topic_try_new(topics, subscriber->actor_id, name);
  if (topic == NULL) return false;
  struct subscription *made = mem_try_alloc(sizeof *made);
  if (made == NULL) {
    remove_topic_if_empty(topics, topic);
    return false;
  }
  *made = (struct subscription){ .topic = topic, .subscriber = subscriber };
  LIST_INSERT_HEAD(&topic->subscriptions, made, in_topic);
  LIST_INSERT_HEAD(&subscriber->subscriptions, made, in_subscriber);
  subscriber->count++;
  return true;
}

void topics_remove(struct topics *topics, struct subscriber *subscriber, struct slice name) {
  const struct topic *topic = find_topic(topics, subscriber->actor_id, name);
  struct subscription *found = topic == NULL ? NULL : find_subscription(subscriber, topic);
  if (found != NULL) remove_subscription(topics, found);
}

void topics_leave(struct topics *topics, struct subscriber *subscriber) {
  while (!LIST_EMPTY(&subscriber->subscriptions)) {
    remove_subscription(topics, LIST_FIRST(&subscriber->subscriptions));
  }
}

void topics_tell(struct topics *topics, uint64_t actor_id, struct slice name,
                 void (*tell)(struct subscriber *subscriber, void *context), void *context) {
  struct topic *topic = name.size <= TOPIC_NAME_BYTES_MAX ? find_topic(topics, actor_id, name) : NULL;
  if (topic == NULL) return;
  struct subscription *subscription, *next;
  LIST_FOREACH_SAFE(subscription, &topic->subscriptions, in_topic, next) tell(subscription->subscriber, context);
}
