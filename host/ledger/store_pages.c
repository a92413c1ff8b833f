/* store_pages.c -- LMDB's pages: each must be in its place, and in use or free, but not both.
 *
 * LMDB says how many pages are in use and lists the free ones, but does not say which are in use. A scan of all keys reaches
 * each page that holds any. Pages that only lead to others are read here, as LMDB's mdb.c lays them out (data version 1:
 * MDB_meta, MDB_db, MDB_page, MDB_node). All numbers are in the machine's byte order. */
#include <inttypes.h>

#include "base/check.h"
#include "ledger/store_env.h"
#include "ledger/store_pages.h"

enum {
  NUMBER_SIZE = sizeof(size_t), ROOT_PAGES = 2,
  FREE_LIST = 0, RECORDS = 1,      /* the trees, by LMDB's numbers */
  /* in the head of a page, which begins with its number */
  FLAGS_AT = 10, LOWER_AT = 12, UPPER_AT = 14, COUNT_AT = 12, HEAD_SIZE = 16, IS_BRANCH = 1, IS_LEAF = 2,
  /* behind the head of a root page: two trees, and the number of their transaction */
  TREES_AT = 24, TREE_SIZE = 48, TREE_DEPTH_AT = 6, TREE_ROOT_AT = 40, TRANSACTION_AT = 128,
  META_SIZE = 136
};

static uint16_t read_u16_at(const uint8_t *at) {
  uint16_t number;
  memcpy(&number, at, sizeof number);
  return number;
}

static size_t read_word_at(const uint8_t *at) {
  size_t number;
  memcpy(&number, at, sizeof number);
  return number;
}

/* ---- a set of pages -------------------------------------------------------------------------------------- */

static bool set_make(struct buf *set, uint64_t pages) {
  size_t size = (size_t)(pages / 8 + 1);
  uint8_t *bits = buf_try_reserve(set, size);
  if (bits == NULL) return false;
  memset(bits, 0, size);
  set->size = size;
  return true;
}

static bool set_has(const struct buf *set, uint64_t page) {
  return (set->data[page / 8] >> page % 8 & 1) != 0;
}

static void set_add(struct buf *set, uint64_t page) {
  set->data[page / 8] |= (uint8_t)(1u << page % 8);
}

/* ---- pages in use ---------------------------------------------------------------------------------------- */

bool store_pages_open(struct store_pages *pages, struct store_reader *reader, struct findings *findings) {
  *pages = (struct store_pages){ .reader = reader, .findings = findings };
  MDB_envinfo info;
  MDB_stat stat;
  CHECK_THAT(mdb_env_info(reader->store->env, &info), ==, 0);
  CHECK_THAT(mdb_stat(reader->txn, reader->store->dbi, &stat), ==, 0);
  pages->page_size = stat.ms_psize;
  pages->is_current = info.me_last_txnid == mdb_txn_id(reader->txn);
  pages->count = (uint64_t)info.me_last_pgno + 1;
  return set_make(&pages->used, pages->count) && set_make(&pages->free, pages->count);
}

void store_pages_done(struct store_pages *pages) {
  buf_done(&pages->free);
  buf_done(&pages->used);
}

/* Notes as used a page that a scan has come to, by its address, and those behind it that belong to it. */
static void use(struct store_pages *pages, const uint8_t *at, uint64_t count) {
  size_t number = read_word_at(at);
  if (number < ROOT_PAGES || number >= pages->count || count > pages->count - number) {
    findings_add(pages->findings, "store: a page in use says that it is number %zu, of %" PRIu64, number, pages->count);
    return;
  }
  const uint8_t *first = at - number * pages->page_size;
  if (pages->first == NULL) pages->first = first;
  if (pages->first != first) findings_add(pages->findings, "store: page %zu is in the place of another", number);
  for (uint64_t i = 0; i < count; i++) {
    if (set_has(&pages->used, number + i)) findings_add(pages->findings, "store: page %" PRIu64 " is used twice", number + i);
    set_add(&pages->used, number + i);
  }
}

/* Checks a page of nodes. Behind its head are the offsets of the nodes, up to `lower`; then nothing; then the nodes, from
 * `upper` on. If that is wrong, LMDB still reads the page, but what it writes there next goes astray. */
static void use_nodes(struct store_pages *pages, const uint8_t *page, unsigned kind) {
  unsigned lower = read_u16_at(page + LOWER_AT), upper = read_u16_at(page + UPPER_AT), least = (unsigned)pages->page_size;
  use(pages, page, 1);
  bool is_sound = read_u16_at(page + FLAGS_AT) == kind && lower >= HEAD_SIZE && lower <= upper && lower % 2 == 0;
  for (unsigned at = HEAD_SIZE; is_sound && at < lower; at += 2) {
    unsigned node = read_u16_at(page + at);
    if (node < least) least = node;
  }
  if (is_sound && least == upper) return;
  findings_add(pages->findings, "store: the head of page %zu is damaged", read_word_at(page));
}

static void meet(struct store_pages *pages, int tree, struct slice key, struct slice stored) {
  struct store_tree *counts = &pages->trees[tree];
  uintptr_t mask = ~((uintptr_t)pages->page_size - 1);
  const uint8_t *page = (const uint8_t *)((uintptr_t)key.data & mask);
  counts->keys++;
  if (page != pages->last) {
    use_nodes(pages, page, IS_LEAF);
    counts->leaves++;
  }
  pages->last = page;
  const uint8_t *large = (const uint8_t *)((uintptr_t)stored.data & mask);
  if (large == page) return;
  uint32_t count;
  memcpy(&count, large + COUNT_AT, sizeof count);
  use(pages, large, count);
  counts->overflows += count;
}

void store_pages_meet(struct store_pages *pages, struct slice key, struct slice stored) {
  meet(pages, RECORDS, key, stored);
}

/* Goes down a tree of this depth as far as the pages that hold keys: those were met already. */
static void scan_branches(struct store_pages *pages, int tree, size_t number, unsigned depth) {
  if (depth == 0 || pages->findings->count > FINDINGS_TOLD_MAX) return;
  if (number < ROOT_PAGES || number >= pages->count) {
    findings_add(pages->findings, "store: a page leads to page %zu, of %" PRIu64, number, pages->count);
    return;
  }
  const uint8_t *page = pages->first + number * pages->page_size;
  unsigned lower = read_u16_at(page + LOWER_AT), kind = depth == 1 ? IS_LEAF : IS_BRANCH;
  if (read_u16_at(page + FLAGS_AT) != kind || lower < HEAD_SIZE || lower > pages->page_size) {
    findings_add(pages->findings, "store: page %zu should be of another kind, or its head is damaged", number);
    return;
  }
  if (kind == IS_LEAF) return;
  use_nodes(pages, page, IS_BRANCH);
  pages->trees[tree].branches++;
  for (unsigned at = HEAD_SIZE; at < lower; at += 2) {
    unsigned node = read_u16_at(page + at);
    if (node > pages->page_size - 8) continue;      /* the scan of LMDB has met it by now */
    size_t child = read_u16_at(page + node) | (size_t)read_u16_at(page + node + 2) << 16 |
                   (size_t)read_u16_at(page + node + 4) << 32;
    scan_branches(pages, tree, child, depth - 1);
  }
}

/* Scans one of the two trees that a root page describes. */
static void scan_tree(struct store_pages *pages, int tree, const uint8_t *at) {
  enum { FLAGS = 4, KIND_MASK = 0xff, KIND_OF_LIST = MDB_INTEGERKEY };
  size_t root = read_word_at(at + TREE_ROOT_AT);
  unsigned kind = read_u16_at(at + FLAGS) & KIND_MASK;
  if (kind != (tree == FREE_LIST ? KIND_OF_LIST : 0)) findings_add(pages->findings, "store: a root page is damaged");
  if (root != SIZE_MAX) scan_branches(pages, tree, root, read_u16_at(at + TREE_DEPTH_AT));   /* else the tree is empty */
}

/* Scans both trees of the snapshot, from its root page. False if that is gone: a host at work overwrites it with the second
 * transaction after it, but nothing else that a reader sees. */
static bool scan_trees(struct store_pages *pages) {
  uint8_t meta[META_SIZE];
  for (size_t root = 0; root < ROOT_PAGES && pages->first != NULL; root++) {
    const uint8_t *at = pages->first + root * pages->page_size + HEAD_SIZE;
    memcpy(meta, at, sizeof meta);
    size_t transaction = mdb_txn_id(pages->reader->txn);
    if (read_word_at(meta + TRANSACTION_AT) != transaction || read_word_at(at + TRANSACTION_AT) != transaction) continue;
    scan_tree(pages, FREE_LIST, meta + TREES_AT);
    scan_tree(pages, RECORDS, meta + TREES_AT + TREE_SIZE);
    return true;
  }
  return false;
}

/* ---- free pages ------------------------------------------------------------------------------------------ */

static void meet_free(struct store_pages *pages, size_t number) {
  if (number < ROOT_PAGES || number >= pages->count) {
    findings_add(pages->findings, "store: page %zu is listed as free, of %" PRIu64, number, pages->count);
  } else if (set_has(&pages->free, number)) {
    findings_add(pages->findings, "store: page %zu is listed as free twice", number);
  } else if (set_has(&pages->used, number)) {
    findings_add(pages->findings, "store: page %zu is in use, and listed as free", number);
  } else {
    set_add(&pages->free, number);
    pages->free_count++;
  }
}

/* Notes an entry of LMDB's list: how many numbers, then the numbers, each a machine word. */
static void meet_list(struct store_pages *pages, struct slice list) {
  if (list.size < NUMBER_SIZE) return;
  size_t count = read_word_at(list.data);
  if (count != list.size / NUMBER_SIZE - 1) {
    findings_add(pages->findings, "store: a list of %zu free pages says that it has %zu", list.size / NUMBER_SIZE - 1, count);
    return;
  }
  for (size_t i = 1; i <= count; i++) {
    meet_free(pages, read_word_at(list.data + i * NUMBER_SIZE));
  }
}

static int scan_free_list(struct store_pages *pages) {
  MDB_cursor *cursor;
  MDB_val at, stored;
  int rc = mdb_cursor_open(pages->reader->txn, FREE_LIST, &cursor);
  if (rc != 0) return rc;
  for (rc = mdb_cursor_get(cursor, &at, &stored, MDB_FIRST); rc == 0;
       rc = mdb_cursor_get(cursor, &at, &stored, MDB_NEXT)) {
    meet(pages, FREE_LIST, val_slice(at), val_slice(stored));
    meet_list(pages, val_slice(stored));
    if (pages->findings->count > FINDINGS_TOLD_MAX) break;
  }
  mdb_cursor_close(cursor);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

/* Compares what was met of a tree with what LMDB has counted. Returns how many pages it has. */
static uint64_t check_tree(struct store_pages *pages, int tree, const char *name) {
  MDB_stat stat;
  const struct store_tree *met = &pages->trees[tree];
  CHECK_THAT(mdb_stat(pages->reader->txn, (MDB_dbi)tree, &stat), ==, 0);
  uint64_t counted[] = { stat.ms_branch_pages, stat.ms_leaf_pages, stat.ms_overflow_pages, stat.ms_entries };
  uint64_t found[] = { met->branches, met->leaves, met->overflows, met->keys };
  if (memcmp(counted, found, sizeof found) != 0) {
    findings_add(pages->findings, "store: of the %s LMDB counts %" PRIu64 " + %" PRIu64 " + %" PRIu64 " pages and %" PRIu64
                 " keys; there are %" PRIu64 " + %" PRIu64 " + %" PRIu64 " and %" PRIu64, name, counted[0], counted[1],
                 counted[2], counted[3], found[0], found[1], found[2], found[3]);
  }
  return met->branches + met->leaves + met->overflows;
}

void store_pages_check(struct store_pages *pages) {
  int rc = scan_free_list(pages);
  if (rc != 0) {
    findings_add(pages->findings, "store: LMDB cannot read its list of free pages: %s", mdb_strerror(rc));
    return;
  }
  if (!pages->is_current || !scan_trees(pages)) return;
  uint64_t used = ROOT_PAGES + check_tree(pages, FREE_LIST, "list of free pages") + check_tree(pages, RECORDS, "records");
  if (used + pages->free_count == pages->count) return;
  findings_add(pages->findings, "store: of LMDB's %" PRIu64 " pages %" PRIu64 " are in use and %" PRIu64 " are free",
               pages->count, used, pages->free_count);
}
