/* record_key.c -- see record_key.h. */
#include "ledger/record_key.h"

#include <inttypes.h>

#include "codec/key.h"

void record_key_write_head(uint8_t *head, uint64_t id, enum record_space space) {
  write_u64(head, id);
  head[RECORD_KEY_HEAD - 1] = (uint8_t)space;
}

void record_key_put_head(struct buf *key, uint64_t id, enum record_space space) {
  uint8_t head[RECORD_KEY_HEAD];
  record_key_write_head(head, id, space);
  buf_put(key, slice_of(head, sizeof head));
}

/* For bytes that are not a record key. */
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

static const char *name_of(enum record_space space) {
  switch (space) {
    case SPACE_IDEMPOTENCY: return "idempotency key";
    case SPACE_KV: return "kv";
    case SPACE_OWN: return "its own record";
    case SPACE_STATE: return "state";
    case SPACE_VERSION: return "version of the state";
    default: return NULL;
  }
}

static void put_of_host(struct buf *buf, enum record_space space, struct slice rest) {
  if (space == SPACE_CHECKPOINT) {
    buf_put_text(buf, "the number of the checkpoint");
  } else {
    buf_put_text(buf, space == SPACE_INDEX ? "the index of addresses," : "a record of the host that no host makes,");
    put_rest(buf, rest);
  }
}

void record_key_print(struct buf *buf, struct slice key) {
  if (key.size < RECORD_KEY_HEAD) {
    buf_put_text(buf, "a key of another kind, ");
    put_hex(buf, key);
    return;
  }
  uint64_t id = record_key_id(key);
  enum record_space space = record_key_space(key);
  struct slice rest = slice_after(key, RECORD_KEY_HEAD);
  if (id == RECORD_HOST_ID) {
    put_of_host(buf, space, rest);
    return;
  }
  buf_printf(buf, "actor %" PRIu64 ", ", id);
  if (name_of(space) == NULL) {
    buf_printf(buf, "space %02x", (unsigned)space);
  } else {
    buf_put_text(buf, name_of(space));
  }
  if (space == SPACE_STATE && rest.size >= 8) {
    buf_printf(buf, ", node %" PRIu64, read_u64(rest.data));
    rest = slice_after(rest, 8);
  }
  put_rest(buf, rest);
}

struct slice record_key_behind_all(void) {
  static const uint8_t bytes[RECORD_KEY_HEAD] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
  return slice_of(bytes, sizeof bytes);
}
