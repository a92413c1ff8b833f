/* waits.h -- the turns of a worker that wait, and for what.
 *
 * WHY     A turn may give the worker back in the middle. Turns wait for different things, but each stands in line, goes
 *         on, or fails together with what it has seen. So there is one table, in waits.c: what a turn can wait for, when
 *         that is due, what fails it.
 * ROOM    stage. Knows no turn: a wait is embedded in what waits.
 * THREAD  Its worker's.
 * OWNS    Nothing.
 * ALWAYS  1. Turns that wait for the same go on in the order in which they came. One that was due, but for which there was
 *            no time, comes before all that were not.
 *         2. A wait stands in one line or in none: in none from waits_take() or waits_take_lost() on.
 */
#ifndef TROUPE_WAITS_H
#define TROUPE_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum wait_what {
  WAIT_SAVE,           /* until what it has saved is durable */
  WAIT_OTHERS,         /* it has run for long: until others have had their turns */
  WAIT_ANSWER,         /* until the actor that it asks has answered: waits_move() */
  WAIT_ANSWERED,       /* it has the answer: until its worker gets round to it */
  WAIT_WHAT_COUNT
};

struct wait {
  TAILQ_ENTRY(wait) link;
  enum wait_what what;
  uint64_t seen;       /* its actor has seen what was committed up to here, its own saves included */
  uint64_t held_batch; /* its drafts may hold records of batches after this one; UINT64_MAX: they hold none */
  int64_t since_ns;    /* by the host's clock: when it was put; a move does not change it */
  bool is_in_line;
};

TAILQ_HEAD(wait_list, wait);

struct waits {
  struct wait_list lines[WAIT_WHAT_COUNT];
  size_t counts[WAIT_WHAT_COUNT];
};

void waits_init(struct waits *waits);

/* "save", "others", "answer", ...: for the trace, and for operators. */
const char *waits_name(enum wait_what what);

/* Puts a wait, whose fields are set, at the end of its line. */
void waits_put(struct waits *waits, struct wait *wait);

/* Puts one that stands in a line at the end of another. */
void waits_move(struct waits *waits, struct wait *wait, enum wait_what what);

/* How many wait for this. */
size_t waits_count(const struct waits *waits, enum wait_what what);

/* When in a step turns that wait for this go on: before new calls, between them, or after them. */
enum wait_place { WAIT_GOES_FIRST, WAIT_GOES_BETWEEN, WAIT_GOES_LAST };
enum wait_place waits_place(enum wait_what what);

/* Brings those that are due to the front of their line; how many these are. */
size_t waits_line_up(struct waits *waits, enum wait_what what, uint64_t durable);

/* Takes the first in line; NULL if there is none. */
struct wait *waits_take(struct waits *waits, enum wait_what what);

/* When an epoch has ended: takes those that cannot come true any more, into a list that is empty. */
void waits_take_lost(struct waits *waits, uint64_t durable, struct wait_list *lost);

/* Whether any is due; whether any is due only when more becomes durable. */
bool waits_are_due(const struct waits *waits, uint64_t durable);
bool waits_want_durable(const struct waits *waits);

/* The last batch before those whose records a wait still holds, if that is less than `batch`; else `batch`. */
uint64_t waits_hold_back(const struct waits *waits, uint64_t batch);

bool waits_is_empty(const struct waits *waits);

#endif
