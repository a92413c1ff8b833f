/* committer.c -- takes commits, writes them as one batch, and only then lets their effects go. */
#include "ledger/committer.h"

#include "base/check.h"
#include "base/mem.h"

/* Commits in the order in which they came, linked by their queue items. */
struct commit_list {
  struct commit *first;
  struct commit *last;        /* only where first is not NULL */
};

struct committer {
  struct committer_config config;
  struct queue *queue;
  struct commit_list waiting;   /* taken from the queue, and beyond the limits of the batches so far */
  struct commit_list batch;
  uint64_t epoch;
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

/* Lets the effects of a commit go or fail, in order. Each may be gone once it is settled. */
static void commit_settle(struct commit *commit, enum err err) {
  struct effect *effect = commit->effects;
  commit->effects = NULL;
  while (effect != NULL) {
    struct effect *next = effect->next;
    effect->settle(effect, err);
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

static void list_settle(struct commit_list *list, enum err err) {
  for (struct commit *commit = list->first; commit != NULL; commit = commit_next(commit)) commit_settle(commit, err);
}

/* Frees the commits without a word to their effects: these are settled, or the caller has taken them back. */
static void list_drop(struct commit_list *list) {
  struct commit *commit;
  while ((commit = list_take(list)) != NULL) {
    commit->effects = NULL;
    commit_free(commit);
  }
}

struct committer *committer_new(const struct committer_config *config) {
  CHECK_THAT(config->batch_commits_max, >, 0);
  struct committer *committer = mem_zero(sizeof *committer);
  committer->config = *config;
  committer->queue = queue_new();
  return committer;
}

void committer_free(struct committer *committer) {
  if (committer == NULL) return;
  CHECK(committer->waiting.first == NULL && committer->batch.first == NULL);
  queue_free(committer->queue);
  mem_free(committer);
}

void committer_put(struct committer *committer, struct commit **commit) {
  CHECK_THAT((*commit)->changes.err, ==, ERR_NONE);
  struct queue_item *item = &(*commit)->item;
  *commit = NULL;
  queue_put(committer->queue, item);
}

static void committer_take(struct committer *committer) {
  struct commit *commit = commit_of(queue_take(committer->queue));
  while (commit != NULL) {
    struct commit *next = commit_next(commit);
    list_put(&committer->waiting, commit);
    commit = next;
  }
}

/* Fails what still comes from an epoch that ended. The epochs of a source only rise, so its order stays. */
static void committer_fail_older(struct committer *committer) {
  struct commit_list stay = {0};
  struct commit *commit;
  while ((commit = list_take(&committer->waiting)) != NULL) {
    CHECK_THAT(commit->epoch, <=, committer->epoch);
    if (commit->epoch < committer->epoch) {
      commit_settle(commit, ERR_STORAGE);
      commit_free(commit);
    } else {
      list_put(&stay, commit);
    }
  }
  committer->waiting = stay;
}

/* The next batch: as many as the limits take, and one in any case. Answers the bytes of its changes. */
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

static enum err write_changes(struct store *store, struct slice rest) {
  for (;;) {
    struct change change = changes_next(&rest);
    enum err err = ERR_NONE;
    CHECK(change.type != CHANGE_BROKEN);
    if (change.type == CHANGE_END) return ERR_NONE;
    if (change.type == CHANGE_PUT) err = store_put(store, change.key, change.value);
    if (change.type == CHANGE_DELETE) err = store_delete(store, change.key);
    if (change.type == CHANGE_DELETE_RANGE) err = store_delete_range(store, change.key, change.value);
    if (err != ERR_NONE) return err;
  }
}

/* Makes the changes of the batch durable: all of them, or none. */
static enum err committer_write(struct committer *committer) {
  struct store *store = committer->config.store;
  enum err err = store_begin(store);
  if (err != ERR_NONE) return err;
  for (const struct commit *commit = committer->batch.first; commit != NULL; commit = commit_next(commit)) {
    err = write_changes(store, buf_slice(&commit->changes));
    if (err != ERR_NONE) {
      store_abort(store);
      return err;
    }
  }
  return store_commit(store);
}

static void committer_count(struct committer *committer, size_t bytes) {
  for (const struct commit *commit = committer->batch.first; commit != NULL; commit = commit_next(commit)) {
    committer->stats.commits += commit->changes.size > 0;
  }
  committer->stats.bytes += bytes;
  committer->stats.syncs += bytes > 0;
}

/* The highest seq of a source in the batch; false where it has no commit there. */
static bool batch_seq(const struct commit_list *batch, const struct commit_source *source, uint64_t *seq) {
  bool any = false;
  for (const struct commit *commit = batch->first; commit != NULL; commit = commit_next(commit)) {
    if (commit->source != source) continue;
    CHECK(!any || commit->seq >= *seq);
    *seq = commit->seq;
    any = true;
  }
  return any;
}

/* Lets the effects of all commits go, and only then tells each source how far it is durable. */
static void committer_release(struct committer *committer) {
  list_settle(&committer->batch, ERR_NONE);
  for (size_t i = 0; i < committer->config.source_count; i++) {
    struct commit_source *source = committer->config.sources[i];
    uint64_t seq;
    if (batch_seq(&committer->batch, source, &seq)) source->durable(source, seq);
  }
  list_drop(&committer->batch);
}

/* Ends the epoch: tells every source, then fails the batch and what is behind it. */
static void committer_fail(struct committer *committer) {
  committer->epoch++;
  logger_printf(committer->config.logger, LOG_ERROR, "a batch was not written; its calls fail, epoch %llu begins",
                (unsigned long long)committer->epoch);
  for (size_t i = 0; i < committer->config.source_count; i++) {
    struct commit_source *source = committer->config.sources[i];
    source->failed(source, committer->epoch);
  }
  list_settle(&committer->batch, ERR_STORAGE);
  list_drop(&committer->batch);
  committer_take(committer);
  committer_fail_older(committer);
}

enum err committer_step(struct committer *committer, bool *worked) {
  *worked = false;
  if (committer->lost) return ERR_FATAL;

  committer_take(committer);
  *worked = committer->waiting.first != NULL;
  committer_fail_older(committer);
  size_t bytes = committer_gather(committer);
  if (committer->batch.first == NULL) return ERR_NONE;

  enum err err = bytes > 0 ? committer_write(committer) : ERR_NONE;   /* returns after the sync */
  if (err == ERR_NONE) {
    /* NOTHING LEAVES ABOVE THIS LINE. From here on the batch is on disk, and its effects may be seen by anyone. */
    committer_count(committer, bytes);
    committer_release(committer);
    return ERR_NONE;
  }
  if (err != ERR_FATAL) {
    committer_fail(committer);
    return ERR_NONE;
  }
  committer->lost = true;
  logger_printf(committer->config.logger, LOG_ERROR,
                "it is unknown which of the last changes are on disk: the host ends, and finds out when it starts again");
  return ERR_FATAL;
}

void committer_wait(struct committer *committer) {
  if (committer->waiting.first == NULL) queue_wait(committer->queue, -1);
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
