/* folder.c -- takes a data folder into use, or says why not. */
#include "ledger/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/disk.h"
#include "base/mem.h"
#include "codec/base64.h"

#define FORMAT_TEXT "troupe 3"

/* Those before it have actor ids without shards; 1 has no log. */
enum format { FORMAT_NONE, FORMAT_1, FORMAT_2, FORMAT_OURS, FORMAT_COUNT };

static const char *const names[FORMAT_COUNT] = {
  [FORMAT_1] = "troupe 1", [FORMAT_2] = "troupe 2", [FORMAT_OURS] = FORMAT_TEXT,
};

enum { FORMAT_SIZE_MAX = 64, TOKEN_FILE_SIZE_MAX = 256, RANDOM_SIZE = 32 };

struct folder {
  int lock;               /* -1: not ours */
  bool is_still;          /* the lock is a shared one, for readers */
  enum format format;
  char path[PATH_MAX];
  char store_path[PATH_MAX];
  char log_path[PATH_MAX];
  char token[FOLDER_TOKEN_SIZE + 1];      /* empty: there is none */
};

static enum err refuse(struct failure *failure, const char *what, const char *path, int error) {
  return failure_set(failure, ERR_REQUEST, "%s %s: %s", what, path, strerror(error));
}

/* Writes the path of a file in the folder into `joined`, of PATH_MAX bytes. */
static enum err join(const char *path, const char *name, char *joined, struct failure *failure) {
  int size = snprintf(joined, PATH_MAX, "%s/%s", path, name);
  if (size >= 0 && size < PATH_MAX) return ERR_NONE;
  return refuse(failure, "cannot use the data folder", path, ENAMETOOLONG);
}

/* Whether this may be left from a start that was cut off before it made FORMAT, or belongs to the top folder of a disk. */
static bool is_harmless(const char *name) {
  static const char *const harmless[] = { ".", "..", "LOCK", "FORMAT.new", "lost+found" };
  for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
    if (strcmp(name, harmless[i]) == 0) return true;
  }
  return false;
}

/* Refuses a folder that holds something but no FORMAT: we put nothing into what belongs to somebody else. */
static enum err check_ours(const char *path, struct failure *failure) {
  DIR *dir = opendir(path);
  if (dir == NULL) return refuse(failure, "cannot read the data folder", path, errno);
  bool has_format = false;
  char other[NAME_MAX + 1] = "";
  errno = 0;
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (strcmp(entry->d_name, "FORMAT") == 0) has_format = true;
    else if (!is_harmless(entry->d_name)) snprintf(other, sizeof other, "%s", entry->d_name);
  }
  int error = errno;
  closedir(dir);
  if (error != 0) return refuse(failure, "cannot read the data folder", path, error);
  if (has_format || other[0] == 0) return ERR_NONE;
  return failure_set(failure, ERR_REQUEST, "%s is not a data folder of Troupe: it holds %s, but no FORMAT", path, other);
}

static bool is_line(struct slice content, const char *text) {
  size_t size = strlen(text);
  return content.size == size + 1 && content.data[size] == '\n' && memcmp(content.data, text, size) == 0;
}

/* Which format a folder has; an error if this host does not know it. */
static enum err read_format(const char *path, enum format *format, struct failure *failure) {
  char file[PATH_MAX];
  enum err err = join(path, "FORMAT", file, failure);
  if (err != ERR_NONE) return err;
  struct buf content = {0};
  int error = disk_read_file(file, FORMAT_SIZE_MAX, &content);
  *format = FORMAT_NONE;
  for (enum format known = FORMAT_1; error == 0 && known < FORMAT_COUNT; known++) {
    if (is_line(buf_slice(&content), names[known])) *format = known;
  }
  if (error != 0 && error != ENOENT && error != EFBIG) {
    err = refuse(failure, "cannot read", file, error);
  } else if (error != ENOENT && *format == FORMAT_NONE) {
    size_t size = content.size > 0 && content.data[content.size - 1] == '\n' ? content.size - 1 : content.size;
    err = failure_set(failure, ERR_REQUEST, "the data folder %s has the format \"%.*s\"; this host knows \"%s\" only", path,
                      error == EFBIG ? 3 : (int)size, error == EFBIG ? "..." : (const char *)content.data, FORMAT_TEXT);
  }
  buf_done(&content);
  return err;
}

static bool is_old(enum format format) {
  return format == FORMAT_1 || format == FORMAT_2;
}

static enum err refuse_old(const char *path, enum format format, struct failure *failure) {
  return failure_set(failure, ERR_REQUEST, "the data folder %s has the format \"%s\" of an older version, and this one keeps "
                     "\"%s\": `troupe backup %s NEW` copies it to a new folder in that format, which can then be served", path,
                     names[format], FORMAT_TEXT, path);
}

static enum err write_format(const char *path, struct failure *failure) {
  char file[PATH_MAX];
  enum err err = join(path, "FORMAT", file, failure);
  if (err != ERR_NONE) return err;
  int error = disk_write_file(file, slice_text(FORMAT_TEXT "\n"), 0600);
  return error == 0 ? ERR_NONE : refuse(failure, "cannot write", file, error);
}

/* Refuses a folder that another version wrote; marks a new one as ours. */
static enum err check_format(const char *path, struct failure *failure) {
  enum format format;
  enum err err = read_format(path, &format, failure);
  if (err != ERR_NONE) return err;
  if (is_old(format)) return refuse_old(path, format, failure);
  if (format == FORMAT_NONE) return write_format(path, failure);
  int error = disk_sync_folder(path);   /* FORMAT may be from a start that ended before this sync */
  return error == 0 ? ERR_NONE : refuse(failure, "cannot sync the data folder", path, error);
}

/* Whether this is a whole token. One that was copied by hand may have lost its line end. */
static bool token_is_whole(struct slice content) {
  if (content.size == FOLDER_TOKEN_SIZE + 1 && content.data[FOLDER_TOKEN_SIZE] == '\n') content.size--;
  if (content.size != FOLDER_TOKEN_SIZE) return false;
  for (size_t i = 0; i < content.size; i++) {
    if (content.data[i] == 0 || strchr(base64_url_letters, content.data[i]) == NULL) return false;
  }
  return true;
}

/* Reads the token. Returns an errno; or 0, with the failure set if the file holds something else. */
static int token_read(const char *file, char token[FOLDER_TOKEN_SIZE + 1], struct failure *failure) {
  struct buf content = {0};
  int error = disk_read_file(file, TOKEN_FILE_SIZE_MAX, &content);
  if (error == EFBIG || (error == 0 && !token_is_whole(buf_slice(&content)))) {
    failure_set(failure, ERR_REQUEST, "%s holds no token of %d characters (A-Z a-z 0-9 - _); delete it, and the next start "
                "makes a new one", file, FOLDER_TOKEN_SIZE);
    error = 0;
  } else if (error == 0) {
    memcpy(token, content.data, FOLDER_TOKEN_SIZE);
    token[FOLDER_TOKEN_SIZE] = 0;
  }
  buf_done(&content);
  return error;
}

static enum err token_write(const char *file, struct slice token, struct failure *failure) {
  char line[FOLDER_TOKEN_SIZE + 1];
  CHECK_THAT(token.size, ==, FOLDER_TOKEN_SIZE);
  memcpy(line, token.data, FOLDER_TOKEN_SIZE);
  line[FOLDER_TOKEN_SIZE] = '\n';
  int error = disk_write_file(file, slice_of(line, sizeof line), 0600);
  return error == 0 ? ERR_NONE : refuse(failure, "cannot write", file, error);
}

static enum err token_make(const char *file, char token[FOLDER_TOKEN_SIZE + 1], struct failure *failure) {
  uint8_t bytes[RANDOM_SIZE];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    return refuse(failure, "cannot make a random token for", file, errno);
  }
  *base64_write(slice_of(bytes, sizeof bytes), base64_url_letters, token) = 0;
  return token_write(file, slice_of(token, FOLDER_TOKEN_SIZE), failure);
}

/* Reads the token, if there is one. */
static enum err token_look(const char *path, char token[FOLDER_TOKEN_SIZE + 1], struct failure *failure) {
  char file[PATH_MAX];
  enum err err = join(path, "token", file, failure);
  if (err != ERR_NONE) return err;
  int error = token_read(file, token, failure);
  if (error == ENOENT) return ERR_NONE;
  return error != 0 ? refuse(failure, "cannot read", file, error) : failure->err;
}

static enum err lock(const char *path, int *fd, struct failure *failure) {
  char file[PATH_MAX];
  enum err err = join(path, "LOCK", file, failure);
  if (err != ERR_NONE) return err;
  int error = disk_lock(file, fd);
  if (error == 0) return ERR_NONE;
  if (error != EWOULDBLOCK) return refuse(failure, "cannot lock", file, error);
  bool is_read = disk_lock_shared(file, fd) == 0;
  disk_unlock(fd);
  if (is_read) {
    return failure_set(failure, ERR_REQUEST, "the data folder %s is being read by a backup or verify that may not write there: "
                       "wait for its end", path);
  }
  return failure_set(failure, ERR_REQUEST, "the data folder %s is in use by another host", path);
}

/* Whether a file can be written to, or made if it is missing. */
static bool is_writable(const char *file, const char *folder) {
  if (faccessat(AT_FDCWD, file, R_OK | W_OK, AT_EACCESS) == 0) return true;
  return errno == ENOENT && faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) == 0;
}

/* A reader of the store registers in LMDB's lock.mdb, so that a host does not reuse a page that is being read. A process that
 * cannot write there keeps hosts away instead. */
static enum err keep_still(struct folder *folder, struct failure *failure) {
  char readers[PATH_MAX], file[PATH_MAX];
  enum err err = join(folder->store_path, "lock.mdb", readers, failure);
  if (err == ERR_NONE) err = join(folder->path, "LOCK", file, failure);
  if (err != ERR_NONE || is_writable(readers, folder->store_path)) return err;
  int error = disk_lock_shared(file, &folder->lock);
  folder->is_still = error == 0;
  if (error == 0) return ERR_NONE;
  if (error == EWOULDBLOCK) {
    return failure_set(failure, ERR_UNAUTHORIZED, "a host runs on %s: a reader must then be able to write to %s, "
                       "which tells the host what is being read", folder->path, readers);
  }
  return failure_set(failure, disk_err(error, ERR_REQUEST), "cannot read %s, which tells whether a host runs (%s), nor write "
                     "to %s, which tells a host what is being read", file, strerror(error), readers);
}

static enum err make_folder(const char *path, struct failure *failure) {
  int error = disk_make_folder(path);
  return error == 0 ? ERR_NONE : refuse(failure, "cannot make the data folder", path, error);
}

static struct folder *folder_new(void) {
  struct folder *folder = mem_zero(sizeof *folder);
  folder->lock = -1;
  return folder;
}

/* Hands on the folder that was opened, or closes it after an error. */
static enum err hand_on(enum err err, struct folder *made, struct folder **folder) {
  if (err == ERR_NONE) *folder = made;
  else folder_close(made);
  return err;
}

static enum err name_all(struct folder *folder, const char *path, struct failure *failure) {
  enum err err = join(path, "store", folder->store_path, failure);
  if (err == ERR_NONE) err = join(path, "log", folder->log_path, failure);
  if (err == ERR_NONE) memcpy(folder->path, path, strlen(path) + 1);
  return err;
}

static enum err make_rooms(struct folder *folder, struct failure *failure) {
  enum err err = make_folder(folder->store_path, failure);
  return err == ERR_NONE ? make_folder(folder->log_path, failure) : err;
}

enum err folder_open(const char *path, struct folder **folder, struct failure *failure) {
  CHECK_THAT(failure->err, ==, ERR_NONE);
  *folder = NULL;
  struct folder *made = folder_new();
  enum err err = name_all(made, path, failure);
  if (err == ERR_NONE) err = make_folder(path, failure);
  if (err == ERR_NONE) err = check_ours(path, failure);
  if (err == ERR_NONE) err = lock(path, &made->lock, failure);
  if (err == ERR_NONE) err = check_format(path, failure);
  if (err == ERR_NONE) err = make_rooms(made, failure);
  if (err == ERR_NONE) err = token_look(path, made->token, failure);
  return hand_on(err, made, folder);
}

bool folder_is_begun(const struct folder *folder) {
  return folder->token[0] != 0;
}

enum err folder_begin(struct folder *folder, struct failure *failure) {
  char file[PATH_MAX];
  if (folder_is_begun(folder)) return ERR_NONE;
  enum err err = join(folder->path, "token", file, failure);
  return err == ERR_NONE ? token_make(file, folder->token, failure) : err;
}

enum err folder_look(const char *path, bool old_too, struct folder **folder, struct failure *failure) {
  CHECK_THAT(failure->err, ==, ERR_NONE);
  *folder = NULL;
  struct folder *made = folder_new();
  enum err err = name_all(made, path, failure);
  if (err == ERR_NONE) err = read_format(path, &made->format, failure);
  if (err == ERR_NONE && made->format == FORMAT_NONE) {
    err = failure_set(failure, ERR_REQUEST, "%s is not a data folder of Troupe: it holds no FORMAT", path);
  } else if (err == ERR_NONE && is_old(made->format) && !old_too) {
    err = refuse_old(path, made->format, failure);
  }
  if (err == ERR_NONE) err = keep_still(made, failure);
  return hand_on(err, made, folder);
}

bool folder_is_old(const struct folder *folder) {
  return is_old(folder->format);
}

bool folder_has_log(const struct folder *folder) {
  return folder->format != FORMAT_1;
}

enum err folder_make(const char *path, struct folder **folder, struct failure *failure) {
  CHECK_THAT(failure->err, ==, ERR_NONE);
  *folder = NULL;
  struct folder *made = folder_new();
  enum format format = FORMAT_NONE;
  enum err err = name_all(made, path, failure);
  if (err == ERR_NONE) err = make_folder(path, failure);
  if (err == ERR_NONE) err = check_ours(path, failure);
  if (err == ERR_NONE) err = read_format(path, &format, failure);
  if (err == ERR_NONE && format != FORMAT_NONE) {
    err = failure_set(failure, ERR_REQUEST, "%s is a data folder already", path);
  }
  /* store/ and log/ first: a folder with only a LOCK would pass for a host's first start that was cut off. */
  if (err == ERR_NONE) err = make_rooms(made, failure);
  if (err == ERR_NONE) err = lock(path, &made->lock, failure);
  return hand_on(err, made, folder);
}

enum err folder_finish(struct folder *folder, struct slice token, struct failure *failure) {
  char file[PATH_MAX];
  enum err err = token.size == 0 ? ERR_NONE : join(folder->path, "token", file, failure);
  if (err == ERR_NONE && token.size > 0) err = token_write(file, token, failure);
  return err == ERR_NONE ? write_format(folder->path, failure) : err;
}

void folder_close(struct folder *folder) {
  if (folder == NULL) return;
  disk_unlock(&folder->lock);
  mem_free(folder);
}

bool folder_is_still(const struct folder *folder) {
  return folder->is_still;
}

const char *folder_store_path(const struct folder *folder) {
  return folder->store_path;
}

const char *folder_log_path(const struct folder *folder) {
  return folder->log_path;
}

const char *folder_token(const struct folder *folder) {
  return folder->token;
}

enum err folder_read_token(const char *path, struct buf *token, struct failure *failure) {
  CHECK_THAT(failure->err, ==, ERR_NONE);
  char file[PATH_MAX];
  char text[FOLDER_TOKEN_SIZE + 1];
  enum err err = join(path, "token", file, failure);
  if (err != ERR_NONE) return err;
  int error = token_read(file, text, failure);
  if (error != 0) return refuse(failure, "cannot read the operator's token", file, error);
  if (failure->err != ERR_NONE) return failure->err;
  buf_put(token, slice_of(text, FOLDER_TOKEN_SIZE));
  return token->err;
}
