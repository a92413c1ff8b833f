/* mem.h -- the one door to the C heap.
 *
 * WHY   "Every allocation fails in turn" is only a test if every allocation passes one place. Builds with
 *       TROUPE_FAULTS (the spec kit, the C tests) let the k-th allocation of a thread fail; others are malloc.
 * ROOM  base.
 * OWNS  The caller owns what it is given and returns it with mem_free(), from any thread.
 */
#ifndef TROUPE_MEM_H
#define TROUPE_MEM_H

#include <stddef.h>

/* `size` bytes, not cleared; NULL if out of memory. size > 0. */
void *mem_try_alloc(size_t size);

/* The same, cleared. */
void *mem_try_zero(size_t size);

/* Makes a block larger or smaller; NULL if out of memory, and the old block stays. */
void *mem_try_resize(void *block, size_t size);

/* Like the first two above, but out of memory they end the host (CHECK). Only while the house is built, never for a
 * call. */
void *mem_alloc(size_t size);
void *mem_zero(size_t size);

/* NULL is fine. */
void mem_free(void *block);

#ifdef TROUPE_FAULTS
/* Lets the k-th mem_try_* of this thread from now on fail, and no other; 0: none. */
void mem_fail_at(unsigned long k);

/* The same for `count` in a row, from the k-th on: Lua frees what it can and tries once more when one fails. */
void mem_fail_run(unsigned long k, unsigned long count);

/* Whether a failure that was asked for has happened. */
int mem_has_failed(void);
#endif

#endif
