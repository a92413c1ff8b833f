/* siphash.h -- a hash of bytes that nobody outside can predict.
 *
 * WHY     A client that chooses what goes into a hash table can choose keys that all fall into one place of it; each look is
 *         then as slow as a list. With a key that only this process knows, nobody outside can tell where a key will fall.
 * ROOM    base.
 * OWNS    Nothing.
 * LIMITS  For tables in memory only: the next start has another key.
 */
#ifndef TROUPE_SIPHASH_H
#define TROUPE_SIPHASH_H

#include "base/slice.h"

struct siphash_key {
  uint64_t first, second;
};

/* A new key, from the system's source of random numbers. Ends the host (CHECK) if that has none. */
struct siphash_key siphash_key_new(void);

/* SipHash-1-3 (Aumasson, Bernstein: SipHash, a fast short-input PRF, 2012), with one round a word and three at the end. */
uint64_t siphash(const struct siphash_key *key, struct slice bytes);

#endif
