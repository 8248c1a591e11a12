/*
 * A bucket, by four requests: PUT, GET, HEAD, DELETE of one object. The bucket stands in the
 * path and not in the host's name, which every server that speaks S3 understands and no
 * certificate minds. An object is there as a whole or not at all, so there is nothing to sweep.
 */
#include "bot/file/documents_inside.h"

#include "bot/net/sigv4.h"

#define STATUS_OK         200
#define STATUS_NO_CONTENT 204
#define STATUS_NOT_FOUND  404

static const char *const methods[] = {
    [DOCUMENT_PUT] = "PUT",
    [DOCUMENT_GET] = "GET",
    [DOCUMENT_LOOK] = "HEAD",
    [DOCUMENT_DROP] = "DELETE",
};

static struct str payload_hash(struct document_op *op)
{
    bool put = op->what == DOCUMENT_PUT;
    struct hash hash = put ? op->key.sha256 : sha256(STR(""));
    char *text = arena_alloc(op->into, (size_t)2 * HASH_LEN + 1);

    hex_format(hash.bytes, HASH_LEN, text);
    return (struct str){text, (size_t)2 * HASH_LEN};
}

static void write_request(struct document_op *op)
{
    const struct config *config = op->documents->config;
    struct sigv4_key key = {.region = config->documents.region,
                            .service = STR("s3"),
                            .id = config->documents.key,
                            .secret = config->documents.secret};
    struct http_header *headers = arena_array(op->into, struct http_header, SIGV4_HEADERS + 1);
    struct str object = document_path(op->into, &op->key);
    struct sigv4_request request = {
        .method = methods[op->what],
        .host = op->documents->host,
        .path = sigv4_path(op->into,
                           arena_format(op->into, "/%.*s/%.*s",
                                        STR_ARG(config->documents.bucket), STR_ARG(object))),
        .payload_sha256 = payload_hash(op)};

    sigv4_sign(op->into, &key, &request, clock_now(), headers);
    headers[SIGV4_HEADERS] =
        (struct http_header){STR("Content-Type"), STR("application/octet-stream")};
    op->request = (struct http_request){
        .method = request.method,
        .url = arena_format(op->into, "%.*s%.*s", STR_ARG(op->documents->origin),
                            STR_ARG(request.path)),
        .headers = headers,
        .n_headers = op->what == DOCUMENT_PUT ? SIGV4_HEADERS + 1 : SIGV4_HEADERS,
        .body = op->what == DOCUMENT_PUT ? op->bytes : STR_NONE,
        .repeatable = true /* each of them twice is as once */
    };
}

/* What it says is for the log, and holds neither key nor path: S3's own code, "AccessDenied".
 */
static void refuse(struct document_op *op)
{
    struct str body = op->fetch.answer.body;
    size_t begin = str_find(body, STR("<Code>"));
    struct str code = str_slice(body, begin + 6, body.len);

    code = str_slice(code, 0, str_find(code, STR("<")));
    (void)err_raise(&op->err, ERR_RETRY, "document store: S3 answered %d %.*s",
                    op->fetch.answer.status, STR_ARG(str_slice(code, 0, 60)));
}

static void judge(struct document_op *op)
{
    int status = op->fetch.answer.status;

    switch (op->what) {
    case DOCUMENT_GET:
    case DOCUMENT_LOOK:
        op->found = status == STATUS_OK;
        if (status != STATUS_OK && status != STATUS_NOT_FOUND)
            refuse(op);
        break;
    case DOCUMENT_DROP:
        if (status != STATUS_OK && status != STATUS_NO_CONTENT && status != STATUS_NOT_FOUND)
            refuse(op);
        break;
    default:
        if (status != STATUS_OK)
            refuse(op);
        break;
    }
    if (op->what == DOCUMENT_GET && op->found) {
        op->bytes = op->fetch.answer.body;
        if (!document_is_whole(op, op->bytes))
            (void)err_raise(&op->err, ERR_BROKEN, "document store: an object has changed");
    }
}

/* Not begun any more, and not because the service stops. */
static bool is_late(const struct document_op *op)
{
    return op->err.code == ERR_CANCELED && op->until > 0 && clock_monotonic() > op->until;
}

static void answered(struct fetch *fetch)
{
    struct document_op *op = CONTAINER_OF(fetch, struct document_op, fetch);

    if (fetch->answer.fate != HTTP_ANSWERED) {
        op->err = fetch->err;
        if (op->err.code == ERR_REJECT || is_late(op)) {
            /* an address may be mended; the document is not at fault */
            op->err.code = ERR_RETRY;
        }
        (void)err_wrap(&op->err, "document store");
    } else {
        judge(op);
    }
    op->done(op);
}

static void start(struct document_op *op)
{
    const struct config *config = op->documents->config;

    write_request(op);
    op->fetch =
        (struct fetch){.request = &op->request,
                       .timeout = config->documents.timeout,
                       .until = op->until,
                       .body_max = DOCUMENT_SIZE_MAX, /* as above a lower limit of today */
                       .into = op->into,
                       .done = answered};
    fetcher_start(op->documents->fetcher, &op->fetch);
}

const struct document_store documents_s3 = {start, NULL};
