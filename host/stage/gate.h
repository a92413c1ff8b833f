/* gate.h -- what leaves a worker waits for what it stands on.
 *
 * WHY     A client may pass an answer on. So nothing leaves that a crash could still take back, not even an error. One
 *         place keeps this promise, instead of everything that answers.
 * ROOM    stage. Below: records, reply, script (turn).
 * THREAD  Its worker's.
 * OWNS    The spare commit.
 * ALWAYS  1. A reply leaves at once only if everything its actor has seen is released (committer.h). Otherwise it goes
 *            through the committer: with the changes of its own turn, or in an empty commit behind what it waits for.
 *         2. Commits leave in the order of their seq, and each bears the epoch in which its turn began or went on.
 *         3. The spare commit is made before a turn begins, so that the end of the turn cannot fail for lack of one. A
 *            turn that pauses takes it along.
 */
#ifndef TROUPE_GATE_H
#define TROUPE_GATE_H

#include "script/turn.h"
#include "stage/records.h"
#include "stage/reply.h"

struct gate {
  struct records *records;
  const struct logger *logger;
  struct commit *spare;
};

void gate_init(struct gate *gate, struct records *records, const struct logger *logger);
void gate_done(struct gate *gate);

/* Makes a spare commit if there is none; false if out of memory. */
bool gate_try_prepare(struct gate *gate);

/* Takes the spare commit out, for a turn that pauses, and back in; NULL: there is none. */
struct commit *gate_take_spare(struct gate *gate);
void gate_give_spare(struct gate *gate, struct commit *spare);

/* Sends the spare commit of a turn, with changes that were pushed (records_push) or NULL, and a reply or NULL. `sync`:
 * it is synced even if durability is relaxed. */
void gate_send(struct gate *gate, const struct turn *turn, struct buf *changes, struct reply *reply, bool sync);

/* Lets the reply of a turn go that changed nothing, and whose actor has seen the commits up to `seen_seq`. If those are not
 * all released, the reply goes with the spare commit. */
void gate_pass(struct gate *gate, const struct turn *turn, struct reply *reply, uint64_t seen_seq);

#endif
