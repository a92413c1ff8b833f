/* base_test.c -- errors, memory, buffers, failures, characters, log lines, clocks and files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/disk.h"
#include "base/failure.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/utf8.h"

static void assert_bytes(struct slice got, const char *expected) {
  assert_int_equal(got.size, strlen(expected));
  if (got.size > 0) assert_memory_equal(got.data, expected, got.size);
}

static void err_has_codes_and_statuses(void **state) {
  (void)state;
  assert_string_equal(err_code(ERR_KEY), "invalid_key");
  assert_int_equal(err_status(ERR_KEY), 400);
  assert_string_equal(err_code(ERR_DEADLOCK), "deadlock");
  assert_int_equal(err_status(ERR_DEADLOCK), 508);
  assert_int_equal(err_status(ERR_NONE), 200);
  assert_int_equal(err_status(ERR_NOT_FOUND), 500);
  assert_true(err_is_reserved("timeout"));
  assert_true(err_is_reserved("invalid_request"));
  assert_true(err_is_reserved("deadlock"));
  assert_false(err_is_reserved("user_error"));
  assert_false(err_is_reserved("insufficient_funds"));
  assert_false(err_is_reserved("none"));
}

static void mem_fails_once_where_it_is_told_to(void **state) {
  (void)state;
  mem_fail_at(2);
  void *first = mem_try_alloc(8);
  assert_non_null(first);
  assert_false(mem_has_failed());
  assert_null(mem_try_resize(first, 100));
  assert_true(mem_has_failed());
  first = mem_try_resize(first, 100);
  assert_non_null(first);
  mem_fail_at(1);
  void *certain = mem_alloc(8);   /* these neither fail nor count */
  assert_non_null(certain);
  assert_null(mem_try_zero(8));
  mem_fail_at(0);
  assert_false(mem_has_failed());
  mem_free(first);
  mem_free(certain);
  mem_free(NULL);
}

static void buf_grows_and_keeps_its_bytes(void **state) {
  (void)state;
  struct buf buf = { 0 };
  buf_put(&buf, slice_of(NULL, 0));
  assert_null(buf.data);
  for (int i = 0; i < 1000; i++) buf_put_byte(&buf, (uint8_t)i);
  for (int i = 0; i < 1000; i++) assert_int_equal(buf.data[i], (uint8_t)i);
  buf_clear(&buf);
  buf_put_u32(&buf, 0x01020304);
  buf_put_u64(&buf, 0xf102030405060708u);
  assert_int_equal(buf.size, 12);
  assert_int_equal(buf.data[0], 1);
  assert_true(read_u32(buf.data) == 0x01020304);
  assert_true(read_u64(buf.data + 4) == 0xf102030405060708u);
  struct buf other = { 0 };
  buf_put_text(&other, "gone");
  buf_move(&other, &buf);
  assert_int_equal(other.size, 12);
  assert_int_equal(buf.size, 0);
  assert_null(buf.data);
  buf_done(&other);
  buf_done(&buf);
}

static void buf_stops_at_its_limit(void **state) {
  (void)state;
  struct buf buf;
  buf_init(&buf, 10);
  buf_put_text(&buf, "0123456789");
  assert_int_equal(buf.err, ERR_NONE);
  buf_put_byte(&buf, 'x');
  assert_int_equal(buf.err, ERR_TOO_LARGE);
  buf_done(&buf);
  buf_init(&buf, 10);
  buf_printf(&buf, "%s", "0123456789");   /* its end of the string does not count */
  assert_int_equal(buf.err, ERR_NONE);
  assert_bytes(buf_slice(&buf), "0123456789");
  buf_done(&buf);
  buf_init(&buf, 10);
  buf_put_text(&buf, "abc");
  buf_printf(&buf, "%08d", 1);
  assert_int_equal(buf.err, ERR_TOO_LARGE);
  buf_put_text(&buf, "d");
  assert_bytes(buf_slice(&buf), "abc");
  assert_null(buf_try_reserve(&buf, 1));
  buf_clear(&buf);
  assert_null(buf_try_reserve(&buf, SIZE_MAX));
  buf_done(&buf);
  assert_null(buf_try_reserve(&buf, SIZE_MAX));
  buf_done(&buf);
}

static void buf_leaves_no_limit_to_its_next_user(void **state) {
  (void)state;
  struct buf buf, other = { 0 };
  buf_init(&buf, 4);
  buf_put_text(&buf, "12345");
  assert_int_equal(buf.err, ERR_TOO_LARGE);
  buf_clear(&buf);
  buf_put_text(&buf, "12345");
  assert_int_equal(buf.err, ERR_NONE);
  buf.size_max = 6;
  buf_move(&other, &buf);
  buf_put_text(&buf, "1234567");
  assert_int_equal(buf.err, ERR_NONE);
  buf_put_text(&other, "67");
  assert_int_equal(other.err, ERR_TOO_LARGE);
  buf_done(&buf);
  buf_done(&other);
}

static void buf_remembers_want_of_memory(void **state) {
  (void)state;
  struct buf buf = { 0 };
  buf_put_text(&buf, "kept");
  mem_fail_at(1);
  for (int i = 0; i < 100; i++) buf_printf(&buf, "%d", i);
  assert_true(mem_has_failed());
  assert_int_equal(buf.err, ERR_MEMORY);
  assert_true(buf.size >= 4 && buf.size <= 64);
  assert_memory_equal(buf.data, "kept0123", 8);
  buf_done(&buf);
}

static void buf_prints_more_than_it_has_room_for(void **state) {
  (void)state;
  struct buf buf = { 0 };
  char text[1001];
  memset(text, 'a', 1000);
  text[1000] = 0;
  buf_printf(&buf, "%s-%d", text, 7);
  assert_int_equal(buf.size, 1002);
  assert_memory_equal(buf.data + 998, "aa-7", 4);
  buf_done(&buf);
}

static void utf8_is_what_the_standard_says(void **state) {
  (void)state;
  static const char *const good[] = { "", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                      "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
  static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                     "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                                     "\xc2", "\xe0\xa0", "\xf0\x90\x80", "\xc2\x41", "\xf8\x88\x80\x80\x80" };
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(utf8_is_valid(slice_text(good[i])));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(utf8_is_valid(slice_text(bad[i])));
  assert_int_equal(utf8_valid_size(slice_text("ab\xc3\xb1\xff")), 4);
  assert_int_equal(utf8_cut(slice_text("ab\xc3\xb1z"), 3), 2);
  assert_int_equal(utf8_cut(slice_text("ab\xc3\xb1z"), 4), 4);
  assert_int_equal(utf8_cut(slice_text("abc"), 8), 3);
  assert_int_equal(utf8_cut(slice_text("\x80\x80\x80\x80\x80\x80"), 5), 5);
}

static void failure_keeps_the_first(void **state) {
  (void)state;
  struct failure failure = { 0 };
  assert_int_equal(failure_set(&failure, ERR_KEY, "no %s", "key"), ERR_KEY);
  assert_int_equal(failure_set(&failure, ERR_TIMEOUT, "late"), ERR_KEY);
  assert_int_equal(failure.err, ERR_KEY);
  assert_bytes(buf_slice(&failure.message), "no key");
  assert_bytes(failure_code(&failure), "invalid_key");
  struct failure other = { 0 };
  failure_set(&other, ERR_USER, "mine");
  buf_put_text(&other.code, "insufficient_funds");
  assert_bytes(failure_code(&other), "insufficient_funds");
  failure_move(&failure, &other);
  assert_int_equal(other.err, ERR_NONE);
  assert_int_equal(failure.err, ERR_USER);
  assert_bytes(buf_slice(&failure.message), "mine");
  failure_clear(&failure);
  assert_int_equal(failure.err, ERR_NONE);
  assert_int_equal(failure.code.size, 0);
  mem_fail_at(1);
  assert_int_equal(failure_set(&other, ERR_KEY, "no room for words"), ERR_KEY);
  assert_int_equal(other.message.size, 0);
  failure_done(&failure);
  failure_done(&other);
}

static void failure_cuts_long_messages_between_characters(void **state) {
  (void)state;
  struct buf text = { 0 };
  buf_put_text(&text, "ab");   /* so that the cut would go through a character */
  for (int i = 0; i < 3000; i++) buf_put_text(&text, "\xc3\xb1");
  struct failure failure = { 0 };
  failure_set_text(&failure, ERR_INTERNAL, buf_slice(&text));
  assert_int_equal(failure.message.size, FAILURE_MESSAGE_MAX - 1);
  assert_true(utf8_is_valid(buf_slice(&failure.message)));
  assert_memory_equal(failure.message.data + FAILURE_MESSAGE_MAX - 6, "\xc3\xb1...", 5);
  failure_clear(&failure);
  failure_set(&failure, ERR_INTERNAL, "%.*s", (int)text.size, (char *)text.data);
  assert_int_equal(failure.message.size, FAILURE_MESSAGE_MAX - 1);
  assert_true(utf8_is_valid(buf_slice(&failure.message)));
  failure_clear(&failure);
  failure_set_text(&failure, ERR_INTERNAL, slice_of(text.data, FAILURE_MESSAGE_MAX));
  assert_int_equal(failure.message.size, FAILURE_MESSAGE_MAX);
  assert_int_equal(failure.message.data[FAILURE_MESSAGE_MAX - 3], 0xb1);
  failure_done(&failure);
  buf_done(&text);
}

static void keep_line(void *context, enum log_level level, struct slice line) {
  (void)level;
  buf_put(context, line);
}

struct log_spec {
  struct clock clock;
  struct buf lines;
  struct logger logger;
};

static void log_spec_init(struct log_spec *spec) {
  memset(spec, 0, sizeof *spec);
  clock_init_manual(&spec->clock, INT64_C(1795468980123456789));
  spec->logger = (struct logger){
    .clock = &spec->clock, .level_min = LOG_INFO, .write = keep_line, .context = &spec->lines,
  };
}

#define HEAD "2026-11-23T21:23:00.123Z "

static void logger_writes_a_line_an_event(void **state) {
  (void)state;
  struct log_spec spec;
  log_spec_init(&spec);
  struct log_field fields[] = { { "actor", slice_text("Counter/ann") },   { "empty", slice_text("") },
                                { "text", slice_text("a \"b\" c\\d") },   { "equal", slice_text("a=b") },
                                { "back", slice_text("a\\b") },           { "lines", slice_text("x\ny") } };
  logger_event(&spec.logger, LOG_WARN, slice_text("two words"), fields, 6);
  assert_bytes(buf_slice(&spec.lines), HEAD "warn two words actor=Counter/ann empty=\"\" text=\"a \\\"b\\\" c\\\\d\" "
                                            "equal=\"a=b\" back=a\\b lines=\"x\\ny\"\n");
  buf_clear(&spec.lines);
  logger_printf(&spec.logger, LOG_DEBUG, "not asked for");
  assert_int_equal(spec.lines.size, 0);
  logger_printf(&spec.logger, LOG_ERROR, "%d of %s", 3, "four");
  assert_bytes(buf_slice(&spec.lines), HEAD "error 3 of four\n");
  buf_clear(&spec.lines);
  clock_init_manual(&spec.clock, -1);
  logger_printf(&spec.logger, LOG_INFO, "before");
  assert_bytes(buf_slice(&spec.lines), "1969-12-31T23:59:59.999Z info before\n");
  buf_done(&spec.lines);
}

static void logger_lets_nothing_be_forged(void **state) {
  (void)state;
  struct log_spec spec;
  log_spec_init(&spec);
  static const char text[] = "a\nb\r\t\x1b[31m\0\x7f\xc2\x9b\xff\xc3\xb1\xe2\x80\xa8";
  logger_event(&spec.logger, LOG_INFO, slice_of(text, sizeof text - 1), NULL, 0);
  assert_bytes(buf_slice(&spec.lines),
               HEAD "info a\\nb\\r\\t\\x1b[31m\\x00\\x7f\\xc2\\x9b\\xff\xc3\xb1\\xe2\\x80\\xa8\n");
  buf_clear(&spec.lines);
  /* Every byte and every character of two bytes: one line, valid, without controls. */
  for (unsigned code = 0; code < 0x800; code++) {
    uint8_t bytes[2] = { (uint8_t)(code < 0x100 ? code : 0xc0 | code >> 6), (uint8_t)(0x80 | (code & 0x3f)) };
    struct log_field field = { "f", slice_of(bytes, code < 0x100 ? 1 : 2) };
    buf_clear(&spec.lines);
    logger_event(&spec.logger, LOG_INFO, field.value, &field, 1);
    assert_true(utf8_is_valid(buf_slice(&spec.lines)));
    for (size_t i = 0; i + 1 < spec.lines.size; i++) {
      assert_true(spec.lines.data[i] >= 0x20 && spec.lines.data[i] != 0x7f);
    }
    assert_int_equal(spec.lines.data[spec.lines.size - 1], '\n');
  }
  buf_done(&spec.lines);
}

static void logger_cuts_what_is_too_long(void **state) {
  (void)state;
  struct log_spec spec;
  log_spec_init(&spec);
  struct buf text = { 0 };
  for (int i = 0; i < 20000; i++) buf_put_byte(&text, '\n');
  struct log_field fields[] = { { "actor", slice_text("Counter/ann") }, { "trace", buf_slice(&text) } };
  logger_event(&spec.logger, LOG_ERROR, buf_slice(&text), fields, 2);
  assert_true(spec.lines.size <= LOGGER_LINE_MAX && spec.lines.size > LOGGER_LINE_MAX - 8);
  assert_memory_equal(spec.lines.data + spec.lines.size - 6, "\\n...\n", 6);
  buf_put_byte(&spec.lines, 0);
  assert_non_null(strstr((char *)spec.lines.data, "... actor=Counter/ann trace=\""));
  buf_done(&text);
  buf_done(&spec.lines);
}

static void logger_writes_to_standard_error(void **state) {
  (void)state;
  int ends[2];
  char got[256] = { 0 };
  struct clock clock;
  clock_init_manual(&clock, 0);
  struct logger logger = { .clock = &clock };
  assert_int_equal(pipe(ends), 0);
  int before = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  logger_printf(&logger, LOG_DEBUG, "hello");
  dup2(before, STDERR_FILENO);
  assert_int_equal(read(ends[0], got, sizeof got - 1), 37);
  assert_string_equal(got, "1970-01-01T00:00:00.000Z debug hello\n");
  close(ends[0]);
  close(ends[1]);
  close(before);
}

static void clock_stands_until_it_is_advanced(void **state) {
  (void)state;
  struct clock clock;
  clock_init_manual(&clock, 1000);
  assert_true(clock_unix_ns(&clock) == 1000);
  int64_t before = clock_monotonic_ns(&clock);
  clock_advance(&clock, 500);
  assert_true(clock_unix_ns(&clock) == 1500);
  assert_true(clock_monotonic_ns(&clock) - before == 500);
  clock_init(&clock);
  assert_true(clock_unix_ns(&clock) > INT64_C(1600000000000000000));
  before = clock_monotonic_ns(&clock);
  int64_t cpu_before = clock_thread_cpu_ns(&clock);
  while (clock_thread_cpu_ns(&clock) == cpu_before) continue;
  assert_true(clock_monotonic_ns(&clock) >= before);
  assert_true(clock_work_ns(&clock) >= before);
}

static void the_wall_clock_jumps_alone(void **state) {
  (void)state;
  struct clock clock;
  clock_init_manual(&clock, 1000);
  clock_jump(&clock, -900);
  assert_true(clock_unix_ns(&clock) == 100);
  assert_true(clock_monotonic_ns(&clock) == 1000 && clock_boottime_ns(&clock) == 1000);
  clock_advance(&clock, 50);
  assert_true(clock_unix_ns(&clock) == 150);
  assert_true(clock_monotonic_ns(&clock) == 1050 && clock_boottime_ns(&clock) == 1050);
  clock_jump(&clock, 5000);
  assert_true(clock_unix_ns(&clock) == 5150);
  assert_true(clock_monotonic_ns(&clock) == 1050 && clock_boottime_ns(&clock) == 1050);
  clock_init(&clock);
  int64_t before = clock_boottime_ns(&clock);
  assert_true(clock_boottime_ns(&clock) >= before);
}

/* However long it takes between two looks. */
static void processor_time_of_a_manual_clock_is_counted(void **state) {
  (void)state;
  struct clock system, clock;
  clock_init(&system);
  clock_init_manual(&clock, 1000);
  int64_t before = clock_thread_cpu_ns(&clock), begin = clock_thread_cpu_ns(&system);
  while (clock_thread_cpu_ns(&system) == begin) continue;
  assert_true(clock_thread_cpu_ns(&clock) == before);
  clock_pace(&clock, 70);
  assert_true(clock_work_ns(&clock) == before);
  assert_true(clock_thread_cpu_ns(&clock) == before + 70);
  assert_true(clock_thread_cpu_ns(&clock) == before + 140);
  clock_advance(&clock, 500);
  assert_true(clock_work_ns(&clock) == before + 140);
  assert_true(clock_unix_ns(&clock) == 1500);
  clock_pace(&clock, 0);
  assert_true(clock_thread_cpu_ns(&clock) == before + 140);
}

/* A folder of its own for each test that needs one. */
static int folder_begin(void **state) {
  char *path = strdup("/tmp/troupe-base-XXXXXX");
  if (path == NULL || mkdtemp(path) == NULL) return -1;
  *state = path;
  return 0;
}

static int folder_end(void **state) {
  char command[PATH_MAX + 16];
  snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
  free(*state);
  return system(command);
}

static const char *in_folder(void **state, char *path, const char *name) {
  snprintf(path, PATH_MAX, "%s/%s", (char *)*state, name);
  return path;
}

static void disk_makes_folders(void **state) {
  char path[PATH_MAX];
  struct stat status;
  assert_int_equal(disk_make_folder(in_folder(state, path, "new")), 0);
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0700);
  assert_int_equal(disk_make_folder(path), 0);
  assert_int_equal(disk_make_folder(in_folder(state, path, "slash//")), 0);
  assert_int_equal(disk_make_folder(in_folder(state, path, "a/b")), ENOENT);
  assert_int_equal(disk_write_file(in_folder(state, path, "file"), slice_text("x"), 0600), 0);
  assert_int_equal(disk_make_folder(path), ENOTDIR);
  assert_int_equal(disk_sync_folder(path), ENOTDIR);
  assert_int_equal(disk_make_folder(""), ENOENT);
}

static void disk_writes_and_reads_files(void **state) {
  char path[PATH_MAX], other[PATH_MAX];
  struct stat status;
  struct buf content = { 0 };
  buf_put_text(&content, "before,");
  assert_int_equal(disk_read_file(in_folder(state, path, "file"), 100, &content), ENOENT);
  assert_int_equal(disk_write_file(path, slice_text("first"), 0600), 0);
  assert_int_equal(disk_write_file(path, slice_text("second"), 0600), 0);
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_int_equal(disk_read_file(path, 5, &content), EFBIG);
  assert_bytes(buf_slice(&content), "before,");
  assert_int_equal(disk_read_file(path, 6, &content), 0);
  assert_bytes(buf_slice(&content), "before,second");
  assert_int_equal(access(in_folder(state, other, "file.new"), F_OK), -1);
  struct buf none = { 0 };
  mem_fail_at(1);
  assert_int_equal(disk_read_file(path, 100, &none), ENOMEM);
  assert_true(mem_has_failed());
  buf_init(&none, 5);
  assert_int_equal(disk_read_file(path, 100, &none), EFBIG);
  buf_init(&none, 6);
  assert_int_equal(disk_read_file(path, 6, &none), 0);
  buf_done(&none);
  buf_clear(&content);
  assert_int_equal(disk_read_file(*state, 100, &content), EINVAL);
  assert_int_equal(mkfifo(in_folder(state, path, "fifo"), 0600), 0);
  assert_int_equal(disk_read_file(path, 100, &content), EINVAL);
  assert_int_equal(disk_write_file(in_folder(state, path, "no/file"), slice_text("x"), 0600), ENOENT);
  buf_done(&content);
}

static void disk_locks_against_this_process_too(void **state) {
  char path[PATH_MAX];
  int first, second;
  assert_int_equal(disk_lock(in_folder(state, path, "LOCK"), &first), 0);
  assert_int_equal(disk_lock(path, &second), EWOULDBLOCK);
  assert_int_equal(second, -1);
  disk_unlock(&first);
  assert_int_equal(first, -1);
  assert_int_equal(disk_lock(path, &second), 0);
  disk_unlock(&second);
  disk_unlock(&second);
}

static void faults_are_used_up(void **state) {
  (void)state;
  struct faults faults = { .write_next = 2 };
  assert_false(faults_take_sync(&faults));
  assert_true(faults_take_write(&faults));
  assert_true(faults_take_write(&faults));
  assert_false(faults_take_write(&faults));
  faults.sync_next = 1;
  assert_true(faults_take_sync(&faults));
  assert_false(faults_take_sync(&faults));
  faults = (struct faults){ .write_next = 1, .write_skip = 2, .sync_skip = 1 };
  assert_false(faults_take_write(&faults));
  assert_false(faults_take_sync(&faults));
  assert_false(faults_take_write(&faults));
  assert_true(faults_take_write(&faults));
  assert_false(faults_take_write(&faults));
  faults.sync_next = 1;
  assert_false(faults_take_sync(&faults));
  assert_true(faults_take_sync(&faults));
}

static void disk_changes_open_files(void **state) {
  char path[PATH_MAX];
  struct buf content = { 0 };
  struct faults faults = { 0 };
  int fd = open(in_folder(state, path, "file"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(disk_write_at(fd, 2, slice_text("middle"), &faults), 0);
  assert_int_equal(disk_zero_at(fd, 4, 100000, NULL), 0);
  assert_int_equal(disk_truncate(fd, 5, &faults), 0);
  faults = (struct faults){ .write_next = 3, .write_skip = 1, .write_part = 1, .write_errno = EIO };
  assert_int_equal(disk_write_at(fd, 0, slice_text("<"), &faults), 0);
  assert_int_equal(disk_write_at(fd, 1, slice_text("xy"), &faults), EIO);
  assert_int_equal(disk_zero_at(fd, 2, 2, &faults), EIO);
  assert_int_equal(disk_truncate(fd, 0, &faults), EIO);
  faults = (struct faults){ .write_next = 1, .sync_next = 2, .sync_errno = ENOSPC };
  assert_int_equal(disk_write_at(fd, 0, slice_text("x"), &faults), ENOSPC);
  assert_int_equal(disk_sync(fd, &faults), ENOSPC);
  faults.sync_errno = 0;
  assert_int_equal(disk_sync_data(fd, &faults), EIO);
  assert_int_equal(disk_sync_data(fd, &faults), 0);
  assert_int_equal(disk_sync(fd, &faults), 0);
  for (int i = 0; i < 2; i++) {
    buf_clear(&content);
    assert_int_equal(disk_read_open(fd, 5, &content), 0);
    assert_true(slice_equal(buf_slice(&content), slice_of("<x\0i\0", 5)));
  }
  close(fd);
  buf_done(&content);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(err_has_codes_and_statuses),
    cmocka_unit_test(mem_fails_once_where_it_is_told_to),
    cmocka_unit_test(buf_grows_and_keeps_its_bytes),
    cmocka_unit_test(buf_stops_at_its_limit),
    cmocka_unit_test(buf_leaves_no_limit_to_its_next_user),
    cmocka_unit_test(buf_remembers_want_of_memory),
    cmocka_unit_test(buf_prints_more_than_it_has_room_for),
    cmocka_unit_test(utf8_is_what_the_standard_says),
    cmocka_unit_test(failure_keeps_the_first),
    cmocka_unit_test(failure_cuts_long_messages_between_characters),
    cmocka_unit_test(logger_writes_a_line_an_event),
    cmocka_unit_test(logger_lets_nothing_be_forged),
    cmocka_unit_test(logger_cuts_what_is_too_long),
    cmocka_unit_test(logger_writes_to_standard_error),
    cmocka_unit_test(clock_stands_until_it_is_advanced),
    cmocka_unit_test(the_wall_clock_jumps_alone),
    cmocka_unit_test(processor_time_of_a_manual_clock_is_counted),
    cmocka_unit_test_setup_teardown(disk_makes_folders, folder_begin, folder_end),
    cmocka_unit_test_setup_teardown(disk_writes_and_reads_files, folder_begin, folder_end),
    cmocka_unit_test_setup_teardown(disk_locks_against_this_process_too, folder_begin, folder_end),
    cmocka_unit_test(faults_are_used_up),
    cmocka_unit_test_setup_teardown(disk_changes_open_files, folder_begin, folder_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
