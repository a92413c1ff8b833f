/* survey.h -- a question about all of a host, which goes from worker to worker.
 *
 * WHY     Each worker knows its own actors and its own records, and shares neither. So the question comes as a letter, looks at
 *         what is there between two turns, and goes on to the next worker; the last one answers it.
 * ROOM    stage. Below: actor, performance, post. What is asked is a kind: call_list.h, failed_list.h.
 * THREAD  The worker's where it is.
 * OWNS    The request that asks. It is embedded in what its kind finds. If the host ends before it has come to the last worker,
 *         it is freed like any request, without a reply.
 * ALWAYS  1. Workers are seen one after the other: something may have begun or ended meanwhile.
 *         2. What stands on commits that are not durable is not answered before they are: it has `seen` them (gate.h), as an
 *            actor would have.
 */
#ifndef TROUPE_SURVEY_H
#define TROUPE_SURVEY_H

#include "stage/actor.h"
#include "stage/performance.h"
#include "stage/post.h"

/* A worker, as a survey sees it. */
struct survey_place {
  const struct actors *actors;
  const struct performances *performances;
  struct records *records;
  unsigned worker, workers;    /* its number, and how many there are */
  int64_t now_ns;              /* by the host's clock */
};

struct survey;

struct survey_kind {
  /* Adds what one worker has. Not ERR_NONE: the question fails with this, and its failure is set. */
  enum err (*add)(struct survey *survey, const struct survey_place *place, struct failure *failure);

  /* Appends all that was found, in the format of the request; JSON if there is none. As `add`. */
  enum err (*put)(struct survey *survey, struct buf *text, struct failure *failure);

  void (*free)(struct survey *survey);
};

struct survey {
  struct letter letter;
  const struct survey_kind *kind;
  struct request *request;     /* or NULL: for a caller that takes the text itself */
  uint64_t seen, epoch;        /* what it stands on; 0: nothing */
};

/* Makes an embedded survey ready, which takes the request over; request NULL: there is none. */
void survey_init(struct survey *survey, const struct survey_kind *kind, struct request **request);
void survey_free(struct survey *survey);

static inline struct survey *survey_of(struct letter *letter) {
  return (struct survey *)(void *)((uint8_t *)letter - offsetof(struct survey, letter));
}

/* Has come to the last worker: answers its request through that one's gate, and frees itself. */
void survey_end(struct survey *survey, struct performances *performances);

/* Ends before that: with a failure, which is taken over. */
void survey_fail(struct survey *survey, struct failure *failure);

#endif
