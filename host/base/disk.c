/* disk.c -- the few calls of the operating system on which durability rests. */
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool take(unsigned *left, unsigned *skip) {
  if (*left == 0) return false;
  if (*skip > 0) {
    (*skip)--;
    return false;
  }
  (*left)--;
  return true;
}

bool faults_take_write(struct faults *faults) {
  return take(&faults->write_next, &faults->write_skip);
}

bool faults_take_sync(struct faults *faults) {
  return take(&faults->sync_next, &faults->sync_skip);
}

/* What is due to go wrong with a write: an errno, or 0. */
static int write_fault(struct faults *faults) {
  if (faults == NULL || !faults_take_write(faults)) return 0;
  return faults->write_errno != 0 ? faults->write_errno : ENOSPC;
}

static int sync_fault(struct faults *faults) {
  if (faults == NULL || !faults_take_sync(faults)) return 0;
  return faults->sync_errno != 0 ? faults->sync_errno : EIO;
}

/* The folder in which a path stands, into `folder` of PATH_MAX bytes. */
static int parent_of(const char *path, char *folder) {
  size_t size = strlen(path);
  if (size == 0) return ENOENT;
  if (size >= PATH_MAX) return ENAMETOOLONG;
  while (size > 1 && path[size - 1] == '/') size--;
  while (size > 0 && path[size - 1] != '/') size--;
  while (size > 1 && path[size - 1] == '/') size--;
  if (size == 0) {
    memcpy(folder, ".", 2);
  } else {
    memcpy(folder, path, size);
    folder[size] = 0;
  }
  return 0;
}

static int sync_parent(const char *path) {
  char folder[PATH_MAX];
  int error = parent_of(path, folder);
  return error != 0 ? error : disk_sync_folder(folder);
}

int disk_make_folder(const char *path) {
  if (mkdir(path, 0700) != 0) {
    struct stat status;
    if (errno != EEXIST) return errno;
    if (stat(path, &status) != 0) return errno;
    if (!S_ISDIR(status.st_mode)) return ENOTDIR;
  }
  /* One that exists may be from a start that ended before it came to this line. */
  return sync_parent(path);
}

int disk_sync_folder(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error;
}

/* Reads to the end of the file and not only as far as its size said: it may grow meanwhile. */
static int read_all(int fd, size_t expected, size_t size_max, struct buf *into) {
  uint8_t piece[16384];
  for (size_t size = 0;;) {
    bool straight = size < expected;       /* into the buffer, as far as is known */
    uint8_t *room = straight ? buf_try_reserve(into, expected - size) : piece;
    if (room == NULL) return into->err == ERR_MEMORY ? ENOMEM : EFBIG;
    ssize_t got = read(fd, room, straight ? expected - size : sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return 0;
    if ((size_t)got > size_max - size) return EFBIG;
    size += (size_t)got;
    if (straight) into->size += (size_t)got;
    else buf_put(into, slice_of(piece, (size_t)got));
    if (into->err != ERR_NONE) return into->err == ERR_MEMORY ? ENOMEM : EFBIG;
  }
}

int disk_read_open(int fd, size_t size_max, struct buf *into) {
  size_t size_before = into->size;
  struct stat status;
  int error;
  if (fstat(fd, &status) != 0) error = errno;
  else if (!S_ISREG(status.st_mode)) error = EINVAL;
  else if ((uintmax_t)status.st_size > size_max) error = EFBIG;
  else if (lseek(fd, 0, SEEK_SET) != 0) error = errno;
  else error = read_all(fd, (size_t)status.st_size, size_max, into);
  if (error != 0) into->size = size_before;
  return error;
}

int disk_read_file(const char *path, size_t size_max, struct buf *into) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = disk_read_open(fd, size_max, into);
  close(fd);
  return error;
}

static int write_all(int fd, struct slice content) {
  while (content.size > 0) {
    ssize_t written = write(fd, content.data, content.size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content = slice_after(content, (size_t)written);
  }
  return 0;
}

/* A new file with all of the content, synced. */
static int write_new(const char *path, struct slice content, mode_t mode) {
  if (unlink(path) != 0 && errno != ENOENT) return errno;   /* left behind by a crash, perhaps with another mode */
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return errno;
  int error = write_all(fd, content);
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error != 0) unlink(path);
  return error;
}

int disk_write_file(const char *path, struct slice content, mode_t mode) {
  char neighbour[PATH_MAX];
  int printed = snprintf(neighbour, sizeof neighbour, "%s.new", path);
  if (printed < 0 || (size_t)printed >= sizeof neighbour) return ENAMETOOLONG;
  int error = write_new(neighbour, content, mode);
  if (error != 0) return error;
  if (rename(neighbour, path) != 0) {
    error = errno;
    unlink(neighbour);
    return error;
  }
  return sync_parent(path);
}

static int write_all_at(int fd, uint64_t offset, struct slice bytes) {
  while (bytes.size > 0) {
    ssize_t written = pwrite(fd, bytes.data, bytes.size, (off_t)offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    offset += (size_t)written;
    bytes = slice_after(bytes, (size_t)written);
  }
  return 0;
}

static int zero_all_at(int fd, uint64_t offset, uint64_t size) {
  static const uint8_t zeros[1 << 16] = { 0 };
  while (size > 0) {
    size_t part = size < sizeof zeros ? (size_t)size : sizeof zeros;
    int error = write_all_at(fd, offset, slice_of(zeros, part));
    if (error != 0) return error;
    offset += part;
    size -= part;
  }
  return 0;
}

int disk_write_at(int fd, uint64_t offset, struct slice bytes, struct faults *faults) {
  int fault = write_fault(faults);
  if (fault != 0 && bytes.size > faults->write_part) bytes.size = faults->write_part;
  int error = write_all_at(fd, offset, bytes);
  return fault != 0 ? fault : error;
}

int disk_zero_at(int fd, uint64_t offset, uint64_t size, struct faults *faults) {
  int fault = write_fault(faults);
  if (fault != 0 && size > faults->write_part) size = faults->write_part;
  int error = zero_all_at(fd, offset, size);
  return fault != 0 ? fault : error;
}

int disk_truncate(int fd, uint64_t size, struct faults *faults) {
  int fault = write_fault(faults);
  if (fault != 0) return fault;
  return ftruncate(fd, (off_t)size) == 0 ? 0 : errno;
}

int disk_sync_data(int fd, struct faults *faults) {
  int fault = sync_fault(faults);
  if (fault != 0) return fault;
  return fdatasync(fd) == 0 ? 0 : errno;
}

int disk_sync(int fd, struct faults *faults) {
  int fault = sync_fault(faults);
  if (fault != 0) return fault;
  return fsync(fd) == 0 ? 0 : errno;
}

/* From a folder upwards to the root, whose parent is itself. Closes what it is given. */
static bool is_above(const struct stat *folder, int fd) {
  struct stat at, before = { 0 };
  bool found = false;
  while (fd >= 0 && !found && fstat(fd, &at) == 0 && (at.st_dev != before.st_dev || at.st_ino != before.st_ino)) {
    found = at.st_dev == folder->st_dev && at.st_ino == folder->st_ino;
    before = at;
    int parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    close(fd);
    fd = parent;
  }
  if (fd >= 0) close(fd);
  return found;
}

/* EAGAIN: something was renamed meanwhile, and the system cannot tell whether `..` still leads to where it did. */
int disk_open_below(int folder, const char *path, int *fd) {
  enum { TRIES = 32 };
  struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
  for (unsigned i = 0; i < TRIES; i++) {
    *fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    if (*fd >= 0) return 0;
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return errno;
}

bool disk_is_below(const char *path, const char *folder) {
  enum { FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC };
  char parent[PATH_MAX];
  struct stat status;
  if (stat(folder, &status) != 0) return false;
  int fd = open(path, FLAGS);
  if (fd < 0) return parent_of(path, parent) == 0 && is_above(&status, open(parent, FLAGS));
  int above = openat(fd, "..", FLAGS);
  close(fd);
  return is_above(&status, above);
}

enum err disk_err(int error, enum err otherwise) {
  switch (error) {
    case ENOMEM: return ERR_MEMORY;
    case EACCES: case EPERM: return ERR_UNAUTHORIZED;
    case EMFILE: case ENFILE: case EAGAIN: case ENOLCK: case ENOSPC: case EFBIG: case EDQUOT: return ERR_OVERLOADED;
    default: return otherwise;
  }
}

/* flock() and not fcntl(): its locks belong to the open file, so a second host in this process is refused as well. */
static int lock(int opened, int how, int *fd) {
  *fd = -1;
  if (opened < 0) return errno;
  while (flock(opened, how | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    int error = errno;
    close(opened);
    return error;
  }
  *fd = opened;
  return 0;
}

int disk_lock(const char *path, int *fd) {
  return lock(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), LOCK_EX, fd);
}

int disk_lock_shared(const char *path, int *fd) {
  return lock(open(path, O_RDONLY | O_CLOEXEC), LOCK_SH, fd);
}

void disk_unlock(int *fd) {
  if (*fd < 0) return;
  close(*fd);
  *fd = -1;
}
