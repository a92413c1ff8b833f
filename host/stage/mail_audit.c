/* mail_audit.c -- see mail_audit.h. */
#include "stage/mail_audit.h"

#include "ledger/record_key.h"
#include "stage/mail_record.h"
#include "stage/router.h"
#include "stage/wake_key.h"

/* Whether a record is there, with the key in this buffer, which is let go. */
static enum err look_up(const struct view *view, struct buf *key, bool *is_there) {
  struct slice value;
  enum err err = key->err != ERR_NONE ? key->err : view_get(view, buf_slice(key), &value);
  *is_there = err == ERR_NONE;
  buf_done(key);
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err mail_audit_waiting(const struct view *view, struct slice key, struct slice value, const char **complaint) {
  struct slice address, class_name, actor_key;
  struct mail_place place;
  struct mail_record record;
  struct buf wake = { 0 };
  bool is_there;
  *complaint = "it is not a message for an actor of this shard";
  if (!mail_record_read_key(key, &address, &place)) return ERR_NONE;
  router_read_address(address, &class_name, &actor_key);
  if (router_shard(class_name, actor_key) != record_shard(record_key_id(key))) return ERR_NONE;
  *complaint = "its value cannot be read";
  if (!mail_record_read(value, false, &record)) return ERR_NONE;
  *complaint = NULL;
  if (record.due_ms == 0) return ERR_NONE;
  wake_key_put(&wake, TIMELINE_MAIL, record.due_ms, class_name, actor_key, place.sender_id);
  enum err err = look_up(view, &wake, &is_there);
  if (err == ERR_NONE && !is_there) *complaint = "it waits for another try, and nothing wakes its receiver then";
  return err;
}

enum err mail_audit_failed(const struct view *view, const struct failed_id *id, struct slice value, const char **complaint) {
  struct mail_record record;
  struct buf address = { 0 }, waiting = { 0 };
  bool is_there;
  *complaint = "it is not a message that was given up";
  if (!mail_record_read(value, true, &record)) return ERR_NONE;
  *complaint = "it is not for an actor of this shard";
  if (router_shard(record.class_name, record.key) != id->shard) return ERR_NONE;
  *complaint = NULL;
  router_put_address(&address, record.class_name, record.key);
  mail_record_put_key(&waiting, id->shard, buf_slice(&address), id->place);
  enum err err = address.err;
  buf_done(&address);
  if (err == ERR_NONE) err = look_up(view, &waiting, &is_there);
  if (err == ERR_NONE && is_there) *complaint = "it was given up, and waits all the same";
  buf_done(&waiting);
  return err;
}
