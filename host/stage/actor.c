/* actor.c -- see actor.h. */
#include "stage/actor.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "codec/key.h"
#include "stage/router.h"

struct actors {
  struct actor *by_address;    /* uthash's, but hashed by siphash(), since clients choose the addresses */
  struct siphash_key hash_key;
  struct actor_list ready, idle;
  struct buf address;          /* of the actor being looked up */
};

struct actors *actors_new(void) {
  struct actors *actors = mem_zero(sizeof *actors);
  actors->hash_key = siphash_key_new();
  TAILQ_INIT(&actors->ready);
  TAILQ_INIT(&actors->idle);
  return actors;
}

static void actor_free(struct actor *actor) {
  struct request *request;
  while ((request = mailbox_take(&actor->mailbox)) != NULL) request_abandon(request);
  for (struct queue_item *item = actor->partings, *next; item != NULL; item = next) {
    next = item->next;
    parting_free(parting_of(letter_of(item)));
  }
  instance_close(actor->instance);
  mem_free(actor);
}

void actors_free(struct actors *actors) {
  if (actors == NULL) return;
  struct actor *actor, *next;
  HASH_ITER(hh, actors->by_address, actor, next) {
    HASH_DEL(actors->by_address, actor);
    actor_free(actor);
  }
  buf_done(&actors->address);
  mem_free(actors);
}

/* The entry of an address, or NULL. Leaves the address in `actors->address`, and writes its hash. */
static struct actor *find(struct actors *actors, struct slice class_name, struct slice key, unsigned *hash) {
  struct actor *found;
  buf_clear(&actors->address);
  router_put_address(&actors->address, class_name, key);
  if (actors->address.err != ERR_NONE) return NULL;
  *hash = (unsigned)siphash(&actors->hash_key, buf_slice(&actors->address));
  HASH_FIND_BYHASHVALUE(hh, actors->by_address, actors->address.data, actors->address.size, *hash, found);
  return found;
}

struct actor *actors_try_get(struct actors *actors, struct slice class_name, struct slice key) {
  unsigned hash;
  struct actor *actor = find(actors, class_name, key, &hash);
  if (actor != NULL || actors->address.err != ERR_NONE) return actor;
  actor = mem_try_zero(sizeof *actor + actors->address.size);
  if (actor == NULL) return NULL;
  memcpy(actor->address, actors->address.data, actors->address.size);
  actor->address_size = (uint32_t)actors->address.size;
  actor->key_size = (uint32_t)key.size;
  actor->shard = (uint16_t)router_shard(class_name, key);
  actor->hashed = true;
  HASH_ADD_KEYPTR_BYHASHVALUE(hh, actors->by_address, actor->address, actor->address_size, hash, actor);
  if (!actor->hashed) {
    actor_free(actor);
    return NULL;
  }
  TAILQ_INSERT_TAIL(&actors->idle, actor, link);
  return actor;
}

struct slice actor_class(const struct actor *actor) {
  return key_string_inside(slice_of(actor->address, actor->address_size - actor->key_size));
}

struct actor *actors_find(const struct actors *actors, struct slice address) {
  struct actor *found;
  unsigned hash = (unsigned)siphash(&actors->hash_key, address);
  HASH_FIND_BYHASHVALUE(hh, actors->by_address, address.data, address.size, hash, found);
  return found;
}

size_t actors_count(const struct actors *actors) {
  return HASH_COUNT(actors->by_address);
}

bool actors_try_mail(struct actors *actors, struct actor *actor, struct request **request, size_t count_max) {
  bool was_idle = actor->mailbox.count == 0;
  if (!mailbox_try_put(&actor->mailbox, request, count_max)) return false;
  if (was_idle && actor->waiting == NULL) {
    TAILQ_REMOVE(&actors->idle, actor, link);
    TAILQ_INSERT_TAIL(&actors->ready, actor, link);
  }
  return true;
}

struct actor *actors_take(struct actors *actors, struct request **request) {
  struct actor *actor = TAILQ_FIRST(&actors->ready);
  if (actor == NULL) return NULL;
  *request = mailbox_take(&actor->mailbox);
  CHECK(*request != NULL);
  TAILQ_REMOVE(&actors->ready, actor, link);
  if (actor->mailbox.count > 0) {
    TAILQ_INSERT_TAIL(&actors->ready, actor, link);
  } else {
    TAILQ_INSERT_TAIL(&actors->idle, actor, link);
  }
  return actor;
}

void actors_set_waiting(struct actors *actors, struct actor *actor, struct performance *waiting) {
  CHECK((actor->waiting == NULL) != (waiting == NULL));
  struct actor_list *list = actor->mailbox.count > 0 ? &actors->ready : &actors->idle;
  actor->waiting = waiting;
  if (waiting != NULL) {
    TAILQ_REMOVE(list, actor, link);
  } else {
    TAILQ_INSERT_TAIL(list, actor, link);
  }
}

void actors_take_out(struct actors *actors, struct actor *actor, struct request *request) {
  mailbox_take_out(&actor->mailbox, request);
  if (actor->mailbox.count > 0 || actor->waiting != NULL) return;
  TAILQ_REMOVE(&actors->ready, actor, link);
  TAILQ_INSERT_TAIL(&actors->idle, actor, link);
}

bool actors_have_mail(const struct actors *actors) {
  return !TAILQ_EMPTY(&actors->ready);
}

void actors_each_ready(const struct actors *actors, void (*visit)(const struct actor *actor, void *context), void *context) {
  const struct actor *actor;
  TAILQ_FOREACH(actor, &actors->ready, link) visit(actor, context);
}

struct actor *actors_idlest(const struct actors *actors) {
  return TAILQ_FIRST(&actors->idle);
}

void actors_touch(struct actors *actors, struct actor *actor, int64_t now_ns) {
  actor->used_ns = now_ns;
  if (actor->mailbox.count > 0 || actor->waiting != NULL) return;
  TAILQ_REMOVE(&actors->idle, actor, link);
  TAILQ_INSERT_TAIL(&actors->idle, actor, link);
}

void actor_drop(struct actor *actor) {
  instance_close(actor->instance);
  actor->instance = NULL;
  actor->known = false;
  actor->exists = false;
  actor->knows_wakes = false;
}

void actor_end(struct actor *actor) {
  instance_close(actor->instance);
  actor->instance = NULL;
  actor->known = true;
  actor->exists = false;
  actor->knows_wakes = false;
  actor->id = 0;
}

void actors_remove(struct actors *actors, struct actor *actor) {
  CHECK_THAT(actor->mailbox.count, ==, 0);
  CHECK(actor->waiting == NULL);
  TAILQ_REMOVE(&actors->idle, actor, link);
  HASH_DEL(actors->by_address, actor);
  actor_free(actor);
}

void actors_each(struct actors *actors, void (*visit)(struct actor *actor, void *context), void *context) {
  struct actor *actor, *next;
  HASH_ITER(hh, actors->by_address, actor, next) visit(actor, context);
}
