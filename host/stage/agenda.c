/* agenda.c -- see agenda.h. */
#include "stage/agenda.h"

#include <bsd/sys/queue.h>
#include <stdio.h>

#include "base/mem.h"
#include "stage/errand.h"
#include "stage/existence.h"
#include "stage/report.h"

/* One run. */
struct due {
  struct errand errand;
  struct agenda *agenda;
  bool is_chosen;              /* it is known which schedule, */
  struct schedule schedule;    /* as it stood before the run; */
  struct schedule run;         /* caught up with the moment at which that began; */
  struct buf bytes;            /* where the slices of both are */
  struct schedule_place from;  /* where to go on with what the clock has set back */
  struct deadline again;       /* while it rests: nothing is left of it but who is to be told of again, */
  LIST_ENTRY(due) link;
  unsigned shard;              /* from where, */
  int64_t due_ms;              /* and from when on */
};

LIST_HEAD(due_list, due);

struct agenda {
  struct agenda_config config;
  size_t out;                  /* how many runs are under way, or rest */
  struct due_list resting;
  size_t rests;                /* how many */
};

struct agenda *agenda_new(const struct agenda_config *config) {
  struct agenda *made = mem_zero(sizeof *made);
  made->config = *config;
  return made;
}

static struct due *due_of(struct errand *errand) {
  return (struct due *)(void *)((uint8_t *)errand - offsetof(struct due, errand));
}

static void due_free(struct errand *errand) {
  struct due *due = due_of(errand);
  due->agenda->out--;
  wakes_resume(due->agenda->config.wakes);
  buf_done(&due->bytes);
  reply_done(&errand->reply);
  mem_free(due);
}

/* -- a run that rests -- */

static void end_rest(struct due *due) {
  LIST_REMOVE(due, link);
  due->agenda->rests--;
  due_free(&due->errand);
}

static void note_both(const struct agenda *agenda, unsigned shard, int64_t due_ms) {
  for (int timeline = 0; timeline < SCHEDULE_TIMELINES; timeline++) {
    wakes_note(agenda->config.wakes, shard, (enum timeline)timeline, due_ms);
  }
}

static void pass_rest(void *context, struct deadline *deadline) {
  struct due *due = (struct due *)(void *)((uint8_t *)deadline - offsetof(struct due, again));
  note_both(context, due->shard, due->due_ms);
  end_rest(due);
}

/* It was no try. Its actor is told of again after a while; if the disk takes nothing just now, or that is so of many, then no
 * other is told of before either. */
static void begin_again(struct due *due, const struct actor *actor) {
  struct agenda *agenda = due->agenda;
  const struct agenda_config *config = &agenda->config;
  int64_t due_ms = due->is_chosen ? due->schedule.due_ms : 0;
  if (rig_begin_own(config->rig) == NULL || agenda->rests >= AGENDA_RESTS_MAX) {
    wakes_pause(config->wakes, timekeeper_host_ms(config->vm->timekeeper) + AGENDA_PAUSE_MS);
    note_both(agenda, actor->shard, due_ms);
    due_free(&due->errand);
    return;
  }
  due->shard = actor->shard;
  due->due_ms = due_ms;
  due->again.pass = pass_rest;
  due->again.context = agenda;
  LIST_INSERT_HEAD(&agenda->resting, due, link);
  agenda->rests++;
  deadlines_set(config->deadlines, &due->again,
                clock_monotonic_ns(config->vm->clock) + (int64_t)AGENDA_PAUSE_MS * 1000000);
}

void agenda_free(struct agenda *agenda) {
  if (agenda == NULL) return;
  struct due *due, *next;
  LIST_FOREACH_SAFE(due, &agenda->resting, link, next) {
    deadlines_clear(agenda->config.deadlines, &due->again);
    end_rest(due);
  }
  mem_free(agenda);
}

static int64_t now_ms(const struct agenda *agenda, enum timeline timeline) {
  return schedule_now_ms(agenda->config.vm->timekeeper, timeline);
}

static struct schedule_owner owner_of(const struct actor *actor, const struct view *view, struct schedule_touch *touch) {
  return (struct schedule_owner){
    .view = view, .touch = touch, .actor_id = actor->id, .class_name = actor_class(actor), .key = actor_key(actor),
  };
}

/* -- before Lua -- */

/* Finds what is due first. ERR_NOT_FOUND: nothing is. */
static enum err choose(struct due *due, struct actor *actor, const struct view *view) {
  struct schedule_place first = { .due_ms = INT64_MAX };
  enum err err = wakes_learn(due->agenda->config.wakes, actor);
  if (err != ERR_NONE) return err;
  for (int timeline = 0; timeline < SCHEDULE_TIMELINES; timeline++) {
    const struct schedule_place *place = &actor->wakes[timeline];
    bool is_due = place->due_ms <= now_ms(due->agenda, (enum timeline)timeline);
    if (is_due && place->due_ms < first.due_ms) first = *place;
  }
  if (first.due_ms == INT64_MAX) return ERR_NOT_FOUND;
  err = schedule_find(view, actor->id, first.id, &due->bytes, &due->schedule);
  if (err == ERR_NOT_FOUND) return ERR_STORAGE;              /* its place is there, and it is not */
  if (err != ERR_NONE) return err;
  due->run = due->schedule;
  schedule_catch_up(&due->run, now_ms(due->agenda, due->run.timeline));
  due->is_chosen = true;
  return ERR_NONE;
}

/* What is left once it has run: nothing, or its next beat. */
static enum err draft_next(const struct due *due, const struct schedule_owner *owner) {
  struct schedule next = due->run;
  bool goes_on = schedule_repeats(&next) && schedule_next_beat(&next, now_ms(due->agenda, next.timeline));
  return schedule_draft(owner, &due->schedule, goes_on ? &next : NULL);
}

static enum err due_begin(struct errand *errand, struct actor *actor, struct turn *turn) {
  struct due *due = due_of(errand);
  enum err err = choose(due, actor, &turn->view);
  if (err == ERR_NONE) {
    const struct schedule *run = &due->run;
    struct schedule_owner owner = owner_of(actor, &turn->view, &turn->touched);
    turn->method = run->method;
    turn->args = run->args;
    turn->schedule = (struct turn_schedule){
      .id = run->id, .due_ms = run->beat_ms, .try = run->tries + 1, .skipped = run->skipped,
    };
    err = draft_next(due, &owner);
  }
  if (err == ERR_NONE) return ERR_NONE;
  return failure_set(&turn->failure, err, "the schedule of this actor that is due cannot be read");
}

/* -- while it runs -- */

/* As it stands from the first save_state of a one-shot on, until that is done. */
static struct schedule interrupted(const struct due *due) {
  struct schedule schedule = due->schedule;
  schedule.failed = true;
  schedule.tries++;
  schedule.error = slice_text(errand_interrupted);
  return schedule;
}

static bool due_try_save(struct errand *errand, const struct actor *actor, const struct turn *turn) {
  struct due *due = due_of(errand);
  struct schedule_touch touch = { 0 };
  struct schedule_owner owner = owner_of(actor, &turn->view, &touch);
  if (schedule_repeats(&due->schedule)) return true;         /* it stands at its next beat already */
  struct schedule failed = interrupted(due);
  return schedule_draft(&owner, NULL, &failed) == ERR_NONE;
}

static bool due_try_finish(struct errand *errand, const struct actor *actor, const struct turn *turn) {
  struct due *due = due_of(errand);
  struct schedule_touch touch = { 0 };
  struct schedule_owner owner = owner_of(actor, &turn->view, &touch);
  if (!due->errand.has_saved || turn->destroys || schedule_repeats(&due->schedule)) return true;
  struct schedule failed = interrupted(due);
  return schedule_draft(&owner, &failed, NULL) == ERR_NONE;
}

/* -- after it -- */

static void report_due(const struct due *due, const struct actor *actor, struct slice error) {
  char number[24];
  snprintf(number, sizeof number, "%lld", (long long)due->schedule.id);
  const struct log_field detail = { "schedule", slice_text(number) };
  report_given_up(due->agenda->config.vm->logger, "schedule given up", actor_class(actor), actor_key(actor),
                  due->schedule.method, detail, due->errand.reply.call_id, error);
}

/* After a run that has saved: its record stands where the first save put it, if it is still there. */
static enum err draft_interruption(const struct due *due, const struct actor *actor, const struct schedule_owner *owner,
                                   struct slice error, bool *is_given_up) {
  struct schedule old, new;
  struct buf bytes = { 0 };
  enum err err = schedule_find(owner->view, actor->id, due->schedule.id, &bytes, &old);
  if (err == ERR_NONE) {
    new = old;
    new.error = error;
    *is_given_up = new.failed;
    bool is_lost = !schedule_repeats(&old) && !old.failed;   /* with its epoch: it never saved */
    err = is_lost ? ERR_STORAGE : schedule_draft(owner, &old, &new);
  }
  buf_done(&bytes);
  return err;
}

/* What its record says after a try that failed. ERR_NOT_FOUND: nothing, for it is not there. */
static enum err draft_failure(struct due *due, struct actor *actor, const struct schedule_owner *owner, struct slice error,
                              bool *is_given_up) {
  enum err err = due->is_chosen ? ERR_NONE : choose(due, actor, owner->view);
  if (err != ERR_NONE) return err;
  if (due->errand.has_saved) return draft_interruption(due, actor, owner, error, is_given_up);
  struct schedule next = due->run;
  schedule_fail(&next, now_ms(due->agenda, next.timeline), error);
  *is_given_up = next.failed;
  return schedule_draft(owner, &due->schedule, &next);
}

/* Notes a try that failed, in a commit of the host's own. False: not now. */
static bool try_note_failure(struct due *due, struct actor *actor) {
  struct agenda *agenda = due->agenda;
  struct rig *rig = agenda->config.rig;
  struct drafts *drafts = rig_begin_own(rig);
  struct schedule_touch touch = { 0 };
  struct buf error = { 0 };
  bool is_given_up = false;
  if (drafts == NULL) return false;
  errand_put_error(&due->errand, &error);
  struct view view = records_view(rig->records, drafts);
  struct schedule_owner owner = owner_of(actor, &view, &touch);
  enum err err = error.err == ERR_NONE ? existence_learn(rig->records, drafts, actor) : ERR_MEMORY;
  owner.actor_id = actor->id;
  if (err == ERR_NONE && actor->exists) err = draft_failure(due, actor, &owner, buf_slice(&error), &is_given_up);
  if (err == ERR_NONE) err = wakes_draft(agenda->config.wakes, actor, &view, &touch);
  bool is_sent = err == ERR_NONE && !drafts_is_empty(drafts) && rig_commit_own(rig, actor) != 0;
  if (!is_sent) rig_drop_own(rig);
  if (is_given_up && (is_sent || due->errand.has_saved)) report_due(due, actor, buf_slice(&error));
  buf_done(&error);
  if (is_sent || err == ERR_NOT_FOUND || (err == ERR_NONE && !actor->exists)) return true;
  actor->knows_wakes = false;                                /* what was drafted of them is gone */
  return false;
}

/* -- the wall clock was set back -- */

static bool try_put_due(struct agenda *agenda, struct actor *actor, struct schedule_place from);

/* Drafts what becomes of a portion of the actor's schedules. `*from` goes on with it; ERR_NOT_FOUND: that was the last. */
static enum err draft_set_back(struct due *due, const struct actor *actor, const struct schedule_owner *owner,
                               struct schedule_place *from) {
  int64_t now = now_ms(due->agenda, TIMELINE_WALL);
  struct schedule_place place;
  struct schedule old, new;
  enum err err = ERR_NONE;
  for (int i = 0; i < AGENDA_SET_BACK && err == ERR_NONE; i++) {
    err = schedule_first(owner->view, actor->id, TIMELINE_WALL, from, &place);
    if (err == ERR_NONE) err = schedule_find(owner->view, actor->id, place.id, &due->bytes, &old);
    if (err != ERR_NONE) break;
    *from = (struct schedule_place){ .due_ms = place.due_ms, .id = place.id + 1 };
    new = old;
    if (schedule_set_back(&new, now)) err = schedule_draft(owner, &old, &new);
  }
  return err;
}

/* Whether a portion of the actor's schedules was set right, or it needs none. `*from` as above; `*is_last`: nothing is left. */
static bool try_set_right(struct due *due, struct actor *actor, struct schedule_place *from, bool *is_last) {
  struct agenda *agenda = due->agenda;
  struct rig *rig = agenda->config.rig;
  struct drafts *drafts = rig_begin_own(rig);
  struct schedule_touch touch = { 0 };
  if (drafts == NULL) return false;
  struct view view = records_view(rig->records, drafts);
  enum err err = existence_learn(rig->records, drafts, actor);
  struct schedule_owner owner = owner_of(actor, &view, &touch);
  if (err == ERR_NONE) err = actor->exists ? draft_set_back(due, actor, &owner, from) : ERR_NOT_FOUND;
  *is_last = err == ERR_NOT_FOUND;
  if (*is_last) err = ERR_NONE;
  if (err == ERR_NONE) err = wakes_draft(agenda->config.wakes, actor, &view, &touch);
  bool is_done = err == ERR_NONE && (drafts_is_empty(drafts) || rig_commit_own(rig, actor) != 0);
  if (!is_done) actor->knows_wakes = false;
  if (!is_done || !touch.any) rig_drop_own(rig);
  return is_done;
}

static void set_right(struct due *due, struct actor *actor) {
  struct agenda *agenda = due->agenda;
  struct schedule_place from = due->from;
  bool is_last = false;
  actor->is_set_back = false;
  if (try_set_right(due, actor, &from, &is_last)) {
    actor->is_set_back = !is_last && try_put_due(agenda, actor, from);
    if (is_last || actor->is_set_back) return;
  }
  wakes_pause(agenda->config.wakes, now_ms(agenda, TIMELINE_HOST) + AGENDA_PAUSE_MS);
  wakes_set_back_shard(agenda->config.wakes, actor->shard);
}

/* -- the end of a run -- */

static void due_end(struct errand *errand, struct actor *actor) {
  struct due *due = due_of(errand);
  struct agenda *agenda = due->agenda;
  const struct failure *failure = &errand->reply.failure;
  bool is_settled = failure->err == ERR_NONE || failure->err == ERR_NOT_FOUND;
  bool is_try = failure->err != ERR_STORAGE || errand->has_saved;
  if (!is_settled && is_try) is_settled = try_note_failure(due, actor);
  actor->is_due = false;
  if (is_settled) wakes_note_actor(agenda->config.wakes, actor);
  if (actor->is_set_back) set_right(due, actor);
  if (is_settled) {
    due_free(errand);
  } else {
    begin_again(due, actor);
  }
}

/* -- it is due -- */

static const struct errand_kind due_kind = {
  .caller = CALLER_SCHEDULE, .begin = due_begin, .try_save = due_try_save, .try_finish = due_try_finish, .end = due_end,
  .free = due_free,
};

/* False: not now. */
static bool try_put_due(struct agenda *agenda, struct actor *actor, struct schedule_place from) {
  struct due *due = mem_try_zero(sizeof *due);
  if (due == NULL) return false;
  due->agenda = agenda;
  due->from = from;
  agenda->out++;
  uint64_t call_id = atomic_fetch_add(agenda->config.next_call_id, 1);
  struct request *request = errand_try_request(&due->errand, &due_kind, call_id, actor);
  if (request == NULL) {
    due_free(&due->errand);
    return false;
  }
  request->create = false;
  actor->is_due = true;
  errand_put(agenda->config.actors, actor, request, clock_monotonic_ns(agenda->config.vm->clock));
  return true;
}

bool agenda_tell(struct agenda *agenda, const struct wake *wake) {
  static const struct schedule_place beginning = { 0 };
  if (agenda->out >= AGENDA_OUT_MAX) return false;
  struct actor *actor = actors_try_get(agenda->config.actors, wake->class_name, wake->key);
  if (actor == NULL || (!actor->is_due && !try_put_due(agenda, actor, beginning))) return false;
  if (wake->is_set_back) actor->is_set_back = true;
  return true;
}
