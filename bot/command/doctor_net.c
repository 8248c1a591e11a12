/*
 * One request without a loop: a command may wait, and the doctor wants the answer's Date, which
 * nobody else does.
 */
#include "bot/command/doctor.h"
#include "bot/loop/loop.h"

#include <curl/curl.h>

#define ANSWER_MAX ((size_t)1 << 20) /* a page of templates */

struct reading {
    struct arena *into;
    char *at;
    size_t len;
};

static size_t on_body(char *bytes, size_t size, size_t n, void *owner)
{
    struct reading *reading = owner;
    size_t len = size * n;
    if (reading->len + len > ANSWER_MAX)
        return 0;
    memcpy(reading->at + reading->len, bytes, len);
    reading->len += len;
    return len;
}

static struct curl_slist *headers_of(const struct http_request *request, struct arena *scratch)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < request->n_headers; i++) {
        list = curl_slist_append(list, arena_format(scratch, "%.*s: %.*s",
                                                    STR_ARG(request->headers[i].name),
                                                    STR_ARG(request->headers[i].value))
                                           .at);
    }
    return list;
}

static usec_t date_of(CURL *easy)
{
    struct curl_header *header;
    if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return 0;
    time_t seconds = curl_getdate(header->value, NULL);
    return seconds > 0 ? (usec_t)seconds * USEC_PER_SEC : 0;
}

static bool perform(CURL *easy, struct reading *reading, struct provider_look *look,
                    struct err *err)
{
    char reason[CURL_ERROR_SIZE] = "";
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
    usec_t before = clock_monotonic();
    CURLcode code = curl_easy_perform(easy);
    look->took = clock_monotonic() - before;
    look->at = clock_now();
    if (code != CURLE_OK)
        return err_raise(err, ERR_RETRY, "%s", *reason ? reason : curl_easy_strerror(code));
    long status = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    look->date = date_of(easy);
    look->answer = (struct http_answer){
        .fate = HTTP_ANSWERED, .status = (int)status, .body = {reading->at, reading->len}
    };
    return true;
}

bool doctor_ask(const struct http_request *request, usec_t connect_timeout, usec_t timeout,
                struct arena *into, struct provider_look *look, struct err *err)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return err_raise(err, ERR_BROKEN, "libcurl does not start");
    struct reading reading = {.into = into, .at = arena_alloc(into, ANSWER_MAX)};
    struct curl_slist *headers = headers_of(request, into);
    (void)curl_easy_setopt(easy, CURLOPT_URL, arena_cstr(into, request->url));
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)request->body.len);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.at);
    }
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* as the service calls */
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(connect_timeout / USEC_PER_MSEC));
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout / USEC_PER_MSEC));
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reading);
    bool ok = perform(easy, &reading, look, err);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return ok;
}
