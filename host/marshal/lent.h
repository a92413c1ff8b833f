/* lent.h -- conversions between Lua and bytes for a Lua state that is not ours, a spec's.
 *
 * WHY     What a spec gives to the host and hears from it is converted as it is for actors; no actor runs there.
 * ROOM    marshal. Below: walk, caught.
 * THREAD  The state's.
 * OWNS    Working buffers and limits; nothing of the state.
 */
#ifndef TROUPE_LENT_H
#define TROUPE_LENT_H

#include "vm/lua_vm.h"

struct vm *lent_open(lua_State *L, const struct vm_config *config);
void lent_close(struct vm *vm);

#endif
