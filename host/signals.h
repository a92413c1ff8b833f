/* signals.h -- what a host makes of the signals that people, shells and supervisors send.
 *
 * WHY     Most signals end a program on the spot by default, and then no on_stop runs. So each has a meaning here, except for
 *         those that tell of a fault in the program itself, and those by which a shell holds it.
 * ROOM    main.
 * THREAD  The main thread. Others begin with signals held, or are begun behind it.
 * STATES  starting (signals_begin()): what asks to stop ends the program at once, with status 0. Nobody was served yet, and
 *         the next start goes over what this one leaves half done, as after a crash.
 *         SIGHUP waits: its sender has changed files, some of which may have been read already.
 *         -> serving (signals_hold()): each waits for signals_wait(). SIGHUP loads the classes anew, unless it
 *         comes from a terminal that has gone: that asks to stop, if it was not ignored when the host was started.
 *         -> stopping (signals_wait() has returned): SIGTERM, SIGINT and SIGQUIT end the program at once, with status 1: its
 *         sender has no patience left, and everything that was answered is durable anyway. The others have no effect, since a
 *         supervisor may send SIGHUP right behind SIGTERM, and a terminal that is closed sends it twice.
 */
#ifndef TROUPE_SIGNALS_H
#define TROUPE_SIGNALS_H

#include "base/logger.h"

/* For all commands: a write that cannot be made returns an error, and does not send a signal. */
void signals_ignore(int number);

void signals_begin(void);

/* Between these two, signals wait. A thread that is begun there leaves them to the main thread. */
void signals_hold(void);
void signals_release(void);

/* Waits for a signal that asks to stop, and returns its name, "SIGTERM". Until then it calls `reload` at each SIGHUP that
 * asks for one. A signal that means nothing here is a line in the log. */
const char *signals_wait(const struct logger *logger, void (*reload)(void *context), void *context);

#endif
