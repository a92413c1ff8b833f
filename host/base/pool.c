/* pool.c -- see pool.h: what is not done a thousand times a call. */
#include "base/pool.h"

#include <string.h>

void *pool_try_resize(struct pool *pool, void *block, size_t old_size, size_t size) {
  bool was_small = old_size <= POOL_BLOCK_BYTES, is_small = size <= POOL_BLOCK_BYTES;
  if (was_small && is_small && pool_list(old_size) == pool_list(size)) {
    return size > old_size && mem_is_refused() ? NULL : block;
  }
  void *moved = was_small || is_small ? pool_try_take(pool, size) : mem_try_resize(block, size);
  if (moved == NULL) return size <= old_size ? block : NULL;
  if (was_small || is_small) {
    memcpy(moved, block, size < old_size ? size : old_size);
    pool_put(pool, block, old_size);
  }
  return moved;
}

void pool_done(struct pool *pool) {
  for (size_t list = 0; list < POOL_LISTS; list++) {
    struct pool_block *block = pool->lists[list];
    while (block != NULL) {
      struct pool_block *next = block->next;
      mem_free(block);
      block = next;
    }
  }
  *pool = (struct pool){ .kept_bytes = 0 };
}
