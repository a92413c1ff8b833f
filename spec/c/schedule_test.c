/* schedule_test.c -- a schedule's records, and its way from run to run. */
#include "view_fixture.h"

#include "base/retry.h"
#include "codec/value.h"
#include "schedule/cron.h"
#include "schedule/schedule.h"

enum { ACTOR = 7, SHARD = 803 };

struct fixture {
  struct view_fixture base;
  struct schedule_touch touch;
  struct schedule_owner owner;
};

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  view_fixture_begin(&fixture->base);
  fixture->base.view.drafts = drafts_try_new();
  fixture->owner = (struct schedule_owner){
    .view = &fixture->base.view, .touch = &fixture->touch, .actor_id = record_own_id(SHARD) + ACTOR,
    .class_name = slice_text("Auction"), .key = slice_text("\x01" "a\x00"),
  };
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  view_fixture_end(&fixture->base);
  free(fixture);
  return 0;
}

static struct schedule one_shot(int64_t id, int64_t due_ms) {
  return (struct schedule){
    .id = id, .timeline = TIMELINE_HOST, .due_ms = due_ms, .beat_ms = due_ms, .first_ms = due_ms, .method = slice_text("close"),
    .args = slice_text("\x90"),
  };
}

static struct schedule repeating(int64_t first_ms, int64_t every_ms) {
  struct schedule schedule = one_shot(1, first_ms);
  schedule.every_ms = every_ms;
  return schedule;
}

static struct schedule calendar(const char *text, int64_t beat_ms) {
  struct schedule schedule = one_shot(1, beat_ms);
  schedule.timeline = TIMELINE_WALL;
  schedule.cron = slice_text(text);
  return schedule;
}

/* -- bytes -- */

static void assert_same(const struct schedule *a, const struct schedule *b) {
  assert_int_equal(a->id, b->id);
  assert_int_equal(a->timeline, b->timeline);
  assert_int_equal(a->due_ms, b->due_ms);
  assert_int_equal(a->beat_ms, b->beat_ms);
  assert_int_equal(a->every_ms, b->every_ms);
  assert_int_equal(a->first_ms, b->first_ms);
  assert_true(slice_equal(a->cron, b->cron));
  assert_true(slice_equal(a->method, b->method));
  assert_true(slice_equal(a->args, b->args));
  assert_int_equal(a->tries, b->tries);
  assert_int_equal(a->failed, b->failed);
  assert_true(slice_equal(a->error, b->error));
  assert_int_equal(a->skipped, b->skipped);
}

static void what_is_written_is_read(void **state) {
  (void)state;
  struct schedule schedules[] = { one_shot(1, 0), repeating(5000, SCHEDULE_SPAN_MS_MAX), calendar("@daily", 86400000),
                                  one_shot(4, SCHEDULE_MS_MAX) };
  schedules[0].failed = true;
  schedules[0].tries = RETRY_TRIES;
  schedules[0].error = slice_text("it would not");
  schedules[1].skipped = INT64_C(1) << 40;
  for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
    struct buf value = { 0 };
    struct schedule read;
    schedule_write(&value, &schedules[i]);
    assert_true(schedule_read(buf_slice(&value), schedules[i].id, &read));
    assert_same(&read, &schedules[i]);
    for (size_t size = 0; size < value.size; size++) {
      assert_false(schedule_read(slice_of(value.data, size), 1, &read));
    }
    buf_put_byte(&value, 0);
    assert_false(schedule_read(buf_slice(&value), 1, &read));
    buf_done(&value);
  }
}

static void assert_unsound(struct schedule schedule) {
  struct buf value = { 0 };
  struct schedule read;
  schedule_write(&value, &schedule);
  assert_false(schedule_read(buf_slice(&value), schedule.id, &read));
  buf_done(&value);
}

static void what_cannot_have_been_written_is_damage(void **state) {
  (void)state;
  struct schedule schedule;
  assert_unsound(one_shot(1, -1));
  assert_unsound(one_shot(1, SCHEDULE_MS_MAX + 1));
  assert_unsound(one_shot(1, INT64_MIN));
  assert_unsound(repeating(5000, SCHEDULE_EVERY_MS_MIN - 1));
  assert_unsound(repeating(5000, SCHEDULE_SPAN_MS_MAX + 1));
  assert_unsound(repeating(5000, -5));
  assert_unsound(calendar("* * *", 0));
  assert_unsound(calendar("0 0 30 2 *", 0));
  schedule = calendar("@daily", 0);
  schedule.every_ms = 1000;
  assert_unsound(schedule);
  schedule = repeating(5000, 1000);
  schedule.beat_ms = 4999;
  assert_unsound(schedule);
  schedule = repeating(5000, 1000);
  schedule.failed = true;
  assert_unsound(schedule);
  schedule = one_shot(1, 1);
  schedule.method = slice_text("");
  assert_unsound(schedule);
  schedule = one_shot(1, 1);
  schedule.timeline = TIMELINE_MAIL;
  assert_unsound(schedule);
  schedule = one_shot(1, 1);
  schedule.skipped = -1;
  assert_unsound(schedule);
}

/* -- records -- */

static void draft(struct fixture *fixture, const struct schedule *old, const struct schedule *new) {
  assert_int_equal(schedule_draft(&fixture->owner, old, new), ERR_NONE);
}

static void assert_count(struct fixture *fixture, int64_t last_id, int64_t count) {
  int64_t got_id, got_count;
  assert_int_equal(schedule_count(&fixture->base.view, fixture->owner.actor_id, &got_id, &got_count), ERR_NONE);
  assert_int_equal(got_id, last_id);
  assert_int_equal(got_count, count);
}

static void assert_first(struct fixture *fixture, enum timeline timeline, int64_t due_ms, int64_t id) {
  struct schedule_place place = { 0 };
  enum err expected = id == 0 ? ERR_NOT_FOUND : ERR_NONE;
  assert_int_equal(schedule_first(&fixture->base.view, fixture->owner.actor_id, timeline, NULL, &place), expected);
  if (id == 0) return;
  assert_int_equal(place.due_ms, due_ms);
  assert_int_equal(place.id, id);
}

static bool has_failed_record(struct fixture *fixture, int64_t id) {
  struct buf key = { 0 };
  struct slice value;
  schedule_put_failed_key(&key, fixture->owner.actor_id, id);
  assert_int_equal(record_key_id(buf_slice(&key)), record_own_id(SHARD));
  enum err err = view_get(&fixture->base.view, buf_slice(&key), &value);
  buf_done(&key);
  assert_true(err == ERR_NONE || err == ERR_NOT_FOUND);
  if (err == ERR_NONE) assert_true(value_is_valid(value, NULL));
  return err == ERR_NONE;
}

static bool is_there(struct fixture *fixture, const struct schedule *expected) {
  struct buf bytes = { 0 };
  struct schedule found;
  enum err err = schedule_find(&fixture->base.view, fixture->owner.actor_id, expected->id, &bytes, &found);
  if (err == ERR_NONE) assert_same(&found, expected);
  buf_done(&bytes);
  return err == ERR_NONE;
}

static void a_schedule_comes_moves_fails_and_goes_with_all_its_records(void **state) {
  struct fixture *fixture = *state;
  struct schedule a = one_shot(1, 5000), b = one_shot(2, 3000), moved, failed;
  assert_count(fixture, 0, 0);
  assert_first(fixture, TIMELINE_HOST, 0, 0);
  draft(fixture, NULL, &a);
  draft(fixture, NULL, &b);
  assert_count(fixture, 2, 2);
  assert_first(fixture, TIMELINE_HOST, 3000, 2);
  assert_first(fixture, TIMELINE_WALL, 0, 0);
  assert_true(fixture->touch.any && fixture->touch.put[TIMELINE_HOST] && !fixture->touch.put[TIMELINE_WALL]);
  assert_int_equal(fixture->touch.first[TIMELINE_HOST].id, 2);
  moved = b;
  moved.due_ms = 9000;
  draft(fixture, &b, &moved);
  assert_first(fixture, TIMELINE_HOST, 5000, 1);
  assert_true(is_there(fixture, &moved));
  failed = a;
  failed.failed = true;
  failed.tries = 1;
  draft(fixture, &a, &failed);
  assert_first(fixture, TIMELINE_HOST, 9000, 2);
  assert_true(is_there(fixture, &failed) && has_failed_record(fixture, 1));
  assert_count(fixture, 2, 2);
  draft(fixture, &failed, &a);
  assert_first(fixture, TIMELINE_HOST, 5000, 1);
  assert_false(has_failed_record(fixture, 1));
  draft(fixture, &a, &failed);
  draft(fixture, &failed, NULL);
  assert_false(is_there(fixture, &failed) || has_failed_record(fixture, 1));
  draft(fixture, &moved, NULL);
  assert_first(fixture, TIMELINE_HOST, 0, 0);
  assert_count(fixture, 2, 0);
  draft(fixture, NULL, &(struct schedule){ .id = 3, .timeline = TIMELINE_WALL, .method = slice_text("m"), .due_ms = 1 });
  assert_first(fixture, TIMELINE_WALL, 1, 3);
  assert_first(fixture, TIMELINE_HOST, 0, 0);
  assert_count(fixture, 3, 1);
}

static void the_first_is_the_earliest_and_of_those_the_oldest(void **state) {
  struct fixture *fixture = *state;
  static const int64_t dues[] = { 700, 300, 300, 100, SCHEDULE_MS_MAX, 255, 256 };
  struct schedule_place place;
  for (size_t i = 0; i < sizeof dues / sizeof *dues; i++) {
    struct schedule schedule = one_shot((int64_t)i + 1, dues[i]);
    draft(fixture, NULL, &schedule);
  }
  static const int64_t order[] = { 4, 6, 7, 2, 3, 1, 5 };
  struct schedule_place from = { 0 };
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    assert_int_equal(schedule_first(&fixture->base.view, fixture->owner.actor_id, TIMELINE_HOST, &from, &place), ERR_NONE);
    assert_int_equal(place.id, order[i]);
    from = (struct schedule_place){ .due_ms = place.due_ms, .id = place.id + 1 };
  }
  const uint64_t id = fixture->owner.actor_id;
  assert_int_equal(schedule_first(&fixture->base.view, id, TIMELINE_HOST, &from, &place), ERR_NOT_FOUND);
  assert_int_equal(schedule_first(&fixture->base.view, id + 1, TIMELINE_HOST, NULL, &place), ERR_NOT_FOUND);
  assert_int_equal(fixture->touch.first[TIMELINE_HOST].due_ms, 100);
}

static void keys_say_what_they_are_of(void **state) {
  (void)state;
  struct buf key = { 0 };
  enum timeline timeline = TIMELINE_MAIL;
  struct schedule_place place = { 0 };
  schedule_put_record_key(&key, ACTOR, 12);
  assert_int_equal(schedule_read_key(buf_slice(&key), &timeline, &place), SCHEDULE_RECORD);
  assert_int_equal(place.id, 12);
  buf_clear(&key);
  schedule_put_place_key(&key, ACTOR, TIMELINE_WALL, &(struct schedule_place){ .due_ms = 99, .id = 5 });
  assert_int_equal(schedule_read_key(buf_slice(&key), &timeline, &place), SCHEDULE_PLACE);
  assert_true(timeline == TIMELINE_WALL && place.due_ms == 99 && place.id == 5);
  assert_int_equal(schedule_read_key(slice_of(key.data, key.size - 1), &timeline, &place), SCHEDULE_BROKEN);
  buf_put_byte(&key, 0x26);
  assert_int_equal(schedule_read_key(buf_slice(&key), &timeline, &place), SCHEDULE_BROKEN);
  buf_clear(&key);
  schedule_put_count_key(&key, ACTOR);
  assert_int_equal(schedule_read_key(buf_slice(&key), &timeline, &place), SCHEDULE_COUNT);
  buf_done(&key);
}

/* -- from run to run -- */

static void pauses_grow_to_an_hour(void **state) {
  (void)state;
  static const int64_t seconds[] = { 1, 1, 4, 16, 64, 256, 1024, 3600, 3600, 3600, 3600 };
  for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++) assert_int_equal(retry_pause_ms(i), seconds[i] * 1000);
  assert_int_equal(retry_pause_ms(UINT32_MAX), 3600 * 1000);
}

static void a_beat_keeps_its_phase(void **state) {
  (void)state;
  struct schedule schedule = repeating(5300, 1000);
  assert_true(schedule_next_beat(&schedule, 5300));
  assert_int_equal(schedule.due_ms, 6300);
  assert_true(schedule_next_beat(&schedule, 6900));
  assert_int_equal(schedule.due_ms, 7300);
  assert_true(schedule_next_beat(&schedule, 12299));
  assert_int_equal(schedule.due_ms, 12300);
  assert_true(schedule_next_beat(&schedule, 13300));
  assert_int_equal(schedule.due_ms, 14300);
  assert_int_equal(schedule.beat_ms, 14300);
  assert_true(schedule_next_beat(&schedule, 0));         /* a clock that went back: behind the present one all the same */
  assert_int_equal(schedule.due_ms, 15300);
}

static void one_run_stands_for_all_that_were_missed(void **state) {
  (void)state;
  struct schedule schedule = repeating(5000, 1000);
  schedule_catch_up(&schedule, 5999);
  assert_true(schedule.beat_ms == 5000 && schedule.skipped == 0);
  schedule_catch_up(&schedule, 9100);
  assert_true(schedule.beat_ms == 9000 && schedule.skipped == 4);
  schedule_catch_up(&schedule, 9100);
  assert_true(schedule.beat_ms == 9000 && schedule.skipped == 4);
  assert_true(schedule_next_beat(&schedule, 9100));
  assert_true(schedule.beat_ms == 10000 && schedule.skipped == 0);
  struct schedule once = one_shot(1, 5000);
  schedule_catch_up(&once, 99000);
  assert_true(once.beat_ms == 5000 && once.skipped == 0);
}

static void a_calendar_goes_from_beat_to_beat(void **state) {
  (void)state;
  const int64_t hour_ms = 3600 * 1000;
  struct schedule schedule = calendar("@hourly", hour_ms);
  schedule_catch_up(&schedule, 5 * hour_ms + 1);
  assert_true(schedule.beat_ms == 5 * hour_ms && schedule.skipped == 4);
  assert_true(schedule_next_beat(&schedule, 5 * hour_ms + 1));
  assert_true(schedule.due_ms == 6 * hour_ms && schedule.skipped == 0);
  struct schedule last = calendar("0 0 29 2 *", INT64_C(253281340800000));      /* 29 February 9996 */
  assert_false(schedule_next_beat(&last, last.beat_ms));
}

static void a_one_shot_is_tried_ten_times(void **state) {
  (void)state;
  struct schedule schedule = one_shot(1, 5000);
  int64_t now = 5000;
  for (unsigned try = 1; try < RETRY_TRIES; try++) {
    schedule_fail(&schedule, now, slice_text("no"));
    assert_false(schedule.failed);
    assert_int_equal(schedule.tries, try);
    assert_int_equal(schedule.due_ms, now + retry_pause_ms(try));
    assert_int_equal(schedule.beat_ms, 5000);
    now = schedule.due_ms;
  }
  schedule_fail(&schedule, now, slice_text("no"));
  assert_true(schedule.failed && schedule.tries == RETRY_TRIES);
  schedule_begin_anew(&schedule, 77);
  assert_true(!schedule.failed && schedule.tries == 0 && schedule.due_ms == 77 && schedule.beat_ms == 77);
  assert_int_equal(schedule.error.size, 0);
}

static void another_try_is_never_behind_the_next_beat(void **state) {
  (void)state;
  struct schedule schedule = repeating(5000, 3000);
  schedule_fail(&schedule, 5000, slice_text("no"));
  assert_true(schedule.due_ms == 6000 && schedule.tries == 1 && schedule.beat_ms == 5000);
  schedule_catch_up(&schedule, 6000);
  assert_int_equal(schedule.tries, 1);
  schedule_fail(&schedule, 6000, slice_text("no"));
  assert_true(schedule.due_ms == 8000 && schedule.tries == 2);         /* and not 10000 */
  schedule_catch_up(&schedule, 8000);                                  /* a new beat, which the one before is left to */
  assert_true(schedule.beat_ms == 8000 && schedule.tries == 0 && schedule.skipped == 1);
  schedule_fail(&schedule, 99000, slice_text("no"));                   /* it ran for long */
  assert_true(schedule.due_ms == 11000 && schedule.tries == 1 && !schedule.failed);
}

static void what_repeats_waits_for_its_next_beat_after_ten_tries(void **state) {
  (void)state;
  struct schedule schedule = repeating(0, SCHEDULE_SPAN_MS_MAX);
  int64_t now = 0;
  for (unsigned try = 1; try <= RETRY_TRIES; try++) {
    schedule_fail(&schedule, now, slice_text("no"));
    assert_false(schedule.failed);
    now = schedule.due_ms;
  }
  assert_int_equal(now, SCHEDULE_SPAN_MS_MAX);
}

static void no_moment_is_out_of_bounds(void **state) {
  (void)state;
  static const int64_t moments[] = { INT64_MIN, -1, 0, 1, SCHEDULE_MS_MAX, INT64_MAX };
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    struct schedule kinds[] = { one_shot(1, 0), repeating(SCHEDULE_MS_MAX, SCHEDULE_SPAN_MS_MAX), repeating(0, 100),
                                calendar("* * * * *", 0) };
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
      struct schedule *schedule = &kinds[kind];
      schedule_catch_up(schedule, moments[i]);
      schedule_fail(schedule, moments[i], slice_text(""));
      if (schedule_repeats(schedule)) schedule_next_beat(schedule, moments[i]);
      schedule_begin_anew(schedule, moments[i]);
      assert_true(schedule->due_ms >= 0 && schedule->due_ms <= SCHEDULE_MS_MAX && schedule->skipped >= 0);
    }
  }
}

/* Runs at moments that chance picks, of which some fail: whatever happens, each beat is counted once. */
static void each_beat_is_counted_once(void **state) {
  struct chance chance = chance_begin("schedule_test");
  (void)state;
  for (int round = 0; round < 400; round++) {
    bool by_calendar = chance_below(&chance, 2) == 0;
    int64_t every_ms = by_calendar ? 7 * 60000 : 100 + (int64_t)chance_below(&chance, 5000);
    struct cron cron;
    assert_int_equal(cron_parse(slice_text("2-58/7 * * * *"), &cron, NULL), ERR_NONE);
    int64_t now = (int64_t)chance_below(&chance, 1000000), begin = now, counted = 0;
    struct schedule schedule = repeating(now + every_ms, every_ms);
    if (by_calendar) schedule = calendar("2-58/7 * * * *", cron_next(&cron, now));
    for (int run = 0; run < 60; run++) {
      int64_t late = chance_below(&chance, 4) > 0 ? 0 : (int64_t)chance_below(&chance, (size_t)every_ms * 5);
      now = (schedule.due_ms > now ? schedule.due_ms : now) + late;
      schedule_catch_up(&schedule, now);
      assert_true(schedule.beat_ms <= now);
      if (chance_below(&chance, 3) == 0) {
        now += (int64_t)chance_below(&chance, 3000);
        schedule_fail(&schedule, now, slice_text("no"));
        continue;
      }
      counted += 1 + schedule.skipped;
      int64_t beats = by_calendar ? cron_count(&cron, begin, now) : (now - begin) / every_ms;
      assert_int_equal(counted, beats);
      assert_true(schedule_next_beat(&schedule, now));
      assert_true(schedule.due_ms > now);
    }
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(what_cannot_have_been_written_is_damage),
    TEST(a_schedule_comes_moves_fails_and_goes_with_all_its_records),
    TEST(the_first_is_the_earliest_and_of_those_the_oldest), cmocka_unit_test(keys_say_what_they_are_of),
    cmocka_unit_test(pauses_grow_to_an_hour), cmocka_unit_test(a_beat_keeps_its_phase),
    cmocka_unit_test(one_run_stands_for_all_that_were_missed), cmocka_unit_test(a_calendar_goes_from_beat_to_beat),
    cmocka_unit_test(a_one_shot_is_tried_ten_times), cmocka_unit_test(another_try_is_never_behind_the_next_beat),
    cmocka_unit_test(what_repeats_waits_for_its_next_beat_after_ten_tries), cmocka_unit_test(no_moment_is_out_of_bounds),
    cmocka_unit_test(each_beat_is_counted_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
