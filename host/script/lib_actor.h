/* lib_actor.h -- self:actor.
 *
 * WHY     An actor names another by class and key, once; what it gets is a value (marshal/handle.h) through which it calls
 *         (lib_handle.h).
 * ROOM    script. Below: classes, handle, lua_key.
 * OWNS    Nothing.
 */
#ifndef TROUPE_LIB_ACTOR_H
#define TROUPE_LIB_ACTOR_H

#include "vm/raise.h"

/* self:actor(class, key [, options]) -> handle; raises class_not_found, invalid_key   [-0, +1, v] */
int lib_actor_make(lua_State *L);

#endif
