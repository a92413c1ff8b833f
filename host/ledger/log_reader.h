/* log_reader.h -- reads a commit log, and tells the tail of a crash from damage.
 *
 * WHY     The damage of a crash hits only what nobody was told of yet, and is dropped. Any other damage must be reported.
 * ROOM    ledger. Below: log_record, segment.
 * OWNS    log_contents: `= {0}` ... log_contents_done().
 * ALWAYS  1. Nothing is changed.
 *         2. A batch is known to be synced if a record that begins anywhere behind it says so, whether that record is whole or
 *            not; or if a segment begins behind it, since a segment is made when everything before it is synced; or if it is
 *            not after `after`.
 *         3. In a segment that has a successor only the records count, not what follows them.
 * ERRORS  ERR_REQUEST: damage, or a file that cannot be read. If it is the system that cannot give it, or not to this process,
 *         what disk_err() says, such as ERR_MEMORY. And whatever a visitor returns.
 */
#ifndef TROUPE_LOG_READER_H
#define TROUPE_LOG_READER_H

#include "base/failure.h"

/* Takes what the log holds, batch by batch. The body is dead after the call returns. An error ends the reading. */
struct log_visitor {
  enum err (*batch)(void *context, uint64_t number, struct slice body);
  void *context;
};

struct log_contents {
  uint64_t last;         /* number of the last batch; `after` if the log ends before that */
  uint64_t bytes;        /* of the records of batches after `after` */
  uint64_t first;        /* of the newest segment; 0: there is none, and the rest of this struct is 0 too */
  uint64_t next;         /* number of the batch that would follow in the newest segment */
  struct buf newest;     /* all bytes of the newest segment */
  size_t end;            /* how many of them its records take */
  size_t unproven;       /* where the first record that is not known to be synced begins; `end`: none */
  size_t tail;           /* how many bytes behind `end` a crash has left */
};

/* Reads all segments of a folder (`path` is its name for messages), and visits the batches after `after`. `visitor` NULL:
 * visits none. */
enum err log_read(int folder, const char *path, uint64_t after, const struct log_visitor *visitor,
                  struct log_contents *contents, struct failure *failure);

void log_contents_done(struct log_contents *contents);

#endif
