/* hash.h -- uthash, for entries that may find no memory.
 *
 * WHY   A call may fail for want of memory, and the host must not. uthash would end it, and takes memory past base/mem.h.
 * ROOM  base.
 * OWNS  Nothing: a table owns itself, its entries are its user's.
 *
 * An entry has a field `bool hashed`, true before it is added. If it is false afterwards, there was no memory for it, and the
 * table is as it was.
 */
#ifndef TROUPE_HASH_H
#define TROUPE_HASH_H

#include "base/mem.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->hashed = false)
#define uthash_malloc(size) mem_try_alloc(size)
#define uthash_free(block, size) mem_free(block)

#include <uthash.h>

#endif
