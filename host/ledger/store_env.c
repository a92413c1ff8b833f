/* store_env.c -- LMDB's environment: made, opened, closed; and what went wrong in it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "ledger/record_key.h"
#include "ledger/store_env.h"

/* ---- errors ---------------------------------------------------------------------------------------------- */

enum err store_failed(const struct store *store, enum err err, const char *what, int rc) {
  logger_printf(store->logger, LOG_ERROR, "the store failed %s: %s", what, mdb_strerror(rc));
  return err;
}

enum err store_err(int rc) {
  return rc == MDB_READERS_FULL ? ERR_OVERLOADED : disk_err(rc, ERR_STORAGE);
}

enum err store_damaged(const struct store *store, struct slice key) {
  struct buf text = { 0 };
  record_key_print(&text, key);
  const struct log_field fields[] = {{ "record", buf_slice(&text) }};
  logger_event(store->logger, LOG_ERROR, slice_text("a damaged record in the store is not served"), fields, 1);
  buf_done(&text);
  return ERR_STORAGE;
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

/* Makes LMDB's file if it is missing. LMDB itself would write the first pages under the file's own name, and sync them with
 * the first batch: after a power cut before that, it would not recognize the file as its own. */
static int env_make(const char *path) {
  char file[PATH_MAX], half_made[PATH_MAX];
  int size = snprintf(file, sizeof file, "%s/data.mdb", path);
  int longer = snprintf(half_made, sizeof half_made, "%s/data.mdb.new", path);
  if (size < 0 || longer >= PATH_MAX) return ENAMETOOLONG;
  if (access(file, F_OK) == 0) return 0;
  if (errno != ENOENT || (unlink(half_made) != 0 && errno != ENOENT)) return errno;
  MDB_env *env = NULL;
  int rc = mdb_env_create(&env);
  if (rc == 0) rc = mdb_env_open(env, half_made, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
  if (rc == 0) rc = mdb_env_sync(env, 1);
  mdb_env_close(env);
  if (rc == 0) rc = rename(half_made, file) == 0 ? disk_sync_folder(path) : errno;
  return rc;
}

/* LMDB maps its lock file and writes to it: on a disk without room for such a page, SIGBUS would end the process. So the room
 * is taken first. The size stays as it is, since processes that have the file mapped go by it. A store that is only read
 * needs one reader's place, at the beginning of the file, and the room of what is already there. */
static int reserve_lock_file(const struct store_config *config) {
  enum { PAGE = 4096, HEAD_SIZE = 192, READER_SIZE = 64 };      /* of LMDB's lock file today, or more */
  char file[PATH_MAX];
  struct stat status;
  int size = snprintf(file, sizeof file, "%s/lock.mdb", config->path);
  if (size < 0 || size >= PATH_MAX) return ENAMETOOLONG;
  int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  off_t needed = config->read_only ? PAGE : HEAD_SIZE + READER_SIZE * (off_t)config->readers_max;
  int error = fstat(fd, &status) == 0 ? 0 : errno;
  if (error == 0 && status.st_size > needed) needed = status.st_size;
  if (error == 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, needed) != 0) error = errno;
  close(fd);
  return error == EOPNOTSUPP || error == ENOSYS ? 0 : error;      /* a file system that cannot */
}

static int open_witness(struct store *store, const char *path) {
  char file[PATH_MAX];
  snprintf(file, sizeof file, "%s/data.mdb", path);
  store->witness = open(file, O_RDWR | O_CLOEXEC);
  return store->witness >= 0 ? 0 : errno;
}

/* Writes again the meta page that LMDB goes by, as it is read. If a sync of it failed, the system may still remember it, but
 * another sync alone would not bring it to the disk: a power cut would take it back, and with it a checkpoint by which the log
 * was tidied. What it leads to was synced before it was written. */
static int settle_meta_page(const struct store *store) {
  MDB_envinfo info;
  MDB_stat stat;
  CHECK_THAT(mdb_env_info(store->env, &info), ==, 0);
  CHECK_THAT(mdb_env_stat(store->env, &stat), ==, 0);
  uint64_t offset = info.me_last_txnid % 2 * stat.ms_psize;      /* transactions take turns with the two */
  uint8_t bytes[512];                                            /* a sector, and all that is on such a page */
  ssize_t got = pread(store->witness, bytes, sizeof bytes, (off_t)offset);
  if (got != (ssize_t)sizeof bytes) return got < 0 ? errno : EIO;
  int error = disk_write_at(store->witness, offset, slice_of(bytes, sizeof bytes), NULL);
  return error != 0 ? error : disk_sync_data(store->witness, NULL);
}

static int env_open(struct store *store, const struct store_config *config) {
  int rc = config->read_only ? 0 : env_make(config->path);
  if (rc == 0 && !config->is_still) rc = reserve_lock_file(config);
  if (rc == 0) rc = mdb_env_create(&store->env);
  if (rc != 0) return rc;
  CHECK_THAT(mdb_env_get_maxkeysize(store->env), >=, STORE_KEY_CUT);
  if ((rc = mdb_env_set_mapsize(store->env, config->map_bytes)) != 0) return rc;
  if ((rc = mdb_env_set_maxreaders(store->env, config->readers_max)) != 0) return rc;
  /* A reader belongs to a worker's struct, not to its thread. Records are read here and there, so reading ahead would mostly
   * be for nothing. */
  unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (config->read_only ? MDB_RDONLY : 0) | (config->is_still ? MDB_NOLOCK : 0);
  if ((rc = mdb_env_open(store->env, config->path, flags, 0600)) != 0) return rc;
  int dead;
  if ((rc = mdb_reader_check(store->env, &dead)) != 0) return rc;
  MDB_txn *txn;
  if ((rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn)) != 0) return rc;
  rc = mdb_dbi_open(txn, NULL, 0, &store->dbi);
  mdb_txn_abort(txn);
  if (rc != 0 || config->read_only) return rc;
  if ((rc = open_witness(store, config->path)) != 0) return rc;
  if ((rc = settle_meta_page(store)) != 0) return rc;
  return disk_sync_folder(config->path);
}

/* LMDB would take a file that is gone, or was emptied, for a new store. */
static enum err check_presence(const struct store_config *config, struct failure *failure) {
  char file[PATH_MAX];
  struct stat status = { 0 };
  int size = snprintf(file, sizeof file, "%s/data.mdb", config->path);
  if (size < 0 || size >= PATH_MAX) return ERR_NONE;      /* opening it will say so */
  bool is_missing = stat(file, &status) != 0 && errno == ENOENT;
  bool is_empty = !is_missing && S_ISREG(status.st_mode) && status.st_size == 0;
  if (!is_empty && !(is_missing && config->must_exist)) return ERR_NONE;
  return failure_set(failure, ERR_STORAGE, "%s is %s, and there was a store: what it held is gone; a backup may have it", file,
                     is_empty ? "empty" : "missing");
}

enum err store_open(const struct store_config *config, struct store **store, struct failure *failure) {
  *store = NULL;
  enum err err = check_presence(config, failure);
  if (err != ERR_NONE) return err;
  struct store *made = mem_zero(sizeof *made);
  made->logger = config->logger;
  made->faults = config->faults;
  made->path = mem_alloc(strlen(config->path) + 1);
  memcpy(made->path, config->path, strlen(config->path) + 1);
  made->witness = -1;
  int rc = env_open(made, config);
  if (rc != 0) {
    store_close(made);
    return failure_set(failure, store_err(rc), "the store %s cannot be opened: %s", config->path, mdb_strerror(rc));
  }
  *store = made;
  return ERR_NONE;
}

void store_close(struct store *store) {
  if (store == NULL) return;
  CHECK(store->txn == NULL);
  CHECK_THAT(atomic_load(&store->readers), ==, 0);
  if (store->env != NULL) mdb_env_close(store->env);
  if (store->witness >= 0) close(store->witness);
  mem_free(store->path);
  mem_free(store);
}

size_t store_entry_count(struct store *store) {
  MDB_stat stat;
  CHECK_THAT(mdb_env_stat(store->env, &stat), ==, 0);
  return stat.ms_entries;
}
