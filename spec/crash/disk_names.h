/* disk_names.h -- the names of a simulated disk: which file a path means, and what happened to names since a sync.
 *
 * WHY     A file that is synced and whose name is not is lost all the same.
 * OWNS    Paths. Files are the disk's.
 */
#ifndef TROUPE_DISK_NAMES_H
#define TROUPE_DISK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct disk_file;

struct name {
  char *path;
  struct disk_file *file;
};

/* Sorted by path, so that a folder stands before what is in it. */
struct names {
  struct name *list;
  size_t count, capacity;
};

struct disk_file *names_find(const struct names *names, const char *path);
void names_put(struct names *names, const char *path, struct disk_file *file);
void names_remove(struct names *names, const char *path);
void names_clear(struct names *names);
void names_copy(struct names *names, const struct names *from);

/* Removes what stands in folders that are not there, but for the topmost. */
void names_drop_orphans(struct names *names, const char *top);

bool names_are_sisters(const char *a, const char *b);

/* Without `from` a file came, without `to` one went. */
struct renaming {
  struct renaming *next;
  char *from, *to;
  struct disk_file *file;
};

struct renamings {
  struct renaming *first;   /* the oldest */
};

void renamings_add(struct renamings *renamings, const char *from, const char *to, struct disk_file *file);
void renamings_clear(struct renamings *renamings);

/* Does to names what was done; where the file never had its old name, nothing. */
void names_apply(struct names *names, const struct renaming *renaming);

/* Applies what happened in one folder, and forgets it. */
void renamings_sync(struct renamings *renamings, const char *folder, struct names *names);

#endif
