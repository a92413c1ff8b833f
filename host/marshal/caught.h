/* caught.h -- turns what Lua raised into a failure, and raises that failure again.
 *
 * WHY     Everything that a script or the host raises leaves Lua in one form; and one actor's error arrives in another just
 *         as it was made.
 * ROOM    marshal. Below: raise, lua_value, fit.
 * ALWAYS  The only code of a script that describing an error runs is a `__tostring`, under protection and under the limits of
 *         the call.
 */
#ifndef TROUPE_CAUGHT_H
#define TROUPE_CAUGHT_H

#include <lua.h>

#include "base/failure.h"

/* Makes the metatables of error objects. [-0, +0, m] */
void caught_build(lua_State *L);

/* Raises what a failure says. A UserError is raised as it was made, with code and metadata. [-0, +0, v] */
int caught_raise(lua_State *L, const struct failure *failure);

/* UserError(message [, { code = string, metadata = value }]) -> error object   [-0, +1, v] */
int caught_user_error(lua_State *L);

/* Sets the failure from the error object on top of the stack and the status of the protected call that caught it.
 * Raises nothing; leaves the stack as it was. */
void caught_describe(lua_State *L, int status, struct failure *failure);

#endif
