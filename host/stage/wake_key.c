/* wake_key.c -- see wake_key.h. */
#include "stage/wake_key.h"

#include "codec/key.h"
#include "stage/router.h"

void wake_key_put(struct buf *key, enum timeline timeline, int64_t due_ms, struct slice class_name, struct slice actor_key,
                  uint64_t sender_id) {
  record_key_put_head(key, record_own_id(router_shard(class_name, actor_key)), SPACE_WAKE);
  key_put_integer(key, timeline);
  key_put_integer(key, due_ms);
  key_tuple_begin(key);
  router_put_address(key, class_name, actor_key);
  key_tuple_end(key);
  if (timeline == TIMELINE_MAIL) key_put_integer(key, (int64_t)sender_id);
}

/* Takes the next part off, which is an integer. */
static bool take_integer(struct slice *rest, int64_t *number) {
  struct key_reader reader;
  size_t size = key_part_size(*rest);
  if (size == 0) return false;
  key_reader_init(&reader, slice_of(rest->data, size));
  bool is_integer = key_next(&reader) == KEY_INTEGER;
  *number = reader.integer;
  key_reader_done(&reader);
  *rest = slice_after(*rest, size);
  return is_integer;
}

bool wake_key_read(struct slice key, struct wake *wake) {
  struct slice rest = slice_after(key, RECORD_KEY_HEAD);
  int64_t timeline, sender_id = 0;
  if (!key_is_valid(rest) || !take_integer(&rest, &timeline) || !take_integer(&rest, &wake->due_ms)) return false;
  if (timeline < 0 || timeline >= TIMELINE_COUNT) return false;
  wake->timeline = (enum timeline)timeline;
  if (!router_take_nested(&rest, &wake->address)) return false;
  router_read_address(wake->address, &wake->class_name, &wake->key);
  if (timeline == TIMELINE_MAIL && !take_integer(&rest, &sender_id)) return false;
  wake->sender_id = (uint64_t)sender_id;
  return rest.size == 0;
}
