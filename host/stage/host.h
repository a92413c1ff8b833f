/* host.h -- the house: store, log, committer, checkpointer, workers and the router, built from one configuration.
 *
 * WHY     main.c puts threads around the steps; the spec kit runs the same steps inline. Both build the same house
 *         here.
 * ROOM    stage. Below: script, ledger.
 * THREAD  host_submit() and host_ring() from any thread. Steps: each on one thread, or all on the caller's.
 *         host_reload() and what looks at classes: on one, which need not be a worker's.
 * OWNS    All rooms, and the lock on the data folder.
 * STATES  open -> stopping (host_stop: no new calls; what is running ends) -> closed.
 */
#ifndef TROUPE_HOST_H
#define TROUPE_HOST_H

#include "base/disk.h"
#include "base/limits.h"
#include "base/logger.h"
#include "stage/request.h"

/* The address space of the store: only what is written takes room. ThreadSanitizer cannot map that much. */
#ifdef __SANITIZE_THREAD__
#define MAP_BYTES GIB(1)
#else
#define MAP_BYTES GIB(1024)
#endif

enum {
  WORKERS_MAX = 1024,              /* as many as the router has shards */
  TURNS_A_STEP = 256,
  BATCH_COMMITS = 65536
};

struct host;

struct host_config {
  const char *actors_path;
  const char *data_path;           /* made if missing */
  unsigned workers;                /* 1 to WORKERS_MAX */
  bool dev;                        /* errors of scripts reach the client in full; host_look() looks */
  struct limits limits;
  unsigned pause_ms;               /* vm/vm.h */
  unsigned turns_a_step;           /* of a worker (worker.h); TURNS_A_STEP, but in specs that want to be between two turns */
  bool relaxed;                    /* answered before synced; synced within SYNC_MS (ledger/committer.h) */
  size_t map_bytes;
  size_t segment_bytes;            /* of the log */
  size_t checkpoint_bytes;         /* how much the log, or a worker's memory, grows between two checkpoints */
  size_t portion_records;          /* what a checkpoint writes at a time (ledger/checkpointer.h) */
  size_t batch_commits;            /* the most that become durable at a time (ledger/committer.h); BATCH_COMMITS, but in specs
                                    * that want to be between two of them */
  void (*delivered)(void *context);   /* after one or more replies were delivered, on the same thread; or NULL */
  void *delivered_context;
  struct clock *clock;
  const struct logger *logger;
  struct faults *faults;           /* of the log; NULL: none */
  struct faults *store_faults;     /* NULL: none */
};

/* Opens the data folder, recovers what the log holds, loads the classes into each worker's VM. Leaves nothing open after an
 * error. */
enum err host_open(const struct host_config *config, struct host **host, struct failure *failure);

/* Call it when no step runs, and none has anything left to do. With `abandon` something may be left: as in a crash, there is
 * no last commit, and replies are never delivered. */
void host_close(struct host *host, bool abandon);

/* Hands a request to the worker of its actor, or one for all calls to the first. Takes it over; its reply is delivered in any
 * case. The worker hears of it at the next host_ring(). */
void host_submit(struct host *host, struct request **request);
void host_ring(struct host *host);

/* Tells the worker of a connection that it has ended. Takes the letter over. The worker hears of it at the next host_ring(). */
void host_part(struct host *host, struct parting **parting);

/* Lets the workers finish what they have and put every actor to sleep; requests from now on are refused with
 * `overloaded`. From any thread, at most once. */
void host_stop(struct host *host);

/* Loads the classes anew, a VM for each worker, and lets the workers have them: requests that are submitted from now on run
 * in these, and what has begun before ends in those that it began in. If the classes do not load, the failure names file, line
 * and reason, and the workers keep what they have. Either is a line in the log. */
enum err host_reload(struct host *host, struct failure *failure);

/* With `dev`, the same if a file of the actors has changed since they were loaded, or failed to load. */
void host_look(struct host *host);

/* A step does what there is to do and returns; `*worked` tells whether there was anything. worker < workers. With threads,
 * call host_worker_ring() after each step of a worker: it wakes those that have something from it. host_worker_wait() waits
 * for something to do; host_worker_done() tells that a stopping worker has nothing left. */
void host_worker_step(struct host *host, unsigned worker, bool *worked);
void host_worker_ring(struct host *host, unsigned worker);

/* Before that: whether somebody outside waits for the committer to take this worker's commits. */
bool host_worker_owes(struct host *host, unsigned worker);
void host_worker_wait(struct host *host, unsigned worker);
bool host_worker_done(struct host *host, unsigned worker);

/* In how many nanoseconds a worker will have something to do by its clock, though nothing comes; INT64_MAX: never. Only if the
 * steps run inline; nothing runs. */
int64_t host_next_due_ns(const struct host *host);

/* The committer's step, and how long it may rest after it (committer_rest_ns()): on one thread at a time, not always the
 * same. host_committer_wait() is for the committer's own thread. */
enum err host_committer_step(struct host *host, bool *worked);
int64_t host_committer_rest_ns(const struct host *host);
void host_committer_wait(struct host *host, int64_t rest_ns);
void host_committer_wake(struct host *host);

enum err host_checkpointer_step(struct host *host, bool *worked);
void host_checkpointer_wait(struct host *host);
void host_checkpointer_wake(struct host *host);

/* Brings everything durable to the store, so that the next start need not read the log. If this fails, it must. Only if all
 * steps run inline, or their threads have ended. */
enum err host_checkpoint(struct host *host);

/* Appends what each call is doing, as GET /calls tells it (survey.h). Only if the steps run inline; nothing runs.
 * ERR_MEMORY. */
enum err host_calls(const struct host *host, struct buf *text);

/* The names of the classes that were loaded last, sorted, one line: "Counter, Inventory". Valid until the next
 * host_reload(). */
struct slice host_class_names(const struct host *host);

/* Whether any of these classes has on_before_connect. */
bool host_admits(const struct host *host);

/* The operator's token, a text of 43 characters. */
const char *host_token(const struct host *host);

/* Bytes that the VMs hold after a full garbage collection. Only if the steps run inline. */
size_t host_memory(struct host *host);

/* How many entries the store has, those behind long keys included, so that a spec can tell that nothing is left behind.
 * Records not yet checkpointed are not counted. */
size_t host_entry_count(struct host *host);

const struct committer_stats *host_stats(const struct host *host);

#endif
