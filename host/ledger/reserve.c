/* reserve.c -- see reserve.h. */
#include "ledger/reserve.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/limits.h"
#include "base/mem.h"

enum {
  STEPS_MAX = 65536,           /* entries of deleted ranges that are looked at for one commit */
  NOTE_BYTES = 1024            /* what a call that deletes something may note besides: its idempotency key, a counter */
};

struct reserve {
  struct reserve_config config;
  _Atomic int64_t ask_ns;      /* when to ask the system next */
  _Atomic int64_t want_ns;     /* when to ask for a checkpoint next, if it is needed */
  atomic_bool is_short;
};

struct reserve *reserve_new(const struct reserve_config *config) {
  struct reserve *reserve = mem_zero(sizeof *reserve);
  reserve->config = *config;
  atomic_store(&reserve->ask_ns, INT64_MIN);
  atomic_store(&reserve->want_ns, INT64_MIN);
  return reserve;
}

void reserve_free(struct reserve *reserve) {
  mem_free(reserve);
}

/* ---- how much is left ------------------------------------------------------------------------------------ */

static void log_change(const struct reserve *reserve, bool is_short, uint64_t left, uint64_t kept) {
  char left_text[24], kept_text[24];
  snprintf(left_text, sizeof left_text, "%" PRIu64, left);
  snprintf(kept_text, sizeof kept_text, "%" PRIu64, kept);
  const struct log_field fields[] = { { "left", slice_text(left_text) }, { "kept", slice_text(kept_text) } };
  logger_event(reserve->config.logger, is_short ? LOG_WARN : LOG_INFO,
               slice_text(is_short ? "the disk is nearly full: calls that would make the data larger are refused"
                                   : "the disk has room again"), fields, 2);
}

static void want_checkpoint(struct reserve *reserve, struct checkpointer *checkpointer, int64_t now_ns) {
  if (now_ns < atomic_load(&reserve->want_ns)) return;
  atomic_store(&reserve->want_ns, now_ns + (int64_t)CHECKPOINT_RETRY_MS * 1000000);
  checkpointer_want(checkpointer);
}

static void ask(struct reserve *reserve, struct store_reader *reader, struct checkpointer *checkpointer, int64_t now_ns) {
  struct statvfs disk;
  if (statvfs(reserve->config.path, &disk) != 0) return;
  uint64_t twentieth = (uint64_t)disk.f_blocks * disk.f_frsize / 20;
  uint64_t kept = reserve->config.free_bytes;
  if (kept == 0) kept = twentieth < GIB(1) ? twentieth : GIB(1);
  uint64_t owed_bytes = checkpointer_owed_bytes(checkpointer);
  uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize + store_unused_bytes(reader);
  left = left > owed_bytes ? left - owed_bytes : 0;
  bool is_short = left < kept;
  if (atomic_exchange(&reserve->is_short, is_short) != is_short) log_change(reserve, is_short, left, kept);
  if (is_short && owed_bytes > 0) want_checkpoint(reserve, checkpointer, now_ns);
}

static bool is_short(struct reserve *reserve, struct store_reader *reader, struct checkpointer *checkpointer) {
  int64_t now_ns = clock_monotonic_ns(reserve->config.clock);
  int64_t ask_ns = atomic_load(&reserve->ask_ns);
  bool asks = now_ns >= ask_ns &&
              atomic_compare_exchange_strong(&reserve->ask_ns, &ask_ns, now_ns + (int64_t)RESERVE_ASK_MS * 1000000);
  if (asks) ask(reserve, reader, checkpointer, now_ns);
  return atomic_load(&reserve->is_short);
}

/* ---- what makes the data larger -------------------------------------------------------------------------- */

/* What a turn has written and not sent, compared with the records without it. In bytes of keys and values. */
struct balance {
  const struct drafts *drafts;
  struct view below;
  uint64_t added;              /* of all records that are put */
  uint64_t replaced;           /* of the records that those replace */
  uint64_t removed;            /* of the records that are deleted */
};

static bool grows(const struct balance *balance) {
  return balance->added > balance->replaced + balance->removed + (balance->removed > 0 ? NOTE_BYTES : 0);
}

static uint64_t size_below(const struct balance *balance, struct slice key) {
  struct slice value;
  return view_get(&balance->below, key, &value) == ERR_NONE ? key.size + value.size : 0;
}

static void add_entries(struct balance *balance, const struct memtable *table) {
  const struct memtable_entry *entry = memtable_seek(table, slice_of(NULL, 0), false);
  for (; entry != NULL; entry = memtable_next(entry, false)) {
    struct slice key = memtable_key(entry);
    if (memtable_is_deleted(entry)) {
      balance->removed += size_below(balance, key);
    } else {
      balance->added += key.size + memtable_value(entry).size;
      balance->replaced += size_below(balance, key);
    }
  }
}

/* Whether a record was put or deleted by itself, and so is already counted. */
static bool is_entry(const struct balance *balance, struct slice key) {
  for (size_t i = drafts_sent_count(balance->drafts); i < drafts_table_count(balance->drafts, 0); i++) {
    const struct memtable_entry *entry = memtable_seek(drafts_table(balance->drafts, i), key, false);
    if (entry != NULL && slice_equal(memtable_key(entry), key)) return true;
  }
  return false;
}

/* Counts what ranges delete, only as far as it matters. */
static void add_ranges(struct balance *balance, const struct memtable *table, size_t *steps) {
  struct slice from, to, key, value, behind = slice_of(NULL, 0);
  for (; grows(balance) && memtable_next_range(table, behind, &from, &to); behind = to) {
    struct scan scan;
    bool found;
    scan_begin(&scan, &balance->below, from, to, false);
    while (grows(balance) && *steps > 0 && scan_step(&scan, &key, &value, &found) == ERR_NONE) {
      --*steps;
      if (found && !is_entry(balance, key)) balance->removed += key.size + value.size;
    }
  }
}

static bool would_grow(const struct view *view, size_t more) {
  struct balance balance = {
    .drafts = view->drafts, .added = more, .below = { .layers = view->layers, .reader = view->reader },
  };
  size_t begin = drafts_sent_count(view->drafts), end = drafts_table_count(view->drafts, 0), steps = STEPS_MAX;
  for (size_t i = begin; i < end; i++) add_entries(&balance, drafts_table(view->drafts, i));
  for (size_t i = begin; i < end; i++) add_ranges(&balance, drafts_table(view->drafts, i), &steps);
  return grows(&balance);
}

bool reserve_takes(struct reserve *reserve, const struct view *view, size_t more, struct checkpointer *checkpointer) {
  return !is_short(reserve, view->reader, checkpointer) || !would_grow(view, more);
}
