/* existence.h -- whether an actor exists, and the records that say so.
 *
 * WHY     An address becomes an actor with its first call that ends well. From then on it has an id, under which all of its
 *         records stand, until it is destroyed.
 * ROOM    stage. Below: actor, records.
 * THREAD  Its worker's.
 * OWNS    Nothing.
 */
#ifndef TROUPE_EXISTENCE_H
#define TROUPE_EXISTENCE_H

#include "stage/actor.h"
#include "stage/records.h"

/* Learns whether the actor exists, and its id, unless that is known. ERR_STORAGE or ERR_MEMORY: it cannot be learnt now. */
enum err existence_learn(struct records *records, struct drafts *drafts, struct actor *actor);

/* Drafts the records that make an actor exist: its place in the index, and its class and key. False if memory runs out. */
bool existence_try_draft(struct drafts *drafts, const struct actor *actor);

/* Drafts the end of an actor: the delete of all that stands under its id, what a turn has drafted there included, and of its
 * place in the index. It is of the same size for every actor. False if memory runs out. */
bool existence_try_draft_end(struct drafts *drafts, const struct actor *actor);

#endif
