/* record_key.h -- the key of a record: whose it is, what it holds, and how a person reads it.
 *
 * WHY    Every room above makes keys, and they meet in one store. Damage is named by actor and by what it hit.
 * ROOM   ledger. Below: codec.
 * OWNS   Nothing.
 * BYTES  Of a record key: the actor's id u64, 0 for the host's own; a letter for the space; the rest.
 */
#ifndef TROUPE_RECORD_KEY_H
#define TROUPE_RECORD_KEY_H

#include "base/buf.h"

enum {
  RECORD_HOST_ID = 0,          /* the host's own records have an id that no actor has */
  RECORD_KEY_HEAD = 8 + 1      /* bytes of id and space */
};

enum record_space {
  /* of the host */
  SPACE_INDEX = 'a',           /* an address leads to an actor's id */
  SPACE_CHECKPOINT = 'c',      /* ledger/checkpoint_number.h */
  /* of an actor */
  SPACE_IDEMPOTENCY = 'i',
  SPACE_KV = 'k',
  SPACE_OWN = 'm',             /* its class and key */
  SPACE_STATE = 's',
  SPACE_VERSION = 'v'          /* of the state */
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

/* Appends for example `actor 12, kv ["users","ann"]`. Any bytes can be printed. */
void record_key_print(struct buf *buf, struct slice key);

#endif
