/* mail.h -- the messages for a worker's actors, as they lie in the records.
 *
 * WHY     Messages may be many, and their receivers slow. So they wait on the disk, and are fetched in pieces: in one way,
 *         whether they have just come or were left by an earlier life of the host.
 * ROOM    stage. Below: arrivals, parcel.
 * THREAD  Its worker's.
 * OWNS    The arrivals and receivers.
 * STATES  of a message: taken in (mail_take()), or found as all shards are looked at after a start -> fetched (arrivals.h)
 * ALWAYS  1. Messages of one sender for one receiver are applied in the order in which they were sent. One that fails holds
 *            back only those of its sender.
 *         2. A fetch begins behind what was fetched before: what was taken away lies there until the next checkpoint. Only what
 *            came in before that place, or was put off, is looked for again.
 * LIMITS  MAIL_STEPS records are passed a step.
 */
#ifndef TROUPE_MAIL_H
#define TROUPE_MAIL_H

#include "stage/arrivals.h"
#include "stage/parcel.h"

enum { MAIL_STEPS = 1000 };

struct mail;

struct mail *mail_new(const struct arrivals_config *config);

/* Nothing may be in hand: the actors and performances are gone. */
void mail_free(struct mail *mail);

/* Before the first step, once the committer is known. */
void mail_begin(struct mail *mail);

/* Takes in a parcel that is durable. Takes it over. */
void mail_take(struct mail *mail, struct parcel *parcel);

/* A message for the actor of this address has come among this worker's records, at this place: it came in a parcel, or an
 * operator has begun it anew. */
void mail_note(struct mail *mail, struct slice address, struct mail_place place);

/* Fetches some of what there is; sends word of what is applied. Returns whether it did anything. `stopping`: nothing is fetched
 * any more. */
bool mail_step(struct mail *mail, bool stopping);

/* Whether it waits for more to become durable, and whether it has what it waits for. */
bool mail_wants_durable(const struct mail *mail);
bool mail_is_due(const struct mail *mail);

/* When an epoch has ended, and the turns that were lost with it have: what was applied in it is to be applied anew. */
void mail_hear_lost(struct mail *mail);

/* What the wake-ups tell of TIMELINE_MAIL (struct wakes_config). */
bool mail_tell(struct mail *mail, const struct wake *wake);

#endif
