/* store_failure_test.c -- a store whose map or disk is full, or fails: nothing of a batch happened, or no more is written. */
#include "store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void a_full_map_undoes_the_batch(void **state) {
  struct fixture *fixture = *state;
  close_store(fixture);
  open_store(fixture, (size_t)1 << 20);
  put_one(fixture, slice_text("a"), slice_text("1"));
  size_t size = (size_t)300 << 10;
  uint8_t *bytes = calloc(1, size);
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_delete(fixture->store, slice_text("a")), ERR_NONE);
  enum err err = ERR_NONE;
  for (uint8_t i = 0; i < 10 && err == ERR_NONE; i++) err = store_put(fixture->store, slice_of(&i, 1), slice_of(bytes, size));
  assert_int_equal(err, ERR_STORAGE);
  store_abort(fixture->store);
  assert_int_equal(fixture->log.errors, 1);
  struct slice value;
  assert_int_equal(store_get(fixture->reader, slice_text("a"), &value), ERR_NONE);
  assert_int_equal(store_entry_count(fixture->store), 1);
  put_one(fixture, slice_text("b"), slice_of(bytes, size));
  free(bytes);
}

static void a_failing_write_undoes_the_batch(void **state) {
  struct fixture *fixture = *state;
  fixture->faults.write_next = 1;
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("a"), slice_text("1")), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_STORAGE);
  assert_int_equal(store_entry_count(fixture->store), 0);
  put_one(fixture, slice_text("a"), slice_text("2"));
}

static void a_failing_sync_ends_all_writing(void **state) {
  struct fixture *fixture = *state;
  put_one(fixture, slice_text("a"), slice_text("1"));
  fixture->faults.sync_next = 1;
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("a"), slice_text("2")), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_FATAL);
  assert_int_equal(fixture->log.errors, 1);
  assert_int_equal(store_begin(fixture->store), ERR_FATAL);
  close_store(fixture);
  open_store(fixture, (size_t)1 << 30);
  put_one(fixture, slice_text("b"), slice_text("3"));
}

/* Stands in front of the system's, for LMDB too: so many syncs fail, as each open file hears of it. */
static unsigned syncs_that_fail;

int fdatasync(int fd);
int fdatasync(int fd) {
  if (syncs_that_fail == 0) return (int)syscall(SYS_fdatasync, fd);
  syncs_that_fail--;
  errno = EIO;
  return -1;
}

/* LMDB has one error for this and for a write that was cut short. */
static void a_sync_that_fails_in_lmdb_ends_all_writing(void **state) {
  struct fixture *fixture = *state;
  put_one(fixture, slice_text("a"), slice_text("1"));
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("a"), slice_text("2")), ERR_NONE);
  syncs_that_fail = 2;
  enum err err = store_commit(fixture->store);
  unsigned left = syncs_that_fail;
  syncs_that_fail = 0;
  assert_int_equal(err, ERR_FATAL);
  assert_int_equal(left, 0);     /* both were asked */
  assert_int_equal(store_begin(fixture->store), ERR_FATAL);
}

/* A commit that fails in the operating system: the file may grow by so much only, which cuts a write short or refuses it.
 * LMDB's own error path, not a fault point. */
static void assert_cannot_grow(struct fixture *fixture, rlim_t more) {
  put_one(fixture, slice_text("a"), slice_text("1"));
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/data.mdb", fixture->scratch.path);
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  struct rlimit before, limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  size_t size = (size_t)1 << 20;
  uint8_t *bytes = calloc(1, size);
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("b"), slice_of(bytes, size)), ERR_NONE);
  limit = (struct rlimit){ (rlim_t)status.st_size + more, before.rlim_max };
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  enum err err = store_commit(fixture->store);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  assert_int_equal(err, ERR_STORAGE);
  struct slice value;
  store_reader_reset(fixture->reader);
  assert_int_equal(store_get(fixture->reader, slice_text("a"), &value), ERR_NONE);
  assert_int_equal(store_get(fixture->reader, slice_text("b"), &value), ERR_NOT_FOUND);
  put_one(fixture, slice_text("b"), slice_of(bytes, size));
  assert_int_equal(store_get(fixture->reader, slice_text("b"), &value), ERR_NONE);
  free(bytes);
}

static void a_file_that_cannot_grow_undoes_the_batch(void **state) {
  static const rlim_t more[] = { 0, 1, 4096, 5000, 500000, 1 << 20 };
  for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
    assert_cannot_grow(*state, more[i]);
    tear_down(state);
    set_up(state);
  }
}

/* A page of it that is not on the disk would be taken from there by a write to memory, which nobody could refuse. */
static void lmdb_s_lock_file_has_its_room_from_the_start(void **state) {
  struct fixture *fixture = *state;
  char path[PATH_MAX];
  struct stat status;
  snprintf(path, sizeof path, "%s/lock.mdb", fixture->scratch.path);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size > 0 && status.st_blocks * 512 >= status.st_size);
    close_store(fixture);
    if (i == 0) assert_int_equal(truncate(path, 0), 0);
    if (i == 0) assert_int_equal(truncate(path, 100000), 0);
    open_store(fixture, (size_t)1 << 30);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    STORE_TEST(a_full_map_undoes_the_batch),
    STORE_TEST(a_failing_write_undoes_the_batch),
    STORE_TEST(a_failing_sync_ends_all_writing),
    STORE_TEST(a_sync_that_fails_in_lmdb_ends_all_writing),
    STORE_TEST(a_file_that_cannot_grow_undoes_the_batch),
    STORE_TEST(lmdb_s_lock_file_has_its_room_from_the_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
