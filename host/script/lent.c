/* lent.c -- see lent.h. */
#include "script/lent.h"

#include "script/caught.h"
#include "script/vm.h"
#include "script/walk.h"

struct vm *lent_open(lua_State *L, const struct vm_config *config) {
  struct vm *vm = vm_new_beside(config, caught_describe);
  vm_tell(vm, L);
  walk_build(L);
  caught_build(L);
  lua_newtable(L);
  vm_set_ref(L, VM_PART_META);       /* no part is there */
  return vm;
}

void lent_close(struct vm *vm) {
  vm_free_beside(vm);
}
