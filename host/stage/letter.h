/* letter.h -- what comes into a worker's inbox.
 *
 * WHY     Requests, answers and questions come through one queue, so that their order stays.
 * ROOM    stage. Below: base (queue).
 * OWNS    A letter belongs to its receiver, which frees it by its kind.
 */
#ifndef TROUPE_LETTER_H
#define TROUPE_LETTER_H

#include <stddef.h>

#include "base/queue.h"

enum letter_kind {
  LETTER_REQUEST,      /* request.h */
  LETTER_ANSWER,       /* ask.h: what another actor answered */
  LETTER_PROBE,        /* probe.h: a question about who waits for whom */
  LETTER_SURVEY,       /* survey.h: a question about all calls */
  LETTER_PARCEL,       /* parcel.h: messages for actors, or back to their sender */
  LETTER_WORD,         /* word.h: how many messages were applied */
  LETTER_PARTING       /* parting.h: a connection has ended */
};

/* The first member of all that is sent. */
struct letter {
  struct queue_item item;
  enum letter_kind kind;
};

static inline struct letter *letter_of(struct queue_item *item) {
  return (struct letter *)(void *)((uint8_t *)item - offsetof(struct letter, item));
}

#endif
