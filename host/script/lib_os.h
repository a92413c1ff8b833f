/* lib_os.h -- os: time by the host's clock, and nothing else of the system.
 *
 * WHY     Specs travel in time, and scripts must travel along.
 * ROOM    script.
 */
#ifndef TROUPE_LIB_OS_H
#define TROUPE_LIB_OS_H

#include <lua.h>

/* Pushes the library: time, clock, date, difftime. [-0, +1, m] */
void lib_os_open(lua_State *L);

#endif
