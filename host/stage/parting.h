/* parting.h -- a connection has ended, at its door.
 *
 * WHY     The worker of its actor must hear of it, even where memory has run out. So the letter is made before the connection
 *         is opened.
 * ROOM    stage. Below: letter.
 * THREAD  Its door's; then its worker's.
 * OWNS    Nothing but itself: it is a block of memory, its door's until host_part(), then its worker's.
 * ALWAYS  A door sends one for each connection whose request (REQUEST_CONNECT) was answered without a failure, once no call of
 *         it can come any more. For others it frees the letter.
 */
#ifndef TROUPE_PARTING_H
#define TROUPE_PARTING_H

#include "stage/letter.h"

struct parting {
  struct letter letter;
  unsigned worker;             /* set by host_submit(), of the request that bears it */
  uint64_t connection_id;      /* as `worker` */
};

struct parting *parting_try_new(void);
void parting_free(struct parting *parting);

static inline struct parting *parting_of(struct letter *letter) {
  return (struct parting *)(void *)((uint8_t *)letter - offsetof(struct parting, letter));
}

#endif
