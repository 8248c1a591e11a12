/*
 * The host that we read out of an address is the one that libcurl will ask, or we say that
 * there is none.
 */
#include "bot/base/arena.h"
#include "bot/base/url_host.h"

#include <stdlib.h>
#include <strings.h>

#include <arpa/inet.h>
#include <curl/curl.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libcurl writes an address in figures anew: 0x7f.1 is 127.0.0.1. */
static bool is_figures(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void hold(struct arena *arena, struct str ours, const char *theirs)
{
    struct str host = str_from(theirs);

    if (str_starts(host, STR("[")))
        host = str_slice(host, 1, host.len - 2);
    if (ours.len == host.len && strncasecmp(ours.at, host.at, host.len) == 0)
        return;
    if (!is_figures(arena_cstr(arena, host)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str url = {(const char *)data, size}, ours = url_host(url);
    CURLU *parsed = curl_url();
    struct arena arena;
    char *theirs = NULL;

    arena_init(&arena);
    if (ours.len > 0 && memchr(data, '\0', size) == NULL &&
        curl_url_set(parsed, CURLUPART_URL, arena_cstr(&arena, url), 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &theirs, 0) == CURLUE_OK)
        hold(&arena, ours, theirs);
    curl_free(theirs);
    curl_url_cleanup(parsed);
    arena_finish(&arena);
    return 0;
}
