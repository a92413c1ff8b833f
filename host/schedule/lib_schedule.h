/* lib_schedule.h -- self.schedule: what an actor wants to do later.
 *
 * WHY     Without time an actor acts only when somebody comes. What it sets here is saved with the call that sets it, and runs
 *         once for good.
 * ROOM    schedule. Below: schedule, schedule_list, cron, arguments.
 * OWNS    Nothing: what it writes are drafts of the turn.
 * LIMITS  schedules, value_bytes; commit_bytes is checked before each write, and when the turn ends.
 */
#ifndef TROUPE_LIB_SCHEDULE_H
#define TROUPE_LIB_SCHEDULE_H

#include <lua.h>

/* Makes the metatable of schedules. `check_method` raises unless the actor whose turn it is has a method of the name on
 * top of the stack that a schedule may call, [-0, +0, v]: only the room above knows classes. [-0, +0, m] */
void lib_schedule_build(lua_State *L, lua_CFunction check_method);

/* Pushes a new object of the actor whose turn it is. [-0, +1, m] */
void lib_schedule_push_new(lua_State *L);

#endif
