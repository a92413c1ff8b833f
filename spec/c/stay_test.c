/* stay_test.c -- turns that wait in Lua, and end there for a reason of their own. */
#include "turn_fixture.h"

#include <lua.h>

#include "base/mem.h"
#include "vm/lua_vm.h"
#include "vm/wait.h"

static const char class_source[] =
  "local Actor = require 'troupe.actor'\n"
  "local Waiter = Actor:extend 'Waiter'\n"
  "local closed = 0\n"
  "local function run(self, wait)\n"
  "  self.state.n, self.state.part.x, self.state.fresh, self.field = 1, 1, {}, 1\n"
  "  local _ <close> = setmetatable({}, { __close = function() closed = closed + 1 end })\n"
  "  local answer = wait(self)\n"
  "  self.state.n, self.field = 2, 2\n"
  "  if answer == 'fail' then error(UserError 'as asked') end\n"
  "  return answer\n"
  "end\n"
  "local function asks() return ask() end\n"
  "function Waiter:initialize_state()\n"
  "  local state = { n = 0, part = { x = 0 } }\n"
  "  for i = 1, 40 do state['old' .. i] = i end\n"
  "  return state\n"
  "end\n"
  "function Waiter:get() return { self.state.n, self.state.part.x, self.state.fresh and 1 or 0, self.field or 0, closed } end\n"
  "function Waiter:saves() return run(self, self.save_state) end\n"
  "function Waiter:asks() return run(self, asks) end\n"
  "function Waiter:asks_within()\n"
  "  return coroutine.wrap(function() return (select(2, coroutine.resume(coroutine.create(run), self, asks))) end)()\n"
  "end\n"
  "function Waiter:saves_and_asks() return run(self, function() self:save_state() self.state.n = 5 return ask() end) end\n"
  "function Waiter:asks_after_much()\n"
  "  local state = self.state\n"
  "  for i = 1, 40 do state['old' .. i] = nil end\n"
  "  for i = 1, 40 do state['new' .. i] = i end\n"
  "  return run(self, asks)\n"
  "end\n"
  "function Waiter:asks_in_a_sort() table.sort({ 2, 1 }, function(a, b) ask() return a < b end) end\n"
  "function Waiter:asks_and_loops() ask() while true do end end\n"
  "return Waiter\n";

/* ask() -> what is in the way of an answer: the global `answer` as it is then   [-0, +1, v] */
static int hear(lua_State *L, int status, lua_KContext context) {
  (void)status;
  assert_int_equal(context, 42);
  vm_push_ref(L, VM_GLOBALS);                                        /* globals */
  lua_getfield(L, -1, "answer");                                     /* globals answer */
  return 1;
}

static int ask(lua_State *L) {
  wait_check(L, "ask");
  return wait_yield(L, TURN_ASKS, 42, hear);
}

static int set_globals(lua_State *L) {
  vm_push_ref(L, VM_GLOBALS);                                        /* globals */
  lua_pushcfunction(L, ask);
  lua_setfield(L, -2, "ask");                                        /* globals */
  return 0;
}

static int set_answer(lua_State *L) {
  vm_push_ref(L, VM_GLOBALS);                                        /* globals */
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_setfield(L, -2, "answer");                                     /* globals */
  return 0;
}

static void enter(struct turn_fixture *fixture, lua_CFunction function, const char *text) {
  assert_true(vm_enter(fixture->vm, function, (void *)text, &fixture->base.failure));
}

static int set_up(void **state) {
  struct turn_fixture *fixture = turn_fixture_begin("Waiter", class_source);
  enter(fixture, set_globals, NULL);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  turn_fixture_end(*state);
  return 0;
}

/* Begins a call, in the place of the one before. */
static enum turn_status call(struct turn_fixture *fixture, const char *method) {
  return stay_begin(turn_fixture_make(fixture, TURN_CALL, method));
}

/* What get() answers: n, part.x, whether fresh is there, the field, how many handlers of __close have run. */
static void assert_actor(struct turn_fixture *fixture, const char *expected) {
  assert_int_equal(call(fixture, "get"), TURN_DONE);
  turn_fixture_assert_result(fixture, expected);
}

/* Goes on with an answer; NULL: without one. */
static enum turn_status answer(struct turn_fixture *fixture, const char *text) {
  enter(fixture, set_answer, text);
  return stay_go_on(&fixture->turn);
}

static void cancel(struct turn_fixture *fixture) {
  struct failure failure = { 0 };
  failure_set(&failure, ERR_TIMEOUT, "its time is over");
  stay_cancel(&fixture->turn, &failure);
  assert_int_equal(fixture->turn.failure.err, ERR_TIMEOUT);
  assert_int_equal(failure.err, ERR_NONE);
  assert_false(instance_is_broken(fixture->instance));
}

static void a_turn_that_asks_goes_on_with_its_answer(void **state) {
  struct turn_fixture *fixture = *state;
  static const char *const methods[] = { "asks", "asks_within" };
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(call(fixture, methods[i]), TURN_ASKS);
    assert_int_equal(answer(fixture, "so be it"), TURN_DONE);
    turn_fixture_assert_result(fixture, "\"so be it\"");
    assert_int_equal(call(fixture, methods[i]), TURN_ASKS);
    assert_int_equal(answer(fixture, "fail"), i == 0 ? TURN_FAILED : TURN_DONE);
  }
}

static void a_turn_that_saves_and_asks_is_undone_to_its_save(void **state) {
  struct turn_fixture *fixture = *state;
  assert_actor(fixture, "[0,0,0,0,0]");
  assert_int_equal(call(fixture, "saves_and_asks"), TURN_SAVING);
  assert_int_equal(stay_go_on(&fixture->turn), TURN_ASKS);
  cancel(fixture);
  assert_actor(fixture, "[1,1,1,1,0]");
  assert_int_equal(call(fixture, "saves_and_asks"), TURN_SAVING);
  assert_int_equal(stay_go_on(&fixture->turn), TURN_ASKS);
  assert_int_equal(answer(fixture, "fail"), TURN_FAILED);
  assert_actor(fixture, "[1,1,1,1,1]");
}

static void a_cancelled_turn_leaves_its_actor_as_it_was(void **state) {
  struct turn_fixture *fixture = *state;
  static const char *const methods[] = { "asks", "asks_within" };
  assert_actor(fixture, "[0,0,0,0,0]");
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(call(fixture, methods[i]), TURN_ASKS);
    cancel(fixture);
    assert_true(instance_is_loaded(fixture->instance));
    assert_actor(fixture, "[0,0,0,0,0]");
  }
  assert_int_equal(call(fixture, "asks"), TURN_ASKS);
  assert_int_equal(answer(fixture, NULL), TURN_DONE);
  assert_actor(fixture, "[2,1,1,2,1]");
}

/* So its actor has no state, and must be loaded anew. */
static void a_cancelled_turn_that_would_have_created_its_actor_leaves_it_unloaded(void **state) {
  struct turn_fixture *fixture = *state;
  assert_int_equal(call(fixture, "asks"), TURN_ASKS);
  cancel(fixture);
  assert_false(instance_is_loaded(fixture->instance));
  assert_actor(fixture, "[0,0,0,0,0]");
}

/* Each allocation of it fails, one a round. */
static void a_turn_that_cannot_be_cancelled_for_want_of_memory_breaks_its_actor(void **state) {
  struct turn_fixture *fixture = *state;
  bool failed = true;
  size_t broken = 0;
  assert_actor(fixture, "[0,0,0,0,0]");
  for (unsigned long k = 1; failed; k++) {
    struct failure failure = { .err = ERR_TIMEOUT };
    assert_true(k < 100);
    assert_int_equal(call(fixture, "asks_after_much"), TURN_ASKS);
    mem_fail_run(k, 1000);
    stay_cancel(&fixture->turn, &failure);
    failed = mem_has_failed();
    mem_fail_at(0);
    if (!instance_is_broken(fixture->instance)) {
      assert_actor(fixture, "[0,0,0,0,0]");
      continue;
    }
    assert_true(failed);
    broken++;
    instance_close(fixture->instance);
    turn_fixture_open_instance(fixture);
    assert_actor(fixture, "[0,0,0,0,0]");
  }
  assert_true(broken > 0);
}

static void the_time_of_a_call_runs_on_while_it_asks(void **state) {
  struct turn_fixture *fixture = *state;
  clock_advance(&fixture->clock, 1000000000);
  int64_t begin_ns = clock_monotonic_ns(&fixture->clock);
  assert_int_equal(call(fixture, "saves_and_asks"), TURN_SAVING);
  assert_int_equal(fixture->turn.usage.wall_begin_ns, 0);
  clock_advance(&fixture->clock, 1000000000);
  assert_int_equal(stay_go_on(&fixture->turn), TURN_ASKS);
  assert_int_equal(fixture->turn.usage.wall_begin_ns, begin_ns + 1000000000);
  cancel(fixture);
  fixture->limits.call_cpu_ms = INT32_MAX;
  assert_int_equal(call(fixture, "asks_and_loops"), TURN_ASKS);
  clock_advance(&fixture->clock, (int64_t)fixture->limits.call_wall_ms * 1000000 + 1);
  assert_int_equal(answer(fixture, NULL), TURN_FAILED);
  assert_int_equal(fixture->turn.failure.err, ERR_TIMEOUT);
}

static void nothing_asks_within_a_sort(void **state) {
  struct turn_fixture *fixture = *state;
  assert_int_equal(call(fixture, "asks_in_a_sort"), TURN_FAILED);
  assert_non_null(strstr((const char *)fixture->turn.failure.message.data, "ask: a call cannot wait within a sort"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_turn_that_asks_goes_on_with_its_answer, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_turn_that_saves_and_asks_is_undone_to_its_save, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_cancelled_turn_leaves_its_actor_as_it_was, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_cancelled_turn_that_would_have_created_its_actor_leaves_it_unloaded, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(a_turn_that_cannot_be_cancelled_for_want_of_memory_breaks_its_actor, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_time_of_a_call_runs_on_while_it_asks, set_up, tear_down),
    cmocka_unit_test_setup_teardown(nothing_asks_within_a_sort, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
