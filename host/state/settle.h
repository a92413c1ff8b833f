/* settle.h -- what a turn changed in a state, as records.
 *
 * WHY     Saving one field costs the same in a small and a large state: only the record that it falls into is written.
 * ROOM    state. Below: part, journal, walk, lua_value.
 * WORDS   A *node* is a table that has records of its own, one a field, under its node id. Any other table is *inline*:
 *         it stands inside the value of the field that it is reached by. The root of a state is the one field of node
 *         0.
 *         A part's *place* is the field that holds it; its *home* is the place that it had when the last turn was
 *           settled.
 * BYTES   Records of an actor in space `s`. Of a field: node id u64 and the field's name as a key of one part
 *         (codec/key.h); the value as codec/value.h says, a node in it as a reference. Of a node itself: node id u64;
 *         an array of whether it is a marked sequence, and a map of the fields whose names are longer
 *         than a key of a record may be.
 * STATES  of a table in a state: inline -> node    promote(), when the record that it is in would grow past
 *         STATE_INLINE_BYTES_MAX
 *                                node -> inline    demote(), when it has a few fields left and they are small
 *                                either -> buried  bury(), when no place in the state holds it any more: its records go
 * ALWAYS  1. The records of an actor are exactly those of its state: none is left behind.
 *         2. Each part in the state has one place.
 *         3. What settling changes in parts is noted, so that a turn that fails afterwards puts it back (part.h).
 * ERRORS  A table in two places, or within itself; what cannot be saved; with their paths, as plain errors of the
 *         script.
 */
#ifndef TROUPE_SETTLE_H
#define TROUPE_SETTLE_H

#include "state/self.h"

/* Where the state changed in this turn: copies in the plain tables that were stored, and puts the records that changed
 * into the turn's drafts. [-0, +0, v] */
void settle(lua_State *L, struct instance *instance);

#endif
