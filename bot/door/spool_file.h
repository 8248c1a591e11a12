/*
 * The spool's files: deliveries that must not be lost while the database is away.
 *
 *     DIR/node.lock      held by the supervisor: one service has one folder
 *     DIR/append.lock    held for as long as one appends, or looks at where the files end
 *     DIR/drain.lock     held by the worker that drains
 *     DIR/0000000000000001.spool, ...   segments, the highest is appended to
 *     DIR/unreadable     records that could not be opened, for a person
 *
 * A record is a head and a sealed box. The head has its length, when it came, a keyed tag of
 * its account and a checksum over all of it; the box (libsodium's secretbox, a key that follows
 * from the service's) has the door, the query and the body. Locks are flock's, so they go with
 * a process that is killed; what such a process leaves half written is cut off by the next that
 * appends, and said. Everything here waits for the disk: it runs on libuv's threads, or before
 * the loop.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/err.h"

#define SPOOL_ACCOUNTS 1024 /* tags are counted modulo this */

/* What all processes of a node know of its spool; in shared memory. */
struct spool_shared {
    _Atomic bool ready; /* there is a folder, and it is ours */
    _Atomic int64_t records, bytes;
    _Atomic int64_t oldest; /* when the oldest came, wall clock; 0: none */
    _Atomic uint32_t waiting[SPOOL_ACCOUNTS];
    _Atomic uint64_t torn, damaged, unreadable; /* bytes, until somebody says so in the log */
    _Atomic uint64_t tail, tail_end; /* how far the last segment is known to be whole */
};

struct spool_folder {
    const char *dir;
    struct hash key;
    size_t max; /* bytes of all segments */
    struct spool_shared *shared;
};

enum spool_door { SPOOL_TWILIO_MESSAGE, SPOOL_TWILIO_STATUS };

struct spool_record {
    uint8_t door;
    bool json, card;  /* how the body is written; a card's number was taken out of it */
    uint32_t account; /* its tag: see spool_tag */
    usec_t received_at;
    struct str query, body;
};

/* A record in a file. */
struct spool_entry {
    usec_t at;
    uint64_t segment;
    size_t offset, len;
    uint32_t account;
    bool done;
};

struct spool_segment {
    uint64_t number;
    size_t end; /* indexed so far */
    size_t live;
};

/* What is still to be drained; of one process. */
struct spool_index {
    struct spool_entry *entries; /* by when they came */
    size_t n, room;
    struct spool_segment *segments;
    size_t n_segments, room_segments;
    bool begun;
};

uint32_t spool_tag(const struct hash *key, struct str account);

/* Make the folder (not those above it), lock it for this process and its children, cut off torn
 * ends and count what is there. The lock is given in `lock`. */
MUST_USE bool spool_folder_open(const struct spool_folder *folder, int *lock, struct err *err);

/* Append all that there is room for, synced to the disk on return. `kept` says which. An error:
 * none is kept. */
MUST_USE bool spool_append(const struct spool_folder *folder,
                           const struct spool_record *const *records, bool *kept, size_t n,
                           struct err *err);

/* Become the one who drains; false: another is, or the folder cannot be used. */
MUST_USE bool spool_drain_begin(const struct spool_folder *folder, int *lock);

/* Drop segments of which all is done, and index what has come. The first time it counts anew
 * what waits, since whoever drained before may have died. */
MUST_USE bool spool_index_refresh(const struct spool_folder *folder, struct spool_index *index,
                                  struct err *err);
void spool_index_finish(struct spool_index *index);

/* Read one. ERR_REJECT: it cannot be opened, and was put aside. */
MUST_USE bool spool_read(const struct spool_folder *folder, const struct spool_entry *entry,
                         struct arena *into, struct spool_record *record, struct err *err);

/* --- inside: the form of a record ------------------------------------------------------------
 */

#define SPOOL_HEAD 36

/* Seal a record into a buffer of malloc's. */
struct str spool_seal(const struct spool_folder *folder, const struct spool_record *record);

/* Open one whole record. ERR_REJECT when it is none, or of another key. */
MUST_USE bool spool_unseal(const struct spool_folder *folder, struct str bytes,
                           struct arena *into, struct spool_record *record, struct err *err);

struct spool_scan {
    size_t end;     /* behind the last whole record */
    size_t damaged; /* bytes that are no record, before `end` */
    size_t records;
};

/* Every whole record of the bytes, in order. */
void spool_scan(struct str bytes, struct spool_scan *scan,
                void (*found)(void *with, const struct spool_entry *entry), void *with);
