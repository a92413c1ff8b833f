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

struct vm;

/* What scripts know the file at `path` by, a path below the folder of actors, and so what they may put into an error or a
 * result: without --dev nothing of where the server keeps it. */
const char *source_name(const struct vm *vm, const char *path);

/* Pushes the chunk of the file at `path`, with a fresh environment. As lua5.4 does, it skips a byte order mark and a first
 * line that begins with #. Raises with the file, the line and the reason. [-0, +1, v] */
void source_push_chunk(lua_State *L, const char *path);

#endif
