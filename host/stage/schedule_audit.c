/* schedule_audit.c -- see schedule_audit.h. */
#include "stage/schedule_audit.h"

#include <stdlib.h>

#include "ledger/own_record.h"
#include "stage/router.h"
#include "stage/wake_key.h"

struct entry {
  uint64_t actor_id;
  int64_t timeline, due_ms;
  bool is_met;                 /* the actor has a schedule then */
};

static int compare(const void *a, const void *b) {
  const struct entry *one = a, *other = b;
  if (one->actor_id != other->actor_id) return one->actor_id < other->actor_id ? -1 : 1;
  if (one->timeline != other->timeline) return one->timeline < other->timeline ? -1 : 1;
  return one->due_ms == other->due_ms ? 0 : one->due_ms < other->due_ms ? -1 : 1;
}

/* Reads the record of a key that was put together. */
static enum err get(const struct schedule_audit *audit, const struct buf *key, struct slice *value) {
  return key->err != ERR_NONE ? key->err : view_get(audit->view, buf_slice(key), value);
}

/* Whether it is missing; any other error is noted. */
static bool is_missing(enum err got, enum err *err) {
  if (got != ERR_NONE && got != ERR_NOT_FOUND) *err = got;
  return got == ERR_NOT_FOUND;
}

/* -- of a shard -- */

/* The actor to which the index leads from an address; 0 if it leads to none. */
static uint64_t find_actor(const struct schedule_audit *audit, struct slice address, enum err *err) {
  struct buf key = { 0 };
  struct slice value;
  record_key_put_head(&key, record_own_id(router_shard_of(address)), SPACE_INDEX);
  buf_put(&key, address);
  enum err got = get(audit, &key, &value);
  buf_done(&key);
  return !is_missing(got, err) && got == ERR_NONE && value.size == sizeof(uint64_t) ? read_u64(value.data) : 0;
}

const char *schedule_audit_wake(struct schedule_audit *audit, struct slice key, struct slice value, enum err *err) {
  struct wake wake;
  if (value.size > 0 || !wake_key_read(key, &wake)) return "its key cannot be read";
  if (router_shard_of(wake.address) != record_shard(record_key_id(key))) return "it wakes an actor of another shard";
  if (wake.timeline == TIMELINE_MAIL) return NULL;
  struct entry entry = { .actor_id = find_actor(audit, wake.address, err), .timeline = wake.timeline, .due_ms = wake.due_ms };
  if (*err != ERR_NONE) return NULL;
  if (entry.actor_id == 0) return "there is no such actor";
  buf_put(&audit->wakes, slice_of(&entry, sizeof entry));
  *err = audit->wakes.err;
  return NULL;
}

const char *schedule_audit_failed(struct schedule_audit *audit, const struct failed_id *id, struct slice value,
                                  enum err *err) {
  struct schedule schedule;
  struct slice class_name, actor_key;
  struct buf address = { 0 }, record_key = { 0 };
  const char *wrong = NULL;
  if (!own_record_read(value, &class_name, &actor_key)) return "it does not say whose the schedule is";
  router_put_address(&address, class_name, actor_key);
  if (find_actor(audit, buf_slice(&address), err) != id->actor_id) wrong = "its actor has another id, or there is none";
  schedule_put_record_key(&record_key, id->actor_id, id->schedule);
  enum err got = *err == ERR_NONE ? get(audit, &record_key, &value) : *err;
  bool has_failed = got == ERR_NONE && schedule_read(value, id->schedule, &schedule) && schedule.failed;
  if (wrong == NULL && (is_missing(got, err) || !has_failed)) wrong = "no schedule is there that has failed";
  buf_done(&record_key);
  buf_done(&address);
  return *err == ERR_NONE ? wrong : NULL;
}

/* -- of an actor -- */

/* Whether what must be there beside a schedule is: its place, or its entry in the list of those that have failed. */
static const char *check_beside(const struct schedule_audit *audit, uint64_t actor_id, const struct schedule *schedule,
                                enum err *err) {
  struct buf key = { 0 };
  struct slice value;
  const struct schedule_place place = { .due_ms = schedule->due_ms, .id = schedule->id };
  if (schedule->failed) {
    schedule_put_failed_key(&key, actor_id, schedule->id);
  } else {
    schedule_put_place_key(&key, actor_id, schedule->timeline, &place);
  }
  bool missing = is_missing(get(audit, &key, &value), err);
  buf_done(&key);
  if (!missing) return NULL;
  return schedule->failed ? "it has failed, and the list of those that have does not tell of it" : "it has no place";
}

static const char *check_schedule(struct schedule_audit *audit, uint64_t actor_id, int64_t id, struct slice value,
                                  enum err *err) {
  struct schedule schedule;
  audit->count++;
  if (id > audit->last_id) audit->last_id = id;
  if (!schedule_read(value, id, &schedule)) return "its value cannot be read";
  return check_beside(audit, actor_id, &schedule, err);
}

static const char *check_place(struct schedule_audit *audit, uint64_t actor_id, enum timeline timeline,
                               const struct schedule_place *place, enum err *err) {
  struct schedule schedule;
  struct slice value;
  struct buf key = { 0 };
  if (audit->first[timeline].id == 0) audit->first[timeline] = *place;
  schedule_put_record_key(&key, actor_id, place->id);
  enum err got = get(audit, &key, &value);
  bool is_its = got == ERR_NONE && schedule_read(value, place->id, &schedule) && !schedule.failed &&
                schedule.timeline == timeline && schedule.due_ms == place->due_ms;
  buf_done(&key);
  return is_missing(got, err) || !is_its ? "it is not the place of a schedule" : NULL;
}

const char *schedule_audit_record(struct schedule_audit *audit, struct slice key, struct slice value, enum err *err) {
  enum timeline timeline;
  struct schedule_place place;
  uint64_t actor_id = record_key_id(key);
  switch (schedule_read_key(key, &timeline, &place)) {
    case SCHEDULE_RECORD: return check_schedule(audit, actor_id, place.id, value, err);
    case SCHEDULE_PLACE: return check_place(audit, actor_id, timeline, &place, err);
    case SCHEDULE_COUNT:
      return schedule_read_count(value, &audit->told_last_id, &audit->told_count) ? NULL : "its value cannot be read";
    case SCHEDULE_BROKEN: break;
  }
  return "its key cannot be read";
}

/* -- ends -- */

/* "records: actor 803/12what" */
static void add(const struct schedule_audit *audit, uint64_t actor_id, const char *what) {
  struct buf id = { 0 };
  record_print_id(&id, actor_id);
  findings_add(audit->findings, "records: actor %.*s%s", (int)id.size, (const char *)id.data, what);
  buf_done(&id);
}

static void sort(struct schedule_audit *audit) {
  if (!audit->sorted && audit->wakes.size > 0) {
    qsort(audit->wakes.data, audit->wakes.size / sizeof(struct entry), sizeof(struct entry), compare);
  }
  audit->sorted = true;
}

void schedule_audit_end_actor(struct schedule_audit *audit, uint64_t actor_id) {
  sort(audit);
  if (audit->count != audit->told_count || audit->last_id > audit->told_last_id) {
    add(audit, actor_id, ", schedules: they are not as many as is said there, or have greater ids");
  }
  for (int timeline = 0; timeline < SCHEDULE_TIMELINES; timeline++) {
    if (audit->first[timeline].id == 0) continue;
    struct entry wanted = { .actor_id = actor_id, .timeline = timeline, .due_ms = audit->first[timeline].due_ms };
    struct entry *found = audit->wakes.size == 0 ? NULL : bsearch(&wanted, audit->wakes.data, audit->wakes.size / sizeof wanted,
                                                                  sizeof wanted, compare);
    if (found != NULL) found->is_met = true;
    if (found == NULL) add(audit, actor_id, ", schedules: nothing wakes it for the first of them");
    audit->first[timeline] = (struct schedule_place){ 0 };
  }
  audit->count = audit->last_id = audit->told_count = audit->told_last_id = 0;
}

void schedule_audit_end_shard(struct schedule_audit *audit) {
  const struct entry *entries = (const struct entry *)(const void *)audit->wakes.data;
  for (size_t i = 0; i < audit->wakes.size / sizeof *entries; i++) {
    if (!entries[i].is_met) add(audit, entries[i].actor_id, ", schedules: it is woken for what is not the first of them");
  }
  buf_clear(&audit->wakes);
  audit->sorted = false;
}

void schedule_audit_done(struct schedule_audit *audit) {
  buf_done(&audit->wakes);
}
