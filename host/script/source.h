/* source.h -- the text of one Lua file.
 *
 * WHY     Editors and shells put all sorts of things into files, and a folder may hold anything. A file that is not Lua text
 *         is refused, by its name.
 * ROOM    script. Below: vm, sandbox.
 * ALWAYS  Only regular files inside the folder of actors are read, wherever links may lead.
 */
#ifndef TROUPE_SOURCE_H
#define TROUPE_SOURCE_H

#include <lua.h>

struct vm;

/* The name by which scripts know the file at `path`, which is below the folder of actors. Scripts may put it into an error
 * or a result, so without --dev it does not show where the server keeps that folder. */
const char *source_name(const struct vm *vm, const char *path);

/* Pushes the chunk of the file at `path`, with a fresh environment. Like lua5.4, it skips a byte order mark and a first line
 * that begins with #. An error names the file, the line and the reason. [-0, +1, v] */
void source_push_chunk(lua_State *L, const char *path);

#endif
