/* err.c -- the list of err.h as a table. */
#include "base/err.h"

#include <string.h>

#include "base/check.h"

/* The errors that stay inside the host have no code of their own: should one slip out, it is the host's fault and
 * looks like it. */
static const struct {
  const char *code;
  int status;
} table[ERR_COUNT] = {
  [ERR_NONE] = { "none", HTTP_200 },
#define ERR_ROW(value, code, status) [value] = { code, HTTP_##status },
  ERR_LIST(ERR_ROW)
#undef ERR_ROW
  [ERR_NOT_FOUND] = { "internal_error", HTTP_500 },
  [ERR_FATAL] = { "internal_error", HTTP_500 },
};

const char *err_code(enum err err) {
  CHECK_THAT(err, <, ERR_COUNT);
  return table[err].code;
}

int err_status(enum err err) {
  CHECK_THAT(err, <, ERR_COUNT);
  return table[err].status;
}

int err_blames_client(enum err err) {
  return err != ERR_NONE && err != ERR_USER && err != ERR_TOO_LARGE && err_status(err) < 500;
}

int err_is_reserved(const char *code) {
  static const char *const codes[] = {
#define ERR_CODE(value, text, status) [value] = text,
    ERR_LIST(ERR_CODE)
#undef ERR_CODE
  };
  for (size_t i = ERR_USER + 1; i < sizeof codes / sizeof codes[0]; i++) {
    if (strcmp(codes[i], code) == 0) return 1;
  }
  return 0;
}
