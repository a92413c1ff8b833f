/* lib_os.h -- os and now(): time by the host's clock, and nothing else of the system.
 *
 * WHY     Specs travel in time, and scripts must travel along.
 * ROOM    script.
 */
#ifndef TROUPE_LIB_OS_H
#define TROUPE_LIB_OS_H

#include <lua.h>

/* Pushes the library: time, clock, date, difftime. [-0, +1, m] */
void lib_os_open(lua_State *L);

/* now() -> seconds since 1970 by the wall clock, a float with microseconds in it   [-0, +1, -] */
int lib_os_now(lua_State *L);

#endif
