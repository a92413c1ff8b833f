/* records.h -- what a worker's actors have written, on its way to the store.
 *
 * WHY     An actor lives on one worker, and so do its records: those sent but not yet durable, and those durable but not
 *         yet in the store. Other threads tell how far they are; what follows from that happens here, between two turns.
 * ROOM    stage. Below: layers, committer, checkpointer, store, reserve. Knows no actor and no turn.
 * THREAD  Its worker's. Its two sources are told things on the threads of committer_step() and checkpointer_step(); each
 *         time that sets an atomic field or wakes the worker.
 * OWNS    The layers, the reader of the store, the ticket of the last commit, the worker's epoch.
 * STATES  of a record: in a turn's drafts -> pending (records_commit) -> active (records_hear: durable) -> frozen
 *         (records_freeze) -> in the store (records_thaw).
 *         of an epoch: begun -> ended, as the committer told -> heard (records_hear): pending is empty, the next one
 *         begins
 * ALWAYS  1. Records go down the layers, to active when they are durable, and are frozen between two turns.
 *         2. When records_hear() returns that the epoch ended, nothing is pending any more. Before any other turn begins,
 *            the caller fails the turns that waited for what was pending, and drops the actors that have seen it.
 * LIMITS  PENDING_BYTES_MAX: beyond it no turn begins until the disk has caught up. checkpoint_bytes: an active layer
 *         of this much memory asks for a checkpoint. At twice as much no turn begins while a checkpoint is under way, and
 *         if checkpoints fail, no turn may change anything.
 */
#ifndef TROUPE_RECORDS_H
#define TROUPE_RECORDS_H

#include "ledger/committer.h"
#include "ledger/reserve.h"
#include "ledger/view.h"

struct records_config {
  struct store *store;
  const struct memtable *recovered;    /* frozen from the start on; NULL: nothing was */
  struct reserve *reserve;             /* the host's */
  size_t checkpoint_bytes;
  struct queue *bell;                  /* the worker's, woken when there is something to hear */
};

struct records;

enum err records_open(const struct records_config *config, struct records **records, struct failure *failure);
void records_close(struct records *records);

/* Where it sends to; set once, before the first turn. */
void records_connect(struct records *records, struct committer *committer, struct checkpointer *checkpointer);
struct commit_source *records_commit_source(struct records *records);
struct checkpoint_source *records_checkpoint_source(struct records *records);

/* -- what other threads told -- */

/* Whether the effects of all commits up to this ticket have left, which is of this worker's epoch or an older one; and the last
 * ticket that is durable. */
bool records_is_released(const struct records *records, uint64_t ticket);
uint64_t records_durable(const struct records *records);

/* The epoch that turns begin in, and whether it has ended and records_hear() is to be called. */
uint64_t records_epoch(const struct records *records);
bool records_epoch_ended(const struct records *records);

/* Takes in what the committer told: what is durable becomes active. Returns whether the epoch ended: ALWAYS 2. */
bool records_hear(struct records *records);

/* The verdict of the epoch that records_hear() found to have ended: what was seen beyond it will never be durable. */
uint64_t records_verdict(const struct records *records);

/* The verdict of any epoch that has ended; as committer_find_verdict(). */
bool records_find_verdict(const struct records *records, uint64_t epoch, uint64_t *ticket);

/* Wakes the worker the next time that something becomes durable. */
void records_wake_when_durable(struct records *records);

/* If the checkpointer has told that the frozen records are in the store, lets go of them. Returns whether it had. */
bool records_thaw(struct records *records);

/* Whether the checkpointer wants what is durable. If so, call records_durable_batch(), then records_hear(), then
 * records_freeze() with that batch: by then all records up to it are active. Pass a smaller one if a turn that waits still
 * holds records of earlier batches. */
bool records_must_freeze(const struct records *records);
uint64_t records_durable_batch(const struct records *records);
void records_freeze(struct records *records, uint64_t batch);

/* -- what turns read and write -- */

/* What a turn sees with these drafts. */
struct view records_view(struct records *records, struct drafts *drafts);

/* The next read takes a new snapshot of the store. An old one would keep the store from reusing its pages. */
void records_refresh(struct records *records);

/* Whether anything is pending; whether something of this actor is, a deleted range included; whether this one record is. */
bool records_has_pending(const struct records *records);
bool records_is_pending(const struct records *records, uint64_t actor_id);
bool records_is_key_pending(const struct records *records, struct slice key);

/* The ticket of the last commit that has changes. */
uint64_t records_ticket(const struct records *records);

/* Sends a commit whose changes, effects, epoch and sync are set. Takes it over, and returns its ticket. What was drafted
 * becomes pending under that ticket; `drafts` NULL: the commit has no changes. `ends`: all snapshots of the turn end. The
 * committer hears of it with records_ring(). */
uint64_t records_commit(struct records *records, struct commit **commit, struct drafts *drafts, bool ends);
void records_ring(struct records *records);

/* All snapshots of a turn end, before its last commit is sent. */
void records_end_snapshots(struct records *records, struct drafts *drafts);

/* Takes in what commits of other workers have put among this worker's records, durable since then: all of it becomes active.
 * What it brings must be new: nothing that this worker has sent, and no layer of it or the store, may be about the same
 * keys. */
void records_take_in(struct records *records, struct memtable *table);

/* The bytes that commits of this worker bring to others and that are not durable yet: they count as if they were pending.
 * Whoever has something under way adds to it, and takes that away, from any thread. */
_Atomic size_t *records_under_way(struct records *records);

/* What these drafts hold of the records already sent is durable (drafts_make_active); the turn is over (drafts_end). */
void records_make_active(struct records *records, struct drafts *drafts);
void records_end(struct records *records, struct drafts *drafts);

/* -- bounds -- */

/* Whether the disk has room for what a turn drafted, and for so many bytes more (reserve_takes). */
bool records_has_room(struct records *records, const struct view *view, size_t more);

/* Whether nothing more may be changed, since the store takes nothing and memory is at its limit. */
bool records_is_full(const struct records *records);

/* Whether no turn may begin before a checkpoint has ended. Asks for a checkpoint if one is due. */
bool records_wait_for_store(struct records *records);

/* Whether no turn may begin before more is durable. If so, the worker is woken when more is. */
bool records_wait_for_log(struct records *records);

#endif
