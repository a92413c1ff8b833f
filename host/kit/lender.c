/* lender.c -- see lender.h. */
#include "kit/lender.h"

#include "marshal/lent.h"

static const char lender_name[] = "troupe.lender";

struct lender {
  struct vm *vm;
  struct limits limits;                /* for conversions that belong to no host */
  struct loan loan;
};

struct loan *lender_lend(lua_State *L, const struct limits *limits) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, lender_name);                    /* lender */
  struct lender *lender = lua_touserdata(L, -1);
  lua_pop(L, 1);                                                     /* - */
  lender->vm->config.limits = limits == NULL ? &lender->limits : limits;
  vm_tell(lender->vm, L);
  struct loan *loan = &lender->loan;
  struct buf *bufs[] = { &loan->key, &loan->arguments, &loan->input, &loan->params, &loan->headers };
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) buf_clear(bufs[i]);
  failure_clear(&loan->failure);
  return loan;
}

static int lender_gc(lua_State *L) {
  struct lender *lender = lua_touserdata(L, 1);
  lent_close(lender->vm);
  buf_done(&lender->loan.key);
  buf_done(&lender->loan.arguments);
  buf_done(&lender->loan.input);
  buf_done(&lender->loan.params);
  buf_done(&lender->loan.headers);
  failure_done(&lender->loan.failure);
  return 0;
}

void lender_open(lua_State *L) {
  struct lender *lender = lua_newuserdatauv(L, sizeof *lender, 0);   /* lender */
  *lender = (struct lender){ .limits = limits_default() };
  struct vm_config config = { .limits = &lender->limits };
  lender->vm = lent_open(L, &config);
  luaL_newmetatable(L, lender_name);
  lua_pushcfunction(L, lender_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);                                           /* lender */
  lua_rawsetp(L, LUA_REGISTRYINDEX, lender_name);                    /* - */
}
