/* existence.c -- see existence.h. */
#include "stage/existence.h"

#include "ledger/own_record.h"
#include "ledger/record_key.h"

/* The key of the record that maps an address to its actor id. */
static void put_index_key(struct buf *key, const struct actor *actor) {
  record_key_put_head(key, record_own_id(actor->shard), SPACE_INDEX);
  buf_put(key, actor_address(actor));
}

enum err existence_learn(struct records *records, struct drafts *drafts, struct actor *actor) {
  if (actor->known) return ERR_NONE;
  struct view view = records_view(records, drafts);
  struct buf key = { 0 };
  struct slice value;
  put_index_key(&key, actor);
  enum err err = key.err != ERR_NONE ? key.err : view_get(&view, buf_slice(&key), &value);
  bool is_index_pending = key.err == ERR_NONE && records_is_key_pending(records, buf_slice(&key));
  buf_done(&key);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return err;
  if (err == ERR_NONE && value.size != 8) return ERR_STORAGE;
  actor->exists = err == ERR_NONE;
  actor->id = actor->exists ? read_u64(value.data) : 0;
  actor->known = true;
  /* It may have been in memory before, and may now see writes of its own that are not durable yet. Which commit holds them
   * is not known, so the last one sent counts. */
  if (is_index_pending || (actor->exists && records_is_pending(records, actor->id))) actor_see(actor, records_ticket(records));
  return ERR_NONE;
}

bool existence_try_draft(struct drafts *drafts, const struct actor *actor) {
  struct buf key = { 0 }, value = { 0 };
  put_index_key(&key, actor);
  buf_put_u64(&value, actor->id);
  bool drafted = key.err == ERR_NONE && value.err == ERR_NONE &&
                 drafts_try_put(drafts, buf_slice(&key), buf_slice(&value));
  buf_clear(&key);
  buf_clear(&value);
  record_key_put_head(&key, actor->id, SPACE_OWN);
  own_record_put(&value, actor_class(actor), actor_key(actor));
  drafted = drafted && key.err == ERR_NONE && value.err == ERR_NONE &&
            drafts_try_put(drafts, buf_slice(&key), buf_slice(&value));
  buf_done(&key);
  buf_done(&value);
  return drafted;
}

bool existence_try_draft_end(struct drafts *drafts, const struct actor *actor) {
  struct buf key = { 0 };
  uint8_t from[8], to[8];
  put_index_key(&key, actor);
  write_u64(from, actor->id);
  write_u64(to, actor->id + 1);
  bool drafted = key.err == ERR_NONE && drafts_try_delete(drafts, buf_slice(&key)) &&
                 drafts_try_delete_range(drafts, slice_of(from, sizeof from), slice_of(to, sizeof to));
  buf_done(&key);
  return drafted;
}
