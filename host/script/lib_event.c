/* lib_event.c -- see lib_event.h. */
#include "script/lib_event.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "codec/json_text.h"
#include "ledger/drafts.h"
#include "marshal/arguments.h"
#include "marshal/lua_json.h"
#include "script/turn.h"
#include "state/self.h"
#include "vm/budget.h"
#include "vm/raise.h"

enum { SELF = 1, NAME };

/* The name of the event. [-0, +0, v] */
static struct slice check_name(lua_State *L) {
  if (lua_type(L, NAME) != LUA_TSTRING) {
    raise_misuse(L, "event: the name of an event, a string, not a %s", luaL_typename(L, NAME));
  }
  struct slice name = vm_string_at(L, NAME);
  if (name.size == 0 || name.size > LIB_EVENT_NAME_BYTES_MAX) {
    raise_misuse(L, "event: a name of %zu bytes; it has 1 to %d", name.size, LIB_EVENT_NAME_BYTES_MAX);
  }
  if (!utf8_is_valid(name)) raise_misuse(L, "event: a name that is not UTF-8");
  return name;
}

static void write_argument(lua_State *L, int index, lua_Integer position, struct buf *text) {
  struct vm *vm = vm_of(L);
  const struct walk_options options = {
    .root = { .name = "args", .position = position }, .depth_max = (size_t)vm->config.limits->depth, .raw_metatables = true,
    .finite = true, .sequences = true,
  };
  size_t begin = text->size;
  enum err err = lua_json_write(L, index, text, &options, &vm->raised);
  budget_check_for(L, text->size - begin);
  if (err == ERR_INTERNAL) raise_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
  if (err == ERR_MEMORY) raise_failure(L, &vm->raised);
}

struct slice lib_event_write(lua_State *L) {
  struct vm *vm = vm_of(L);
  int count = lua_gettop(L) - NAME;
  struct slice name = check_name(L);
  if (count > ARGUMENTS_MAX) raise_host(L, ERR_ARGUMENTS, "%d arguments; an event has at most %d", count, ARGUMENTS_MAX);
  struct buf *text = vm_begin_value(vm, (size_t)vm->config.limits->value_bytes);
  budget_check_stack(L, 8);
  buf_put_text(text, "{\"event\":");
  json_put_string(text, name);
  buf_put_text(text, ",\"args\":[");
  for (int i = 1; i <= count; i++) {
    if (i > 1) buf_put_byte(text, ',');
    write_argument(L, NAME + i, i, text);
  }
  buf_put_text(text, "]}");
  if (text->err == ERR_TOO_LARGE) {
    raise_host(L, ERR_TOO_LARGE, "args: more than %zu bytes, the limit of a value " LIMIT_NAME(VALUE_BYTES), text->size_max);
  }
  if (text->err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory for an event");
  return buf_slice(text);
}

void lib_event_check_room(lua_State *L, const struct event *event) {
  const struct turn *turn = vm_of(L)->now.turn;
  raise_over_commit(L, drafts_bytes(turn->view.drafts) + turn_sent_bytes(turn) + events_bytes_of(event));
}

void lib_event_put(lua_State *L, const struct event *event) {
  struct turn *turn = vm_of(L)->now.turn;
  if (turn->events == NULL) turn->events = events_try_new();
  if (turn->events == NULL || !events_try_put(turn->events, event)) raise_host(L, ERR_MEMORY, "no memory for an event");
}

int lib_event_broadcast(lua_State *L) {
  if (lua_gettop(L) < NAME) lua_settop(L, NAME);
  budget_check_stack(L, 4);
  self_push(L, self_current(L));                                     /* self event ... self */
  bool is_self = lua_rawequal(L, SELF, -1);
  lua_pop(L, 1);                                                     /* self event ... */
  if (!is_self) return raise_misuse(L, "call broadcast with a colon: self:broadcast(event, ...)");
  struct event event = { .kind = EVENT_BROADCAST };
  event.text = lib_event_write(L);
  event.name = vm_string_at(L, NAME);
  lib_event_check_room(L, &event);
  lib_event_put(L, &event);
  return 0;
}
