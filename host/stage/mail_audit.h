/* mail_audit.h -- whether records of messages make sense.
 *
 * WHY    A message that cannot be read is never applied, and one in the wrong shard is never found.
 * ROOM   stage. Below: mail_record, wake_key, ledger (view).
 * THREAD The caller's.
 * OWNS   Nothing.
 */
#ifndef TROUPE_MAIL_AUDIT_H
#define TROUPE_MAIL_AUDIT_H

#include "ledger/view.h"

/* What is wrong about a message, or about one that was given up; NULL: nothing is. ERR_STORAGE, ERR_MEMORY. */
enum err mail_audit_waiting(const struct view *view, struct slice key, struct slice value, const char **complaint);
enum err mail_audit_failed(const struct view *view, struct slice key, struct slice value, const char **complaint);

/* Whether a record among those that were given up is a message. */
bool mail_audit_is_failed(struct slice key);

#endif
