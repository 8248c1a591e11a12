/* What the two stores share with the module that chooses between them, and nobody else. */
#pragma once

#include "bot/file/documents.h"

enum document_what { DOCUMENT_PUT, DOCUMENT_GET, DOCUMENT_LOOK, DOCUMENT_DROP };

struct document_store {
    void (*start)(struct document_op *op);
    bool (*ready)(const struct config *config, struct err *err); /* NULL: nothing to see to */
};

extern const struct document_store documents_local;
extern const struct document_store documents_s3;

struct documents {
    struct loop *loop;
    const struct config *config;
    const struct document_store *store;
    struct fetcher *fetcher; /* S3 */
    struct arena arena;
    /* S3's address, taken apart */
    struct str origin; /* "https://host:port" */
    struct str host;   /* with the port */
};

/* Held against its hash; else what was got is not given. */
MUST_USE bool document_is_whole(const struct document_op *op, struct str bytes);
