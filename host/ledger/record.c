/* record.c -- see record.h. */
#include "ledger/record.h"

#include <inttypes.h>

#include "codec/key.h"

/* Bytes that are no record key. */
static void put_hex(struct buf *buf, struct slice bytes) {
  for (size_t i = 0; i < bytes.size; i++) buf_printf(buf, "%02x", bytes.data[i]);
}

static void put_rest(struct buf *buf, struct slice rest) {
  if (rest.size == 0) return;
  buf_put_byte(buf, ' ');
  if (key_is_valid(rest)) {
    key_print(buf, rest);
  } else {
    put_hex(buf, rest);
  }
}

static const char *name_of(uint8_t space) {
  switch (space) {
    case 'i': return "idempotency key";
    case 'k': return "kv";
    case 'm': return "its own record";
    case 's': return "state";
    case 'v': return "version of the state";
    default: return NULL;
  }
}

static void put_of_host(struct buf *buf, uint8_t space, struct slice rest) {
  if (space == 'c') {
    buf_put_text(buf, "the number of the checkpoint");
  } else {
    buf_put_text(buf, space == 'a' ? "the index of addresses," : "a record of the host that no host makes,");
    put_rest(buf, rest);
  }
}

void record_print(struct buf *buf, struct slice key) {
  if (key.size < RECORD_KEY_HEAD) {
    buf_put_text(buf, "a key of another kind, ");
    put_hex(buf, key);
    return;
  }
  uint64_t id = read_u64(key.data);
  uint8_t space = key.data[8];
  struct slice rest = slice_after(key, RECORD_KEY_HEAD);
  if (id == 0) {
    put_of_host(buf, space, rest);
    return;
  }
  buf_printf(buf, "actor %" PRIu64 ", ", id);
  if (name_of(space) == NULL) {
    buf_printf(buf, "space %02x", space);
  } else {
    buf_put_text(buf, name_of(space));
  }
  if (space == 's' && rest.size >= 8) {
    buf_printf(buf, ", node %" PRIu64, read_u64(rest.data));
    rest = slice_after(rest, 8);
  }
  put_rest(buf, rest);
}

struct slice record_behind_all(void) {
  static const uint8_t bytes[RECORD_KEY_HEAD] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
  return slice_of(bytes, sizeof bytes);
}
