/*
 * What the business does in its CRM: an event, signed as a CRM would and posted to the
 * service's door, for the page's panel and for tests.
 *
 * The page says what has happened; when it did is the sandbox's to say, since the page's clock
 * is another one after `deploy/demo --later`: a value "now" becomes the time here.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "webhooks/svix.h"

#include <time.h>

struct push {
    struct http_exchange *exchange;
    struct sandbox *sandbox;
    struct http_header headers[4];
    struct http_request request;
    struct fetch fetch;
};

static struct str stamp(struct arena *into, usec_t at)
{
    time_t seconds = at / USEC_PER_SEC;
    char text[32];
    struct tm tm;

    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    return arena_format(into, "%s.%06lldZ", text, (long long)(at % USEC_PER_SEC));
}

/* {"status": 0 when nobody answered, "answer": what it said}. */
static void answered(struct fetch *fetch)
{
    struct push *push = CONTAINER_OF(fetch, struct push, fetch);
    bool has_come = fetch->answer.fate == HTTP_ANSWERED;
    OWNED_JSON(said) = NULL;
    struct err err;

    if (push->sandbox->stopping)
        return;
    if (!has_come || !json_read(fetch->answer.body, &said, &err))
        said = json_null();
    answer_json(
        push->exchange, 200,
        json_pack("{s:i, s:O}", "status", has_come ? fetch->answer.status : 0, "answer", said));
}

static json_t *event_of(const struct sandbox *sandbox, struct arena *scratch,
                        const json_t *wish, struct str id)
{
    struct str now = stamp(scratch, clock_now());
    json_t *event =
        json_pack("{s:s, s:s, s:O, s:o}", "specversion", "1.0", "source",
                  sandbox->settings.crm_source, "type", json_object_get(wish, "type"), "data",
                  json_deep_copy(json_object_get(wish, "data")));
    json_t *data = json_object_get(event, "data");
    const char *name;
    json_t *value;

    json_set_text(event, "id", id);
    json_set_text(event, "time", now);
    json_object_foreach(data, name, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), "now") == 0)
            json_object_set_new(data, name, json_string_of(now));
    }
    return event;
}

void crm_push(struct sandbox *sandbox, struct http_exchange *exchange, const json_t *wish)
{
    struct arena *arena = &exchange->arena;
    struct push *push = arena_new(arena, struct push);
    struct str secret =
        str_from(sandbox->settings.crm_secret ? sandbox->settings.crm_secret : "");
    struct str id, at, body;
    uint8_t chance[8];
    char hex[2 * sizeof chance + 1];

    if (!sandbox->settings.crm_source || secret.len == 0 ||
        !json_is_string(json_object_get(wish, "type")) ||
        !json_is_object(json_object_get(wish, "data"))) {
        answer_json(
            exchange, 400,
            json_pack("{s:s}", "error",
                      "{\"type\", \"data\"} are needed, --crm-source and --crm-secret"));
        return;
    }
    random_bytes(chance, sizeof chance);
    hex_format(chance, sizeof chance, hex);
    id = arena_format(arena, "crm_%s", hex);
    at = arena_format(arena, "%lld", (long long)(clock_now() / USEC_PER_SEC));
    OWNED_JSON(event) = event_of(sandbox, arena, wish, id);
    body = json_write(arena, event);
    push->exchange = exchange;
    push->sandbox = sandbox;
    push->headers[0] =
        (struct http_header){STR("Content-Type"), STR("application/cloudevents+json")};
    push->headers[1] = (struct http_header){STR("webhook-id"), id};
    push->headers[2] = (struct http_header){STR("webhook-timestamp"), at};
    push->headers[3] =
        (struct http_header){STR("webhook-signature"), svix_sign(arena, secret, id, at, body)};
    push->request = (struct http_request){.method = "POST",
                                          .url = callbacks_url(sandbox, arena, "/v1/events"),
                                          .headers = push->headers,
                                          .n_headers = COUNTOF(push->headers),
                                          .body = body};
    push->fetch = (struct fetch){.request = &push->request,
                                 .connect_timeout = 5 * USEC_PER_SEC,
                                 .timeout = 20 * USEC_PER_SEC,
                                 .body_max = 64UL * 1024,
                                 .into = arena,
                                 .done = answered};
    fetcher_start(sandbox->fetcher, &push->fetch);
}
