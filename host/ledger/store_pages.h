/* store_pages.h -- which of LMDB's pages are in use, and which are free.
 *
 * WHY    LMDB overwrites any page that its list calls free: damage to that list is damage to come.
 * ROOM   ledger. Only for store_check.c.
 * OWNS   Two sets of pages. store_pages_open() ... store_pages_done().
 * STATES open -> met (all keys, by store_pages_meet()) -> checked (store_pages_check())
 */
#ifndef TROUPE_STORE_PAGES_H
#define TROUPE_STORE_PAGES_H

#include "base/buf.h"
#include "ledger/store.h"

/* What was met of a tree: of LMDB's list of free pages, or of the records. */
struct store_tree {
  uint64_t branches, leaves, overflows, keys;   /* pages by kind; an overflow is a page of a large value */
};

struct store_pages {
  struct store_reader *reader;
  struct findings *findings;
  size_t page_size;
  uint64_t count;              /* of all pages */
  bool is_current;             /* the count is of the reader's snapshot, not of a later one */
  const uint8_t *first;        /* where page 0 must be; NULL: not known yet */
  const uint8_t *last;         /* the page of the key that was met last */
  struct store_tree trees[2];  /* by LMDB's number */
  struct buf used, free;       /* bits, by number */
  uint64_t free_count;
};

/* False if out of memory. The reader must have its snapshot. */
bool store_pages_open(struct store_pages *pages, struct store_reader *reader, struct findings *findings);
void store_pages_done(struct store_pages *pages);

/* Notes the pages of a record's key and value, as LMDB gives them. Must be called in the order of a scan of all records. */
void store_pages_meet(struct store_pages *pages, struct slice key, struct slice stored);

/* Compares the list of free pages with what was met, and both with the count of all pages. */
void store_pages_check(struct store_pages *pages);

#endif
