/* view.h -- records as one turn sees them: its drafts, over the worker's layers, over the store.
 *
 * WHY     A call sees what it has written itself and what earlier calls of its actor wrote, committed or not.
 * ROOM    ledger. Below: drafts, layers, store. This is all of the ledger that the script room reads through.
 * THREAD  The worker's.
 * OWNS    Nothing. Slices are dead after the next read or write.
 * ALWAYS  What has left the layers is in any later snapshot of the store. So after thawing the layers, reset the reader before
 *         the next read.
 */
#ifndef TROUPE_VIEW_H
#define TROUPE_VIEW_H

#include "ledger/drafts.h"
#include "ledger/layers.h"
#include "ledger/store.h"

enum { VIEW_LAYERS = 3 };     /* pending, active, frozen */

struct view {
  struct drafts *drafts;      /* or NULL: none */
  struct layers *layers;      /* only read, except that they count what scans pass */
  struct store_reader *reader;
  size_t snapshot;            /* 0: everything that was written; else from drafts_pin(): the records as of then */
};

/* ERR_NONE, ERR_NOT_FOUND or ERR_STORAGE. */
enum err view_get(const struct view *view, struct slice key, struct slice *value);

/* ERR_STORAGE if a checkpoint could not bring a put of this key to the store, since the store is damaged at that place. If a
 * table above the store holds the key, the store is not asked: it was, when the key was written. */
enum err view_reach(const struct view *view, struct slice key);

/* A scan of the records with from <= key < to, in key order or in reverse. The bounds stay the caller's. Nothing may be
 * written while it lasts, and there is only one at a time. It needs no end. */
struct scan {
  const struct view *view;
  struct slice from, to;
  bool reverse;
  const struct memtable_entry *at[VIEW_LAYERS];   /* where it is in each layer; drafts know where it is in their tables */
  struct slice stored_key;
  bool stored;           /* the store's cursor is at a record with this key, not given yet */
  bool begun;            /* the store's cursor is at its place */
  bool alone;            /* no table over the store has anything for the rest of the scan */
  enum err stored_err;   /* ERR_NOT_FOUND at the end of the stored records, ERR_STORAGE if LMDB fails; it stays */
};

void scan_begin(struct scan *scan, const struct view *view, struct slice from, struct slice to, bool reverse);

/* The next record; ERR_NOT_FOUND at the end, ERR_STORAGE at a damaged record that nothing hides. No record comes after
 * either. */
enum err scan_next(struct scan *scan, struct slice *key, struct slice *value);

/* One step of that: the next record; or, if `found` is false, only the key of a deleted record that was passed. For callers
 * that must look at limits in between, since there may be a million of those in a row. */
enum err scan_step(struct scan *scan, struct slice *key, struct slice *value, bool *found);

#endif
