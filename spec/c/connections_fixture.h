/* connections_fixture.h -- a table of connections, with actors and outlets, and no host around it. */
#ifndef TROUPE_CONNECTIONS_FIXTURE_H
#define TROUPE_CONNECTIONS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/key.h"
#include "stage/connections.h"
#include "stage/notice.h"
#include "stage/router.h"

enum { OUTLETS = 2, TOLD_MAX = 32 };

/* What came out of an outlet, and of which. */
struct told {
  struct outlet *outlet;
  struct notice *notice;
};

struct fixture {
  struct connections connections;
  struct actor *ann, *bob;
  struct outlet outlets[OUTLETS];
  struct told told[TOLD_MAX];
  size_t told_count;
  _Atomic size_t under_way;
};

static struct fixture *the_fixture;

static void post(struct outlet *outlet, struct outlet_item *item) {
  assert_int_equal(item->kind, OUTLET_NOTICE);
  assert_true(the_fixture->told_count < TOLD_MAX);
  the_fixture->told[the_fixture->told_count++] = (struct told){ outlet, notice_of(item) };
}

static struct actor *make_actor(const char *name, uint64_t id) {
  struct buf key = { 0 }, address = { 0 };
  key_put_string(&key, slice_text(name));
  router_put_address(&address, slice_text("Room"), buf_slice(&key));
  struct actor *actor = calloc(1, sizeof *actor + address.size);
  assert_non_null(actor);
  memcpy(actor->address, address.data, address.size);
  actor->address_size = (uint32_t)address.size;
  actor->key_size = (uint32_t)key.size;
  actor->id = id;
  buf_done(&address);
  buf_done(&key);
  return actor;
}

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  assert_non_null(fixture);
  connections_init(&fixture->connections);
  fixture->ann = make_actor("ann", 7);
  fixture->bob = make_actor("bob", 8);
  for (int i = 0; i < OUTLETS; i++) fixture->outlets[i].post = post;
  the_fixture = *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  for (size_t i = 0; i < fixture->told_count; i++) notice_free(fixture->told[i].notice);
  connections_done(&fixture->connections);
  assert_int_equal(fixture->under_way, 0);
  free(fixture->ann);
  free(fixture->bob);
  free(fixture);
  return 0;
}

static void ignore(struct reply *reply) {
  (void)reply;
}

/* Opens a seat for a connect of this id, as a request of this outlet makes it; NULL if memory runs out. */
static struct seat *try_open(struct fixture *fixture, uint64_t id, int outlet) {
  struct reply reply;
  reply_init(&reply, FORMAT_JSON, ignore);
  reply.call_id = id;
  struct request request = { .type = REQUEST_CONNECT, .reply = &reply, .outlet = &fixture->outlets[outlet] };
  buf_put_text(&request.params, "{}");
  buf_put_text(&request.address, "127.0.0.1");
  struct seat *seat = connections_try_open(&fixture->connections, &request);
  buf_done(&request.params);
  buf_done(&request.address);
  return seat;
}

/* One that has joined with the commit of this ticket. */
static struct seat *join(struct fixture *fixture, const struct actor *actor, uint64_t id, int outlet, uint64_t ticket) {
  struct seat *seat = try_open(fixture, id, outlet);
  assert_non_null(seat);
  assert_true(connections_try_seat(&fixture->connections, seat, actor));
  connections_join(seat, ticket);
  return seat;
}

#endif
