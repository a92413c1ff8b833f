/* records.h -- what a worker's actors have written, on its way to the store.
 *
 * WHY     An actor lives on one worker, and so do its records: what was sent and is not durable yet, what is durable
 *         and not in the store yet. Other threads tell how far they are; what follows from that happens here, between
 *         two turns.
 * ROOM    stage. Below: layers, committer, checkpointer, store, reserve. Knows no actor and no turn.
 * THREAD  Its worker's. What its two sources are told, on the threads of committer_step() and checkpointer_step():
 *         each is an atomic field and a wake of the worker.
 * OWNS    The layers, the reader of the store, the ticket of the last commit, the worker's epoch.
 * STATES  of a record: in a turn's drafts -> pending (records_commit) -> active (records_hear: durable) -> frozen
 *         (records_freeze) -> in the store (records_thaw).
 *         of an epoch: begun -> ended, as the committer told -> heard (records_hear): pending is empty, the next one
 *         begins
 * ALWAYS  1. Records go down the layers, to active when they are durable, and are frozen between two turns.
 *         2. Where records_hear() answers that the epoch ended, nothing is pending, and before any other turn begins
 *            its caller fails the turns that wait for what was, and drops the actors that have seen it.
 * LIMITS  PENDING_BYTES_MAX: beyond it no turn begins until the disk has caught up. checkpoint_bytes: an active layer
 *         of so much memory wants a checkpoint; at twice as much, while one is under way, no turn begins, and where
 *         checkpoints fail, none may change anything.
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

/* Whether the effects of all commits up to this ticket, which is of this worker's epoch or an older one, have left; whether all
 * of them are durable; and the last ticket that is. */
bool records_is_released(const struct records *records, uint64_t ticket);
uint64_t records_durable(const struct records *records);

/* The epoch that turns begin in, and whether it has ended and records_hear() is to be called. */
uint64_t records_epoch(const struct records *records);
bool records_epoch_ended(const struct records *records);

/* Takes in what the committer told: what is durable becomes active. Answers whether the epoch ended: ALWAYS 2. */
bool records_hear(struct records *records);

/* The verdict of the epoch that records_hear() found to have ended: what was seen beyond it will never be durable. */
uint64_t records_verdict(const struct records *records);

/* Wakes the worker the next time that something becomes durable. */
void records_wake_when_durable(struct records *records);

/* Lets go of what is in the store, where the checkpointer told so; whether it did. */
bool records_thaw(struct records *records);

/* Whether the checkpointer wants what is durable. Then records_hear(), and after that records_freeze() with the last
 * batch all of whose records are active: read before that by records_durable_batch(), or less, if a turn that waits
 * holds some back. */
bool records_must_freeze(const struct records *records);
uint64_t records_durable_batch(const struct records *records);
void records_freeze(struct records *records, uint64_t batch);

/* -- what turns read and write -- */

/* What a turn sees with these drafts. */
struct view records_view(struct records *records, struct drafts *drafts);

/* Takes a new snapshot of the store with the next read: an old one would keep it from using its pages again. */
void records_refresh(struct records *records);

/* Whether anything is not durable yet; whether something of this actor is, or a deleted range that may be its. */
bool records_has_pending(const struct records *records);
bool records_is_pending(const struct records *records, uint64_t actor_id);

/* The ticket of the last commit that has changes. */
uint64_t records_ticket(const struct records *records);

/* Sends a commit whose changes, effects, epoch and sync are set; takes it over and returns its ticket. What was drafted
 * becomes pending under that; `drafts` NULL: the commit has no changes. `ends`: all snapshots of the turn end. The committer
 * hears of it with records_ring(). */
uint64_t records_commit(struct records *records, struct commit **commit, struct drafts *drafts, bool ends);
void records_ring(struct records *records);

/* What these drafts hold of what was sent is durable (drafts_make_active), or the turn is over (drafts_end). */
void records_make_active(struct records *records, struct drafts *drafts);
void records_end(struct records *records, struct drafts *drafts);

/* -- bounds -- */

/* Whether the disk has room for what a turn drafted (reserve_takes). */
bool records_has_room(struct records *records, const struct view *view);

/* Whether nothing more may be changed, since the store takes nothing and memory has its bound. */
bool records_is_full(const struct records *records);

/* Whether no turn may begin before a checkpoint has ended; asks for one that is due. */
bool records_wait_for_store(struct records *records);

/* Whether no turn may begin before more is durable; then the worker is woken when more is. */
bool records_wait_for_log(struct records *records);

#endif
