/* failed_page.h -- a page of what a host has given up, as Lua values for specs.
 *
 * WHY     Keys and arguments travel as bytes within the answer (stage/failed_list.h); a spec compares them with what it has
 *         sent.
 * ROOM    kit. Below: marshal.
 * OWNS    Nothing.
 */
#ifndef TROUPE_FAILED_PAGE_H
#define TROUPE_FAILED_PAGE_H

#include <lua.h>

/* Puts values in place of the bytes in the page on top of the stack. [-0, +0, v] */
void failed_page_decode(lua_State *L);

#endif
