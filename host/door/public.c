/* public.c -- see public.h. */
#include "door/public.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "door/percent.h"

#define INDEX "index.html"

/* What the host has at the beginning of a path, and no file of a user. */
static bool is_of_the_host(struct slice first) {
  static const char *const names[] = {
    "actors", "connect", "calls", "failed", "health", "client.js", "client.d.ts", "inspector", "metrics",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (slice_equal(first, slice_text(names[i]))) return true;
  }
  return false;
}

enum err public_open(const char *path, const char *data_path, int *folder, struct failure *failure) {
  struct stat opened, data;
  int probe;
  *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*folder < 0) return failure_set(failure, ERR_REQUEST, "--public %s: %s", path, strerror(errno));
  enum err err = ERR_NONE;
  int error = disk_open_below(*folder, ".", &probe);
  bool is_data = stat(data_path, &data) == 0 && fstat(*folder, &opened) == 0 && data.st_dev == opened.st_dev &&
                 data.st_ino == opened.st_ino;
  if (error != 0) {
    err = failure_set(failure, ERR_REQUEST, "--public %s: %s", path, strerror(error));
  } else if (is_data || disk_is_below(data_path, path)) {
    err = failure_set(failure, ERR_REQUEST, "--public %s: the data folder %s lies in it, and everybody could read that", path,
                      data_path);
  }
  if (error == 0) close(probe);
  if (err != ERR_NONE) {
    close(*folder);
    *folder = -1;
  }
  return err;
}

/* Whether a part of a path, decoded, can be the name of something that is served. */
static bool is_name(struct slice part) {
  if (part.size == 0 || part.data[0] == '.') return false;
  for (size_t i = 0; i < part.size; i++) {
    if (part.data[i] == '/' || part.data[i] == '\\' || part.data[i] == '\0') return false;
  }
  return true;
}

/* The path as the system wants it, with a NUL behind it. ERR_PATH: no file can have this path. */
static enum err read_path(struct slice raw, struct buf *path, struct failure *failure) {
  struct failure escape = { 0 };
  enum err err = raw.size > 0 && raw.data[0] == '/' ? ERR_NONE : ERR_PATH;
  while (err == ERR_NONE && raw.size > 0) {
    raw = slice_after(raw, 1);
    const uint8_t *slash = raw.size == 0 ? NULL : memchr(raw.data, '/', raw.size);
    struct slice part = slash == NULL ? raw : slice_of(raw.data, (size_t)(slash - raw.data));
    raw = slice_after(raw, part.size);
    if (path->size > 0) buf_put_byte(path, '/');
    size_t at = path->size;
    if (slash == NULL && part.size == 0) {
      buf_put_text(path, INDEX);
    } else if (percent_decode("the path", part, path, &escape) == ERR_REQUEST) {
      err = ERR_PATH;
    } else if (path->err == ERR_NONE) {
      struct slice decoded = slice_after(buf_slice(path), at);
      if (!is_name(decoded) || (at == 0 && is_of_the_host(decoded))) err = ERR_PATH;
    }
  }
  failure_done(&escape);
  buf_put_byte(path, '\0');
  if (path->err != ERR_NONE) return failure_set(failure, ERR_MEMORY, "no memory to read the request");
  path->size--;
  return err;
}

/* Whatever cannot be read because of where or what it is, is not there. */
static enum err open_error(int error, struct failure *failure) {
  static const int absent[] = { ENOENT, ENOTDIR, ELOOP, EXDEV, ENAMETOOLONG, EACCES, EPERM, ENXIO, ENODEV };
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
    if (error == absent[i]) return ERR_PATH;
  }
  return failure_set(failure, disk_err(error, ERR_INTERNAL), "the file cannot be opened: %s", strerror(error));
}

/* Looks at what was opened. A change of what is in a file sets its ctime, which nobody can set back; its mtime may be that
 * of another machine, or the same for all files. */
static enum err look(struct public_file *file, bool *is_folder, struct failure *failure) {
  struct stat status;
  if (fstat(file->fd, &status) != 0) return open_error(errno, failure);
  *is_folder = S_ISDIR(status.st_mode);
  if (*is_folder) return ERR_NONE;
  if (!S_ISREG(status.st_mode)) return ERR_PATH;
  file->size = (uint64_t)status.st_size;
  file->modified_s = status.st_mtim.tv_sec;
  snprintf(file->tag, sizeof file->tag, "\"%llx-%llx-%llx.%lx\"", (unsigned long long)status.st_ino,
           (unsigned long long)status.st_size, (unsigned long long)status.st_ctim.tv_sec,
           (unsigned long)status.st_ctim.tv_nsec);
  return ERR_NONE;
}

/* Closes what was found, a folder, and looks whether that has an index. */
static enum err look_into(int folder, struct public_file *file, struct failure *failure) {
  bool is_folder;
  close(file->fd);
  file->fd = -1;
  buf_put_text(&file->path, "/" INDEX);
  buf_put_byte(&file->path, '\0');
  if (file->path.err != ERR_NONE) return failure_set(failure, ERR_MEMORY, "no memory to read the request");
  int error = disk_open_below(folder, (const char *)file->path.data, &file->fd);
  enum err err = error == 0 ? look(file, &is_folder, failure) : open_error(error, failure);
  if (err == ERR_NONE && is_folder) err = ERR_PATH;
  if (file->fd >= 0) close(file->fd);
  file->fd = -1;
  return err;
}

enum err public_find(int folder, struct slice path, struct public_file *file, struct failure *failure) {
  bool is_folder = false;
  *file = (struct public_file){ .fd = -1 };
  enum err err = read_path(path, &file->path, failure);
  if (err == ERR_NONE) {
    int error = disk_open_below(folder, (const char *)file->path.data, &file->fd);
    err = error == 0 ? look(file, &is_folder, failure) : open_error(error, failure);
  }
  if (err == ERR_NONE && is_folder) err = look_into(folder, file, failure);
  if (err != ERR_NONE) public_file_done(file);
  return err;
}

void public_file_done(struct public_file *file) {
  if (file->fd >= 0) close(file->fd);
  file->fd = -1;
  buf_done(&file->path);
}
