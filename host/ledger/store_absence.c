/* store_absence.c -- whether a key that was not found really does not exist.
 *
 * A record whose key is damaged is found neither under that key nor under its own. But on its way LMDB compares the key that
 * it looks for with the damaged one, and ends beside it, on either side. So a read that finds nothing looks at both
 * neighbours, if they are the same actor's. If they are whole, nothing was missed, unless more than one record is damaged, or
 * the id in the key. */
#include "base/check.h"
#include "ledger/store_env.h"

enum { OWNER_SIZE = 1 + 8, CHECKED_BYTES_MAX = 64 * 1024 };   /* of a value: a larger one would make an absent key too dear */

/* Whether the record beside a place is as it was written. Another actor's, one in another continuation, and a very large one
 * are not checked, and pass. */
static bool is_whole(const struct store_key *where, struct slice key, MDB_val at, MDB_val stored) {
  uint8_t bytes[STORE_KEY_MAX + STORE_KEY_CUT];
  struct slice value, beside = val_slice(at);
  uint64_t id;
  bool is_top = where->bytes[0] == 'r';
  size_t head_size = is_top ? 1 : STORE_KEY_HEAD_MAX, owner_size = where->size < OWNER_SIZE ? where->size : OWNER_SIZE;
  if (!slice_begins(beside, slice_of(where->bytes, owner_size)) || stored.mv_size > CHECKED_BYTES_MAX) return true;
  if (beside.size > STORE_KEY_CUT) return false;
  if (beside.size == STORE_KEY_CUT) return store_key_open_pointer(beside, val_slice(stored), &id);
  /* All keys of a level share the part that the levels above hold. */
  size_t here = where->size - head_size - (where->cut ? 1 : 0), above = key.size - where->rest.size - here;
  struct slice rest = slice_after(beside, head_size);
  CHECK_THAT(above, <=, STORE_KEY_MAX);
  if (above > 0) memcpy(bytes, key.data, above);
  if (rest.size > 0) memcpy(bytes + above, rest.data, rest.size);
  return store_key_open(val_slice(stored), slice_of(bytes, above + rest.size), &value);
}

enum err store_confirm_absence(struct store_reader *reader, const struct store_key *where, struct slice key) {
  MDB_val at = store_key_val(where), stored;
  int rc = mdb_cursor_get(reader->single, &at, &stored, MDB_SET_RANGE);
  /* Found after all, by another way: something on the first way is damaged. */
  bool is_there = rc == 0 && slice_equal(val_slice(at), store_key_slice(where));
  bool is_fine = rc != 0 || (!is_there && is_whole(where, key, at, stored));
  if (rc == 0) rc = mdb_cursor_get(reader->single, &at, &stored, MDB_PREV);
  else if (rc == MDB_NOTFOUND) rc = mdb_cursor_get(reader->single, &at, &stored, MDB_LAST);
  is_fine = is_fine && (rc != 0 || is_whole(where, key, at, stored));
  if (rc != 0 && rc != MDB_NOTFOUND) return store_failed(reader->store, ERR_STORAGE, "to read", rc);
  return is_fine ? ERR_NOT_FOUND : store_damaged(reader->store, key);
}
