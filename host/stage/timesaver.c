/* timesaver.c -- see timesaver.h. */
#include "stage/timesaver.h"

#include "ledger/clock_record.h"

void timesaver_init(struct timesaver *saver, struct timekeeper *timekeeper, const struct post *post, struct rig *rig) {
  *saver = (struct timesaver){ .timekeeper = timekeeper, .post = post, .rig = rig, .next_ns = INT64_MIN };
}

static bool try_send(struct timesaver *saver) {
  struct time_mark mark = timekeeper_mark(saver->timekeeper);
  struct drafts *drafts = rig_begin_own(saver->rig);
  if (drafts == NULL) return false;
  if (!clock_record_try_draft(drafts, &mark)) {
    rig_drop_own(saver->rig);
    return false;
  }
  uint64_t ticket = rig_commit_own(saver->rig, NULL);
  if (ticket == 0) return false;
  saver->ticket = ticket;
  timekeeper_note_saved(saver->timekeeper, &mark);
  return true;
}

static void pause(struct timesaver *saver, int64_t now_ns) {
  saver->next_ns = now_ns + (int64_t)TIMESAVER_PAUSE_MS * 1000000;
}

bool timesaver_step(struct timesaver *saver, int64_t now_ns) {
  if (now_ns < saver->next_ns || !timekeeper_wants_save(saver->timekeeper)) return false;
  if (saver->rig != NULL && try_send(saver)) return true;
  if (saver->rig == NULL) post_wake(saver->post, 0);
  pause(saver, now_ns);
  return false;
}

void timesaver_fail(struct timesaver *saver, uint64_t verdict, int64_t now_ns) {
  if (saver->ticket <= verdict) return;
  saver->ticket = 0;
  timekeeper_note_saved(saver->timekeeper, NULL);
  pause(saver, now_ns);
}

bool timesaver_end(struct timesaver *saver) {
  if (saver->rig == NULL || saver->ended) return false;
  saver->ended = true;
  return !timekeeper_is_saved(saver->timekeeper) && try_send(saver);
}

int64_t timesaver_due_ns(const struct timesaver *saver, int64_t now_ns) {
  if (saver->rig == NULL) return INT64_MAX;
  int64_t due_ns = now_ns + timekeeper_save_in_ns(saver->timekeeper);
  return due_ns < saver->next_ns ? saver->next_ns : due_ns;
}
