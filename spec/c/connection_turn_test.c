/* connection_turn_test.c -- turns that see connections, without a stage: what they read, draft and tell, and what they find. */
#include "turn_fixture.h"

#include "base/mem.h"
#include "ledger/record_key.h"
#include "random.h"
#include "script/connection.h"
#include "script/events.h"

/* run(text, ...) runs a text with `self`, `rpc`, `c` (rpc.connection) and what it was given; the hooks do what run() was told. */
static const char class_source[] =
  "local Actor = require 'troupe.actor'\n"
  "local Hall = Actor:extend 'Hall'\n"
  "local heard = {}\n"
  "local function go(text, env, ...)\n"
  "  env._G = _G\n"
  "  return assert(load(text, 'run', 't', setmetatable(env, { __index = _G })))(...)\n"
  "end\n"
  "function Hall:initialize_state() return { n = 0 } end\n"
  "function Hall:on_before_connect(params, rpc)\n"
  "  self.admitted = (self.admitted or 0) + 1\n"
  "  if heard.before then return go(heard.before, { self = self, params = params, rpc = rpc }) end\n"
  "end\n"
  "function Hall:on_connect(c) if heard.connect then go(heard.connect, { self = self, c = c }) end end\n"
  "function Hall:on_disconnect(c) if heard.disconnect then go(heard.disconnect, { self = self, c = c }) end end\n"
  "function Hall:run(rpc, text, ...) return go(text, { self = self, rpc = rpc, c = rpc.connection }, ...) end\n"
  "function Hall:hooks(_, texts) heard = texts end\n"
  "return Hall\n";

enum { CONNECTIONS = 3 };

struct fixture {
  struct turn_fixture *base;
  struct audience audience;
  struct connection connections[CONNECTIONS];
  uint64_t seq;
};

static void add(struct fixture *fixture, struct connection *connection, uint64_t id) {
  *connection = (struct connection){ .id = id, .format = FORMAT_JSON, .params = slice_text("{\"n\":1}") };
  TAILQ_INSERT_TAIL(&fixture->audience.connections, connection, link);
  fixture->audience.count++;
}

static void remove_first(struct fixture *fixture) {
  TAILQ_REMOVE(&fixture->audience.connections, &fixture->connections[0], link);
  fixture->audience.count--;
}

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  fixture->base = turn_fixture_begin("Hall", class_source);
  TAILQ_INIT(&fixture->audience.connections);
  for (unsigned i = 0; i < CONNECTIONS; i++) add(fixture, &fixture->connections[i], 100 + i);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  turn_fixture_end(fixture->base);
  free(fixture);
  return 0;
}

/* Ends a stay as the stage does: what was drafted is sent, or goes. */
static enum turn_status settle(struct fixture *fixture, enum turn_status status) {
  struct drafts *drafts = fixture->base->base.view.drafts;
  if (status == TURN_FAILED) {
    drafts_discard(drafts);
  } else if (status == TURN_DONE || status == TURN_SAVING) {
    drafts_send(drafts, fixture->base->base.layers.pending, ++fixture->seq);
  }
  return status;
}

static struct turn *make(struct fixture *fixture, enum turn_task task, struct connection *connection) {
  struct turn *turn = turn_fixture_make(fixture->base, task, task == TURN_CALL ? "run" : "");
  turn->audience = &fixture->audience;
  turn->connection = connection;
  turn->call_id = 7000;
  return turn;
}

/* Calls run() with a text, without quotes in it, through a connection; NULL: as a call over HTTP. */
static enum turn_status run(struct fixture *fixture, struct connection *connection, const char *text) {
  static char args[4096];
  struct turn *turn = make(fixture, TURN_CALL, connection);
  snprintf(args, sizeof args, "[\"%s\"]", text);
  turn->args = slice_text(args);
  return settle(fixture, stay_begin(turn));
}

static void assert_run(struct fixture *fixture, struct connection *connection, const char *text, const char *expected) {
  enum turn_status status = run(fixture, connection, text);
  const struct failure *failure = &fixture->base->turn.failure;
  if (status == TURN_FAILED) fail_msg("%s: %.*s", text, (int)failure->message.size, (const char *)failure->message.data);
  assert_int_equal(status, TURN_DONE);
  turn_fixture_assert_result(fixture->base, expected);
}

static void assert_fails(struct fixture *fixture, struct connection *connection, const char *text, const char *message) {
  assert_int_equal(run(fixture, connection, text), TURN_FAILED);
  const struct buf *said = &fixture->base->turn.failure.message;
  if (memmem(said->data, said->size, message, strlen(message)) != NULL) return;
  fail_msg("%s: %.*s", text, (int)said->size, (const char *)said->data);
}

/* What the hooks do from now on, as JSON: {"before": text, "connect": text, "disconnect": text}. */
static void set_hooks(struct fixture *fixture, const char *texts) {
  static char args[4096];
  struct turn *turn = make(fixture, TURN_CALL, &fixture->connections[1]);
  snprintf(args, sizeof args, "[%s]", texts);
  turn->method = slice_text("hooks");
  turn->args = slice_text(args);
  assert_int_equal(settle(fixture, stay_begin(turn)), TURN_DONE);
}

static enum turn_status hear(struct fixture *fixture, enum turn_task task, struct connection *connection) {
  return settle(fixture, stay_begin(make(fixture, task, connection)));
}

static void assert_event(const struct event *event, enum event_kind kind, uint64_t id, const char *text) {
  assert_non_null(event);
  assert_int_equal(event->kind, kind);
  assert_int_equal(event->connection_id, id);
  assert_int_equal(event->text.size, strlen(text));
  assert_memory_equal(event->text.data, text, event->text.size);
}

/* Whether the connection has a record. */
static bool has_record(struct fixture *fixture, uint64_t id) {
  struct buf key = { 0 };
  struct slice value;
  connection_put_record_key(&key, 7, id);
  enum err err = view_get(&fixture->base->base.view, buf_slice(&key), &value);
  buf_done(&key);
  return err == ERR_NONE;
}

static bool has_drafted(struct fixture *fixture) {
  return !drafts_is_empty(fixture->base->base.view.drafts);
}

/* -- events -- */

static void events_are_told_in_order(void **state) {
  struct fixture *fixture = *state;
  struct connection *connection = &fixture->connections[1];
  assert_run(fixture, connection, "self:broadcast('a', 1, nil, {x = array {}}) c:send('b') c:disconnect('go') c:send('c')", "null");
  const struct events *events = fixture->base->turn.events;
  assert_int_equal(events->count, 3);
  assert_event(events->first, EVENT_BROADCAST, 0, "{\"event\":\"a\",\"args\":[1,null,{\"x\":[]}]}");
  assert_int_equal(events->first->name.size, 1);
  assert_event(events->first->next, EVENT_SEND, 101, "{\"event\":\"b\",\"args\":[]}");
  assert_event(events->first->next->next, EVENT_DISCONNECT, 101, "go");
}

static void a_mistake_does_not_depend_on_who_listens(void **state) {
  struct fixture *fixture = *state;
  struct connection *connection = &fixture->connections[0];
  assert_run(fixture, connection, "self.kept = c", "null");
  for (int gone = 0; gone < 2; gone++) {
    assert_fails(fixture, NULL, "self.kept:send('a', {x = print})", "args[1].x: a function cannot be saved or sent");
    assert_fails(fixture, NULL, "self.kept:send('a', 1, {[1.5] = 1})", "args[2]: a table with numbers as keys");
    assert_fails(fixture, NULL, "self.kept:send(5)", "event: the name of an event, a string, not a number");
    assert_fails(fixture, NULL, "self.kept:send('')", "event: a name of 0 bytes; it has 1 to 256");
    assert_fails(fixture, NULL, "self.kept:send(('x'):rep(257))", "event: a name of 257 bytes");
    assert_fails(fixture, NULL, "self.kept:disconnect(string.char(255))", "reason: a string that is not UTF-8");
    assert_fails(fixture, NULL, "self.kept:disconnect(4)", "reason: a string, or nil, not a number");
    assert_fails(fixture, NULL, "self.kept:send(string.char(255))", "event: a name that is not UTF-8");
    if (gone == 0) remove_first(fixture);
  }
  assert_run(fixture, NULL, "self.kept:send('a') self.kept:disconnect() return self.kept.params", "null");
  assert_null(fixture->base->turn.events);
}

static void a_failed_turn_tells_nothing(void **state) {
  struct fixture *fixture = *state;
  assert_fails(fixture, &fixture->connections[0], "self:broadcast('a') c:disconnect() error(UserError 'no')", "no");
  assert_run(fixture, &fixture->connections[0], "return #self.connections", "3");
}

/* -- connections -- */

static void a_turn_sees_those_that_are_there(void **state) {
  struct fixture *fixture = *state;
  struct connection *closing = &fixture->connections[1];
  assert_run(fixture, NULL, "local ids = array {} for i, c in ipairs(self.connections) do ids[i] = c.id end return ids",
             "[\"64\",\"65\",\"66\"]");
  assert_run(fixture, closing, "return c == self.connections[2] and c ~= self.connections[1] and c.params.n", "1");
  assert_run(fixture, closing, "c:disconnect() return #self.connections", "2");
  closing->is_closing = true;
  assert_run(fixture, NULL, "return #self.connections", "2");
}

static void a_connection_has_these_fields_and_no_others(void **state) {
  struct fixture *fixture = *state;
  struct connection *connection = &fixture->connections[0];
  assert_run(fixture, connection, "return {tostring(c), type(c), tostring(getmetatable(c))}",
             "[\"connection 64\",\"userdata\",\"nil\"]");
  assert_fails(fixture, connection, "return c.user", "a connection has no field \"user\"; it has id, state, params, send");
  assert_fails(fixture, connection, "c.user = 1", "a connection has no field \"user\"");
  assert_fails(fixture, connection, "return c[1]", "a connection has no field \"number\"");
  assert_fails(fixture, connection, "c.id = 1", "connection.id is the host's and cannot be set");
  assert_fails(fixture, connection, "c.send = 1", "connection.send is the host's and cannot be set");
  assert_fails(fixture, connection, "self.connections = {}", "self.connections is the host's and cannot be set");
  assert_fails(fixture, connection, "c.send('a')", "call send with a colon: connection:send(...)");
  assert_fails(fixture, connection, "self.broadcast('a')", "call broadcast with a colon: self:broadcast(event, ...)");
  assert_fails(fixture, connection, "self.state.c = c", "cannot be saved");
  assert_fails(fixture, connection, "return {c}", "cannot be saved or sent");
}

static void a_connection_that_has_gone_says_so_only_where_it_matters(void **state) {
  struct fixture *fixture = *state;
  assert_run(fixture, &fixture->connections[0], "c.state = {x = 1} self.kept = c", "null");
  assert_run(fixture, NULL, "self.kept.state.x = 2 return {self.kept.state.x, self.kept.params.n}", "[2,1]");
  remove_first(fixture);
  assert_run(fixture, NULL, "return {self.kept.id, tostring(self.kept.state), tostring(self.kept.params)}",
             "[\"64\",\"nil\",\"nil\"]");
  assert_fails(fixture, NULL, "self.kept.state = 1", "connection.state: this connection has ended");
}

/* However many there are, and in whatever order. */
static void many_connections_are_found(void **state) {
  struct audience audience = { .count = 0 };
  struct connection connections[100];
  struct connection_index *index = NULL;
  struct random random = random_begin("many_connections_are_found");
  (void)state;
  TAILQ_INIT(&audience.connections);
  for (size_t i = 0; i < 100; i++) {
    connections[i] = (struct connection){ .id = i % 7 == 0 ? 1000 - i : 2 * i + 1 };
    TAILQ_INSERT_TAIL(&audience.connections, &connections[i], link);
    audience.count++;
    uint64_t moment = i;
    for (int round = 0; round < 3; round++) {
      size_t place = random_below(&random, i + 1);
      if (round == 2) mem_fail_at(1);      /* without an index, if there is none yet */
      if (round == 2) moment = 1000 + i;
      assert_ptr_equal(connection_find(&audience, &index, moment, connections[place].id), &connections[place]);
      mem_fail_at(0);
      assert_null(connection_find(&audience, &index, moment, 5000));
    }
  }
  connection_index_free(index);
}

/* -- states -- */

static void a_state_is_a_record_of_its_connection(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0], *other = &fixture->connections[1];
  assert_run(fixture, one, "local t = {user = 'ann'} c.state = t t.more = 1 return c.state == t", "true");
  assert_true(one->has_state && has_record(fixture, 100));
  assert_run(fixture, one, "return {c.state.user, c.state.more}", "[\"ann\",1]");
  assert_run(fixture, other, "return tostring(c.state)", "\"nil\"");
  assert_run(fixture, NULL, "self.connections[1].state.user = 'bob'", "null");
  assert_run(fixture, one, "return c.state.user", "\"bob\"");
  assert_false(other->has_state);
  assert_run(fixture, one, "c.state = nil return tostring(c.state)", "\"nil\"");
  assert_false(has_record(fixture, 100));
}

static void a_turn_that_only_looks_drafts_nothing(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0];
  struct random random = random_begin("a_turn_that_only_looks_drafts_nothing");
  for (int round = 0; round < 50; round++) {
    char text[512];
    size_t size = (size_t)snprintf(text, sizeof text, "c.state = {");
    for (size_t i = 0, count = random_below(&random, 20); i < count; i++) {
      size += (size_t)snprintf(text + size, sizeof text - size, "k%u = {%u},", (unsigned)random_below(&random, 1000), (unsigned)i);
    }
    snprintf(text + size, sizeof text - size, "}");
    assert_run(fixture, one, text, "null");
    uint64_t seq = fixture->seq;
    struct turn *turn = make(fixture, TURN_CALL, one);
    turn->args = slice_text("[\"local n = 0 for _ in pairs(c.state) do n = n + 1 end c.state = c.state\"]");
    assert_int_equal(stay_begin(turn), TURN_DONE);
    assert_false(has_drafted(fixture));
    assert_int_equal(fixture->seq, seq);
  }
}

static void a_table_of_a_state_belongs_to_one_turn(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0];
  assert_run(fixture, one, "c.state = {n = 1} self.kept = c.state", "null");
  assert_run(fixture, one, "self.kept.n = 2 return {c.state.n, c.state ~= self.kept}", "[1,true]");
  assert_fails(fixture, one, "c.state.n = 3 error(UserError 'no')", "no");
  assert_run(fixture, one, "return c.state.n", "1");
  assert_run(fixture, one, "pcall(function() c.state.n = 3 error 'no' end)", "null");
  assert_run(fixture, one, "return c.state.n", "3");
}

static void a_copy_is_taken_of_a_part_of_the_state(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0];
  assert_run(fixture, one, "self.state.part = {n = 1}", "null");
  assert_run(fixture, one, "c.state = self.state.part c.state.n = 2 return self.state.part.n", "1");
  assert_run(fixture, one, "return c.state.n", "2");
}

static void a_state_is_bounded_and_is_a_value(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0];
  const char *limit = "connection.state: more than 16384 bytes, the limit of a connection's state "
                      "(--limit-connection-state-bytes)";
  assert_run(fixture, one, "c.state = ('x'):rep(16384 - 3)", "null");      /* and the head of a string */
  assert_fails(fixture, one, "c.state = ('x'):rep(16384 - 2)", limit);
  assert_int_equal(fixture->base->turn.failure.err, ERR_TOO_LARGE);
  assert_run(fixture, one, "return {#c.state, pcall(function() c.state = ('x'):rep(16382) end) and 1 or 0, #c.state}",
             "[16381,0,16381]");
  assert_run(fixture, one, "c.state = {}", "null");
  assert_fails(fixture, one, "c.state.x = ('x'):rep(16384)", limit);
  assert_fails(fixture, one, "c.state.x = {print}", "connection.state.x[1]: a function cannot be saved");
  assert_fails(fixture, one, "c.state = setmetatable({}, {})", "connection.state: a table with a metatable");
  assert_run(fixture, one, "c.state = {[true] = 1, [2] = 0/0, h = self:actor('Hall', 'x')} c.state.me = c.state", "null");
  assert_run(fixture, one, "return {c.state.me == c.state, tostring(c.state.h), c.state[2] ~= c.state[2]}",
             "[true,\"Hall/x\",true]");
  fixture->base->limits.commit_bytes = 200;
  assert_fails(fixture, one, "c.state = ('x'):rep(200)", "--limit-commit-bytes");
  assert_fails(fixture, one, "self:broadcast('a', ('x'):rep(200))", "--limit-commit-bytes");
}

static void a_save_in_the_middle_keeps_what_was_before_it(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0];
  const char *text = "local s = {n = 1} c.state = s s.n = 2 self:save_state() s.n = 3 if ... then error(UserError 'no') end "
                     "return c.state == s";
  assert_int_equal(run(fixture, one, text), TURN_SAVING);
  assert_int_equal(settle(fixture, stay_go_on(&fixture->base->turn)), TURN_DONE);
  turn_fixture_assert_result(fixture->base, "true");
  assert_run(fixture, one, "return c.state.n", "3");
  char args[512];
  struct turn *turn = make(fixture, TURN_CALL, one);
  snprintf(args, sizeof args, "[\"%s\",1]", text);
  turn->args = slice_text(args);
  assert_int_equal(settle(fixture, stay_begin(turn)), TURN_SAVING);
  assert_int_equal(settle(fixture, stay_go_on(turn)), TURN_FAILED);
  assert_run(fixture, one, "return c.state.n", "2");
}

/* -- hooks -- */

static void a_connect_runs_both_hooks_with_the_new_connection(void **state) {
  struct fixture *fixture = *state;
  struct connection fresh = { .id = 200, .format = FORMAT_JSON, .params = slice_text("5") };
  set_hooks(fixture, "{\"before\":\"assert(params == 5 and rpc.params == 5 and not rpc.connection and #self.connections == 3) "
            "return {user = params}\",\"connect\":\"assert(c.state.user == 5 and self.connections[4] == c) c.state.user = 6 "
            "c:send('hello')\"}");
  assert_int_equal(hear(fixture, TURN_CONNECT, &fresh), TURN_DONE);
  turn_fixture_assert_result(fixture->base, "null");
  assert_event(fixture->base->turn.events->first, EVENT_SEND, 200, "{\"event\":\"hello\",\"args\":[]}");
  assert_true(fresh.has_state && has_record(fixture, 200));
  assert_run(fixture, &fresh, "return {c.state.user, rpc.params, #self.connections}", "[6,5,3]");
}

static void a_connect_that_fails_or_is_refused_leaves_nothing(void **state) {
  struct fixture *fixture = *state;
  struct connection fresh = { .id = 200, .format = FORMAT_JSON };
  set_hooks(fixture, "{\"before\":\"error(UserError 'not you')\"}");
  assert_int_equal(hear(fixture, TURN_CONNECT, &fresh), TURN_FAILED);
  assert_int_equal(fixture->base->turn.failure.err, ERR_UNAUTHORIZED);
  set_hooks(fixture, "{\"before\":\"return {n = 1}\",\"connect\":\"self:broadcast('a') error(UserError 'no')\"}");
  assert_int_equal(hear(fixture, TURN_CONNECT, &fresh), TURN_FAILED);
  assert_int_equal(fixture->base->turn.failure.err, ERR_USER);
  assert_false(has_record(fixture, 200));
  set_hooks(fixture, "{\"before\":\"return print\"}");
  assert_int_equal(hear(fixture, TURN_CONNECT, &fresh), TURN_FAILED);
  assert_int_equal(fixture->base->turn.failure.err, ERR_INTERNAL);
  set_hooks(fixture, "{\"connect\":\"self:save_state()\"}");
  assert_int_equal(hear(fixture, TURN_CONNECT, &fresh), TURN_FAILED);
}

static void the_end_of_a_connection_is_told_and_takes_its_state_away(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0];
  assert_run(fixture, one, "c.state = {n = 1}", "null");
  set_hooks(fixture, "{\"disconnect\":\"self.state.n = c.state.n + #self.connections c.state.n = 5 c:send('a') c:disconnect() "
            "assert(not pcall(function() c.state = 1 end)) self:broadcast('left', c.id)\"}");
  remove_first(fixture);
  assert_int_equal(hear(fixture, TURN_DISCONNECT, one), TURN_DONE);
  assert_int_equal(fixture->base->turn.events->count, 1);
  assert_false(has_record(fixture, 100));
  assert_run(fixture, NULL, "return self.state.n", "3");
}

static void an_http_call_has_a_connection_of_its_own_if_it_was_admitted(void **state) {
  struct fixture *fixture = *state;
  const char *answer = ": this is the connection of an HTTP call, which hears its answer and nothing else";
  assert_run(fixture, NULL, "return tostring(c.state)", "\"nil\"");
  set_hooks(fixture, "{\"before\":\"return {user = 'ann'}\"}");
  assert_run(fixture, NULL, "c.state.n = 1 return {c.state.user, rpc.connection.state.n, c.id == rpc.id, #self.connections}",
             "[\"ann\",1,true,3]");
  assert_run(fixture, NULL, "c.state = 5 self.kept = c return c.state", "5");
  assert_run(fixture, NULL, "return tostring(self.kept.state)", "\"nil\"");
  assert_fails(fixture, NULL, "self.kept.state = 1", "this connection has ended");
  assert_fails(fixture, NULL, "c:send('a')", answer);
  assert_fails(fixture, NULL, "c:disconnect()", answer);
  assert_fails(fixture, NULL, "c.state.x = print", "connection.state.x: a function cannot be saved");
  assert_false(has_record(fixture, 7000));
  assert_run(fixture, &fixture->connections[0], "return {tostring(c.state), self.admitted}", "[\"nil\",4]");
}

/* -- memory -- */

/* Lets the k-th allocation of a turn fail, for each k. It has failed as a whole, or done all of it: told so many events, and
 * drafted. What it has drafted goes in any case. */
static void fail_each(struct fixture *fixture, enum turn_task task, struct connection *connection, const char *args,
                      size_t events) {
  bool failed = true;
  for (unsigned long k = 1; failed; k++) {
    assert_true(k < 2000);
    struct turn *turn = make(fixture, task, connection);
    turn->args = slice_text(args);
    mem_fail_at(k);
    enum turn_status status = stay_begin(turn);
    failed = mem_has_failed();
    mem_fail_at(0);
    assert_false(instance_is_broken(fixture->base->instance));
    if (status == TURN_DONE) {
      assert_int_equal(turn->events == NULL ? 0 : turn->events->count, events);
      assert_true(has_drafted(fixture));
    } else {
      assert_int_equal(turn->failure.err, ERR_MEMORY);
    }
    drafts_discard(turn->view.drafts);
    fixture->connections[1].has_state = false;
    assert_run(fixture, &fixture->connections[0],
               "return {c.state.n, tostring(self.connections[2].state), #self.connections, self.state.n}", "[0,\"nil\",3,0]");
  }
}

static void memory_runs_out_in_a_call(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0];
  assert_run(fixture, one, "c.state = {n = 0}", "null");
  fail_each(fixture, TURN_CALL, one, "[\"self:broadcast('a', {1, 2}) c.state.n = 1 c.state = {n = 1} self.connections[2].state = "
            "{x = 1} self.connections[2]:send('b', c.params) c:disconnect('x')\"]", 3);
}

static void memory_runs_out_in_a_hook(void **state) {
  struct fixture *fixture = *state;
  struct connection *one = &fixture->connections[0], fresh = { .id = 200, .format = FORMAT_JSON, .params = slice_text("[5]") };
  assert_run(fixture, one, "c.state = {n = 0}", "null");
  set_hooks(fixture, "{\"before\":\"return {p = params, r = rpc.address}\",\"connect\":\"c.state.p[2] = 1 c:send('a', c.params) "
            "self:broadcast('b', #self.connections)\",\"disconnect\":\"self:broadcast('c', c.state)\"}");
  fail_each(fixture, TURN_CONNECT, &fresh, "", 2);
  fresh.has_state = true;                                            /* so that its end is drafted */
  fail_each(fixture, TURN_DISCONNECT, &fresh, "", 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(events_are_told_in_order, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_mistake_does_not_depend_on_who_listens, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_failed_turn_tells_nothing, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_turn_sees_those_that_are_there, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_connection_has_these_fields_and_no_others, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_connection_that_has_gone_says_so_only_where_it_matters, set_up, tear_down),
    cmocka_unit_test_setup_teardown(many_connections_are_found, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_state_is_a_record_of_its_connection, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_turn_that_only_looks_drafts_nothing, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_table_of_a_state_belongs_to_one_turn, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_copy_is_taken_of_a_part_of_the_state, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_state_is_bounded_and_is_a_value, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_save_in_the_middle_keeps_what_was_before_it, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_connect_runs_both_hooks_with_the_new_connection, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_connect_that_fails_or_is_refused_leaves_nothing, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_end_of_a_connection_is_told_and_takes_its_state_away, set_up, tear_down),
    cmocka_unit_test_setup_teardown(an_http_call_has_a_connection_of_its_own_if_it_was_admitted, set_up, tear_down),
    cmocka_unit_test_setup_teardown(memory_runs_out_in_a_call, set_up, tear_down),
    cmocka_unit_test_setup_teardown(memory_runs_out_in_a_hook, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
