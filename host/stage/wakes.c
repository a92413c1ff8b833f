/* wakes.c -- see wakes.h. */
#include "stage/wakes.h"

#include "base/check.h"
#include "base/mem.h"
#include "codec/key.h"
#include "stage/router.h"

static const int64_t unknown = INT64_MIN;      /* a bound of which nothing is known: it is due, and so looked at */

struct wakes {
  struct wakes_config config;
  unsigned shard_count;                        /* of this worker */
  int64_t *bounds[TIMELINE_COUNT];             /* of each of its shards */
  int64_t least[TIMELINE_COUNT];               /* not later than any of them */
  unsigned next[TIMELINE_COUNT];               /* of which shard the bound is looked at next */
  bool *set_back;                              /* of each of its shards: all of TIMELINE_WALL is to be told */
  bool was_set_back;                           /* any of them ever was */
  bool scans;                                  /* a shard is being scanned: */
  bool whole;                                  /* all entries of it are told, and */
  int64_t future_ms;                           /* this is the first that was not due; */
  enum timeline timeline;
  unsigned index;                              /* its place among the worker's */
  int64_t from_ms;                             /* from there on; */
  struct buf last;                             /* or behind this key, which was told; empty: none was */
  bool refused;                                /* and not resumed: until `again_ms` */
  int64_t again_ms, paused_until_ms;
};

static unsigned shard_of(const struct wakes *wakes, unsigned index) {
  return index * wakes->config.workers + wakes->config.worker;
}

struct wakes *wakes_new(const struct wakes_config *config) {
  struct wakes *made = mem_zero(sizeof *made);
  made->config = *config;
  made->shard_count = (ROUTER_SHARDS - config->worker + config->workers - 1) / config->workers;
  for (int timeline = 0; timeline < TIMELINE_COUNT; timeline++) {
    made->bounds[timeline] = mem_zero(made->shard_count * sizeof(int64_t));
  }
  made->set_back = mem_zero(made->shard_count * sizeof *made->set_back);
  made->paused_until_ms = unknown;
  wakes_forget(made);
  return made;
}

void wakes_free(struct wakes *wakes) {
  if (wakes == NULL) return;
  for (int timeline = 0; timeline < TIMELINE_COUNT; timeline++) mem_free(wakes->bounds[timeline]);
  mem_free(wakes->set_back);
  buf_done(&wakes->last);
  mem_free(wakes);
}

void wakes_note(struct wakes *wakes, unsigned shard, enum timeline timeline, int64_t due_ms) {
  int64_t *bound = &wakes->bounds[timeline][shard / wakes->config.workers];
  CHECK_THAT(shard % wakes->config.workers, ==, wakes->config.worker);
  if (due_ms < *bound) *bound = due_ms;
  if (due_ms < wakes->least[timeline]) wakes->least[timeline] = due_ms;
}

void wakes_set_back_shard(struct wakes *wakes, unsigned shard) {
  wakes->set_back[shard / wakes->config.workers] = true;
  wakes->was_set_back = true;
  wakes_note(wakes, shard, TIMELINE_WALL, unknown);
}

void wakes_set_back(struct wakes *wakes) {
  for (unsigned i = 0; i < wakes->shard_count; i++) wakes_set_back_shard(wakes, shard_of(wakes, i));
}

void wakes_forget(struct wakes *wakes) {
  wakes->scans = false;
  wakes->refused = false;
  for (int timeline = 0; timeline < TIMELINE_COUNT; timeline++) {
    wakes->least[timeline] = unknown;
    for (unsigned i = 0; i < wakes->shard_count; i++) wakes->bounds[timeline][i] = unknown;
  }
  if (wakes->was_set_back) wakes_set_back(wakes);      /* what was done about that may be lost too */
}

void wakes_resume(struct wakes *wakes) {
  wakes->refused = false;
}

void wakes_pause(struct wakes *wakes, int64_t until_ms) {
  wakes->paused_until_ms = until_ms;
}

/* -- the scan -- */

/* Finds a shard of this timeline whose bound is due, the next one in line, and begins to scan it. If there is none, the least
 * of all bounds becomes known. */
static bool begin_scan_of(struct wakes *wakes, enum timeline timeline, int64_t now_ms) {
  int64_t *bounds = wakes->bounds[timeline], least = INT64_MAX;
  for (unsigned i = 0; i < wakes->shard_count; i++) {
    unsigned index = (wakes->next[timeline] + i) % wakes->shard_count;
    if (bounds[index] > now_ms) {
      if (bounds[index] < least) least = bounds[index];
      continue;
    }
    wakes->next[timeline] = (index + 1) % wakes->shard_count;
    wakes->scans = true;
    wakes->timeline = timeline;
    wakes->index = index;
    wakes->from_ms = bounds[index] == unknown ? 0 : bounds[index];
    wakes->whole = timeline == TIMELINE_WALL && wakes->set_back[index];
    if (wakes->whole) wakes->set_back[index] = false;
    wakes->future_ms = INT64_MAX;
    buf_clear(&wakes->last);
    bounds[index] = INT64_MAX;                 /* what is noted meanwhile lowers it again */
    return true;
  }
  wakes->least[timeline] = least;
  return false;
}

static bool begin_scan(struct wakes *wakes, const int64_t now_ms[TIMELINE_COUNT]) {
  for (int timeline = 0; timeline < TIMELINE_COUNT; timeline++) {
    if (wakes->least[timeline] > now_ms[timeline]) continue;
    if (begin_scan_of(wakes, (enum timeline)timeline, now_ms[timeline])) return true;
  }
  return false;
}

static void put_time_key(struct buf *key, uint64_t own_id, int64_t timeline, int64_t due_ms) {
  record_key_put_head(key, own_id, SPACE_WAKE);
  key_put_integer(key, timeline);
  if (due_ms > 0) key_put_integer(key, due_ms);
}

/* Copies the key of the next entry of the scan, whenever that is due. ERR_NOT_FOUND, ERR_STORAGE, ERR_MEMORY. */
static enum err next_entry(struct wakes *wakes, struct buf *entry) {
  uint64_t own_id = record_own_id(shard_of(wakes, wakes->index));
  struct view view = records_view(wakes->config.records, NULL);
  struct buf from = { 0 }, to = { 0 };
  struct scan scan;
  struct slice key, value;
  if (wakes->last.size > 0) {
    buf_put(&from, buf_slice(&wakes->last));
    buf_put_byte(&from, 0);
  } else {
    put_time_key(&from, own_id, wakes->timeline, wakes->from_ms);
  }
  put_time_key(&to, own_id, wakes->timeline + 1, 0);
  enum err err = from.err != ERR_NONE || to.err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
  if (err == ERR_NONE) {
    scan_begin(&scan, &view, buf_slice(&from), buf_slice(&to), false);
    err = scan_next(&scan, &key, &value);
  }
  if (err == ERR_NONE) {
    buf_clear(entry);
    buf_put(entry, key);
    err = entry->err;
  }
  buf_done(&to);
  buf_done(&from);
  return err;
}

/* The scan of a shard is over, and the next entry is not due before that. */
static void end_scan(struct wakes *wakes, int64_t bound_ms) {
  int64_t *bound = &wakes->bounds[wakes->timeline][wakes->index];
  if (bound_ms < *bound) *bound = bound_ms;
  if (wakes->future_ms < *bound) *bound = wakes->future_ms;
  wakes->scans = false;
}

/* A shard cannot be read on: what is noted in it from now on is told all the same. */
static void give_up_scan(struct wakes *wakes, enum err err) {
  logger_printf(wakes->config.logger, LOG_ERROR, "schedules and messages of shard %u that are due cannot be read: %s",
                shard_of(wakes, wakes->index), err_code(err));
  end_scan(wakes, INT64_MAX);
}

/* Tells of the next entry of the scan. Whether that was one. */
static bool tell_next(struct wakes *wakes, int64_t now_ms, int64_t host_ms, struct buf *entry) {
  struct wake wake = { .is_set_back = wakes->whole };
  enum err err = next_entry(wakes, entry);
  if (err == ERR_NOT_FOUND) {
    end_scan(wakes, INT64_MAX);
  } else if (err == ERR_MEMORY) {
    wakes_pause(wakes, host_ms + WAKES_PAUSE_MS);
  } else if (err != ERR_NONE || !wake_key_read(buf_slice(entry), &wake)) {
    give_up_scan(wakes, err != ERR_NONE ? err : ERR_STORAGE);
  } else if (wake.due_ms > now_ms && !wakes->whole) {
    end_scan(wakes, wake.due_ms);
  } else if (!wakes->config.tell(wakes->config.context, &wake)) {
    wakes->refused = true;
    wakes->again_ms = host_ms + WAKES_PAUSE_MS;
  } else {
    if (wake.due_ms > now_ms && wake.due_ms < wakes->future_ms) wakes->future_ms = wake.due_ms;
    buf_move(&wakes->last, entry);
    return true;
  }
  return false;
}

static bool is_paused(const struct wakes *wakes, const int64_t now_ms[TIMELINE_COUNT]) {
  int64_t host_ms = now_ms[TIMELINE_HOST];
  return host_ms < wakes->paused_until_ms || (wakes->refused && host_ms < wakes->again_ms);
}

bool wakes_step(struct wakes *wakes, const int64_t now_ms[TIMELINE_COUNT]) {
  struct buf entry = { 0 };
  unsigned told = 0, shards = 0;
  while (told < WAKES_A_STEP && shards < WAKES_SHARDS_A_STEP && !is_paused(wakes, now_ms)) {
    if (!wakes->scans) {
      if (!begin_scan(wakes, now_ms)) break;
      shards++;
    }
    told += tell_next(wakes, now_ms[wakes->timeline], now_ms[TIMELINE_HOST], &entry);
  }
  buf_done(&entry);
  return told > 0 || shards > 0;
}

bool wakes_are_pending(const struct wakes *wakes) {
  bool any = wakes->scans;
  for (int timeline = 0; timeline < TIMELINE_COUNT; timeline++) any |= wakes->least[timeline] != INT64_MAX;
  return any;
}

int64_t wakes_rest_ms(const struct wakes *wakes, const int64_t now_ms[TIMELINE_COUNT]) {
  int64_t until_ms = wakes->paused_until_ms, rest_ms = INT64_MAX;
  if (wakes->refused && wakes->again_ms > until_ms) until_ms = wakes->again_ms;
  int64_t pause_ms = until_ms == unknown ? 0 : until_ms - now_ms[TIMELINE_HOST];
  for (int timeline = 0; timeline < TIMELINE_COUNT; timeline++) {
    int64_t least = wakes->least[timeline];
    if (least == INT64_MAX) continue;
    int64_t left_ms = wakes->scans || least <= now_ms[timeline] ? 0 : least - now_ms[timeline];
    if (left_ms < rest_ms) rest_ms = left_ms;
  }
  return rest_ms == INT64_MAX || pause_ms <= rest_ms ? rest_ms : pause_ms;
}

/* -- the entries of one actor -- */

enum err wakes_learn(struct wakes *wakes, struct actor *actor) {
  struct view view = records_view(wakes->config.records, NULL);
  for (int timeline = 0; timeline < SCHEDULE_TIMELINES && !actor->knows_wakes; timeline++) {
    struct schedule_place *place = &actor->wakes[timeline];
    enum err err = schedule_first(&view, actor->id, (enum timeline)timeline, NULL, place);
    if (err == ERR_NOT_FOUND) {
      place->due_ms = INT64_MAX;
    } else if (err != ERR_NONE) {
      return err;
    }
  }
  actor->knows_wakes = true;
  return ERR_NONE;
}

static bool try_move_entry(struct wakes *wakes, struct actor *actor, struct drafts *drafts, enum timeline timeline,
                           const struct schedule_place *place) {
  struct buf key = { 0 };
  struct schedule_place *at = &actor->wakes[timeline];
  bool moved = true;
  if (at->due_ms != INT64_MAX && at->due_ms != place->due_ms) {
    wake_key_put(&key, timeline, at->due_ms, actor_class(actor), actor_key(actor), 0);
    moved = key.err == ERR_NONE && drafts_try_delete(drafts, buf_slice(&key));
  }
  if (place->due_ms != INT64_MAX && at->due_ms != place->due_ms) {
    buf_clear(&key);
    wake_key_put(&key, timeline, place->due_ms, actor_class(actor), actor_key(actor), 0);
    moved = moved && key.err == ERR_NONE && drafts_try_put(drafts, buf_slice(&key), slice_of(NULL, 0));
  }
  buf_done(&key);
  *at = *place;
  if (place->due_ms != INT64_MAX) {
    wakes_note(wakes, actor->shard, timeline, place->due_ms);
  }
  return moved;
}

enum err wakes_draft(struct wakes *wakes, struct actor *actor, const struct view *view, const struct schedule_touch *touch) {
  if (!touch->any) return ERR_NONE;
  enum err err = wakes_learn(wakes, actor);
  for (int timeline = 0; timeline < SCHEDULE_TIMELINES && err == ERR_NONE; timeline++) {
    struct schedule_place from = actor->wakes[timeline];
    if (touch->put[timeline] && schedule_is_before(&touch->first[timeline], &from)) from = touch->first[timeline];
    struct schedule_place place = from;
    if (from.due_ms != INT64_MAX && touch->took[timeline]) {
      err = schedule_first(view, actor->id, (enum timeline)timeline, &from, &place);
    }
    if (err == ERR_NOT_FOUND) {
      place.due_ms = INT64_MAX;
      err = ERR_NONE;
    }
    if (err == ERR_NONE && !try_move_entry(wakes, actor, view->drafts, (enum timeline)timeline, &place)) err = ERR_MEMORY;
  }
  return err;
}

enum err wakes_draft_end(struct wakes *wakes, struct actor *actor, const struct view *view) {
  static const struct schedule_place none = { .due_ms = INT64_MAX };
  enum err err = wakes_learn(wakes, actor);
  for (int timeline = 0; timeline < SCHEDULE_TIMELINES && err == ERR_NONE; timeline++) {
    if (!try_move_entry(wakes, actor, view->drafts, (enum timeline)timeline, &none)) err = ERR_MEMORY;
  }
  return err;
}

void wakes_note_actor(struct wakes *wakes, const struct actor *actor) {
  if (!actor->knows_wakes) return;
  for (int timeline = 0; timeline < SCHEDULE_TIMELINES; timeline++) {
    int64_t due_ms = actor->wakes[timeline].due_ms;
    if (due_ms == INT64_MAX) continue;
    wakes_note(wakes, actor->shard, (enum timeline)timeline, due_ms);
  }
}
