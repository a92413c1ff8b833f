/* failed_id.c -- see failed_id.h. */
#include "stage/failed_id.h"

#include <inttypes.h>

#include "ledger/record_key.h"
#include "schedule/schedule.h"
#include "stage/router.h"

enum { NUMBERS_MAX = 4 };

static const uint64_t counter_max = (UINT64_C(1) << RECORD_COUNTER_BITS) - 1;

static uint64_t counter_of(uint64_t actor_id) {
  return actor_id & counter_max;
}

void failed_id_print(struct buf *text, const struct failed_id *id) {
  if (id->kind == FAILED_SCHEDULE) {
    buf_printf(text, "s-%u-%" PRIu64 "-%" PRId64, id->shard, counter_of(id->actor_id), id->schedule);
  } else {
    buf_printf(text, "m-%u-%" PRIu64 "-%u-%" PRIu64, id->shard, id->place.stamp, record_shard(id->place.sender_id),
               counter_of(id->place.sender_id));
  }
}

/* Takes `-` and a number off the front. */
static bool take_number(struct slice *rest, uint64_t *number) {
  size_t at = 1;
  if (rest->size < 2 || rest->data[0] != '-' || (rest->data[1] == '0' && rest->size > 2 && rest->data[2] != '-')) return false;
  for (*number = 0; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
    uint64_t digit = rest->data[at] - '0';
    if (*number > (INT64_MAX - digit) / 10) return false;
    *number = *number * 10 + digit;
  }
  *rest = slice_after(*rest, at);
  return at > 1;
}

static bool is_actor(uint64_t shard, uint64_t counter) {
  return shard < ROUTER_SHARDS && counter > 0 && counter <= counter_max;
}

bool failed_id_parse(struct slice text, struct failed_id *id) {
  uint64_t numbers[NUMBERS_MAX];
  if (text.size == 0 || (text.data[0] != 's' && text.data[0] != 'm')) return false;
  bool is_schedule = text.data[0] == 's';
  struct slice rest = slice_after(text, 1);
  for (int i = 0; i < (is_schedule ? 3 : 4); i++) {
    if (!take_number(&rest, &numbers[i])) return false;
  }
  if (rest.size > 0 || numbers[0] >= ROUTER_SHARDS) return false;
  *id = (struct failed_id){ .kind = is_schedule ? FAILED_SCHEDULE : FAILED_MESSAGE, .shard = (unsigned)numbers[0] };
  if (is_schedule) {
    id->actor_id = record_own_id(id->shard) | numbers[1];
    id->schedule = (int64_t)numbers[2];
    return is_actor(numbers[0], numbers[1]) && id->schedule > 0;
  }
  id->place = (struct mail_place){ numbers[1], record_own_id((unsigned)numbers[2]) | numbers[3] };
  return is_actor(numbers[2], numbers[3]);
}

void failed_id_put_key(struct buf *key, const struct failed_id *id) {
  if (id->kind == FAILED_SCHEDULE) {
    schedule_put_failed_key(key, id->actor_id, id->schedule);
  } else {
    mail_record_put_failed_key(key, id->shard, id->place);
  }
}

bool failed_id_read_key(struct slice key, struct failed_id *id) {
  if (key.size <= RECORD_KEY_HEAD || record_key_space(key) != SPACE_FAILED) return false;
  *id = (struct failed_id){ .kind = FAILED_SCHEDULE, .shard = record_shard(record_key_id(key)) };
  if (schedule_read_failed_key(key, &id->actor_id, &id->schedule)) return true;
  id->kind = FAILED_MESSAGE;
  return mail_record_read_failed_key(key, &id->place);
}
