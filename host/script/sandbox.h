/* sandbox.h -- what scripts see: globals, libraries, modules of the host.
 *
 * WHY     The scripts of one worker share a VM. Whatever one does to a global or a library must not reach another, and
 *         nothing may lead out.
 * ROOM    script. Below: the lib_ files.
 * ALWAYS  Globals and libraries are read-only. A class file writes its own globals into an environment of its own.
 */
#ifndef TROUPE_SANDBOX_H
#define TROUPE_SANDBOX_H

#include <lua.h>
#include <stdbool.h>

/* Builds all metatables, the globals and the modules of the host. [-0, +0, m] */
void sandbox_build(lua_State *L);

#endif
