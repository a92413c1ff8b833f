/* claim.c -- see claim.h. */
#include "door/claim.h"

/* On a thread of the host. */
static void deliver(struct reply *reply) {
  struct claim *claim = H2O_STRUCT_FROM_MEMBER(struct claim, reply, (void *)reply);
  outlet_post(claim->outlet, &claim->outlet_item);
}

void claim_init(struct claim *claim, struct outlet *outlet, void (*meet)(struct claim *claim)) {
  *claim = (struct claim){ .outlet_item.kind = OUTLET_REPLY, .outlet = outlet, .meet = meet };
  reply_init(&claim->reply, FORMAT_JSON, deliver);
}

void claim_done(struct claim *claim) {
  reply_done(&claim->reply);
}
