/* simulated_disk.c -- what the disk holds, what a process sees, and what a cut makes of the difference. */
#include "simulated_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../c/random.h"
#include "disk_names.h"

enum { SECTOR = 512, PAGE = 4096, FDS_MAX = 4096, BLOCK = 1 << 16 };

struct image {
  uint8_t *bytes;
  size_t size, capacity;
};

/* Of a file, since its last sync, the oldest first. */
struct change {
  struct change *next;
  uint64_t offset;      /* where the bytes stand, or where the file ends from now on */
  size_t size;
  bool truncates;
  bool syncs;           /* by itself, being written to an O_DSYNC file */
  bool synced;          /* so it is durable, though older ones are not */
  bool stuck;           /* a sync of it failed; never if it is synced */
  uint8_t bytes[];
};

struct disk_file {
  struct disk_file *next;
  bool is_folder;
  bool mapped;          /* it is written to in ways that nobody sees, and the disk never hears of it */
  bool reached;
  struct image now, durable;
  struct change *changes, **last;
};

/* What an fd of the process stands for; `path` NULL: nothing of ours. */
struct open_file {
  char *path;
  struct disk_file *file;
  bool syncs;           /* O_DSYNC */
  bool unheard;         /* a sync by another fd failed, and this one has not been told */
};

static struct {
  char *folder;                 /* NULL: nothing is watched */
  struct random random;
  uint64_t operations, cut_at, fail_at, fail_count;
  int fail_error;
  bool lies, tells;
  struct disk_file *files;
  struct names now, durable;
  struct renamings renamings;
  struct open_file open[FDS_MAX];
} disk;

/* ---- small things ---------------------------------------------------------------------------------------- */

_Noreturn static void give_up(const char *what, const char *path) {
  fprintf(stderr, "simulated disk: %s: %s\n", what, path);
  abort();
}

static void *allocate(size_t size) {
  void *memory = calloc(1, size > 0 ? size : 1);
  if (memory == NULL) give_up("no memory", "");
  return memory;
}

static void image_resize(struct image *image, size_t size) {
  if (size > image->capacity) {
    image->capacity = 2 * size;
    image->bytes = realloc(image->bytes, image->capacity);
    if (image->bytes == NULL) give_up("no memory", "");
  }
  if (size > image->size) memset(image->bytes + image->size, 0, size - image->size);
  image->size = size;
}

static void image_put(struct image *image, uint64_t offset, const void *bytes, size_t size) {
  if (size == 0) return;
  if (offset + size > image->size) image_resize(image, (size_t)offset + size);
  memcpy(image->bytes + offset, bytes, size);
}

static void image_apply(struct image *image, const struct change *change) {
  if (change->truncates) image_resize(image, (size_t)change->offset);
  else image_put(image, change->offset, change->bytes, change->size);
}

static struct disk_file *file_new(bool is_folder) {
  struct disk_file *file = allocate(sizeof *file);
  file->is_folder = is_folder;
  file->last = &file->changes;
  file->next = disk.files;
  disk.files = file;
  return file;
}

static void file_forget_changes(struct disk_file *file) {
  while (file->changes != NULL) {
    struct change *change = file->changes;
    file->changes = change->next;
    free(change);
  }
  file->last = &file->changes;
}

static void file_free(struct disk_file *file) {
  file_forget_changes(file);
  free(file->now.bytes);
  free(file->durable.bytes);
  free(file);
}

static bool is_recording(void) {
  return disk.cut_at == 0 || disk.operations <= disk.cut_at;
}

/* Of a sync that is the cut nothing has happened. */
static bool is_syncing(void) {
  return !disk.lies && (disk.cut_at == 0 || disk.operations < disk.cut_at);
}

/* ---- watching -------------------------------------------------------------------------------------------- */

static void check_closed(void) {
  for (size_t i = 0; i < FDS_MAX; i++) {
    if (disk.open[i].path != NULL) give_up("still open", disk.open[i].path);
  }
}

void disk_unwatch(void) {
  check_closed();
  names_clear(&disk.now);
  names_clear(&disk.durable);
  renamings_clear(&disk.renamings);
  while (disk.files != NULL) {
    struct disk_file *file = disk.files;
    disk.files = file->next;
    file_free(file);
  }
  free(disk.folder);
  disk.folder = NULL;
}

void disk_watch(const char *folder, uint64_t seed) {
  disk_unwatch();
  if (folder[0] != '/') give_up("not an absolute path", folder);
  disk.folder = strdup(folder);
  disk.random.state = seed;
  disk.operations = disk.cut_at = disk.fail_at = 0;
  disk.lies = false;
  struct disk_file *top = file_new(true);
  names_put(&disk.now, folder, top);
  names_put(&disk.durable, folder, top);
}

uint64_t disk_operations(void) {
  return disk.operations;
}

void disk_cut_at(uint64_t operation) {
  disk.cut_at = operation;
}

bool disk_is_cut(void) {
  return disk.cut_at != 0 && disk.operations >= disk.cut_at;
}

void disk_fail_at(uint64_t operation, uint64_t count, int error) {
  disk.fail_at = operation;
  disk.fail_count = count;
  disk.fail_error = error;
}

void disk_lie(bool lies) {
  disk.lies = lies;
}

void disk_tell(bool tells) {
  disk.tells = tells;
}

struct disk_file *disk_file_of(int fd) {
  return fd >= 0 && fd < FDS_MAX ? disk.open[fd].file : NULL;
}

const char *disk_path_of(int fd) {
  return fd >= 0 && fd < FDS_MAX ? disk.open[fd].path : NULL;
}

bool disk_path(int at, const char *name, char *path) {
  if (disk.folder == NULL) return false;
  const char *folder = name[0] == '/' ? NULL : disk_path_of(at);
  if (name[0] != '/' && folder == NULL) return false;
  int printed = folder == NULL ? snprintf(path, PATH_MAX, "%s", name) : snprintf(path, PATH_MAX, "%s/%s", folder, name);
  if (printed < 0 || printed >= PATH_MAX) give_up("too long a path", name);
  size_t size = (size_t)printed;
  if (size > 2 && strcmp(path + size - 2, "/.") == 0) path[size -= 2] = 0;
  while (size > 1 && path[size - 1] == '/') path[--size] = 0;
  size_t root = strlen(disk.folder);
  if (strncmp(path, disk.folder, root) != 0 || (path[root] != 0 && path[root] != '/')) return false;
  if (strstr(path, "/../") != NULL || strstr(path, "//") != NULL) give_up("not a plain path", path);
  return true;
}

int disk_begin(enum operation operation, const char *what, const char *path, uint64_t offset, uint64_t size) {
  disk.operations++;
  bool fails = disk.fail_at != 0 && disk.operations >= disk.fail_at
    && disk.operations - disk.fail_at < disk.fail_count;
  if (disk.tells) {
    fprintf(stderr, "# %6" PRIu64 " %s %s", disk.operations, what, path + strlen(disk.folder));
    if (operation == OPERATION_WRITE) fprintf(stderr, " %" PRIu64 "+%" PRIu64, offset, size);
    fprintf(stderr, "%s%s\n", fails ? " (fails)" : "", disk_is_cut() ? " (cut)" : "");
  }
  return fails ? disk.fail_error : 0;
}

/* ---- what happened to the real files ----------------------------------------------------------------------- */

static void add_change(struct disk_file *file, uint64_t offset, const void *bytes, size_t size, bool truncates,
                       bool syncs) {
  struct change *change = allocate(sizeof *change + size);
  change->offset = offset;
  change->size = size;
  change->truncates = truncates;
  change->syncs = syncs && !disk.lies;
  change->synced = syncs && is_syncing();
  if (size > 0) memcpy(change->bytes, bytes, size);
  image_apply(&file->now, change);
  *file->last = change;
  file->last = &change->next;
}

void disk_opened(int fd, const char *path, int flags, bool existed) {
  if (fd >= FDS_MAX) give_up("too many files", path);
  struct open_file *open_file = &disk.open[fd];
  free(open_file->path);
  *open_file = (struct open_file){ .path = strdup(path), .syncs = (flags & O_DSYNC) != 0 };
  struct disk_file *file = names_find(&disk.now, path);
  if (!existed && is_recording()) {
    file = file_new(false);
    names_put(&disk.now, path, file);
    renamings_add(&disk.renamings, NULL, path, file);
  } else if (existed && (flags & O_TRUNC) != 0 && is_recording()) {
    add_change(file, 0, NULL, 0, true, false);
  }
  if (file == NULL && is_recording()) give_up("opened, but never seen", path);
  open_file->file = file;
}

void disk_closed(int fd) {
  if (fd < 0 || fd >= FDS_MAX || disk.open[fd].path == NULL) return;
  free(disk.open[fd].path);
  disk.open[fd] = (struct open_file){ 0 };
}

void disk_mapped(int fd) {
  disk.open[fd].file->mapped = true;
}

bool disk_syncs(int fd) {
  return disk.open[fd].syncs;
}

void disk_written(int fd, uint64_t offset, const void *bytes, size_t size, bool failed) {
  const struct open_file *open_file = &disk.open[fd];
  if (is_recording()) add_change(open_file->file, offset, bytes, size, false, open_file->syncs && !failed);
  if (failed) disk_synced(fd, true);
}

void disk_truncated(int fd, uint64_t size) {
  if (is_recording()) add_change(disk.open[fd].file, size, NULL, 0, true, false);
}

static bool by_chance(void) {
  return random_once_in(&disk.random, 2) != 0;
}

/* Brings what a process sees of a range to the disk. */
static void bring(struct disk_file *file, uint64_t from, uint64_t to) {
  if (to > file->now.size) to = file->now.size;
  if (from < to) image_put(&file->durable, from, file->now.bytes + from, (size_t)(to - from));
}

static void sync_content(struct disk_file *file) {
  image_resize(&file->durable, file->now.size);
  struct change **at = &file->changes;
  while (*at != NULL) {
    struct change *change = *at;
    if (change->stuck) {
      at = &change->next;
      continue;
    }
    uint64_t end = change->truncates ? file->now.size : change->offset + change->size;
    bring(file, change->offset / PAGE * PAGE, (end + PAGE - 1) / PAGE * PAGE);
    *at = change->next;
    free(change);
  }
  file->last = at;
}

/* Some sectors of a change. */
static void apply_sectors(struct image *image, const struct change *change) {
  if (change->truncates) {
    if (by_chance()) image_apply(image, change);
    return;
  }
  for (uint64_t from = change->offset, end = from + change->size; from < end;) {
    uint64_t to = (from / SECTOR + 1) * SECTOR;
    if (to > end) to = end;
    if (by_chance()) image_put(image, from, change->bytes + (from - change->offset), (size_t)(to - from));
    from = to;
  }
}

/* Which of them reached the disk is decided here and now, for the system has forgotten that they did not. What synced by
 * itself has reached it, and is over what is older: none of it may be applied again, over what is still to come. */
static void fail_sync(struct disk_file *file) {
  struct change **at = &file->changes;
  while (*at != NULL) {
    struct change *change = *at;
    if (change->synced) {
      image_apply(&file->durable, change);
      *at = change->next;
      free(change);
      continue;
    }
    if (!change->stuck) apply_sectors(&file->durable, change);
    change->stuck = true;
    at = &change->next;
  }
  file->last = at;
}

bool disk_hears(int fd) {
  bool unheard = disk.open[fd].unheard;
  disk.open[fd].unheard = false;
  return unheard;
}

void disk_synced(int fd, bool failed) {
  const struct open_file *open_file = &disk.open[fd];
  for (int other = 0; failed && other < FDS_MAX; other++) {
    if (other != fd && disk.open[other].file == open_file->file) disk.open[other].unheard = true;
  }
  if (!is_syncing()) return;
  if (open_file->file->is_folder) {
    if (!failed) renamings_sync(&disk.renamings, open_file->path, &disk.durable);
  } else if (failed) {
    fail_sync(open_file->file);
  } else {
    sync_content(open_file->file);
  }
}

void disk_renamed(const char *from, const char *to) {
  if (!is_recording()) return;
  struct disk_file *file = names_find(&disk.now, from);
  if (file == NULL || file->is_folder || !names_are_sisters(from, to)) give_up("renamed", to);
  names_remove(&disk.now, from);
  names_put(&disk.now, to, file);
  renamings_add(&disk.renamings, from, to, file);
  for (size_t i = 0; i < FDS_MAX; i++) {
    if (disk.open[i].file != file) continue;
    free(disk.open[i].path);
    disk.open[i].path = strdup(to);
  }
}

void disk_removed(const char *path) {
  if (!is_recording()) return;
  names_remove(&disk.now, path);
  renamings_add(&disk.renamings, path, NULL, NULL);
}

void disk_made_folder(const char *path) {
  if (!is_recording()) return;
  struct disk_file *folder = file_new(true);
  names_put(&disk.now, path, folder);
  renamings_add(&disk.renamings, NULL, path, folder);
}

/* ---- the cut --------------------------------------------------------------------------------------------- */

/* What is left of a change that no sync covered. */
static void lose_change(struct image *image, const struct change *change, enum loss loss, bool is_last) {
  if (change->stuck || loss == LOSS_ALL) return;
  if (loss == LOSS_NONE || (loss == LOSS_LAST && !is_last)) {
    image_apply(image, change);
  } else if (loss == LOSS_SOME) {
    if (by_chance()) image_apply(image, change);
  } else {
    apply_sectors(image, change);
  }
}

/* Everything up to a byte of one change, which is drawn. */
static void lose_behind(struct disk_file *file) {
  size_t count = 0, at = 0;
  for (const struct change *change = file->changes; change != NULL; change = change->next) {
    count += !change->stuck && !change->synced;
  }
  size_t end = count == 0 ? 0 : (size_t)random_below(&disk.random, count);
  for (const struct change *change = file->changes; change != NULL; change = change->next) {
    if (change->synced) {
      image_apply(&file->durable, change);
    } else if (!change->stuck) {
      if (at < end) image_apply(&file->durable, change);
      if (at == end && !change->truncates && change->size > 0) {
        image_put(&file->durable, change->offset, change->bytes, (size_t)random_below(&disk.random, change->size));
      }
      at++;
    }
  }
}

static void lose_content(struct disk_file *file, enum loss loss) {
  if (file->changes != NULL && loss == LOSS_BEHIND) {
    lose_behind(file);
  } else {
    for (const struct change *change = file->changes; change != NULL; change = change->next) {
      if (change->synced) image_apply(&file->durable, change);
      else lose_change(&file->durable, change, loss, change->next == NULL);
    }
  }
  /* The size of a file may be on disk while what was written there is not. */
  if (file->changes != NULL && file->now.size > file->durable.size && loss != LOSS_ALL && by_chance()) {
    image_resize(&file->durable, file->now.size);
  }
  file_forget_changes(file);
  file->now.size = 0;
  image_put(&file->now, 0, file->durable.bytes, file->durable.size);
}

static void forget_unreached(void) {
  for (struct disk_file *file = disk.files; file != NULL; file = file->next) file->reached = false;
  for (size_t i = 0; i < disk.now.count; i++) disk.now.list[i].file->reached = true;
  for (size_t i = 0; i < disk.durable.count; i++) disk.durable.list[i].file->reached = true;
  for (const struct renaming *it = disk.renamings.first; it != NULL; it = it->next) {
    if (it->file != NULL) it->file->reached = true;
  }
  for (struct disk_file **at = &disk.files; *at != NULL;) {
    struct disk_file *file = *at;
    if (file->reached) {
      at = &file->next;
    } else {
      *at = file->next;
      file_free(file);
    }
  }
}

static int remove_unknown(const char *path, const struct stat *status, int type, struct FTW *where) {
  (void)status;
  (void)type;
  (void)where;
  return names_find(&disk.now, path) == NULL ? remove(path) : 0;
}

static void check_real(bool fine, const char *path) {
  if (!fine) give_up(strerror(errno), path);
}

static void write_real(const char *path, const struct image *image) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  check_real(fd >= 0 && ftruncate(fd, (off_t)image->size) == 0, path);
  for (size_t from = 0; from < image->size; from += BLOCK) {
    size_t size = image->size - from < BLOCK ? image->size - from : BLOCK;
    const uint8_t *bytes = image->bytes + from;
    if (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0) continue;
    check_real(pwrite(fd, bytes, size, (off_t)from) == (ssize_t)size, path);
  }
  close(fd);
}

/* Makes the real files those of disk.now. Meanwhile nothing is watched. */
static void write_files(bool mapped_too) {
  check_closed();
  char *folder = disk.folder;
  disk.folder = NULL;
  nftw(folder, remove_unknown, 16, FTW_DEPTH | FTW_PHYS);
  for (size_t i = 0; i < disk.now.count; i++) {
    const struct name *name = &disk.now.list[i];
    if (name->file->is_folder) check_real(mkdir(name->path, 0700) == 0 || errno == EEXIST, name->path);
    else if (mapped_too || !name->file->mapped) write_real(name->path, &name->file->now);
  }
  disk.folder = folder;
  disk.cut_at = disk.fail_at = 0;
}

/* No signal ends a process in the middle of a write that syncs by itself. */
void disk_kill(void) {
  for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
    for (struct change *change = file->changes; change != NULL; change = change->next) change->synced |= change->syncs;
  }
  write_files(false);
}

void disk_lose(enum loss loss) {
  for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
    if (!file->is_folder) lose_content(file, loss);
  }
  for (struct renaming *it = disk.renamings.first; it != NULL; it = it->next) {
    if (loss == LOSS_NONE || loss == LOSS_LAST || (loss != LOSS_ALL && by_chance())) names_apply(&disk.durable, it);
  }
  renamings_clear(&disk.renamings);
  names_drop_orphans(&disk.durable, disk.folder);
  names_copy(&disk.now, &disk.durable);
  forget_unreached();
  write_files(by_chance());
}

void disk_audit(void) {
  if (disk_is_cut()) return;
  for (size_t i = 0; i < disk.now.count; i++) {
    const struct name *name = &disk.now.list[i];
    const struct image *image = &name->file->now;
    if (name->file->is_folder || name->file->mapped) continue;
    int fd = open(name->path, O_RDONLY | O_CLOEXEC);
    check_real(fd >= 0, name->path);
    uint8_t *bytes = allocate(image->size + 1);
    ssize_t size = pread(fd, bytes, image->size + 1, 0);
    if (size != (ssize_t)image->size || (size > 0 && memcmp(bytes, image->bytes, image->size) != 0)) {
      give_up("written to out of sight", name->path);
    }
    free(bytes);
    close(fd);
  }
}
