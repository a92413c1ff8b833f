/* lib_send.h -- self:send.
 *
 * WHY     Not everything that one actor has for another needs an answer. A message leaves with the commit of the call that
 *         sends it, and is applied once, whatever happens in between.
 * ROOM    script. Below: classes, outbox, arguments, handle, turn.
 * OWNS    Nothing: what is sent is the turn's (outbox.h).
 * LIMITS  waiting_sends, commit_bytes, value_bytes
 */
#ifndef TROUPE_LIB_SEND_H
#define TROUPE_LIB_SEND_H

#include <lua.h>

/* self:send(handle, method, ...); raises class_not_found, method_not_found, overloaded, payload_too_large   [-0, +0, v] */
int lib_send(lua_State *L);

#endif
