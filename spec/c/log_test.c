/* log_test.c -- the commit log against a list of batches: round trips, turns of segments, every write and sync that fails,
 * tidying. */
#include "log_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- round trips ----------------------------------------------------------------------------------------- */

static size_t chance_size(struct chance *chance) {
  switch (chance_below(chance, 8)) {
    case 0: return SEGMENT_BYTES - LOG_RECORD_HEAD - 2 + chance_below(chance, 5);
    case 1: return chance_below(chance, 6 * SEGMENT_BYTES);
    default: return chance_below(chance, 120);
  }
}

static void what_is_appended_is_there_after_a_start(void **state) {
  struct fixture *fixture = *state;
  fixture->chance = chance_begin("what_is_appended_is_there_after_a_start");
  reopen(fixture);
  assert_int_equal(log_last(fixture->log), 0);
  while (fixture->last + 2 < BATCHES_MAX) {
    uint64_t bytes = log_bytes(fixture->log);
    switch (chance_below(&fixture->chance, 12)) {
      case 0:
        reopen(fixture);
        assert_int_equal(log_last(fixture->log), fixture->last);
        assert_true(fixture->after > 0 || log_bytes(fixture->log) == bytes);
        break;
      case 1:
        assert_int_equal(sync_log(fixture), ERR_NONE);
        fixture->after += chance_below(&fixture->chance, (size_t)(fixture->synced - fixture->after) + 1);
        log_tidy(fixture->log, fixture->after);
        break;
      case 2:
        assert_int_equal(open_or_verify(fixture, true), ERR_NONE);
        assert_int_equal(fixture->visited, fixture->last);
        break;
      case 3: assert_int_equal(sync_log(fixture), ERR_NONE); break;
      default: assert_int_equal(append(fixture, chance_size(&fixture->chance)), ERR_NONE);
    }
  }
  uint64_t last = fixture->last;
  reopen(fixture);
  assert_int_equal(fixture->last, last);
  assert_int_equal(fixture->lines[LOG_INFO] + fixture->lines[LOG_WARN] + fixture->lines[LOG_ERROR], 0);
}

/* ---- segments -------------------------------------------------------------------------------------------- */

static uint64_t synced_in(const struct fixture *fixture, const char *name) {
  uint8_t head[LOG_RECORD_HEAD];
  struct log_record record;
  int fd = open_file(fixture, name, O_RDONLY);
  assert_int_equal(read(fd, head, sizeof head), sizeof head);
  close(fd);
  assert_true(log_record_read_head(slice_of(head, sizeof head), &record));
  return record.synced;
}

/* A new segment proves that all before it is synced: so it is synced first, and its failure is that of a sync. */
static void a_turn_syncs_what_is_before_it(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  assert_int_equal(append(fixture, 200), ERR_NONE);
  assert_int_equal(append(fixture, 200), ERR_NONE);
  assert_int_equal(append(fixture, 200), ERR_NONE);
  assert_int_equal(synced_in(fixture, "0000000000000003"), 2);
  assert_int_equal(append(fixture, 200), ERR_NONE);
  fixture->faults.sync_next = 1;
  assert_int_equal(append(fixture, 200), ERR_FATAL);
  assert_int_equal(file_size(fixture, "0000000000000005"), -1);
  assert_int_equal(append(fixture, 1), ERR_FATAL);
  assert_int_equal(sync_log(fixture), ERR_FATAL);
  reopen(fixture);
  assert_int_equal(fixture->last, 4);
}

static void a_record_that_just_fits_stays(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 100);
  append_synced(fixture, SEGMENT_BYTES - 2 * LOG_RECORD_HEAD - 100);
  assert_int_equal(file_size(fixture, "0000000000000001"), SEGMENT_BYTES);
  assert_int_equal(file_size(fixture, "0000000000000002"), -1);
  append_synced(fixture, 0);
  append_synced(fixture, SEGMENT_BYTES - 2 * LOG_RECORD_HEAD + 1);
  append_synced(fixture, SEGMENT_BYTES - LOG_RECORD_HEAD + 1);
  append_synced(fixture, 0);
  assert_int_equal(file_size(fixture, "0000000000000003"), SEGMENT_BYTES);
  assert_int_equal(file_size(fixture, "0000000000000004"), SEGMENT_BYTES);
  assert_int_equal(file_size(fixture, "0000000000000005"), SEGMENT_BYTES + 1);
  assert_int_equal(file_size(fixture, "0000000000000006"), SEGMENT_BYTES);
  reopen(fixture);
  assert_int_equal(fixture->last, 6);
}

/* ---- writes and syncs that fail -------------------------------------------------------------------------- */

/* Nothing but the batches so far: what failed was cut back. */
static void assert_cut_back(struct fixture *fixture) {
  const struct faults faults = fixture->faults;
  static struct files files;
  save_files(fixture, &files);
  assert_int_equal(open_or_verify(fixture, true), ERR_NONE);
  assert_int_equal(fixture->visited, fixture->last);
  assert_int_equal(memcmp(&fixture->faults, &faults, sizeof faults), 0);
  if (files.count == 0) return;
  const struct file *newest = &files.files[files.count - 1];
  size_t used = 0;
  for (uint64_t number = newest->segment; number <= fixture->last; number++) {
    used += LOG_RECORD_HEAD + fixture->batches[number].size;
  }
  for (size_t at = used; at < newest->size; at++) assert_int_equal(newest->bytes[at], 0);
}

/* Some appends and syncs with turns of segments. Whatever fails with ERR_STORAGE is tried again. False: the log is
 * lost. */
static bool run_script(struct fixture *fixture) {
  static const size_t sizes[] = { 20, 200, 200, 300, 1500, 10, 90, 400, 60 };
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    enum err err = append(fixture, sizes[i]);
    while (err == ERR_STORAGE) {
      assert_cut_back(fixture);
      err = append(fixture, sizes[i]);
    }
    if (err == ERR_NONE && i % 3 != 1) err = sync_log(fixture);
    if (err == ERR_FATAL) return false;
    assert_int_equal(err, ERR_NONE);
    if (i == 4) log_tidy(fixture->log, 2);
  }
  return true;
}

/* Runs the script with some faults. False: it did not come as far as to them. */
static bool run_with(struct fixture *fixture, struct faults faults) {
  clear_folder(fixture);
  fixture->last = fixture->synced = fixture->after = 0;
  reopen(fixture);
  fixture->faults = faults;
  bool whole = run_script(fixture);
  unsigned left = fixture->faults.write_next + fixture->faults.sync_next;
  fixture->faults = (struct faults){ 0 };
  if (!whole) {
    assert_int_equal(sync_log(fixture), ERR_FATAL);
    fixture->last++;   /* the batch that could not be written may be there or not */
  }
  if (fixture->synced >= 2) fixture->after = 2;
  reopen(fixture);
  assert_true(!whole || fixture->last == 9);
  append_synced(fixture, 70);
  assert_int_equal(append(fixture, 500), ERR_NONE);
  uint64_t last = fixture->last;
  reopen(fixture);
  assert_int_equal(fixture->last, last);
  return left < faults.write_next + faults.sync_next;
}

static void each_write_may_fail(void **state) {
  struct fixture *fixture = *state;
  static const size_t parts[] = { 0, 1, 27, 40, 100000 };
  for (unsigned i = 0; i < 4 * 5; i++) {
    unsigned k = 0;
    struct faults faults = { .write_next = 1 + i % 2, .write_part = parts[i / 4] };
    faults.write_errno = i / 2 % 2 == 0 ? ENOSPC : EIO;
    for (; run_with(fixture, faults); faults.write_skip = ++k) {}
    assert_true(k >= 9 + 3);
  }
  assert_true(fixture->lines[LOG_WARN] > 0);
}

static void each_sync_may_fail(void **state) {
  struct fixture *fixture = *state;
  for (unsigned i = 0; i < 2; i++) {
    unsigned k = 0;
    struct faults faults = { .sync_next = 1, .sync_errno = i == 0 ? EIO : ENOSPC };
    for (; run_with(fixture, faults); faults.sync_skip = ++k) {}
    assert_true(k >= 6 + 2 * 3);
  }
}

/* A write fails, and then the sync of what was taken back. */
static void a_cut_that_fails_loses_the_log(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 10);
  fixture->faults = (struct faults){ .write_next = 1, .sync_next = 1 };
  assert_int_equal(append(fixture, 10), ERR_FATAL);
  fixture->faults = (struct faults){ 0 };
  assert_int_equal(append(fixture, 10), ERR_FATAL);
  reopen(fixture);
  assert_int_equal(fixture->last, 1);
  fixture->faults = (struct faults){ .write_next = 2 };
  assert_int_equal(append(fixture, 10), ERR_FATAL);
  assert_int_equal(append(fixture, 10), ERR_FATAL);
  reopen(fixture);
  assert_int_equal(fixture->last, 1);
}

/* What was appended before the batch that failed was synced when that was cut back. */
static void a_cut_syncs_what_is_before_it(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  assert_int_equal(append(fixture, 10), ERR_NONE);
  fixture->faults = (struct faults){ .write_next = 1, .write_part = 5 };
  assert_int_equal(append(fixture, 10), ERR_STORAGE);
  fixture->faults = (struct faults){ .sync_next = 1 };
  assert_int_equal(sync_log(fixture), ERR_NONE);
  fixture->faults = (struct faults){ 0 };
  append_synced(fixture, 10);
  reopen(fixture);
  assert_int_equal(fixture->last, 2);
}

/* Once a segment may have been begun on disk, the one before it is not gone on with, even if the batch would fit. */
static void a_turn_that_failed_is_not_taken_back(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 100);
  fixture->faults = (struct faults){ .sync_next = 1, .sync_skip = 1 };
  assert_int_equal(append(fixture, 400), ERR_STORAGE);
  assert_int_equal(file_size(fixture, "0000000000000002"), -1);
  append_synced(fixture, 10);
  assert_int_equal(file_size(fixture, "0000000000000002"), SEGMENT_BYTES);
  /* A segment that could not be filled was not begun, and so the one before has room still. */
  fixture->faults = (struct faults){ .write_next = 1, .write_part = 10 };
  assert_int_equal(append(fixture, 480), ERR_STORAGE);
  append_synced(fixture, 10);
  assert_int_equal(file_size(fixture, "0000000000000003"), -1);
  assert_int_equal(file_size(fixture, "0000000000000003.new"), -1);
}

/* The system itself cuts a write short and then refuses it. */
static void a_file_that_may_not_grow_is_cut_back(void **state) {
  struct fixture *fixture = *state;
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct sigaction ignore = { .sa_handler = SIG_IGN }, handler;
  assert_int_equal(sigaction(SIGXFSZ, &ignore, &handler), 0);
  reopen(fixture);
  append_synced(fixture, 10);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1000, before.rlim_max }), 0);
  enum err large = append(fixture, 3000);
  assert_cut_back(fixture);
  enum err small = append(fixture, 900);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(sigaction(SIGXFSZ, &handler, NULL), 0);
  assert_int_equal(large, ERR_STORAGE);
  assert_int_equal(small, ERR_NONE);
  assert_int_equal(fixture->lines[LOG_ERROR], 1);
  append_synced(fixture, 3000);
  reopen(fixture);
  assert_int_equal(fixture->last, 3);
}

/* One failure may be by chance. Then a full disk is asked once a second. */
static void a_turn_that_goes_on_failing_is_tried_once_a_second(void **state) {
  struct fixture *fixture = *state;
  struct clock clock;
  clock_init_manual(&clock, 0);
  fixture->config.clock = &clock;
  reopen(fixture);
  append_synced(fixture, 400);
  fixture->faults.write_next = 4;
  for (unsigned tried = 1; tried <= 2; tried++) {
    assert_int_equal(append(fixture, 400), ERR_STORAGE);
    assert_false(log_rests(fixture->log));
    assert_int_equal(fixture->lines[LOG_ERROR], tried);
  }
  for (unsigned tried = 2; tried <= 3; tried++) {
    assert_int_equal(append(fixture, 400), ERR_STORAGE);
    assert_true(log_rests(fixture->log));
    assert_int_equal(fixture->lines[LOG_ERROR], tried);
    assert_int_equal(fixture->faults.write_next, 4 - tried);
    assert_int_equal(sync_log(fixture), ERR_NONE);
    clock_advance(&clock, (int64_t)LOG_RETRY_MS * 1000000);
    assert_int_equal(append(fixture, 400), ERR_STORAGE);
    assert_false(log_rests(fixture->log));
  }
  assert_int_equal(append(fixture, 400), ERR_STORAGE);
  append_synced(fixture, 20);      /* it has its place behind the first */
  assert_false(log_rests(fixture->log));
  clock_advance(&clock, (int64_t)LOG_RETRY_MS * 1000000);
  append_synced(fixture, 400);
  assert_int_equal(fixture->lines[LOG_ERROR], 4);
  reopen(fixture);
  assert_int_equal(fixture->last, 3);
}

/* ---- tidying --------------------------------------------------------------------------------------------- */

static void tidying_removes_what_is_reached(void **state) {
  struct fixture *fixture = *state;
  static const char *const names[] = { "0000000000000001", "0000000000000003", "0000000000000005" };
  reopen(fixture);
  for (int i = 0; i < 6; i++) append_synced(fixture, 200);
  /* For each number reached: how many of the segments are gone. */
  static const size_t gone[] = { 0, 0, 1, 1, 2, 2, 2, 2 };
  for (uint64_t reached = 0; reached < 8; reached++) {
    log_tidy(fixture->log, reached);
    for (size_t i = 0; i < 3; i++) assert_int_equal(file_size(fixture, names[i]) < 0, i < gone[reached]);
  }
  assert_int_equal(open_or_verify(fixture, true), ERR_REQUEST);
  fixture->after = 3;
  assert_int_equal(open_or_verify(fixture, true), ERR_REQUEST);
  fixture->after = 4;
  reopen(fixture);
  assert_int_equal(fixture->last, 6);
}

static void a_log_that_the_store_has_is_emptied(void **state) {
  struct fixture *fixture = *state;
  struct files files;
  reopen(fixture);
  for (int i = 0; i < 5; i++) append_synced(fixture, 200);
  assert_int_equal(append(fixture, 10), ERR_NONE);
  save_files(fixture, &files);
  log_empty(fixture->log, 6);                 /* the last one is not synced */
  assert_unchanged(fixture, &files);
  assert_int_equal(sync_log(fixture), ERR_NONE);
  log_empty(fixture->log, 5);                 /* the last one is not in the store */
  assert_unchanged(fixture, &files);
  log_empty(fixture->log, 6);
  save_files(fixture, &files);
  assert_int_equal(files.count, 0);
  fixture->after = 6;
  reopen(fixture);
  append_synced(fixture, 20);
  reopen(fixture);
  assert_int_equal(fixture->last, 7);
}

static void tidying_makes_a_spare_segment(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  log_tidy(fixture->log, 0);
  assert_int_equal(file_size(fixture, "spare"), SEGMENT_BYTES);
  reopen(fixture);
  assert_int_equal(file_size(fixture, "spare"), -1);
  append_synced(fixture, 10);
  log_tidy(fixture->log, 0);
  fixture->faults = (struct faults){ .write_next = 1, .sync_next = 1 };
  log_tidy(fixture->log, 0);   /* there is one */
  assert_int_equal(fixture->faults.write_next + fixture->faults.sync_next, 2);
  fixture->faults = (struct faults){ 0 };
  append_synced(fixture, 2000);   /* too large for the spare one */
  assert_int_equal(file_size(fixture, "spare"), SEGMENT_BYTES);
  /* A turn writes nothing but its record then, and syncs the folder only. */
  fixture->faults = (struct faults){ .write_next = 1, .write_skip = 1, .sync_next = 1, .sync_skip = 2 };
  append_synced(fixture, 10);
  assert_int_equal(fixture->faults.write_skip + fixture->faults.sync_skip, 0);
  assert_int_equal(fixture->faults.write_next + fixture->faults.sync_next, 2);
  fixture->faults = (struct faults){ 0 };
  assert_int_equal(file_size(fixture, "spare"), -1);
  assert_int_equal(file_size(fixture, "0000000000000003"), SEGMENT_BYTES);
  reopen(fixture);
  assert_int_equal(fixture->last, 3);
}

static void tidying_that_fails_does_no_harm(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 400);
  static const struct faults faults[] = { { .write_next = 1, .write_part = 100 }, { .sync_next = 1 } };
  for (size_t i = 0; i < 2; i++) {
    fixture->faults = faults[i];
    log_tidy(fixture->log, 0);
    assert_int_equal(fixture->lines[LOG_WARN], i + 1);
    assert_int_equal(file_size(fixture, "spare"), -1);
    assert_int_equal(file_size(fixture, "spare.new"), -1);
    append_synced(fixture, 400);
  }
  reopen(fixture);
  assert_int_equal(fixture->last, 3);
}

/* Its path leads to the log of another host by then: that one is not touched, by a turn or by tidying. */
static void a_log_that_was_moved_goes_with_its_folder(void **state) {
  struct fixture *fixture = *state;
  struct fixture *other = calloc(1, sizeof *other);
  char moved[PATH_MAX + 8];
  static struct files files;
  reopen(fixture);
  for (int i = 0; i < 4; i++) append_synced(fixture, 200);
  assert_int_equal(file_size(fixture, "0000000000000003"), SEGMENT_BYTES);
  snprintf(moved, sizeof moved, "%s.moved", fixture->scratch.path);
  assert_int_equal(rename(fixture->scratch.path, moved), 0);
  assert_int_equal(mkdir(fixture->scratch.path, 0700), 0);
  *other = *fixture;
  other->log = NULL;
  write_file(other, "0000000000000001", "a", 1);
  write_file(other, "0000000000000003", "b", 1);
  save_files(other, &files);
  log_tidy(fixture->log, 4);
  append_synced(fixture, 400);
  assert_unchanged(other, &files);
  assert_int_equal(file_size(other, "spare"), -1);
  clear_folder(other);
  assert_int_equal(rmdir(fixture->scratch.path), 0);
  assert_int_equal(rename(moved, fixture->scratch.path), 0);
  assert_int_equal(file_size(fixture, "0000000000000001"), -1);
  assert_int_equal(file_size(fixture, "0000000000000005"), SEGMENT_BYTES);
  free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(what_is_appended_is_there_after_a_start),
    TEST(a_turn_syncs_what_is_before_it),
    TEST(a_record_that_just_fits_stays),
    TEST(each_write_may_fail),
    TEST(each_sync_may_fail),
    TEST(a_cut_that_fails_loses_the_log),
    TEST(a_cut_syncs_what_is_before_it),
    TEST(a_turn_that_failed_is_not_taken_back),
    TEST(a_file_that_may_not_grow_is_cut_back),
    TEST(a_turn_that_goes_on_failing_is_tried_once_a_second),
    TEST(tidying_removes_what_is_reached),
    TEST(a_log_that_the_store_has_is_emptied),
    TEST(tidying_makes_a_spare_segment),
    TEST(tidying_that_fails_does_no_harm),
    TEST(a_log_that_was_moved_goes_with_its_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
