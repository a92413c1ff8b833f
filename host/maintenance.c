/* maintenance.c -- see maintenance.h. */
#include "maintenance.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/backup.h"
#include "ledger/folder.h"
#include "ledger/record_key.h"
#include "stage/host.h"
#include "stage/renumbering.h"
#include "stage/verify.h"

enum err maintenance_backup(const struct options *options, struct buf *output, struct failure *failure) {
  const char *from = options->words[0], *to = options->words[1];
  struct clock clock;
  clock_init(&clock);
  const struct logger logger = { .clock = &clock, .level_min = LOG_WARN };
  struct backup_report report;
  enum err err = backup_make(from, to, MAP_BYTES, &logger, renumbering_source(), &report, failure);
  if (err != ERR_NONE) return err;
  buf_printf(output, "%s is a copy of %s%s: %" PRIu64 " records, up to batch %" PRIu64, to, from,
             report.is_upgraded ? " in the format of this version" : "", report.records, report.batch);
  return output->err;
}

/* ---- verify: what the child does ------------------------------------------------------------------------- */

/* In memory that parent and child share. */
struct verification {
  struct store_place place;
  struct verify_report report;
  size_t found;                        /* how many things are wrong */
  char hindrance[FINDING_SIZE_MAX];    /* why not all could be looked at, or empty */
  bool ended;                          /* the child came to its end */
};

static void print_finding(void *context, const char *sentence) {
  (void)context;
  puts(sentence);
  fflush(stdout);
}

static void verify(const char *path, struct verification *verification) {
  struct findings findings = { .tell = print_finding };
  struct failure failure = { 0 };
  if (verify_folder(path, MAP_BYTES, &findings, &verification->place, &verification->report, &failure) != ERR_NONE) {
    snprintf(verification->hindrance, sizeof verification->hindrance, "%.*s", (int)failure.message.size,
             (const char *)failure.message.data);
  }
  if (findings.count > FINDINGS_TOLD_MAX) printf("and %zu more\n", findings.count - FINDINGS_TOLD_MAX);
  failure_done(&failure);
  fflush(stdout);
  verification->found = findings.count;
  verification->ended = true;
}

/* ---- verify: what the parent makes of it ----------------------------------------------------------------- */

/* Whether a child that did not come to its end may have met damaged pages. LMDB reads them as memory, counts by them, and
 * aborts where it notices; a sanitizer makes an exit of that. Other signals come from outside. */
static bool is_by_damage(int status) {
  if (!WIFSIGNALED(status)) return true;
  int number = WTERMSIG(status);
  return number == SIGSEGV || number == SIGBUS || number == SIGABRT || number == SIGFPE;
}

static enum err was_ended(const struct verification *verification, int status, struct failure *failure) {
  struct buf place = { 0 };
  const struct store_place *at = &verification->place;
  if (!is_by_damage(status)) {
    return failure_set(failure, ERR_INTERNAL, "the check was ended by signal %d (%s): nothing is known but what it has told",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  if (at->size > 0) {
    record_key_print(&place, slice_of(at->key, at->size));
  } else {
    buf_put_text(&place, "none");
  }
  failure_set(failure, ERR_STORAGE, "the store's pages are damaged: reading them was ended by %s %d; the last record before "
              "was: %.*s", WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (int)place.size, (const char *)place.data);
  buf_done(&place);
  return failure->err;
}

static enum err wait_for(pid_t child, int *status, struct failure *failure) {
  while (waitpid(child, status, 0) < 0) {
    if (errno != EINTR) return failure_set(failure, ERR_INTERNAL, "cannot wait for a process: %s", strerror(errno));
  }
  return ERR_NONE;
}

static enum err report(const struct verify_report *report, const char *path, struct buf *output) {
  const struct audit_report *audit = &report->audit;
  buf_printf(output, "%s is fine: %" PRIu64 " actors, %" PRIu64 " of them with a state, %" PRIu64 " kv entries; %" PRIu64
             " records in the store, up to batch %" PRIu64 " with the log", path, audit->actors, audit->states, audit->entries,
             report->records, report->batch);
  return output->err;
}

/* Lets a child do it, and says what came of that. */
static enum err verify_apart(const char *path, struct verification *verification, struct buf *output,
                             struct failure *failure) {
  int status = 0;
  pid_t child = fork();
  if (child < 0) return failure_set(failure, ERR_INTERNAL, "cannot start a process: %s", strerror(errno));
  if (child == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);   /* the end of this process ends the check, even if nobody reads what it says */
    verify(path, verification);
    _exit(0);
  }
  enum err err = wait_for(child, &status, failure);
  if (err != ERR_NONE) return err;
  if (!verification->ended) return was_ended(verification, status, failure);
  if (verification->found > 0) return failure_set(failure, ERR_STORAGE, "%s is damaged", path);
  if (verification->hindrance[0] != 0) {
    return failure_set(failure, ERR_INTERNAL, "%s could not be checked: %s", path, verification->hindrance);
  }
  return report(&verification->report, path, output);
}

/* Whether it is a data folder is asked here: a mistyped word is not damage. */
enum err maintenance_verify(const struct options *options, struct buf *output, struct failure *failure) {
  const char *path = options->words[0];
  struct folder *folder;
  enum err err = folder_look(path, false, &folder, failure);
  if (err != ERR_NONE) return err;
  folder_close(folder);
  struct verification *verification = mmap(NULL, sizeof *verification, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                                           -1, 0);
  if (verification == MAP_FAILED) return failure_set(failure, ERR_MEMORY, "no memory to check %s", path);
  err = verify_apart(path, verification, output, failure);
  munmap(verification, sizeof *verification);
  return err;
}
