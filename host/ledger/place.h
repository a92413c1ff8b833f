/* place.h -- where a record stands in LMDB, whose keys have 511 bytes, and how its bytes are checked.
 *
 * WHY    Keys are longer than LMDB takes, in exact order; and LMDB has no checksums.
 * ROOM   ledger. Below: crc. Knows no LMDB: whoever reads or writes it goes by this.
 * OWNS   Nothing.
 * BYTES  LMDB key: `r` and the key, where both fit into PLACE_FIT (510) bytes. A longer one is cut: its first PLACE_FIT
 *        bytes followed by 00 (so one byte longer than any whole key) are the key of a pointer, a record that holds a
 *        continuation id, u64, from 1; what was cut off is stored likewise after `z` and that id, and cut again if need
 *        be. Order stays exact. A new id is one more than the highest in use; with the last key of a continuation its
 *        pointer goes.
 *        LMDB value: CRC-32C u32 big-endian over the whole key (of a pointer: the LMDB key) and the value, then the
 *        value.
 */
#ifndef TROUPE_PLACE_H
#define TROUPE_PLACE_H

#include "base/slice.h"

enum {
  PLACE_FIT = 510,              /* bytes of an LMDB key that holds a key to its end */
  PLACE_CUT = PLACE_FIT + 1,    /* bytes of the LMDB key of a pointer to a continuation; LMDB takes no more */
  PLACE_HEAD_MAX = 9,           /* `r`, or `z` and an id */
  PLACE_LEVELS_MAX = 9,         /* the top and the continuations that the longest key needs */
  PLACE_CRC_SIZE = 4,
  PLACE_ID_SIZE = 8
};

/* Where a key, or what a pointer left of it, stands. */
struct place {
  uint8_t bytes[PLACE_CUT];     /* the LMDB key */
  size_t size;
  bool cut;                     /* the LMDB key is that of a pointer, and `rest` stands in its continuation */
  struct slice rest;            /* into the key that was placed */
};

/* Writes the bytes with which the LMDB keys of a level begin, and answers how many; id 0 is the top. */
size_t place_put_head(uint8_t head[PLACE_HEAD_MAX], uint64_t id);

/* The place of a key on the level of a continuation id; 0: at the top. */
void place_put(struct place *place, uint64_t id, struct slice key);

static inline struct slice place_slice(const struct place *place) {
  return slice_of(place->bytes, place->size);
}

/* Writes a value behind its checksum, PLACE_CRC_SIZE + value.size bytes. */
void place_seal(uint8_t *stored, struct slice key, struct slice value);

/* What an LMDB value holds behind its checksum; false where that is wrong. */
bool place_open(struct slice stored, struct slice key, struct slice *value);

/* The continuation id that a pointer's LMDB value holds; false where it is damaged. */
bool place_open_pointer(struct slice at, struct slice stored, uint64_t *id);

#endif
