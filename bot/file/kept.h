/*
 * A kept file for whoever sends it on: its bytes, and what they are.
 *
 * This is all that a channel needs of the document store: an upload beforehand
 * (bot/file/upload.c), an attachment, or what a signed address hands out. Whether somebody may
 * have the file is not asked here: `document_reaches` in the database is, when a message that
 * shows it is promised.
 */
#pragma once

#include "bot/file/documents.h"
#include "store/db.h"

/* The caller owns it and keeps it still until `done`, which runs once, from the loop. */
struct kept_file {
    /* in */
    struct uuid org, document;
    struct arena *into;
    void (*done)(struct kept_file *file);
    /* out */
    bool found; /* false: it is not kept, or not any more */
    struct str mime, filename;
    struct str bytes;
    struct hash sha256;
    struct err err; /* ERR_RETRY: database or store are unwell; ERR_BROKEN: the bytes have
                       changed; ERR_CANCELED: the service stops */
    /* its own */
    struct documents *documents;
    struct db_call call;
    struct document_op op;
};

void kept_load(struct db *db, struct documents *documents, struct kept_file *file);

/* "jpg", "png", "pdf"; "bin" for any other. */
const char *kept_ending(struct str mime);

/* A name that a file may have anywhere: nothing in it that ends a header or a path, or turns
 * the direction of what stands beside it; at most 100 bytes, with an ending that fits. */
struct str kept_name(struct arena *into, struct str name, struct str mime);
