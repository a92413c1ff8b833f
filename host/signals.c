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
  { SIGPWR, "SIGPWR", false },   { SIGXCPU, "SIGXCPU", false }, { SIGALRM, "SIGALRM", false },
  { SIGPROF, "SIGPROF", false }, { SIGVTALRM, "SIGVTALRM", false },
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

/* SIGHUP is held from the start to the end, so that its handler never runs. The handler only notes whether `nohup`, say, has
 * ruled a stop out. */
static void hold_hangup(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  CHECK_THAT(pthread_sigmask(SIG_BLOCK, &set, NULL), ==, 0);
  handle(SIGHUP, handler_of(SIGHUP) == SIG_DFL ? end_start : pass_over);
}

/* A SIGHUP that somebody sends asks for a reload. That of a terminal that has gone comes from the kernel, and asks to stop. */
static bool is_of_terminal(const siginfo_t *info) {
  return info->si_code == SI_KERNEL;
}

/* What `nohup` has ignored stays ignored, and what a profiler handles is left to it. */
void signals_begin(void) {
  signals_ignore(SIGPIPE);
  hold_hangup();
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

/* The name of a signal that asks to stop; NULL: that one does not. */
static const char *stop_of(const siginfo_t *info) {
  if (info->si_signo == SIGHUP) return is_of_terminal(info) && handler_of(SIGHUP) == end_start ? "SIGHUP" : NULL;
  for (size_t i = 0; i < STOP_COUNT; i++) {
    if (STOPS[i].number == info->si_signo) return STOPS[i].name;
  }
  return NULL;
}

const char *signals_wait(const struct logger *logger, void (*reload)(void *context), void *context) {
  sigset_t set = ours();
  sigaddset(&set, SIGHUP);
  for (;;) {
    siginfo_t info;
    if (sigwaitinfo(&set, &info) < 0) continue;      /* a debugger had it */
    const char *stop = stop_of(&info);
    if (stop != NULL) {
      lose_patience();
      return stop;
    }
    if (info.si_signo != SIGHUP) {
      logger_printf(logger, LOG_WARN, "a signal came that means nothing here: %s", strsignal(info.si_signo));
    } else if (!is_of_terminal(&info)) {
      reload(context);
    }
  }
}
