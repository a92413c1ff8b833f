/* remote.h -- `troupe call`, `inspect`, `destroy`, `calls` and `failed`: the command line as a client of a running host.
 *
 * WHY    Actors can be tried from a shell without knowing how a request is written.
 * ROOM   main. Below: door (the client), codec (JSON), base.
 * OWNS   Nothing.
 */
#ifndef TROUPE_REMOTE_H
#define TROUPE_REMOTE_H

#include "options.h"

/* Calls a method and appends its result, JSON text. ERR_ARGUMENTS where a word of the command line is wrong, before
 * anything is sent. Else the failure's message is for the user as it stands: what the host answered, after its code, or why
 * there is no answer. */
enum err remote_call(const struct options *options, struct buf *result, struct failure *failure);

/* The same for what an actor holds. With --all, the whole answer, also where that tells more than an error. */
enum err remote_inspect(const struct options *options, struct buf *result, struct failure *failure);

/* The same for the end of an actor, which has no result. */
enum err remote_destroy(const struct options *options, struct failure *failure);

/* Appends what each call of the host is doing, in lines for people (call_tree.h). */
enum err remote_calls(const struct options *options, struct buf *lines, struct failure *failure);

/* Appends what the host has given up, in lines for people (failed_lines.h). With the words retry or drop, and an id: lets
 * that begin anew, or drops it, and appends nothing. */
enum err remote_failed(const struct options *options, struct buf *lines, struct failure *failure);

#endif
