/* cron_test.c -- what five fields mean: each form that they may have, and each minute of some years against the C library's
 * calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "assert_text.h"
#include "random.h"
#include "schedule/cron.h"

enum { MINUTE_MS = 60 * 1000 };

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static struct cron parse(const char *text) {
  struct cron cron;
  struct failure failure = { 0 };
  if (cron_parse(slice_text(text), &cron, &failure) != ERR_NONE) {
    fail_msg("%s: %.*s", text, (int)failure.message.size, (const char *)failure.message.data);
  }
  return cron;
}

/* "2026-01-31 06:30" in milliseconds. */
static int64_t ms_of(const char *text) {
  struct tm tm = { 0 };
  assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
  return (int64_t)timegm(&tm) * 1000;
}

static void assert_moment(const char *expression, const char *from, int64_t got_ms, const char *expected) {
  char text[64];
  time_t seconds = (time_t)(got_ms / 1000);
  struct tm tm;
  strftime(text, sizeof text, "%Y-%m-%d %H:%M", gmtime_r(&seconds, &tm));
  if (strcmp(text, expected) != 0 || got_ms % MINUTE_MS != 0) fail_msg("%s from %s: %s, not %s", expression, from, text, expected);
}

/* -- what an expression means -- */

static const struct { const char *expression, *from, *next; } moments[] = {
  { "* * * * *", "2026-11-28 10:00", "2026-11-28 10:01" },
  { "*/5 * * * *", "2026-11-28 10:00", "2026-11-28 10:05" },
  { "*/5 * * * *", "2026-11-28 10:57", "2026-11-28 11:00" },
  { "7/20 * * * *", "2026-11-28 10:00", "2026-11-28 10:07" },
  { "7/20 * * * *", "2026-11-28 10:47", "2026-11-28 11:07" },
  { "10-30/10 * * * *", "2026-11-28 10:20", "2026-11-28 10:30" },
  { "10-30/10 * * * *", "2026-11-28 10:30", "2026-11-28 11:10" },
  { "0,15,59 * * * *", "2026-11-28 10:15", "2026-11-28 10:59" },
  { "30 6 * * *", "2026-11-28 06:30", "2026-11-29 06:30" },
  { "30 6 * * *", "2026-12-31 06:30", "2027-01-01 06:30" },
  { "0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00" },
  { "0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00" },
  { "0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00" },
  { "0 0 29 FEB *", "1999-01-01 00:00", "2000-02-29 00:00" },
  { "0 12 * jan,jul mon", "2026-02-01 00:00", "2026-07-06 12:00" },
  { "0 12 * Jan-Mar *", "2026-03-31 12:00", "2027-01-01 12:00" },
  { "0 0 * * 0", "2026-11-28 00:00", "2026-11-29 00:00" },
  { "0 0 * * 7", "2026-11-28 00:00", "2026-11-29 00:00" },
  { "0 0 * * sun", "2026-11-28 00:00", "2026-11-29 00:00" },
  { "0 0 * * 5-7", "2026-11-26 00:00", "2026-11-27 00:00" },
  { "0 0 * * fri-sun", "2026-11-28 00:00", "2026-11-29 00:00" },
  { "0 0 * * fri-sun", "2026-11-29 00:00", "2026-12-04 00:00" },
  { "0 0 * * mon-fri", "2026-11-27 00:00", "2026-11-30 00:00" },
  { "0 0 13 * fri", "2026-11-01 00:00", "2026-11-06 00:00" },         /* either suffices */
  { "0 0 13 * fri", "2026-12-12 00:00", "2026-12-13 00:00" },
  { "0 0 */2 * fri", "2026-11-01 00:00", "2026-11-13 00:00" },        /* a star: both must name it */
  { "0 0 13 * */5", "2026-11-13 00:00", "2026-12-13 00:00" },
  { "0 0 29 2 */7", "2026-01-01 00:00", "2032-02-29 00:00" },
  { "0 0 30 2 mon", "2026-01-01 00:00", "2026-02-02 00:00" },
  { " 0\t0  1 1 * ", "2026-01-01 00:00", "2027-01-01 00:00" },
  { "@yearly", "2026-01-01 00:00", "2027-01-01 00:00" },
  { "@annually", "2026-11-28 00:00", "2027-01-01 00:00" },
  { "@monthly", "2026-11-28 00:00", "2026-12-01 00:00" },
  { "@weekly", "2026-11-28 00:00", "2026-11-29 00:00" },
  { "@daily", "2026-11-28 10:00", "2026-11-29 00:00" },
  { "@Midnight", "2026-11-28 10:00", "2026-11-29 00:00" },
  { "@hourly", "2026-11-28 10:00", "2026-11-28 11:00" },
};

static void each_form_names_its_moments(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    struct cron cron = parse(moments[i].expression);
    int64_t from = ms_of(moments[i].from), next = ms_of(moments[i].next);
    assert_moment(moments[i].expression, moments[i].from, cron_next(&cron, from), moments[i].next);
    assert_moment(moments[i].expression, moments[i].from, cron_next(&cron, next - 1), moments[i].next);
    assert_moment(moments[i].expression, moments[i].from, cron_last(&cron, next), moments[i].next);
    assert_moment(moments[i].expression, moments[i].from, cron_last(&cron, next + MINUTE_MS - 1), moments[i].next);
    assert_int_equal(cron_count(&cron, from, next), 1);
    assert_int_equal(cron_count(&cron, from, next - 1), 0);
  }
}

static const struct { const char *expression, *error; } mistakes[] = {
  { "", "0 fields; there are five: minute, hour, day of the month, month, day of the week" },
  { "   ", "0 fields; there are five: minute, hour, day of the month, month, day of the week" },
  { "* * * *", "4 fields; there are five: minute, hour, day of the month, month, day of the week" },
  { "* * * * * *", "6 fields; there are five: minute, hour, day of the month, month, day of the week" },
  { "@reboot", "\"@reboot\": not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly" },
  { "60 * * * *", "minute: \"60\": a value out of range" },
  { "99999999999999999999 * * * *", "minute: \"99999999999999999999\": a value out of range" },
  { "-1 * * * *", "minute: \"-1\": not a value" },
  { "1.5 * * * *", "minute: \"1.5\": not a value, a range or a step" },
  { "* 24 * * *", "hour: \"24\": a value out of range" },
  { "* * 0 * *", "day of the month: \"0\": a value out of range" },
  { "* * 32 * *", "day of the month: \"32\": a value out of range" },
  { "* * L * *", "day of the month: \"L\": not a value" },
  { "* * ? * *", "day of the month: \"?\": not a value" },
  { "* * * 0 *", "month: \"0\": a value out of range" },
  { "* * * 13 *", "month: \"13\": a value out of range" },
  { "* * * january *", "month: \"january\": not a value, a range or a step" },
  { "* * * mon *", "month: \"mon\": not a value" },
  { "* * * * 8", "day of the week: \"8\": a value out of range" },
  { "* * * * jan", "day of the week: \"jan\": not a value" },
  { "* * * * fri#2", "day of the week: \"fri#2\": not a value, a range or a step" },
  { "*/0 * * * *", "minute: \"*/0\": a step is a number from 1 on" },
  { "*/ * * * *", "minute: \"*/\": a step is a number from 1 on" },
  { "*/-5 * * * *", "minute: \"*/-5\": a step is a number from 1 on" },
  { "5- * * * *", "minute: \"5-\": a range has a value behind its dash" },
  { "30-10 * * * *", "minute: \"30-10\": a range that ends before it begins" },
  { "5-70 * * * *", "minute: \"5-70\": a value out of range" },
  { "1,,2 * * * *", "minute: \"\": a value is missing" },
  { "1, * * * *", "minute: \"\": a value is missing" },
  { ", * * * *", "minute: \"\": a value is missing" },
  { "**  * * * *", "minute: \"**\": not a value, a range or a step" },
  { "*-5 * * * *", "minute: \"*-5\": not a value, a range or a step" },
  { "0 0 30 2 *", "it never comes: no month that it names has such a day" },
  { "0 0 31 2,4,6,9,11 *", "it never comes: no month that it names has such a day" },
  { "0 0 31 feb */2", "it never comes: no month that it names has such a day" },
};

static void each_mistake_is_named(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct cron cron;
    struct failure failure = { 0 };
    assert_int_equal(cron_parse(slice_text(mistakes[i].expression), &cron, &failure), ERR_ARGUMENTS);
    assert_text(&failure.message, mistakes[i].error);
    failure_done(&failure);
    assert_int_equal(cron_parse(slice_text(mistakes[i].expression), &cron, NULL), ERR_ARGUMENTS);
  }
}

static void a_text_that_is_too_long_is_refused(void **state) {
  (void)state;
  char text[CRON_TEXT_MAX + 2];
  struct cron cron;
  memset(text, ' ', sizeof text);
  memcpy(text, "* * * * *", 9);
  assert_int_equal(cron_parse(slice_of(text, CRON_TEXT_MAX), &cron, NULL), ERR_NONE);
  assert_int_equal(cron_parse(slice_of(text, CRON_TEXT_MAX + 1), &cron, NULL), ERR_ARGUMENTS);
}

static void the_edges_of_time_hold(void **state) {
  (void)state;
  struct cron each = parse("* * * * *"), leap = parse("0 0 29 2 *");
  assert_int_equal(cron_next(&each, INT64_MIN), 0);
  assert_int_equal(cron_next(&each, -1), 0);
  assert_int_equal(cron_next(&each, 0), MINUTE_MS);
  assert_int_equal(cron_last(&each, 0), 0);
  assert_int_equal(cron_last(&each, -1), -1);
  assert_int_equal(cron_last(&leap, 58 * day_ms), -1);
  assert_int_equal(cron_count(&each, INT64_MIN, MINUTE_MS), 2);
  assert_int_equal(cron_count(&each, 5, 5), 0);
  assert_int_equal(cron_count(&each, 5, 4), 0);
  assert_int_equal(cron_next(&each, ms_of("9999-12-31 23:58")), ms_of("9999-12-31 23:59"));
  assert_true(cron_next(&each, ms_of("9999-12-31 23:59")) == INT64_MAX);
  assert_true(cron_next(&leap, ms_of("9996-02-29 00:00")) == INT64_MAX);
  assert_true(cron_next(&each, INT64_MAX) == INT64_MAX);
}

/* -- minute by minute -- */

static uint64_t some_values(struct random *random, unsigned least, unsigned most) {
  uint64_t values = 0;
  unsigned count = 1 + (unsigned)random_below(random, 4);
  for (unsigned i = 0; i < count; i++) values |= UINT64_C(1) << (least + random_below(random, most - least + 1));
  return values;
}

/* Writes a field that means a set of values, or a star, or a star with a step, which it returns. */
static uint64_t write_field(struct random *random, struct buf *text, unsigned least, unsigned most, bool *star) {
  uint64_t values = 0;
  unsigned step = 1;
  *star = random_below(random, 3) > 0;
  if (text->size > 0) buf_put_byte(text, ' ');
  if (*star) {
    buf_put_byte(text, '*');
    if (random_once_in(random, 3)) buf_printf(text, "/%u", step = 1 + (unsigned)random_below(random, most));
    for (unsigned i = least; i <= most; i += step) values |= UINT64_C(1) << i;
    return values;
  }
  values = some_values(random, least, most);
  const char *comma = "";
  for (unsigned i = least; i <= most; i++) {
    if ((values >> i & 1) == 0) continue;
    buf_printf(text, "%s%u", comma, i);
    comma = ",";
  }
  return values;
}

struct model {
  uint64_t minutes, hours, days, months, weekdays;
  bool day_star, weekday_star;
};

static bool is_named(const struct model *model, const struct tm *tm) {
  bool day = (model->days >> tm->tm_mday & 1) != 0, weekday = (model->weekdays >> tm->tm_wday & 1) != 0;
  bool fits = model->day_star || model->weekday_star ? day && weekday : day || weekday;
  return fits && (model->months >> (tm->tm_mon + 1) & 1) != 0;
}

/* Goes over some years day by day, and minute by minute where the day is named. */
static void try_years(struct random *random, const struct cron *cron, const struct model *model, const char *text) {
  static const char *const begins[] = { "1970-01-01 00:00", "1999-12-31 00:00", "2024-02-01 00:00", "2099-12-01 00:00" };
  const int64_t from = ms_of(begins[random_below(random, 4)]) + (int64_t)random_below(random, 1440) * MINUTE_MS;
  const int64_t end = from + 430 * day_ms;
  int64_t last = from, count = 0;
  for (int64_t day = from - from % day_ms; day < end; day += day_ms) {
    time_t seconds = (time_t)(day / 1000);
    struct tm tm;
    if (!is_named(model, gmtime_r(&seconds, &tm))) continue;
    for (int64_t minute = 0; minute < 1440; minute++) {
      int64_t at = day + minute * MINUTE_MS;
      bool named = (model->minutes >> minute % 60 & 1) != 0 && (model->hours >> minute / 60 & 1) != 0;
      if (!named || at <= from || at > end) continue;
      if (cron_next(cron, last) != at || (count > 0 && cron_last(cron, at - 1) != last)) fail_msg("\"%s\" at %lld", text, (long long)at);
      last = at;
      count++;
    }
  }
  if (cron_count(cron, from, end) != count) fail_msg("\"%s\": the count from %lld", text, (long long)from);
  assert_true(cron_next(cron, last) > end);
}

static void moments_are_those_of_the_calendar(void **state) {
  struct random random = random_begin("cron_test");
  uint64_t rounds = environment_count("TROUPE_ROUNDS", 300);
  (void)state;
  for (uint64_t round = 0; round < rounds; round++) {
    struct buf text = { 0 };
    struct model model;
    struct cron cron;
    bool star;
    model.minutes = write_field(&random, &text, 0, 59, &star);
    model.hours = write_field(&random, &text, 0, 23, &star);
    model.days = write_field(&random, &text, 1, 31, &model.day_star);
    model.months = write_field(&random, &text, 1, 12, &star);
    model.weekdays = write_field(&random, &text, 0, 6, &model.weekday_star);
    buf_put_byte(&text, 0);
    if (cron_parse(slice_text((const char *)text.data), &cron, NULL) == ERR_NONE) {
      try_years(&random, &cron, &model, (const char *)text.data);
    }
    buf_done(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_form_names_its_moments), cmocka_unit_test(each_mistake_is_named),
    cmocka_unit_test(a_text_that_is_too_long_is_refused), cmocka_unit_test(the_edges_of_time_hold),
    cmocka_unit_test(moments_are_those_of_the_calendar),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
