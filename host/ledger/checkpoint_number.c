/* checkpoint_number.c -- see checkpoint_number.h. */
#include "ledger/checkpoint_number.h"

#include "ledger/record_key.h"

/* The key of the host's record of the checkpoint's number: all batches of the log up to it are in the store. */
static struct slice number_key(uint8_t bytes[RECORD_KEY_HEAD]) {
  record_key_write_head(bytes, RECORD_HOST_ID, SPACE_CHECKPOINT);
  return slice_of(bytes, RECORD_KEY_HEAD);
}

bool checkpoint_number_is(struct slice key) {
  uint8_t bytes[RECORD_KEY_HEAD];
  return slice_equal(key, number_key(bytes));
}

enum err checkpoint_number_get(struct store_reader *reader, uint64_t *number, struct failure *failure) {
  struct slice value;
  uint8_t key[RECORD_KEY_HEAD];
  *number = 0;
  enum err err = store_get(reader, number_key(key), &value);
  if (err == ERR_NOT_FOUND) return ERR_NONE;
  if (err == ERR_NONE && value.size == 8) {
    *number = read_u64(value.data);
    return ERR_NONE;
  }
  return failure_set(failure, ERR_STORAGE, "the store's record of its checkpoint cannot be read");
}

enum err checkpoint_number_put(struct store *store, uint64_t number) {
  uint8_t key[RECORD_KEY_HEAD];
  uint8_t value[sizeof number];
  write_u64(value, number);
  return store_put(store, number_key(key), slice_of(value, sizeof value));
}

enum err checkpoint_number_read(struct store *store, uint64_t *number, struct failure *failure) {
  struct store_reader *reader;
  *number = 0;
  enum err err = store_reader_open(store, &reader, failure);
  if (err == ERR_NONE) err = checkpoint_number_get(reader, number, failure);
  store_reader_close(reader);
  return err;
}
