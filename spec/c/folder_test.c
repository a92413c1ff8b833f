/* folder_test.c -- a data folder is taken into use once, by a host that knows its format. */
#include "records.h"

#include <fcntl.h>

#include "base/disk.h"
#include "ledger/folder.h"

struct fixture {
  struct scratch scratch;
  struct failure failure;
  char path[PATH_MAX];
};

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  snprintf(fixture->path, sizeof fixture->path, "%s/data", fixture->scratch.path);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  free(fixture);
  return 0;
}

static const char *file_in(const struct fixture *fixture, const char *name) {
  static char path[PATH_MAX];
  assert_true(snprintf(path, sizeof path, "%s/%s", fixture->path, name) < PATH_MAX);
  return path;
}

static void write_in(const struct fixture *fixture, const char *name, const char *content) {
  FILE *file = fopen(file_in(fixture, name), "wb");
  assert_non_null(file);
  fputs(content, file);
  fclose(file);
}

static void assert_refused(struct fixture *fixture, const char *why) {
  struct folder *folder;
  failure_clear(&fixture->failure);
  assert_int_equal(folder_open(fixture->path, &folder, &fixture->failure), ERR_REQUEST);
  assert_null(folder);
  assert_int_equal(fixture->failure.err, ERR_REQUEST);
  struct slice message = buf_slice(&fixture->failure.message);
  if (memmem(message.data, message.size, why, strlen(why)) == NULL) {
    fail_msg("\"%.*s\" does not say \"%s\"", (int)message.size, (const char *)message.data, why);
  }
  failure_clear(&fixture->failure);
}

static struct folder *open_well(struct fixture *fixture) {
  struct folder *folder;
  enum err err = folder_open(fixture->path, &folder, &fixture->failure);
  if (err == ERR_NONE) err = folder_begin(folder, &fixture->failure);
  if (err != ERR_NONE) {
    struct slice message = buf_slice(&fixture->failure.message);
    fail_msg("refused: %.*s", (int)message.size, (const char *)message.data);
  }
  return folder;
}

static void assert_mode(const char *path, mode_t mode) {
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 07777, mode);
}

static void a_new_one_is_made(void **state) {
  struct fixture *fixture = *state;
  struct folder *folder = open_well(fixture);
  assert_mode(fixture->path, 0700);
  assert_mode(folder_store_path(folder), 0700);
  assert_mode(file_in(fixture, "token"), 0600);
  assert_string_equal(folder_store_path(folder), file_in(fixture, "store"));
  struct buf format = {0};
  assert_int_equal(disk_read_file(file_in(fixture, "FORMAT"), 100, &format), 0);
  assert_slice_equal(buf_slice(&format), slice_text("troupe 3\n"));
  buf_done(&format);
  assert_int_equal(strlen(folder_token(folder)), FOLDER_TOKEN_SIZE);
  assert_int_equal(strspn(folder_token(folder), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                   FOLDER_TOKEN_SIZE);
  folder_close(folder);
}

static void the_token_stays_and_is_nobody_elses(void **state) {
  struct fixture *fixture = *state;
  struct folder *folder = open_well(fixture);
  char token[FOLDER_TOKEN_SIZE + 1];
  memcpy(token, folder_token(folder), sizeof token);
  struct buf read = {0};
  assert_int_equal(folder_read_token(fixture->path, &read, &fixture->failure), ERR_NONE);
  assert_slice_equal(buf_slice(&read), slice_text(token));
  folder_close(folder);
  folder = open_well(fixture);
  assert_string_equal(folder_token(folder), token);
  folder_close(folder);

  assert_int_equal(unlink(file_in(fixture, "token")), 0);
  folder = open_well(fixture);
  assert_string_not_equal(folder_token(folder), token);
  folder_close(folder);

  token[0] = token[0] == 'A' ? 'B' : 'A';
  write_in(fixture, "token", token);   /* without a line end */
  folder = open_well(fixture);
  assert_string_equal(folder_token(folder), token);
  folder_close(folder);
  buf_done(&read);
}

static void a_broken_token_is_refused(void **state) {
  struct fixture *fixture = *state;
  folder_close(open_well(fixture));
  static const char *const broken[] = {
    "", "\n", "short\n", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+\n", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
  };
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    write_in(fixture, "token", broken[i]);
    assert_refused(fixture, "token of 43 characters");
    struct buf read = {0};
    assert_int_equal(folder_read_token(fixture->path, &read, &fixture->failure), ERR_REQUEST);
    assert_int_equal(read.size, 0);
    buf_done(&read);
  }
  char *large = calloc(1, 5000);
  memset(large, 'A', 4999);
  write_in(fixture, "token", large);
  assert_refused(fixture, "token of 43 characters");
  free(large);
}

static void a_missing_token_is_named(void **state) {
  struct fixture *fixture = *state;
  struct buf read = {0};
  assert_int_equal(folder_read_token(fixture->path, &read, &fixture->failure), ERR_REQUEST);
  struct slice message = buf_slice(&fixture->failure.message);
  assert_non_null(memmem(message.data, message.size, "data/token", 10));
  buf_done(&read);
}

static void a_second_host_is_refused(void **state) {
  struct fixture *fixture = *state;
  struct folder *folder = open_well(fixture);
  assert_refused(fixture, "is in use by another host");
  assert_refused(fixture, fixture->path);
  folder_close(folder);
  folder_close(open_well(fixture));
}

static void another_format_is_refused(void **state) {
  struct fixture *fixture = *state;
  folder_close(open_well(fixture));
  static const char *const others[] = { "troupe 4\n", "", "troupe 3", "troupe 3\n\n", "troupe 2", "\xff\x1b[2J" };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    write_in(fixture, "FORMAT", others[i]);
    assert_refused(fixture, "this host knows \"troupe 3\" only");
  }
  write_in(fixture, "FORMAT", "troupe 4\n");
  assert_refused(fixture, "has the format \"troupe 4\"");
  char large[200] = {0};
  memset(large, 'x', sizeof large - 1);
  write_in(fixture, "FORMAT", large);
  assert_refused(fixture, "has the format");
  write_in(fixture, "FORMAT", "troupe 3\n");
  folder_close(open_well(fixture));
}

/* It is left as it is, and may still be read. */
static void an_older_format_is_refused_with_what_to_do(void **state) {
  struct fixture *fixture = *state;
  char words[PATH_MAX + 40];
  struct folder *folder;
  folder_close(open_well(fixture));
  for (int format = 1; format <= 2; format++) {
    char line[32];
    snprintf(line, sizeof line, "troupe %d\n", format);
    write_in(fixture, "FORMAT", line);
    snprintf(words, sizeof words, "`troupe backup %s NEW`", fixture->path);
    assert_refused(fixture, words);
    assert_int_equal(folder_look(fixture->path, false, &folder, &fixture->failure), ERR_REQUEST);
    failure_clear(&fixture->failure);
    assert_int_equal(folder_look(fixture->path, true, &folder, &fixture->failure), ERR_NONE);
    assert_true(folder_is_old(folder));
    assert_true(folder_has_log(folder) == (format == 2));
    folder_close(folder);
    struct buf content = {0};
    assert_int_equal(disk_read_file(file_in(fixture, "FORMAT"), 100, &content), 0);
    assert_slice_equal(buf_slice(&content), slice_text(line));
    buf_done(&content);
  }
  write_in(fixture, "FORMAT", "troupe 3\n");
  assert_int_equal(folder_look(fixture->path, false, &folder, &fixture->failure), ERR_NONE);
  assert_false(folder_is_old(folder));
  folder_close(folder);
}

static void what_is_somebody_elses_is_refused_and_left_alone(void **state) {
  struct fixture *fixture = *state;
  assert_int_equal(mkdir(fixture->path, 0755), 0);
  write_in(fixture, "thesis.txt", "words");
  assert_refused(fixture, "is not a data folder of Troupe: it holds thesis.txt");
  assert_int_equal(access(file_in(fixture, "LOCK"), F_OK), -1);
  assert_int_equal(unlink(file_in(fixture, "thesis.txt")), 0);
  assert_int_equal(mkdir(file_in(fixture, "store"), 0700), 0);
  assert_refused(fixture, "is not a data folder of Troupe: it holds store");
}

static void a_start_that_was_cut_off_is_made_again(void **state) {
  struct fixture *fixture = *state;
  assert_int_equal(mkdir(fixture->path, 0700), 0);
  write_in(fixture, "LOCK", "");
  write_in(fixture, "FORMAT.new", "tro");
  struct folder *folder;
  assert_int_equal(folder_open(fixture->path, &folder, &fixture->failure), ERR_NONE);
  assert_false(folder_is_begun(folder));
  folder_close(folder);
  assert_int_equal(rmdir(file_in(fixture, "store")), 0);
  folder_close(open_well(fixture));
  assert_int_equal(folder_open(fixture->path, &folder, &fixture->failure), ERR_NONE);
  assert_true(folder_is_begun(folder));
  folder_close(folder);
}

/* It ends where somebody else has the lock: what is there by then is no host's first start. */
static void a_new_one_that_was_not_finished_is_refused(void **state) {
  struct fixture *fixture = *state;
  struct folder *folder;
  int fd;
  assert_int_equal(mkdir(fixture->path, 0700), 0);
  assert_int_equal(disk_lock(file_in(fixture, "LOCK"), &fd), 0);
  assert_int_equal(folder_make(fixture->path, &folder, &fixture->failure), ERR_REQUEST);
  disk_unlock(&fd);
  assert_refused(fixture, "is not a data folder of Troupe: it holds ");
}

static void a_path_that_cannot_be_is_refused(void **state) {
  struct fixture *fixture = *state;
  snprintf(fixture->path, sizeof fixture->path, "%s/missing/data", fixture->scratch.path);
  assert_refused(fixture, "No such file or directory");
  snprintf(fixture->path, sizeof fixture->path, "%s/file", fixture->scratch.path);
  FILE *file = fopen(fixture->path, "wb");
  fclose(file);
  assert_refused(fixture, "Not a directory");
  fixture->path[0] = 0;
  assert_refused(fixture, "No such file or directory");
  memset(fixture->path, 'x', NAME_MAX + 1);
  fixture->path[NAME_MAX + 1] = 0;
  assert_refused(fixture, "name too long");
}

/* --- A reader that may not write ---------------------------------------------------------------------------------- */

/* Becomes somebody who may read the folder and no more: as root another user, else nobody may write to its lock.mdb. */
static void become_reader(struct fixture *fixture) {
  (void)unlink(file_in(fixture, "store/lock.mdb"));
  write_in(fixture, "store/lock.mdb", "");
  assert_int_equal(chmod(fixture->scratch.path, 0755), 0);
  assert_int_equal(chmod(fixture->path, 0755), 0);
  assert_int_equal(chmod(file_in(fixture, "store"), 0755), 0);
  assert_int_equal(chmod(file_in(fixture, "store/lock.mdb"), 0444), 0);
  assert_int_equal(chmod(file_in(fixture, "FORMAT"), 0444), 0);
  assert_int_equal(chmod(file_in(fixture, "LOCK"), 0644), 0);
  if (getuid() == 0) assert_int_equal(seteuid(65534), 0);
}

static void become_oneself(void) {
  assert_int_equal(seteuid(getuid()), 0);
}

static void a_reader_that_may_not_write_keeps_hosts_away(void **state) {
  struct fixture *fixture = *state;
  folder_close(open_well(fixture));
  become_reader(fixture);
  struct folder *reader, *other, *host;
  assert_int_equal(folder_look(fixture->path, false, &reader, &fixture->failure), ERR_NONE);
  assert_int_equal(folder_look(fixture->path, false, &other, &fixture->failure), ERR_NONE);
  assert_true(folder_is_still(reader) && folder_is_still(other));
  become_oneself();
  assert_refused(fixture, "is being read by a backup or verify that may not write there");
  folder_close(reader);
  assert_refused(fixture, "is being read by a backup or verify that may not write there");
  folder_close(other);
  host = open_well(fixture);
  assert_refused(fixture, "in use by another host");
  become_reader(fixture);
  assert_int_equal(folder_look(fixture->path, false, &reader, &fixture->failure), ERR_UNAUTHORIZED);
  become_oneself();
  failure_clear(&fixture->failure);
  folder_close(host);
}

static void a_reader_that_may_write_keeps_nobody_away(void **state) {
  struct fixture *fixture = *state;
  struct folder *host = open_well(fixture), *reader;
  assert_int_equal(folder_look(fixture->path, false, &reader, &fixture->failure), ERR_NONE);
  assert_false(folder_is_still(reader));
  folder_close(host);
  folder_close(open_well(fixture));
  folder_close(reader);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_new_one_is_made, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_token_stays_and_is_nobody_elses, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_broken_token_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_missing_token_is_named, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_second_host_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(another_format_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(an_older_format_is_refused_with_what_to_do, set_up, tear_down),
    cmocka_unit_test_setup_teardown(what_is_somebody_elses_is_refused_and_left_alone, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_start_that_was_cut_off_is_made_again, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_new_one_that_was_not_finished_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_path_that_cannot_be_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_reader_that_may_not_write_keeps_hosts_away, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_reader_that_may_write_keeps_nobody_away, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
