/* cron.c -- see cron.h. The calendar is counted in days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms": years begin in March, so that a leap day is the last of its year). */
#include "schedule/cron.h"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELD_COUNT };

enum { FEBRUARY = 2, DAY_MS = 24 * 3600 * 1000, HOUR_MS = 3600 * 1000, MINUTE_MS = 60 * 1000, HOUR_MINUTES = 60 };

enum { DAYS_MAX = 2932896 };       /* the last day of the year 9999 */

struct field {
  const char *name;
  unsigned least, most;
  const char *words;               /* three letters each, from `least` on; or NULL */
};

static const struct field fields[FIELD_COUNT] = {
  [MINUTE] = { .name = "minute", .least = 0, .most = 59 },
  [HOUR] = { .name = "hour", .least = 0, .most = 23 },
  [DAY] = { .name = "day of the month", .least = 1, .most = 31 },
  [MONTH] = { .name = "month", .least = 1, .most = 12, .words = "janfebmaraprmayjunjulaugsepoctnovdec" },
  [WEEKDAY] = { .name = "day of the week", .least = 0, .most = 7, .words = "sunmontuewedthufrisat" },
};

static const struct { const char *name, *text; } shorthands[] = {
  { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" }, { "@monthly", "0 0 1 * *" }, { "@weekly", "0 0 * * 0" },
  { "@daily", "0 0 * * *" },  { "@midnight", "0 0 * * *" }, { "@hourly", "0 * * * *" },
};

/* -- reading -- */

static bool is_digit(uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

static uint8_t lower(uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static enum err fail(struct failure *failure, const struct field *field, struct slice item, const char *why) {
  enum { SHOWN_MAX = 64 };
  return failure_set(failure, ERR_ARGUMENTS, "%s: \"%.*s\": %s", field->name,
                     (int)(item.size < SHOWN_MAX ? item.size : SHOWN_MAX), (const char *)item.data, why);
}

/* Takes digits off the front of a text. A number that is too large for any field stays so. */
static bool take_number(struct slice *text, unsigned *number) {
  enum { LARGE = 10000 };
  if (text->size == 0 || !is_digit(text->data[0])) return false;
  for (*number = 0; text->size > 0 && is_digit(text->data[0]); *text = slice_after(*text, 1)) {
    *number = *number < LARGE ? *number * 10 + (text->data[0] - '0') : LARGE;
  }
  return true;
}

static bool take_word(struct slice *text, const struct field *field, unsigned *number) {
  enum { LETTERS = 3 };
  if (field->words == NULL || text->size < LETTERS) return false;
  const uint8_t *word = text->data;
  for (unsigned i = 0; field->words[i * LETTERS] != 0; i++) {
    const char *known = field->words + (size_t)i * LETTERS;
    if (lower(word[0]) != known[0] || lower(word[1]) != known[1] || lower(word[2]) != known[2]) continue;
    *number = field->least + i;
    *text = slice_after(*text, LETTERS);
    return true;
  }
  return false;
}

static bool take_byte(struct slice *text, uint8_t byte) {
  if (text->size == 0 || text->data[0] != byte) return false;
  *text = slice_after(*text, 1);
  return true;
}

/* One item of a list: `*`, `5`, `1-5`, each with a step behind it or not. Adds its values. */
static enum err read_item(struct slice item, const struct field *field, uint64_t *values, struct failure *failure) {
  struct slice rest = item;
  unsigned first = field->least, last = field->most == 7 ? 6 : field->most, step = 1;
  bool all = take_byte(&rest, '*');
  if (!all) {
    if (!take_number(&rest, &first) && !take_word(&rest, field, &first)) {
      return fail(failure, field, item, item.size == 0 ? "a value is missing" : "not a value");
    }
    bool ranges = take_byte(&rest, '-');
    if (ranges && !take_number(&rest, &last) && !take_word(&rest, field, &last)) {
      return fail(failure, field, item, "a range has a value behind its dash");
    }
    if (!ranges && (rest.size == 0 || rest.data[0] != '/')) last = first;
  }
  if (take_byte(&rest, '/') && (!take_number(&rest, &step) || step == 0)) {
    return fail(failure, field, item, "a step is a number from 1 on");
  }
  if (rest.size > 0) return fail(failure, field, item, "not a value, a range or a step");
  if (first < field->least || first > field->most || last > field->most) {
    return fail(failure, field, item, "a value out of range");
  }
  bool to_sunday = field->most == 7 && first > last && (last == 0 || first == 7);
  if (to_sunday) last = 7;
  if (first > last) return fail(failure, field, item, "a range that ends before it begins");
  for (unsigned i = first; i <= last; i += step) *values |= UINT64_C(1) << i;
  return ERR_NONE;
}

static enum err read_field(struct slice text, const struct field *field, uint64_t *values, struct failure *failure) {
  size_t begin = 0;
  *values = 0;
  for (size_t i = 0; i <= text.size; i++) {
    if (i < text.size && text.data[i] != ',') continue;
    enum err err = read_item(slice_of(text.data + begin, i - begin), field, values, failure);
    if (err != ERR_NONE) return err;
    begin = i + 1;
  }
  return ERR_NONE;
}

static bool is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\t';
}

/* Cuts a text at its blanks. Returns how many pieces there are, even if they are more. */
static size_t split(struct slice text, struct slice pieces[FIELD_COUNT]) {
  size_t count = 0;
  for (size_t i = 0; i < text.size;) {
    size_t begin = i;
    while (i < text.size && !is_blank(text.data[i])) i++;
    if (i > begin && count++ < FIELD_COUNT) pieces[count - 1] = slice_of(text.data + begin, i - begin);
    while (i < text.size && is_blank(text.data[i])) i++;
  }
  return count;
}

static bool is_shorthand(struct slice text, const char *name) {
  if (text.size != strlen(name)) return false;
  for (size_t i = 0; i < text.size; i++) {
    if (lower(text.data[i]) != (uint8_t)name[i]) return false;
  }
  return true;
}

static unsigned days_of_month(unsigned month) {
  static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  return days[month - 1];
}

/* Whether any year has such a day. If the weekday alone will do, each month has one. */
static bool comes_ever(const struct cron *cron) {
  for (unsigned month = 1; month <= 12; month++) {
    uint32_t of_month = (uint32_t)((UINT64_C(2) << days_of_month(month)) - 1);
    if ((cron->months >> month & 1) != 0 && (cron->either || (cron->days & of_month) != 0)) return true;
  }
  return false;
}

enum err cron_parse(struct slice text, struct cron *cron, struct failure *failure) {
  struct failure unheard = { 0 };
  struct slice pieces[FIELD_COUNT] = { { 0 } };
  uint64_t values[FIELD_COUNT];
  if (failure == NULL) failure = &unheard;
  enum err err = ERR_NONE;
  if (text.size > CRON_TEXT_MAX) {
    err = failure_set(failure, ERR_ARGUMENTS, "more than %d bytes", CRON_TEXT_MAX);
    goto done;
  }
  size_t count = split(text, pieces);
  for (size_t i = 0; count == 1 && i < sizeof shorthands / sizeof *shorthands; i++) {
    if (is_shorthand(pieces[0], shorthands[i].name)) count = split(slice_text(shorthands[i].text), pieces);
  }
  if (count == 1 && pieces[0].data[0] == '@') {
    err = failure_set(failure, ERR_ARGUMENTS, "\"%.*s\": not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, "
                      "@hourly", (int)pieces[0].size, (const char *)pieces[0].data);
  } else if (count != FIELD_COUNT) {
    err = failure_set(failure, ERR_ARGUMENTS, "%zu fields; there are five: minute, hour, day of the month, month, day of the "
                      "week", count);
  }
  for (size_t i = 0; i < FIELD_COUNT && err == ERR_NONE; i++) err = read_field(pieces[i], &fields[i], &values[i], failure);
  if (err != ERR_NONE) goto done;
  *cron = (struct cron){
    .minutes = values[MINUTE], .hours = (uint32_t)values[HOUR], .days = (uint32_t)values[DAY],
    .months = (uint16_t)values[MONTH], .weekdays = (uint8_t)((values[WEEKDAY] | values[WEEKDAY] >> 7) & 0x7f),
    .either = pieces[DAY].data[0] != '*' && pieces[WEEKDAY].data[0] != '*',
  };
  if (!comes_ever(cron)) {
    err = failure_set(failure, ERR_ARGUMENTS, "it never comes: no month that it names has such a day");
  }
done:
  failure_done(&unheard);
  return err;
}

/* -- the calendar -- */

struct date {
  int64_t year;
  unsigned month, day;         /* from 1 */
};

static struct date date_of(int64_t days) {
  enum { DAYS_TO_1970 = 719468, DAYS_OF_400 = 146097, DAYS_OF_100 = 36524, DAYS_OF_4 = 1460, DAYS_OF_YEAR = 365 };
  int64_t shifted = days + DAYS_TO_1970, era = shifted / DAYS_OF_400;
  unsigned of_era = (unsigned)(shifted - era * DAYS_OF_400);
  unsigned year = (of_era - of_era / DAYS_OF_4 + of_era / DAYS_OF_100 - of_era / (DAYS_OF_400 - 1)) / DAYS_OF_YEAR;
  unsigned of_year = of_era - (DAYS_OF_YEAR * year + year / 4 - year / 100);
  unsigned from_march = (5 * of_year + 2) / 153;
  unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
  return (struct date){
    .year = (int64_t)year + era * 400 + (month <= FEBRUARY), .month = month, .day = of_year - (153 * from_march + 2) / 5 + 1
  };
}

static bool names_day(const struct cron *cron, int64_t days) {
  enum { WEEKDAY_OF_1970 = 4 };
  struct date date = date_of(days);
  bool by_day = (cron->days >> date.day & 1) != 0;
  bool by_weekday = (cron->weekdays >> (days + WEEKDAY_OF_1970) % 7 & 1) != 0;
  return (cron->months >> date.month & 1) != 0 && (cron->either ? by_day || by_weekday : by_day && by_weekday);
}

/* The first minute of a day at or behind `minute` that it names; -1: none. */
static int first_minute(const struct cron *cron, int minute) {
  for (int hour = minute / HOUR_MINUTES; hour < 24; hour++, minute = hour * HOUR_MINUTES) {
    uint64_t left = (cron->hours >> hour & 1) == 0 ? 0 : cron->minutes >> (minute % HOUR_MINUTES);
    if (left != 0) return minute + __builtin_ctzll(left);
  }
  return -1;
}

/* The last one at or before `minute`; -1: none. */
static int last_minute(const struct cron *cron, int minute) {
  for (int hour = minute / HOUR_MINUTES; hour >= 0; hour--, minute = hour * HOUR_MINUTES + HOUR_MINUTES - 1) {
    uint64_t until = (UINT64_C(2) << (minute % HOUR_MINUTES)) - 1;
    uint64_t left = (cron->hours >> hour & 1) == 0 ? 0 : cron->minutes & until;
    if (left != 0) return hour * HOUR_MINUTES + 63 - __builtin_clzll(left);
  }
  return -1;
}

/* How many it names from the day's begin to `minute`, with it. */
static int64_t count_minutes(const struct cron *cron, int minute) {
  int hour = minute / HOUR_MINUTES;
  uint64_t until = (UINT64_C(2) << (minute % HOUR_MINUTES)) - 1;
  int64_t hours_before = __builtin_popcount(cron->hours & ((UINT32_C(1) << hour) - 1));
  int64_t in_hour = (cron->hours >> hour & 1) == 0 ? 0 : __builtin_popcountll(cron->minutes & until);
  return hours_before * __builtin_popcountll(cron->minutes) + in_hour;
}

static int64_t moment_of(int64_t days, int minute) {
  return days * DAY_MS + (int64_t)minute * MINUTE_MS;
}

int64_t cron_next(const struct cron *cron, int64_t after_ms) {
  if (after_ms >= moment_of(DAYS_MAX + 1, 0)) return INT64_MAX;
  int64_t from_ms = after_ms < 0 ? 0 : after_ms / MINUTE_MS * MINUTE_MS + MINUTE_MS;
  int64_t days = from_ms / DAY_MS;
  int minute = (int)(from_ms % DAY_MS / MINUTE_MS);
  for (; days <= DAYS_MAX; days++, minute = 0) {
    if (!names_day(cron, days)) continue;
    int first = first_minute(cron, minute);
    if (first >= 0) return moment_of(days, first);
  }
  return INT64_MAX;
}

int64_t cron_last(const struct cron *cron, int64_t until_ms) {
  int64_t days = until_ms / DAY_MS;
  int minute = (int)(until_ms % DAY_MS / MINUTE_MS);
  if (until_ms < 0) return -1;
  for (; days >= 0; days--, minute = DAY_MS / MINUTE_MS - 1) {
    if (!names_day(cron, days)) continue;
    int last = last_minute(cron, minute);
    if (last >= 0) return moment_of(days, last);
  }
  return -1;
}

/* Those on a day and before the end of `minute`. */
static int64_t count_of_day(const struct cron *cron, int64_t days, int minute) {
  return names_day(cron, days) ? count_minutes(cron, minute) : 0;
}

int64_t cron_count(const struct cron *cron, int64_t after_ms, int64_t until_ms) {
  if (after_ms < 0) after_ms = -1;
  if (until_ms <= after_ms) return 0;
  int64_t day = after_ms < 0 ? 0 : after_ms / DAY_MS, end = until_ms / DAY_MS;
  int64_t count = after_ms < 0 ? 0 : -count_of_day(cron, day, (int)(after_ms % DAY_MS / MINUTE_MS));
  for (; day < end; day++) count += count_of_day(cron, day, DAY_MS / MINUTE_MS - 1);
  return count + count_of_day(cron, end, (int)(until_ms % DAY_MS / MINUTE_MS));
}
