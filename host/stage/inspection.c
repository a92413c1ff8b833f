/* inspection.c -- see inspection.h. */
#include "stage/inspection.h"

#include "codec/json.h"
#include "schedule/schedule.h"
#include "stage/failed_id.h"

/* Ids of schedules, in the order in which they are shown. */
struct shown {
  struct schedule_place places[INSPECTION_SHOWN];
  size_t count;
};

static void put_seconds(struct buf *text, const char *name, int64_t ms) {
  buf_printf(text, ",\"%s\":", name);
  json_put_float(text, (double)ms / 1000);
}

static void put_error(struct buf *text, struct slice error) {
  buf_put_text(text, ",\"error\":");
  if (error.size == 0) {
    buf_put_text(text, "null");
  } else {
    json_put_text(text, error);
  }
}

/* -- which schedules -- */

/* Calls `take` with each record of a range, until it says ERR_NOT_FOUND, for enough, or INSPECTION_STEPS were passed. `*more`:
 * that was before the end. */
static enum err look(const struct view *view, const struct buf *from, const struct buf *to,
                     enum err (*take)(void *context, struct slice key, struct slice value), void *context, bool *more) {
  struct scan scan;
  struct slice key, value;
  bool found;
  enum err err = from->err != ERR_NONE || to->err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
  if (err != ERR_NONE) return err;
  *more = true;
  scan_begin(&scan, view, buf_slice(from), buf_slice(to), false);
  for (size_t steps = 0; steps < INSPECTION_STEPS && err == ERR_NONE; steps++) {
    err = scan_step(&scan, &key, &value, &found);
    if (err == ERR_NOT_FOUND) *more = false;
    if (err == ERR_NONE && found) err = take(context, key, value);
  }
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err take_place(void *context, struct slice key, struct slice value) {
  struct shown *shown = context;
  enum timeline timeline;
  (void)value;
  if (schedule_read_key(key, &timeline, &shown->places[shown->count]) != SCHEDULE_PLACE) return ERR_STORAGE;
  return ++shown->count < INSPECTION_SHOWN ? ERR_NONE : ERR_NOT_FOUND;
}

/* Reads the ids of failed ones out of the keys of the shard's list. */
static enum err take_failed(void *context, struct slice key, struct slice value) {
  struct shown *shown = context;
  struct failed_id id;
  (void)value;
  if (!failed_id_read_key(key, &id)) return ERR_STORAGE;
  shown->places[shown->count] = (struct schedule_place){ .id = id.schedule };
  return ++shown->count < INSPECTION_SHOWN ? ERR_NONE : ERR_NOT_FOUND;
}

static enum err find_pending(const struct view *view, const struct actor *actor, enum timeline timeline, struct shown *shown) {
  struct buf from = { 0 }, to = { 0 };
  bool more;
  schedule_put_place_bounds(&from, &to, actor->id, timeline);
  enum err err = look(view, &from, &to, take_place, shown, &more);
  buf_done(&to);
  buf_done(&from);
  return err;
}

static enum err find_failed(const struct view *view, const struct actor *actor, struct shown *shown) {
  struct buf from = { 0 }, to = { 0 };
  bool more;
  if (shown->count == INSPECTION_SHOWN) return ERR_NONE;
  schedule_put_failed_key(&from, actor->id, 0);
  schedule_put_failed_key(&to, actor->id, INT64_MAX);
  enum err err = look(view, &from, &to, take_failed, shown, &more);
  buf_done(&to);
  buf_done(&from);
  return err;
}

/* Merges two sorted lists, as far as there is room. */
static void merge(const struct shown *a, const struct shown *b, struct shown *merged) {
  size_t i = 0, j = 0;
  for (merged->count = 0; merged->count < INSPECTION_SHOWN && (i < a->count || j < b->count); merged->count++) {
    const struct schedule_place *left = &a->places[i], *right = &b->places[j];
    bool is_left = j == b->count;
    if (i < a->count && j < b->count) is_left = schedule_is_before(left, right);
    merged->places[merged->count] = is_left ? a->places[i++] : b->places[j++];
  }
}

/* As list() has them: by when they are due, failed ones last. */
static enum err find_schedules(const struct view *view, const struct actor *actor, struct shown *shown) {
  struct shown host = { 0 }, wall = { 0 };
  enum err err = find_pending(view, actor, TIMELINE_HOST, &host);
  if (err == ERR_NONE) err = find_pending(view, actor, TIMELINE_WALL, &wall);
  merge(&host, &wall, shown);
  return err == ERR_NONE ? find_failed(view, actor, shown) : err;
}

/* -- schedules as they are shown -- */

static void put_schedule(struct buf *text, const struct schedule *schedule) {
  buf_printf(text, "{\"id\":%lld", (long long)schedule->id);
  put_seconds(text, "due", schedule->due_ms);
  buf_put_text(text, ",\"method\":");
  json_put_lossless_string(text, schedule->method);
  if (schedule->every_ms > 0) put_seconds(text, "every", schedule->every_ms);
  if (schedule->cron.size > 0) {
    buf_put_text(text, ",\"cron\":");
    json_put_lossless_string(text, schedule->cron);
  }
  buf_printf(text, ",\"tries\":%u,\"failed\":%s", schedule->tries, schedule->failed ? "true" : "false");
  put_error(text, schedule->error);
  buf_put_byte(text, '}');
}

static enum err put_schedules(struct buf *text, const struct view *view, const struct actor *actor) {
  struct shown shown = { 0 };
  struct buf bytes = { 0 };
  struct schedule schedule;
  int64_t last_id, count = 0;
  enum err err = actor->exists ? schedule_count(view, actor->id, &last_id, &count) : ERR_NONE;
  if (err == ERR_NONE && actor->exists) err = find_schedules(view, actor, &shown);
  buf_put_text(text, "\"schedules\":[");
  for (size_t i = 0; i < shown.count && err == ERR_NONE; i++) {
    err = schedule_find(view, actor->id, shown.places[i].id, &bytes, &schedule);
    if (err == ERR_NOT_FOUND) err = ERR_STORAGE;             /* its place is there, and it is not */
    if (err == ERR_NONE && i > 0) buf_put_byte(text, ',');
    if (err == ERR_NONE) put_schedule(text, &schedule);
  }
  buf_printf(text, "],\"schedule_count\":%lld", (long long)count);
  buf_done(&bytes);
  return err;
}

/* -- messages -- */

struct messages {
  struct buf *text;
  size_t count, bytes;
};

static void put_message(struct buf *text, const struct mail_record *record) {
  buf_put_text(text, "{\"sender\":{");
  json_put_address(text, record->sender_class, record->sender_key);
  buf_put_text(text, "},\"method\":");
  json_put_lossless_string(text, record->method);
  buf_printf(text, ",\"tries\":%u", record->tries);
  put_error(text, record->error);
  if (record->due_ms == 0) {
    buf_put_text(text, ",\"due\":null}");
  } else {
    put_seconds(text, "due", record->due_ms);
    buf_put_byte(text, '}');
  }
}

static enum err take_message(void *context, struct slice key, struct slice value) {
  struct messages *messages = context;
  struct mail_record record;
  (void)key;
  if (messages->count == INSPECTION_COUNTED || messages->bytes >= INSPECTION_BYTES) return ERR_NOT_FOUND;
  messages->bytes += value.size;
  if (messages->count++ >= INSPECTION_SHOWN) return ERR_NONE;
  if (!mail_record_read(value, false, &record)) return ERR_STORAGE;
  if (messages->count > 1) buf_put_byte(messages->text, ',');
  put_message(messages->text, &record);
  return ERR_NONE;
}

static enum err put_messages(struct buf *text, const struct view *view, const struct actor *actor) {
  struct buf from = { 0 }, to = { 0 };
  struct messages messages = { .text = text };
  bool more = false;
  buf_put_text(text, "\"messages\":{\"first\":[");
  mail_record_put_begin(&from, actor->shard, actor_address(actor));
  mail_record_put_end(&to, actor->shard, actor_address(actor));
  enum err err = look(view, &from, &to, take_message, &messages, &more);
  buf_printf(text, "],\"count\":%zu,\"more\":%s}", messages.count, more ? "true" : "false");
  buf_done(&to);
  buf_done(&from);
  return err;
}

/* -- all of it -- */

void inspection_put(struct buf *text, const struct view *view, const struct actor *actor, size_t connections) {
  size_t before = text->size;
  enum err err = put_schedules(text, view, actor);
  if (err == ERR_MEMORY) text->err = err;
  if (err != ERR_NONE && text->err == ERR_NONE) {
    text->size = before;
    buf_put_text(text, "\"schedules\":null,\"schedule_count\":null");
  }
  buf_put_byte(text, ',');
  before = text->size;
  err = put_messages(text, view, actor);
  if (err == ERR_MEMORY) text->err = err;
  if (err != ERR_NONE && text->err == ERR_NONE) {
    text->size = before;
    buf_put_text(text, "\"messages\":null");
  }
  buf_printf(text, ",\"connections\":%zu", connections);
}
