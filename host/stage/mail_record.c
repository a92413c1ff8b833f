/* mail_record.c -- see mail_record.h. */
#include "stage/mail_record.h"

#include "codec/key.h"
#include "codec/value.h"
#include "ledger/record_key.h"
#include "stage/router.h"

enum { FIELDS = 11, FAILED_FIELDS = FIELDS + 2 };

static const char failed_kind[] = "message";

/* -- keys -- */

void mail_record_put_begin(struct buf *key, unsigned shard, struct slice address) {
  record_key_put_head(key, record_own_id(shard), SPACE_MAIL);
  router_put_nested(key, address);
}

void mail_record_put_end(struct buf *key, unsigned shard, struct slice address) {
  mail_record_put_begin(key, shard, address);
  buf_put_byte(key, 0xff);
}

static void put_place(struct buf *key, struct mail_place place) {
  key_put_integer(key, (int64_t)place.stamp);
  key_put_integer(key, (int64_t)place.sender_id);
}

void mail_record_put_key(struct buf *key, unsigned shard, struct slice address, struct mail_place place) {
  mail_record_put_begin(key, shard, address);
  put_place(key, place);
}

void mail_record_put_failed_key(struct buf *key, unsigned shard, struct mail_place place) {
  record_key_put_head(key, record_own_id(shard), SPACE_FAILED);
  key_put_string(key, slice_text(failed_kind));
  put_place(key, place);
}

/* Reads the two numbers at the end of a key. */
static bool read_place(struct key_reader *reader, struct mail_place *place) {
  if (key_next(reader) != KEY_INTEGER || reader->integer < 0) return false;
  place->stamp = (uint64_t)reader->integer;
  if (key_next(reader) != KEY_INTEGER || reader->integer < 0) return false;
  place->sender_id = (uint64_t)reader->integer;
  return key_next(reader) == KEY_END;
}

bool mail_record_read_key(struct slice key, struct slice *address, struct mail_place *place) {
  struct key_reader reader;
  if (key.size <= RECORD_KEY_HEAD) return false;
  struct slice rest = slice_after(key, RECORD_KEY_HEAD);
  if (!router_take_nested(&rest, address)) return false;
  key_reader_init(&reader, rest);
  bool read = read_place(&reader, place);
  key_reader_done(&reader);
  return read;
}

bool mail_record_read_failed_key(struct slice key, struct mail_place *place) {
  struct key_reader reader;
  key_reader_init(&reader, slice_after(key, RECORD_KEY_HEAD));
  bool read = key_next(&reader) == KEY_STRING && slice_equal(reader.text, slice_text(failed_kind)) &&
              read_place(&reader, place);
  key_reader_done(&reader);
  return read;
}

/* -- values -- */

void mail_record_write(struct buf *value, const struct mail_record *record, bool is_failed) {
  value_put_array(value, is_failed ? FAILED_FIELDS : FIELDS);
  value_put_string(value, record->method);
  value_put_string(value, record->args);
  value_put_string(value, record->input);
  value_put_string(value, record->idempotency_key);
  value_put_boolean(value, record->create);
  value_put_boolean(value, record->revived);
  value_put_string(value, record->sender_class);
  value_put_string(value, record->sender_key);
  value_put_integer(value, record->tries);
  value_put_integer(value, record->due_ms);
  value_put_string(value, record->error);
  if (!is_failed) return;
  value_put_string(value, record->class_name);
  value_put_string(value, record->key);
}

static bool take_string(struct value_reader *reader, struct slice *text) {
  if (value_next(reader) != VALUE_STRING) return false;
  *text = reader->text;
  return true;
}

static bool take_number(struct value_reader *reader, int64_t most, int64_t *number) {
  if (value_next(reader) != VALUE_INTEGER || reader->integer < 0 || reader->integer > most) return false;
  *number = reader->integer;
  return true;
}

static bool take_truth(struct value_reader *reader, bool *truth) {
  if (value_next(reader) != VALUE_BOOLEAN) return false;
  *truth = reader->truth;
  return true;
}

bool mail_record_read(struct slice value, bool is_failed, struct mail_record *record) {
  struct value_reader reader;
  int64_t tries;
  *record = (struct mail_record){ 0 };
  value_reader_init(&reader, value);
  if (value_next(&reader) != VALUE_ARRAY || reader.count != (is_failed ? FAILED_FIELDS : FIELDS)) return false;
  bool read = take_string(&reader, &record->method) && take_string(&reader, &record->args) &&
              take_string(&reader, &record->input) && take_string(&reader, &record->idempotency_key) &&
              take_truth(&reader, &record->create) && take_truth(&reader, &record->revived) &&
              take_string(&reader, &record->sender_class) && take_string(&reader, &record->sender_key) &&
              take_number(&reader, UINT16_MAX, &tries) &&
              take_number(&reader, INT64_MAX, &record->due_ms) && take_string(&reader, &record->error);
  if (read && is_failed) read = take_string(&reader, &record->class_name) && take_string(&reader, &record->key);
  if (!read || value_next(&reader) != VALUE_END) return false;
  record->tries = (unsigned)tries;
  return key_is_valid(record->sender_key) && (!is_failed || key_is_valid(record->key)) && value_is_valid(record->args, NULL) &&
         (record->input.size == 0 || value_is_valid(record->input, NULL));
}
