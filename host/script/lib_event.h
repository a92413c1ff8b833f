/* lib_event.h -- self:broadcast, and how an event is written.
 *
 * WHY     Pages hear what happens in an actor when it happens, and not when they ask. An event leaves with the call that tells
 *         it.
 * ROOM    script. Below: events, turn, lua_json.
 * OWNS    Nothing: what is told is the turn's (events.h).
 * ALWAYS  An event is written, and counted, whether anybody listens or not: a mistake must not depend on who is connected.
 * LIMITS  LIB_EVENT_NAME_BYTES_MAX, ARGUMENTS_MAX, value_bytes, commit_bytes
 */
#ifndef TROUPE_LIB_EVENT_H
#define TROUPE_LIB_EVENT_H

#include <lua.h>

#include "script/events.h"

enum { LIB_EVENT_NAME_BYTES_MAX = 256 };

/* self:broadcast(event, ...); raises payload_too_large, invalid_arguments   [-0, +0, v] */
int lib_event_broadcast(lua_State *L);

/* Writes the event whose name is at 2, with all that is behind it as its arguments, into vm->value, and returns that.
 * [-0, +0, v] */
struct slice lib_event_write(lua_State *L);

/* Raises if the turn's commit has no room for an event. [-0, +0, v] */
void lib_event_check_room(lua_State *L, const struct event *event);

/* Puts a copy of an event, for which there is room, at the end of those of the turn. [-0, +0, v] */
void lib_event_put(lua_State *L, const struct event *event);

#endif
