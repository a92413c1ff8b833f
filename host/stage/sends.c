/* sends.c -- see sends.h. */
#include "stage/sends.h"

#include "base/check.h"
#include "base/mem.h"
#include "ledger/changes.h"
#include "ledger/record_key.h"
#include "stage/mail_record.h"
#include "stage/router.h"

/* An actor with messages that are not applied yet. */
struct sender {
  UT_hash_handle hh;
  uint64_t id;
  size_t waiting;
  bool hashed;                 /* false: the table had no memory for it */
};

struct sends {
  const struct post *post;
  unsigned worker;
  struct records *records;
  struct sender *senders;      /* by id */
  uint64_t last_stamp;
};

struct sends *sends_new(const struct post *post, unsigned worker, struct records *records) {
  struct sends *made = mem_zero(sizeof *made);
  made->post = post;
  made->worker = worker;
  made->records = records;
  return made;
}

static void remove_sender(struct sends *sends, struct sender *sender) {
  HASH_DEL(sends->senders, sender);
  mem_free(sender);
}

void sends_free(struct sends *sends) {
  if (sends == NULL) return;
  struct sender *sender, *next;
  HASH_ITER(hh, sends->senders, sender, next) remove_sender(sends, sender);
  mem_free(sends);
}

/* -- counts -- */

static struct sender *find(const struct sends *sends, uint64_t id) {
  struct sender *found;
  HASH_FIND_BYHASHVALUE(hh, sends->senders, &id, sizeof id, record_id_hash(id), found);
  return found;
}

static struct sender *try_get(struct sends *sends, uint64_t id) {
  struct sender *sender = find(sends, id);
  if (sender != NULL) return sender;
  sender = mem_try_zero(sizeof *sender);
  if (sender == NULL) return NULL;
  sender->id = id;
  sender->hashed = true;
  HASH_ADD_BYHASHVALUE(hh, sends->senders, id, sizeof sender->id, record_id_hash(id), sender);
  if (sender->hashed) return sender;
  mem_free(sender);
  return NULL;
}

size_t sends_waiting(const struct sends *sends, uint64_t sender_id) {
  const struct sender *sender = sends->senders == NULL ? NULL : find(sends, sender_id);
  return sender == NULL ? 0 : sender->waiting;
}

void sends_note_applied(struct sends *sends, uint64_t sender_id, size_t count) {
  struct sender *sender = find(sends, sender_id);
  CHECK(sender != NULL);
  CHECK_THAT(count, <=, sender->waiting);
  sender->waiting -= count;
  if (sender->waiting == 0) remove_sender(sends, sender);
}

void sends_take_word(struct sends *sends, struct word *word) {
  for (size_t i = 0; i < word->count; i++) sends_note_applied(sends, word->entries[i].sender_id, word->entries[i].count);
  word_free(word);
}

void sends_take_back(struct sends *sends, struct parcel *parcel) {
  CHECK(parcel->records == NULL);
  sends_note_applied(sends, parcel->sender_id, parcel->count);
  parcel_free(parcel);
}

/* -- a commit -- */

static uint64_t next_stamp(struct sends *sends) {
  uint64_t least = (records_durable_batch(sends->records) + 1) << STAMP_BATCH_SHIFT;
  sends->last_stamp = sends->last_stamp + 1 > least ? sends->last_stamp + 1 : least;
  return sends->last_stamp;
}

static void free_parcels(struct effect *effects) {
  for (struct effect *effect = effects, *next; effect != NULL; effect = next) {
    next = effect->next;
    parcel_free(parcel_of_effect(effect));
  }
}

/* The parcel of this list for a worker; a new one goes to its end. NULL if memory runs out. */
static struct parcel *try_get_parcel(const struct sends *sends, const struct actor *actor, unsigned to,
                                     struct effect **effects) {
  struct effect **place = effects;
  for (; *place != NULL; place = &(*place)->next) {
    if (parcel_of_effect(*place)->to == to) return parcel_of_effect(*place);
  }
  struct parcel *made = parcel_try_new(sends->post, sends->worker, to, actor->id, records_under_way(sends->records));
  if (made != NULL) *place = &made->effect;
  return made;
}

static bool try_put_record(struct parcel *parcel, const struct actor *actor, const struct message *message, unsigned shard,
                           uint64_t stamp) {
  struct buf address = { 0 }, key = { 0 }, value = { 0 };
  const struct mail_record record = {
    .method = message->method, .args = message->args, .input = message->input, .idempotency_key = message->idempotency_key,
    .create = message->create, .sender_class = actor_class(actor), .sender_key = actor_key(actor),
  };
  router_put_address(&address, message->class_name, message->key);
  mail_record_put_key(&key, shard, buf_slice(&address), (struct mail_place){ stamp, actor->id });
  mail_record_write(&value, &record, false);
  bool put = address.err == ERR_NONE && key.err == ERR_NONE && value.err == ERR_NONE &&
             memtable_try_put(parcel->records, buf_slice(&key), buf_slice(&value));
  buf_done(&value);
  buf_done(&key);
  buf_done(&address);
  if (put) parcel->count++;
  return put;
}

static enum err pack_message(struct sends *sends, const struct actor *actor, const struct message *message,
                             struct effect **effects) {
  unsigned shard = router_shard(message->class_name, message->key), to = shard % sends->post->count;
  if (post_is_full(sends->post, to)) return ERR_STORAGE;
  struct parcel *parcel = try_get_parcel(sends, actor, to, effects);
  bool put = parcel != NULL && try_put_record(parcel, actor, message, shard, next_stamp(sends));
  return put ? ERR_NONE : ERR_MEMORY;
}

enum err sends_pack(struct sends *sends, const struct actor *actor, const struct outbox *outbox, struct buf *changes,
                    struct effect **effects) {
  struct effect *packed = NULL;
  struct sender *sender = try_get(sends, actor->id);
  enum err err = sender == NULL ? ERR_MEMORY : ERR_NONE;
  for (const struct message *message = outbox->first; message != NULL && err == ERR_NONE; message = message->next) {
    err = pack_message(sends, actor, message, &packed);
  }
  for (struct effect *effect = packed; effect != NULL && err == ERR_NONE; effect = effect->next) {
    changes_put_all(changes, parcel_of_effect(effect)->records);
    err = changes->err;
  }
  if (err != ERR_NONE) {
    free_parcels(packed);
    if (sender != NULL && sender->waiting == 0) remove_sender(sends, sender);
    return err;
  }
  sender->waiting += outbox->count;
  for (struct effect *effect = packed; effect != NULL; effect = effect->next) parcel_leave(parcel_of_effect(effect));
  *effects = packed;
  return ERR_NONE;
}
