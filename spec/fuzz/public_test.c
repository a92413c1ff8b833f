/* public_test.c -- paths of any bytes against a public folder with links that lead out: what is opened lies in the folder, and
 * is the file that a plain reader of the path means. */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "door/public.h"

static char top[PATH_MAX];       /* the folder in which the public one is, without links */
static int folder = -1;

/* Valid until the next call but one. */
static const char *in_top(const char *name) {
  static char paths[2][PATH_MAX];
  static unsigned count;
  char *path = paths[count++ % 2];
  assert_in_range(snprintf(path, PATH_MAX, "%s/%s", top, name), 1, PATH_MAX - 1);
  return path;
}

static void make_folder(const char *name) {
  assert_int_equal(mkdir(in_top(name), 0700), 0);
}

static void make_file(const char *name) {
  FILE *file = fopen(in_top(name), "w");
  assert_non_null(file);
  assert_int_equal(fputs(name, file) < 0, 0);
  assert_int_equal(fclose(file), 0);
}

static void make_link(const char *to, const char *name) {
  assert_int_equal(symlink(to, in_top(name)), 0);
}

static int set_up(void **state) {
  (void)state;
  char made[] = "/tmp/troupe_public_XXXXXX";
  struct failure failure = { 0 };
  assert_non_null(mkdtemp(made));
  assert_non_null(realpath(made, top));
  make_folder("p");
  make_folder("p/a");
  make_folder("p/a/b");
  make_folder("p/.h");
  make_folder("p/actors");
  make_file("x");
  make_file("p/x");
  make_file("p/index.html");
  make_file("p/a/x");
  make_file("p/a/index.html");
  make_file("p/a/b/x");
  make_file("p/.h/x");
  make_file("p/.x");
  make_file("p/actors/x");
  make_file("p/a/b\\x");
  make_link("..", "p/o");
  make_link("../..", "p/a/o");
  make_link("/", "p/r");
  make_link("../x", "p/l");
  make_link("a/b", "p/m");
  make_link("../a/x", "p/a/n");
  make_link(in_top("x"), "p/q");
  assert_int_equal(public_open(in_top("p"), in_top("data"), &folder, &failure), ERR_NONE);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[PATH_MAX + 20];
  close(folder);
  snprintf(command, sizeof command, "rm -rf '%s'", top);
  return system(command) == 0 ? 0 : -1;
}

static void make_path(struct fuzz *fuzz) {
  static const char *const parts[] = {
    "a", "b", "x", "m", "n", "o", "r", "l", "q", "..", ".", "", "%2e%2e", "%2E", "%61", "%2f", "%5c", "\\", "%00", "%", ".h", ".x",
    "actors", "%61ctors", "index.html", "p", "tmp", "b%5cx", "b\\x", "etc", "passwd",
  };
  for (size_t count = fuzz_below(fuzz, 7); count > 0; count--) {
    buf_put_byte(&fuzz->bytes, '/');
    buf_put_text(&fuzz->bytes, parts[fuzz_below(fuzz, fuzz_once_in(fuzz, 3) ? sizeof parts / sizeof *parts : 5)]);
  }
  if (fuzz_once_in(fuzz, 4)) buf_put_byte(&fuzz->bytes, '/');
}

/* Whether the file of this name, from the top, is the one that is open. */
static bool is_open_as(const struct public_file *file, const char *name) {
  struct stat opened, meant;
  return fstat(file->fd, &opened) == 0 && stat(in_top(name), &meant) == 0 && opened.st_ino == meant.st_ino &&
         opened.st_dev == meant.st_dev;
}

static void paths(void **state) {
  (void)state;
  static const char *const served[] = { "p/x", "p/index.html", "p/a/x", "p/a/index.html", "p/a/b/x" };
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "paths of files");
  while (fuzz_next(&fuzz)) {
    struct public_file file;
    struct failure failure = { 0 };
    make_path(&fuzz);
    fuzz_mutate(&fuzz);
    enum err err = public_find(folder, fuzz_copy(&fuzz), &file, &failure);
    if (err == ERR_NONE && file.fd >= 0) {
      size_t found = 0;
      for (size_t i = 0; i < sizeof served / sizeof *served; i++) found += is_open_as(&file, served[i]);
      assert_int_equal(found, 1);
      assert_null(memmem(file.path.data, file.path.size, "..", 2));
      assert_in_range(file.size, 3, 20);
      fuzz.taken++;
    } else if (err != ERR_NONE) {
      assert_int_equal(err, ERR_PATH);
      assert_int_equal(failure.err, ERR_NONE);
      assert_int_equal(file.fd, -1);
    }
    if (err == ERR_NONE) public_file_done(&file);
    failure_done(&failure);
  }
  fuzz_end(&fuzz);
  assert_int_equal(dup(folder), folder + 1);       /* no file has stayed open */
  close(folder + 1);
}

int main(void) {
  const struct CMUnitTest tests[] = { FUZZ_TEST(paths) };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
