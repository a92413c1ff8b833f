/* The simulated disk loses what was not synced, and nothing else. The calls of this program go through it. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "../crash/simulated_disk.h"
#include "random.h"

enum { SECTOR = 512, SECTORS = 20, SEEDS = 40, ROUNDS = 300, STEPS = 30 };

struct room {
  char folder[64], a[80], b[80];
};

static void begin(struct room *room, uint64_t seed) {
  snprintf(room->folder, sizeof room->folder, "/tmp/troupe-disk-XXXXXX");
  assert_non_null(mkdtemp(room->folder));
  snprintf(room->a, sizeof room->a, "%s/a", room->folder);
  snprintf(room->b, sizeof room->b, "%s/b", room->folder);
  disk_watch(room->folder, seed);
}

static void end(const struct room *room) {
  disk_unwatch();
  unlink(room->a);
  unlink(room->b);
  rmdir(room->folder);
}

static void write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

/* Also of a folder. */
static int sync_path(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error;
}

/* What a file holds, up to 63 bytes; "-" where there is none. */
static const char *text_of(const char *path, char text[64]) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "-";
  ssize_t size = read(fd, text, 63);
  close(fd);
  assert_true(size >= 0);
  text[size] = 0;
  return text;
}

static void assert_holds(const char *path, const char *expected) {
  char text[64];
  assert_string_equal(text_of(path, text), expected);
}

/* A file that is there for good. */
static void make_durable(const struct room *room, const char *path, const char *text) {
  write_text(path, text);
  assert_int_equal(sync_path(path), 0);
  assert_int_equal(sync_path(room->folder), 0);
}

static void what_was_not_synced_may_be_lost(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  make_durable(&room, room.a, "old");
  write_text(room.a, "new");
  assert_holds(room.a, "new");
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "old");
  write_text(room.a, "new");
  disk_lose(LOSS_NONE);
  assert_holds(room.a, "new");
  end(&room);
}

static void what_was_synced_stays(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    struct room room;
    begin(&room, seed);
    make_durable(&room, room.a, "durable");
    disk_lose((enum loss)(seed % LOSS_COUNT));
    assert_holds(room.a, "durable");
    end(&room);
  }
}

static void a_sync_of_a_file_is_none_of_its_name(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  write_text(room.a, "whole");
  assert_int_equal(sync_path(room.a), 0);
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "-");
  write_text(room.a, "whole");
  assert_int_equal(sync_path(room.folder), 0);
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "");
  end(&room);
}

/* Never both names, never none. Answers whether it was renamed. */
static bool rename_and_lose(uint64_t seed, bool synced) {
  struct room room;
  begin(&room, seed);
  make_durable(&room, room.a, "x");
  assert_int_equal(rename(room.a, room.b), 0);
  if (synced) assert_int_equal(sync_path(room.folder), 0);
  disk_lose(LOSS_SECTORS);
  bool renamed = access(room.b, F_OK) == 0;
  assert_holds(renamed ? room.b : room.a, "x");
  assert_holds(renamed ? room.a : room.b, "-");
  end(&room);
  return renamed;
}

static void a_name_changes_wholly_or_not(void **state) {
  (void)state;
  unsigned renamed = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    renamed += rename_and_lose(seed, false);
    assert_true(rename_and_lose(seed, true));
  }
  assert_in_range(renamed, 1, SEEDS - 1);
}

static void what_was_removed_may_come_back(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  make_durable(&room, room.a, "x");
  assert_int_equal(unlink(room.a), 0);
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "x");
  assert_int_equal(unlink(room.a), 0);
  assert_int_equal(sync_path(room.folder), 0);
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "-");
  end(&room);
}

static void what_a_failed_sync_left_no_later_one_brings(void **state) {
  (void)state;
  unsigned lost = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    struct room room;
    begin(&room, seed);
    make_durable(&room, room.a, "old");
    write_text(room.a, "new");
    disk_fail_at(disk_operations() + 1, 1, EIO);
    assert_int_equal(sync_path(room.a), EIO);
    disk_kill();
    assert_holds(room.a, "new");
    assert_int_equal(sync_path(room.a), 0);
    disk_lose(LOSS_NONE);
    char text[64];
    lost += strcmp(text_of(room.a, text), "old") == 0;
    write_text(room.a, "new");
    assert_int_equal(sync_path(room.a), 0);
    disk_lose(LOSS_ALL);
    assert_holds(room.a, "new");
    end(&room);
  }
  assert_in_range(lost, 1, SEEDS - 1);
}

static void a_write_may_sync_by_itself(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  make_durable(&room, room.a, "old old");
  int fd = open(room.a, O_WRONLY | O_DSYNC | O_CLOEXEC);
  assert_int_equal(pwrite(fd, "new", 3, 0), 3);
  close(fd);
  fd = open(room.a, O_WRONLY | O_CLOEXEC);
  assert_int_equal(pwrite(fd, "new", 3, 4), 3);
  close(fd);
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "new old");
  end(&room);
}

static void what_a_write_left_whose_own_sync_failed_can_be_read(void **state) {
  (void)state;
  unsigned lost = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    struct room room;
    begin(&room, seed);
    make_durable(&room, room.a, "old");
    int fd = open(room.a, O_WRONLY | O_DSYNC | O_CLOEXEC), other = open(room.a, O_RDONLY | O_CLOEXEC);
    while (disk_operations() % 2 == 0) assert_int_equal(fdatasync(fd), 0);      /* the next one does not take a half */
    disk_fail_at(disk_operations() + 1, 1, EIO);
    assert_int_equal(pwrite(fd, "new", 3, 0), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(fdatasync(other), -1);
    assert_int_equal(fdatasync(other), 0);
    close(other);
    close(fd);
    disk_kill();
    assert_holds(room.a, "new");
    assert_int_equal(sync_path(room.a), 0);
    disk_lose(LOSS_NONE);
    char text[64];
    lost += strcmp(text_of(room.a, text), "old") == 0;
    end(&room);
  }
  assert_in_range(lost, 1, SEEDS - 1);
}

/* A failed sync takes nothing back of what a write has synced by itself, and does not bring it once more, over what came
 * later. */
static void what_synced_by_itself_is_none_of_a_failed_sync(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    struct room room;
    begin(&room, seed);
    make_durable(&room, room.a, "old");
    int fd = open(room.a, O_WRONLY | O_DSYNC | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "first", 5, 0), 5);
    disk_fail_at(disk_operations() + 1, 1, EIO);
    assert_int_equal(sync_path(room.a), EIO);
    assert_int_equal(pwrite(fd, "later", 5, 0), 5);
    if (seed % 2 == 0) assert_int_equal(sync_path(room.a), 0);
    close(fd);
    disk_lose((enum loss)(seed % LOSS_COUNT));
    assert_holds(room.a, "later");
    end(&room);
  }
}

static void from_the_cut_on_nothing_reaches_the_disk(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  make_durable(&room, room.a, "old");
  disk_cut_at(disk_operations() + 2);
  write_text(room.a, "new");
  assert_false(disk_is_cut());
  assert_int_equal(sync_path(room.a), 0);
  assert_true(disk_is_cut());
  write_text(room.b, "b");
  disk_lose(LOSS_ALL);
  assert_false(disk_is_cut());
  assert_holds(room.a, "old");
  assert_holds(room.b, "-");
  end(&room);
}

static void what_a_killed_process_left_is_as_durable_as_it_was(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  make_durable(&room, room.a, "old");
  disk_cut_at(disk_operations() + 1);
  write_text(room.a, "new");
  write_text(room.a, "never");
  disk_kill();
  assert_holds(room.a, "new");
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "old");
  end(&room);
}

static void operations_fail_when_told(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  make_durable(&room, room.a, "old");
  disk_fail_at(disk_operations() + 1, 2, ENOSPC);
  assert_int_equal(open(room.b, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
  assert_int_equal(errno, ENOSPC);
  assert_int_equal(rename(room.a, room.b), -1);
  assert_int_equal(rename(room.a, room.b), 0);
  end(&room);
}

static void a_disk_that_lies_loses_what_was_synced(void **state) {
  (void)state;
  struct room room;
  begin(&room, 1);
  make_durable(&room, room.a, "old");
  disk_lie(true);
  write_text(room.a, "new");
  assert_int_equal(sync_path(room.a), 0);
  disk_lose(LOSS_ALL);
  assert_holds(room.a, "old");
  end(&room);
}

/* What the disk may hold of a file whose sectors are filled with numbers that only grow. */
struct sectors {
  uint8_t newest[SECTORS];            /* what a process sees */
  bool possible[SECTORS][STEPS + 1];
  bool written[SECTORS];              /* since the last sync, be it one that failed */
};

static void sectors_begin(struct sectors *sectors) {
  *sectors = (struct sectors){ 0 };
  for (size_t i = 0; i < SECTORS; i++) sectors->possible[i][0] = true;
}

static void sectors_written(struct sectors *sectors, size_t from, size_t count, uint8_t step, bool syncs) {
  for (size_t i = from; i < from + count; i++) {
    if (syncs) memset(sectors->possible[i], 0, sizeof sectors->possible[i]);
    sectors->possible[i][step] = true;
    sectors->newest[i] = step;
    sectors->written[i] = true;
  }
}

static void sectors_synced(struct sectors *sectors, bool failed) {
  for (size_t i = 0; i < SECTORS; i++) {
    if (!failed && sectors->written[i]) {
      memset(sectors->possible[i], 0, sizeof sectors->possible[i]);
    }
    sectors->possible[i][sectors->newest[i]] = true;
    sectors->written[i] = false;
  }
}

/* Writes some sectors; a write may sync by itself. */
static void write_sectors(struct random *random, int fd, bool syncs, uint8_t step, struct sectors *sectors) {
  size_t from = (size_t)random_below(random, SECTORS), count = 1 + (size_t)random_below(random, SECTORS - from);
  uint8_t bytes[SECTORS * SECTOR];
  memset(bytes, step, count * SECTOR);
  assert_int_equal(pwrite(fd, bytes, count * SECTOR, (off_t)(from * SECTOR)), count * SECTOR);
  sectors_written(sectors, from, count, step, syncs);
}

static void sync_sectors(struct random *random, int fd, struct sectors *sectors) {
  bool fails = random_once_in(random, 2);
  if (fails) disk_fail_at(disk_operations() + 1, 1, EIO);
  assert_int_equal(fdatasync(fd), fails ? -1 : 0);
  sectors_synced(sectors, fails);
}

static void check_sectors(const char *path, const struct sectors *sectors) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  for (size_t i = 0; i < SECTORS; i++) {
    uint8_t bytes[SECTOR];
    assert_int_equal(read(fd, bytes, SECTOR), SECTOR);
    assert_memory_equal(bytes, bytes + 1, SECTOR - 1);
    assert_true(bytes[0] <= STEPS && sectors->possible[i][bytes[0]]);
  }
  close(fd);
}

/* What a sector holds after a cut is a number that was written to it since the last sync, or the last one before that. */
static void run_round(struct random *random) {
  struct room room;
  struct sectors sectors;
  begin(&room, random_next(random));
  sectors_begin(&sectors);
  int fd = open(room.a, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int syncing = open(room.a, O_RDWR | O_DSYNC | O_CLOEXEC);
  assert_int_equal(ftruncate(fd, SECTORS * SECTOR), 0);
  assert_int_equal(fdatasync(fd), 0);
  assert_int_equal(sync_path(room.folder), 0);
  for (uint8_t step = 1; step <= STEPS; step++) {
    bool syncs = random_once_in(random, 4);
    if (random_once_in(random, 4)) sync_sectors(random, fd, &sectors);
    else write_sectors(random, syncs ? syncing : fd, syncs, step, &sectors);
  }
  close(syncing);
  close(fd);
  disk_audit();
  disk_lose(random_once_in(random, 2) ? LOSS_SECTORS : LOSS_SOME);
  check_sectors(room.a, &sectors);
  end(&room);
}

static void each_sector_is_one_that_could_be_left(void **state) {
  (void)state;
  struct random random = random_begin("simulated disk");
  for (size_t round = 0; round < ROUNDS; round++) run_round(&random);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_not_synced_may_be_lost),
    cmocka_unit_test(what_was_synced_stays),
    cmocka_unit_test(a_sync_of_a_file_is_none_of_its_name),
    cmocka_unit_test(a_name_changes_wholly_or_not),
    cmocka_unit_test(what_was_removed_may_come_back),
    cmocka_unit_test(what_a_failed_sync_left_no_later_one_brings),
    cmocka_unit_test(a_write_may_sync_by_itself),
    cmocka_unit_test(what_a_write_left_whose_own_sync_failed_can_be_read),
    cmocka_unit_test(what_synced_by_itself_is_none_of_a_failed_sync),
    cmocka_unit_test(from_the_cut_on_nothing_reaches_the_disk),
    cmocka_unit_test(what_a_killed_process_left_is_as_durable_as_it_was),
    cmocka_unit_test(operations_fail_when_told),
    cmocka_unit_test(a_disk_that_lies_loses_what_was_synced),
    cmocka_unit_test(each_sector_is_one_that_could_be_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
