/* router.c -- see router.h. */
#include "stage/router.h"

#include "codec/key.h"

void router_put_address(struct buf *address, struct slice class_name, struct slice key) {
  key_put_string(address, class_name);
  buf_put(address, key);
}

/* FNV-1a, 64 bits: short, and good enough to spread addresses over a handful of workers. */
static uint64_t hash(uint64_t state, struct slice bytes) {
  for (size_t i = 0; i < bytes.size; i++) state = (state ^ bytes.data[i]) * 0x100000001b3u;
  return state;
}

unsigned router_worker(struct slice class_name, struct slice key, unsigned workers) {
  uint64_t state = hash(hash(0xcbf29ce484222325u, class_name), key);
  return (unsigned)((state >> 32) % workers);
}
