/* actor.h -- the actors of one worker that are in memory, and their life cycle.
 *
 * WHY     A called actor must be found by its address, an idle one must leave memory, one with mail must get its turn.
 * ROOM    stage. Below: script (instance), ledger.
 * THREAD  Its worker's.
 * OWNS    The entries, their mailboxes, instances and partings.
 * STATES  of an entry: new (only its address) -> known (its id, and whether it exists) -> loaded (its instance is) ->
 *         gone.
 *         new -> known            the worker, at the actor's first turn
 *         known -> loaded         the first turn that is done
 *         loaded -> new           actor_drop(): memory and disk differ
 *         loaded -> known         actor_end(): it was destroyed, and does not exist
 *         any -> gone             actors_remove(), with an empty mailbox
 * ALWAYS  1. `seen` is at least the ticket of every commit that the actor's memory depends on and that is not yet durable.
 *            It rises (actor_see()), and falls only when the actor leaves memory (gate.h, G8).
 *         2. A busy entry is in neither list. Any other is in the ready list while its mailbox holds something, and in
 *            the idle list while it does not.
 */
#ifndef TROUPE_ACTOR_H
#define TROUPE_ACTOR_H

#include <sys/queue.h>

#include "base/hash.h"
#include "schedule/schedule.h"
#include "script/instance.h"
#include "stage/mailbox.h"

struct performance;

struct actor {
  UT_hash_handle hh;           /* by its address */
  TAILQ_ENTRY(actor) link;     /* in ready or idle */
  struct mailbox mailbox;
  struct instance *instance;   /* or NULL */
  struct performance *waiting; /* its turn that waits: it is busy, and takes no other call; else NULL */
  struct queue_item *partings; /* letters of connections that have ended while it was busy (parting.h), the last one first */
  uint64_t id;                 /* of its shard (actor_ids.h) */
  uint64_t seen;               /* 0: nothing that is not durable */
  int64_t used_ns;             /* when its last turn ended */
  uint32_t address_size, key_size;
  uint16_t shard;              /* of its address (router.h) */
  struct schedule_place wakes[SCHEDULE_TIMELINES];   /* its entries among the wake-ups (wakes.h), if it knows them; due_ms */
                               /* INT64_MAX: none */
  bool knows_wakes;
  bool is_set_back;            /* the wall clock was, and its schedules are to hear of it (agenda.h) */
  bool is_due;                 /* an errand of its schedules is under way (agenda.h) */
  bool known;
  bool exists;
  bool hashed;                 /* false: the table of addresses had no memory for it */
  uint8_t address[];           /* router.h */
};

TAILQ_HEAD(actor_list, actor);

struct actors;

/* Its class and key, as slices of its address: they live as long as the entry. */
static inline struct slice actor_address(const struct actor *actor) {
  return slice_of(actor->address, actor->address_size);
}

/* The encoded key. */
static inline struct slice actor_key(const struct actor *actor) {
  return slice_after(actor_address(actor), actor->address_size - actor->key_size);
}

/* Its memory depends on all commits up to this ticket. */
static inline void actor_see(struct actor *actor, uint64_t ticket) {
  if (actor->seen < ticket) actor->seen = ticket;
}

/* The name of the class. A NUL in it is escaped (codec/key.h); names of real classes have none. */
struct slice actor_class(const struct actor *actor);

struct actors *actors_new(void);
void actors_free(struct actors *actors);      /* closes what is left in it; on_stop does not run */

/* The entry of an address. If it is missing, it is made (new, in the idle list). NULL if out of memory. */
struct actor *actors_try_get(struct actors *actors, struct slice class_name, struct slice key);

/* The entry of an address; NULL if there is none. */
struct actor *actors_find(const struct actors *actors, struct slice address);

size_t actors_count(const struct actors *actors);

/* Puts a request into the mailbox; the actor is ready from then on. As mailbox_try_put(). */
bool actors_try_mail(struct actors *actors, struct actor *actor, struct request **request, size_t count_max);

/* The actor whose turn is next, and its oldest request; NULL if no actor has mail. The actor goes to the end of the ready
 * list or, if its mailbox is now empty, to the end of the idle list. */
struct actor *actors_take(struct actors *actors, struct request **request);

/* The actor is busy: its turn waits, in this performance; NULL: it does not wait any more. */
void actors_set_waiting(struct actors *actors, struct actor *actor, struct performance *waiting);

/* Takes a request out of the mailbox of an actor. The caller owns it. */
void actors_take_out(struct actors *actors, struct actor *actor, struct request *request);

bool actors_have_mail(const struct actors *actors);

/* Calls `visit` with each entry whose mailbox holds something, except for those that are busy. */
void actors_each_ready(const struct actors *actors, void (*visit)(const struct actor *actor, void *context), void *context);

/* The actor that has been idle longest; NULL if none is idle. */
struct actor *actors_idlest(const struct actors *actors);

/* Notes that a turn of the actor ended now, which makes it the least idle. */
void actors_touch(struct actors *actors, struct actor *actor, int64_t now_ns);

/* Closes the instance: the next turn reads the actor anew. */
void actor_drop(struct actor *actor);

/* The actor was destroyed: closes the instance. Calls that wait for it are those of the next actor of its address. */
void actor_end(struct actor *actor);

/* Takes an actor without mail out of memory. */
void actors_remove(struct actors *actors, struct actor *actor);

/* Calls `visit` with each entry; `visit` may remove that entry. */
void actors_each(struct actors *actors, void (*visit)(struct actor *actor, void *context), void *context);

#endif
