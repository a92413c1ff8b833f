/* place.c -- see place.h. */
#include "ledger/place.h"

#include "base/buf.h"
#include "ledger/crc.h"

static uint32_t crc_of(struct slice key, struct slice value) {
  return crc_end(crc_add(crc_add(CRC_BEGIN, key), value));
}

size_t place_put_head(uint8_t head[PLACE_HEAD_MAX], uint64_t id) {
  head[0] = id == 0 ? 'r' : 'z';
  if (id == 0) return 1;
  write_u64(head + 1, id);
  return PLACE_HEAD_MAX;
}

void place_put(struct place *place, uint64_t id, struct slice key) {
  size_t head_size = place_put_head(place->bytes, id);
  size_t room = PLACE_FIT - head_size;
  size_t part = key.size < room ? key.size : room;
  if (part > 0) memcpy(place->bytes + head_size, key.data, part);
  place->size = head_size + part;
  place->cut = key.size > room;
  place->rest = slice_after(key, part);
  if (place->cut) place->bytes[place->size++] = 0;
}

void place_seal(uint8_t *stored, struct slice key, struct slice value) {
  write_u32(stored, crc_of(key, value));
  if (value.size > 0) memcpy(stored + PLACE_CRC_SIZE, value.data, value.size);
}

bool place_open(struct slice stored, struct slice key, struct slice *value) {
  if (stored.size < PLACE_CRC_SIZE) return false;
  struct slice held = slice_after(stored, PLACE_CRC_SIZE);
  if (read_u32(stored.data) != crc_of(key, held)) return false;
  *value = held;
  return true;
}

bool place_open_pointer(struct slice at, struct slice stored, uint64_t *id) {
  struct slice value;
  if (!place_open(stored, at, &value) || value.size != PLACE_ID_SIZE) return false;
  *id = read_u64(value.data);
  return *id != 0;
}
