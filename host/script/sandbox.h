/* sandbox.h -- what scripts see: globals, libraries, modules of the host.
 *
 * WHY     Scripts of one worker share a VM; nothing that one does to a global or a library may reach another, and
 *         nothing leads out.
 * ROOM    script. Below: the lib_ files.
 * ALWAYS  Globals and libraries are read-only. A class file writes its own globals into an environment of its own.
 */
#ifndef TROUPE_SANDBOX_H
#define TROUPE_SANDBOX_H

#include <lua.h>
#include <stdbool.h>

/* Builds all metatables, the globals and the modules of the host. [-0, +0, m] */
void sandbox_build(lua_State *L);

/* Pushes a fresh environment for a file: empty, reading through to the globals. [-0, +1, m] */
void sandbox_push_environment(lua_State *L);

/* Pushes a module of the host: troupe.actor, troupe.json, cjson, cjson.safe. False, and nothing pushed, for other
 * names. [-0, +(0|1), v] */
bool sandbox_push_module(lua_State *L, const char *name);

#endif
