/* lent.h -- conversions between Lua and bytes for a Lua state that is not ours but a spec's.
 *
 * WHY     Values between a spec and the host are converted just as they are for actors, though no actor runs there.
 * ROOM    marshal. Below: walk, caught.
 * THREAD  The Lua state's.
 * OWNS    Working buffers and limits, but not the Lua state.
 */
#ifndef TROUPE_LENT_H
#define TROUPE_LENT_H

#include "vm/lua_vm.h"

struct vm *lent_open(lua_State *L, const struct vm_config *config);
void lent_close(struct vm *vm);

#endif
