/* changes.c -- puts and deletes as a run of bytes. */
#include "ledger/changes.h"

#include "base/check.h"

enum { TAG_PUT = 0x01, TAG_DELETE = 0x02, TAG_DELETE_RANGE = 0x03, HEAD_SIZE = 9 };

static void put_change(struct buf *changes, uint8_t tag, struct slice key, struct slice value) {
  CHECK_THAT(key.size, <=, UINT32_MAX);
  CHECK_THAT(value.size, <=, UINT32_MAX);
  buf_put_byte(changes, tag);
  buf_put_u32(changes, (uint32_t)key.size);
  buf_put_u32(changes, (uint32_t)value.size);
  buf_put(changes, key);
  buf_put(changes, value);
}

void changes_put_all(struct buf *changes, const struct memtable *memtable) {
  struct slice from, to = slice_of(NULL, 0);
  while (memtable_next_range(memtable, to, &from, &to)) put_change(changes, TAG_DELETE_RANGE, from, to);
  const struct memtable_entry *entry = memtable_seek(memtable, slice_of(NULL, 0), false);
  for (; entry != NULL; entry = memtable_next(entry, false)) {
    uint8_t tag = memtable_is_deleted(entry) ? TAG_DELETE : TAG_PUT;
    put_change(changes, tag, memtable_key(entry), memtable_value(entry));
  }
}

struct change changes_next(struct slice *rest) {
  if (rest->size == 0) return (struct change){ .type = CHANGE_END };
  const struct change broken = { .type = CHANGE_BROKEN };
  if (rest->size < HEAD_SIZE) return broken;
  uint8_t tag = rest->data[0];
  size_t key_size = read_u32(rest->data + 1), value_size = read_u32(rest->data + 5);
  struct slice body = slice_after(*rest, HEAD_SIZE);
  if (tag < TAG_PUT || tag > TAG_DELETE_RANGE || (tag == TAG_DELETE && value_size > 0)) return broken;
  if (body.size < key_size || body.size - key_size < value_size) return broken;
  *rest = slice_after(body, key_size + value_size);
  return (struct change){
    .type = tag == TAG_PUT ? CHANGE_PUT : tag == TAG_DELETE ? CHANGE_DELETE : CHANGE_DELETE_RANGE,
    .key = slice_of(body.data, key_size),
    .value = slice_of(body.data + key_size, value_size),
  };
}
