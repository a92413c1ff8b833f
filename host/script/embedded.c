/* embedded.c -- see embedded.h. */
#include "script/embedded.h"

#include "base/embed.h"

EMBED(troupe_actor_lua, "lua/troupe/actor.lua");

struct slice embedded_actor(void) {
  return EMBEDDED(troupe_actor_lua);
}
