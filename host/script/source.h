/* source.h -- the text of one Lua file.
 *
 * WHY     People save files with what editors and shells put into them, and a folder may hold anything. What is no text of
 *         Lua is refused by a name.
 * ROOM    script. Below: vm, sandbox.
 * ALWAYS  Only regular files inside the folder of actors are read, whatever links say.
 */
#ifndef TROUPE_SOURCE_H
#define TROUPE_SOURCE_H

#include <lua.h>

/* Pushes the chunk of the file at `path`, with a fresh environment. As lua5.4 does, it skips a byte order mark and a first
 * line that begins with #. Raises with the file, the line and the reason. [-0, +1, v] */
void source_push_chunk(lua_State *L, const char *path);

#endif
