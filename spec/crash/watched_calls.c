/* watched_calls.c -- the C library's calls that change files, in front of the real ones: what concerns the watched folder
 * is told to the simulated disk. Preloaded, so that LMDB's calls come here as well.
 *
 * The real ones are called as the kernel knows them, since a sanitizer's own stand in the way of the others. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "simulated_disk.h"

static int fail(int error) {
  errno = error;
  return -1;
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

static int open_watched(int at, const char *name, int flags, mode_t mode) {
  char path[PATH_MAX];
  if (!disk_path(at, name, path)) {
    int fd = (int)syscall(SYS_openat, at, name, flags, mode);
    disk_closed(fd);   /* whatever had this number went by a way that is not watched */
    return fd;
  }
  struct stat status;
  bool existed = stat(path, &status) == 0;
  if (existed ? (flags & O_TRUNC) != 0 : (flags & O_CREAT) != 0) {
    int error = disk_begin(OPERATION_NAME, existed ? "empty" : "create", path, 0, 0);
    if (error != 0) return fail(error);
  }
  int fd = (int)syscall(SYS_openat, at, name, flags, mode);
  if (fd >= 0) disk_opened(fd, path, flags, existed);
  return fd;
}

#define TAKE_MODE(flags, mode)                                                                                    \
  mode_t mode = 0;                                                                                                \
  if (((flags) & O_CREAT) != 0) {                                                                                 \
    va_list arguments;                                                                                            \
    va_start(arguments, flags);                                                                                   \
    mode = va_arg(arguments, mode_t);                                                                             \
    va_end(arguments);                                                                                            \
  }

int open(const char *name, int flags, ...) {
  TAKE_MODE(flags, mode)
  return open_watched(AT_FDCWD, name, flags, mode);
}

int openat(int at, const char *name, int flags, ...) {
  TAKE_MODE(flags, mode)
  return open_watched(at, name, flags, mode);
}

int open64(const char *name, int flags, ...) {
  TAKE_MODE(flags, mode)
  return open_watched(AT_FDCWD, name, flags, mode);
}

int openat64(int at, const char *name, int flags, ...) {
  TAKE_MODE(flags, mode)
  return open_watched(at, name, flags, mode);
}

int close(int fd) {
  disk_closed(fd);
  return (int)syscall(SYS_close, fd);
}

int closedir(DIR *folder) {
  void *real = dlsym(RTLD_NEXT, "closedir");
  int (*call)(DIR *);
  memcpy(&call, &real, sizeof call);
  disk_closed(dirfd(folder));
  return call(folder);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
  if (disk_file_of(fd) != NULL && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) disk_mapped(fd);
  long result = syscall(SYS_mmap, address, size, protection, flags, fd, offset);
  void *mapped;
  memcpy(&mapped, &result, sizeof mapped);
  return mapped;
}

/* ---- writing --------------------------------------------------------------------------------------------- */

/* What a process sees of a write whose own sync failed is all of it. */
static ssize_t write_in_vain(int fd, const void *bytes, size_t size, off_t offset) {
  ssize_t written = syscall(SYS_pwrite64, fd, bytes, size, offset);
  if (written > 0) disk_written(fd, (uint64_t)offset, bytes, (size_t)written, true);
  return fail(EIO);
}

/* A write that is to fail takes a half of the bytes first, each second time; otherwise none, but on a broken disk one that
 * syncs by itself takes all. */
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  if (disk_file_of(fd) != NULL) {
    int error = disk_begin(OPERATION_WRITE, "write", disk_path_of(fd), (uint64_t)offset, size);
    bool takes_half = size >= 2 && disk_operations() % 2 != 0;
    if (error == EIO && disk_syncs(fd) && !takes_half) return write_in_vain(fd, bytes, size, offset);
    if (error != 0 && !takes_half) return fail(error);
    if (error != 0) size /= 2;
  }
  ssize_t written = syscall(SYS_pwrite64, fd, bytes, size, offset);
  if (written > 0 && disk_file_of(fd) != NULL) disk_written(fd, (uint64_t)offset, bytes, (size_t)written, false);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
  return pwrite(fd, bytes, size, offset);
}

ssize_t write(int fd, const void *bytes, size_t size) {
  if (disk_file_of(fd) == NULL) return syscall(SYS_write, fd, bytes, size);
  off_t offset = lseek(fd, 0, SEEK_CUR);
  ssize_t written = pwrite(fd, bytes, size, offset);
  if (written > 0) lseek(fd, offset + written, SEEK_SET);
  return written;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  if (disk_file_of(fd) == NULL) return syscall(SYS_pwritev, fd, parts, count, offset, 0);
  size_t size = 0;
  for (int i = 0; i < count; i++) size += parts[i].iov_len;
  uint8_t *bytes = malloc(size > 0 ? size : 1);
  if (bytes == NULL) return fail(ENOMEM);
  size = 0;
  for (int i = 0; i < count; i++) {
    memcpy(bytes + size, parts[i].iov_base, parts[i].iov_len);
    size += parts[i].iov_len;
  }
  ssize_t written = pwrite(fd, bytes, size, offset);
  free(bytes);
  return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (disk_file_of(fd) == NULL) return syscall(SYS_writev, fd, parts, count);
  off_t offset = lseek(fd, 0, SEEK_CUR);
  ssize_t written = pwritev(fd, parts, count, offset);
  if (written > 0) lseek(fd, offset + written, SEEK_SET);
  return written;
}

int ftruncate(int fd, off_t size) {
  bool watched = disk_file_of(fd) != NULL;
  if (watched) {
    int error = disk_begin(OPERATION_WRITE, "truncate", disk_path_of(fd), (uint64_t)size, 0);
    if (error != 0) return fail(error);
  }
  int result = (int)syscall(SYS_ftruncate, fd, size);
  if (result == 0 && watched) disk_truncated(fd, (uint64_t)size);
  return result;
}

int ftruncate64(int fd, off_t size) {
  return ftruncate(fd, size);
}

/* What nobody needs so far is refused where it concerns the folder. */
static int refuse(int fd, const char *what) {
  if (disk_path_of(fd) == NULL) return 0;
  fprintf(stderr, "simulated disk: %s is not simulated\n", what);
  abort();
}

/* Room for what is there, and behind it: nothing of it is to be seen. */
int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (mode != FALLOC_FL_KEEP_SIZE) refuse(fd, "fallocate");
  if (disk_file_of(fd) != NULL) {
    int error = disk_begin(OPERATION_WRITE, "allocate", disk_path_of(fd), (uint64_t)offset, (uint64_t)size);
    if (error != 0) return fail(error);
  }
  return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int posix_fallocate(int fd, off_t offset, off_t size) {
  return fallocate(fd, 0, offset, size) == 0 ? 0 : errno;
}

int sync_file_range(int fd, off_t offset, off_t size, unsigned flags) {
  refuse(fd, "sync_file_range");
  return (int)syscall(SYS_sync_file_range, fd, offset, size, flags);
}

/* ---- syncing --------------------------------------------------------------------------------------------- */

static int sync_watched(int fd) {
  int error = disk_begin(OPERATION_SYNC, "sync", disk_path_of(fd), 0, 0);
  disk_synced(fd, error != 0);
  bool heard = disk_hears(fd);
  if (error == 0 && heard) error = EIO;
  return error == 0 ? 0 : fail(error);
}

int fsync(int fd) {
  return disk_file_of(fd) != NULL ? sync_watched(fd) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  return disk_file_of(fd) != NULL ? sync_watched(fd) : (int)syscall(SYS_fdatasync, fd);
}

/* ---- names ----------------------------------------------------------------------------------------------- */

int renameat(int from_at, const char *from_name, int to_at, const char *to_name) {
  char from[PATH_MAX], to[PATH_MAX];
  bool watched = disk_path(from_at, from_name, from);
  if (watched != disk_path(to_at, to_name, to)) return fail(EXDEV);
  if (watched) {
    int error = disk_begin(OPERATION_NAME, "rename to", to, 0, 0);
    if (error != 0) return fail(error);
  }
  int result = (int)syscall(SYS_renameat, from_at, from_name, to_at, to_name);
  if (result == 0 && watched) disk_renamed(from, to);
  return result;
}

int rename(const char *from, const char *to) {
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int at, const char *name, int flags) {
  char path[PATH_MAX];
  struct stat status;
  bool watched = disk_path(at, name, path) && lstat(path, &status) == 0;
  if (watched) {
    int error = disk_begin(OPERATION_NAME, "remove", path, 0, 0);
    if (error != 0) return fail(error);
  }
  int result = (int)syscall(SYS_unlinkat, at, name, flags);
  if (result == 0 && watched) disk_removed(path);
  return result;
}

int unlink(const char *name) {
  return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name) {
  return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int remove(const char *name) {
  struct stat status;
  if (lstat(name, &status) != 0) return -1;
  return unlinkat(AT_FDCWD, name, S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0);
}

int mkdirat(int at, const char *name, mode_t mode) {
  char path[PATH_MAX];
  struct stat status;
  bool watched = disk_path(at, name, path) && lstat(path, &status) != 0;
  if (watched) {
    int error = disk_begin(OPERATION_NAME, "make", path, 0, 0);
    if (error != 0) return fail(error);
  }
  int result = (int)syscall(SYS_mkdirat, at, name, mode);
  if (result == 0 && watched) disk_made_folder(path);
  return result;
}

int mkdir(const char *name, mode_t mode) {
  return mkdirat(AT_FDCWD, name, mode);
}

int link(const char *from, const char *to) {
  char path[PATH_MAX];
  return disk_path(AT_FDCWD, to, path) ? fail(EPERM) : (int)syscall(SYS_link, from, to);
}

int truncate(const char *name, off_t size) {
  char path[PATH_MAX];
  return disk_path(AT_FDCWD, name, path) ? fail(EPERM) : (int)syscall(SYS_truncate, name, size);
}
