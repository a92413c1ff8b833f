/* report.h -- what is said of a call: to the log, and to its caller if it failed.
 *
 * WHY     An operator wants to know all of it; a client must not learn how a script is made.
 * ROOM    stage. Below: actor, reply, script (turn).
 * OWNS    Nothing.
 */
#ifndef TROUPE_REPORT_H
#define TROUPE_REPORT_H

#include "script/turn.h"
#include "stage/actor.h"

/* The one line that a failed or stopped call leaves in the log. */
void report_log(const struct logger *logger, const struct actor *actor, const struct turn *turn, struct slice method);

/* The line of an actor that an operator has destroyed. */
void report_destroyed(const struct logger *logger, const struct actor *actor, const struct turn *turn);

/* The line of a message or a schedule that is given up: `what` says which of both. `detail` names it further. */
void report_given_up(const struct logger *logger, const char *what, struct slice class_name, struct slice key,
                     struct slice method, struct log_field detail, uint64_t call_id, struct slice error);

/* What the caller hears of a failure. Of a mistake in a script it hears only that there was one, unless it is an operator or
 * the host runs with --dev. */
void report_tell(bool dev, struct turn *turn, struct reply *reply);

#endif
