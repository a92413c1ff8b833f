/* pause.h -- long work in the middle of a call lets other actors have their turns.
 *
 * WHY     A worker runs one turn at a time. What goes over many records, of a kv or a state, pauses now and then, and goes on where it was.
 * ROOM    script. It belongs to who runs the call, turn.c.
 * ALWAYS  What is needed after a pause is on the Lua stack or in a userdata: the working buffers of the VM and every
 *         scan belong to other turns meanwhile.
 */
#ifndef TROUPE_PAUSE_H
#define TROUPE_PAUSE_H

#include <lua.h>
#include <stdbool.h>

/* Whether this stay in Lua has lasted so long that others should have their turn (vm_config.pause_ms). To be asked once
 * a record: it reads the clock at every 64th. False where a call cannot pause: in a coroutine of the script, in a
 * function that a sort or a gsub calls, in on_stop. */
bool turn_is_due(lua_State *L);

/* Pauses: to be returned by a C function, which goes on as `function` with `context`, its stack as it was. [-0, +0, v] */
int turn_pause(lua_State *L, lua_KContext context, lua_KFunction function);

#endif
