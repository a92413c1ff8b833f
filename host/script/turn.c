/* turn.c -- see turn.h. */
#include "script/turn.h"

#include <stdio.h>

#include "script/lua_vm.h"

void turn_print_id(const struct turn *turn, char id[TURN_ID_MAX]) {
  const struct vm *vm = turn->vm;
  id[0] = '\0';
  if (turn->serial == 0) return;
  snprintf(id, TURN_ID_MAX, "%llx-%x-%llx", (unsigned long long)vm->boot, vm->config.worker, (unsigned long long)turn->serial);
}

void turn_done(struct turn *turn) {
  buf_done(&turn->result);
  buf_done(&turn->traceback);
  failure_done(&turn->failure);
  failure_done(&turn->refusal);
}
