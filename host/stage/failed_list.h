/* failed_list.h -- what a host has given up: messages and schedules, for operators, in pages.
 *
 * WHY     What was given up runs no more by itself. Somebody must see it, and say what is to become of it (failed.h).
 * ROOM    stage. Below: survey, failed_id, schedule, mail_record.
 * THREAD  As a survey.
 * OWNS    What it has found.
 * ALWAYS  1. Pages are in the order of record keys (failed_id.h). Whoever asks for each next one behind the last sees
 *            everything once that was there all the time.
 *         2. Each worker looks at so many records at most. So a page may have fewer entries than were asked for, even none, and
 *            say all the same behind which id the next one begins.
 * LIMITS  FAILED_LIST_STEPS records of each worker, deleted ones too; FAILED_LIST_BYTES bytes of text in all, and one entry
 *         of each worker. Of one, arguments of more than FAILED_LIST_ARGS bytes are not shown.
 */
#ifndef TROUPE_FAILED_LIST_H
#define TROUPE_FAILED_LIST_H

#include "stage/survey.h"

enum {
  FAILED_LIST_STEPS = 10000, FAILED_LIST_BYTES = 16 * 1024 * 1024, FAILED_LIST_ARGS = 64 * 1024
};

/* For a request (REQUEST_FAILED) that it takes over: its answer is as lua/README.md has it ("What was given up"), in JSON; as a
 * value for specs, with the arguments as a string, a value of their own. NULL if out of memory; then nothing is taken over. */
struct survey *failed_list_try_new(struct request **request);

#endif
