/* idempotency.c -- see idempotency.h. */
#include "stage/idempotency.h"

#include <sha2.h>

#include "codec/key.h"
#include "codec/value.h"
#include "ledger/record_key.h"

enum {
  FINGERPRINT_SIZE = 16,
  TIME_KEY_SIZE = RECORD_KEY_HEAD + 9,   /* what a record by time has before its key, with a number below 2^53 */
  EXPIRED_A_CALL = 4                     /* a call adds one key and removes up to 4 expired ones: soon none is left */
};

struct record {
  int64_t expires_ms;
  struct slice fingerprint;
  bool is_interrupted;
  struct slice result;
};

/* -- the records -- */

static void put_record_key(struct buf *key, uint64_t actor_id, struct slice name) {
  record_key_put_head(key, actor_id, SPACE_IDEMPOTENCY);
  key_put_string(key, name);
}

static void put_time_key(struct buf *key, uint64_t actor_id, int64_t expires_ms) {
  record_key_put_head(key, actor_id, SPACE_IDEMPOTENCY);
  key_put_integer(key, expires_ms);
}

static void take_fingerprint(const struct turn *turn, uint8_t fingerprint[FINGERPRINT_SIZE]) {
  SHA2_CTX sha;
  uint8_t digest[SHA256_DIGEST_LENGTH];
  uint8_t head[1 + sizeof(uint32_t)] = { (uint8_t)turn->format };
  write_u32(head + 1, (uint32_t)turn->method.size);
  SHA256Init(&sha);
  SHA256Update(&sha, head, sizeof head);
  SHA256Update(&sha, turn->method.data, turn->method.size);
  SHA256Update(&sha, turn->args.data, turn->args.size);
  SHA256Final(digest, &sha);
  memcpy(fingerprint, digest, FINGERPRINT_SIZE);
}

static bool read_record(struct slice value, struct record *record) {
  struct value_reader reader;
  value_reader_init(&reader, value);
  if (value_next(&reader) != VALUE_ARRAY || reader.count != 3) return false;
  if (value_next(&reader) != VALUE_INTEGER) return false;
  record->expires_ms = reader.integer;
  if (value_next(&reader) != VALUE_STRING || reader.text.size != FINGERPRINT_SIZE) return false;
  record->fingerprint = reader.text;
  enum value_type type = value_next(&reader);
  record->is_interrupted = type == VALUE_NULL;
  record->result = type == VALUE_STRING ? reader.text : slice_of(NULL, 0);
  return (type == VALUE_NULL || type == VALUE_STRING) && value_next(&reader) == VALUE_END;
}

/* The record of the turn's key, even an expired one. Its slices are dead after the next read or write. ERR_NOT_FOUND,
 * ERR_STORAGE, ERR_MEMORY. */
static enum err find_record(const struct turn *turn, uint64_t actor_id, struct record *record) {
  struct buf key = { 0 };
  struct slice value;
  put_record_key(&key, actor_id, turn->idempotency_key);
  enum err err = key.err != ERR_NONE ? key.err : view_get(&turn->view, buf_slice(&key), &value);
  buf_done(&key);
  if (err != ERR_NONE) return err;
  return read_record(value, record) ? ERR_NONE : ERR_STORAGE;
}

/* -- before the call -- */

enum err idempotency_recall(struct turn *turn, uint64_t actor_id, const struct timekeeper *keeper) {
  struct record record;
  uint8_t fingerprint[FINGERPRINT_SIZE];
  if (turn->idempotency_key.size == 0 || turn->task != TURN_CALL) return ERR_NONE;
  enum err err = find_record(turn, actor_id, &record);
  if (err == ERR_NOT_FOUND || (err == ERR_NONE && record.expires_ms <= timekeeper_lived_ms(keeper))) return ERR_NONE;
  if (err != ERR_NONE) {
    return failure_set(&turn->failure, err, "the record of this idempotency key cannot be read");
  }
  turn->task = TURN_REPEAT;
  take_fingerprint(turn, fingerprint);
  if (!slice_equal(record.fingerprint, slice_of(fingerprint, sizeof fingerprint))) {
    failure_set(&turn->refusal, ERR_REQUEST, "this idempotency key was used for another call of this actor: its method "
                "or its arguments were others");
  } else if (record.is_interrupted) {
    failure_set(&turn->refusal, ERR_INTERRUPTED, "the call with this idempotency key failed after a save_state; what "
                "it saved stays, and it is not run again");
  } else {
    buf_put(&turn->result, record.result);
    if (turn->result.err != ERR_NONE) {
      return failure_set(&turn->failure, ERR_MEMORY, "no memory for the result of the first call");
    }
  }
  return ERR_NONE;
}

/* -- with its commit -- */

/* Copies the key of the record by time that expires first, if that time has come. ERR_NOT_FOUND: there is none, or it
 * cannot be read. One that stays for ever harms nobody, and the store's log tells of it. */
static enum err find_expired(const struct turn *turn, uint64_t actor_id, int64_t until_ms, struct buf *time_key) {
  struct buf from = { 0 }, to = { 0 };
  struct scan scan;
  struct slice key, value;
  put_time_key(&from, actor_id, 0);
  put_time_key(&to, actor_id, until_ms + 1);
  enum err err = from.err != ERR_NONE || to.err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
  if (err == ERR_NONE) {
    scan_begin(&scan, &turn->view, buf_slice(&from), buf_slice(&to), false);
    if (scan_next(&scan, &key, &value) != ERR_NONE || key.size <= TIME_KEY_SIZE) err = ERR_NOT_FOUND;
  }
  if (err == ERR_NONE) {
    buf_clear(time_key);
    buf_put(time_key, key);
    err = time_key->err;
  }
  buf_done(&to);
  buf_done(&from);
  return err;
}

/* Removes the records, by key and by time, of a few keys that have expired. */
static bool try_remove_expired(const struct turn *turn, uint64_t actor_id, int64_t until_ms) {
  struct buf time_key = { 0 }, record_key = { 0 };
  enum err err = ERR_NONE;
  for (int i = 0; i < EXPIRED_A_CALL && err == ERR_NONE; i++) {
    err = find_expired(turn, actor_id, until_ms, &time_key);
    if (err != ERR_NONE) break;
    buf_clear(&record_key);
    record_key_put_head(&record_key, actor_id, SPACE_IDEMPOTENCY);
    buf_put(&record_key, slice_after(buf_slice(&time_key), TIME_KEY_SIZE));
    bool removed = record_key.err == ERR_NONE && drafts_try_delete(turn->view.drafts, buf_slice(&time_key)) &&
                   drafts_try_delete(turn->view.drafts, buf_slice(&record_key));
    if (!removed) err = ERR_MEMORY;
  }
  buf_done(&record_key);
  buf_done(&time_key);
  return err == ERR_NONE || err == ERR_NOT_FOUND;
}

/* Removes the record by time of a record that is about to be replaced. */
static bool try_remove_time(const struct turn *turn, uint64_t actor_id, int64_t expires_ms) {
  struct buf key = { 0 };
  put_time_key(&key, actor_id, expires_ms);
  key_put_string(&key, turn->idempotency_key);
  bool removed = key.err == ERR_NONE && drafts_try_delete(turn->view.drafts, buf_slice(&key));
  buf_done(&key);
  return removed;
}

/* Puts both records; `result` NULL: interrupted. */
static bool try_put_records(const struct turn *turn, uint64_t actor_id, int64_t expires_ms, const struct buf *result) {
  struct buf key = { 0 }, value = { 0 };
  uint8_t fingerprint[FINGERPRINT_SIZE];
  take_fingerprint(turn, fingerprint);
  put_record_key(&key, actor_id, turn->idempotency_key);
  value_put_array(&value, 3);
  value_put_integer(&value, expires_ms);
  value_put_string(&value, slice_of(fingerprint, sizeof fingerprint));
  if (result == NULL) {
    value_put_null(&value);
  } else {
    value_put_string(&value, buf_slice(result));
  }
  bool put = key.err == ERR_NONE && value.err == ERR_NONE &&
             drafts_try_put(turn->view.drafts, buf_slice(&key), buf_slice(&value));
  buf_clear(&key);
  put_time_key(&key, actor_id, expires_ms);
  key_put_string(&key, turn->idempotency_key);
  put = put && key.err == ERR_NONE && drafts_try_put(turn->view.drafts, buf_slice(&key), slice_of(NULL, 0));
  buf_done(&value);
  buf_done(&key);
  return put;
}

bool idempotency_try_draft(const struct turn *turn, uint64_t actor_id, const struct timekeeper *keeper,
                           const struct buf *result) {
  struct record record;
  if (turn->idempotency_key.size == 0 || turn->task != TURN_CALL) return true;
  if (result == NULL && drafts_is_empty(turn->view.drafts) && turn->outbox == NULL) return true;
  int64_t lived_ms = timekeeper_lived_ms(keeper);
  if (!try_remove_expired(turn, actor_id, lived_ms)) return false;
  enum err err = find_record(turn, actor_id, &record);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return false;
  if (err == ERR_NONE) {
    bool is_noted = result == NULL && record.expires_ms > lived_ms;     /* by an earlier save of this call */
    if (is_noted) return true;
    if (!try_remove_time(turn, actor_id, record.expires_ms)) return false;
  }
  return try_put_records(turn, actor_id, lived_ms + (int64_t)IDEMPOTENCY_KEPT_S * 1000, result);
}

/* -- looked at from outside -- */

enum err idempotency_check_record(const struct view *view, struct slice key, struct slice value) {
  struct slice rest = slice_after(key, RECORD_KEY_HEAD), found;
  struct record record;
  struct buf other = { 0 };
  if (!key_is_valid(rest)) return ERR_NOT_FOUND;
  size_t part = key_part_size(rest);
  bool by_name = part == rest.size;
  if (by_name ? !read_record(value, &record) : value.size > 0 || key.size <= TIME_KEY_SIZE) return ERR_NOT_FOUND;
  if (by_name) {
    put_time_key(&other, record_key_id(key), record.expires_ms);
    buf_put(&other, rest);
  } else {
    record_key_put_head(&other, record_key_id(key), SPACE_IDEMPOTENCY);
    buf_put(&other, slice_after(rest, part));
  }
  enum err err = other.err != ERR_NONE ? other.err : view_get(view, buf_slice(&other), &found);
  if (err == ERR_NONE && !by_name) {
    buf_clear(&other);
    bool is_fellow = read_record(found, &record);
    if (is_fellow) put_time_key(&other, record_key_id(key), record.expires_ms);
    if (!is_fellow || !slice_begins(key, buf_slice(&other))) err = ERR_NOT_FOUND;
  }
  buf_done(&other);
  return err;
}
