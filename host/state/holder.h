/* holder.h -- the part above the root of a state, while a turn needs one.
 *
 * WHY     The root is stored in a field as each other part is, in that of node 0: so it is read in, replaced, undone and
 *         settled like them. Above an idle state such a part would only take room.
 * ROOM    state. Below: part.
 * OWNS    The holders that no turn has: the VM keeps some.
 * STATES  of the slot SELF_STATE: the root or nil -> the holder -> the root or nil.
 *         -> the holder           holder_push()
 *         -> the root             holder_release(), when the turn is done, saves or was undone
 * ALWAYS  The root has the holder as its home while there is one, and none else.
 */
#ifndef TROUPE_HOLDER_H
#define TROUPE_HOLDER_H

#include "state/part.h"

/* Makes the list of holders that no turn has. [-0, +0, m] */
void holder_build(lua_State *L);

/* Pushes the actor's holder, which comes with the first push of a turn. [-0, +1, m] */
void holder_push(lua_State *L, struct instance *instance);

/* Pushes the root of the state, or nil where there is none so far. [-0, +1, -] */
void holder_push_root(lua_State *L, const struct instance *instance);

/* Gives the holder back, if there is one. Nothing is noted of it any more. [-0, +0, -] */
void holder_release(lua_State *L, struct instance *instance);

#endif
