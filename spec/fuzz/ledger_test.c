/* ledger_test.c -- what a log may have become on a disk: changes, records, and whole folders of segments. */
#include "../c/log_fixture.h"
#include "fuzz.h"

#include "ledger/changes.h"
#include "ledger/crc.h"

/* ---- changes --------------------------------------------------------------------------------------------- */

static void put_change(struct buf *changes, const struct change *change) {
  static const uint8_t tags[] = { [CHANGE_PUT] = 1, [CHANGE_DELETE] = 2, [CHANGE_DELETE_RANGE] = 3 };
  buf_put_byte(changes, tags[change->type]);
  buf_put_u32(changes, (uint32_t)change->key.size);
  buf_put_u32(changes, (uint32_t)change->value.size);
  buf_put(changes, change->key);
  buf_put(changes, change->value);
}

static void make_changes(struct fuzz *fuzz) {
  uint8_t key[2000], value[2000];
  if (fuzz_once_in(fuzz, 10)) fuzz_put_random(fuzz, fuzz_size(fuzz));
  for (size_t count = fuzz_below(fuzz, 6); count > 0; count--) {
    struct change change = { .type = CHANGE_PUT, .key = fuzz_text(fuzz, key), .value = fuzz_text(fuzz, value) };
    if (fuzz_once_in(fuzz, 3)) change.key.size = change.key.size > 2 ? 2 : change.key.size;
    if (fuzz_once_in(fuzz, 3)) change.type = CHANGE_DELETE_RANGE;
    if (fuzz_once_in(fuzz, 3)) {
      change.type = CHANGE_DELETE;
      change.value.size = 0;
    }
    put_change(&fuzz->bytes, &change);
  }
  fuzz_mutate(fuzz);
}

/* Whether all are whole. Those before the first that is not are the bytes that they were read from. */
static bool read_changes(struct slice changes) {
  struct buf again = { 0 };
  struct slice rest = changes;
  struct change change;
  while ((change = changes_next(&rest)).type != CHANGE_END && change.type != CHANGE_BROKEN) {
    assert_true(change.type != CHANGE_DELETE || change.value.size == 0);
    put_change(&again, &change);
  }
  fuzz_assert_same(buf_slice(&again), slice_of(changes.data, changes.size - rest.size));
  buf_done(&again);
  size_t left = rest.size;
  assert_int_equal(changes_next(&rest).type, change.type);
  assert_int_equal(rest.size, left);
  assert_int_equal(left == 0, change.type == CHANGE_END);
  return change.type == CHANGE_END;
}

/* What changes lead to can be told in changes, which lead to the same. */
static void assert_applied(struct slice changes, bool are_whole) {
  struct memtable *first = memtable_try_new(), *second = memtable_try_new();
  struct buf told = { 0 }, again = { 0 };
  assert_int_equal(changes_apply(changes, first), are_whole ? ERR_NONE : ERR_STORAGE);
  changes_put_all(&told, first);
  assert_int_equal(changes_apply(buf_slice(&told), second), ERR_NONE);
  changes_put_all(&again, second);
  fuzz_assert_same(buf_slice(&again), buf_slice(&told));
  buf_done(&again);
  buf_done(&told);
  memtable_free(second);
  memtable_free(first);
}

static void changes(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "changes");
  while (fuzz_next(&fuzz)) {
    make_changes(&fuzz);
    struct slice bytes = fuzz_copy(&fuzz);
    bool are_whole = read_changes(bytes);
    assert_applied(bytes, are_whole);
    fuzz.taken += are_whole;
  }
  fuzz_end(&fuzz);
}

/* ---- records --------------------------------------------------------------------------------------------- */

/* A record sealed with whatever numbers, as no writer would. */
static void seal_anyhow(uint8_t *record, size_t size, uint64_t number, uint64_t synced) {
  struct buf head = { 0 };
  buf_put_u32(&head, (uint32_t)(size - LOG_RECORD_HEAD));
  buf_put_u32(&head, crc_end(crc_add(CRC_BEGIN, slice_of(record + LOG_RECORD_HEAD, size - LOG_RECORD_HEAD))));
  buf_put_u64(&head, number);
  buf_put_u64(&head, synced);
  uint32_t crc = crc_end(crc_add(CRC_BEGIN, buf_slice(&head)));
  memcpy(record, head.data, 4);
  for (int i = 0; i < 4; i++) record[4 + i] = (uint8_t)(crc >> (24 - 8 * i));
  memcpy(record + 8, head.data + 4, head.size - 4);
  buf_done(&head);
}

static void records(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "records of the log");
  while (fuzz_next(&fuzz)) {
    struct log_record head = { 0 }, record = { 0 };
    fuzz_put_random(&fuzz, LOG_RECORD_HEAD + fuzz_size(&fuzz));
    seal_anyhow(fuzz.bytes.data, fuzz.bytes.size, fuzz_number(&fuzz), fuzz_number(&fuzz));
    if (fuzz_once_in(&fuzz, 4)) fuzz_put_random(&fuzz, fuzz_size(&fuzz));
    fuzz_mutate(&fuzz);
    struct slice bytes = fuzz_copy(&fuzz);
    bool has_head = log_record_read_head(bytes, &head), is_whole = log_record_read(bytes, &record);
    assert_true(has_head || !is_whole);
    if (is_whole) {
      size_t size = LOG_RECORD_HEAD + record.body.size;
      assert_true(size <= bytes.size && record.body.data == bytes.data + LOG_RECORD_HEAD);
      assert_true(record.number == head.number && record.synced == head.synced && record.synced < record.number);
      log_record_seal(fuzz.bytes.data, size, record.number, record.synced);
      fuzz_assert_same(slice_of(fuzz.bytes.data, size), slice_of(bytes.data, size));
    }
    fuzz.taken += is_whole;
  }
  fuzz_end(&fuzz);
}

/* ---- folders --------------------------------------------------------------------------------------------- */

static void mutate_file(struct fuzz *fuzz, struct file *file) {
  buf_clear(&fuzz->bytes);
  buf_put(&fuzz->bytes, slice_of(file->bytes, file->size));
  fuzz_mutate_once(fuzz);
  file->size = fuzz->bytes.size < FILE_BYTES_MAX ? fuzz->bytes.size : FILE_BYTES_MAX - 1;
  if (file->size > 0) memcpy(file->bytes, fuzz->bytes.data, file->size);
}

/* A segment under another name; one that is there already may have its place taken. */
static void copy_segment(struct fuzz *fuzz, struct files *files, uint64_t last) {
  if (files->count + 2 > FILES_MAX - 1) return;      /* one more will follow */
  size_t from = fuzz_below(fuzz, files->count);
  uint64_t segment = 1 + fuzz_below(fuzz, (size_t)last + 1);
  size_t at = 0;
  while (at < files->count && files->files[at].segment < segment) at++;
  struct file copy = files->files[from];
  copy.segment = segment;
  if (at == files->count || files->files[at].segment != segment) {
    memmove(&files->files[at + 1], &files->files[at], (files->count - at) * sizeof copy);
    files->count++;
  }
  files->files[at] = copy;
}

static void damage_folder(struct fuzz *fuzz, struct files *files, uint64_t last) {
  for (size_t count = fuzz_below(fuzz, 4); count > 0 && files->count > 0; count--) {
    size_t i = fuzz_below(fuzz, files->count), j = fuzz_below(fuzz, files->count);
    struct file *file = &files->files[i];
    switch (fuzz_below(fuzz, 8)) {
      case 0:
        memmove(file, file + 1, (files->count - i - 1) * sizeof *file);
        files->count--;
        break;
      case 1: copy_segment(fuzz, files, last); break;
      case 2: {
        struct file moved = *file;
        *file = files->files[j];
        files->files[j] = moved;
        files->files[j].segment = file->segment;
        file->segment = moved.segment;
        break;
      }
      default: mutate_file(fuzz, file);
    }
  }
}

/* A few segments, of whose batches some were synced as they came. */
static void make_log(struct fuzz *fuzz, struct fixture *fixture) {
  fixture->config.segment_bytes = 450 + fuzz_below(fuzz, 300);
  reopen(fixture);
  for (size_t count = 6 + fuzz_below(fuzz, 13); count > 0; count--) {
    assert_int_equal(append(fixture, fuzz_below(fuzz, count % 6 == 0 ? 400 : 60)), ERR_NONE);
    if (!fuzz_once_in(fuzz, 4)) assert_int_equal(sync_log(fixture), ERR_NONE);
  }
  log_close(fixture->log);
  fixture->log = NULL;
}

/* `visit` of the fixture sees to it that only a prefix of what was appended is ever visited, byte by byte. */
static void assert_prefix_or_report(struct fuzz *fuzz, struct fixture *fixture, const struct files *files) {
  restore_files(fixture, files);
  enum err verified = open_or_verify(fixture, true);
  assert_unchanged(fixture, files);
  enum err opened = open_or_verify(fixture, false);
  assert_int_equal(opened, verified);
  if (opened != ERR_NONE) {
    assert_int_equal(opened, ERR_REQUEST);
    assert_true(fixture->failure.message.size > 0);
    assert_unchanged(fixture, files);
    return;
  }
  fuzz->taken++;
  assert_true(fixture->visited >= fixture->after && fixture->visited <= fixture->last);
  assert_int_equal(log_last(fixture->log), fixture->visited);
  fixture->last = fixture->synced = fixture->visited;
  append_synced(fixture, fuzz_below(fuzz, 60));
  reopen(fixture);
}

static void folders(void **state) {
  static struct files was, now;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "folders of the log");
  while (fuzz_next(&fuzz)) {
    set_up(state);
    struct fixture *fixture = *state;
    fixture->chance.state = random_next(&fuzz.random);
    make_log(&fuzz, fixture);
    save_files(fixture, &was);
    now = was;
    damage_folder(&fuzz, &now, fixture->last);
    fixture->after = fuzz_once_in(&fuzz, 2) ? 0 : fuzz_below(&fuzz, (size_t)fixture->last + 1);
    assert_prefix_or_report(&fuzz, fixture, &now);
    tear_down(state);
  }
  fuzz_end(&fuzz);
}

int main(void) {
  if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);      /* nothing here need last */
  const struct CMUnitTest tests[] = { FUZZ_TEST(changes), FUZZ_TEST(records), FUZZ_TEST(folders) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
