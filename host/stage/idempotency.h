/* idempotency.h -- a call that bears a client's key runs at most once.
 *
 * WHY     A client that gets no answer cannot know whether its call happened. With an idempotency key it just calls
 *         again: the call's own commit keeps the answer, and a repeat gets that.
 * ROOM    stage. Below: ledger (view, drafts), codec, turn.
 * THREAD  Its worker's.
 * OWNS    Nothing: the records are the actor's, in its space `i`.
 * BYTES   Each key has two records. By the key: 01, the key, 00 (a key of one string); an array of when it expires
 *         (in lived time, base/timekeeper.h), the fingerprint, and the result in the call's own format, or null if the call was
 *         interrupted. By time: 15, when it expires, and 01, the key, 00; empty.
 *         The fingerprint is the first 16 bytes of the SHA-256 (FIPS 180-4) of the format's number, a byte, the
 *         method's size u32, the method, and the arguments as they came.
 * STATES  of a key: new -> done          the commit of a call that succeeded
 *                   new -> interrupted   the first save_state that keeps something
 *                   interrupted -> done  the commit of the same call, when it succeeds after that
 *                   done, interrupted -> new    IDEMPOTENCY_KEPT_S later
 *         A call that fails leaves the key as the call's last commit has it.
 * ALWAYS  1. Each record by key has a record by time, with the same expiry, and the other way round.
 *         2. An actor runs one call at a time, so the call that a repeat repeats is over when the repeat is looked up.
 *         3. Keys expire by lived time, which no setting of a clock moves: none makes a repeat run.
 * LIMITS  IDEMPOTENCY_KEY_BYTES_MAX (codec/idempotency_key.h). The records do not count towards commit-bytes: a result has
 *         a limit of its own.
 */
#ifndef TROUPE_IDEMPOTENCY_H
#define TROUPE_IDEMPOTENCY_H

#include "base/timekeeper.h"
#include "script/turn.h"

enum { IDEMPOTENCY_KEPT_S = 24 * 60 * 60 };

/* Before a call of an actor that exists: if the call was made before, the turn becomes a TURN_REPEAT with the answer of
 * then. Does nothing for a turn without a key. ERR_STORAGE, ERR_MEMORY, set in the turn's failure. */
enum err idempotency_recall(struct turn *turn, uint64_t actor_id, const struct timekeeper *keeper);

/* Before the changes of a call are sent: drafts what its repeat will find, and removes some of the actor's expired
 * records. `result` NULL: the call saves, and goes on. Does nothing for a turn without a key, for a repeat, or for a save of
 * nothing. False if out of memory. */
bool idempotency_try_draft(const struct turn *turn, uint64_t actor_id, const struct timekeeper *keeper,
                           const struct buf *result);

/* Whether a record of the space `i` can be read, and its fellow exists: the one by time, or the one by key. For a check of
 * all records. ERR_NOT_FOUND: no; ERR_STORAGE, ERR_MEMORY. */
enum err idempotency_check_record(const struct view *view, struct slice key, struct slice value);

#endif
