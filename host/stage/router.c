/* router.c -- see router.h. */
#include "stage/router.h"

#include "codec/key.h"

enum { SHARD_BITS = 10 };

_Static_assert(ROUTER_SHARDS == 1 << SHARD_BITS, "a shard is the top bits of a hash");

void router_put_address(struct buf *address, struct slice class_name, struct slice key) {
  key_put_string(address, class_name);
  buf_put(address, key);
}

void router_read_address(struct slice address, struct slice *class_name, struct slice *key) {
  size_t class_size = key_part_size(address);
  *class_name = key_string_inside(slice_of(address.data, class_size));
  *key = slice_after(address, class_size);
}

/* Whether the first part of a key is of this type. */
static bool begins_with(struct slice bytes, enum key_type type) {
  struct key_reader reader;
  key_reader_init(&reader, bytes);
  bool begins = key_next(&reader) == type;
  key_reader_done(&reader);
  return begins;
}

bool router_is_address(struct slice bytes) {
  return begins_with(bytes, KEY_STRING) && key_is_valid(bytes) && key_part_size(bytes) < bytes.size;
}

void router_put_nested(struct buf *key, struct slice address) {
  key_tuple_begin(key);
  buf_put(key, address);
  key_tuple_end(key);
}

bool router_take_nested(struct slice *rest, struct slice *address) {
  size_t size = key_part_size(*rest);
  if (size <= 2 || !begins_with(*rest, KEY_TUPLE)) return false;
  *address = slice_of(rest->data + 1, size - 2);       /* between the type code of the tuple and its end */
  *rest = slice_after(*rest, size);
  return router_is_address(*address);
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

unsigned router_shard_of(struct slice address) {
  struct slice class_name, key;
  router_read_address(address, &class_name, &key);
  return router_shard(class_name, key);
}

unsigned router_worker(struct slice class_name, struct slice key, unsigned workers) {
  return router_shard(class_name, key) % workers;
}
