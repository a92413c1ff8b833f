/* call_list.h -- what each call of a host is doing.
 *
 * WHY     A call that does not come back waits for something, perhaps for an actor on another worker. An operator wants to
 *         know for what. Calls must not pay for that with a lock or a list.
 * ROOM    stage. Below: survey, actor, performance.
 * THREAD  As a survey.
 * OWNS    What it has found.
 * ALWAYS  1. It finds the calls that wait, for their turn or in the middle of it; one that is over and waits for nothing but
 *            the disk is not there any more.
 *         2. Its cost grows with what there is to tell: actors without a call are not looked at.
 * LIMITS  CALL_LIST_MAX calls, CALL_LIST_BYTES_MAX bytes of text; beyond that it says that it is cut.
 */
#ifndef TROUPE_CALL_LIST_H
#define TROUPE_CALL_LIST_H

#include "stage/survey.h"

enum { CALL_LIST_MAX = 10000, CALL_LIST_BYTES_MAX = 16 * 1024 * 1024 };

/* For a request (REQUEST_CALLS) that it takes over, or NULL: for a caller that takes the text itself, JSON as
 * lua/README.md has it ("Calls under way"). NULL if out of memory; then nothing is taken over. */
struct survey *call_list_try_new(struct request **request);

#endif
