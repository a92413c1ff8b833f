/* wake_key.h -- an entry among the wake-ups, as a key.
 *
 * WHY     Whoever writes an entry, tells of it, or looks whether it belongs there, means the same bytes.
 * ROOM    stage. Below: router, codec, ledger (record_key).
 * OWNS    Nothing.
 * BYTES   Of a shard, in the space `d`: (timeline, due in ms, (address)) -> nothing; with TIMELINE_MAIL the id of the sender
 *         comes last.
 */
#ifndef TROUPE_WAKE_KEY_H
#define TROUPE_WAKE_KEY_H

#include "base/buf.h"
#include "ledger/record_key.h"

enum { TIMELINE_COUNT = TIMELINE_MAIL + 1 };

/* What an entry says. The slices are dead after the next read. */
struct wake {
  enum timeline timeline;
  int64_t due_ms;
  struct slice address;        /* router.h */
  struct slice class_name, key;
  uint64_t sender_id;          /* of TIMELINE_MAIL; else 0 */
  bool is_set_back;            /* told because the wall clock was set back, whether or not it is due (wakes.h) */
};

/* The record key of an entry, and what it says; false if it is none. */
void wake_key_put(struct buf *key, enum timeline timeline, int64_t due_ms, struct slice class_name, struct slice actor_key,
                  uint64_t sender_id);
bool wake_key_read(struct slice key, struct wake *wake);

#endif
