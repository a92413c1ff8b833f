/* holder.h -- the part above the root of a state, while a turn needs one.
 *
 * WHY     Like every other part, the root is stored in a field: the one field of node 0. So it is loaded, replaced, undone
 *         and settled like the others. Above an idle state such a part would only take up memory.
 * ROOM    state. Below: part.
 * OWNS    The holders that no turn has: the VM keeps some.
 * STATES  of the slot SELF_STATE: the root or nil -> the holder -> the root or nil.
 *         -> the holder           holder_push()
 *         -> the root             holder_release(), when the turn is done, saves or has been undone
 * ALWAYS  The home of the root is the holder, and the root has none while no turn needs a holder.
 */
#ifndef TROUPE_HOLDER_H
#define TROUPE_HOLDER_H

#include "state/part.h"

/* Makes the list of holders that no turn has. [-0, +0, m] */
void holder_build(lua_State *L);

/* Pushes the actor's holder. The first push of a turn takes one. [-0, +1, m] */
void holder_push(lua_State *L, struct instance *instance);

/* Pushes the root of the state, or nil if there is none yet. [-0, +1, -] */
void holder_push_root(lua_State *L, const struct instance *instance);

/* Gives the holder back, if there is one. By then no journal or note may mention it. [-0, +0, -] */
void holder_release(lua_State *L, struct instance *instance);

#endif
