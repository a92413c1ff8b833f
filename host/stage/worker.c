/* worker.c -- see worker.h: the step, and what it holds together. */
#include "stage/worker.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/timekeeper.h"
#include "stage/actor.h"
#include "stage/agenda.h"
#include "stage/call_list.h"
#include "stage/delivery.h"
#include "stage/errand.h"
#include "stage/failed.h"
#include "stage/failed_list.h"
#include "stage/farewells.h"
#include "stage/mail.h"
#include "stage/performance.h"
#include "stage/relief.h"
#include "stage/survey.h"
#include "stage/timesaver.h"
#include "stage/vms.h"
#include "stage/wakes.h"

enum {
  TURNS_A_RING = 16,              /* how many turns go to the committer and the doors together */
  STEP_NS = 5000000,              /* after turns_a_step turns a step ends, so that calls that came meanwhile get their
                                   * place in line; if turns are long, after this time: then each kind of work that is
                                   * left does one piece */
  UNRUNG_NS = 1000000,            /* so long a commit for which nobody outside waits may be with the committer unrung */
  CLOCK_STEPS = 16,               /* after so many steps that had something to do, a worker looks whether the clocks are to be
                                   * saved; one that had nothing to do always does */
  DUE_LOOK_MS = 1000              /* while something is to become due, the wall clock is looked at so often: it may be set */
};

struct worker {
  struct worker_config config;
  struct queue *inbox;
  struct vms vms;
  struct records *records;
  struct actors *actors;
  struct connections connections;
  struct deadlines deadlines;          /* of turns that ask others, and of requests in mailboxes */
  struct delivery delivery;
  struct performances *performances;
  struct wakes *wakes;
  struct agenda *agenda;
  struct timekeeper_watch watch;       /* of the wall clock */
  struct sends *sends;
  struct mail *mail;
  struct farewells farewells;
  struct timesaver timesaver;
  unsigned busy_steps;                 /* that had something to do */
  struct relief relief;
  int64_t taken_ns;                    /* when the step took its letters, by the host's clock */
  int64_t step_end_ns;                 /* when the step has lasted long enough, by clock_work_ns() */
  bool stopping, stopped;
  bool quiet;                          /* it stops, and has no call left: not among the host's unquiet workers */
  _Atomic bool told_stop;
};

/* -- life -- */

void worker_ring_others(struct worker *worker) {
  performances_ring(worker->performances, false);
  if (worker->config.delivered != NULL) worker->config.delivered(worker->config.delivered_context);
}

/* While Lua runs for long: what earlier turns have ready need not wait for it. */
static void tick(void *context) {
  worker_ring_others(context);
}

/* What an actor of this worker asks of another. */
static void send_request(void *context, unsigned receiver, struct request **request) {
  struct worker *worker = context;
  struct request *sent = *request;
  *request = NULL;
  if (receiver == worker->config.vm.worker) {
    delivery_put(&worker->delivery, sent);
  } else {
    post_send(worker->config.post, receiver, &sent->letter);
  }
}

/* The host ends, and nobody reads this letter any more. */
static void abandon_letter(struct letter *letter) {
  switch (letter->kind) {
    case LETTER_REQUEST: request_abandon(request_of(&letter->item)); break;
    case LETTER_ANSWER: ask_abandon(ask_of(letter)); break;
    case LETTER_PROBE: probe_free(probe_of(letter)); break;
    case LETTER_SURVEY: survey_free(survey_of(letter)); break;
    case LETTER_PARCEL: parcel_free(parcel_of(letter)); break;
    case LETTER_PARTING: parting_free(parting_of(letter)); break;
    case LETTER_WORD: word_free(word_of(letter)); break;
  }
}

static void revive(void *context, const struct actor *actor, struct mail_place place) {
  struct worker *worker = context;
  mail_note(worker->mail, actor_address(actor), place);
}

static void part(void *context, struct queue_item *partings) {
  struct worker *worker = context;
  farewells_take_aside(&worker->farewells, partings);
}

static enum err open_records(struct worker *worker, struct failure *failure) {
  const struct worker_config *config = &worker->config;
  struct records_config records = {
    .store = config->store, .recovered = config->recovered, .reserve = config->reserve,
    .checkpoint_bytes = config->checkpoint_bytes, .bell = worker->inbox,
  };
  return records_open(&records, &worker->records, failure);
}

/* What a worker is told of what is due. */
static bool tell_wake(void *context, const struct wake *wake) {
  struct worker *worker = context;
  return wake->timeline == TIMELINE_MAIL ? mail_tell(worker->mail, wake) : agenda_tell(worker->agenda, wake);
}

static void open_wakes(struct worker *worker) {
  const struct wakes_config config = {
    .worker = worker->config.vm.worker, .workers = worker->config.post->count, .records = worker->records,
    .logger = worker->config.vm.logger, .tell = tell_wake, .context = worker,
  };
  worker->wakes = wakes_new(&config);
}

static void open_agenda(struct worker *worker) {
  timekeeper_watch(worker->config.vm.timekeeper, &worker->watch);
  const struct agenda_config config = {
    .rig = performances_rig(worker->performances), .actors = worker->actors, .wakes = worker->wakes,
    .deadlines = &worker->deadlines, .vm = &worker->config.vm, .next_call_id = worker->config.next_call_id,
  };
  worker->agenda = agenda_new(&config);
}

static void open_mail(struct worker *worker) {
  const struct arrivals_config config = {
    .rig = performances_rig(worker->performances), .actors = worker->actors, .wakes = worker->wakes, .sends = worker->sends,
    .deadlines = &worker->deadlines, .post = worker->config.post, .vm = &worker->config.vm,
    .next_call_id = worker->config.next_call_id,
  };
  worker->mail = mail_new(&config);
}

static void open_farewells(struct worker *worker) {
  const struct farewells_config config = {
    .rig = performances_rig(worker->performances), .actors = worker->actors, .connections = &worker->connections,
    .deadlines = &worker->deadlines, .vm = &worker->config.vm, .next_call_id = worker->config.next_call_id,
  };
  farewells_init(&worker->farewells, &config);
}

/* Takes over the VM that was brought, if one was; the present one retires. */
static bool renew(struct worker *worker) {
  if (!vms_renew(&worker->vms)) return false;
  performances_set_vm(worker->performances, vms_present(&worker->vms));
  return true;
}

enum err worker_open(const struct worker_config *config, struct vm **vm, struct worker **worker,
                     struct failure *failure) {
  struct worker *made = mem_zero(sizeof *made);
  made->config = *config;
  made->inbox = queue_new();
  made->actors = actors_new();
  connections_init(&made->connections);
  vms_init(&made->vms);
  vms_bring(&made->vms, vm);
  enum err err = open_records(made, failure);
  if (err != ERR_NONE) {
    worker_close(made);
    return err;
  }
  made->delivery = (struct delivery){
    .vm = &made->config.vm,
    .probes = { .actors = made->actors, .deadlines = &made->deadlines, .post = config->post, .worker = config->vm.worker },
  };
  open_wakes(made);
  made->sends = sends_new(config->post, config->vm.worker, made->records);
  struct performances_config performances = {
    .vm = &made->config.vm, .records = made->records, .actors = made->actors, .wakes = made->wakes, .sends = made->sends,
    .actor_ids = config->actor_ids, .next_call_id = config->next_call_id, .deadlines = &made->deadlines,
    .post = config->post, .worker = config->vm.worker, .connections = &made->connections, .send = send_request,
    .part = part, .revive = revive, .context = made,
  };
  made->performances = performances_new(&performances);
  made->relief = (struct relief){
    .vm = &made->config.vm, .vms = &made->vms, .actors = made->actors, .performances = made->performances,
  };
  timesaver_init(&made->timesaver, config->vm.timekeeper, config->post,
                 config->vm.worker == 0 ? performances_rig(made->performances) : NULL);
  open_agenda(made);
  open_mail(made);
  open_farewells(made);
  renew(made);
  *worker = made;
  return ERR_NONE;
}

void worker_close(struct worker *worker) {
  if (worker == NULL) return;
  for (struct queue_item *item = queue_take(worker->inbox), *next; item != NULL; item = next) {
    next = item->next;
    abandon_letter(letter_of(item));
  }
  performances_free(worker->performances);
  actors_free(worker->actors);
  farewells_done(&worker->farewells);
  connections_done(&worker->connections);
  agenda_free(worker->agenda);
  mail_free(worker->mail);
  sends_free(worker->sends);
  wakes_free(worker->wakes);
  records_close(worker->records);
  vms_done(&worker->vms);
  queue_free(worker->inbox);
  mem_free(worker);
}

void worker_connect(struct worker *worker, struct committer *committer, struct checkpointer *checkpointer) {
  records_connect(worker->records, committer, checkpointer);
  mail_begin(worker->mail);
  vm_set_tick(vms_present(&worker->vms), tick, worker);
}

struct commit_source *worker_commit_source(struct worker *worker) {
  return records_commit_source(worker->records);
}

struct checkpoint_source *worker_checkpoint_source(struct worker *worker) {
  return records_checkpoint_source(worker->records);
}

void worker_bring(struct worker *worker, struct vm **vm) {
  vm_set_tick(*vm, tick, worker);
  vms_bring(&worker->vms, vm);
  queue_wake(worker->inbox);
}

size_t worker_memory(struct worker *worker) {
  vms_collect(&worker->vms);
  return vms_bytes(&worker->vms);
}

void worker_put(struct worker *worker, struct request **request) {
  struct request *put = *request;
  *request = NULL;
  queue_post(worker->inbox, &put->letter.item);
}

struct queue *worker_inbox(const struct worker *worker) {
  return worker->inbox;
}

bool worker_owes(const struct worker *worker) {
  return performances_owe(worker->performances);
}

void worker_ring(struct worker *worker) {
  queue_ring(worker->inbox);
}

void worker_stop(struct worker *worker) {
  atomic_store(&worker->told_stop, true);
  queue_wake(worker->inbox);
}

bool worker_is_done(struct worker *worker) {
  return worker->stopped;
}

/* -- the step -- */

static int64_t now_ns(const struct worker *worker) {
  return clock_monotonic_ns(worker->config.vm.clock);
}

static void drop_undurable(struct actor *actor, void *context) {
  struct worker *worker = context;
  if (actor->seen <= records_verdict(worker->records)) return;
  CHECK(actor->waiting == NULL);                             /* what has seen as much does not wait any more */
  actor_drop(actor);
  actor->seen = 0;
  if (actor->mailbox.count == 0) actors_remove(worker->actors, actor);
}

/* Takes in what the committer told: what is durable and, if an epoch ended, what has failed. */
static void hear(struct worker *worker) {
  if (!records_hear(worker->records)) return;
  timesaver_fail(&worker->timesaver, records_verdict(worker->records), now_ns(worker));
  wakes_forget(worker->wakes);
  performances_fail_lost(worker->performances);
  actors_each(worker->actors, drop_undurable, worker);
  mail_hear_lost(worker->mail);
  farewells_hear_lost(&worker->farewells);
}

/* Before a message of a newer epoch is looked at (gate.h, G6). */
static void hear_of(struct worker *worker, uint64_t epoch) {
  if (epoch > records_epoch(worker->records)) hear(worker);
}

enum err worker_survey(const struct worker *worker, struct survey *survey, struct failure *failure) {
  const struct survey_place place = {
    .actors = worker->actors, .performances = worker->performances, .records = worker->records,
    .worker = worker->config.vm.worker, .workers = worker->config.post->count, .now_ns = now_ns(worker),
  };
  return survey->kind->add(survey, &place, failure);
}

/* Adds what this worker has, and sends the survey on to the next one. */
static void take_survey(struct worker *worker, struct survey *survey) {
  unsigned next = worker->config.vm.worker + 1;
  struct failure failure = { 0 };
  hear_of(worker, survey->epoch);
  if (!performances_hold(worker->performances, &survey->seen, survey->epoch)) {
    failure_set(&failure, ERR_STORAGE, "what was found could not be made durable: ask again");
  }
  survey->epoch = records_epoch(worker->records);
  if (failure.err != ERR_NONE || worker_survey(worker, survey, &failure) != ERR_NONE) {
    survey_fail(survey, &failure);
  } else if (next < worker->config.post->count) {
    post_send(worker->config.post, next, &survey->letter);
  } else {
    survey_end(survey, worker->performances);
  }
  failure_done(&failure);
}

static void begin_survey(struct worker *worker, struct request *request) {
  struct reply *reply = request->reply;
  bool is_of_calls = request->type == REQUEST_CALLS;
  struct survey *survey = is_of_calls ? call_list_try_new(&request) : failed_list_try_new(&request);
  if (survey != NULL) {
    survey->epoch = records_epoch(worker->records);
    take_survey(worker, survey);
  } else {
    request_free(request);
    reply_fail(reply, ERR_MEMORY, "no memory for a list");
  }
}

/* Finds out of which actor the request is. False: of none; then it is answered. */
static bool find_failed(struct worker *worker, struct request *request) {
  struct reply *reply = request->reply;
  const struct view view = records_view(worker->records, NULL);
  enum err err = failed_find(&view, &request->failed, &request->class_name, &request->key, &reply->failure);
  if (err == ERR_NONE) return true;
  request_free(request);
  performances_tell(worker->performances, reply, records_ticket(worker->records));
  return false;
}

static void take_request(struct worker *worker, struct request *request) {
  if (request_is_survey(request)) {
    begin_survey(worker, request);
    return;
  }
  if (request->reply->early) {
    hear_of(worker, request->epoch);
  } else if (worker->stopping) {
    reply_fail(request->reply, ERR_OVERLOADED, "the host is stopping");
    request_free(request);
    return;
  }
  bool is_settled = request->type == REQUEST_RETRY || request->type == REQUEST_DROP;
  if (is_settled && !find_failed(worker, request)) return;
  if (!request->reply->early) request->since_ns = worker->taken_ns;
  delivery_put(&worker->delivery, request);
}

/* What other actors have sent, or what this worker's have sent in vain. */
static void take_parcel(struct worker *worker, struct parcel *parcel) {
  if (parcel->records == NULL) {
    sends_take_back(worker->sends, parcel);
  } else {
    mail_take(worker->mail, parcel);
  }
}

static void take_letter(struct worker *worker, struct letter *letter) {
  switch (letter->kind) {
    case LETTER_REQUEST: take_request(worker, request_of(&letter->item)); break;
    case LETTER_ANSWER:
      hear_of(worker, ask_of(letter)->reply.epoch);
      performances_answer(worker->performances, ask_of(letter));
      break;
    case LETTER_PROBE: probe_take(&worker->delivery.probes, letter); break;
    case LETTER_SURVEY: take_survey(worker, survey_of(letter)); break;
    case LETTER_PARCEL: take_parcel(worker, parcel_of(letter)); break;
    case LETTER_PARTING: farewells_take(&worker->farewells, parting_of(letter)); break;
    case LETTER_WORD: sends_take_word(worker->sends, word_of(letter)); break;
  }
}

static bool take_letters(struct worker *worker) {
  struct queue_item *item = queue_take(worker->inbox);
  bool worked = item != NULL;
  while (item != NULL) {
    struct letter *letter = letter_of(item);
    item = item->next;
    take_letter(worker, letter);
  }
  return worked;
}

/* Takes in what the checkpointer told. Returns whether that was anything. The order is that of parcel.h: all messages up to the
 * batch that is read first are in letters by then. */
static bool hear_checkpointer(struct worker *worker) {
  bool thawed = records_thaw(worker->records);
  if (!records_must_freeze(worker->records)) return thawed;
  uint64_t batch = performances_hold_back(worker->performances, records_durable_batch(worker->records));
  take_letters(worker);
  hear(worker);                                              /* now all of it is active */
  records_freeze(worker->records, batch);
  return true;
}

/* Whether the disk is too far behind. Then the committer must know of all there is. */
static bool must_wait_for_disk(struct worker *worker) {
  if (records_wait_for_store(worker->records)) return true;
  if (!records_wait_for_log(worker->records)) return false;
  performances_ring(worker->performances, true);
  hear(worker);
  return records_wait_for_log(worker->records);
}

/* Whether something goes on that has waited for more to become durable. If not, the worker is woken when more is. */
static bool is_durable_due(struct worker *worker) {
  bool due = performances_are_due(worker->performances);
  if (worker->stopping || !mail_wants_durable(worker->mail)) return due;
  records_wake_when_durable(worker->records);
  return mail_is_due(worker->mail) || due;
}

static bool is_due(const struct worker *worker) {
  return clock_work_ns(worker->config.vm.clock) >= worker->step_end_ns;
}

static bool run_turns(struct worker *worker) {
  bool worked = false;
  for (unsigned i = 0; i < worker->config.turns_a_step; i++) {
    struct request *request;
    /* Chains that have begun end before others begin: fewer turns wait. They go on also while no turn may begin. */
    if (!performances_resume(worker->performances, WAIT_ANSWERED)) {
      if (must_wait_for_disk(worker)) break;
      struct actor *actor = actors_take(worker->actors, &request);
      if (actor == NULL) break;
      performances_begin(worker->performances, actor, &request);
    }
    worked = true;
    if (i % TURNS_A_RING == TURNS_A_RING - 1) worker_ring_others(worker);
    if (records_epoch_ended(worker->records)) hear(worker);
    if (is_due(worker)) break;
  }
  return worked;
}

/* Of each kind of waiting turns, those that are due go on once: as many as the step has time for, but at least one. */
static bool run_waiting(struct worker *worker, enum wait_place place) {
  bool worked = false;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    if (waits_place((enum wait_what)what) != place) continue;
    size_t count = performances_line_up(worker->performances, (enum wait_what)what);
    if (count > 0) worked = true;
    if (count > worker->config.turns_a_step) count = worker->config.turns_a_step;
    for (; count > 0 && performances_resume(worker->performances, (enum wait_what)what); count--) {
      if (records_epoch_ended(worker->records)) hear(worker);
      if (is_due(worker)) break;
    }
  }
  return worked;
}

/* Whether the host stops, and no worker has a call any more. */
static bool rests(const struct worker *worker) {
  return worker->quiet && atomic_load(worker->config.unquiet) == 0;
}

/* While the host stops, notes whether this worker has a call left: a request of another's actor may still come. Whether that
 * changed. No worker can have one again once all are quiet, since each call of an actor is made by one that waits. */
static bool note_quiet(struct worker *worker) {
  bool quiet = worker->stopping && !actors_have_mail(worker->actors) && !performances_are_waiting(worker->performances);
  if (quiet == worker->quiet) return false;
  worker->quiet = quiet;
  if (!quiet) {
    atomic_fetch_add(worker->config.unquiet, 1);
  } else if (atomic_fetch_sub(worker->config.unquiet, 1) == 1) {
    post_wake_all(worker->config.post);
  }
  return true;
}

static void read_times(const struct worker *worker, int64_t now_ms[TIMELINE_COUNT]) {
  struct timekeeper *keeper = worker->config.vm.timekeeper;
  now_ms[TIMELINE_HOST] = now_ms[TIMELINE_MAIL] = timekeeper_host_ms(keeper);
  now_ms[TIMELINE_WALL] = timekeeper_wall_ms(keeper);
}

/* Begins what is due, unless the host stops: then it stays in its records. */
static bool begin_errands(struct worker *worker) {
  int64_t now_ms[TIMELINE_COUNT];
  if (worker->stopping || !wakes_are_pending(worker->wakes)) return false;
  if (timekeeper_was_set_back(worker->config.vm.timekeeper, &worker->watch)) wakes_set_back(worker->wakes);
  read_times(worker, now_ms);
  return wakes_step(worker->wakes, now_ms);
}

/* In how many milliseconds something is due; INT64_MAX: nothing is. */
static int64_t due_in_ms(const struct worker *worker) {
  int64_t now_ms[TIMELINE_COUNT];
  if (worker->stopping || !wakes_are_pending(worker->wakes)) return INT64_MAX;
  read_times(worker, now_ms);
  return wakes_rest_ms(worker->wakes, now_ms);
}

static void drop_errands(struct actor *actor, void *context) {
  struct worker *worker = context;
  errand_drop_waiting(worker->actors, actor, NULL);
}

static void begin_to_stop(struct worker *worker) {
  if (worker->stopping || !atomic_load(&worker->told_stop)) return;
  worker->stopping = true;
  actors_each(worker->actors, drop_errands, worker);
}

bool worker_step(struct worker *worker) {
  worker->step_end_ns = clock_work_ns(worker->config.vm.clock) + STEP_NS;
  hear(worker);
  records_refresh(worker->records);
  begin_to_stop(worker);
  worker->taken_ns = now_ns(worker);
  bool worked = hear_checkpointer(worker);
  worked |= take_letters(worker);
  post_set_full(worker->config.post, worker->config.vm.worker, records_is_full(worker->records));
  worked |= renew(worker);       /* behind the letters: what was put after a VM was brought is not run in an older one */
  worked |= deadlines_pass(&worker->deadlines, worker->taken_ns);
  worked |= begin_errands(worker);
  worked |= farewells_step(&worker->farewells, worker->stopping);
  worked |= mail_step(worker->mail, worker->stopping);
  worked |= note_quiet(worker);
  worked |= run_waiting(worker, WAIT_GOES_FIRST);
  worked |= run_turns(worker);
  worked |= run_waiting(worker, WAIT_GOES_LAST);
  worked |= is_durable_due(worker);
  worked |= relief_put_to_sleep(&worker->relief, rests(worker));
  worked |= relief_collect(&worker->relief);
  worked |= vms_close_some(&worker->vms);
  if (!worked || ++worker->busy_steps % CLOCK_STEPS == 0) worked |= timesaver_step(&worker->timesaver, worker->taken_ns);
  if (rests(worker) && !worked && actors_count(worker->actors) == 0) worked = timesaver_end(&worker->timesaver);
  if (rests(worker) && !worked && actors_count(worker->actors) == 0) {
    performances_ring(worker->performances, true);
    records_wake_when_durable(worker->records);
    hear(worker);
    worker->stopped = !records_has_pending(worker->records) && atomic_load(records_under_way(worker->records)) == 0;
  }
  return worked;
}

int64_t worker_due_ns(const struct worker *worker) {
  const struct actor *actor = actors_idlest(worker->actors);
  int64_t due_ns = deadlines_first_ns(&worker->deadlines), now = now_ns(worker);
  int64_t saves_ns = timesaver_due_ns(&worker->timesaver, now), due_ms = due_in_ms(worker);
  if (saves_ns < due_ns) due_ns = saves_ns;
  if (due_ms != INT64_MAX && now + due_ms * 1000000 < due_ns) due_ns = now + due_ms * 1000000;
  if (actor == NULL) return due_ns;
  int64_t leaves_ns = actor->used_ns + (int64_t)worker->config.vm.limits->idle_ms * 1000000;
  return leaves_ns < due_ns ? leaves_ns : due_ns;
}

void worker_wait(struct worker *worker) {
  if (worker->stopped) return;
  int64_t wake_ns = worker_due_ns(worker), now = now_ns(worker), look_ns = now + (int64_t)DUE_LOOK_MS * 1000000;
  if (look_ns < wake_ns && !worker->stopping && wakes_are_pending(worker->wakes)) wake_ns = look_ns;
  bool unrung = performances_are_unrung(worker->performances);
  if (unrung && now + UNRUNG_NS < wake_ns) wake_ns = now + UNRUNG_NS;
  queue_wait(worker->inbox, wake_ns == INT64_MAX ? -1 : wake_ns < now ? 0 : wake_ns - now);
  if (unrung && now_ns(worker) >= now + UNRUNG_NS) performances_ring(worker->performances, true);
}
