#include "tests/support/knock.h"

#include "bot/base/crypto.h"
#include "bot/loop/loop.h"
#include "webhooks/stripe.h"
#include "webhooks/svix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <curl/curl.h>

struct knock_answer knock_answer;
static CURL *line_kept;

/* --- asking --------------------------------------------------------------------------------
 */

static size_t take(char *bytes, size_t size, size_t n, void *user)
{
    struct str *text = user;
    char *wider = realloc((char *)text->at, text->len + size * n + 1);

    assert_non_null(wider);
    memcpy(wider + text->len, bytes, size * n);
    text->at = wider;
    text->len += size * n;
    wider[text->len] = '\0';
    return size * n;
}

static void forget(void)
{
    free((char *)knock_answer.head.at);
    free((char *)knock_answer.body.at);
    memset(&knock_answer, 0, sizeof knock_answer);
}

static void set_method(CURL *curl, const struct knock *ask)
{
    if (ask->body.at != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)ask->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body.at);
    } else if (ask->method != NULL &&
               (strcmp(ask->method, "POST") == 0 || strcmp(ask->method, "PATCH") == 0)) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    if (ask->method != NULL && strcmp(ask->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (ask->method != NULL) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, ask->method);
    }
}

long knock(const struct service *service, const struct knock *ask)
{
    CURL *curl = line_kept != NULL ? line_kept : (line_kept = curl_easy_init());
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    char url[4096];

    forget();
    curl_easy_reset(curl); /* keeps the connection */
    for (size_t i = 0; i < ask->n; i++)
        headers = curl_slist_append(headers, ask->lines[i]);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%.*s", service->port,
                   STR_ARG(ask->path));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &knock_answer.head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &knock_answer.body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    set_method(curl, ask);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &knock_answer.status);
    curl_slist_free_all(headers);
    return knock_answer.status;
}

void knock_end(void)
{
    if (line_kept != NULL)
        curl_easy_cleanup(line_kept);
    line_kept = NULL;
    forget();
}

void knock_line(struct knock *knock, const char *line)
{
    assert_true(knock->n < KNOCK_LINES);
    knock->lines[knock->n++] = line;
}

static bool has(struct str text, const char *wanted)
{
    return text.len > 0 && memmem(text.at, text.len, wanted, strlen(wanted)) != NULL;
}

bool knock_says(const char *text)
{
    return has(knock_answer.head, text) || has(knock_answer.body, text);
}

/* --- signing -------------------------------------------------------------------------------
 */

void knock_meta(struct arena *into, const struct service *service, struct knock *knock,
                const char *secret, long shift)
{
    struct hash mac = hmac_sha256(str_from(secret), knock->body);
    char hex[2 * HASH_LEN + 1];

    (void)service;
    (void)shift;
    hex_format(mac.bytes, HASH_LEN, hex);
    knock_line(knock, arena_format(into, "X-Hub-Signature-256: sha256=%s", hex).at);
}

void knock_twilio(struct arena *into, const struct service *service, struct knock *knock,
                  const char *secret, long shift)
{
    char line[64];
    const char *url =
        arena_format(into, "http://127.0.0.1:%d%.*s", service->port, STR_ARG(knock->path)).at;

    (void)shift;
    service_sign_form(secret, url, knock->body, line);
    knock_line(knock, arena_format(into, "%s", line).at);
}

static void sign_svix(struct arena *into, struct knock *knock, const char *prefix,
                      const char *secret, long shift)
{
    struct str at = arena_format(into, "%lld", (long long)(clock_now() / USEC_PER_SEC) + shift);
    struct str mac = svix_sign(into, str_from(secret), STR("msg_1"), at, knock->body);

    knock_line(knock, arena_format(into, "%s-id: msg_1", prefix).at);
    knock_line(knock, arena_format(into, "%s-timestamp: %.*s", prefix, STR_ARG(at)).at);
    knock_line(knock, arena_format(into, "%s-signature: %.*s", prefix, STR_ARG(mac)).at);
}

void knock_svix(struct arena *into, const struct service *service, struct knock *knock,
                const char *secret, long shift)
{
    (void)service;
    sign_svix(into, knock, "svix", secret, shift);
}

void knock_standard(struct arena *into, const struct service *service, struct knock *knock,
                    const char *secret, long shift)
{
    (void)service;
    sign_svix(into, knock, "webhook", secret, shift);
}

void knock_stripe(struct arena *into, const struct service *service, struct knock *knock,
                  const char *secret, long shift)
{
    struct str header =
        stripe_sign(into, str_from(secret), clock_now() / USEC_PER_SEC + shift, knock->body);

    (void)service;
    knock_line(knock, arena_format(into, "Stripe-Signature: %.*s", STR_ARG(header)).at);
}

void knock_bearer(struct arena *into, const struct service *service, struct knock *knock,
                  const char *secret, long shift)
{
    (void)service;
    (void)shift;
    knock_line(knock, arena_format(into, "Authorization: Bearer %s", secret).at);
}
