/* survey.h -- what each call of a host is doing: a question that goes from worker to worker.
 *
 * WHY     A call that does not come back waits for something, perhaps for an actor on another worker. An operator wants to
 *         know for what. Calls must not pay for that with a lock or a list.
 * ROOM    stage. Below: actor, performance, post.
 * THREAD  The worker's where it is; as a letter it goes from the first worker to the last.
 * OWNS    What it has found, and the request that asks. If the host ends before it has come to the last worker, it is freed
 *         like any request, without a reply.
 * ALWAYS  1. It sees each worker between two turns. So it finds the calls that wait, for their turn or in the middle of it; one
 *            that is over and waits for nothing but the disk is not there any more.
 *         2. Workers are seen one after the other: a call may have begun or ended meanwhile.
 *         3. Its cost grows with what there is to tell: actors without a call are not looked at.
 * LIMITS  SURVEY_CALLS_MAX calls, SURVEY_BYTES_MAX bytes of text; beyond that it says that it is cut.
 */
#ifndef TROUPE_SURVEY_H
#define TROUPE_SURVEY_H

#include "stage/actor.h"
#include "stage/performance.h"
#include "stage/post.h"

enum { SURVEY_CALLS_MAX = 10000, SURVEY_BYTES_MAX = 16 * 1024 * 1024 };

struct survey;

/* For a request (REQUEST_CALLS) that it takes over, or NULL: for a caller that takes the text itself. NULL if out of memory;
 * then nothing is taken over. */
struct survey *survey_try_new(struct request **request);
void survey_free(struct survey *survey);

/* As a letter, and back. */
struct letter *survey_letter(struct survey *survey);
struct survey *survey_of(struct letter *letter);

/* Adds what the actors of one worker have. `now_ns`: by the host's clock. */
void survey_add(struct survey *survey, const struct actors *actors, const struct performances *performances, int64_t now_ns);

/* Appends all that was found, as JSON (lua/README.md, "Calls under way"). ERR_MEMORY: it was more than there is memory for. */
enum err survey_put(const struct survey *survey, struct buf *text);

/* Answers its request, and frees it. */
void survey_end(struct survey *survey);

#endif
