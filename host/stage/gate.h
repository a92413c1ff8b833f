/* gate.h -- what leaves a worker waits for what it stands on.
 *
 * WHY     A client may pass an answer on. So nothing leaves that a crash could still take back, not even an error. One
 *         place keeps this promise, instead of everything that answers.
 * ROOM    stage. Below: records, reply, script (turn).
 * THREAD  Its worker's.
 * OWNS    The spare commit.
 * WORDS   What leaves with a turn is its *load*.
 *         An actor has *seen* a commit if its memory depends on it: its own, and those that answers and requests of other
 *         actors stand on. `seen` of an actor is the greatest ticket (committer.h) of them; requests and answers between
 *         actors carry it, with the epoch.
 * ALWAYS  G1  An actor that takes a request or an answer of another takes over what that one has seen, before Lua runs.
 *         G2  After a commit its actor has seen that commit's ticket.
 *         G3  A reply to an actor, or to the host itself (`early`), is kept at once, with what its actor has seen.
 *         G4  A load for the outside leaves at once if everything that its actor has seen is released. Otherwise it goes
 *             through the committer: with the changes of its own turn, or in an empty commit behind what it waits for. Where an
 *             actor has connections, it has seen that one too, so that nothing overtakes it on their way (rig.c).
 *         G5  A turn begins or goes on only if everything that its actor has seen is durable, or of the worker's epoch; its
 *             commits bear that epoch.
 *         G6  Before a message of a newer epoch is looked at, the worker hears of that epoch (records_hear()).
 *         G7  A message of an older epoch that stands on something is looked up by the verdict of that epoch: what it stands
 *             on is durable, or the message fails.
 *         G8  Where an epoch has ended, every actor that has seen more than its verdict leaves memory, and its waiting turn
 *             fails.
 *
 *         Why no change of a caller is durable without those of its callees: when the caller's turn last went on, all that it
 *         had seen was durable, or of its epoch with a smaller ticket. The committer appends in the order of tickets, and ends
 *         an epoch by failing all of it that is not durable. So the caller's commit in the log means that theirs stand before
 *         it.
 *
 *         The spare commit is made before a turn begins, so that the end of the turn cannot fail for lack of one. A turn that
 *         waits takes it along.
 */
#ifndef TROUPE_GATE_H
#define TROUPE_GATE_H

#include "script/turn.h"
#include "stage/records.h"
#include "stage/reply.h"

/* In the order in which it leaves. Notices (notice.h) go outside as a reply does. */
struct gate_load {
  struct effect *parcels;      /* parcel.h: they wait for the sync, and the rest with them; or NULL */
  struct effect *notices;      /* or NULL */
  struct reply *reply;         /* or NULL */
  struct effect *closings;     /* notices too; or NULL */
};

struct gate {
  struct records *records;
  const struct logger *logger;
  struct commit *spare;
  bool unrung;                 /* the committer has not been told of a commit; */
  bool owes;                   /* and somebody outside waits for it, or a turn that saves */
};

void gate_init(struct gate *gate, struct records *records, const struct logger *logger);
void gate_done(struct gate *gate);

/* Makes a spare commit if there is none; false if out of memory. */
bool gate_try_prepare(struct gate *gate);

/* Takes the spare commit out, for a turn that pauses, and back in; NULL: there is none. */
struct commit *gate_take_spare(struct gate *gate);
void gate_give_spare(struct gate *gate, struct commit *spare);

/* G7: whether a message that stands on what was committed up to `*seen`, in that epoch, still holds. If all of it is durable,
 * `*seen` becomes 0. */
enum gate_word { GATE_HOLDS, GATE_FAILED, GATE_UNKNOWN };
enum gate_word gate_judge(const struct gate *gate, uint64_t *seen, uint64_t epoch);

/* Sends the spare commit of a turn with the changes of its drafts, which become pending, and a load; returns the commit's
 * ticket. `saving`: the turn goes on, and waits for the sync in any case, relaxed or not. */
uint64_t gate_send(struct gate *gate, const struct turn *turn, struct buf *changes, const struct gate_load *load,
                   bool saving);

/* Sends the spare commit with the changes of drafts that no turn made (rig_commit_own()), which become pending; returns the
 * commit's ticket. It is of the worker's epoch. */
uint64_t gate_send_own(struct gate *gate, struct drafts *drafts, struct buf *changes);

/* Lets go of the load, without parcels, of a turn that changed nothing and whose actor has seen the commits up to the ticket
 * `seen`. Unless they are all released, it goes with the spare commit, whose ticket is returned; an early reply does not. 0:
 * all of it has left. */
uint64_t gate_pass(struct gate *gate, const struct turn *turn, const struct gate_load *load, uint64_t seen);

/* Tells the committer of what was sent: if somebody waits for it, or in any case. */
void gate_ring(struct gate *gate, bool in_any_case);

#endif
