/* store_key.h -- where a record is in LMDB, whose keys have at most 511 bytes, and how its bytes are checked.
 *
 * WHY    Keys can be longer than LMDB allows, and must keep their exact order; and LMDB has no checksums.
 * ROOM   ledger. Below: crc. Knows no LMDB: the code that reads or writes it goes by this.
 * OWNS   Nothing.
 * BYTES  LMDB key: `r` and the key, if both fit into STORE_KEY_FIT (510) bytes. A longer one is cut: its first
 *        STORE_KEY_FIT bytes and a 00 (so one byte more than any whole key) are the key of a pointer, a record that holds a
 *        continuation id, u64, from 1. What was cut off is stored in the same way after `z` and that id, and is cut again if
 *        need be. The order stays exact. A new id is one more than the highest in use; with the last key of a continuation
 *        its pointer goes.
 *        LMDB value: CRC-32C, u32 big-endian, over the whole key (for a pointer: the LMDB key) and the value; then the
 *        value.
 */
#ifndef TROUPE_STORE_KEY_H
#define TROUPE_STORE_KEY_H

#include "base/slice.h"

enum {
  STORE_KEY_FIT = 510,                  /* bytes of an LMDB key that holds a key to its end */
  STORE_KEY_CUT = STORE_KEY_FIT + 1,    /* bytes of the LMDB key of a pointer to a continuation; LMDB takes no more */
  STORE_KEY_HEAD_MAX = 9,               /* `r`, or `z` and an id */
  STORE_KEY_LEVELS_MAX = 9,             /* the top and the continuations that the longest key needs */
  STORE_KEY_CRC_SIZE = 4,
  STORE_KEY_ID_SIZE = 8
};

/* Where a key is, or the part of it behind a pointer. */
struct store_key {
  uint8_t bytes[STORE_KEY_CUT];         /* the LMDB key */
  size_t size;
  bool cut;                             /* the LMDB key is a pointer's, and `rest` is in its continuation */
  struct slice rest;                    /* a slice of the key that is stored */
};

/* Writes the bytes with which the LMDB keys of a level begin, and returns how many; id 0 is the top. */
size_t store_key_put_head(uint8_t head[STORE_KEY_HEAD_MAX], uint64_t id);

/* Where a key is on the level of a continuation id; 0: at the top. */
void store_key_put(struct store_key *where, uint64_t id, struct slice key);

static inline struct slice store_key_slice(const struct store_key *where) {
  return slice_of(where->bytes, where->size);
}

/* Writes a value behind its checksum, STORE_KEY_CRC_SIZE + value.size bytes. */
void store_key_seal(uint8_t *stored, struct slice key, struct slice value);

/* What an LMDB value holds behind its checksum; false if the checksum is wrong. */
bool store_key_open(struct slice stored, struct slice key, struct slice *value);

/* The continuation id that a pointer's LMDB value holds; false if it is damaged. */
bool store_key_open_pointer(struct slice at, struct slice stored, uint64_t *id);

#endif
