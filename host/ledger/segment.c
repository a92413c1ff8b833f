/* segment.c -- a segment is made under another name, filled, synced, and only then given its own. */
#include "ledger/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"

#define SPARE "spare"
#define HALF_MADE ".new"

enum { HALF_MADE_NAME_SIZE = SEGMENT_NAME_SIZE + sizeof HALF_MADE - 1 };

void segment_name(uint64_t first, char name[SEGMENT_NAME_SIZE]) {
  int size = snprintf(name, SEGMENT_NAME_SIZE, "%016" PRIx64, first);
  CHECK_THAT(size, ==, SEGMENT_NAME_SIZE - 1);
}

/* The number in a segment's name; 0 if the file is not a segment. */
static uint64_t name_number(const char *name) {
  static const char digits[] = "0123456789abcdef";
  if (strlen(name) != SEGMENT_NAME_SIZE - 1) return 0;
  uint64_t number = 0;
  for (; *name != 0; name++) {
    const char *digit = strchr(digits, *name);
    if (digit == NULL) return 0;
    number = number << 4 | (uint64_t)(digit - digits);
  }
  return number;
}

static bool is_leftover(const char *name) {
  size_t size = strlen(name), end_size = strlen(HALF_MADE);
  return strcmp(name, SPARE) == 0 || (size > end_size && strcmp(name + size - end_size, HALF_MADE) == 0);
}

/* Calls `visit` for each name in a folder, until it returns an errno. */
static int each_name(int folder, int (*visit)(int folder, const char *name, void *context), void *context) {
  int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  DIR *dir = fdopendir(fd);
  if (dir == NULL) {
    int error = errno;
    close(fd);
    return error;
  }
  int error = 0;
  while (error == 0) {
    errno = 0;
    const struct dirent *entry = readdir(dir);
    error = errno;
    if (entry == NULL) break;
    error = visit(folder, entry->d_name, context);
  }
  closedir(dir);
  return error;
}

static int list_one(int folder, const char *name, void *context) {
  (void)folder;
  struct buf *firsts = context;
  uint64_t number = name_number(name);
  if (number != 0) buf_put(firsts, slice_of(&number, sizeof number));
  return firsts->err == ERR_NONE ? 0 : ENOMEM;
}

int segment_list(int folder, struct buf *firsts) {
  int error = each_name(folder, list_one, firsts);
  if (error == 0) buf_sort_numbers(firsts);
  return error;
}

static int fill(int fd, size_t fill_bytes, struct faults *faults) {
  int error = disk_zero_at(fd, 0, fill_bytes, faults);
  return error != 0 ? error : disk_sync(fd, faults);
}

static int rename_in(int folder, const char *from, const char *to) {
  return renameat(folder, from, folder, to) == 0 ? 0 : errno;
}

/* Makes a segment of zeros under a name, and opens it. */
static int make(int folder, const char *name, size_t fill_bytes, struct faults *faults, int *fd) {
  char half_made[HALF_MADE_NAME_SIZE];
  snprintf(half_made, sizeof half_made, "%s" HALF_MADE, name);
  int made = openat(folder, half_made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (made < 0) return errno;
  int error = fill(made, fill_bytes, faults);
  if (error == 0) error = rename_in(folder, half_made, name);
  if (error != 0) {
    close(made);
    unlinkat(folder, half_made, 0);
    return error;
  }
  *fd = made;
  return 0;
}

int segment_prepare(int folder, size_t fill_bytes, struct faults *faults) {
  if (faccessat(folder, SPARE, F_OK, 0) == 0) return 0;
  if (errno != ENOENT) return errno;
  int fd;
  int error = make(folder, SPARE, fill_bytes, faults, &fd);
  if (error == 0) close(fd);
  return error;
}

static int take_spare(int folder, const char *name, int *fd) {
  int spare = openat(folder, SPARE, O_RDWR | O_CLOEXEC);
  if (spare < 0) return errno;
  int error = rename_in(folder, SPARE, name);
  if (error == 0) *fd = spare;
  else close(spare);
  return error;
}

int segment_begin(int folder, uint64_t first, size_t fill_bytes, struct faults *faults, int *fd) {
  char name[SEGMENT_NAME_SIZE];
  segment_name(first, name);
  int error = fill_bytes == 0 ? ENOENT : take_spare(folder, name, fd);
  return error == ENOENT ? make(folder, name, fill_bytes, faults, fd) : error;
}

int segment_remove(int folder, uint64_t first) {
  char name[SEGMENT_NAME_SIZE];
  segment_name(first, name);
  return unlinkat(folder, name, 0) == 0 ? 0 : errno;
}

static int sweep_one(int folder, const char *name, void *context) {
  (void)context;
  if (!is_leftover(name)) return 0;
  return unlinkat(folder, name, 0) == 0 ? 0 : errno;
}

int segment_sweep(int folder) {
  return each_name(folder, sweep_one, NULL);
}
