/*
 * Four steps, in AWS's words: a canonical request, a string to sign, a signing key, a
 * signature. The signing key is derived anew for each request: four hashes are cheaper than a
 * cache that could be a day old.
 */
#include "bot/net/sigv4.h"

#include "bot/base/ascii.h"
#include "bot/base/crypto.h"
#include "bot/base/percent.h"

#include <stdlib.h>
#include <time.h>

#define HEX_LEN ((size_t)2 * HASH_LEN)

enum { HEADERS_MAX = 8 + 3 };

struct canonical {
    struct str names;   /* "host;x-amz-date" */
    struct str headers; /* a line each */
};

static struct str hex_of(struct arena *into, const struct hash *hash)
{
    char *text = arena_alloc(into, HEX_LEN + 1);

    hex_format(hash->bytes, HASH_LEN, text);
    return (struct str){text, HEX_LEN};
}

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct http_header *)a)->name,
                       ((const struct http_header *)b)->name);
}

static struct canonical canonical_headers(struct arena *into,
                                          const struct sigv4_request *request, struct str time)
{
    struct http_header all[HEADERS_MAX] = {
        {STR("host"),                 request->host          },
        {STR("x-amz-content-sha256"), request->payload_sha256},
        {STR("x-amz-date"),           time                   }
    };
    struct canonical canonical = {STR_NONE, STR_NONE};
    size_t n = 3;

    for (size_t i = 0; i < request->n_headers && n < HEADERS_MAX; i++) {
        all[n].name = ascii_lowered(into, request->headers[i].name);
        all[n++].value = str_trim(request->headers[i].value);
    }
    qsort(all, n, sizeof(all[0]), by_name);
    for (size_t i = 0; i < n; i++) {
        canonical.names = arena_format(into, "%.*s%s%.*s", STR_ARG(canonical.names),
                                       i > 0 ? ";" : "", STR_ARG(all[i].name));
        canonical.headers = arena_format(into, "%.*s%.*s:%.*s\n", STR_ARG(canonical.headers),
                                         STR_ARG(all[i].name), STR_ARG(all[i].value));
    }
    return canonical;
}

static struct hash chain(struct hash key, struct str message)
{
    return hmac_sha256((struct str){(const char *)key.bytes, HASH_LEN}, message);
}

static struct hash signing_key(struct arena *into, const struct sigv4_key *key, struct str day)
{
    struct str secret = arena_format(into, "AWS4%.*s", STR_ARG(key->secret));
    struct hash hash = hmac_sha256(secret, day);

    crypto_wipe((char *)secret.at, secret.len);
    hash = chain(hash, key->region);
    hash = chain(hash, key->service);
    return chain(hash, STR("aws4_request"));
}

void sigv4_sign(struct arena *into, const struct sigv4_key *key,
                const struct sigv4_request *request, usec_t now, struct http_header *headers)
{
    time_t seconds = (time_t)(now / USEC_PER_SEC);
    struct tm tm;
    char text[32];
    size_t len = strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", gmtime_r(&seconds, &tm));
    struct str time = arena_str(into, (struct str){text, len});
    struct str day = str_slice(time, 0, 8);
    struct str scope = arena_format(into, "%.*s/%.*s/%.*s/aws4_request", STR_ARG(day),
                                    STR_ARG(key->region), STR_ARG(key->service));
    struct canonical canonical = canonical_headers(into, request, time);
    struct hash hash = sha256(arena_format(
        into, "%s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", request->method, STR_ARG(request->path),
        STR_ARG(request->query), STR_ARG(canonical.headers), STR_ARG(canonical.names),
        STR_ARG(request->payload_sha256)));
    struct hash secret = signing_key(into, key, day);
    struct hash signature =
        chain(secret, arena_format(into, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%.*s", STR_ARG(time),
                                   STR_ARG(scope), STR_ARG(hex_of(into, &hash))));

    crypto_wipe(&secret, sizeof(secret));
    headers[0] = (struct http_header){STR("x-amz-date"), time};
    headers[1] = (struct http_header){STR("x-amz-content-sha256"), request->payload_sha256};
    headers[2] = (struct http_header){
        STR("Authorization"),
        arena_format(into,
                     "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=%.*s, "
                     "Signature=%.*s",
                     STR_ARG(key->id), STR_ARG(scope), STR_ARG(canonical.names),
                     STR_ARG(hex_of(into, &signature)))};
}

struct str sigv4_path(struct arena *into, struct str path)
{
    return percent_encode(into, path, "/" PERCENT_UNRESERVED);
}
