/* disk.h -- files and folders as the host needs them, and the places where a test lets them fail.
 *
 * WHY     Durability is a matter of a few calls in the right order; they stand here, each checked. A fault point
 *         is a named place in front of such a call.
 * ROOM    base.
 * THREAD  Functions: any. A `struct faults` belongs to the thread that runs the ledger's steps; inline, that is the
 *         caller's.
 * ERRORS  The int functions return 0 or an errno.
 */
#ifndef TROUPE_DISK_H
#define TROUPE_DISK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/* Where writes and syncs of the ledger are to fail, and how often: set by specs, all zero in a host. */
struct faults {
  unsigned write_next;   /* so many writes fail as on a full disk */
  unsigned sync_next;    /* so many syncs fail */
  unsigned write_skip;   /* so many writes go well before those that fail */
  unsigned sync_skip;    /* so many syncs go well before those that fail */
  size_t write_part;     /* bytes of a failing write that reach the file all the same */
  int write_errno;       /* 0: ENOSPC */
  int sync_errno;        /* 0: EIO */
};

/* Returns whether the fault is due, and uses it up. */
bool faults_take_write(struct faults *faults);
bool faults_take_sync(struct faults *faults);

/* Makes a folder with mode 0700 if it is missing (its parent must exist), and syncs the parent. */
int disk_make_folder(const char *path);

/* Syncs a folder, so that what was created in it stays. */
int disk_sync_folder(const char *path);

/* Whole content of a file of at most `size_max` bytes into `into` (appended). EFBIG if it is larger, EINVAL if
 * it is not a regular file. A FIFO is never waited for. */
int disk_read_file(const char *path, size_t size_max, struct buf *into);

/* The same of a file that is open, from its beginning. */
int disk_read_open(int fd, size_t size_max, struct buf *into);

/* Writes a small file whole or not at all: to a neighbour, synced, renamed, folder synced. */
int disk_write_file(const char *path, struct slice content, mode_t mode);

/* What the ledger does to its open files; `faults` NULL: none. A write counts as one, in however many parts the system
 * takes it; after a failure any part of it may be there. */
int disk_write_at(int fd, uint64_t offset, struct slice bytes, struct faults *faults);

/* Writes so many zeros. */
int disk_zero_at(int fd, uint64_t offset, uint64_t size, struct faults *faults);

/* Ends a file at a size, and counts as a write. */
int disk_truncate(int fd, uint64_t size, struct faults *faults);

/* Syncs the bytes of a file, and as much of its metadata as it takes to read them. */
int disk_sync_data(int fd, struct faults *faults);

/* Syncs a file or folder with all of its metadata. */
int disk_sync(int fd, struct faults *faults);

/* Opens a file for reading, by its path from an open folder. ELOOP or EXDEV if the path, or a link on its way, leads out of
 * the folder, be it only to come back: a link within it must be relative. A FIFO is never waited for. -1 in `*fd` after an
 * error. */
int disk_open_below(int folder, const char *path, int *fd);

/* Whether a path leads into a folder, through any links; its last part may be missing. Also false if that is unknown. */
bool disk_is_below(const char *path, const char *folder);

/* What an errno comes to: ERR_MEMORY, ERR_UNAUTHORIZED (the system refuses this process) or ERR_OVERLOADED (it is
 * out of files, locks or room), none of which says anything about what is on disk; else `otherwise`. */
enum err disk_err(int error, enum err otherwise);

/* Locks a file for this process (and creates it if it is missing) until disk_unlock() or the process's end. EWOULDBLOCK if
 * the lock is held already, even by an earlier call of this process. */
int disk_lock(const char *path, int *fd);

/* The same for any number of readers at once, on a file that exists: EWOULDBLOCK while disk_lock() holds it, and
 * disk_lock() gets EWOULDBLOCK until disk_unlock(). */
int disk_lock_shared(const char *path, int *fd);
void disk_unlock(int *fd);

#endif
