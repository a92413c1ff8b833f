/* claim.h -- what waits at the hatch for a reply.
 *
 * WHY     A reply comes on a thread of the host. A claim takes it to the door's own thread, and to whatever it is embedded in.
 * ROOM    door. Below: stage.
 * THREAD  The server's. Only its reply's `deliver` runs elsewhere.
 * OWNS    Its reply. It is itself a part of whatever waits.
 * STATES  made (claim_init) -> under way (hatch_begin) -> met: the hatch calls `meet`, and does not know it any more
 */
#ifndef TROUPE_CLAIM_H
#define TROUPE_CLAIM_H

#include "door/h2o_api.h"
#include "stage/outlet.h"
#include "stage/reply.h"

struct claim {
  struct outlet_item outlet_item;
  struct outlet *outlet;               /* the hatch's */
  struct reply reply;                  /* which the claim's request must carry */
  h2o_linklist_t link;                 /* among those under way */
  void (*meet)(struct claim *claim);   /* its reply has come */
};

void claim_init(struct claim *claim, struct outlet *outlet, void (*meet)(struct claim *claim));
void claim_done(struct claim *claim);

static inline struct claim *claim_of(struct outlet_item *item) {
  return H2O_STRUCT_FROM_MEMBER(struct claim, outlet_item, (void *)item);
}

#endif
