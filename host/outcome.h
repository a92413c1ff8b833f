/* outcome.h -- what a host answered to a client, taken apart.
 *
 * WHY    A result is printed as the very bytes that came, an error as its code and message; whatever else answers at
 *        that address is told from a host.
 * ROOM   main. Below: codec, base.
 * OWNS   Nothing.
 */
#ifndef TROUPE_OUTCOME_H
#define TROUPE_OUTCOME_H

#include "base/failure.h"

/* Appends the result of {"result": ...}, JSON text. ERR_USER with "code: message" for {"error": ...}; ERR_REQUEST for
 * what is not an answer of a host. */
enum err outcome_read(int status, struct slice body, struct buf *result, struct failure *failure);

/* The same, but appends the whole answer; also one that tells more than an error, beside the failure. */
enum err outcome_read_all(int status, struct slice body, struct buf *answer, struct failure *failure);

/* Whether a text is JSON; if not, ERR_REQUEST with the place. */
enum err outcome_check_json(struct slice text, struct failure *failure);

#endif
