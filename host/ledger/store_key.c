/* store_key.c -- see store_key.h. */
#include "ledger/store_key.h"

#include "base/buf.h"
#include "ledger/crc.h"

static uint32_t crc_of(struct slice key, struct slice value) {
  return crc_end(crc_add(crc_add(CRC_BEGIN, key), value));
}

size_t store_key_put_head(uint8_t head[STORE_KEY_HEAD_MAX], uint64_t id) {
  head[0] = id == 0 ? 'r' : 'z';
  if (id == 0) return 1;
  write_u64(head + 1, id);
  return STORE_KEY_HEAD_MAX;
}

void store_key_put(struct store_key *where, uint64_t id, struct slice key) {
  size_t head_size = store_key_put_head(where->bytes, id);
  size_t room = STORE_KEY_FIT - head_size;
  size_t part = key.size < room ? key.size : room;
  if (part > 0) memcpy(where->bytes + head_size, key.data, part);
  where->size = head_size + part;
  where->cut = key.size > room;
  where->rest = slice_after(key, part);
  if (where->cut) where->bytes[where->size++] = 0;
}

void store_key_seal(uint8_t *stored, struct slice key, struct slice value) {
  write_u32(stored, crc_of(key, value));
  if (value.size > 0) memcpy(stored + STORE_KEY_CRC_SIZE, value.data, value.size);
}

bool store_key_open(struct slice stored, struct slice key, struct slice *value) {
  if (stored.size < STORE_KEY_CRC_SIZE) return false;
  struct slice held = slice_after(stored, STORE_KEY_CRC_SIZE);
  if (read_u32(stored.data) != crc_of(key, held)) return false;
  *value = held;
  return true;
}

bool store_key_open_pointer(struct slice at, struct slice stored, uint64_t *id) {
  struct slice value;
  if (!store_key_open(stored, at, &value) || value.size != STORE_KEY_ID_SIZE) return false;
  *id = read_u64(value.data);
  return *id != 0;
}
