/* errand.h -- a call that nobody outside waits for: a message that came for an actor, or a schedule of its own that is due.
 *
 * WHY     It is a turn like any other. But it stands in a record until it is done, and that goes with its effects: in one
 *         commit, once, for good. What is left to do where it fails is a matter of its kind.
 * ROOM    stage. Below: actor, request, reply, script (turn).
 * THREAD  Its worker's.
 * OWNS    It embeds its reply and is its request's; kind->end() or kind->free() ends it.
 * STATES  made -> in the mailbox of its actor -> begun -> (saving ->) ended
 *         begun     kind->begin(), before Lua: what is to be done, and the removal of its record in the turn's drafts
 *         saving    kind->try_save(), with the first save_state: from that commit on its record is that of one that has
 *                   failed, so that what was saved never runs a second time by itself
 *         done      kind->try_finish(), with the last commit. If the turn destroys its actor, what was drafted under the
 *                   actor's id goes, and the rest stays
 *         ended     kind->end(), once the turn is over and rolled back if it failed. The reply's failure says how it went;
 *                   that an epoch failed which the turn was part of is not told (worker.h, ALWAYS 1): the record is there
 *                   again
 *         in the mailbox -> gone    kind->free(): the host stops or ends. Its record stays
 */
#ifndef TROUPE_ERRAND_H
#define TROUPE_ERRAND_H

#include "script/turn.h"
#include "stage/actor.h"
#include "stage/request.h"

struct errand;

struct errand_kind {
  enum caller caller;

  /* Sets what the turn does: method, args, what rpc tells. They live as long as the errand. Not ERR_NONE: the turn fails with
   * this, and its failure is set; ERR_NOT_FOUND: there is nothing to do any more, and nobody hears of it. */
  enum err (*begin)(struct errand *errand, struct actor *actor, struct turn *turn);

  /* Draft into the turn's drafts (errand_try_draft()); false if memory runs out. Where the turn destroys its actor, what
   * begin() has drafted is gone by then, and so are all records of the actor. */
  bool (*try_save)(struct errand *errand, const struct actor *actor, const struct turn *turn);
  bool (*try_finish)(struct errand *errand, const struct actor *actor, const struct turn *turn);

  /* The turn is over, and its drafts are free for a commit of the host's own (rig_begin_own()). Frees the errand. */
  void (*end)(struct errand *errand, struct actor *actor);

  void (*free)(struct errand *errand);
};

/* The first member of each kind's own. */
struct errand {
  struct reply reply;          /* early, so that it is kept at once; nobody reads it but kind->end() */
  const struct errand_kind *kind;
  bool has_saved;              /* a commit of its turn was sent with what try_save() has drafted */
};

/* What the record says while a run that has saved is under way: and for good, if the host ends before the run does. */
extern const char errand_interrupted[];

/* Makes the embedded errand ready, and its request, which has an address and nothing else. NULL if out of memory. */
struct request *errand_try_request(struct errand *errand, const struct errand_kind *kind, uint64_t call_id,
                                   const struct actor *actor);

/* Puts it into the mailbox of its actor. Takes both over. */
void errand_put(struct actors *actors, struct actor *actor, struct request *request, int64_t now_ns);

/* Drafts what becomes of its record with a commit of its turn; `saving`: not the last one. False if memory runs out. */
bool errand_try_draft(struct errand *errand, const struct actor *actor, const struct turn *turn, bool saving);

/* Appends why its run has failed, as the record is to say it: at most ERRAND_ERROR_MAX bytes, which begin with "interrupted" if
 * it had saved. */
enum { ERRAND_ERROR_MAX = 1024 };
void errand_put_error(const struct errand *errand, struct buf *error);

/* Frees those of this kind, or of any (NULL), that wait in the actor's mailbox; their records stay. */
void errand_drop_waiting(struct actors *actors, struct actor *actor, const struct errand_kind *kind);

#endif
