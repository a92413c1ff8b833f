/* changes.c -- puts and deletes as a run of bytes. */
#include "ledger/changes.h"

#include "base/check.h"

enum { TAG_PUT = 0x01, TAG_DELETE = 0x02, SIZE_SIZE = 4 };

void changes_put_all(struct buf *changes, const struct memtable *memtable) {
  const struct memtable_entry *entry = memtable_seek(memtable, slice_of(NULL, 0), false);
  for (; entry != NULL; entry = memtable_next(entry, false)) {
    struct slice key = memtable_key(entry);
    struct slice value = memtable_value(entry);
    CHECK_THAT(key.size, <=, UINT32_MAX);
    CHECK_THAT(value.size, <=, UINT32_MAX);
    bool deleted = memtable_is_deleted(entry);
    buf_put_byte(changes, deleted ? TAG_DELETE : TAG_PUT);
    buf_put_u32(changes, (uint32_t)key.size);
    if (!deleted) buf_put_u32(changes, (uint32_t)value.size);
    buf_put(changes, key);
    buf_put(changes, value);
  }
}

struct change changes_next(struct slice *rest) {
  if (rest->size == 0) return (struct change){ .type = CHANGE_END };
  const struct change broken = { .type = CHANGE_BROKEN };
  uint8_t tag = rest->data[0];
  if (tag != TAG_PUT && tag != TAG_DELETE) return broken;
  size_t head = 1 + (tag == TAG_PUT ? 2 * SIZE_SIZE : SIZE_SIZE);
  if (rest->size < head) return broken;
  size_t key_size = read_u32(rest->data + 1);
  size_t value_size = tag == TAG_PUT ? read_u32(rest->data + 1 + SIZE_SIZE) : 0;
  struct slice body = slice_after(*rest, head);
  if (body.size < key_size || body.size - key_size < value_size) return broken;
  *rest = slice_after(body, key_size + value_size);
  return (struct change){
    .type = tag == TAG_PUT ? CHANGE_PUT : CHANGE_DELETE,
    .key = slice_of(body.data, key_size),
    .value = slice_of(body.data + key_size, value_size),
  };
}
