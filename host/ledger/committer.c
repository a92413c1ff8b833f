/* committer.c -- takes commits, makes one batch of them durable, and only then lets their effects go. */
#include "ledger/committer.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/trace.h"

/* Commits in the order in which they came, linked by their queue items. */
struct commit_list {
  struct commit *first;
  struct commit *last;        /* valid only if first is not NULL */
};

struct committer {
  struct committer_config config;
  struct queue *queue;
  struct commit_list waiting;   /* taken from the queue, but beyond the limits of the batches so far */
  struct commit_list batch;
  struct buf bytes;             /* of the batch, as the log takes it */
  bool unsynced;                /* something is appended and not synced; between two steps only with `relaxed` */
  int64_t sync_ns;              /* when it must be synced at the latest */
  uint64_t taken;               /* the ticket of the last commit that was taken from the queue */
  uint64_t appended;            /* of the last one that was appended */
  _Atomic uint64_t released, durable, epoch;
  _Atomic uint64_t durable_batch;
  struct verdicts verdicts;
  bool lost;                    /* the state LOST */
  struct committer_stats stats;
};

struct commit *commit_try_new(void) {
  return mem_try_zero(sizeof(struct commit));
}

void commit_free(struct commit *commit) {
  if (commit == NULL) return;
  CHECK(commit->effects == NULL);
  buf_done(&commit->changes);
  mem_free(commit);
}

static struct commit *commit_of(struct queue_item *item) {
  return item == NULL ? NULL : (struct commit *)((char *)item - offsetof(struct commit, item));
}

static struct commit *commit_next(const struct commit *commit) {
  return commit_of(commit->item.next);
}

/* Lets the effects of a commit go, or fails them, in order. An effect may be gone as soon as it is released. */
static void commit_release(struct commit *commit, enum err err) {
  struct effect *effect = commit->effects;
  commit->effects = NULL;
  while (effect != NULL) {
    struct effect *next = effect->next;
    effect->release(effect, err);
    effect = next;
  }
}

static void list_put(struct commit_list *list, struct commit *commit) {
  commit->item.next = NULL;
  if (list->first == NULL) {
    list->first = commit;
  } else {
    list->last->item.next = &commit->item;
  }
  list->last = commit;
}

static struct commit *list_take(struct commit_list *list) {
  struct commit *commit = list->first;
  if (commit != NULL) list->first = commit_next(commit);
  return commit;
}

static void list_release(struct commit_list *list, enum err err) {
  for (struct commit *commit = list->first; commit != NULL; commit = commit_next(commit)) commit_release(commit, err);
}

static void committer_tell_released(const struct committer *committer) {
  if (committer->config.after_release != NULL) committer->config.after_release(committer->config.after_release_context);
}

/* Lets go of the effects of a commit as a crash would. */
static void commit_drop(struct commit *commit) {
  struct effect *effect = commit->effects;
  commit->effects = NULL;
  while (effect != NULL) {
    struct effect *next = effect->next;
    if (effect->drop != NULL) effect->drop(effect);
    effect = next;
  }
}

/* Frees the commits. Effects that are not released yet are dropped. */
static void list_drop(struct commit_list *list) {
  struct commit *commit;
  while ((commit = list_take(list)) != NULL) {
    commit_drop(commit);
    commit_free(commit);
  }
}

struct committer *committer_new(const struct committer_config *config) {
  CHECK_THAT(config->batch_commits_max, >, 0);
  struct committer *committer = mem_zero(sizeof *committer);
  committer->config = *config;
  committer->queue = queue_new();
  atomic_store(&committer->durable_batch, log_last(config->log));
  return committer;
}

void committer_free(struct committer *committer) {
  if (committer == NULL) return;
  CHECK(committer->waiting.first == NULL && committer->batch.first == NULL);
  queue_free(committer->queue);
  buf_done(&committer->bytes);
  mem_free(committer);
}

uint64_t committer_put(struct committer *committer, struct commit **commit) {
  CHECK_THAT((*commit)->changes.err, ==, ERR_NONE);
  struct queue_item *item = &(*commit)->item;
  *commit = NULL;
  return queue_post(committer->queue, item);
}

void committer_ring(struct committer *committer) {
  queue_ring(committer->queue);
}

static void committer_take(struct committer *committer) {
  struct commit *commit = commit_of(queue_take(committer->queue));
  while (commit != NULL) {
    struct commit *next = commit_next(commit);
    commit->ticket = ++committer->taken;
    list_put(&committer->waiting, commit);
    commit = next;
  }
}

/* Fails commits that still come from an epoch that has ended. The epochs of a source only rise, so its order stays. */
static void committer_fail_older(struct committer *committer) {
  uint64_t epoch = atomic_load(&committer->epoch);
  struct commit_list stay = {0};
  struct commit *commit;
  while ((commit = list_take(&committer->waiting)) != NULL) {
    CHECK_THAT(commit->epoch, <=, epoch);
    if (commit->epoch < epoch) {
      commit_release(commit, ERR_STORAGE);
      commit_free(commit);
    } else {
      list_put(&stay, commit);
    }
  }
  committer->waiting = stay;
}

/* Gathers the next batch: as many commits as the limits allow, and one in any case. Returns the bytes of its changes. */
static size_t committer_gather(struct committer *committer) {
  const struct committer_config *config = &committer->config;
  size_t bytes = 0;
  for (size_t count = 0; committer->waiting.first != NULL && count < config->batch_commits_max; count++) {
    size_t more = committer->waiting.first->changes.size;
    if (count > 0 && (bytes >= config->batch_bytes_max || more > config->batch_bytes_max - bytes)) break;
    list_put(&committer->batch, list_take(&committer->waiting));
    bytes += more;
  }
  return bytes;
}

/* Copies the changes of the batch, behind room for the head of its record. Gives back memory beyond the usual. */
static enum err committer_collect(struct committer *committer, size_t bytes) {
  enum { KEEP_BYTES = 4 * 1024 * 1024 };
  static const uint8_t head[LOG_RECORD_HEAD];
  struct buf *into = &committer->bytes;
  if (into->capacity > KEEP_BYTES && bytes < KEEP_BYTES) buf_done(into);
  buf_clear(into);
  buf_put(into, slice_of(head, sizeof head));
  for (const struct commit *commit = committer->batch.first; commit != NULL; commit = commit_next(commit)) {
    buf_put(into, buf_slice(&commit->changes));
  }
  if (into->err == ERR_NONE) return ERR_NONE;
  logger_printf(committer->config.logger, LOG_ERROR, "no memory for a batch of %zu bytes", bytes);
  return ERR_STORAGE;
}

/* Tells what is durable now, and each source how much of its own is. */
static void committer_tell_durable(struct committer *committer) {
  bool more = atomic_exchange(&committer->durable, committer->appended) != committer->appended;
  for (size_t i = 0; more && i < committer->config.source_count; i++) {
    struct commit_source *source = committer->config.sources[i];
    source->durable(source, source->appended);
  }
  atomic_store(&committer->durable_batch, log_last(committer->config.log));
}

static enum err committer_sync(struct committer *committer) {
  enum err err = log_sync(committer->config.log);
  if (err != ERR_NONE) return err;
  committer->unsynced = false;
  committer->stats.syncs++;
  return ERR_NONE;
}

static bool batch_wants_sync(const struct committer *committer) {
  bool wants = !committer->config.relaxed;
  for (const struct commit *commit = committer->batch.first; commit != NULL && !wants; commit = commit_next(commit)) {
    wants = commit->sync;
  }
  return wants;
}

/* Puts the batch into the log, with a sync if effects wait for one. */
static enum err committer_write(struct committer *committer, size_t bytes) {
  enum err err = committer_collect(committer, bytes);
  if (err == ERR_NONE) err = log_append(committer->config.log, &committer->bytes);
  if (err != ERR_NONE) return err;
  if (batch_wants_sync(committer)) return committer_sync(committer);
  if (!committer->unsynced) {
    committer->sync_ns = clock_monotonic_ns(committer->config.clock) + (int64_t)SYNC_MS * 1000000;
  }
  committer->unsynced = true;
  return ERR_NONE;
}

static void committer_count(struct committer *committer, size_t bytes) {
  for (const struct commit *commit = committer->batch.first; commit != NULL; commit = commit_next(commit)) {
    committer->stats.commits += commit->changes.size > 0;
  }
  committer->stats.bytes += bytes;
}

static void committer_trace(const struct committer *committer) {
  const struct logger *logger = committer->config.logger;
  if (!trace_is_on(logger)) return;
  for (const struct commit *commit = committer->batch.first; commit != NULL; commit = commit_next(commit)) {
    trace_number(logger, commit->call_id, "commit written", "batch", log_last(committer->config.log));
  }
}

/* Lets the effects of all commits go, and only then tells that they are released. */
static void committer_release(struct committer *committer) {
  list_release(&committer->batch, ERR_NONE);
  for (const struct commit *commit = committer->batch.first; commit != NULL; commit = commit_next(commit)) {
    CHECK_THAT(commit->ticket, >, committer->appended);
    committer->appended = commit->ticket;
    commit->source->appended = commit->ticket;
  }
  atomic_store(&committer->released, committer->appended);
  if (!committer->unsynced) committer_tell_durable(committer);
  list_drop(&committer->batch);
}

/* Logs the failure, and asks for a checkpoint: there may be no room for a segment, and a checkpoint frees some. If the log
 * refused the batch untried, both were done when it last tried. */
static void committer_complain(const struct committer *committer) {
  if (log_rests(committer->config.log)) return;
  logger_printf(committer->config.logger, LOG_ERROR, "a batch was not written; its calls fail, epoch %llu begins",
                (unsigned long long)atomic_load(&committer->epoch));
  if (committer->config.checkpointer != NULL) checkpointer_want(committer->config.checkpointer);
}

/* Ends the epoch: tells every source, then fails the batch and everything behind it. What was appended before is synced first,
 * so that it is not lost too. The order is ALWAYS 5. */
static enum err committer_fail(struct committer *committer) {
  enum err err = committer->unsynced ? committer_sync(committer) : ERR_NONE;
  if (err != ERR_NONE) return err;
  committer_tell_durable(committer);
  verdicts_put(&committer->verdicts, atomic_load(&committer->epoch), committer->appended);
  atomic_fetch_add(&committer->epoch, 1);
  committer_complain(committer);
  for (size_t i = 0; i < committer->config.source_count; i++) {
    struct commit_source *source = committer->config.sources[i];
    source->failed(source);
  }
  list_release(&committer->batch, ERR_STORAGE);
  list_drop(&committer->batch);
  committer_take(committer);
  committer_fail_older(committer);
  return ERR_NONE;
}

/* Syncs what is due. */
static enum err committer_catch_up(struct committer *committer) {
  if (!committer->unsynced || clock_monotonic_ns(committer->config.clock) < committer->sync_ns) return ERR_NONE;
  enum err err = committer_sync(committer);
  if (err == ERR_NONE) committer_tell_durable(committer);
  return err;
}

static enum err committer_round(struct committer *committer) {
  size_t bytes = committer_gather(committer);
  if (committer->batch.first == NULL) return ERR_NONE;
  enum err err = bytes > 0 ? committer_write(committer, bytes) : ERR_NONE;
  if (err == ERR_FATAL) return err;
  if (err != ERR_NONE) return committer_fail(committer);
  /* NOTHING LEAVES ABOVE THIS LINE. From here on the batch is on disk, and its effects may be seen by anyone. */
  committer_count(committer, bytes);
  committer_trace(committer);
  committer_release(committer);
  if (committer->config.checkpointer != NULL) {
    checkpointer_hear(committer->config.checkpointer, log_bytes(committer->config.log));
  }
  return ERR_NONE;
}

enum err committer_step(struct committer *committer, bool *worked) {
  *worked = false;
  if (committer->lost) return ERR_FATAL;

  committer_take(committer);
  *worked = committer->waiting.first != NULL;
  committer_fail_older(committer);
  enum err err = committer_round(committer);
  committer_tell_released(committer);
  if (err == ERR_NONE) err = committer_catch_up(committer);
  if (err == ERR_NONE) return ERR_NONE;
  committer->lost = true;
  logger_printf(committer->config.logger, LOG_ERROR,
                "it is unknown which of the last changes are on disk: the host ends, and finds out when it starts again");
  return ERR_FATAL;
}

uint64_t committer_released(const struct committer *committer) {
  return atomic_load(&committer->released);
}

uint64_t committer_durable(const struct committer *committer) {
  return atomic_load(&committer->durable);
}

uint64_t committer_epoch(const struct committer *committer) {
  return atomic_load(&committer->epoch);
}

bool committer_find_verdict(const struct committer *committer, uint64_t epoch, uint64_t *ticket) {
  return verdicts_find(&committer->verdicts, epoch, ticket);
}

uint64_t committer_durable_batch(const struct committer *committer) {
  return atomic_load(&committer->durable_batch);
}

int64_t committer_rest_ns(const struct committer *committer) {
  if (committer->waiting.first != NULL) return 0;
  if (!committer->unsynced) return -1;
  int64_t left_ns = committer->sync_ns - clock_monotonic_ns(committer->config.clock);
  return left_ns < 0 ? 0 : left_ns;
}

void committer_wait(struct committer *committer, int64_t rest_ns) {
  if (rest_ns != 0) queue_wait(committer->queue, rest_ns);
}

void committer_wake(struct committer *committer) {
  queue_wake(committer->queue);
}

void committer_abandon(struct committer *committer) {
  committer_take(committer);
  list_drop(&committer->batch);
  list_drop(&committer->waiting);
}

const struct committer_stats *committer_stats(const struct committer *committer) {
  return &committer->stats;
}
