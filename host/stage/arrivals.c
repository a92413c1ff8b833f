/* arrivals.c -- see arrivals.h. */
#include "stage/arrivals.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/timekeeper.h"
#include "codec/key.h"
#include "ledger/record_key.h"
#include "stage/report.h"

static struct arrival *arrival_of(struct errand *errand) {
  return (struct arrival *)(void *)((uint8_t *)errand - offsetof(struct arrival, errand));
}

static struct records *records_of(const struct arrivals *all) {
  return all->config.rig->records;
}

/* -- a receiver pauses -- */

static void pass_pause(void *context, struct deadline *deadline) {
  struct arrivals *all = context;
  struct receiver *receiver = (struct receiver *)(void *)((uint8_t *)deadline - offsetof(struct receiver, again));
  struct held *held, *next;
  receiver->paused = false;
  HASH_ITER(hh, receiver->held, held, next) {
    if (held->in_memory) receiver_set_due(receiver, held);
  }
  receivers_line_up(&all->receivers, receiver);
}

void arrivals_pause(struct arrivals *all, struct receiver *receiver, int64_t ms, bool whole) {
  if (whole) {
    receiver->paused = true;
    receivers_step_aside(&all->receivers, receiver, false);
  }
  if (receiver->again.is_set) return;
  receiver->again.pass = pass_pause;
  receiver->again.context = all;
  deadlines_set(all->config.deadlines, &receiver->again, clock_monotonic_ns(all->config.vm->clock) + ms * 1000000);
}

/* -- arrivals -- */

static void leave_hand(struct arrival *arrival) {
  struct arrivals *all = arrival->all;
  TAILQ_REMOVE(&arrival->receiver->hand, arrival, link);
  arrival->receiver->in_hand--;
  all->in_hand--;
  all->bytes -= arrival->bytes;
  if (all->in_hand < ARRIVALS_MESSAGES_MAX / 2 && all->bytes < ARRIVALS_BYTES_MAX / 2) receivers_feed(&all->receivers);
}

static void arrival_free(struct arrival *arrival) {
  buf_done(&arrival->sender);
  reply_done(&arrival->errand.reply);
  mem_free(arrival);
}

/* It does not begin: its record stays as it is. */
static void arrival_drop(struct errand *errand) {
  struct arrival *arrival = arrival_of(errand);
  leave_hand(arrival);
  arrival_free(arrival);
}

/* Takes one out of the mailbox, to be fetched anew some time. */
static void take_out(struct arrivals *all, struct arrival *arrival) {
  struct receiver *receiver = arrival->receiver;
  struct actor *actor = actors_find(all->config.actors, receiver_address(receiver));
  struct request *request = arrival->request;
  CHECK(actor != NULL && request != NULL);
  receiver_rewind(receiver, arrival->place);
  actors_take_out(all->config.actors, actor, request);
  request_abandon(request);
}

/* Takes out those that wait in the mailbox: of one sender, or of all (0). */
static void take_out_waiting(struct arrivals *all, struct receiver *receiver, uint64_t sender_id) {
  struct arrival *arrival, *next;
  TAILQ_FOREACH_SAFE(arrival, &receiver->hand, link, next) {
    bool is_meant = sender_id == 0 || arrival->place.sender_id == sender_id;
    if (is_meant && arrival->request != NULL) take_out(all, arrival);
  }
}

/* All that waits is fetched anew, after a while. */
static void begin_anew(struct arrivals *all, struct receiver *receiver) {
  struct held *held, *next;
  take_out_waiting(all, receiver, 0);
  HASH_ITER(hh, receiver->held, held, next) {
    receiver_rewind(receiver, held->place);
    receiver_let_go(receiver, held);
  }
  arrivals_pause(all, receiver, ARRIVALS_PAUSE_MS, true);
}

/* Holds back the sender of a message that is to be tried again. NULL if memory runs out: then all begins anew. */
static struct held *hold_back(struct arrivals *all, struct receiver *receiver, struct mail_place place) {
  take_out_waiting(all, receiver, place.sender_id);
  struct held *held = receiver_try_hold(receiver, place);
  if (held != NULL) return held;
  receiver_rewind(receiver, place);
  begin_anew(all, receiver);
  return NULL;
}

/* -- records -- */

static void put_key(const struct arrival *arrival, struct buf *key) {
  mail_record_put_key(key, arrival->receiver->shard, receiver_address(arrival->receiver), arrival->place);
}

/* Copies the record of a message, as a view has it. ERR_NOT_FOUND, ERR_STORAGE, ERR_MEMORY. */
static enum err find_record(const struct arrival *arrival, const struct view *view, struct buf *bytes,
                            struct mail_record *record) {
  struct buf key = { 0 };
  struct slice value;
  put_key(arrival, &key);
  enum err err = key.err != ERR_NONE ? key.err : view_get(view, buf_slice(&key), &value);
  buf_done(&key);
  if (err != ERR_NONE) return err;
  buf_clear(bytes);
  buf_put(bytes, value);
  if (bytes->err != ERR_NONE) return bytes->err;
  return mail_record_read(buf_slice(bytes), false, record) ? ERR_NONE : ERR_STORAGE;
}

static bool try_delete(struct drafts *drafts, struct buf *key) {
  bool deleted = key->err == ERR_NONE && drafts_try_delete(drafts, buf_slice(key));
  buf_done(key);
  return deleted;
}

static bool try_put(struct drafts *drafts, struct buf *key, struct buf *value) {
  bool put = key->err == ERR_NONE && value->err == ERR_NONE && drafts_try_put(drafts, buf_slice(key), buf_slice(value));
  buf_done(key);
  buf_done(value);
  return put;
}

static void put_wake_key(const struct arrival *arrival, int64_t due_ms, struct buf *key) {
  const struct receiver *receiver = arrival->receiver;
  wake_key_put(key, TIMELINE_MAIL, due_ms, receiver_class(receiver), receiver_key(receiver), arrival->place.sender_id);
}

/* Drafts the removal of its record, and of its wake-up. */
static bool try_draft_removal(const struct arrival *arrival, struct drafts *drafts) {
  struct buf key = { 0 }, wake_key = { 0 };
  put_key(arrival, &key);
  if (!try_delete(drafts, &key)) return false;
  if (arrival->due_ms == 0) return true;
  put_wake_key(arrival, arrival->due_ms, &wake_key);
  return try_delete(drafts, &wake_key);
}

static bool try_draft_failed(const struct arrival *arrival, struct drafts *drafts, struct mail_record *record) {
  struct buf key = { 0 }, value = { 0 };
  record->class_name = receiver_class(arrival->receiver);
  record->key = receiver_key(arrival->receiver);
  record->due_ms = 0;
  mail_record_put_failed_key(&key, arrival->receiver->shard, arrival->place);
  mail_record_write(&value, record, true);
  return try_put(drafts, &key, &value);
}

/* -- the errand -- */

static enum err arrival_begin(struct errand *errand, struct actor *actor, struct turn *turn) {
  struct arrival *arrival = arrival_of(errand);
  struct mail_record record;
  struct buf bytes = { 0 };
  (void)actor;
  arrival->request = NULL;
  if (arrival->due_ms == 0) return ERR_NONE;
  /* What it says may have been lost with an epoch, and the record before that be there again. */
  enum err err = find_record(arrival, &turn->view, &bytes, &record);
  if (err == ERR_NONE) arrival->due_ms = record.due_ms;
  buf_done(&bytes);
  return err == ERR_NONE ? err : failure_set(&turn->failure, err, "a message for this actor cannot be read");
}

static bool arrival_try_save(struct errand *errand, const struct actor *actor, const struct turn *turn) {
  struct arrival *arrival = arrival_of(errand);
  (void)actor;
  struct mail_record record = {
    .method = turn->method, .args = turn->args, .input = turn->input, .idempotency_key = turn->idempotency_key,
    .create = arrival->creates, .sender_class = arrival->sender_class, .sender_key = arrival->sender_key,
    .tries = arrival->tries + 1, .error = slice_text(errand_interrupted),
  };
  return try_draft_removal(arrival, turn->view.drafts) && try_draft_failed(arrival, turn->view.drafts, &record);
}

static bool arrival_try_finish(struct errand *errand, const struct actor *actor, const struct turn *turn) {
  const struct arrival *arrival = arrival_of(errand);
  struct buf key = { 0 };
  (void)actor;
  if (!errand->has_saved) return try_draft_removal(arrival, turn->view.drafts);
  mail_record_put_failed_key(&key, arrival->receiver->shard, arrival->place);
  return try_delete(turn->view.drafts, &key);
}

/* -- after its turn -- */

/* Once this commit is durable, its sender's worker gets word. */
static void settle(struct arrival *arrival, uint64_t ticket) {
  struct receiver *receiver = arrival->receiver;
  struct held *held = receiver_find_held(receiver, arrival->place.sender_id);
  arrival->ticket = ticket;
  receiver->unsettled++;
  TAILQ_INSERT_TAIL(&arrival->all->applied, arrival, link);
  if (held != NULL && mail_record_compare(held->place, arrival->place) == 0) receiver_let_go(receiver, held);
}

static void report_arrival(const struct arrival *arrival, struct slice method, struct slice error) {
  struct buf sender = { 0 };
  key_print_address(&sender, arrival->sender_class, arrival->sender_key);
  const struct log_field detail = { "sender", buf_slice(&sender) };
  report_given_up(arrival->all->config.vm->logger, "message given up", receiver_class(arrival->receiver),
                  receiver_key(arrival->receiver), method, detail, arrival->errand.reply.call_id, error);
  buf_done(&sender);
}

/* Its turn has saved, and its record is that of one that was given up: the error says why, if there is room for it. */
static void end_interrupted(struct arrival *arrival) {
  struct rig *rig = arrival->all->config.rig;
  struct drafts *drafts = rig_begin_own(rig);
  struct buf key = { 0 }, bytes = { 0 }, copy = { 0 }, value = { 0 }, error = { 0 };
  struct mail_record record = { 0 };
  struct slice found;
  uint64_t ticket = 0;
  errand_put_error(&arrival->errand, &error);
  mail_record_put_failed_key(&key, arrival->receiver->shard, arrival->place);
  if (drafts != NULL && key.err == ERR_NONE && error.err == ERR_NONE) {
    struct view view = records_view(rig->records, drafts);
    if (view_get(&view, buf_slice(&key), &found) == ERR_NONE) buf_put(&bytes, found);
    if (bytes.err == ERR_NONE && mail_record_read(buf_slice(&bytes), true, &record)) {
      record.error = buf_slice(&error);
      buf_put(&copy, buf_slice(&key));
      mail_record_write(&value, &record, true);
      if (try_put(drafts, &copy, &value)) ticket = rig_commit_own(rig, NULL);
    }
    if (ticket == 0) rig_drop_own(rig);
  }
  report_arrival(arrival, record.method, buf_slice(&error));
  settle(arrival, ticket == 0 ? records_ticket(rig->records) : ticket);
  buf_done(&error);
  buf_done(&bytes);
  buf_done(&key);
}

/* What is left of a message after so many tries. Its old record has been read. */
static bool try_draft_try(struct arrival *arrival, struct drafts *drafts, struct mail_record *record) {
  struct buf key = { 0 }, value = { 0 }, wake_key = { 0 };
  arrival->due_ms = record->due_ms;
  if (!try_draft_removal(arrival, drafts)) return false;
  if (record->tries >= RETRY_TRIES) return try_draft_failed(arrival, drafts, record);
  record->due_ms = timekeeper_host_ms(arrival->all->config.vm->timekeeper) + retry_pause_ms(record->tries);
  put_key(arrival, &key);
  mail_record_write(&value, record, false);
  if (!try_put(drafts, &key, &value)) return false;
  put_wake_key(arrival, record->due_ms, &wake_key);
  return try_put(drafts, &wake_key, &value);
}

/* Notes a try that failed, in a commit of the host's own. False: not now. */
static bool try_note_failure(struct arrival *arrival) {
  struct arrivals *all = arrival->all;
  struct rig *rig = all->config.rig;
  struct drafts *drafts = rig_begin_own(rig);
  struct buf bytes = { 0 }, error = { 0 };
  struct mail_record record;
  uint64_t ticket = 0;
  if (drafts == NULL) return false;
  struct view view = records_view(rig->records, drafts);
  errand_put_error(&arrival->errand, &error);
  if (error.err == ERR_NONE && find_record(arrival, &view, &bytes, &record) == ERR_NONE) {
    record.tries++;
    record.error = buf_slice(&error);
    if (try_draft_try(arrival, drafts, &record)) ticket = rig_commit_own(rig, NULL);
  }
  if (ticket == 0) {
    rig_drop_own(rig);
  } else if (record.tries >= RETRY_TRIES) {
    report_arrival(arrival, record.method, record.error);
    settle(arrival, ticket);
  } else {
    struct held *held = hold_back(all, arrival->receiver, arrival->place);
    if (held != NULL) held->ticket = ticket;
    wakes_note(all->config.wakes, arrival->receiver->shard, TIMELINE_MAIL, record.due_ms);
    arrival_free(arrival);
  }
  buf_done(&error);
  buf_done(&bytes);
  return ticket != 0;
}

/* The disk took nothing, or there is no memory: it was no try. */
static void hold_in_memory(struct arrival *arrival) {
  struct arrivals *all = arrival->all;
  struct receiver *receiver = arrival->receiver;
  struct held *held = hold_back(all, receiver, arrival->place);
  if (held != NULL) held->in_memory = true;
  arrivals_pause(all, receiver, ARRIVALS_PAUSE_MS, false);
  arrival_free(arrival);
}

static bool is_in_records(const struct arrival *arrival) {
  struct view view = records_view(records_of(arrival->all), NULL);
  struct mail_record record;
  struct buf bytes = { 0 };
  enum err err = find_record(arrival, &view, &bytes, &record);
  buf_done(&bytes);
  return err != ERR_NOT_FOUND;
}

static void arrival_end(struct errand *errand, struct actor *actor) {
  struct arrival *arrival = arrival_of(errand);
  struct arrivals *all = arrival->all;
  struct receiver *receiver = arrival->receiver;
  enum err err = errand->reply.failure.err;
  arrival->request = NULL;
  leave_hand(arrival);
  if (err == ERR_NONE) {
    settle(arrival, actor->seen);
  } else if (errand->has_saved && !is_in_records(arrival)) {
    end_interrupted(arrival);
  } else if (err == ERR_STORAGE || !try_note_failure(arrival)) {
    hold_in_memory(arrival);
  }
  receivers_line_up(&all->receivers, receiver);
  receivers_tidy(&all->receivers, receiver);
}

static const struct errand_kind arrival_kind = {
  .caller = CALLER_ACTOR, .begin = arrival_begin, .try_save = arrival_try_save, .try_finish = arrival_try_finish,
  .end = arrival_end, .free = arrival_drop,
};

/* -- fetching -- */

bool arrivals_have_room(const struct arrivals *all, const struct receiver *receiver) {
  bool is_full = all->in_hand >= ARRIVALS_MESSAGES_MAX || all->bytes >= ARRIVALS_BYTES_MAX;
  return receiver->in_hand == 0 || (receiver->in_hand < ARRIVALS_IN_HAND_MAX && !is_full);
}

static bool try_fill(struct arrival *arrival, struct request *request, const struct mail_record *record) {
  buf_put(&request->method, record->method);
  buf_put(&request->args, record->args);
  buf_put(&request->input, record->input);
  buf_put(&request->idempotency_key, record->idempotency_key);
  buf_put(&arrival->sender, record->sender_class);
  buf_put(&arrival->sender, record->sender_key);
  const struct buf *filled[] = { &request->method, &request->args, &request->input, &request->idempotency_key,
                                 &arrival->sender };
  for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
    if (filled[i]->err != ERR_NONE) return false;
  }
  arrival->sender_class = slice_of(arrival->sender.data, record->sender_class.size);
  arrival->sender_key = slice_after(buf_slice(&arrival->sender), record->sender_class.size);
  request->caller_class = arrival->sender_class;
  request->caller_key = arrival->sender_key;
  request->create = record->create;
  return true;
}

bool arrivals_try_fetch(struct arrivals *all, struct receiver *receiver, struct mail_place place,
                        const struct mail_record *record) {
  struct actor *actor = actors_try_get(all->config.actors, receiver_class(receiver), receiver_key(receiver));
  struct arrival *arrival = actor == NULL ? NULL : mem_try_zero(sizeof *arrival);
  if (arrival == NULL) return false;
  uint64_t call_id = atomic_fetch_add(all->config.next_call_id, 1);
  struct request *request = errand_try_request(&arrival->errand, &arrival_kind, call_id, actor);
  if (request == NULL || !try_fill(arrival, request, record)) {
    request_free(request);
    arrival_free(arrival);
    return false;
  }
  arrival->all = all;
  arrival->receiver = receiver;
  arrival->place = place;
  arrival->request = request;
  arrival->due_ms = record->due_ms;
  arrival->tries = record->tries;
  arrival->creates = record->create;
  arrival->counts = place.stamp >= all->first_stamp && !record->revived;
  arrival->bytes = sizeof *arrival + request->args.size;
  TAILQ_INSERT_TAIL(&receiver->hand, arrival, link);
  receiver->in_hand++;
  all->in_hand++;
  all->bytes += arrival->bytes;
  if (mail_record_compare(place, receiver->behind) >= 0) receiver->behind = mail_record_behind(place);
  errand_put(all->config.actors, actor, request, clock_monotonic_ns(all->config.vm->clock));
  return true;
}

/* -- word to senders -- */

static bool try_note_word(struct arrivals *all, uint64_t sender_id) {
  unsigned worker = record_shard(sender_id) % all->config.post->count;
  struct word_entry entry = { sender_id, 1 };
  struct buf *words = &all->words[worker];
  if (worker == all->config.vm->worker) {
    sends_note_applied(all->config.sends, sender_id, 1);
    return true;
  }
  struct word_entry *last = words->size == 0 ? NULL : (struct word_entry *)(void *)(words->data + words->size - sizeof entry);
  if (last != NULL && last->sender_id == sender_id) {
    last->count++;
    return true;
  }
  buf_put(words, slice_of(&entry, sizeof entry));
  bool noted = words->err == ERR_NONE;
  words->err = ERR_NONE;
  return noted;
}

/* Sends what words there are. What memory does not suffice for goes with the next step. */
static void send_words(struct arrivals *all) {
  for (unsigned worker = 0; worker < all->config.post->count; worker++) {
    struct buf *words = &all->words[worker];
    size_t count = words->size / sizeof(struct word_entry);
    struct word *word = count == 0 ? NULL : word_try_new((const struct word_entry *)(const void *)words->data, count);
    if (word == NULL) continue;
    post_send(all->config.post, worker, &word->letter);
    buf_clear(words);
  }
}

/* Says of what is durable now that it was applied or given up. */
bool arrivals_settle(struct arrivals *all) {
  uint64_t durable = records_durable(records_of(all));
  struct arrival *arrival;
  bool any = false;
  while ((arrival = TAILQ_FIRST(&all->applied)) != NULL && arrival->ticket <= durable) {
    if (arrival->counts && !try_note_word(all, arrival->place.sender_id)) break;
    struct receiver *receiver = arrival->receiver;
    TAILQ_REMOVE(&all->applied, arrival, link);
    arrival_free(arrival);
    receiver->unsettled--;
    receivers_tidy(&all->receivers, receiver);
    any = true;
  }
  if (any) send_words(all);
  return any;
}

/* -- life -- */

void arrivals_init(struct arrivals *all, const struct arrivals_config *config) {
  *all = (struct arrivals){ .config = *config, .words = mem_zero(config->post->count * sizeof(struct buf)) };
  receivers_init(&all->receivers, config->deadlines);
  TAILQ_INIT(&all->applied);
}

void arrivals_done(struct arrivals *all) {
  struct arrival *arrival, *next;
  TAILQ_FOREACH_SAFE(arrival, &all->applied, link, next) arrival_free(arrival);
  receivers_done(&all->receivers);
  for (unsigned i = 0; i < all->config.post->count; i++) buf_done(&all->words[i]);
  mem_free(all->words);
}

void arrivals_begin(struct arrivals *all) {
  all->first_stamp = (records_durable_batch(records_of(all)) + 1) << STAMP_BATCH_SHIFT;
}

bool arrivals_are_due(const struct arrivals *all) {
  const struct arrival *first = TAILQ_FIRST(&all->applied);
  return first != NULL && first->ticket <= records_durable(records_of(all));
}

bool arrivals_want_durable(const struct arrivals *all) {
  return !TAILQ_EMPTY(&all->applied);
}

void arrivals_hear_lost(struct arrivals *all) {
  uint64_t verdict = records_verdict(records_of(all));
  struct arrival *arrival, *next_arrival;
  struct receiver *receiver, *next_receiver;
  TAILQ_FOREACH_SAFE(arrival, &all->applied, link, next_arrival) {
    if (arrival->ticket <= verdict) continue;
    receiver = arrival->receiver;
    receiver->unsettled--;
    receiver->has_lost = true;
    receiver_rewind(receiver, arrival->place);
    TAILQ_REMOVE(&all->applied, arrival, link);
    arrival_free(arrival);
  }
  HASH_ITER(hh, all->receivers.by_address, receiver, next_receiver) {
    struct held *held, *next;
    HASH_ITER(hh, receiver->held, held, next) receiver->has_lost |= held->ticket > verdict;
    if (receiver->has_lost) begin_anew(all, receiver);
    receiver->has_lost = false;
  }
}
