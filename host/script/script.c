/* script.c -- see script.h. */
#include "script/script.h"

#include "marshal/caught.h"
#include "script/classes.h"
#include "script/sandbox.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

/* Builds everything in the VM. */
static int build(lua_State *L) {
  struct failure *failure = lua_touserdata(L, 1);
  lua_newtable(L);                                                   /* pool */
  vm_set_ref(L, VM_COROUTINES);                                      /* - */
  sandbox_build(L);
  if (vm_of(L)->config.actors_path != NULL) classes_load(L, failure);
  return 0;
}

enum err script_open(const struct vm_config *config, struct vm **vm, struct failure *failure) {
  struct vm *made = vm_try_new(config, caught_describe);
  if (made == NULL) return failure_set(failure, ERR_MEMORY, "no memory for a Lua state");
  struct failure raised = { 0 };
  struct vm_usage usage = { 0 };
  budget_begin(made, &usage);
  bool built = vm_enter(made, build, failure, &raised);
  budget_end(made, NULL);
  made->cpu_read_ns = 0;                   /* another thread may go on with it, and that has a clock of its own */
  if (!built && failure->err == ERR_NONE) failure_move(failure, &raised);
  failure_done(&raised);
  if (failure->err != ERR_NONE) {
    vm_close(made);
    return failure->err;
  }
  *vm = made;
  return ERR_NONE;
}

const char *script_class_names(const struct vm *vm) {
  vm_push_ref(vm->L, VM_CLASS_NAMES);                                /* names|nil */
  const char *names = lua_tostring(vm->L, -1);
  lua_pop(vm->L, 1);                                                 /* - */
  return names == NULL ? "" : names;
}

static int ask_hook(lua_State *L) {
  bool *found = lua_touserdata(L, 1);
  *found = classes_have_hook(L, "on_before_connect");
  return 0;
}

bool script_admits(struct vm *vm) {
  bool found = false;
  struct failure ignored = { 0 };
  vm_enter(vm, ask_hook, &found, &ignored);
  failure_done(&ignored);
  return found;
}

struct asking {
  struct slice name;
  const char *hook;             /* NULL: only the class */
  bool found;
};

static int ask(lua_State *L) {
  struct asking *asking = lua_touserdata(L, 1);
  asking->found = classes_push(L, asking->name) && (asking->hook == NULL || classes_push_hook(L, -1, asking->hook));
  return 0;
}

static enum err find(struct vm *vm, struct slice name, const char *hook, enum err otherwise) {
  struct asking asking = { .name = name, .hook = hook };
  struct failure failure = { 0 };
  bool ran = vm_enter(vm, ask, &asking, &failure);
  failure_done(&failure);
  if (!ran) return ERR_MEMORY;                  /* a look-up raises nothing else */
  return asking.found ? ERR_NONE : otherwise;
}

enum err script_find_class(struct vm *vm, struct slice name) {
  return find(vm, name, NULL, ERR_CLASS_NOT_FOUND);
}

enum err script_find_hook(struct vm *vm, struct slice name, const char *hook) {
  return find(vm, name, hook, ERR_NOT_FOUND);
}
