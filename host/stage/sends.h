/* sends.h -- what the actors of a worker have sent to others.
 *
 * WHY     The messages of a turn become records of their receivers' workers, in the turn's own commit. And a sender may have
 *         only so many that are not applied yet: ping-pong goes on for ever, but what doubles stops where it begins.
 * ROOM    stage. Below: parcel, word, mail_record, records, actor, script (outbox).
 * THREAD  Its worker's.
 * OWNS    Its counts. Parcels until they go with their commit.
 * ALWAYS  1. A message counts for its sender from its commit on until its receiver's worker says that it is applied for good or
 *            given up, or its commit has failed.
 *         2. What an earlier life of the host has sent does not count: nobody has counted it, and of it no word comes
 *            (mail.h).
 * LIMITS  waiting_sends, kept by script/lib_send.c
 */
#ifndef TROUPE_SENDS_H
#define TROUPE_SENDS_H

#include "base/hash.h"
#include "script/outbox.h"
#include "stage/actor.h"
#include "stage/parcel.h"
#include "stage/records.h"
#include "stage/word.h"

struct sends;

struct sends *sends_new(const struct post *post, unsigned worker, struct records *records);
void sends_free(struct sends *sends);

/* How many messages of a sender are not applied yet. */
size_t sends_waiting(const struct sends *sends, uint64_t sender_id);

/* Packs what a turn of the actor has sent into parcels, and appends their records to `changes`. They count as sent and are
 * under way from then on: the commit must follow, with `*effects`. ERR_STORAGE: the records of a receiver's worker are full.
 * ERR_MEMORY. */
enum err sends_pack(struct sends *sends, const struct actor *actor, const struct outbox *outbox, struct buf *changes,
                    struct effect **effects);

/* A parcel whose commit has failed is back. Takes it over. */
void sends_take_back(struct sends *sends, struct parcel *parcel);

/* So many messages of a sender are applied or given up. */
void sends_note_applied(struct sends *sends, uint64_t sender_id, size_t count);

/* The same in a word from another worker. Takes it over. */
void sends_take_word(struct sends *sends, struct word *word);

#endif
