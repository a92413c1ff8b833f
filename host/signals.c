/* signals.c -- see signals.h. */
#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

struct meaning {
  int number;
  const char *name;
  bool insists;      /* obeyed even if the host was started to ignore it; a second one ends the host at once */
};

/* What asks to stop. SIGQUIT does too, which may leave a core elsewhere: for that there is SIGABRT. SIGPWR tells that the power
 * goes, the last four that a time is up which somebody has set. */
static const struct meaning STOPS[] = {
  { SIGTERM, "SIGTERM", true },  { SIGINT, "SIGINT", true },    { SIGQUIT, "SIGQUIT", true },
  { SIGHUP, "SIGHUP", false },   { SIGPWR, "SIGPWR", false },   { SIGXCPU, "SIGXCPU", false },
  { SIGALRM, "SIGALRM", false }, { SIGPROF, "SIGPROF", false }, { SIGVTALRM, "SIGVTALRM", false },
};

/* What means nothing here, as do those for real time. */
static const int OTHERS[] = { SIGUSR1, SIGUSR2, SIGIO, SIGSTKFLT };

enum { STOP_COUNT = sizeof STOPS / sizeof STOPS[0], OTHER_COUNT = sizeof OTHERS / sizeof OTHERS[0] };

static void handle(int number, void (*handler)(int)) {
  const struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
  CHECK_THAT(sigaction(number, &action, NULL), ==, 0);
}

static void (*handler_of(int number))(int) {
  struct sigaction action;
  CHECK_THAT(sigaction(number, NULL, &action), ==, 0);
  return action.sa_handler;
}

static void end_start(int number) {
  (void)number;
  _exit(EXIT_SUCCESS);
}

static void end_at_once(int number) {
  (void)number;
  _exit(EXIT_FAILURE);
}

static void pass_over(int number) {
  (void)number;
}

void signals_ignore(int number) {
  handle(number, SIG_IGN);
}

/* What `nohup` has ignored stays ignored, and what a profiler handles is left to it. */
void signals_begin(void) {
  signals_ignore(SIGPIPE);
  for (size_t i = 0; i < STOP_COUNT; i++) {
    if (STOPS[i].insists || handler_of(STOPS[i].number) == SIG_DFL) handle(STOPS[i].number, end_start);
  }
  for (size_t i = 0; i < OTHER_COUNT; i++) handle(OTHERS[i], pass_over);
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++) handle(number, pass_over);
  signals_release();      /* the program may have been started with them held */
}

/* Those that are handled here. */
static sigset_t ours(void) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < STOP_COUNT; i++) {
    if (handler_of(STOPS[i].number) == end_start) sigaddset(&set, STOPS[i].number);
  }
  for (size_t i = 0; i < OTHER_COUNT; i++) sigaddset(&set, OTHERS[i]);
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++) sigaddset(&set, number);
  return set;
}

void signals_hold(void) {
  sigset_t set = ours();
  CHECK_THAT(pthread_sigmask(SIG_BLOCK, &set, NULL), ==, 0);
}

void signals_release(void) {
  sigset_t set = ours();
  CHECK_THAT(pthread_sigmask(SIG_UNBLOCK, &set, NULL), ==, 0);
}

/* From now on, a signal that insists ends it at once. */
static void lose_patience(void) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < STOP_COUNT; i++) {
    if (!STOPS[i].insists) continue;
    handle(STOPS[i].number, end_at_once);
    sigaddset(&set, STOPS[i].number);
  }
  CHECK_THAT(pthread_sigmask(SIG_UNBLOCK, &set, NULL), ==, 0);
}

const char *signals_wait(const struct logger *logger) {
  sigset_t set = ours();
  for (;;) {
    int number = 0;
    CHECK_THAT(sigwait(&set, &number), ==, 0);
    for (size_t i = 0; i < STOP_COUNT; i++) {
      if (STOPS[i].number != number) continue;
      lose_patience();
      return STOPS[i].name;
    }
    logger_printf(logger, LOG_WARN, "a signal came that means nothing here: %s", strsignal(number));
  }
}
