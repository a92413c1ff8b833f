/* embedded.h -- the Lua files of lua/troupe, compiled into the host.
 *
 * WHY     One file is all that a deployment needs.
 * ROOM    script.
 */
#ifndef TROUPE_EMBEDDED_H
#define TROUPE_EMBEDDED_H

#include "base/slice.h"

/* The source of troupe/actor.lua. */
struct slice embedded_actor(void);

#endif
