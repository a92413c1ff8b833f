/* turn.h -- one call being worked on.
 *
 * WHY     It holds what a call may read and has written, how it was asked, and what it answers. The stage makes one for
 *         each call, and the script room fills it.
 * ROOM    script, without lua.h, so that the stage reads it too. Below: ledger, schedule.
 * THREAD  Its worker's.
 * OWNS    Its result, failure, refusal, traceback, outgoing call, outbox, events and index; turn_done() lets them go. Drafts,
 *         view, connection and audience are the stage's, slices the request's.
 * STATES  begun -> done (result set, the drafts hold the changes, and the state's memory agrees with them)
 *               -> failed (failure set, memory is as before the turn, or as of its last save; the drafts must be thrown
 *               away)
 *               -> saving (self:save_state(): the drafts hold the changes so far; the turn waits until they are durable)
 *               -> stay_go_on() -> ...
 *               -> paused (it has run for long, so others have their turns; its drafts wait with it)
 *               -> stay_go_on() -> ...
 *               -> asks (it waits for the answer of another actor; its drafts wait with it) -> stay_go_on() -> ...
 *         saving, paused, asks -> failed by stay_cancel(), or gone by stay_abandon()
 */
#ifndef TROUPE_TURN_H
#define TROUPE_TURN_H

#include "codec/format.h"
#include "ledger/view.h"
#include "schedule/schedule.h"
#include "vm/vm.h"

struct audience;
struct connection;
struct connection_index;
struct events;
struct instance;
struct outbox;
struct outgoing;
struct errand;

enum turn_task {
  TURN_CALL,        /* a method */
  TURN_CONNECT,     /* on_before_connect and on_connect */
  TURN_DISCONNECT,  /* on_disconnect, of a connection that has ended */
  TURN_REPEAT,      /* a call that was made before: it must be admitted again; then it is answered without the method */
  TURN_INSPECT,     /* inspect_state, or the state */
  TURN_STATE,       /* the state as it is */
  TURN_KV,          /* all kv entries */
  TURN_DESTROY,     /* on_destroy, and then nothing of the actor is left: for an operator */
  TURN_STOP         /* on_stop, before the actor leaves memory */
};

enum caller { CALLER_NONE, CALLER_CLIENT, CALLER_ACTOR, CALLER_SCHEDULE };   /* of on_stop: none */

/* What `rpc.schedule` says. */
struct turn_schedule {
  int64_t id, due_ms;
  unsigned try;               /* from 1 on */
  int64_t skipped;
};

struct turn {
  enum turn_task task;
  enum caller caller;
  struct vm *vm;
  struct instance *instance;
  struct view view;
  struct vm_usage usage;      /* of its stays in Lua before this one */
  uint64_t serial;            /* set by the script room: different for each turn of the VM */
  uint64_t stay;              /* as `serial`: different for each stay in Lua */
  uint64_t call_id;           /* the stage's: `rpc.id` (base/trace.h), different for each call, even after a restart */
  uint64_t epoch;             /* the stage's: the one in which it began, or last went on */
  int64_t old_version;        /* the script room's: the version that migrate_state starts from; 0: it does not run */
  bool in_method;             /* the method itself runs, not a hook before it: creation and migration are never half saved */
  bool is_admitted;           /* the script room's: on_before_connect has let a call pass; a connect: also if there is none */
  bool in_script;             /* a function of the script runs, and the errors it raises are its own */
  bool create;                /* the actor does not exist: initialize_state makes it */
  bool destroys;              /* self:destroy(): if the turn is done, its drafts go, and all that its actor has */
  struct slice method;
  enum format format;         /* of args, input, params and result */
  struct slice args;
  struct slice input;
  struct slice params;        /* or empty */
  struct slice headers;       /* a value or empty */
  struct slice address;       /* of the client; or empty */
  const struct audience *audience;    /* the stage's: the live connections of the actor; NULL: none */
  struct connection *connection;      /* the stage's: which one connects, has ended, or was called through; else NULL */
  struct connection_index *connection_index;   /* the script room's, or NULL */
  struct slice caller_class, caller_key;   /* of the actor that calls; empty unless CALLER_ACTOR */
  struct slice idempotency_key;   /* or empty */
  struct turn_schedule schedule;  /* the stage's: which one runs; only for CALLER_SCHEDULE */
  struct schedule_touch touched;  /* what it has done to the schedules of its actor; the stage clears it with each commit */
  struct outgoing *outgoing;  /* the call of another actor that it waits for, or NULL (outgoing.h) */
  struct outbox *outbox;      /* what it has sent and no commit has taken yet; NULL: nothing (outbox.h) */
  struct events *events;      /* what it tells connections and no commit has taken yet; NULL: nothing (events.h) */
  size_t waiting_sends;       /* the stage's: how many messages of its actor are not applied yet */
  struct buf result;          /* of a repeat: put here by the stage before */
  struct errand *errand;      /* the stage's: what it is, if nobody outside waits for it; else NULL */
  struct failure refusal;     /* the stage's: why a repeat has no result to give; raised once it is admitted */
  struct failure failure;
  struct buf traceback;       /* of a script's failure, for the log */
};

/* Whether it only looks into an actor, for an operator or a spec, which may see all of it, at any size. */
static inline bool turn_looks(const struct turn *turn) {
  return turn->task == TURN_INSPECT || turn->task == TURN_STATE || turn->task == TURN_KV;
}

/* The connection with this id that the turn may use: its own, or one of the audience; NULL: there is none any more. */
struct connection *turn_find_connection(struct turn *turn, uint64_t id);

/* What came with the call, or with the connection through which it came, as `params`; empty: nothing. */
struct slice turn_params(const struct turn *turn, enum format *format);

/* Whether this connection is the one whose end the turn is told of. */
static inline bool turn_ends_connection(const struct turn *turn, const struct connection *connection) {
  return turn->task == TURN_DISCONNECT && turn->connection == connection;
}

/* Bytes of what is in its outbox and among its events, as they count for its commit. */
size_t turn_sent_bytes(const struct turn *turn);

/* Whether an operator has asked for it, who is told every error in full. */
static inline bool turn_is_operators(const struct turn *turn) {
  return turn_looks(turn) || turn->task == TURN_DESTROY;
}

void turn_done(struct turn *turn);

#endif
