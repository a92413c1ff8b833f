/* upkeep.c -- see upkeep.h. */
#include "kit/upkeep.h"

#include "ledger/backup.h"
#include "stage/renumbering.h"
#include "stage/verify.h"

static void keep_finding(void *context, const char *sentence) {
  struct buf *text = context;
  buf_put_text(text, sentence);
  buf_put_byte(text, '\n');
}

/* Pushes the message of a failure, and lets the failure go. [-0, +1, m] */
static void push_failure(lua_State *L, struct failure *failure) {
  lua_pushlstring(L, (const char *)failure->message.data, failure->message.size);
  failure_done(failure);
}

int upkeep_verify(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct buf text = { 0 };
  struct findings findings = { .tell = keep_finding, .context = &text };
  struct failure failure = { 0 };
  struct verify_report report;
  if (verify_folder(path, UPKEEP_MAP_BYTES, &findings, NULL, &report, &failure) != ERR_NONE) {
    buf_done(&text);
    lua_pushnil(L);
    push_failure(L, &failure);                                       /* nil message */
    return 2;
  }
  lua_pushinteger(L, (lua_Integer)findings.count);
  lua_pushlstring(L, (const char *)text.data, text.size);
  buf_done(&text);
  lua_pushinteger(L, (lua_Integer)report.audit.actors);              /* count text actors */
  return 3;
}

int upkeep_backup(lua_State *L) {
  const char *from = luaL_checkstring(L, 1), *to = luaL_checkstring(L, 2);
  struct clock clock;
  clock_init_manual(&clock, 0);
  const struct logger logger = { .clock = &clock, .level_min = LOG_WARN };
  struct failure failure = { 0 };
  struct backup_report report;
  if (backup_make(from, to, UPKEEP_MAP_BYTES, &logger, renumbering_source(), &report, &failure) != ERR_NONE) {
    lua_pushnil(L);
    push_failure(L, &failure);                                       /* nil message */
    return 2;
  }
  lua_pushinteger(L, (lua_Integer)report.batch);
  lua_pushinteger(L, (lua_Integer)report.records);                   /* batch records */
  return 2;
}
