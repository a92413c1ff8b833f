/* steps.h -- what a turn does in Lua.
 *
 * WHY     A turn may call functions of the script in several places, and may wait in each of them. So it is a chain of
 *         steps, each of which goes on with the next.
 * ROOM    script. Below: state, kv, classes, rpc.
 * STATES  load or create -> migrate -> on_start -> admission -> the task -> the end: when nothing of the script runs any
 *         more, the result goes into its buffer, and the changes of the state go into the drafts.
 *         With self:destroy(): the task -> the result goes into its buffer -> on_destroy -> the end.
 */
#ifndef TROUPE_STEPS_H
#define TROUPE_STEPS_H

#include <lua.h>

struct turn;

/* The body of a turn's coroutine. [-n, +0, v] */
int steps_run(lua_State *L);

/* The actor's memory and the drafts now say the same: from here on nothing before is undone. [-0, +0, m] */
void steps_adopt(lua_State *L, struct turn *turn);

/* self:save_state(): ends one commit and begins the next. When it returns, all changes so far are durable; a later error
 * undoes only later ones. Raises if a value cannot be saved, outside a method, and where a call cannot wait.
 * [-1, +0, v] */
int steps_save_state(lua_State *L);

/* self:destroy(): when the call ends well, on_destroy runs, and all of the actor goes with the call's commit. Until then
 * nothing is gone. A second time changes nothing. Raises outside a method. [-1, +0, v] */
int steps_destroy(lua_State *L);

#endif
