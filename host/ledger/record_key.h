/* record_key.h -- the key of a record: whose it is, what it holds, and how a person reads it.
 *
 * WHY     Every room above makes keys, and they meet in one store. Damage is named by actor and by what it hit.
 * ROOM    ledger. Below: codec.
 * OWNS    Nothing.
 * BYTES   Of a record key: an id u64; a letter for the space; the rest. An id is a shard (stage/router.h) in its upper 16 bits,
 *         and below it the counter of an actor, from 1 on. With the counter 0 it is the shard's own id: what the shard keeps
 *         of all its actors stands there.
 * ALWAYS  1. Each record is of one shard, and only the worker of that shard writes it.
 *         2. All of a shard is one range, its own id <= id < the own id of the next. What the whole host keeps stands under
 *            RECORD_HOST_ID and is of no shard, though shard 0 has the same id: SPACE_CHECKPOINT and SPACE_CLOCK, nothing
 *            else. So whoever moves shards between hosts takes that range of each, without these two spaces.
 *         3. Behind the space comes a tuple (codec/key.h), but in SPACE_STATE, where a node's id comes first.
 */
#ifndef TROUPE_RECORD_KEY_H
#define TROUPE_RECORD_KEY_H

#include "base/buf.h"

enum {
  RECORD_KEY_HEAD = 8 + 1,     /* bytes of id and space */
  RECORD_COUNTER_BITS = 48,
  RECORD_HOST_ID = 0           /* what the whole host keeps stands under the own id of shard 0 */
};

enum record_space {
  /* of the host */
  SPACE_CHECKPOINT = 'c',      /* ledger/checkpoint_number.h */
  SPACE_CLOCK = 'h',           /* how far the host's time is ahead of the wall clock, and how long it has run */
  /* of a shard */
  SPACE_INDEX = 'a',           /* an address leads to an actor's id */
  SPACE_WAKE = 'd',            /* by time: which actor is to be woken */
  SPACE_FAILED = 'f',          /* schedules and messages that were given up */
  SPACE_MAIL = 'q',            /* messages that its actors have not taken yet */
  /* of an actor */
  SPACE_IDEMPOTENCY = 'i',
  SPACE_KV = 'k',
  SPACE_OWN = 'm',             /* its class and key */
  SPACE_CONNECTION = 'n',      /* the state of a connection: script/connection.h */
  SPACE_STATE = 's',
  SPACE_SCHEDULE = 'p',        /* what it plans: schedule/schedule.h */
  SPACE_VERSION = 'v'          /* of the state, and next to it: one scan reads both */
};

/* The id under which a shard keeps its own records; the shard of an id, which is damaged if that is none; and whether it is a
 * shard's own id, and not an actor's. */
static inline uint64_t record_own_id(unsigned shard) {
  return (uint64_t)shard << RECORD_COUNTER_BITS;
}

static inline unsigned record_shard(uint64_t id) {
  return (unsigned)(id >> RECORD_COUNTER_BITS);
}

static inline bool record_is_own(uint64_t id) {
  return id == record_own_id(record_shard(id));
}

/* A hash of an id. The host gives ids, so nobody can choose them. */
static inline unsigned record_id_hash(uint64_t id) {
  return (unsigned)(id * 0x9e3779b97f4a7c15u >> 32);
}

/* Appends an id as people read it: shard and counter, "803/12". */
void record_print_id(struct buf *buf, uint64_t id);

/* What moments are counted on: those of schedules, and of what wakes an actor. The numbers stand in keys. */
enum timeline {
  TIMELINE_HOST,               /* host time, which never goes back */
  TIMELINE_WALL,               /* the system's time of day */
  TIMELINE_MAIL                /* host time, of messages that wait for another try */
};

/* Writes the head of a record key, RECORD_KEY_HEAD bytes: to `head`, or behind what a buffer holds. */
void record_key_write_head(uint8_t *head, uint64_t id, enum record_space space);
void record_key_put_head(struct buf *key, uint64_t id, enum record_space space);

/* What the head says; key.size >= RECORD_KEY_HEAD. The space may be an unknown one. */
static inline uint64_t record_key_id(struct slice key) {
  return read_u64(key.data);
}

static inline enum record_space record_key_space(struct slice key) {
  return (enum record_space)key.data[RECORD_KEY_HEAD - 1];
}

/* A key behind the keys of all records. */
struct slice record_key_behind_all(void);

/* Appends for example `actor 803/12, kv ["users","ann"]`. Any bytes can be printed. */
void record_key_print(struct buf *buf, struct slice key);

#endif
