/* lib_log.h -- self.log and print: what scripts write into the host's log.
 *
 * WHY     A script's lines stand among the host's own, and say which actor wrote them.
 * ROOM    script.
 */
#ifndef TROUPE_LIB_LOG_H
#define TROUPE_LIB_LOG_H

#include <lua.h>

/* Makes the object that self.log is. [-0, +0, m] */
void lib_log_build(lua_State *L);

/* print(...): a line at level info   [-0, +0, v] */
int lib_log_print(lua_State *L);

#endif
