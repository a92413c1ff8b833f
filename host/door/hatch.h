/* hatch.h -- through which requests go to the host, and through which all that the host has for this door comes back.
 *
 * WHY     Answers, events and ends of connections come from the host's threads, and a client hears them in the order in which
 *         they were posted (stage/outlet.h). So there is one queue a door, whatever an item is.
 * ROOM    door. Below: stage.
 * THREAD  The server's. Only `outlet.post` and hatch_ring() are called by the host's threads.
 * OWNS    What waits in its queue. A claim is its maker's, also while its request is under way (claim.h).
 * STATES  open (hatch_open) -> attached to a loop, which takes what arrives -> detached: what still arrives waits -> closed
 * ALWAYS  1. What was posted first is taken first: claims are met, and notices told, in that order.
 *         2. Each claim that has begun is met, once: by its reply or by hatch_abandon().
 */
#ifndef TROUPE_HATCH_H
#define TROUPE_HATCH_H

#include <stdatomic.h>

#include "door/claim.h"
#include "stage/host.h"
#include "stage/notice.h"

struct hatch {
  struct outlet outlet;                /* where the host posts */
  struct host *host;
  struct queue *arrived;               /* what was posted, and not taken yet */
  h2o_multithread_receiver_t receiver;
  h2o_multithread_message_t bell;      /* on its way to the server's thread while `is_rung` */
  atomic_bool is_rung, has_arrived;
  unsigned submitted;                  /* since the host was last rung */
  h2o_linklist_t under_way;
  atomic_size_t count;                 /* of claims under way; any thread may read it */
  void (*tell)(void *context, const struct notice *notice);
  void *context;
};

/* `tell` is called for each notice. */
void hatch_open(struct hatch *hatch, struct host *host, void (*tell)(void *context, const struct notice *notice),
                void *context);

/* Only when the host posts nothing any more. Notices that were not taken are dropped. */
void hatch_close(struct hatch *hatch);

/* Only when nothing is under way, and hatch_ring() is not called any more, the hatch is detached. The host may still post: its
 * actors tell events until they sleep. */
void hatch_attach(struct hatch *hatch, h2o_multithread_queue_t *queue);
void hatch_detach(struct hatch *hatch, h2o_multithread_queue_t *queue);

/* Meets all claims under way: their replies will never come. */
void hatch_abandon(struct hatch *hatch);

/* Submits the request, which carries the claim's reply, and takes it over. The host may hear of it as late as the next
 * hatch_submit(). */
void hatch_begin(struct hatch *hatch, struct claim *claim, struct request **request);

/* Tells the host that a connection has ended (stage/parting.h), and takes the letter over. The same holds. */
void hatch_part(struct hatch *hatch, struct parting **parting);

void hatch_submit(struct hatch *hatch);

/* Wakes the server's thread if something was posted. From any thread, while the hatch is attached. */
void hatch_ring(struct hatch *hatch);

#endif
