/* log_recovery_test.c -- what recovery makes of a damaged commit log: each cut, each flipped byte, any damage, against a
 * model that knows what the log was; and what else a crash or a broken disk may leave. */
#include "log_fixture.h"

#include <errno.h>

#include "base/mem.h"

/* Finds out from an undamaged log where each record stands and what it says. */
static void remember_places(struct fixture *fixture, const struct files *files) {
  for (size_t i = 0; i < files->count; i++) {
    const struct file *file = &files->files[i];
    uint64_t end = i + 1 < files->count ? files->files[i + 1].segment : fixture->last + 1;
    size_t place = 0;
    for (uint64_t number = file->segment; number < end; number++) {
      struct batch *batch = &fixture->batches[number];
      batch->segment = file->segment;
      batch->place = place;
      batch->synced = read_u64(file->bytes + place + LOG_RECORD_HEAD - 8);
      assert_int_equal(read_u64(file->bytes + place + LOG_RECORD_HEAD - 16), number);
      place += LOG_RECORD_HEAD + batch->size;
    }
  }
}

/* ---- damage ---------------------------------------------------------------------------------------------- */

/* What is to come of a log: its last batch, or a report with a place. */
struct outcome {
  bool reported;
  uint64_t last;
  uint64_t segment;
  size_t offset;
  uint64_t number;
  bool tail;
};

static bool is_whole(const struct file *now, const struct file *was, size_t place, size_t size) {
  return place + size <= now->size && memcmp(now->bytes + place, was->bytes + place, size) == 0;
}

/* The model of recovery: it knows what the log was, and needs no checksum to see what of it is left. */
static struct outcome foresee(const struct fixture *fixture, const struct files *now, const struct files *was) {
  struct outcome outcome = { .last = fixture->after };
  const uint64_t after = fixture->after;
  if (now->count > 0 && now->files[0].segment > after + 1) {
    return (struct outcome){ .reported = true, .segment = now->files[0].segment, .number = after + 1 };
  }
  for (size_t i = 0, j = 0; i < now->count; i++, j++) {
    const struct file *file = &now->files[i];
    while (was->files[j].segment != file->segment) j++;
    uint64_t end = j + 1 < was->count ? was->files[j + 1].segment : fixture->last + 1;
    uint64_t next = file->segment, proven = after;
    size_t place = 0;
    for (; next < end; next++) {
      size_t size = LOG_RECORD_HEAD + fixture->batches[next].size;
      if (!is_whole(file, &was->files[j], place, size)) break;
      place += size;
    }
    for (uint64_t number = next; number < end; number++) {
      const struct batch *batch = &fixture->batches[number];
      bool told = is_whole(file, &was->files[j], batch->place, LOG_RECORD_HEAD);
      if (told && batch->synced > proven) proven = batch->synced;
    }
    bool is_newest = i + 1 == now->count;
    bool dirty = false;
    for (size_t at = place; at < file->size; at++) dirty = dirty || file->bytes[at] != 0;
    if (!is_newest) proven = now->files[i + 1].segment - 1;
    if (next <= proven && (dirty || proven > after)) {
      return (struct outcome){ .reported = true, .segment = file->segment, .offset = place, .number = next };
    }
    if (next > after) outcome.last = next - 1;
    outcome.tail = dirty;
  }
  return outcome;
}

static void assert_reported(const struct fixture *fixture, const struct outcome *outcome) {
  char expected[PATH_MAX];
  snprintf(expected, sizeof expected, "%s/%016" PRIx64 " at byte %zu: batch %" PRIu64 " ", fixture->scratch.path,
           outcome->segment, outcome->offset, outcome->number);
  const struct buf *message = &fixture->failure.message;
  if (memmem(message->data, message->size, expected, strlen(expected)) != NULL) return;
  fail_msg("expected: %s\ngot:      %.*s", expected, (int)message->size, (char *)message->data);
}

/* Puts a damaged log into the folder, opens it, and holds what comes of it against the model. */
static void assert_recovery(struct fixture *fixture, const struct files *now, const struct files *was) {
  const struct outcome outcome = foresee(fixture, now, was);
  const uint64_t last = fixture->last, after = fixture->after;
  restore_files(fixture, now);
  memset(fixture->lines, 0, sizeof fixture->lines);
  enum err verified = open_or_verify(fixture, true);
  assert_unchanged(fixture, now);
  enum err opened = open_or_verify(fixture, false);
  assert_int_equal(verified, opened);
  assert_int_equal(opened, outcome.reported ? ERR_REQUEST : ERR_NONE);
  assert_int_equal(fixture->lines[LOG_INFO], !outcome.reported && outcome.tail);
  if (outcome.reported) {
    assert_reported(fixture, &outcome);
    assert_unchanged(fixture, now);
    assert_null(fixture->log);
    return;
  }
  assert_int_equal(log_last(fixture->log), outcome.last);
  assert_int_equal(fixture->visited, outcome.last);
  fixture->last = fixture->synced = outcome.last;
  struct batch kept[2] = { fixture->batches[outcome.last + 1], fixture->batches[outcome.last + 2] };
  memset(&fixture->batches[outcome.last + 1], 0, sizeof kept);
  append_synced(fixture, chance_below(&fixture->chance, 60));
  assert_int_equal(append(fixture, chance_below(&fixture->chance, 300)), ERR_NONE);
  reopen(fixture);
  assert_int_equal(fixture->last, outcome.last + 2);
  assert_int_equal(fixture->lines[LOG_INFO], outcome.tail);
  for (size_t i = 0; i < 2; i++) {
    free(fixture->batches[outcome.last + 1 + i].bytes);
    fixture->batches[outcome.last + 1 + i] = kept[i];
  }
  fixture->last = last;
  fixture->after = after;
}

/* Three segments; of the last batches nothing tells that they were synced. */
static void make_log(struct fixture *fixture, struct files *files) {
  fixture->config.segment_bytes = 200;
  reopen(fixture);
  static const size_t sizes[] = { 20, 0, 60, 30, 100, 7, 33, 1, 12 };
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    assert_int_equal(append(fixture, sizes[i]), ERR_NONE);
    if (i != 1 && i < 7) assert_int_equal(sync_log(fixture), ERR_NONE);
  }
  log_close(fixture->log);
  fixture->log = NULL;
  save_files(fixture, files);
  assert_int_equal(files->count, 3);
  remember_places(fixture, files);
  assert_int_equal(fixture->batches[9].synced, 7);
}

static void each_cut_is_recovered_or_reported(void **state) {
  static struct files was, now;
  struct fixture *fixture = *state;
  make_log(fixture, &was);
  fixture->chance = chance_begin("each_cut_is_recovered_or_reported");
  for (size_t i = 0; i < was.count; i++) {
    for (size_t size = 0; size < was.files[i].size; size++) {
      now = was;
      now.files[i].size = size;
      fixture->after = chance_below(&fixture->chance, 2) == 0 ? 0 : chance_below(&fixture->chance, 10);
      assert_recovery(fixture, &now, &was);
    }
  }
}

static void each_flipped_byte_is_recovered_or_reported(void **state) {
  static struct files was, now;
  struct fixture *fixture = *state;
  make_log(fixture, &was);
  fixture->chance = chance_begin("each_flipped_byte_is_recovered_or_reported");
  for (size_t i = 0; i < was.count; i++) {
    for (size_t at = 0; at < was.files[i].size; at++) {
      now = was;
      now.files[i].bytes[at] ^= (uint8_t)(1 + chance_below(&fixture->chance, 255));
      fixture->after = chance_below(&fixture->chance, 2) == 0 ? 0 : chance_below(&fixture->chance, 10);
      assert_recovery(fixture, &now, &was);
    }
  }
}

/* Zeros, garbage, a cut, more zeros at the end, a segment that is gone; several at once. */
static void damage_some(struct chance *chance, struct files *now) {
  for (size_t count = 1 + chance_below(chance, 3); count > 0 && now->count > 0; count--) {
    size_t i = chance_below(chance, now->count);
    struct file *file = &now->files[i];
    size_t at = chance_below(chance, file->size + 1), size = chance_below(chance, file->size - at + 1);
    switch (chance_below(chance, 8)) {
      case 0:
        memmove(file, file + 1, (now->count - i - 1) * sizeof *file);
        now->count--;
        break;
      case 1: file->size = at; break;
      case 2: memset(file->bytes + at, 0, size); break;
      case 3: memset(file->bytes + at, 0, file->size - at); break;
      case 4: file->size += chance_below(chance, 60); break;
      default:
        if (size > 40) size = chance_below(chance, 40);
        for (size_t j = 0; j < size; j++) file->bytes[at + j] = (uint8_t)chance_next(chance);
    }
  }
}

static void any_damage_is_recovered_or_reported(void **state) {
  static struct files was, now;
  struct fixture *fixture = *state;
  make_log(fixture, &was);
  fixture->chance = chance_begin("any_damage_is_recovered_or_reported");
  size_t reported = 0, opened = 0;
  for (int i = 0; i < 1500; i++) {
    now = was;
    damage_some(&fixture->chance, &now);
    fixture->after = chance_below(&fixture->chance, 2) == 0 ? 0 : chance_below(&fixture->chance, 10);
    assert_recovery(fixture, &now, &was);
    if (fixture->log == NULL) reported++;
    else opened++;
  }
  assert_true(reported > 100 && opened > 100);
}

/* ---- what a crash leaves --------------------------------------------------------------------------------- */

/* The third batch is lost and the fourth is whole, neither was synced: a new third one must not bring the fourth back. */
static void what_was_dropped_never_comes_back(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 10);
  append_synced(fixture, 20);
  for (int i = 0; i < 2; i++) assert_int_equal(append(fixture, 30), ERR_NONE);
  change_byte(fixture, "0000000000000001", 3 * LOG_RECORD_HEAD + 40);
  reopen(fixture);
  assert_int_equal(fixture->last, 2);
  assert_int_equal(fixture->lines[LOG_INFO], 1);
  append_synced(fixture, 30);
  reopen(fixture);
  assert_int_equal(fixture->last, 3);
  assert_int_equal(fixture->lines[LOG_INFO], 1);
}

/* A body that begins with the head of a record, sealed as it should be, which says that all before it was synced. */
static void append_forged(struct fixture *fixture, uint64_t number) {
  uint8_t bytes[2 * LOG_RECORD_HEAD + 1] = { 0 };
  log_record_seal(bytes + LOG_RECORD_HEAD, LOG_RECORD_HEAD, number, number - 1);
  struct buf record = { 0 };
  buf_put(&record, slice_of(bytes, sizeof bytes));
  assert_int_equal(log_append(fixture->log, &record), ERR_NONE);
  buf_done(&record);
}

static void a_body_proves_nothing(void **state) {
  struct fixture *fixture = *state;
  const char *name = "0000000000000001";
  const size_t second = LOG_RECORD_HEAD + 10;
  reopen(fixture);
  append_synced(fixture, 10);
  append_forged(fixture, 3);   /* its own head is whole, and so tells where its body ends */
  change_byte(fixture, name, second + 2 * LOG_RECORD_HEAD);
  reopen(fixture);
  assert_int_equal(fixture->last, 1);
  append_forged(fixture, 100);   /* its own head is gone, but there is no room for so many records */
  change_byte(fixture, name, second + 8);
  reopen(fixture);
  assert_int_equal(fixture->last, 1);
  append_forged(fixture, 100);
  append_forged(fixture, 4);   /* in a record that is whole */
  change_byte(fixture, name, second + 8);
  reopen(fixture);
  assert_int_equal(fixture->last, 1);
  assert_int_equal(fixture->lines[LOG_INFO], 3);
}

static void a_segment_that_was_just_begun_is_fine(void **state) {
  struct fixture *fixture = *state;
  static const uint8_t bytes[SEGMENT_BYTES] = { 0 }, garbage[100] = { [3] = 7, [90] = 1 };
  static const struct { const void *bytes; size_t size; } begun[] = {
    { bytes, 0 }, { bytes, 20 }, { bytes, 100 }, { bytes, SEGMENT_BYTES }, { garbage, 5 }, { garbage, 100 },
  };
  char name[17];
  reopen(fixture);
  for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++) {
    write_file(fixture, name_of(fixture->last + 1, name), begun[i].bytes, begun[i].size);
    uint64_t last = fixture->last;
    reopen(fixture);
    assert_int_equal(fixture->last, last);
    assert_int_equal(append(fixture, 50), ERR_NONE);
    reopen(fixture);
    assert_int_equal(fixture->last, last + 1);
    assert_int_equal(file_size(fixture, name), begun[i].size < 78 ? 78 : begun[i].size);
  }
  assert_int_equal(fixture->lines[LOG_INFO], 2);
}

static void what_was_half_made_is_removed(void **state) {
  struct fixture *fixture = *state;
  static const char *const names[] = { "spare", "spare.new", "0000000000000003.new" };
  static const char *const others[] = { "00000000000000ff0", "000000000000000G", "0000000000000000", "notes", ".new" };
  reopen(fixture);
  append_synced(fixture, 10);
  for (size_t i = 0; i < 3; i++) write_file(fixture, names[i], "garbage", 7);
  for (size_t i = 0; i < 5; i++) write_file(fixture, others[i], "garbage", 7);
  reopen(fixture);
  assert_int_equal(fixture->last, 1);
  for (size_t i = 0; i < 3; i++) assert_int_equal(file_size(fixture, names[i]), -1);
  for (size_t i = 0; i < 5; i++) assert_int_equal(file_size(fixture, others[i]), 7);
}

/* Of a log that ends before what the store holds nothing is missing, and it goes on with the number after that. */
static void batches_that_the_store_holds_may_be_missing(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  for (int i = 0; i < 3; i++) append_synced(fixture, 10);
  for (int i = 0; i < 3; i++) {
    fixture->after += 5;
    fixture->last = fixture->synced = fixture->after;
    reopen(fixture);
    assert_int_equal(log_last(fixture->log), fixture->after);
    assert_int_equal(append(fixture, 10), ERR_NONE);
    reopen(fixture);
    assert_int_equal(log_last(fixture->log), fixture->after + 1);
  }
  assert_int_equal(file_size(fixture, "0000000000000006"), SEGMENT_BYTES);
  assert_int_equal(file_size(fixture, "0000000000000010"), SEGMENT_BYTES);
  clear_folder(fixture);
  fixture->after = 100;
  fixture->last = fixture->synced = 100;
  reopen(fixture);
  append_synced(fixture, 10);
  assert_int_equal(file_size(fixture, "0000000000000065"), SEGMENT_BYTES);
}

static void one_batch_in_two_segments_is_reported(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 10);
  append_synced(fixture, 10);
  write_file(fixture, "0000000000000002", "", 0);
  assert_int_equal(open_or_verify(fixture, false), ERR_REQUEST);
  assert_reported(fixture, &(struct outcome){ .segment = 2, .number = 2 });
}

/* A record that is whole and holds another batch than its place says. */
static void a_record_in_the_wrong_place_does_not_count(void **state) {
  static struct files files;
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 10);
  save_files(fixture, &files);
  write_file(fixture, "0000000000000002", files.files[0].bytes, files.files[0].size);
  reopen(fixture);
  assert_int_equal(fixture->last, 1);
  assert_int_equal(fixture->lines[LOG_INFO], 1);
}

/* ---- recovery that fails --------------------------------------------------------------------------------- */

/* Every write and sync of recovery fails in turn; then it succeeds. */
static void a_recovery_that_fails_is_made_again(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 10);
  static const struct faults faults[] = {
    { .write_next = 1 }, { .write_next = 1, .write_skip = 1 }, { .sync_next = 1 }, { .sync_next = 1, .sync_skip = 1 },
  };
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    assert_int_equal(append(fixture, 20), ERR_NONE);
    change_byte(fixture, "0000000000000001", 2 * LOG_RECORD_HEAD + 12);
    fixture->faults = faults[i];
    assert_int_equal(open_or_verify(fixture, false), ERR_REQUEST);
    assert_null(fixture->log);
    assert_int_equal(fixture->faults.write_next + fixture->faults.sync_next, 0);
    reopen(fixture);
    assert_int_equal(fixture->last, 1);
  }
}

/* A batch whose sync failed can be read after that, and yet may not be on the disk: it has to be written again. */
static void what_may_not_be_synced_is_written_again(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  append_synced(fixture, 10);
  append_synced(fixture, 20);
  assert_int_equal(append(fixture, 30), ERR_NONE);
  fixture->faults = (struct faults){ .sync_next = 1 };
  assert_int_equal(sync_log(fixture), ERR_FATAL);
  fixture->faults = (struct faults){ .write_next = 1, .write_part = 1, .write_errno = EIO };
  assert_int_equal(open_or_verify(fixture, false), ERR_REQUEST);
  assert_int_equal(fixture->faults.write_next, 0);
  reopen(fixture);
  assert_int_equal(fixture->last, 3);
}

static enum err refuse_third(void *context, uint64_t number, struct slice body) {
  (void)context, (void)body;
  return number == 3 ? ERR_MEMORY : ERR_NONE;
}

static void what_cannot_be_taken_in_ends_the_opening(void **state) {
  struct fixture *fixture = *state;
  reopen(fixture);
  for (int i = 0; i < 4; i++) append_synced(fixture, 300);
  log_close(fixture->log);
  const struct log_visitor visitor = { refuse_third, NULL };
  assert_int_equal(log_open(&fixture->config, 0, &visitor, &fixture->log, &fixture->failure), ERR_MEMORY);
  assert_null(fixture->log);
  uint64_t last;
  assert_int_equal(log_verify(&fixture->config, 0, &visitor, &last, &fixture->failure), ERR_MEMORY);
  assert_int_equal(log_verify(&fixture->config, 3, &visitor, &last, &fixture->failure), ERR_NONE);
  unsigned long k = 1;
  for (;; k++) {
    mem_fail_at(k);
    enum err err = open_or_verify(fixture, true);
    if (!mem_has_failed()) break;
    assert_int_equal(err, ERR_MEMORY);
  }
  mem_fail_at(0);
  assert_true(k > 2);
  fixture->config.path = "/nowhere/log";
  assert_int_equal(open_or_verify(fixture, false), ERR_REQUEST);
  assert_int_equal(open_or_verify(fixture, true), ERR_REQUEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(each_cut_is_recovered_or_reported),
    TEST(each_flipped_byte_is_recovered_or_reported),
    TEST(any_damage_is_recovered_or_reported),
    TEST(what_was_dropped_never_comes_back),
    TEST(a_body_proves_nothing),
    TEST(a_segment_that_was_just_begun_is_fine),
    TEST(what_was_half_made_is_removed),
    TEST(batches_that_the_store_holds_may_be_missing),
    TEST(one_batch_in_two_segments_is_reported),
    TEST(a_record_in_the_wrong_place_does_not_count),
    TEST(a_recovery_that_fails_is_made_again),
    TEST(what_may_not_be_synced_is_written_again),
    TEST(what_cannot_be_taken_in_ends_the_opening),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
