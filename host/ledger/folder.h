/* folder.h -- the data folder: who may use it, which version wrote it, and the operator's token.
 *
 * WHY     Two hosts on one store would each believe to be alone, and a host must not guess at bytes that another
 *         version wrote.
 * ROOM    ledger. Below: base.
 * OWNS    From folder_open() to folder_close() the lock on the folder.
 * BYTES   LOCK, empty. FORMAT: "troupe 2" and a line end. store/: LMDB. log/: the commit log. token, mode 0600: 43
 *         characters (32 random bytes in base64url) and a line end. They are made in this order, so that a start that
 *         was cut off can be made again; the store is in store/ before there is a token.
 * ERRORS  ERR_REQUEST with a message for who started the host.
 */
#ifndef TROUPE_FOLDER_H
#define TROUPE_FOLDER_H

#include "base/failure.h"

enum { FOLDER_TOKEN_SIZE = 43 };

struct folder;

/* Makes the folder where it is missing (its parent must exist), locks it, checks its format, and makes store/ and log/ where
 * they are missing. "troupe 1" had no log: such a folder becomes one of this format. Refused: one that another host has
 * open, one of another format, one that holds anything and no FORMAT, one whose token is broken. */
enum err folder_open(const char *path, struct folder **folder, struct failure *failure);
void folder_close(struct folder *folder);

/* Whether it has a token: the first start came to its end, and so there has been a store. */
bool folder_is_begun(const struct folder *folder);

/* Makes the token where there is none. The store is there by now. */
enum err folder_begin(struct folder *folder, struct failure *failure);

/* The paths of store/ and log/, and the token, a text of FOLDER_TOKEN_SIZE characters, after folder_begin(); all live as long
 * as the folder is open. */
const char *folder_store_path(const struct folder *folder);
const char *folder_log_path(const struct folder *folder);
const char *folder_token(const struct folder *folder);

/* Appends the token of a data folder that a running host has open: takes no lock, makes nothing. */
enum err folder_read_token(const char *path, struct buf *token, struct failure *failure);

/* A data folder that is there, to be read, be it that a host runs on it: makes nothing. It has no token. Where this process may
 * not write to the store's lock.mdb, it must be still: no host runs on it, and none starts until folder_close().
 * ERR_UNAUTHORIZED: a host does. */
enum err folder_look(const char *path, struct folder **folder, struct failure *failure);
bool folder_is_still(const struct folder *folder);

/* A new folder with store/ and log/, locked, and no data folder yet, since it has no FORMAT: from its first entry on hosts
 * refuse it. A folder that is there must be empty. folder_finish() makes it one: what is in it by then must be synced.
 * `token` as folder_read_token() gives it, or empty: its first host makes one. */
enum err folder_make(const char *path, struct folder **folder, struct failure *failure);
enum err folder_finish(struct folder *folder, struct slice token, struct failure *failure);

#endif
