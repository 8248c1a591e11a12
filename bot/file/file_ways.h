/*
 * What fetching a file must know of the channel that it came by: one table, a line for each.
 *
 * When to fetch, how often, and what may be kept is the same everywhere (bot/file/download.c);
 * whom to ask for a handle, what the answer says and who gets our credentials is here.
 */
#pragma once

#include "bot/base/crypto.h"
#include "bot/net/fetch.h"
#include "bot/turn/accounts.h"

/* Where a file lies, as far as its provider has said. */
struct remote_file {
    struct str url;     /* empty: it came with the answer */
    struct hash sha256; /* as the provider says */
    bool has_sha256;
    int64_t size; /* -1: not said */
};

/* How a channel's files are come by: one question to its provider, then an address. */
struct file_ways {
    /* Whether there are credentials to ask with. */
    bool (*is_ready)(const struct config *config, const struct account *account);
    /* ERR_REJECT: a handle that can never be asked for. */
    bool (*ask)(struct arena *into, const struct config *config, const struct account *account,
                struct str handle, struct http_request *request, struct err *err);
    /* ERR_REJECT: there is no such file, as far as one answer can say. */
    bool (*read)(struct arena *into, const struct fetch *fetch, struct remote_file *file,
                 struct err *err);
    /* The request for an address that `read`, or a redirect, gave. ERR_REJECT: it leads where
     * nobody is to be asked. */
    bool (*fetch)(struct arena *into, const struct config *config,
                  const struct account *account, struct str url, struct http_request *request,
                  struct err *err);
    /* Whether its files lie at hosts that nobody named to us: then none of our own network is
     * reached. NULL: they do not. */
    bool (*is_elsewhere)(const struct config *config);
    unsigned hops; /* so many redirects are followed, each an address for `fetch` */
    bool at_once;  /* the first answer may be the file itself */
};

/* NULL: no files are fetched there. */
const struct file_ways *file_ways(enum channel channel);
