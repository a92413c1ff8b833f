/* mail_audit.h -- whether records of messages make sense.
 *
 * WHY    A message that cannot be read is never applied, and one in the wrong shard is never found.
 * ROOM   stage. Below: mail_record, failed_id, wake_key, ledger (view).
 * THREAD The caller's.
 * OWNS   Nothing.
 */
#ifndef TROUPE_MAIL_AUDIT_H
#define TROUPE_MAIL_AUDIT_H

#include "ledger/view.h"
#include "stage/failed_id.h"

/* What is wrong about a message, or about one that was given up, whose key says so; NULL: nothing is. ERR_STORAGE,
 * ERR_MEMORY. */
enum err mail_audit_waiting(const struct view *view, struct slice key, struct slice value, const char **complaint);
enum err mail_audit_failed(const struct view *view, const struct failed_id *id, struct slice value,
                           const char **complaint);

#endif
