/* Choosing the place, and what is the same for both. */
#include "bot/file/documents_inside.h"

#include <stdlib.h>

struct str document_path(struct arena *into, const struct document_key *key)
{
    char org[UUID_TEXT_LEN + 1];
    char hash[2 * HASH_LEN + 1];

    uuid_format(key->org, org);
    hex_format(key->sha256.bytes, HASH_LEN, hash);
    return arena_format(into, "%s/%.2s/%s", org, hash, hash);
}

bool document_is_whole(const struct document_op *op, struct str bytes)
{
    struct hash hash = sha256(bytes);

    return memcmp(hash.bytes, op->key.sha256.bytes, HASH_LEN) == 0;
}

/* A port that is the scheme's own is not in the header Host, which is signed. */
static struct str without_usual_port(struct str url, struct str host)
{
    struct str usual = str_starts(url, STR("https:")) ? STR(":443") : STR(":80");

    return str_ends(host, usual) ? str_slice(host, 0, host.len - usual.len) : host;
}

static bool take_endpoint_apart(struct documents *documents, struct err *err)
{
    struct str url = documents->config->documents.endpoint;
    size_t scheme = str_find(url, STR("://"));
    struct str rest = str_slice(url, scheme + 3, url.len);

    if (!(str_starts(url, STR("https://")) || str_starts(url, STR("http://"))) ||
        rest.len == 0 || str_find(rest, STR("/")) < rest.len) {
        return err_raise(err, ERR_REJECT,
                         "documents.endpoint: write it as https://HOST or https://HOST:PORT");
    }
    documents->origin = url;
    documents->host = without_usual_port(url, rest);
    return true;
}

static bool open_s3(struct documents *documents, struct err *err)
{
    const struct config *config = documents->config;
    struct fetch_options options = {.connections = config->documents.downloads + 2,
                                    .allow_http =
                                        str_starts(config->documents.endpoint, STR("http://")),
                                    .user_agent = "parley/0.1"};

    if (config->documents.bucket.len == 0 || config->documents.key.len == 0 ||
        config->documents.secret.len == 0) {
        return err_raise(err, ERR_REJECT,
                         "documents.store is s3, which needs endpoint, bucket, key and secret");
    }
    documents->store = &documents_s3;
    return take_endpoint_apart(documents, err) &&
           fetcher_create(documents->loop, &options, &documents->fetcher, err);
}

bool documents_create(struct loop *loop, const struct config *config,
                      struct documents **documents, struct err *err)
{
    struct documents *made = calloc(1, sizeof *made);

    if (made == NULL)
        abort();
    made->loop = loop;
    made->config = config;
    made->store = &documents_local;
    if (str_eq(config->documents.store, STR("s3")) && !open_s3(made, err)) {
        free(made);
        return err_wrap(err, "document store");
    }
    *documents = made;
    return true;
}

void documents_close(struct documents *documents)
{
    if (documents == NULL)
        return;
    fetcher_destroy(documents->fetcher);
    documents->fetcher = NULL;
}

void documents_destroy(struct documents *documents)
{
    free(documents);
}

bool documents_ready(struct documents *documents, struct err *err)
{
    return documents->store->ready == NULL || documents->store->ready(documents->config, err);
}

static void start(struct documents *documents, struct document_op *op, enum document_what what)
{
    op->documents = documents;
    op->what = (int)what;
    op->found = false;
    op->err = (struct err){0};
    documents->store->start(op);
}

void documents_put(struct documents *documents, struct document_op *op)
{
    start(documents, op, DOCUMENT_PUT);
}

void documents_get(struct documents *documents, struct document_op *op)
{
    start(documents, op, DOCUMENT_GET);
}

void documents_look(struct documents *documents, struct document_op *op)
{
    start(documents, op, DOCUMENT_LOOK);
}

void documents_drop(struct documents *documents, struct document_op *op)
{
    start(documents, op, DOCUMENT_DROP);
}
