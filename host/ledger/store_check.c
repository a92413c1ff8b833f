/* store_check.c -- scans everything in LMDB that a reader's snapshot reaches.
 *
 * LMDB has no checksums of its own, and trusts its pages. So each key that a scan meets is also looked up from the root, as
 * a read would do it, and must be found at the same place; and the pages in use and the free ones must together be all
 * pages. */
#include <inttypes.h>

#include "ledger/record_key.h"
#include "ledger/store_env.h"
#include "ledger/store_pages.h"

struct checking {
  struct store_reader *reader;
  struct store_pages pages;
  struct findings *findings;
  struct store_place *place;
  struct buf pointed;       /* the continuation ids that pointers hold, uint64_t's */
  struct buf continued;     /* the ids that keys begin with, in order, each once */
};

/* ---- what is found --------------------------------------------------------------------------------------- */

/* Adds "... : what" about an LMDB key, naming the record that it is the key of, or the beginning of. */
static void add(const struct checking *checking, struct slice at, const char *what) {
  struct buf text = { 0 };
  bool is_top = at.size > 0 && at.data[0] == 'r';
  if (is_top) {
    record_key_print(&text, slice_after(at, 1));
  } else {
    buf_put_text(&text, "a continuation of long keys, ");
    for (size_t i = 0; i < at.size && i < STORE_KEY_HEAD_MAX; i++) buf_printf(&text, "%02x", at.data[i]);
  }
  findings_add(checking->findings, "store: %.*s: %s", (int)text.size, (const char *)text.data, what);
  buf_done(&text);
}

static void add_rc(const struct checking *checking, const char *what, int rc) {
  findings_add(checking->findings, "store: LMDB cannot %s: %s", what, mdb_strerror(rc));
}

static void note_place(const struct checking *checking, struct slice key) {
  struct store_place *place = checking->place;
  if (place == NULL) return;
  place->size = key.size < sizeof place->key ? key.size : sizeof place->key;
  if (place->size > 0) memcpy(place->key, key.data, place->size);
}

/* ---- keys ------------------------------------------------------------------------------------------------ */

static void check_pointer(struct checking *checking, struct slice at, MDB_val stored) {
  uint64_t id;
  if (at.data[at.size - 1] != 0) {
    add(checking, at, "its key is cut, and not as keys are");
  } else if (!store_key_open_pointer(at, val_slice(stored), &id)) {
    add(checking, at, "the pointer to the rest of a long key is damaged");
  } else {
    buf_put(&checking->pointed, slice_of(&id, sizeof id));
  }
}

/* Notes the continuation that a key is in. */
static void note_continuation(struct checking *checking, struct slice at) {
  uint64_t id = read_u64(at.data + 1), last = 0;
  const struct buf *continued = &checking->continued;
  if (continued->size > 0) memcpy(&last, continued->data + continued->size - sizeof last, sizeof last);
  if (id != last) buf_put(&checking->continued, slice_of(&id, sizeof id));
}

static void check_key(struct checking *checking, struct slice at, MDB_val stored) {
  bool is_top = at.size > 0 && at.data[0] == 'r';
  bool is_continued = at.size >= STORE_KEY_HEAD_MAX && at.data[0] == 'z' && read_u64(at.data + 1) != 0;
  if ((!is_top && !is_continued) || at.size > STORE_KEY_CUT) {
    add(checking, at, "no host makes such a key");
    return;
  }
  if (is_continued) note_continuation(checking, at);
  if (at.size == STORE_KEY_CUT) check_pointer(checking, at, stored);
}

/* Whether a read from the root finds what the scan found. */
static bool is_found(const struct checking *checking, MDB_val at, MDB_val stored) {
  MDB_val found;
  if (mdb_get(checking->reader->txn, checking->reader->store->dbi, &at, &found) != 0) return false;
  return found.mv_data == stored.mv_data && found.mv_size == stored.mv_size;
}

/* Scans all LMDB keys: they must be in order, can be found, and be as many as LMDB has counted. */
static void check_keys(struct checking *checking) {
  MDB_cursor *cursor = checking->reader->levels[0].cursor;
  MDB_val at, stored;
  MDB_stat stat;
  uint8_t last[STORE_KEY_CUT];
  size_t last_size = 0;
  uint64_t count = 0;
  int rc = mdb_stat(checking->reader->txn, checking->reader->store->dbi, &stat);
  if (rc != 0) {
    add_rc(checking, "count its keys", rc);
    return;
  }
  for (rc = mdb_cursor_get(cursor, &at, &stored, MDB_FIRST); rc == 0;
       rc = mdb_cursor_get(cursor, &at, &stored, MDB_NEXT)) {
    struct slice key = val_slice(at);
    note_place(checking, key.size > 0 && key.data[0] == 'r' ? slice_after(key, 1) : key);
    /* Pages that lead back to earlier ones go round for ever. */
    if (++count > stat.ms_entries || checking->findings->count > FINDINGS_TOLD_MAX) break;
    if (last_size > 0 && slice_compare(slice_of(last, last_size), key) >= 0) add(checking, key, "it is out of order");
    if (!is_found(checking, at, stored)) add(checking, key, "it is there, and is not found");
    check_key(checking, key, stored);
    store_pages_meet(&checking->pages, key, val_slice(stored));
    last_size = key.size < sizeof last ? key.size : sizeof last;
    memcpy(last, key.data, last_size);
  }
  if (rc != 0 && rc != MDB_NOTFOUND) add_rc(checking, "scan its keys", rc);
  if (rc != MDB_NOTFOUND || count != stat.ms_entries) {
    findings_add(checking->findings, "store: LMDB counts %zu keys, and %" PRIu64 " were met", stat.ms_entries, count);
  }
}

/* ---- long keys ------------------------------------------------------------------------------------------- */

/* Each pointer must have a continuation of its own. A continuation without a pointer is not damage: it is what is left when
 * a damaged pointer is deleted, and nobody reaches it. */
static void check_continuations(struct checking *checking) {
  size_t pointed_count = checking->pointed.size / sizeof(uint64_t);
  size_t continued_count = checking->continued.size / sizeof(uint64_t);
  buf_sort_numbers(&checking->pointed);
  const uint64_t *pointed = (const uint64_t *)(const void *)checking->pointed.data;
  const uint64_t *continued = (const uint64_t *)(const void *)checking->continued.data;
  for (size_t i = 0, j = 0; i < pointed_count; i++) {
    while (j < continued_count && continued[j] < pointed[i]) j++;
    if (j == continued_count || continued[j] != pointed[i]) {
      findings_add(checking->findings, "store: a long key goes on in continuation %" PRIu64 ", which is not there", pointed[i]);
    }
    if (i > 0 && pointed[i] == pointed[i - 1]) {
      findings_add(checking->findings, "store: two long keys go on in continuation %" PRIu64, pointed[i]);
    }
  }
}

/* ---- records --------------------------------------------------------------------------------------------- */

static void check_record(const struct checking *checking, struct slice key) {
  struct slice value;
  note_place(checking, key);
  if (store_value(checking->reader, &value) == ERR_NONE) return;
  struct buf text = { 0 };
  record_key_print(&text, key);
  findings_add(checking->findings, "store: %.*s: the record is damaged", (int)text.size, (const char *)text.data);
  buf_done(&text);
}

/* Scans all records as readers do: their checksums must be right. Returns how many there are. */
static uint64_t check_records(const struct checking *checking) {
  struct slice key;
  uint64_t count = 0;
  enum err err = store_seek(checking->reader, slice_of(NULL, 0), false, &key);
  for (; err == ERR_NONE && checking->findings->count <= FINDINGS_TOLD_MAX; err = store_next(checking->reader, &key)) {
    check_record(checking, key);
    count++;
  }
  if (err == ERR_STORAGE) findings_add(checking->findings, "store: LMDB cannot scan its records");
  return count;
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

enum err store_check(struct store_reader *reader, struct findings *findings, struct store_place *place,
                     uint64_t *records) {
  struct checking checking = { .reader = reader, .findings = findings, .place = place };
  *records = 0;
  enum err err = store_reader_begin(reader);
  if (err != ERR_NONE) return err;
  if (store_pages_open(&checking.pages, reader, findings)) {
    check_keys(&checking);
    store_pages_check(&checking.pages);
    check_continuations(&checking);
    *records = check_records(&checking);
  }
  err = checking.pages.free.err != ERR_NONE || checking.pages.used.err != ERR_NONE ? ERR_MEMORY : checking.pointed.err;
  if (err == ERR_NONE) err = checking.continued.err;
  store_pages_done(&checking.pages);
  buf_done(&checking.continued);
  buf_done(&checking.pointed);
  return err;
}
