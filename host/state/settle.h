/* settle.h -- turns what a turn changed in a state into records.
 *
 * WHY     Saving one field costs the same in a small and in a large state: only the record that holds it is written.
 * ROOM    state. Below: part, journal, walk, lua_value.
 * WORDS   A *node* is a table with records of its own, one for each field, under its node id. Any other table is *inline*:
 *         it is inside the value of the field that leads to it. The root of a state is the one field of node 0.
 *         A part's *place* is the field that holds it; its *home* is the place that it had when the last turn was settled.
 * BYTES   Records of an actor in space `s`. Of a field: node id u64 and the field's name as a key of one part
 *         (codec/key.h); the value as codec/value.h says, a node in it as a reference. Of a node itself: node id u64; an
 *         array of two: whether the node is a marked sequence, and a map of those fields whose names are too long for the
 *         key of a record.
 * STATES  of a table in a state:
 *         inline -> node    promote(), when the record that it is in would grow past STATE_INLINE_BYTES_MAX
 *         node -> inline    demote(), when only a few small fields are left in it
 *         either -> buried  bury(), when no place in the state holds it any more: its records go
 * ALWAYS  1. The records of an actor are exactly those of its state: none is left behind.
 *         2. Each part in the state has one place.
 *         3. What settling changes in parts is noted, so that a turn that fails afterwards puts it back (part.h).
 * ERRORS  A table in two places or within itself, and a value that cannot be saved, are plain errors of the script, with
 *         their paths.
 */
#ifndef TROUPE_SETTLE_H
#define TROUPE_SETTLE_H

#include "state/self.h"

/* If the state changed in this turn, makes parts of the plain tables that were stored, and puts the records that changed into
 * the turn's drafts. [-0, +0, v] */
void settle(lua_State *L, struct instance *instance);

#endif
