/* log.h -- the commit log: batches in order, each on disk for good once log_sync() has returned.
 *
 * WHY     One write in order and one sync make any number of changes durable, wherever their records lie.
 * ROOM    ledger. Below: log_reader, log_record, segment. Knows nothing of what a batch holds.
 * THREAD  log_tidy(): the checkpointer's; it meets the others in the folder only. All else: that of
 *         committer_step(), log_open() before there are threads. Inline: the caller's.
 * OWNS    The files of its folder, which is opened once: whatever its path leads to later on is none of this log's.
 * BYTES   Segments (segment.h), records one after the other in each (log_record.h), then zeros or the end of the file.
 * STATES  open -> appended -> synced -> appended ...; any -> lost (ERR_FATAL, for ever)
 * ALWAYS  1. Batches are numbered from 1 on without a gap, over all starts.
 *         2. After ERR_STORAGE nothing of that batch is in the log: it was cut back, and that is synced.
 *         3. A segment begins only after all batches before it are synced.
 *         4. What is damaged behind the highest number that is known to be synced is the tail of a crash, and is
 *            dropped. What is damaged before it is reported with its place, never skipped.
 *         5. What log_open() has found is synced when it returns.
 * ERRORS  ERR_STORAGE: no room, nothing happened. ERR_FATAL: it is unknown what is on disk. ERR_REQUEST from opening,
 *         with a message: damage, or a folder that cannot be used (or what else disk_err() says). After damage nothing was
 *         changed.
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

/* Reads the log from the batch after `after` on (the store holds all up to it), cuts the tail of a crash off, and is
 * ready for the next batch. Batches up to `after` may be missing, others may not. `visitor` NULL: none is read out.
 * `config` need not outlive the call; what it points to but the path must. */
enum err log_open(const struct log_config *config, uint64_t after, const struct log_visitor *visitor, struct log **log,
                  struct failure *failure);
void log_close(struct log *log);

/* Reads a log as log_open() does and changes nothing, be it that a host appends to it; the tail of a crash is fine. Tells
 * the number of the last batch. With a host at work what is read may look damaged, or have gone to the store meanwhile:
 * then the next try can succeed. */
enum err log_verify(const struct log_config *config, uint64_t after, const struct log_visitor *visitor, uint64_t *last,
                    struct failure *failure);

/* The number of the last batch that was appended; 0: there never was one. */
uint64_t log_last(const struct log *log);

/* Writes the next batch, number log_last() + 1. `batch` begins with LOG_RECORD_HEAD bytes of room, which are filled
 * in here, so that head and body leave in one write; behind them at most UINT32_MAX. It stays the caller's. */
enum err log_append(struct log *log, struct buf *batch);

/* Whether the last append was refused untried. A turn of a segment that failed twice in a row is tried once every LOG_RETRY_MS:
 * filling one takes the disk's last room, for as long as it takes to fail, from the checkpoint that could make some. Batches
 * that need one meanwhile are refused with ERR_STORAGE, and nothing is logged. */
bool log_rests(const struct log *log);

/* Syncs what was appended. ERR_FATAL where that fails. */
enum err log_sync(struct log *log);

/* Removes the segments whose batches are all <= `reached`, never the newest; and has an empty segment, filled with zeros
 * and synced, ready for the next turn of a segment. A start begins without one, since log_open() removes it. An error is
 * logged and harmless: then the next turn makes its own. */
void log_tidy(const struct log *log, uint64_t reached);

/* For an orderly end, when the store holds all batches up to `reached`: if that is all that the log has, its segments go, and
 * the next start has nothing to read. Nothing is appended any more. */
void log_empty(struct log *log, uint64_t reached);

/* Bytes of all records after `after` that log_open() found, and of all that were appended since. It only grows: who
 * decides about a checkpoint remembers what it was at the last one. */
uint64_t log_bytes(const struct log *log);

#endif
