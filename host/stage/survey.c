/* survey.c -- see survey.h. */
#include "stage/survey.h"

void survey_init(struct survey *survey, const struct survey_kind *kind, struct request **request) {
  survey->letter.kind = LETTER_SURVEY;
  survey->kind = kind;
  if (request == NULL) return;
  survey->request = *request;
  *request = NULL;
}

void survey_free(struct survey *survey) {
  request_free(survey->request);
  survey->kind->free(survey);
}

void survey_fail(struct survey *survey, struct failure *failure) {
  struct reply *reply = survey->request->reply;
  buf_clear(&reply->body);
  failure_move(&reply->failure, failure);
  survey_free(survey);
  reply_keep(reply);
}

void survey_end(struct survey *survey, struct performances *performances) {
  struct reply *reply = survey->request->reply;
  struct failure failure = { 0 };
  if (survey->kind->put(survey, &reply->body, &failure) != ERR_NONE) {
    survey_fail(survey, &failure);
    return;
  }
  uint64_t seen = survey->seen;
  survey_free(survey);
  performances_tell(performances, reply, seen);
}
