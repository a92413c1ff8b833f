/* schedule_list.h -- self.schedule:list().
 *
 * WHY     What an actor still wants to do, and what it could not do, in the order in which it will. There may be very many, so
 *         reading them pauses.
 * ROOM    schedule. Below: schedule, the ledger's view.
 * OWNS    Nothing.
 */
#ifndef TROUPE_SCHEDULE_LIST_H
#define TROUPE_SCHEDULE_LIST_H

#include <lua.h>

/* The object of schedules is at 1, and was checked. Returns an array of entries. [-0, +1, v] */
int schedule_list(lua_State *L);

#endif
