/* router.h -- which shard an actor belongs to, and so which worker it lives on.
 *
 * WHY     An actor never moves between workers, so its calls need no lock: the address alone tells where it lives.
 * ROOM    stage.
 * ALWAYS  The shard of an address is the same in every process and in every version of the host; spec/c/router_test.c
 *         holds vectors of it. The worker follows from the shard alone.
 * LIMITS  Workers share ROUTER_SHARDS shards as evenly as possible: with up to 64 workers, none has more than 1.06 times
 *         its share. With more than 768 but fewer than 1,024, some have twice as many shards as others.
 */
#ifndef TROUPE_ROUTER_H
#define TROUPE_ROUTER_H

#include "base/buf.h"

enum { ROUTER_SHARDS = 1024 };

/* Appends the address of an actor: its class as a string part, then the parts of its key. Equal addresses are equal
 * bytes. */
void router_put_address(struct buf *address, struct slice class_name, struct slice key);

/* Class and encoded key of an address, as slices of it. */
void router_read_address(struct slice address, struct slice *class_name, struct slice *key);

/* Whether bytes are an address. */
bool router_is_address(struct slice bytes);

/* Appends an address as one part of a key, a tuple; and takes one off the front, as a slice, false if there is none. */
void router_put_nested(struct buf *key, struct slice address);
bool router_take_nested(struct slice *rest, struct slice *address);

/* The shard, below ROUTER_SHARDS, of the actor with this class and encoded key. */
unsigned router_shard(struct slice class_name, struct slice key);

/* The same of an address. */
unsigned router_shard_of(struct slice address);

/* The worker, below `workers`, on which that actor lives. */
unsigned router_worker(struct slice class_name, struct slice key, unsigned workers);

#endif
