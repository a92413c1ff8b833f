/* turn.h -- one call being worked on.
 *
 * WHY     It is what a call may read and has written, how it was asked, and what it answers. The stage makes one for
 *         each call,
 *         the script room fills it.
 * ROOM    script, without lua.h, so that the stage reads it too. Below: ledger.
 * THREAD  Its worker's.
 * OWNS    Its result and failure. Drafts and view are the stage's, slices the request's.
 * STATES  begun -> done (result set, drafts hold what changed, the state's memory is what the drafts say)
 *               -> failed (failure set, memory is as before the turn; the drafts are to be thrown away)
 */
#ifndef TROUPE_TURN_H
#define TROUPE_TURN_H

#include "codec/format.h"
#include "ledger/view.h"

struct vm;
struct instance;

enum turn_task {
  TURN_CALL,        /* a method */
  TURN_INSPECT,     /* inspect_state, or the state */
  TURN_STATE,       /* the state as it is */
  TURN_KV,          /* all kv entries */
  TURN_STOP         /* on_stop, before the actor leaves memory */
};

enum caller { CALLER_CLIENT, CALLER_ACTOR, CALLER_SCHEDULE };

struct turn {
  enum turn_task task;
  enum caller caller;
  struct vm *vm;
  struct instance *instance;
  struct view view;
  uint64_t serial;            /* set by the script room: tells this turn from all others of the VM */
  bool create;                /* the actor does not exist: initialize_state makes it */
  struct slice method;
  enum format format;         /* of args, input, params and result */
  struct slice args;
  struct slice input;
  struct slice params;        /* or empty */
  struct slice headers;       /* a value or empty */
  struct buf result;
  struct failure failure;
  struct buf traceback;       /* of a script's failure, for the log */
};

/* Runs the turn to its end: answers whether it is done (true) or failed. Loads the instance where it is not loaded yet.
 * */
bool turn_run(struct turn *turn);

#endif
