/* cron.h -- five fields that name moments of the calendar.
 *
 * WHY     "Each weekday at 6:30" is no interval. The words are those of crontab(5), which everybody knows; the calendar is
 *         UTC, so that no moment is there twice, or never.
 * ROOM    schedule. Below: nothing of ours but bytes.
 * OWNS    Nothing. All is integer arithmetic: no time zone and no setting of the machine has a say.
 * WORDS   Minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or jan-dec), day of the week (0-7 or sun-sat; 0 and
 *         7 are Sunday). Each a list of values, ranges and steps: `*`, `5`, `1-5`, `mon-fri`, `0,30`, `10-50/20`, and a step
 *         over everything or from a value on. Or one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly.
 * ALWAYS  1. If neither day field begins with a star, a day that one of them names will do; else both must name it.
 *         2. An expression that was parsed names a moment in each 400 years of the calendar.
 */
#ifndef TROUPE_CRON_H
#define TROUPE_CRON_H

#include "base/failure.h"

struct cron {
  uint64_t minutes;
  uint32_t hours, days;        /* a bit for each value */
  uint16_t months;
  uint8_t weekdays;            /* from 0, Sunday, to 6 */
  bool either;                 /* both day fields are restricted */
};

enum { CRON_TEXT_MAX = 256 };  /* bytes of an expression */

/* ERR_ARGUMENTS: the failure says which field, and why. `failure` may be NULL. */
enum err cron_parse(struct slice text, struct cron *cron, struct failure *failure);

/* The first moment behind `after_ms`; milliseconds since 1970, as everywhere here, and 0 or more. INT64_MAX: none before the
 * year 10000. */
int64_t cron_next(const struct cron *cron, int64_t after_ms);

/* The last moment at or before `until_ms`; -1 if there is none since 1970. */
int64_t cron_last(const struct cron *cron, int64_t until_ms);

/* How many moments there are behind `after_ms`, up to and with `until_ms`. It takes as long as there are days between. */
int64_t cron_count(const struct cron *cron, int64_t after_ms, int64_t until_ms);

#endif
