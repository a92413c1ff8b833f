/* kit.h -- the host in a spec's own process: the Lua module troupe_host, on which troupe.test is built.
 *
 * WHY     Specs run the real host, not a likeness: the same rooms and the same steps, inline in one thread, with a clock and
 *         a disk that the spec controls.
 * ROOM    kit, beside the door: both turn what comes from outside into requests. It may include lua.h, as script does.
 *         Below: stage.
 * THREAD  The spec's.
 * OWNS    The host, its data folder if the spec named none, the calls under way (pending.h).
 * STATES  of a kit: open -> ended (crashed, or a sync failed: pendings are lost) -> open again ... -> closed.
 */
#ifndef TROUPE_KIT_H
#define TROUPE_KIT_H

#include <lauxlib.h>

/* Called by Lua's loader. */
int luaopen_troupe_host(lua_State *L);

#endif
