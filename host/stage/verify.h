/* verify.h -- checks a data folder: its store, its log, its records.
 *
 * WHY    Anybody who keeps a backup, or has seen a disk fail, wants to know before the day it matters.
 * ROOM   stage. Below: ledger.
 * THREAD One, but not in the process of a host on this folder. Damaged pages may make LMDB end the process.
 * OWNS   Nothing, and changes nothing.
 */
#ifndef TROUPE_VERIFY_H
#define TROUPE_VERIFY_H

#include "stage/audit.h"

struct verify_report {
  uint64_t records;              /* of the store */
  uint64_t batch;                /* the last one, with the log */
  struct audit_report audit;     /* zeros if the store or the log is damaged */
};

/* Tells `findings` what is wrong, as soon as it is found. `place` as of store_check(). `map_bytes` as in struct
 * store_config. After an error not everything was checked, so there may be more wrong than was found. ERR_REQUEST: it is not
 * a data folder. Else as disk_err(): memory, files or rights are missing. */
enum err verify_folder(const char *path, size_t map_bytes, struct findings *findings, struct store_place *place,
                       struct verify_report *report, struct failure *failure);

#endif
