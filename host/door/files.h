/* files.h -- answers with files: those that the host brings along (bundle.h), and those of the public folder (public.h).
 *
 * WHY     A page that calls actors can come from the same host.
 * ROOM    door. Below: base.
 * THREAD  The server's, which also reads the files: a disk that is slow holds up its other connections.
 * OWNS    Nothing but, while a file is being sent, its handle; the request's memory holds that.
 * ALWAYS  Every answer says which state of the file it is (ETag), and that a browser must ask each time whether that is still
 *         the one (Cache-Control: no-cache). So a page is never older than what it calls.
 * LIMITS  A file that is not read in one go counts as a connection while it is being sent (visits.count_max).
 */
#ifndef TROUPE_FILES_H
#define TROUPE_FILES_H

#include "door/bundle.h"
#include "door/visit.h"

struct files {
  int folder;                   /* from public_open(), and still its opener's; -1: none is public */
  struct visits *visits;
  struct bundle bundle;
};

/* `config` learns the types of files. */
void files_init(struct files *files, int folder, struct visits *visits, h2o_globalconf_t *config);

/* Answers a request for a file. False, and nothing is done: no file has this path. */
bool files_answer(struct files *files, h2o_req_t *req);

#endif
