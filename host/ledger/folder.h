/* folder.h -- the data folder: who may use it, which version wrote it, and the operator's token.
 *
 * WHY     Two hosts on one store would each believe that they are alone, and a host must not guess at bytes that another
 *         version wrote.
 * ROOM    ledger. Below: base.
 * OWNS    The lock on the folder, from folder_open() to folder_close().
 * BYTES   LOCK, empty. FORMAT: "troupe 3" and a line end. store/: LMDB. log/: the commit log. token, mode 0600: 43
 *         characters (32 random bytes in base64url) and a line end. They are made in this order, so that a start that
 *         was cut off can be repeated; the store is in store/ before there is a token.
 * ERRORS  ERR_REQUEST, with a message for the person who started the host.
 */
#ifndef TROUPE_FOLDER_H
#define TROUPE_FOLDER_H

#include "base/failure.h"

enum { FOLDER_TOKEN_SIZE = 43 };

struct folder;

/* Makes the folder if it is missing (its parent must exist), locks it, checks its format, and makes store/ and log/ if they
 * are missing. Refuses a folder that another host has open, one of another format, one that holds anything but no FORMAT, and
 * one whose token is broken. */
enum err folder_open(const char *path, struct folder **folder, struct failure *failure);
void folder_close(struct folder *folder);

/* Whether it has a token: the first start was completed, and so there has been a store. */
bool folder_is_begun(const struct folder *folder);

/* Makes the token if there is none. By now the store must exist. */
enum err folder_begin(struct folder *folder, struct failure *failure);

/* The paths of store/ and log/, and the token, a text of FOLDER_TOKEN_SIZE characters, after folder_begin(); all live as long
 * as the folder is open. */
const char *folder_store_path(const struct folder *folder);
const char *folder_log_path(const struct folder *folder);
const char *folder_token(const struct folder *folder);

/* Appends the token of a data folder that a running host has open. Takes no lock and makes nothing. */
enum err folder_read_token(const char *path, struct buf *token, struct failure *failure);

/* Opens an existing data folder to read it, even while a host is running on it; with `old_too`, also one of an older format.
 * Makes nothing, and reads no token. If this process may not write to the store's lock.mdb, the folder must be still: no host
 * is running on it, and none can start until folder_close(). ERR_UNAUTHORIZED: a host is running. */
enum err folder_look(const char *path, bool old_too, struct folder **folder, struct failure *failure);
bool folder_is_still(const struct folder *folder);

/* Whether its format is an older one, in which the ids of actors bear no shard (renumbering.h); and whether there is a log. */
bool folder_is_old(const struct folder *folder);
bool folder_has_log(const struct folder *folder);

/* Makes a new folder with store/ and log/, locked; or takes an existing one, which must be empty. Without a FORMAT it is not
 * a data folder yet: from its first entry on, hosts refuse it. folder_finish() makes it one; everything in it must be synced
 * by then. `token` as folder_read_token() gives it, or empty: the first host makes one. */
enum err folder_make(const char *path, struct folder **folder, struct failure *failure);
enum err folder_finish(struct folder *folder, struct slice token, struct failure *failure);

#endif
