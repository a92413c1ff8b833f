/* connections_test.c -- host/stage/connections.c: who is in the audience of an actor, and what an epoch that fails undoes. */
#include "connections_fixture.h"

static const uint64_t none[] = { 0 };

/* The audience of ann: these ids, up to a 0. */
static void assert_audience(const struct fixture *fixture, const uint64_t *ids) {
  const struct hall *hall = connections_hall(&fixture->connections, fixture->ann->id);
  const struct connection *connection = hall == NULL ? NULL : TAILQ_FIRST(&hall->audience.connections);
  size_t count = 0;
  for (; ids[count] != 0; count++) {
    assert_non_null(connection);
    assert_int_equal(connection->id, ids[count]);
    connection = TAILQ_NEXT(connection, link);
  }
  assert_null(connection);
  assert_int_equal(connections_count(&fixture->connections, fixture->ann->id), count);
}

static void a_connection_is_in_the_audience_from_its_commit_on(void **state) {
  struct fixture *fixture = *state;
  struct seat *seat = try_open(fixture, 1, 0);
  assert_true(connections_try_seat(&fixture->connections, seat, fixture->ann));
  assert_audience(fixture, none);
  assert_ptr_equal(connections_find(&fixture->connections, 1), seat);
  connections_join(seat, 5);
  assert_audience(fixture, (const uint64_t[]){ 1, 0 });
  assert_true(seat_is_open(seat));
  assert_int_equal(connections_count(&fixture->connections, fixture->bob->id), 0);
}

static void a_connection_keeps_what_came_with_it(void **state) {
  const struct seat *seat = join(*state, ((struct fixture *)*state)->ann, 1, 0, 5);
  assert_true(slice_equal(seat->connection.params, slice_text("{}")));
  assert_true(slice_equal(seat->connection.address, slice_text("127.0.0.1")));
  assert_int_equal(seat->connection.headers.size, 0);
  assert_int_equal(seat->connection.format, FORMAT_JSON);
}

static void they_stand_in_the_order_in_which_they_joined(void **state) {
  struct fixture *fixture = *state;
  join(fixture, fixture->ann, 3, 0, 5);
  join(fixture, fixture->bob, 9, 0, 6);
  struct seat *seat = join(fixture, fixture->ann, 1, 1, 7);
  join(fixture, fixture->ann, 2, 0, 8);
  assert_audience(fixture, (const uint64_t[]){ 3, 1, 2, 0 });
  connections_leave(seat);
  assert_audience(fixture, (const uint64_t[]){ 3, 2, 0 });
  assert_false(seat_is_open(seat));
  assert_ptr_equal(connections_find(&fixture->connections, 1), seat);
  connections_drop(&fixture->connections, seat);
  assert_null(connections_find(&fixture->connections, 1));
}

static void a_connect_that_fails_leaves_nothing(void **state) {
  struct fixture *fixture = *state;
  struct seat *seat = try_open(fixture, 1, 0);
  connections_drop(&fixture->connections, seat);
  assert_false(connections_are_any(&fixture->connections));
  seat = try_open(fixture, 2, 0);
  assert_true(connections_try_seat(&fixture->connections, seat, fixture->ann));
  connections_drop(&fixture->connections, seat);
  assert_false(connections_are_any(&fixture->connections));
  assert_null(connections_hall(&fixture->connections, fixture->ann->id));
}

static void one_that_leaves_keeps_its_hall(void **state) {
  struct fixture *fixture = *state;
  struct seat *seat = join(fixture, fixture->ann, 1, 0, 5);
  connections_leave(seat);
  assert_audience(fixture, none);
  assert_true(slice_equal(seat_address(seat), actor_address(fixture->ann)));
  connections_drop(&fixture->connections, seat);
  assert_null(connections_hall(&fixture->connections, fixture->ann->id));
}

static void what_joined_beyond_the_verdict_is_gone(void **state) {
  struct fixture *fixture = *state;
  join(fixture, fixture->ann, 1, 0, 5);
  join(fixture, fixture->ann, 2, 0, 6);
  join(fixture, fixture->ann, 3, 0, 0);
  struct seat *joining = try_open(fixture, 4, 0);
  struct seat *leaving = join(fixture, fixture->ann, 5, 0, 3);
  connections_leave(leaving);
  connections_hear_lost(&fixture->connections, 5);
  assert_audience(fixture, (const uint64_t[]){ 1, 3, 0 });
  assert_ptr_equal(connections_find(&fixture->connections, 4), joining);
  assert_ptr_equal(connections_find(&fixture->connections, 5), leaving);
  assert_null(connections_find(&fixture->connections, 2));
}

static void what_was_disconnected_beyond_the_verdict_is_not(void **state) {
  struct fixture *fixture = *state;
  struct seat *first = join(fixture, fixture->ann, 1, 0, 1), *second = join(fixture, fixture->ann, 2, 0, 2);
  connections_close(first, 5);
  connections_close(second, 6);
  assert_false(seat_is_open(first));
  assert_false(seat_is_open(second));
  connections_hear_lost(&fixture->connections, 5);
  assert_false(seat_is_open(first));
  assert_true(seat_is_open(second));
}

static void an_actor_that_was_destroyed_beyond_the_verdict_is_not(void **state) {
  struct fixture *fixture = *state;
  struct seat *first = join(fixture, fixture->ann, 1, 0, 1), *second = join(fixture, fixture->bob, 2, 0, 2);
  first->hall->ended = 5;
  second->hall->ended = second->hall->told = 6;
  connections_hear_lost(&fixture->connections, 5);
  assert_false(seat_is_open(first));
  assert_true(seat_is_open(second));
  assert_int_equal(second->hall->told, 0);
}

/* Whichever allocation fails, nothing is left of a connect that could not be. */
static void a_shortage_of_memory_leaves_nothing(void **state) {
  struct fixture *fixture = *state;
  bool seated = false;
  for (unsigned long k = 1; !seated; k++) {
    assert_true(k < 20);
    mem_fail_at(k);
    struct seat *seat = try_open(fixture, k, 0);
    seated = seat != NULL && connections_try_seat(&fixture->connections, seat, fixture->ann);
    mem_fail_at(0);
    if (seated) break;
    assert_true(mem_has_failed());
    if (seat != NULL) connections_drop(&fixture->connections, seat);
    assert_false(connections_are_any(&fixture->connections));
    assert_null(connections_hall(&fixture->connections, fixture->ann->id));
  }
  assert_null(connections_hall(&fixture->connections, fixture->bob->id));
}

static void a_shortage_of_memory_for_another_outlet_leaves_the_hall(void **state) {
  struct fixture *fixture = *state;
  join(fixture, fixture->ann, 1, 0, 5);
  struct seat *seat = try_open(fixture, 2, 1);
  mem_fail_at(1);
  assert_false(connections_try_seat(&fixture->connections, seat, fixture->ann));
  mem_fail_at(0);
  connections_drop(&fixture->connections, seat);
  assert_audience(fixture, (const uint64_t[]){ 1, 0 });
}

static void many_are_found(void **state) {
  struct fixture *fixture = *state;
  for (uint64_t id = 1; id <= 2000; id++) join(fixture, id % 2 == 0 ? fixture->ann : fixture->bob, id, (int)(id % 2), id);
  for (uint64_t id = 1; id <= 2000; id += 3) connections_drop(&fixture->connections, connections_find(&fixture->connections, id));
  for (uint64_t id = 1; id <= 2000; id++) {
    const struct seat *seat = connections_find(&fixture->connections, id);
    if (id % 3 == 1) {
      assert_null(seat);
    } else {
      assert_int_equal(seat->connection.id, id);
      assert_int_equal(seat->hall->actor_id, id % 2 == 0 ? fixture->ann->id : fixture->bob->id);
    }
  }
  assert_int_equal(connections_count(&fixture->connections, 7) + connections_count(&fixture->connections, 8), 2000 - 667);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST(a_connection_is_in_the_audience_from_its_commit_on), TEST(a_connection_keeps_what_came_with_it),
    TEST(they_stand_in_the_order_in_which_they_joined), TEST(a_connect_that_fails_leaves_nothing),
    TEST(one_that_leaves_keeps_its_hall), TEST(what_joined_beyond_the_verdict_is_gone),
    TEST(what_was_disconnected_beyond_the_verdict_is_not), TEST(an_actor_that_was_destroyed_beyond_the_verdict_is_not),
    TEST(a_shortage_of_memory_leaves_nothing), TEST(a_shortage_of_memory_for_another_outlet_leaves_the_hall),
    TEST(many_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
