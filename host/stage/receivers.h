/* receivers.h -- the actors of a worker for which messages are in the records.
 *
 * WHY     A message that comes must find what is known of its receiver; and those for which something is to be fetched stand in
 *         line for it.
 * ROOM    stage. Below: receiver.
 * THREAD  Its worker's.
 * OWNS    Its entries.
 * STATES  of a receiver: made, when a message comes for it or is found -> in line, to be fetched for -> out of line, with
 *         enough in hand, or with nothing left on the disk, or while it pauses -> ... -> gone, when there is nothing left of it
 */
#ifndef TROUPE_RECEIVERS_H
#define TROUPE_RECEIVERS_H

#include "base/siphash.h"
#include "stage/receiver.h"

TAILQ_HEAD(receiver_list, receiver);

struct receivers {
  struct receiver *by_address; /* hashed by siphash(), since clients choose the addresses */
  struct siphash_key hash_key;
  struct receiver_list line;
  struct receiver_list hungry; /* they would fetch more, but the worker has enough in hand */
  struct deadlines *deadlines;
};

void receivers_init(struct receivers *receivers, struct deadlines *deadlines);
void receivers_done(struct receivers *receivers);      /* nothing is in hand */

size_t receivers_count(const struct receivers *receivers);

/* The receiver of this address; NULL if there is none. */
struct receiver *receivers_find(const struct receivers *receivers, struct slice address);

/* Makes one, of which nothing was fetched from `next` on; NULL if memory runs out. */
struct receiver *receivers_try_add(struct receivers *receivers, struct slice address, struct mail_place next);

/* Takes it away if there is nothing left of it. */
void receivers_tidy(struct receivers *receivers, struct receiver *receiver);

/* Puts it in line, if it has something to be fetched and does not pause; and out of line. */
void receivers_line_up(struct receivers *receivers, struct receiver *receiver);
void receivers_step_aside(struct receivers *receivers, struct receiver *receiver, bool hungry);

/* There is room again: the hungry ones stand in line. */
void receivers_feed(struct receivers *receivers);

#endif
