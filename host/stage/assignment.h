/* assignment.h -- what a request asks of a turn.
 *
 * WHY     A turn is told what to do, for whom and with what; all of that stands in its request.
 * ROOM    stage. Below: errand, request, script (turn).
 * OWNS    Nothing: the slices of the turn are the request's, which must outlive it.
 */
#ifndef TROUPE_ASSIGNMENT_H
#define TROUPE_ASSIGNMENT_H

#include "stage/errand.h"

/* Tells a turn, which is all zero, what to do. */
void assignment_give(const struct request *request, struct turn *turn);

#endif
