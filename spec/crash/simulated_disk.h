/* simulated_disk.h -- a disk that loses what was not synced.
 *
 * WHY     A crash on a real machine keeps nearly everything, for the system's memory outlives the process, and a power
 *         cut cannot be had a hundred thousand times. Here the files below one folder are kept twice: as a process sees
 *         them, and as the disk holds them, with each change since the last sync in between.
 * WORDS   A *change* is a write to a file or the end of it that was moved. A *renaming* is a name in a folder that came,
 *         went or changed. An *operation* is each of these, and each sync; they are numbered from 1 on. The *cut* is the
 *         operation from which on nothing reaches the disk.
 * THREAD  One.
 * OWNS    What stands in the folder. Real files hold what a process sees, so that reads and maps need no help.
 * STATES  watching -> cut (the operation was begun, and may be half done) -> watching, by disk_kill() or disk_lose()
 * ALWAYS  1. A sync of a file makes its content durable and not its name; a sync of a folder makes the names in it
 *            durable and not what the files hold.
 *         2. Of changes that are not durable any part may be lost, each 512 bytes for themselves; of renamings each.
 *         3. After a sync that failed, be it that of a write which syncs by itself, its changes can be read, and no later
 *            sync brings them to the disk. Only a page that is written to again leaves as a whole. Each other fd of the
 *            file hears of the failure, with its next sync.
 * LIMITS  Folders are neither renamed nor linked; files are renamed within their folder. Anything else aborts by name.
 */
#ifndef TROUPE_SIMULATED_DISK_H
#define TROUPE_SIMULATED_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a power cut leaves of changes that were not synced. */
enum loss {
  LOSS_ALL,         /* nothing */
  LOSS_NONE,        /* everything */
  LOSS_SOME,        /* some changes, whole */
  LOSS_SECTORS,     /* some sectors of some changes */
  LOSS_LAST,        /* all but a part of the last change of each file */
  LOSS_BEHIND,      /* all up to a byte */
  LOSS_COUNT
};

enum operation { OPERATION_WRITE, OPERATION_NAME, OPERATION_SYNC };

/* Forgets all, and watches a folder from now on: an absolute path, of an empty folder that is there. The same seed loses
 * the same. */
void disk_watch(const char *folder, uint64_t seed);
void disk_unwatch(void);

uint64_t disk_operations(void);

/* Cuts at an operation; 0: not. */
void disk_cut_at(uint64_t operation);
bool disk_is_cut(void);

/* So many operations from one on fail with an errno. */
void disk_fail_at(uint64_t operation, uint64_t count, int error);

/* Whether syncs only pretend: to see that somebody notices. */
void disk_lie(bool lies);

/* Whether each operation is told on standard error. */
void disk_tell(bool tells);

/* The process was killed at the cut, or ended just now: what it saw then stays, and is as durable as it was. No file of
 * the folder may be open. */
void disk_kill(void);

/* The power was cut, likewise: what is left is in the files and durable. */
void disk_lose(enum loss loss);

/* Aborts where a file holds something else than what was written in sight of the disk. */
void disk_audit(void);

/* ---- for the calls that are watched (watched_calls.c); `fd` is one of the process ------------------------- */

struct disk_file;

/* The file behind an fd, or NULL: not watched. */
struct disk_file *disk_file_of(int fd);

/* The watched path that a name means, into `path` of PATH_MAX bytes; false where it is none. */
bool disk_path(int at, const char *name, char *path);
const char *disk_path_of(int fd);

/* Whether writes by this fd sync by themselves. */
bool disk_syncs(int fd);

/* Begins an operation. Answers 0, or the errno with which it is to fail. */
int disk_begin(enum operation operation, const char *what, const char *path, uint64_t offset, uint64_t size);

/* What happened to the real files. */
void disk_opened(int fd, const char *path, int flags, bool existed);
void disk_closed(int fd);
void disk_mapped(int fd);
void disk_written(int fd, uint64_t offset, const void *bytes, size_t size, bool failed);      /* failed: its own sync */
void disk_truncated(int fd, uint64_t size);
void disk_synced(int fd, bool failed);
bool disk_hears(int fd);      /* of a sync by another fd that failed; once */
void disk_renamed(const char *from, const char *to);
void disk_removed(const char *path);
void disk_made_folder(const char *path);

#endif
