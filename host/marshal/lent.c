/* lent.c -- see lent.h. */
#include "marshal/lent.h"

#include "marshal/caught.h"
#include "marshal/handle.h"
#include "marshal/walk.h"
#include "vm/vm.h"

struct vm *lent_open(lua_State *L, const struct vm_config *config) {
  struct vm *vm = vm_new_beside(config, caught_describe);
  vm_tell(vm, L);
  walk_build(L);
  handle_build(L);
  caught_build(L);
  lua_newtable(L);
  vm_set_ref(L, VM_PART_META);       /* a lent Lua state has no parts */
  return vm;
}

void lent_close(struct vm *vm) {
  vm_free_beside(vm);
}
