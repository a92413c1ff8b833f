/* steps.h -- what a turn does in Lua.
 *
 * WHY     A turn may call functions of the script at several places, and may wait in each of them: so it is a chain of
 *         steps, each of which goes on with the next.
 * ROOM    script. Below: state, kv, classes, rpc.
 * STATES  load or create -> migrate -> on_start -> admission -> the task -> the end: when nothing of the script runs any
 *         more, the result goes into its buffer and what changed in the state into the drafts.
 */
#ifndef TROUPE_STEPS_H
#define TROUPE_STEPS_H

#include <lua.h>

struct turn;

/* The body of a turn's coroutine. [-n, +0, v] */
int steps_run(lua_State *L);

/* From here on the actor's memory is what the drafts say. [-0, +0, m] */
void steps_adopt(lua_State *L, struct turn *turn);

/* self:save_state(): ends one commit and begins the next. What changed so far is durable when it returns; a later error
 * undoes only what came after it. Raises for what cannot be saved, outside a method, and where a call cannot wait.
 * [-1, +0, v] */
int steps_save_state(lua_State *L);

#endif
