/* options.h -- the command line, read and checked.
 *
 * WHY    Somebody who types a wrong command learns what was wrong and what was probably meant, before anything is touched.
 * ROOM   main. Below: door (addresses, origins), stage (what a host can have), base.
 * OWNS   Nothing: texts point into argv.
 */
#ifndef TROUPE_OPTIONS_H
#define TROUPE_OPTIONS_H

#include "base/failure.h"
#include "base/limits.h"
#include "base/logger.h"

#define TROUPE_VERSION "0.1.0"

enum { ORIGINS_MAX = 64 };

enum command {
  COMMAND_SERVE, COMMAND_CALL, COMMAND_INSPECT, COMMAND_DESTROY, COMMAND_CALLS, COMMAND_FAILED, COMMAND_BACKUP,
  COMMAND_VERIFY, COMMAND_VERSION, COMMAND_HELP
};

struct options {
  enum command command;
  const char *actors_path;
  const char *data_path;
  const char *listen;         /* HOST:PORT; of those that ask a host: where it is */
  const char *idempotency_key;   /* of call; NULL: none */
  bool all;                   /* of inspect: --all */
  unsigned workers;
  unsigned doors;
  const char *origins[ORIGINS_MAX];   /* --allow-origin */
  unsigned origin_count;
  const char *public_path;    /* --public; NULL: none */
  bool dev;
  bool relaxed;               /* --durability */
  enum log_level log_level;   /* the least that is logged */
  struct limits limits;
  char **words;               /* what follows the command: CLASS KEY METHOD JSON... of call, folders of backup */
  int word_count;
};

/* Reads a command line (and puts words before flags in `argv`, as getopt does). Returns ERR_NONE, or ERR_ARGUMENTS with
 * a sentence for the person who typed it. */
enum err options_parse(int argc, char **argv, struct options *options, struct failure *failure);

/* The text of `troupe help`. */
void options_print_help(struct buf *buf);

#endif
