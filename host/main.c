/* main.c -- the program: builds the rooms, puts threads around their steps, and stops them in reverse.
 *
 *   door threads --requests--> worker threads --commits--> the committer's thread --replies--> door threads
 *                                             --tables---> the checkpointer's thread
 *
 * Each thread repeats the step of its room and waits when there was nothing to do. When one call is alone, the worker that
 * has run it takes the committer's step too (pass_on()). What any of them logs goes to a thread that writes it, so that nobody
 * waits for its reader. Another one loads classes anew, so that nobody waits for these. The main thread waits for a signal.
 * When one comes that asks to stop, the doors let no new request in and end when the last answer has left; then the workers
 * put their actors to sleep; then, when all that they committed is durable, the committer and the checkpointer end; and the
 * main thread makes the last checkpoint. The log's thread ends last. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/backlog.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/stream.h"
#include "door/address.h"
#include "door/public.h"
#include "door/server.h"
#include "maintenance.h"
#include "options.h"
#include "remote.h"
#include "signals.h"
#include "stage/host.h"
#include "vm/vm.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, DOOR_STEP_MS = 1000 };

/* How often the loader looks for changed files, with --dev. */
enum { LOOK_NS = 100 * 1000 * 1000 };

/* How long a host waits, at its end, for the reader of its log; and at any time for the reader of its other output. */
enum { PATIENCE_MS = 2000, LOADER_PATIENCE_MS = 100 };

enum { SEGMENT_BYTES = 16 * 1024 * 1024, CHECKPOINT_BYTES = 64 * 1024 * 1024, PORTION_RECORDS = 1000 };

struct house;

/* A thread and what it works at: a worker's number or a door. */
struct hand {
  pthread_t thread;
  struct house *house;
  unsigned worker;
  struct server *server;
};

/* All that runs. */
struct house {
  const struct options *options;
  struct clock clock;
  struct logger logger;       /* into the backlog */
  struct backlog *backlog;
  struct hand log;
  atomic_bool log_ends;       /* as soon as all is written */
  atomic_bool log_ended;
  int listen_fd;
  int public_folder;          /* -1: none */
  struct buf address;         /* where it listens, with the true port */
  struct buf classes;         /* their names as it begins: they may change as soon as there are threads */
  struct host *host;
  pthread_mutex_t committing; /* held by whose thread the committer's step runs on */
  struct hand committer;
  struct hand checkpointer;
  struct hand loader;
  struct queue *loader_bell;  /* nothing is ever put there: it is what the loader waits at */
  atomic_bool reload_wanted;
  atomic_bool loader_ends;
  atomic_bool loader_ended;
  struct hand *workers;
  struct hand *doors;
  atomic_bool workers_done;   /* nothing comes to the committer any more */
};

/* --- What each thread repeats ------------------------------------------------------------------------------------ */

static void *run_door(void *context) {
  struct hand *hand = context;
  while (server_step(hand->server, DOOR_STEP_MS)) {
  }
  return NULL;
}

static void *run_log(void *context) {
  struct hand *hand = context;
  struct house *house = hand->house;
  for (;;) {
    struct slice line = backlog_next(house->backlog);
    if (line.size > 0) {
      ssize_t written = write(STDERR_FILENO, line.data, line.size);
      if (written < 0 && errno == EINTR) continue;
      /* Where standard error cannot take it, there is nobody left to tell. */
      backlog_pass(house->backlog, written < 0 ? line.size : (size_t)written);
    } else if (atomic_load(&house->log_ends)) {
      atomic_store(&house->log_ended, true);
      return NULL;
    } else {
      backlog_wait(house->backlog);
    }
  }
}

/* Waits for the end of a thread for so long. Whether it came. */
static bool has_ended(const atomic_bool *ended, int patience_ms) {
  const struct timespec moment = { .tv_nsec = 1000000 };
  for (int ms = 0; ms < patience_ms && !atomic_load(ended); ms++) nanosleep(&moment, NULL);
  return atomic_load(ended);
}

/* Whether the log's thread has written everything that was logged. Maybe never: it waits for a reader, and nobody for it. */
static bool end_log(struct house *house) {
  atomic_store(&house->log_ends, true);
  backlog_wake(house->backlog);
  return has_ended(&house->log_ended, PATIENCE_MS);
}

/* The caller has logged why. */
static void end_at_once(struct house *house) {
  logger_printf(&house->logger, LOG_ERROR, "it is unknown what is on disk: the host ends and recovers at its next start");
  (void)end_log(house);
  _exit(EXIT_FAILED);
}

/* The caller holds `committing`. Returns for how long there is nothing more to do (committer_rest_ns()). */
static int64_t step_committer(struct house *house, bool *worked) {
  if (host_committer_step(house->host, worked) == ERR_FATAL) end_at_once(house);
  return host_committer_rest_ns(house->host);
}

static void let_others_commit(struct house *house) {
  CHECK_THAT(pthread_mutex_unlock(&house->committing), ==, 0);
}

static bool is_alone(const struct house *house) {
  size_t under_way = 0;
  for (unsigned i = 0; i < house->options->doors; i++) under_way += server_under_way(house->doors[i].server);
  return under_way == 1;
}

/* After a worker's step. When one call is all that is under way, its thread makes that durable itself: another thread in
 * between would cost more than everything else but the sync, and calls that arrive meanwhile wait for no more than that. With
 * relaxed durability the committer's thread must know when to sync. */
static void pass_on(struct house *house, unsigned worker) {
  bool helps = !house->options->relaxed && host_worker_owes(house->host, worker) && is_alone(house) &&
               pthread_mutex_trylock(&house->committing) == 0;
  if (helps) {
    bool worked;
    int64_t rest_ns = step_committer(house, &worked);
    let_others_commit(house);
    if (rest_ns == 0) host_committer_wake(house->host);      /* there is more than goes into a batch */
  }
  host_worker_ring(house->host, worker);
}

static void *run_worker(void *context) {
  struct hand *hand = context;
  struct host *host = hand->house->host;
  for (;;) {
    bool worked;
    host_worker_step(host, hand->worker, &worked);
    pass_on(hand->house, hand->worker);
    if (worked) continue;
    if (host_worker_done(host, hand->worker)) return NULL;
    host_worker_wait(host, hand->worker);
  }
}

static void *run_committer(void *context) {
  struct hand *hand = context;
  struct house *house = hand->house;
  for (;;) {
    bool worked;
    CHECK_THAT(pthread_mutex_lock(&house->committing), ==, 0);
    int64_t rest_ns = step_committer(house, &worked);
    let_others_commit(house);
    if (worked) continue;
    if (atomic_load(&house->workers_done)) return NULL;
    host_committer_wait(house->host, rest_ns);
  }
}

/* It has the time that the others leave. */
static void *run_checkpointer(void *context) {
  enum { NICE = 10 };
  struct hand *hand = context;
  struct house *house = hand->house;
  (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);   /* refused: it stays as it was */
  while (!atomic_load(&house->workers_done)) {
    bool worked;
    if (host_checkpointer_step(house->host, &worked) == ERR_FATAL) end_at_once(house);
    if (!worked && !atomic_load(&house->workers_done)) host_checkpointer_wait(house->host);
  }
  return NULL;
}

static void warn_of_strangers(const struct house *house) {
  if (address_is_loopback(buf_slice(&house->address)) || host_admits(house->host)) return;
  static const char text[] = "this address is not loopback, and no class has on_before_connect: anybody who reaches it can "
                             "call everything";
  const struct log_field fields[] = { { "listen", buf_slice(&house->address) } };
  logger_event(&house->logger, LOG_WARN, slice_text(text), fields, 1);
}

/* A class that is being loaded may take its time, or not come to an end at all. Nobody waits for that but this thread. */
static void *run_loader(void *context) {
  struct hand *hand = context;
  struct house *house = hand->house;
  while (!atomic_load(&house->loader_ends)) {
    struct failure failure = { 0 };
    bool admitted = host_admits(house->host);
    if (atomic_exchange(&house->reload_wanted, false)) {
      (void)host_reload(house->host, &failure);
    } else {
      host_look(house->host);
    }
    if (admitted) warn_of_strangers(house);
    failure_done(&failure);
    queue_wait(house->loader_bell, house->options->dev ? LOOK_NS : -1);
  }
  atomic_store(&house->loader_ended, true);
  return NULL;
}

static void want_reload(void *context) {
  struct house *house = context;
  atomic_store(&house->reload_wanted, true);
  queue_wake(house->loader_bell);
}

/* A host with only some of its threads would leave callers waiting, so this ends it. Nothing was answered yet. */
static void start(struct hand *hand, void *(*run)(void *)) {
  int error = pthread_create(&hand->thread, NULL, run, hand);
  if (error == 0) return;
  char words[128];
  snprintf(words, sizeof words, "troupe: cannot start a thread: %s\n", strerror(error));
  (void)stream_say(STDERR_FILENO, slice_text(words), PATIENCE_MS);
  _exit(EXIT_FAILED);
}

static void finish(struct hand *hand) {
  CHECK_THAT(pthread_join(hand->thread, NULL), ==, 0);
}

/* --- The house --------------------------------------------------------------------------------------------------- */

/* A connection is a file. */
static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);   /* refused: it stays as it was */
}

/* How many connections each door may hold, so that clients leave the log, the store and classes that are loaded anew
 * the files that they need. */
static size_t connections_max(unsigned doors) {
  enum { FILES_KEPT = 32, FILES_OF_A_DOOR = 5 };
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  rlim_t kept = FILES_KEPT + FILES_OF_A_DOOR * (rlim_t)doors;
  return limit.rlim_cur >= kept + doors ? (size_t)((limit.rlim_cur - kept) / doors) : 1;
}

static enum err open_doors(struct house *house, struct failure *failure) {
  const struct server_config config = {
    .host = house->host, .listen_fd = house->listen_fd, .connections_max = connections_max(house->options->doors),
    .origins = { .listen = house->options->listen, .allowed = house->options->origins, .count = house->options->origin_count },
    .public_folder = house->public_folder, .limits = &house->options->limits, .logger = &house->logger,
  };
  for (unsigned i = 0; i < house->options->doors; i++) {
    enum err err = server_open(&config, &house->doors[i].server, failure);
    if (err != ERR_NONE) return err;
  }
  return ERR_NONE;
}

/* Replies were delivered: the doors fetch them. On any thread of the host. */
static void ring_doors(void *context) {
  struct house *house = context;
  for (unsigned i = 0; i < house->options->doors; i++) server_ring(house->doors[i].server);
}

/* From the address inwards, so that a taken port leaves no data folder behind. What is open after an error is closed by
 * close_rooms(). */
static enum err open_rooms(struct house *house, struct failure *failure) {
  const struct options *options = house->options;
  house->workers = mem_zero(options->workers * sizeof *house->workers);
  house->doors = mem_zero(options->doors * sizeof *house->doors);
  house->loader_bell = queue_new();
  enum err err = address_listen(options->listen, &house->listen_fd, &house->address, failure);
  if (err == ERR_NONE && options->public_path != NULL) {
    err = public_open(options->public_path, options->data_path, &house->public_folder, failure);
  }
  if (err != ERR_NONE) return err;

  const struct host_config config = {
    .actors_path = options->actors_path,
    .data_path = options->data_path,
    .workers = options->workers,
    .dev = options->dev,
    .limits = options->limits,
    .pause_ms = VM_PAUSE_MS,
    .turns_a_step = TURNS_A_STEP,
    .relaxed = options->relaxed,
    .map_bytes = MAP_BYTES,
    .segment_bytes = SEGMENT_BYTES,
    .checkpoint_bytes = CHECKPOINT_BYTES,
    .portion_records = PORTION_RECORDS,
    .batch_commits = BATCH_COMMITS,
    .delivered = ring_doors,
    .delivered_context = house,
    .clock = &house->clock,
    .logger = &house->logger,
  };
  err = host_open(&config, &house->host, failure);
  if (err != ERR_NONE) return err;
  buf_put(&house->classes, host_class_names(house->host));
  warn_of_strangers(house);
  return open_doors(house, failure);
}

static void close_rooms(struct house *house) {
  for (unsigned i = 0; i < house->options->doors; i++) {
    if (house->doors[i].server != NULL) server_close(house->doors[i].server);
  }
  if (house->host != NULL) host_close(house->host, false);
  if (house->listen_fd >= 0) close(house->listen_fd);
  if (house->public_folder >= 0) close(house->public_folder);
  buf_done(&house->classes);
  buf_done(&house->address);
  queue_free(house->loader_bell);
  mem_free(house->doors);
  mem_free(house->workers);
}

static void start_threads(struct house *house) {
  house->committer.house = house;
  start(&house->committer, run_committer);
  house->checkpointer.house = house;
  start(&house->checkpointer, run_checkpointer);
  for (unsigned i = 0; i < house->options->workers; i++) {
    house->workers[i].house = house;
    house->workers[i].worker = i;
    start(&house->workers[i], run_worker);
  }
  for (unsigned i = 0; i < house->options->doors; i++) start(&house->doors[i], run_door);
  house->loader.house = house;
  start(&house->loader, run_loader);
}

/* Each room ends when nothing can come to it any more and what it had is done. */
static void stop_threads(struct house *house) {
  atomic_store(&house->loader_ends, true);
  queue_wake(house->loader_bell);
  for (unsigned i = 0; i < house->options->doors; i++) server_stop(house->doors[i].server);
  for (unsigned i = 0; i < house->options->doors; i++) finish(&house->doors[i]);

  host_stop(house->host);
  for (unsigned i = 0; i < house->options->workers; i++) finish(&house->workers[i]);

  atomic_store(&house->workers_done, true);
  host_committer_wake(house->host);
  finish(&house->committer);
  host_checkpointer_wake(house->host);
  finish(&house->checkpointer);
  if (host_checkpoint(house->host) == ERR_FATAL) end_at_once(house);
}

/* The one line on standard output, for people and for programs that wait for it. */
static void announce(const struct house *house) {
  const struct options *options = house->options;
  struct buf line = { 0 };
  buf_printf(&line, "troupe %s listening on http://%.*s, classes: %.*s, data: %s%s\n", TROUPE_VERSION, (int)house->address.size,
             (const char *)house->address.data, (int)house->classes.size, (const char *)house->classes.data, options->data_path,
             options->relaxed ? ", durability: relaxed (a crash of the machine loses up to 1 s)" : "");
  if (!stream_say(STDOUT_FILENO, buf_slice(&line), PATIENCE_MS)) {
    logger_printf(&house->logger, LOG_WARN, "the first line could not be written to standard output: %s", strerror(errno));
  }
  buf_done(&line);
}

static void log_stopping(const struct house *house, const char *signal_name) {
  const struct log_field fields[] = { { "signal", slice_text(signal_name) } };
  logger_event(&house->logger, LOG_INFO, slice_text("stopping"), fields, 1);
}

static void log_stopped(const struct house *house) {
  const struct committer_stats *stats = host_stats(house->host);
  char commits[24], syncs[24];
  snprintf(commits, sizeof commits, "%" PRIu64, atomic_load(&stats->commits));
  snprintf(syncs, sizeof syncs, "%" PRIu64, atomic_load(&stats->syncs));
  const struct log_field fields[] = { { "commits", slice_text(commits) }, { "syncs", slice_text(syncs) } };
  logger_event(&house->logger, LOG_INFO, slice_text("stopped"), fields, 2);
}

static void open_log(struct house *house) {
  clock_init(&house->clock);
  house->backlog = backlog_new(&house->clock);
  house->logger = (struct logger){
    .clock = &house->clock, .level_min = house->options->log_level, .write = backlog_put, .context = house->backlog,
  };
  house->log.house = house;
  signals_hold();
  start(&house->log, run_log);
  signals_release();
}

/* Where nobody reads the log, its thread still writes: then the end of the process is the only one there is. */
static void close_log(struct house *house, enum err err) {
  if (!end_log(house)) _exit(err == ERR_NONE ? EXIT_FINE : EXIT_FAILED);
  finish(&house->log);
  backlog_free(house->backlog);
}

/* Whether the loader has let go of the host. It may still load a class that has no end, and only the end of the process ends
 * that: all else is done, and the last checkpoint is made. */
static bool end_loader(struct house *house) {
  if (!has_ended(&house->loader_ended, LOADER_PATIENCE_MS)) return false;
  finish(&house->loader);
  return true;
}

static enum err serve(const struct options *options, struct failure *failure) {
  struct house house = { .options = options, .listen_fd = -1, .public_folder = -1, .committing = PTHREAD_MUTEX_INITIALIZER };
  signals_begin();
  open_log(&house);
  raise_file_limit();

  enum err err = open_rooms(&house, failure);
  if (err == ERR_NONE) {
    signals_hold();
    start_threads(&house);
    announce(&house);
    log_stopping(&house, signals_wait(&house.logger, want_reload, &house));
    stop_threads(&house);
    log_stopped(&house);
    if (!end_loader(&house)) {
      (void)end_log(&house);
      _exit(EXIT_FINE);
    }
  }
  close_rooms(&house);
  close_log(&house, err);
  return err;
}

/* --- The command line -------------------------------------------------------------------------------------------- */

/* Texts from a host may hold anything; a terminal obeys control characters. */
static void make_safe(struct slice text, struct buf *safe) {
  for (size_t i = 0; i < text.size; i++) {
    uint8_t byte = text.data[i];
    bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
    buf_put_byte(safe, control ? '?' : byte);
  }
}

static enum err run(const struct options *options, struct buf *output, struct failure *failure) {
  switch (options->command) {
    case COMMAND_SERVE: return serve(options, failure);
    case COMMAND_CALL: return remote_call(options, output, failure);
    case COMMAND_INSPECT: return remote_inspect(options, output, failure);
    case COMMAND_DESTROY: return remote_destroy(options, failure);
    case COMMAND_CALLS: return remote_calls(options, output, failure);
    case COMMAND_FAILED: return remote_failed(options, output, failure);
    case COMMAND_BACKUP: return maintenance_backup(options, output, failure);
    case COMMAND_VERIFY: return maintenance_verify(options, output, failure);
    case COMMAND_VERSION: buf_put_text(output, "troupe " TROUPE_VERSION); break;
    case COMMAND_HELP: options_print_help(output); break;
  }
  return output->err;
}

/* A command waits for its reader, as other programs do. A host that could not start ends, so that it can be started again. */
static void print_failure(const struct failure *failure, bool waits) {
  struct buf line = { 0 };
  buf_put_text(&line, "troupe: ");
  make_safe(buf_slice(&failure->message), &line);
  buf_put_byte(&line, '\n');
  (void)stream_say(STDERR_FILENO, buf_slice(&line), waits ? -1 : PATIENCE_MS);
  buf_done(&line);
}

/* A full disk behind standard output is an error too. */
static enum err print_output(const struct buf *output, struct failure *failure) {
  if (output->size == 0) return ERR_NONE;
  bool ended = output->data[output->size - 1] == '\n';
  bool written = fwrite(output->data, 1, output->size, stdout) == output->size && (ended || putchar('\n') != EOF);
  if (written && fflush(stdout) == 0) return ERR_NONE;
  return failure_set(failure, ERR_INTERNAL, "standard output: %s", strerror(errno));
}

/* A file that took the number of a standard stream would get everything that is printed. So numbers that are free are taken,
 * by what cannot be used in the stream's direction: to print to a stream that is closed stays an error. */
static bool hold_streams(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
  }
  return true;
}

int main(int argc, char **argv) {
  if (!hold_streams()) return EXIT_FAILED;
  signals_ignore(SIGXFSZ);       /* a write beyond a limit on the size of files then fails with EFBIG */
  struct options options;
  struct buf output = { 0 };
  struct failure failure = { 0 };
  enum err err = options_parse(argc, argv, &options, &failure);
  bool misused = err != ERR_NONE;
  if (!misused) {
    err = run(&options, &output, &failure);
    misused = err == ERR_ARGUMENTS && options.command != COMMAND_SERVE;
  }
  bool tells_more = options.command == COMMAND_INSPECT && output.size > 0;     /* beside an error */
  if (err == ERR_NONE) {
    err = print_output(&output, &failure);
  } else if (tells_more) {
    (void)print_output(&output, &failure);
  }
  if (err != ERR_NONE) print_failure(&failure, options.command != COMMAND_SERVE);
  failure_done(&failure);
  buf_done(&output);
  return err == ERR_NONE ? EXIT_FINE : misused ? EXIT_USAGE : EXIT_FAILED;
}
