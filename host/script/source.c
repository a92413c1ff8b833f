/* source.c -- see source.h. */
#include "script/source.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/disk.h"
#include "vm/library.h"
#include "vm/lua_vm.h"

enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

const char *source_name(const struct vm *vm, const char *path) {
  return vm->config.dev ? path : path + strlen(vm->config.actors_path) + 1;
}

/* Follows a path through its links to a place in the folder of actors. [-0, +0, v] */
static void check_inside(lua_State *L, const char *path, char real_path[PATH_MAX]) {
  char real_folder[PATH_MAX];
  const char *name = source_name(vm_of(L), path);
  if (realpath(vm_of(L)->config.actors_path, real_folder) == NULL || realpath(path, real_path) == NULL) {
    luaL_error(L, "%s: %s", name, strerror(errno));
  }
  size_t size = strlen(real_folder);
  bool inside = strncmp(real_folder, real_path, size) == 0 && real_path[size] == '/';
  if (!inside) luaL_error(L, "%s: lies outside the folder of actors", name);
}

/* The bytes of a file, all that is in `into` then. [-0, +0, v] */
static struct slice read_file(lua_State *L, const char *path, struct buf *into) {
  const char *name = source_name(vm_of(L), path);
  char real_path[PATH_MAX];
  check_inside(L, path, real_path);
  buf_clear(into);
  int error = disk_read_file(real_path, FILE_BYTES_MAX, into);
  if (error == EINVAL) luaL_error(L, "%s: is not a regular file", name);
  if (error == EFBIG) luaL_error(L, "%s: is larger than %d bytes, the most that a Lua file may have", name, FILE_BYTES_MAX);
  if (error != 0) luaL_error(L, "%s: %s", name, strerror(error));
  return buf_slice(into);
}

static bool begins_with(struct slice bytes, const char *mark) {
  size_t size = strlen(mark);
  return bytes.size >= size && memcmp(bytes.data, mark, size) == 0;
}

/* Keeps the end of the first line, so that lines keep their numbers. */
static struct slice skip_head(struct slice text) {
  if (begins_with(text, "\xef\xbb\xbf")) text = slice_after(text, 3);
  if (!begins_with(text, "#")) return text;
  const uint8_t *end = memchr(text.data, '\n', text.size);
  return end == NULL ? slice_of("", 0) : slice_after(text, (size_t)(end - text.data));
}

void source_push_chunk(lua_State *L, const char *path) {
  struct slice text = skip_head(read_file(L, path, &vm_of(L)->value));
  const char *name = source_name(vm_of(L), path);
  if (begins_with(text, "\xff\xfe") || begins_with(text, "\xfe\xff")) {
    luaL_error(L, "%s: is written in UTF-16; save it as UTF-8", name);
  }
  if (begins_with(text, "\x1b") || begins_with(text, "\n\x1b")) {
    luaL_error(L, "%s: is compiled; only the text of a Lua file is loaded", name);
  }
  lua_pushfstring(L, "@%s", name);                                   /* name */
  if (luaL_loadbufferx(L, (const char *)text.data, text.size, lua_tostring(L, -1), "t") != LUA_OK) lua_error(L);
  lua_replace(L, -2);                                                /* chunk */
  library_push_environment(L);                                       /* chunk env */
  if (lua_setupvalue(L, -2, 1) == NULL) lua_pop(L, 1);               /* chunk */
}
