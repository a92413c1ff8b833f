/* stay.c -- see stay.h.
 *
 * The whole turn runs in one coroutine, as a chain of steps (steps.h). A stay begins or resumes it, and ends when the turn
 * is done, has failed or waits. An error at any step ends up here, and everything is put back. */
#include "script/stay.h"

#include <lauxlib.h>

#include "base/check.h"
#include "marshal/caught.h"
#include "script/connection_note.h"
#include "script/steps.h"
#include "state/holder.h"
#include "state/journal.h"
#include "state/part.h"
#include "state/self.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/wait.h"

enum {
  TRACEBACK_MAX = 4096,
  VALUE_KEPT_BYTES = 1024 * 1024     /* of the working buffer, from one stay in Lua to the next */
};

/* One stay in Lua. */
struct running {
  struct turn *turn;
  bool begins;           /* else it goes on after a wait */
  enum turn_status how;  /* how it waits; TURN_DONE: it does not */
};

/* Notes what went wrong in a coroutine, while its stack still tells where. A traceback takes memory. An error that the
 * script raised for its client, or that is the client's own, needs none. */
static void note_failure(lua_State *L, lua_State *call, int status, struct turn *turn) {
  caught_describe(call, status, &turn->failure);
  enum err err = turn->failure.err;
  if (err == ERR_MEMORY || err == ERR_USER || err_blames_client(err)) return;
  luaL_traceback(L, call, NULL, 0);                                  /* traceback */
  size_t size;
  const char *text = lua_tolstring(L, -1, &size);
  buf_put(&turn->traceback, slice_of(text, size > TRACEBACK_MAX ? TRACEBACK_MAX : size));
  lua_pop(L, 1);                                                     /* - */
}

/* Lets go of the actor's coroutine. */
static void drop_coroutine(lua_State *L, struct turn *turn) {
  lua_pushnil(L);
  self_set_slot(L, turn->instance, SELF_COROUTINE);
}

/* After a failure: notes it, and closes what the script left to be closed, within the limits. In a call that was stopped no
 * hook can stop a handler any more, so its handlers do not run. */
static void end_failed(lua_State *L, lua_State *call, int status, struct turn *turn) {
  note_failure(L, call, status, turn);
  if (turn->vm->stopped == ERR_NONE) lua_resetthread(call);
}

/* Runs the coroutine, which the actor keeps, until it ends or waits. The turn's `failure` tells how it went. */
static int run(lua_State *L) {
  struct running *running = lua_touserdata(L, 1);
  struct turn *turn = running->turn;
  struct vm *vm = turn->vm;
  int results;
  if (running->begins) {
    lua_pushcfunction(vm_take_coroutine(L), steps_run);                   /* running coroutine */
    lua_pushvalue(L, -1);
    self_set_slot(L, turn->instance, SELF_COROUTINE);
  } else {
    self_push_slot(L, turn->instance, SELF_COROUTINE);                    /* running coroutine */
  }
  lua_State *call = lua_tothread(L, -1);
  if (!running->begins) wait_end(call);
  vm->coroutine = call;
  int status = lua_resume(call, L, 0, &results);
  if (status == LUA_YIELD) {
    running->how = wait_of(call);
    CHECK(running->how != TURN_DONE);      /* nothing else can yield from here (lib_coroutine.c) */
    return 0;
  }
  drop_coroutine(L, turn);
  if (status != LUA_OK) {
    end_failed(L, call, status, turn);
    return 0;
  }
  lua_settop(call, 0);
  vm_give_coroutine(L);                                              /* running */
  steps_adopt(L, turn);
  connection_note_forget(L, turn->instance);
  return 0;
}

/* Puts everything back. It runs with memory granted, so that no limit makes it fail. */
static int undo(lua_State *L) {
  struct turn *turn = lua_touserdata(L, 1);
  drop_coroutine(L, turn);
  connection_note_forget(L, turn->instance);
  part_undo(L, turn->instance);
  journal_undo(L, turn->instance);
  holder_release(L, turn->instance);
  return 0;
}

/* What the rooms below may know of the turn that is in Lua. */
static struct vm_now now_of(struct turn *turn) {
  return (struct vm_now){
    .turn = turn, .instance = turn->instance, .view = &turn->view, .touched = &turn->touched,
    .schedule_id = turn->caller == CALLER_SCHEDULE ? turn->schedule.id : 0, .actor_id = turn->instance->actor_id,
    .owner = turn->instance->serial, .serial = turn->serial, .may_wait = turn->task != TURN_STOP,
    .in_script = turn->in_script,
  };
}

/* Puts back what a turn that failed has changed, whatever the limits say. */
static void put_back(struct turn *turn) {
  struct vm *vm = turn->vm;
  struct failure ignored = { 0 };
  vm->granting = true;
  if (!vm_enter(vm, undo, turn, &ignored)) turn->instance->broken = true;
  vm->granting = false;
  failure_done(&ignored);
}

/* Between these two the VM is the turn's. */
static void begin(struct turn *turn) {
  struct vm *vm = turn->vm;
  CHECK(vm->now.turn == NULL);
  turn->stay = ++vm->serial;
  vm->now = now_of(turn);
  vm->unyieldable = 0;         /* an error for lack of memory may have skipped the counting down */
  vm->closing = 0;
}

static void end(struct vm *vm) {
  if (vm->value.capacity > VALUE_KEPT_BYTES) buf_done(&vm->value);
  vm->now = (struct vm_now){ 0 };
  vm->coroutine = NULL;
}

static enum turn_status enter(struct turn *turn, bool begins) {
  struct vm *vm = turn->vm;
  struct running running = { .turn = turn, .begins = begins };
  struct failure raised = { 0 };
  begin(turn);
  budget_begin(vm, &turn->usage);
  bool ran = vm_enter(vm, run, &running, &raised);
  if (!ran && turn->failure.err == ERR_NONE) failure_move(&turn->failure, &raised);
  failure_done(&raised);
  if (turn->failure.err != ERR_NONE) put_back(turn);
  /* or else the garbage of this call would count against the next one */
  if (vm->stopped == ERR_MEMORY) vm_collect(vm);
  budget_end(vm, running.how != TURN_DONE ? &turn->usage : NULL);
  turn->in_script = vm->now.in_script;
  end(vm);
  if (turn->failure.err != ERR_NONE) return TURN_FAILED;
  if (running.how == TURN_SAVING) {
    turn->usage.wall_begin_ns = 0;
    turn->usage.bytes = 0;
  }
  return running.how;
}

enum turn_status stay_begin(struct turn *turn) {
  turn->serial = ++turn->vm->serial;
  return enter(turn, true);
}

enum turn_status stay_go_on(struct turn *turn) {
  return enter(turn, false);
}

void stay_cancel(struct turn *turn, struct failure *failure) {
  failure_move(&turn->failure, failure);
  begin(turn);
  put_back(turn);
  end(turn->vm);
}

static int forget_coroutine(lua_State *L) {
  drop_coroutine(L, lua_touserdata(L, 1));
  return 0;
}

void stay_abandon(struct turn *turn) {
  struct failure ignored = { 0 };
  vm_enter(turn->vm, forget_coroutine, turn, &ignored);
  failure_done(&ignored);
}
