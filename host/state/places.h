/* places.h -- where the parts of a state are when a turn ends.
 *
 * WHY     In the middle of a turn a table may be in many places, or in none: scripts swap, move and filter. At its end
 *         each has one place in the state, or it fell out of it. What a turn did is known by the fields that it wrote;
 *         so this costs what was written and not what there is.
 * ROOM    state. Below: part, journal.
 * WORDS   settle.h. A field that a part was stored in is a *claim*. A part is *live* when it is in the state: by its
 *         home, where that still holds it, or by a claim, whose owner is live in its turn.
 */
#ifndef TROUPE_PLACES_H
#define TROUPE_PLACES_H

#include "state/part.h"

/* What settling a turn works with; the numbers are stack indexes of tables. */
struct settling {
  lua_State *L;
  struct vm *vm;
  struct instance *instance;
  struct drafts *drafts;
  struct buf *key; /* of the record in hand */
  int copies;      /* plain table -> the part that is its copy; a part that was away and comes back -> itself */
  int claims;      /* part -> { owner, key, owner, key, ... }: the fields it was stored in */
  int live;        /* part -> true: it is in the state; false: being asked */
  int dirty;       /* node -> { key -> true }: records to be written */
  int dead;        /* part -> true: it fell out of the state */
  int holder;      /* the tracked userdata that holds the root */
};

/* Copies in the plain tables that were stored, gives each part that was stored its one place as its home, and attaches
 * what came into the state. Raises, with both paths, for a table in two places. [-0, +0, v] */
void places_settle(struct settling *s);

bool places_is_holder(struct settling *s, int part);

/* Whether a part is in the state. [-0, +0, v] */
bool places_is_live(struct settling *s, int part);

/* The home of a part, pushed: owner and key; false where it has none, and nothing pushed. [-0, +(0|2), -] */
bool places_push_home(struct settling *s, int part);

/* Appends the path of a field: `state`, and the steps to it. [-0, +0, v] */
void places_put_path(struct settling *s, int owner, int key, struct buf *path);

#endif
