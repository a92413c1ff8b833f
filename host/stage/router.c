/* router.c -- see router.h. */
#include "stage/router.h"

#include "codec/key.h"

enum { SHARD_BITS = 10 };

_Static_assert(ROUTER_SHARDS == 1 << SHARD_BITS, "a shard is the top bits of a hash");

void router_put_address(struct buf *address, struct slice class_name, struct slice key) {
  key_put_string(address, class_name);
  buf_put(address, key);
}

/* FNV-1a, 64 bits: short. The last bytes hardly reach its upper half, so it needs a mix. */
static uint64_t hash(uint64_t state, struct slice bytes) {
  for (size_t i = 0; i < bytes.size; i++) state = (state ^ bytes.data[i]) * 0x100000001b3u;
  return state;
}

/* The finaliser of MurmurHash3 (Austin Appleby's fmix64): each bit of what goes in reaches each bit of what comes out. */
static uint64_t mix(uint64_t state) {
  state = (state ^ state >> 33) * 0xff51afd7ed558ccdu;
  state = (state ^ state >> 33) * 0xc4ceb9fe1a85ec53u;
  return state ^ state >> 33;
}

unsigned router_shard(struct slice class_name, struct slice key) {
  return (unsigned)(mix(hash(hash(0xcbf29ce484222325u, class_name), key)) >> (64 - SHARD_BITS));
}

unsigned router_worker(struct slice class_name, struct slice key, unsigned workers) {
  return router_shard(class_name, key) % workers;
}
