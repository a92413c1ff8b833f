/* wait.h -- the one way to leave Lua in the middle of a call.
 *
 * WHY     A call waits for the host where the script stands, at any depth of the script's coroutines, and nothing but the
 *         host can go on with it.
 * ROOM    vm. Below: lua_vm.
 * STATES  wait_yield() puts a mark on the coroutine that waits and leaves it. The one that resumed it passes the wait on
 *         (wait_pass()), with a mark too, up to the coroutine of the turn, and the stay in Lua ends. When the host goes on,
 *         each takes the mark off (wait_end()) and resumes the next one within, until the innermost goes on.
 * ALWAYS  1. A coroutine that waits for the host has its mark on top, and no script sees the mark: what would resume or
 *            close such a coroutine asks wait_of() first.
 *         2. From wait_yield() on nothing can fail before the stay ends.
 */
#ifndef TROUPE_WAIT_H
#define TROUPE_WAIT_H

#include <lua.h>
#include <stdbool.h>

#include "vm/turn_status.h"

/* Whether a call can wait here: in a turn but that of on_stop, and not within a function that C calls, such as that of a
 * sort or a gsub, in whatever coroutine that is. */
bool wait_is_possible(lua_State *L);

/* Raises if it cannot. `what` would wait, and is named: "save_state". [-0, +0, v] */
void wait_check(lua_State *L, const char *what);

/* Leaves Lua, and the stay ends as `how`: TURN_SAVING, TURN_PAUSED or TURN_ASKS. To be returned by a C function, which
 * goes on as `function` with `context`, its stack as it was. It must be possible, and one slot of the stack be free:
 * then it does not fail. [-0, +0, -] */
int wait_yield(lua_State *L, enum turn_status how, lua_KContext context, lua_KFunction function);

/* How a coroutine waits for the host; TURN_DONE: it does not. */
enum turn_status wait_of(lua_State *co);

/* wait_yield() in L for the sake of a coroutine that came back with a wait: its resumer waits as it does. */
int wait_pass(lua_State *L, lua_State *co, lua_KContext context, lua_KFunction function);

/* Takes the mark off, for the host to resume the coroutine without values. */
void wait_end(lua_State *co);

#endif
