/* public.h -- the folder whose files everybody may read, and what stands at a path of it.
 *
 * WHY     A page that calls actors comes from the same host, without a second server beside it (--public DIR).
 * ROOM    door. Below: base. Does not know h2o.
 * OWNS    The folder's handle is its opener's. A file that was found is its finder's, until public_file_done().
 * ALWAYS  1. Nothing outside the folder is read, whatever a path says and wherever a link leads (disk_open_below()).
 *         2. No part of a path begins with a dot: neither `..`, nor what is hidden.
 *         3. Paths that are the host's own, built or promised, are never files.
 * BYTES   The path is split at each `/` as it came; then each part is percent-decoded, once. One that ends with `/` is that
 *         of the file index.html there.
 */
#ifndef TROUPE_PUBLIC_H
#define TROUPE_PUBLIC_H

#include "base/buf.h"
#include "base/failure.h"

enum { PUBLIC_TAG_SIZE = 72 };

struct public_file {
  int fd;                       /* -1: a folder that has an index.html, and whose path lacks the `/` at its end */
  struct buf path;              /* from the folder, decoded */
  uint64_t size;
  int64_t modified_s;           /* since 1970 */
  char tag[PUBLIC_TAG_SIZE];    /* in quotes; another one when the file has become another (RFC 9110 section 8.8.3) */
};

/* Opens the folder. ERR_REQUEST: it is none, or the data folder lies in it. */
enum err public_open(const char *path, const char *data_path, int *folder, struct failure *failure);

/* Finds the file at a path, raw and without its query. ERR_PATH, without a message: nothing is there that may be read. Other
 * errors say why it cannot be read now. After an error there is nothing to end. */
enum err public_find(int folder, struct slice path, struct public_file *file, struct failure *failure);

void public_file_done(struct public_file *file);

#endif
