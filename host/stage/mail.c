/* mail.c -- see mail.h. */
#include "stage/mail.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/timekeeper.h"
#include "codec/key.h"
#include "ledger/record_key.h"
#include "stage/router.h"

enum {
  RECEIVERS_MAX = 10000,         /* so many are known, and no more are sought at a start */
  SEEKS_A_STEP = 16,             /* so many shards are looked at, or receivers found */
  DAMAGE_PAUSE_MS = 60000
};

struct mail {
  struct arrivals arrivals;
  bool sought;                 /* all shards have been looked at since the start; until then: */
  unsigned shard;              /* which one is next, */
  struct buf sought_to;        /* and from where on; empty: from its beginning */
  bool seek_rests;             /* until `seek_again` */
  struct deadline seek_again;
};

static struct records *records_of(const struct mail *mail) {
  return mail->arrivals.config.rig->records;
}

static const struct logger *logger_of(const struct mail *mail) {
  return mail->arrivals.config.vm->logger;
}

static int64_t host_ms(const struct mail *mail) {
  return timekeeper_host_ms(mail->arrivals.config.vm->timekeeper);
}

/* -- fetching -- */

static void log_damage(const struct mail *mail, const struct receiver *receiver, const char *what) {
  struct buf address = { 0 };
  key_print_address(&address, receiver_class(receiver), receiver_key(receiver));
  logger_printf(logger_of(mail), LOG_ERROR, "%s for %.*s cannot be read", what, (int)address.size,
                (const char *)address.data);
  buf_done(&address);
}

/* Fetches those of its senders that are held back and may be tried again. False if memory runs out. */
static bool try_fetch_due(struct mail *mail, struct receiver *receiver) {
  struct buf key = { 0 };
  bool fetched = true;
  while (fetched && !TAILQ_EMPTY(&receiver->due) && arrivals_have_room(&mail->arrivals, receiver)) {
    struct held *held = TAILQ_FIRST(&receiver->due);
    struct view view = records_view(records_of(mail), NULL);
    struct mail_record record;
    struct slice value;
    buf_clear(&key);
    mail_record_put_key(&key, receiver->shard, receiver_address(receiver), held->place);
    enum err err = key.err != ERR_NONE ? key.err : view_get(&view, buf_slice(&key), &value);
    if (err == ERR_NONE && mail_record_read(value, false, &record)) {
      fetched = arrivals_try_fetch(&mail->arrivals, receiver, held->place, &record);
      if (fetched) receiver_clear_due(receiver, held);
    } else if (err == ERR_MEMORY) {
      fetched = false;
    } else {
      if (err != ERR_NOT_FOUND) log_damage(mail, receiver, "a message");
      receiver_let_go(receiver, held);
    }
  }
  buf_done(&key);
  return fetched;
}

/* What is to be done about a record that the scan has found. False if memory runs out. */
static bool try_take_found(struct mail *mail, struct receiver *receiver, struct mail_place place, struct slice value) {
  struct mail_record record;
  if (receiver_has_in_hand(receiver, place) || receiver_find_held(receiver, place.sender_id) != NULL) return true;
  if (!mail_record_read(value, false, &record)) {
    log_damage(mail, receiver, "a message");
    return true;
  }
  if (record.due_ms > host_ms(mail)) return receiver_try_hold(receiver, place) != NULL;
  return arrivals_try_fetch(&mail->arrivals, receiver, place, &record);
}

/* Scans on, from `next`. What was taken away lies there too, until the next checkpoint. */
static enum err scan_on(struct mail *mail, struct receiver *receiver, size_t *steps) {
  struct view view = records_view(records_of(mail), NULL);
  struct buf from = { 0 }, to = { 0 };
  struct scan scan;
  struct slice key, value, address;
  struct mail_place place;
  bool found;
  mail_record_put_key(&from, receiver->shard, receiver_address(receiver), receiver->next);
  mail_record_put_end(&to, receiver->shard, receiver_address(receiver));
  enum err err = from.err != ERR_NONE || to.err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
  if (err == ERR_NONE) scan_begin(&scan, &view, buf_slice(&from), buf_slice(&to), false);
  while (err == ERR_NONE && *steps > 0 && arrivals_have_room(&mail->arrivals, receiver)) {
    --*steps;
    err = scan_step(&scan, &key, &value, &found);
    if (err != ERR_NONE || !mail_record_read_key(key, &address, &place)) continue;
    if (found && !try_take_found(mail, receiver, place, value)) err = ERR_MEMORY;
    if (err == ERR_NONE) receiver->next = mail_record_behind(place);
  }
  if (err == ERR_NOT_FOUND) receiver->more = false;
  buf_done(&to);
  buf_done(&from);
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* Fetches for the first in line. */
static void fetch(struct mail *mail, struct receiver *receiver, size_t *steps) {
  enum err err = try_fetch_due(mail, receiver) ? ERR_NONE : ERR_MEMORY;
  --*steps;
  if (err == ERR_NONE && receiver->more) err = scan_on(mail, receiver, steps);
  if (err != ERR_NONE) {
    if (err == ERR_STORAGE) log_damage(mail, receiver, "the messages");
    arrivals_pause(&mail->arrivals, receiver, err == ERR_STORAGE ? DAMAGE_PAUSE_MS : ARRIVALS_PAUSE_MS, true);
    return;
  }
  bool wants = receiver->more || !TAILQ_EMPTY(&receiver->due);
  if (wants && arrivals_have_room(&mail->arrivals, receiver)) return;      /* the step is over, and it stays first in line */
  bool has_enough = receiver->in_hand >= ARRIVALS_IN_HAND_MAX;
  receivers_step_aside(&mail->arrivals.receivers, receiver, wants && !has_enough);
  receivers_tidy(&mail->arrivals.receivers, receiver);
}

/* -- receivers -- */

/* A receiver for which there is something from this place on. NULL if memory runs out. */
static struct receiver *need_receiver(struct mail *mail, struct slice address, struct mail_place place) {
  struct receiver *receiver = receivers_find(&mail->arrivals.receivers, address);
  if (receiver == NULL) {
    const struct mail_place beginning = { 0 };
    receiver = receivers_try_add(&mail->arrivals.receivers, address, mail->sought ? place : beginning);
  }
  if (receiver == NULL) return NULL;
  receiver_rewind(receiver, place);
  receivers_line_up(&mail->arrivals.receivers, receiver);
  return receiver;
}

/* Some receivers are not known, for want of memory: they are sought as at a start. */
static void seek_anew(struct mail *mail) {
  mail->sought = false;
  mail->shard = mail->arrivals.config.vm->worker;
  buf_clear(&mail->sought_to);
}

static void pass_rest(void *context, struct deadline *deadline) {
  struct mail *mail = context;
  (void)deadline;
  mail->seek_rests = false;
}

/* There is no memory to seek on just now. */
static void let_seek_rest(struct mail *mail) {
  const struct arrivals_config *config = &mail->arrivals.config;
  mail->seek_rests = true;
  mail->seek_again.pass = pass_rest;
  mail->seek_again.context = mail;
  deadlines_set(config->deadlines, &mail->seek_again,
                clock_monotonic_ns(config->vm->clock) + (int64_t)ARRIVALS_PAUSE_MS * 1000000);
}

void mail_note(struct mail *mail, struct slice address, struct mail_place place) {
  struct receiver *receiver = need_receiver(mail, address, place);
  if (receiver == NULL) {
    seek_anew(mail);
  } else {
    receiver_note(receiver, place);
  }
}

void mail_take(struct mail *mail, struct parcel *parcel) {
  const struct memtable_entry *entry = memtable_seek(parcel->records, slice_of(NULL, 0), false);
  struct slice address;
  struct mail_place place;
  for (; entry != NULL; entry = memtable_next(entry, false)) {
    CHECK(mail_record_read_key(memtable_key(entry), &address, &place));
    mail_note(mail, address, place);
  }
  records_take_in(records_of(mail), parcel->records);
  parcel_free(parcel);
}

bool mail_tell(struct mail *mail, const struct wake *wake) {
  const struct mail_place beginning = { 0 };
  struct receiver *receiver = receivers_find(&mail->arrivals.receivers, wake->address);
  if (receiver == NULL) return need_receiver(mail, wake->address, beginning) != NULL;
  struct held *held = receiver_find_held(receiver, wake->sender_id);
  if (held == NULL || held->in_memory || receiver_has_in_hand(receiver, held->place)) return true;
  receiver_set_due(receiver, held);
  receivers_line_up(&mail->arrivals.receivers, receiver);
  return true;
}

/* Goes to the next shard. */
static void pass_shard(struct mail *mail) {
  mail->shard += mail->arrivals.config.post->count;
  mail->sought = mail->shard >= ROUTER_SHARDS;
  buf_clear(&mail->sought_to);
}

/* Seeks on for receivers that earlier lives have left, until it finds one, or a shard has been passed. */
static void seek_on(struct mail *mail, size_t *steps) {
  struct view view = records_view(records_of(mail), NULL);
  struct buf from = { 0 }, to = { 0 };
  struct scan scan;
  struct slice key, value, address;
  struct mail_place place;
  bool found = false;
  record_key_put_head(&to, record_own_id(mail->shard), (enum record_space)(SPACE_MAIL + 1));
  if (mail->sought_to.size > 0) {
    buf_put(&from, buf_slice(&mail->sought_to));
  } else {
    record_key_put_head(&from, record_own_id(mail->shard), SPACE_MAIL);
  }
  enum err err = from.err != ERR_NONE || to.err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
  if (err == ERR_NONE) scan_begin(&scan, &view, buf_slice(&from), buf_slice(&to), false);
  while (err == ERR_NONE && *steps > 0 && !found) {
    --*steps;
    err = scan_step(&scan, &key, &value, &found);
    if (err != ERR_NONE) break;
    found = found && mail_record_read_key(key, &address, &place);
    if (found && need_receiver(mail, address, place) == NULL) err = ERR_MEMORY;
    if (err != ERR_NONE) break;
    buf_clear(&mail->sought_to);
    if (found) {
      mail_record_put_end(&mail->sought_to, mail->shard, address);
    } else {
      buf_put(&mail->sought_to, key);
      buf_put_byte(&mail->sought_to, 0);
    }
    err = mail->sought_to.err;
  }
  if (err == ERR_STORAGE) logger_printf(logger_of(mail), LOG_ERROR, "the messages of shard %u cannot be read", mail->shard);
  if (err == ERR_NOT_FOUND || err == ERR_STORAGE) pass_shard(mail);
  if (mail->sought_to.err != ERR_NONE) buf_clear(&mail->sought_to);      /* the shard once more, from its beginning */
  if (err == ERR_MEMORY) let_seek_rest(mail);
  buf_done(&to);
  buf_done(&from);
}

/* -- life -- */

struct mail *mail_new(const struct arrivals_config *config) {
  struct mail *made = mem_zero(sizeof *made);
  arrivals_init(&made->arrivals, config);
  seek_anew(made);
  return made;
}

void mail_free(struct mail *mail) {
  if (mail == NULL) return;
  deadlines_clear(mail->arrivals.config.deadlines, &mail->seek_again);
  arrivals_done(&mail->arrivals);
  buf_done(&mail->sought_to);
  mem_free(mail);
}

void mail_begin(struct mail *mail) {
  arrivals_begin(&mail->arrivals);
}

static bool may_seek(const struct mail *mail) {
  return !mail->sought && !mail->seek_rests && receivers_count(&mail->arrivals.receivers) < RECEIVERS_MAX;
}

bool mail_step(struct mail *mail, bool stopping) {
  struct receivers *receivers = &mail->arrivals.receivers;
  struct receiver *receiver;
  size_t steps = MAIL_STEPS;
  bool worked = arrivals_settle(&mail->arrivals);
  if (stopping) return worked;
  while (steps > 0 && (receiver = TAILQ_FIRST(&receivers->line)) != NULL) fetch(mail, receiver, &steps);
  for (int i = 0; i < SEEKS_A_STEP && steps > 0 && may_seek(mail); i++) seek_on(mail, &steps);
  return worked || steps < MAIL_STEPS;
}

bool mail_wants_durable(const struct mail *mail) {
  return arrivals_want_durable(&mail->arrivals);
}

bool mail_is_due(const struct mail *mail) {
  return arrivals_are_due(&mail->arrivals);
}

void mail_hear_lost(struct mail *mail) {
  arrivals_hear_lost(&mail->arrivals);
}
