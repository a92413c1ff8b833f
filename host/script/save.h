/* save.h -- saving in the middle of a call.
 *
 * WHY     A long call wants to keep what it has so far. It belongs to who runs the call, turn.c.
 * ROOM    script.
 */
#ifndef TROUPE_SAVE_H
#define TROUPE_SAVE_H

#include <lua.h>

/* self:save_state(): ends one commit and begins the next. What changed so far is durable when it returns; a later error
 * undoes only what
 * came after it. Raises for what cannot be saved, and outside a method's own coroutine.   [-1, +0, v] */
int save_state(lua_State *L);

#endif
