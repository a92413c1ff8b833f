/* schedule.c -- see schedule.h. */
#include "schedule/schedule.h"

#include "base/check.h"
#include "base/retry.h"
#include "codec/key.h"
#include "codec/value.h"
#include "ledger/own_record.h"
#include "schedule/cron.h"

enum { PART_RECORD, PART_PLACE, PART_COUNT };      /* the first part of a key in the space `p` */

enum { SCHEDULE_FIELDS = 12 };

static const char failed_kind[] = "schedule";

int64_t schedule_now_ms(struct timekeeper *timekeeper, enum timeline timeline) {
  return timeline == TIMELINE_WALL ? timekeeper_wall_ms(timekeeper) : timekeeper_host_ms(timekeeper);
}

/* -- keys -- */

static void put_head(struct buf *key, uint64_t actor_id, int64_t part) {
  record_key_put_head(key, actor_id, SPACE_SCHEDULE);
  key_put_integer(key, part);
}

void schedule_put_record_key(struct buf *key, uint64_t actor_id, int64_t id) {
  put_head(key, actor_id, PART_RECORD);
  key_put_integer(key, id);
}

void schedule_put_place_key(struct buf *key, uint64_t actor_id, enum timeline timeline, const struct schedule_place *place) {
  put_head(key, actor_id, PART_PLACE);
  key_put_integer(key, timeline);
  key_put_integer(key, place->due_ms);
  key_put_integer(key, place->id);
}

void schedule_put_count_key(struct buf *key, uint64_t actor_id) {
  put_head(key, actor_id, PART_COUNT);
}

/* What the keys of all schedules of an actor that have failed begin with. The shard is that of `shard_id`. */
static void put_failed_head(struct buf *key, uint64_t shard_id, uint64_t actor_id) {
  record_key_put_head(key, record_own_id(record_shard(shard_id)), SPACE_FAILED);
  key_put_string(key, slice_text(failed_kind));
  key_put_integer(key, (int64_t)actor_id);
}

void schedule_put_failed_key(struct buf *key, uint64_t actor_id, int64_t id) {
  put_failed_head(key, actor_id, actor_id);
  key_put_integer(key, id);
}

bool schedule_try_draft_end(struct drafts *drafts, uint64_t actor_id) {
  struct buf from = { 0 }, to = { 0 };
  put_failed_head(&from, actor_id, actor_id);
  put_failed_head(&to, actor_id, actor_id + 1);
  bool drafted = from.err == ERR_NONE && to.err == ERR_NONE &&
                 drafts_try_delete_range(drafts, buf_slice(&from), buf_slice(&to));
  buf_done(&to);
  buf_done(&from);
  return drafted;
}

void schedule_put_record_bounds(struct buf *from, struct buf *to, uint64_t actor_id) {
  put_head(from, actor_id, PART_RECORD);
  put_head(to, actor_id, PART_RECORD + 1);
}

void schedule_put_place_bounds(struct buf *from, struct buf *to, uint64_t actor_id, enum timeline timeline) {
  put_head(from, actor_id, PART_PLACE);
  key_put_integer(from, timeline);
  put_head(to, actor_id, PART_PLACE);
  key_put_integer(to, (int64_t)timeline + 1);
}

/* Reads `count` integers, one or more, and nothing behind them. */
static bool read_integers(struct key_reader *reader, int64_t *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (key_next(reader) != KEY_INTEGER) return false;
    numbers[i] = reader->integer;
  }
  return reader->rest.size == 0;
}

enum schedule_record schedule_read_key(struct slice key, enum timeline *timeline, struct schedule_place *place) {
  struct key_reader reader;
  int64_t numbers[3];
  enum schedule_record record = SCHEDULE_BROKEN;
  key_reader_init(&reader, slice_after(key, RECORD_KEY_HEAD));
  bool begins = key_next(&reader) == KEY_INTEGER;
  int64_t part = begins ? reader.integer : -1;
  if (part == PART_RECORD && read_integers(&reader, numbers, 1) && numbers[0] > 0) {
    place->id = numbers[0];
    record = SCHEDULE_RECORD;
  } else if (part == PART_PLACE && read_integers(&reader, numbers, 3)) {
    bool known = numbers[0] == TIMELINE_HOST || numbers[0] == TIMELINE_WALL;
    if (known && numbers[1] >= 0 && numbers[2] > 0) {
      *timeline = (enum timeline)numbers[0];
      *place = (struct schedule_place){ .due_ms = numbers[1], .id = numbers[2] };
      record = SCHEDULE_PLACE;
    }
  } else if (part == PART_COUNT && reader.rest.size == 0) {
    record = SCHEDULE_COUNT;
  }
  key_reader_done(&reader);
  return record;
}

bool schedule_read_failed_key(struct slice key, uint64_t *actor_id, int64_t *id) {
  struct key_reader reader;
  int64_t numbers[2];
  key_reader_init(&reader, slice_after(key, RECORD_KEY_HEAD));
  bool read = key_next(&reader) == KEY_STRING && slice_equal(reader.text, slice_text(failed_kind)) &&
              read_integers(&reader, numbers, 2);
  key_reader_done(&reader);
  if (!read) return false;
  *actor_id = (uint64_t)numbers[0];
  *id = numbers[1];
  return *id > 0 && !record_is_own(*actor_id) && record_shard(*actor_id) == record_shard(record_key_id(key));
}

/* -- values -- */

void schedule_write(struct buf *value, const struct schedule *schedule) {
  value_put_array(value, SCHEDULE_FIELDS);
  value_put_integer(value, schedule->timeline);
  value_put_integer(value, schedule->due_ms);
  value_put_integer(value, schedule->beat_ms);
  value_put_integer(value, schedule->every_ms);
  value_put_integer(value, schedule->first_ms);
  value_put_string(value, schedule->cron);
  value_put_string(value, schedule->method);
  value_put_string(value, schedule->args);
  value_put_integer(value, schedule->tries);
  value_put_boolean(value, schedule->failed);
  value_put_string(value, schedule->error);
  value_put_integer(value, schedule->skipped);
}

static bool read_integer(struct value_reader *reader, int64_t least, int64_t most, int64_t *number) {
  if (value_next(reader) != VALUE_INTEGER) return false;
  *number = reader->integer;
  return *number >= least && *number <= most;
}

static bool read_text(struct value_reader *reader, struct slice *text) {
  if (value_next(reader) != VALUE_STRING) return false;
  *text = reader->text;
  return true;
}

/* What every schedule that was written keeps to. */
static bool is_sound(const struct schedule *schedule) {
  struct cron cron;
  bool every = schedule->every_ms > 0, calendar = schedule->cron.size > 0;
  if (schedule->method.size == 0 || (every && calendar) || (schedule->failed && (every || calendar))) return false;
  if (every && (schedule->every_ms < SCHEDULE_EVERY_MS_MIN || schedule->beat_ms < schedule->first_ms)) return false;
  return !calendar || cron_parse(schedule->cron, &cron, NULL) == ERR_NONE;
}

bool schedule_read(struct slice value, int64_t id, struct schedule *schedule) {
  struct value_reader reader;
  int64_t timeline, tries;
  *schedule = (struct schedule){ .id = id };
  value_reader_init(&reader, value);
  if (value_next(&reader) != VALUE_ARRAY || reader.count != SCHEDULE_FIELDS) return false;
  bool read = read_integer(&reader, TIMELINE_HOST, TIMELINE_WALL, &timeline) &&
              read_integer(&reader, 0, SCHEDULE_MS_MAX, &schedule->due_ms) &&
              read_integer(&reader, 0, SCHEDULE_MS_MAX, &schedule->beat_ms) &&
              read_integer(&reader, 0, SCHEDULE_SPAN_MS_MAX, &schedule->every_ms) &&
              read_integer(&reader, 0, SCHEDULE_MS_MAX, &schedule->first_ms) && read_text(&reader, &schedule->cron) &&
              read_text(&reader, &schedule->method) && read_text(&reader, &schedule->args) &&
              read_integer(&reader, 0, UINT32_MAX, &tries) && value_next(&reader) == VALUE_BOOLEAN;
  if (!read) return false;
  schedule->timeline = (enum timeline)timeline;
  schedule->tries = (unsigned)tries;
  schedule->failed = reader.truth;
  return read_text(&reader, &schedule->error) && read_integer(&reader, 0, INT64_MAX, &schedule->skipped) &&
         value_next(&reader) == VALUE_END && is_sound(schedule);
}

bool schedule_read_count(struct slice value, int64_t *last_id, int64_t *count) {
  struct value_reader reader;
  value_reader_init(&reader, value);
  return value_next(&reader) == VALUE_ARRAY && reader.count == 2 && read_integer(&reader, 1, INT64_MAX, last_id) &&
         read_integer(&reader, 0, *last_id, count) && value_next(&reader) == VALUE_END;
}

/* -- finding -- */

enum err schedule_find(const struct view *view, uint64_t actor_id, int64_t id, struct buf *bytes, struct schedule *schedule) {
  struct slice value;
  buf_clear(bytes);
  schedule_put_record_key(bytes, actor_id, id);
  enum err err = bytes->err != ERR_NONE ? bytes->err : view_get(view, buf_slice(bytes), &value);
  if (err != ERR_NONE) return err;
  buf_clear(bytes);
  buf_put(bytes, value);
  if (bytes->err != ERR_NONE) return ERR_MEMORY;
  return schedule_read(buf_slice(bytes), id, schedule) ? ERR_NONE : ERR_STORAGE;
}

enum err schedule_first(const struct view *view, uint64_t actor_id, enum timeline timeline, const struct schedule_place *from,
                        struct schedule_place *place) {
  struct buf begin = { 0 }, end = { 0 };
  struct scan scan;
  struct slice key, value;
  enum timeline found;
  schedule_put_place_bounds(&begin, &end, actor_id, timeline);
  if (from != NULL) {
    buf_clear(&begin);
    schedule_put_place_key(&begin, actor_id, timeline, from);
  }
  enum err err = begin.err != ERR_NONE || end.err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
  if (err == ERR_NONE) {
    scan_begin(&scan, view, buf_slice(&begin), buf_slice(&end), false);
    err = scan_next(&scan, &key, &value);
  }
  if (err == ERR_NONE && schedule_read_key(key, &found, place) != SCHEDULE_PLACE) err = ERR_STORAGE;
  buf_done(&begin);
  buf_done(&end);
  return err;
}

enum err schedule_count(const struct view *view, uint64_t actor_id, int64_t *last_id, int64_t *count) {
  struct buf key = { 0 };
  struct slice value;
  *last_id = *count = 0;
  schedule_put_count_key(&key, actor_id);
  enum err err = key.err != ERR_NONE ? key.err : view_get(view, buf_slice(&key), &value);
  buf_done(&key);
  if (err == ERR_NONE && !schedule_read_count(value, last_id, count)) err = ERR_STORAGE;
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* -- drafting -- */

/* A key and a value in the making. */
struct drafting {
  const struct view *view;
  struct buf key, value;
  enum err err;
};

static void begin_record(struct drafting *drafting) {
  buf_clear(&drafting->key);
  buf_clear(&drafting->value);
}

static void put(struct drafting *drafting) {
  struct slice key = buf_slice(&drafting->key);
  if (drafting->key.err != ERR_NONE || drafting->value.err != ERR_NONE) drafting->err = ERR_MEMORY;
  if (drafting->err == ERR_NONE) drafting->err = view_reach(drafting->view, key);
  if (drafting->err != ERR_NONE) return;
  if (!drafts_try_put(drafting->view->drafts, key, buf_slice(&drafting->value))) drafting->err = ERR_MEMORY;
}

static void delete(struct drafting *drafting) {
  if (drafting->key.err != ERR_NONE) drafting->err = ERR_MEMORY;
  if (drafting->err != ERR_NONE) return;
  if (!drafts_try_delete(drafting->view->drafts, buf_slice(&drafting->key))) drafting->err = ERR_MEMORY;
}

static void draft_place(struct drafting *drafting, uint64_t actor_id, const struct schedule *schedule, bool puts) {
  const struct schedule_place place = { .due_ms = schedule->due_ms, .id = schedule->id };
  begin_record(drafting);
  schedule_put_place_key(&drafting->key, actor_id, schedule->timeline, &place);
  if (puts) {
    put(drafting);
  } else {
    delete(drafting);
  }
}

static void draft_failed(struct drafting *drafting, const struct schedule_owner *owner, int64_t id, bool puts) {
  begin_record(drafting);
  schedule_put_failed_key(&drafting->key, owner->actor_id, id);
  if (!puts) {
    delete(drafting);
    return;
  }
  CHECK_THAT(owner->class_name.size, >, 0);
  own_record_put(&drafting->value, owner->class_name, owner->key);
  put(drafting);
}

static void draft_record(struct drafting *drafting, uint64_t actor_id, int64_t id, const struct schedule *schedule) {
  begin_record(drafting);
  schedule_put_record_key(&drafting->key, actor_id, id);
  if (schedule == NULL) {
    delete(drafting);
  } else {
    schedule_write(&drafting->value, schedule);
    put(drafting);
  }
}

static void draft_count(struct drafting *drafting, uint64_t actor_id, int64_t id, int change) {
  int64_t last_id, count;
  if (drafting->err != ERR_NONE) return;
  drafting->err = schedule_count(drafting->view, actor_id, &last_id, &count);
  if (drafting->err != ERR_NONE) return;
  if (count + change < 0) {                         /* there is one that was not counted: damage */
    drafting->err = ERR_STORAGE;
    return;
  }
  begin_record(drafting);
  schedule_put_count_key(&drafting->key, actor_id);
  value_put_array(&drafting->value, 2);
  value_put_integer(&drafting->value, id > last_id ? id : last_id);
  value_put_integer(&drafting->value, count + change);
  put(drafting);
}

static void touch(struct schedule_touch *touch, const struct schedule *old, const struct schedule *new) {
  touch->any = true;
  if (old != NULL && !old->failed) touch->took[old->timeline] = true;
  if (new == NULL || new->failed) return;
  const struct schedule_place place = { .due_ms = new->due_ms, .id = new->id };
  struct schedule_place *first = &touch->first[new->timeline];
  if (!touch->put[new->timeline] || schedule_is_before(&place, first)) *first = place;
  touch->put[new->timeline] = true;
}

enum err schedule_draft(const struct schedule_owner *owner, const struct schedule *old, const struct schedule *new) {
  struct drafting drafting = { .view = owner->view };
  CHECK_THAT(old != NULL || new != NULL, ==, true);
  CHECK_THAT(old == NULL || new == NULL || old->id == new->id, ==, true);
  int64_t id = old != NULL ? old->id : new->id;
  bool was_pending = old != NULL && !old->failed, is_pending = new != NULL && !new->failed;
  bool had_failed = old != NULL && old->failed, has_failed = new != NULL && new->failed;
  bool stays = was_pending && is_pending && old->due_ms == new->due_ms && old->timeline == new->timeline;
  draft_record(&drafting, owner->actor_id, id, new);
  if (was_pending && !stays) draft_place(&drafting, owner->actor_id, old, false);
  if (is_pending && !stays) draft_place(&drafting, owner->actor_id, new, true);
  if (had_failed && !has_failed) draft_failed(&drafting, owner, id, false);
  if (has_failed && !had_failed) draft_failed(&drafting, owner, id, true);
  if (old == NULL || new == NULL) draft_count(&drafting, owner->actor_id, id, new == NULL ? -1 : 1);
  buf_done(&drafting.key);
  buf_done(&drafting.value);
  if (drafting.err == ERR_NONE) touch(owner->touch, old, new);
  return drafting.err;
}

/* -- from run to run -- */

static int64_t sane(int64_t ms) {
  return ms < 0 ? 0 : ms > SCHEDULE_MS_MAX ? SCHEDULE_MS_MAX : ms;
}

static struct cron calendar_of(const struct schedule *schedule) {
  struct cron cron;
  CHECK_THAT(cron_parse(schedule->cron, &cron, NULL), ==, ERR_NONE);      /* it was, when it was set, and when it was read */
  return cron;
}

/* The first beat behind a moment. */
static int64_t beat_after(const struct schedule *schedule, int64_t ms) {
  if (schedule->every_ms > 0) {
    int64_t first_ms = schedule->first_ms, every_ms = schedule->every_ms;
    return ms < first_ms ? first_ms : first_ms + ((ms - first_ms) / every_ms + 1) * every_ms;
  }
  struct cron cron = calendar_of(schedule);
  return cron_next(&cron, ms);
}

void schedule_catch_up(struct schedule *schedule, int64_t now_ms) {
  now_ms = sane(now_ms);
  if (!schedule_repeats(schedule) || beat_after(schedule, schedule->beat_ms) > now_ms) return;
  int64_t beats, last_ms;
  if (schedule->every_ms > 0) {
    beats = (now_ms - schedule->beat_ms) / schedule->every_ms;
    last_ms = schedule->beat_ms + beats * schedule->every_ms;
  } else {
    struct cron cron = calendar_of(schedule);
    beats = cron_count(&cron, schedule->beat_ms, now_ms);
    last_ms = cron_last(&cron, now_ms);
  }
  schedule->skipped += beats;
  schedule->beat_ms = schedule->due_ms = last_ms;
  schedule->tries = 0;
}

bool schedule_next_beat(struct schedule *schedule, int64_t now_ms) {
  now_ms = sane(now_ms);
  int64_t next_ms = beat_after(schedule, now_ms > schedule->beat_ms ? now_ms : schedule->beat_ms);
  if (next_ms > SCHEDULE_MS_MAX) return false;
  schedule->due_ms = schedule->beat_ms = next_ms;
  schedule->skipped = 0;
  schedule->tries = 0;
  schedule->failed = false;
  schedule->error = slice_of(NULL, 0);
  return true;
}

void schedule_fail(struct schedule *schedule, int64_t now_ms, struct slice error) {
  now_ms = sane(now_ms);
  schedule->tries++;
  schedule->error = error;
  bool given_up = schedule->tries >= RETRY_TRIES;
  int64_t again_ms = sane(now_ms + retry_pause_ms(schedule->tries));
  if (!schedule_repeats(schedule)) {
    schedule->failed = given_up;
    if (!given_up) schedule->due_ms = again_ms;
    return;
  }
  int64_t next_ms = sane(beat_after(schedule, schedule->beat_ms));
  schedule->due_ms = given_up || next_ms < again_ms ? next_ms : again_ms;
}

bool schedule_set_back(struct schedule *schedule, int64_t now_ms) {
  now_ms = sane(now_ms);
  int64_t next_ms = schedule->cron.size > 0 ? sane(beat_after(schedule, now_ms)) : SCHEDULE_MS_MAX;
  int64_t again_ms = schedule->tries > 0 ? sane(now_ms + retry_pause_ms(schedule->tries)) : SCHEDULE_MS_MAX;
  if (next_ms < schedule->beat_ms) {
    schedule->due_ms = schedule->beat_ms = next_ms;
    schedule->tries = 0;
    schedule->skipped = 0;
    return true;
  }
  if (again_ms >= schedule->due_ms) return false;
  schedule->due_ms = again_ms;
  return true;
}

void schedule_begin_anew(struct schedule *schedule, int64_t now_ms) {
  schedule->due_ms = schedule->beat_ms = sane(now_ms);
  schedule->tries = 0;
  schedule->failed = false;
  schedule->error = slice_of(NULL, 0);
}
