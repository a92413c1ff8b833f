/* log.h -- the commit log: batches in order, each on disk for good once log_sync() has returned.
 *
 * WHY     One write in order and one sync make any number of changes durable, wherever their records are.
 * ROOM    ledger. Below: log_reader, log_record, segment. Knows nothing of what a batch holds.
 * THREAD  log_tidy(): the checkpointer's; it meets the others in the folder only. Everything else: the thread of
 *         committer_step(), and log_open() before there are threads. Inline: the caller's.
 * OWNS    The files in its folder. The folder is opened once; if the path later leads elsewhere, the log does not follow.
 * BYTES   Segments (segment.h), records one after the other in each (log_record.h), then zeros or the end of the file.
 * STATES  open -> appended -> synced -> appended ...; any -> lost (ERR_FATAL, for ever)
 * ALWAYS  1. Batches are numbered from 1 on without a gap, over all starts.
 *         2. After ERR_STORAGE nothing of that batch is in the log: it was cut back, and the cut is synced.
 *         3. A segment begins only after all batches before it are synced.
 *         4. Damage behind the highest number that is known to be synced is the tail of a crash, and is dropped. Damage
 *            before it is reported with its place, never skipped.
 *         5. Everything that log_open() found is synced when it returns.
 * ERRORS  ERR_STORAGE: no room, nothing happened. ERR_FATAL: it is unknown what is on disk. ERR_REQUEST when opening, with a
 *         message: damage, or a folder that cannot be used (or another error, as disk_err() says). If damage is found,
 *         nothing is changed.
 */
#ifndef TROUPE_LOG_H
#define TROUPE_LOG_H

#include "base/clock.h"
#include "base/disk.h"
#include "base/failure.h"
#include "base/logger.h"
#include "ledger/log_reader.h"
#include "ledger/log_record.h"

struct log;

enum { LOG_RETRY_MS = 1000 };

struct log_config {
  const char *path;             /* a folder that exists */
  size_t segment_bytes;         /* a batch that is larger gets a segment of its own size */
  const struct logger *logger;
  const struct clock *clock;    /* NULL: the log never rests */
  struct faults *faults;        /* NULL: none */
};

/* Reads the log from the batch after `after` on (the store holds everything up to that one), cuts off the tail of a crash,
 * and is ready for the next batch. Batches up to `after` may be missing, others may not. `visitor` NULL: no batch is visited.
 * `config` and its path need not outlive the call; everything else that it points to must. */
enum err log_open(const struct log_config *config, uint64_t after, const struct log_visitor *visitor, struct log **log,
                  struct failure *failure);
void log_close(struct log *log);

/* Reads a log as log_open() does, but changes nothing; a host may be appending to it. The tail of a crash is fine. `*last` is
 * the number of the last batch. While a host is at work, what is read may look damaged, or may have gone to the store
 * meanwhile: then the next try can succeed. */
enum err log_verify(const struct log_config *config, uint64_t after, const struct log_visitor *visitor, uint64_t *last,
                    struct failure *failure);

/* The number of the last batch that was appended; 0: there never was one. */
uint64_t log_last(const struct log *log);

/* Writes the next batch, number log_last() + 1. `batch` begins with LOG_RECORD_HEAD bytes of room, which are filled
 * in here, so that head and body leave in one write; at most UINT32_MAX bytes follow. It stays the caller's. */
enum err log_append(struct log *log, struct buf *batch);

/* Whether the last append was refused untried. After two failures in a row, a turn to a new segment is tried only once every
 * LOG_RETRY_MS: while it fails, filling a segment takes the disk's last room from the checkpoint that could make some.
 * Meanwhile batches that need a new segment are refused with ERR_STORAGE, and nothing is logged. */
bool log_rests(const struct log *log);

/* Syncs what was appended. ERR_FATAL if that fails. */
enum err log_sync(struct log *log);

/* Removes the segments whose batches are all <= `reached`, but never the newest. Makes a spare segment for the next turn,
 * filled with zeros and synced. A start begins without one, since log_open() removes it. An error is logged and harmless:
 * then the next turn makes its own. */
void log_tidy(const struct log *log, uint64_t reached);

/* For an orderly end, when the store holds all batches up to `reached`. If the log has no others, its segments go, and the
 * next start has nothing to read. Nothing may be appended any more. */
void log_empty(struct log *log, uint64_t reached);

/* Bytes of all records after `after` that log_open() found, and of all that were appended since. It only grows: to decide
 * about a checkpoint, remember what it was at the last one. */
uint64_t log_bytes(const struct log *log);

#endif
