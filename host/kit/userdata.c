/* userdata.c -- see userdata.h. */
#include "kit/userdata.h"

void userdata_make_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc) {
  luaL_newmetatable(L, name);                                        /* meta */
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");                                       /* meta */
  lua_newtable(L);                                                   /* meta methods */
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");                                    /* meta */
  lua_pop(L, 1);                                                     /* - */
}
