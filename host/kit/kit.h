/* kit.h -- the host in a spec's own process: the Lua module troupe_host, on which troupe.test stands.
 *
 * WHY     Specs run the real host, not a likeness: the same rooms, the same steps, run inline in one thread, with
 *         clocks and a disk that the spec holds.
 * ROOM    kit, beside the door: both turn what comes from outside into requests. Here, as in script, lua.h. Below:
 *         stage.
 * THREAD  The spec's.
 * OWNS    The host, its data folder where the spec named none, the calls under way (pending.h).
 * STATES  of a kit: open -> ended (crashed, or a sync failed: pendings are lost) -> open again ... -> closed.
 */
#ifndef TROUPE_KIT_H
#define TROUPE_KIT_H

#include <lauxlib.h>

/* Lua's loader calls it. */
int luaopen_troupe_host(lua_State *L);

#endif
