/* pool.h -- small blocks that wait for their next use.
 *
 * WHY    A script makes and drops small tables and strings by the hundred a call. Taking such a block from a list of its
 *        size costs a tenth of what the heap takes to find one and to join it with its neighbours again.
 * ROOM   base. Below: mem.
 * THREAD One at a time.
 * OWNS   The blocks that wait. What it has given is the caller's, who says its size when it gives it back.
 * ALWAYS A block is one of the heap's own: what goes beyond the limit returns there.
 * LIMITS POOL_KEPT_BYTES
 */
#ifndef TROUPE_POOL_H
#define TROUPE_POOL_H

#include "base/mem.h"

enum {
  POOL_BLOCK_BYTES = 520,                /* larger blocks are the heap's alone */
  POOL_LISTS = POOL_BLOCK_BYTES / 16 + 1,
#ifdef __SANITIZE_ADDRESS__
  POOL_KEPT_BYTES = 0                    /* a sanitizer watches the blocks of the heap */
#else
  POOL_KEPT_BYTES = 4 * 1024 * 1024      /* wait at most */
#endif
};

/* `= {0}` ... pool_done(). */
struct pool {
  struct pool_block *lists[POOL_LISTS];
  size_t kept_bytes;
};

void pool_done(struct pool *pool);

/* A block of `size` > 0 bytes, or NULL for want of memory. */
static inline void *pool_try_take(struct pool *pool, size_t size);

/* Takes it back, by the size that it has now. */
static inline void pool_put(struct pool *pool, void *block, size_t size);

/* Makes a block larger or smaller; NULL for want of memory, and the old block stays. One that becomes no larger is never
 * refused. */
void *pool_try_resize(struct pool *pool, void *block, size_t old_size, size_t size);

/* -- Its own: a list for each size that the heap gives without waste, 8 and whole sixteens -- */

struct pool_block {
  struct pool_block *next;
};

static inline size_t pool_list(size_t size) {
  return (size + 7) / 16;
}

static inline size_t pool_list_bytes(size_t list) {
  return list * 16 + 8;
}

static inline void *pool_try_take(struct pool *pool, size_t size) {
  if (size > POOL_BLOCK_BYTES) return mem_try_alloc(size);
  size_t list = pool_list(size);
  struct pool_block *block = pool->lists[list];
  if (block == NULL) return mem_try_alloc(pool_list_bytes(list));
  if (mem_is_refused()) return NULL;
  pool->lists[list] = block->next;
  pool->kept_bytes -= pool_list_bytes(list);
  return block;
}

static inline void pool_put(struct pool *pool, void *block, size_t size) {
  size_t list = pool_list(size);
  if (size > POOL_BLOCK_BYTES || pool->kept_bytes + pool_list_bytes(list) > POOL_KEPT_BYTES) {
    mem_free(block);
    return;
  }
  struct pool_block *kept = block;
  kept->next = pool->lists[list];
  pool->lists[list] = kept;
  pool->kept_bytes += pool_list_bytes(list);
}

#endif
