/*
 * The document store: bytes under their own hash, per business.
 *
 * What was put is there after any crash, whole or not at all: locally it is written beside,
 * synced and renamed; S3 does so by itself. Putting the same bytes twice changes nothing, and
 * what comes back is held against its hash, so a file that has rotted is an error and never
 * wrong bytes. Which bytes are wanted, and by whom, is the database's to know.
 *
 * Two places to keep them, by the settings: a folder of this machine (or one that all nodes
 * mount), and a bucket of anything that speaks S3.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/uuid.h"
#include "bot/config/config.h"
#include "bot/loop/loop.h"
#include "bot/net/fetch.h"

struct documents;

struct document_key {
    struct uuid org;
    struct hash sha256;
};

/* The caller owns it and keeps it still until `done`, which runs once, from the loop. */
struct document_op {
    /* in */
    struct document_key key;
    struct str bytes;   /* put: borrowed; their hash is the key's */
    struct arena *into; /* get: the bytes are born here; all: scratch */
    usec_t until;       /* put, drop: monotonic; after it nothing is begun any more, since it is
                           another's to do by then, and that is ERR_RETRY; 0: at any time */
    void (*done)(struct document_op *op);
    /* out */
    bool found;     /* get, look */
    struct err err; /* ERR_RETRY: the store is unwell; ERR_BROKEN: what it gives is not what was
                       put */
    /* the store's own */
    struct documents *documents;
    const struct document_store *store;
    int what;
    uv_work_t work;
    struct http_request request;
    struct fetch fetch;
};

/* ERR_REJECT when the settings do not make sense together. Nothing is opened or connected. */
MUST_USE bool documents_create(struct loop *loop, const struct config *config,
                               struct documents **documents, struct err *err);
/* For the service: the folder is there and can be written to, made if need be. What is wrong is
 * told now, and not when the first file comes. */
MUST_USE bool documents_ready(struct documents *documents, struct err *err);
/* What is on the wire is cancelled, and nothing more may be begun; what a disk is at goes on.
 * Accepts NULL. */
void documents_close(struct documents *documents);
/* After the loop has run out. Accepts NULL. */
void documents_destroy(struct documents *documents);

void documents_put(struct documents *documents, struct document_op *op);
void documents_get(struct documents *documents, struct document_op *op);
void documents_look(struct documents *documents, struct document_op *op); /* is it there? */
void documents_drop(struct documents *documents, struct document_op *op); /* gone is no error */

/* Where it lies, below the folder or bucket: "ORG/ab/abcd...". */
struct str document_path(struct arena *into, const struct document_key *key);
