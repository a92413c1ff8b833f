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

/* Of a space as it stands under a shard's own id, or under an actor's; NULL: no host makes such a record. */
static const char *name_of(enum record_space space, bool is_own) {
  if (is_own) {
    switch (space) {
      case SPACE_INDEX: return "the index of addresses";
      case SPACE_WAKE: return "wake-up";
      case SPACE_FAILED: return "given up";
      case SPACE_MAIL: return "mail";
      default: return NULL;
    }
  }
  switch (space) {
    case SPACE_IDEMPOTENCY: return "idempotency key";
    case SPACE_KV: return "kv";
    case SPACE_OWN: return "its own record";
    case SPACE_CONNECTION: return "state of connection";
    case SPACE_STATE: return "state";
    case SPACE_SCHEDULE: return "schedule";
    case SPACE_VERSION: return "version of the state";
    default: return NULL;
  }
}

void record_print_id(struct buf *buf, uint64_t id) {
  uint64_t counter = id - record_own_id(record_shard(id));
  buf_printf(buf, "%u", record_shard(id));
  if (counter != 0) buf_printf(buf, "/%" PRIu64, counter);
}

/* The records of the whole host. Whether it is one. */
static bool put_of_host(struct buf *buf, uint64_t id, enum record_space space, struct slice rest) {
  bool is_number = space == SPACE_CHECKPOINT, is_clock = space == SPACE_CLOCK;
  if (id != RECORD_HOST_ID || (!is_number && !is_clock)) return false;
  buf_put_text(buf, is_number ? "the number of the checkpoint" : "the clock of the host");
  put_rest(buf, rest);
  return true;
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
  if (put_of_host(buf, id, space, rest)) return;
  const char *name = name_of(space, record_is_own(id));
  buf_put_text(buf, record_is_own(id) ? "shard " : "actor ");
  record_print_id(buf, id);
  if (name != NULL) {
    buf_printf(buf, ", %s", name);
  } else {
    buf_printf(buf, ", space %02x", (unsigned)space);
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
