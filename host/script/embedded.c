/* embedded.c -- see embedded.h. The assembler includes the files; the Makefile knows which. */
#include "script/embedded.h"

#define EMBED(symbol, path)                                                                         \
  __asm__(".section .rodata\n"                                                                      \
          ".global " #symbol "_begin\n.global " #symbol "_end\n"                                    \
          #symbol "_begin:\n.incbin \"" path "\"\n" #symbol "_end:\n.byte 0\n.previous\n");          \
  extern const uint8_t symbol##_begin[] __attribute__((visibility("hidden")));                      \
  extern const uint8_t symbol##_end[] __attribute__((visibility("hidden")))

EMBED(troupe_actor_lua, "lua/troupe/actor.lua");

struct slice embedded_actor(void) {
  return slice_of(troupe_actor_lua_begin, (size_t)(troupe_actor_lua_end - troupe_actor_lua_begin));
}
