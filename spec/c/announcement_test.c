/* announcement_test.c -- host/stage/announcement.c: which outlet is told what, in which order. */
#include "connections_fixture.h"

#include <string.h>

#include "script/events.h"
#include "stage/announcement.h"

static void put_event(struct turn *turn, enum event_kind kind, uint64_t id, const char *name, const char *text) {
  const struct event event = { .kind = kind, .connection_id = id, .name = slice_text(name), .text = slice_text(text) };
  if (turn->events == NULL) turn->events = events_try_new();
  assert_true(events_try_put(turn->events, &event));
}

static void release(struct effect *effects, enum err err) {
  while (effects != NULL) {
    struct effect *next = effects->next;
    effects->release(effects, err);
    effects = next;
  }
}

static struct announcement make(struct fixture *fixture, const struct turn *turn) {
  struct announcement made;
  assert_true(announcement_try_make(&fixture->connections, turn, fixture->ann->id, &fixture->under_way, &made));
  return made;
}

/* Lets all of it go as it would with a durable commit of this ticket. */
static void tell(struct fixture *fixture, struct turn *turn, uint64_t ticket) {
  struct announcement made = make(fixture, turn);
  release(made.notices, ERR_NONE);
  release(made.closings, ERR_NONE);
  announcement_note(&fixture->connections, turn, fixture->ann->id, ticket);
  events_free(turn->events);
  turn->events = NULL;
}

/* The next thing that was told, of this outlet: taken in the order in which it came out. */
static void assert_told(struct fixture *fixture, size_t index, int outlet, enum notice_kind kind, uint64_t id, const char *text) {
  assert_true(index < fixture->told_count);
  const struct notice *notice = fixture->told[index].notice;
  assert_ptr_equal(fixture->told[index].outlet, &fixture->outlets[outlet]);
  assert_int_equal(notice->kind, kind);
  assert_int_equal(kind == NOTICE_BROADCAST ? notice->actor_id : notice->connection_id, id);
  assert_true(slice_equal(notice->text, slice_text(text)));
}

static void a_broadcast_goes_once_to_each_outlet(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { 0 };
  join(fixture, fixture->ann, 1, 0, 1);
  join(fixture, fixture->ann, 2, 0, 1);
  connections_leave(join(fixture, fixture->ann, 3, 1, 1));
  join(fixture, fixture->bob, 4, 1, 1);
  put_event(&turn, EVENT_BROADCAST, 0, "moved", "[1]");
  tell(fixture, &turn, 5);
  assert_int_equal(fixture->told_count, 1);
  assert_told(fixture, 0, 0, NOTICE_BROADCAST, fixture->ann->id, "[1]");
  assert_true(slice_equal(fixture->told[0].notice->name, slice_text("moved")));
  join(fixture, fixture->ann, 5, 1, 1);
  put_event(&turn, EVENT_BROADCAST, 0, "moved", "[2]");
  tell(fixture, &turn, 6);
  assert_int_equal(fixture->told_count, 3);
}

static void nobody_hears_where_nobody_is(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { .destroys = true };
  join(fixture, fixture->bob, 1, 0, 1);
  put_event(&turn, EVENT_BROADCAST, 0, "moved", "[1]");
  tell(fixture, &turn, 5);
  assert_int_equal(fixture->told_count, 0);
}

static void events_keep_their_order_and_closings_come_last(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { 0 };
  struct seat *seat = join(fixture, fixture->ann, 1, 0, 1);
  join(fixture, fixture->ann, 2, 0, 1);
  put_event(&turn, EVENT_SEND, 1, "", "a");
  put_event(&turn, EVENT_DISCONNECT, 1, "", "enough");
  put_event(&turn, EVENT_BROADCAST, 0, "b", "b");
  put_event(&turn, EVENT_SEND, 2, "", "c");
  tell(fixture, &turn, 5);
  assert_int_equal(fixture->told_count, 4);
  assert_told(fixture, 0, 0, NOTICE_SEND, 1, "a");
  assert_told(fixture, 1, 0, NOTICE_BROADCAST, fixture->ann->id, "b");
  assert_told(fixture, 2, 0, NOTICE_SEND, 2, "c");
  assert_told(fixture, 3, 0, NOTICE_CLOSE, 1, "enough");
  assert_int_equal(fixture->told[3].notice->code, 4000);
  assert_true(seat->connection.is_closing);
  assert_int_equal(seat->closing, 5);
}

static void one_that_joins_hears_what_its_own_connect_says(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { .task = TURN_CONNECT };
  struct seat *seat = try_open(fixture, 1, 1);
  assert_true(connections_try_seat(&fixture->connections, seat, fixture->ann));
  put_event(&turn, EVENT_SEND, 1, "", "welcome");
  put_event(&turn, EVENT_DISCONNECT, 1, "", "full");
  tell(fixture, &turn, 5);
  assert_told(fixture, 0, 1, NOTICE_SEND, 1, "welcome");
  assert_told(fixture, 1, 1, NOTICE_CLOSE, 1, "full");
  connections_join(seat, 5);
  assert_false(seat_is_open(seat));
}

static void one_that_has_ended_hears_nothing_more(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { 0 };
  connections_close(join(fixture, fixture->ann, 1, 0, 1), 2);
  connections_leave(join(fixture, fixture->ann, 2, 0, 1));
  for (uint64_t id = 1; id <= 3; id++) {
    put_event(&turn, EVENT_SEND, id, "", "a");
    put_event(&turn, EVENT_DISCONNECT, id, "", "b");
  }
  tell(fixture, &turn, 5);
  assert_int_equal(fixture->told_count, 0);
  assert_int_equal(connections_find(&fixture->connections, 1)->closing, 2);
}

static void the_end_of_an_actor_ends_its_connections(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { .destroys = true };
  struct seat *first = join(fixture, fixture->ann, 1, 0, 1);
  connections_close(join(fixture, fixture->ann, 2, 0, 1), 2);
  join(fixture, fixture->ann, 3, 1, 1);
  struct seat *other = join(fixture, fixture->bob, 4, 1, 1);
  put_event(&turn, EVENT_BROADCAST, 0, "bye", "bye");
  tell(fixture, &turn, 5);
  assert_int_equal(fixture->told_count, 4);
  assert_told(fixture, 2, 0, NOTICE_CLOSE, 1, "destroyed");
  assert_told(fixture, 3, 1, NOTICE_CLOSE, 3, "destroyed");
  assert_int_equal(fixture->told[3].notice->code, 4001);
  assert_false(seat_is_open(first));
  assert_true(seat_is_open(other));
  put_event(&turn, EVENT_BROADCAST, 0, "again", "again");
  struct announcement made = make(fixture, &turn);
  announcement_done(&made);
  events_free(turn.events);
}

static void what_fails_with_its_epoch_is_told_to_nobody(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { 0 };
  join(fixture, fixture->ann, 1, 0, 1);
  put_event(&turn, EVENT_BROADCAST, 0, "b", "b");
  put_event(&turn, EVENT_DISCONNECT, 1, "", "enough");
  struct announcement made = make(fixture, &turn);
  assert_true(fixture->under_way > 0);
  release(made.notices, ERR_STORAGE);
  made.closings->drop(made.closings);
  assert_int_equal(fixture->under_way, 0);
  assert_int_equal(fixture->told_count, 0);
  events_free(turn.events);
}

static void a_shortage_of_memory_makes_none_of_them(void **state) {
  struct fixture *fixture = *state;
  struct turn turn = { .destroys = true };
  struct announcement made;
  join(fixture, fixture->ann, 1, 0, 1);
  join(fixture, fixture->ann, 2, 1, 1);
  put_event(&turn, EVENT_BROADCAST, 0, "b", "b");
  put_event(&turn, EVENT_SEND, 1, "", "c");
  for (unsigned long k = 1; k <= 5; k++) {
    mem_fail_at(k);
    assert_false(announcement_try_make(&fixture->connections, &turn, fixture->ann->id, &fixture->under_way, &made));
    mem_fail_at(0);
    assert_null(made.notices);
    assert_null(made.closings);
    assert_int_equal(fixture->under_way, 0);
  }
  made = make(fixture, &turn);
  announcement_done(&made);
  events_free(turn.events);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST(a_broadcast_goes_once_to_each_outlet), TEST(nobody_hears_where_nobody_is),
    TEST(events_keep_their_order_and_closings_come_last), TEST(one_that_joins_hears_what_its_own_connect_says),
    TEST(one_that_has_ended_hears_nothing_more), TEST(the_end_of_an_actor_ends_its_connections),
    TEST(what_fails_with_its_epoch_is_told_to_nobody), TEST(a_shortage_of_memory_makes_none_of_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
