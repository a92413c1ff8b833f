/* places.h -- where the parts of a state are when a turn ends.
 *
 * WHY     In the middle of a turn a table may be in many places, or in none: scripts swap, move and filter. At the end each
 *         has one place in the state, or has fallen out of it. The fields that a turn wrote say what it did, so finding out
 *         costs as much as was written, not as much as there is.
 * ROOM    state. Below: part, journal.
 * WORDS   settle.h. A field that a part was stored in during the turn is a *claim*. A part is *live* if it is in the state:
 *         its home or a claim still holds it, and the owner of that field is live too.
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
  int copies;      /* plain table -> the part that is its copy; a part that was detached and comes back -> itself */
  int claims;      /* part -> { owner, key, owner, key, ... }: the fields that it was stored in */
  int live;        /* part -> true: it is in the state; false: about to be found out */
  int dirty;       /* node -> { key -> true }: records to write */
  int dead;        /* part -> true: it fell out of the state */
  int holder;      /* the tracked userdata that holds the root */
};

/* Makes parts of the plain tables that were stored, makes the one place of each stored part its home, and attaches what came
 * into the state. Raises, with both paths, for a table in two places. [-0, +0, v] */
void places_settle(struct settling *s);

bool places_is_holder(struct settling *s, int part);

/* Whether a part is in the state. [-0, +0, v] */
bool places_is_live(struct settling *s, int part);

/* Pushes the home of a part: owner and key. If it has none: false, and nothing pushed. [-0, +(0|2), -] */
bool places_push_home(struct settling *s, int part);

/* Appends the path of a field: `state` and the steps to it. [-0, +0, v] */
void places_put_path(struct settling *s, int owner, int key, struct buf *path);

#endif
