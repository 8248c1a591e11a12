/*
 * A business's CRM: it takes the events that the service posts to /crm/events, and goes wrong
 * as a plan of POST /control/crm says.
 *
 * What is signed wrongly or is no CloudEvent is a finding and is refused. What is taken is
 * journalled before it is answered, each time that it comes.
 */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "webhooks/svix.h"

#define KEPT_MAX 20000 /* to be asked for; the journal has all */

static void refuse(struct sandbox *sandbox, struct http_exchange *exchange, int status,
                   const char *why)
{
    sandbox->n_findings++;
    finding_keep(sandbox, "crm", why, json_string_of(exchange->body));
    answer_json(exchange, status, json_pack("{s:s}", "error", why));
}

/* NULL when all is well. */
static const char *wrong_with(const json_t *event, struct str id)
{
    static const char *const needed[] = {"id", "source", "type", "subject", "time", "sequence"};

    if (!str_eq(text_in(event, "specversion"), STR("1.0")))
        return "specversion is not 1.0";
    for (size_t i = 0; i < COUNTOF(needed); i++) {
        if (text_in(event, needed[i]).len == 0)
            return needed[i];
    }
    if (!str_eq(text_in(event, "id"), id))
        return "webhook-id is not the event's id";
    return json_is_object(json_object_get(event, "data")) ? NULL : "data is no object";
}

static bool is_signed(const struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct svix_headers headers = {http_request_header(exchange, "webhook-id"),
                                   http_request_header(exchange, "webhook-timestamp"),
                                   http_request_header(exchange, "webhook-signature")};

    return svix_verify(&exchange->arena, str_from(sandbox->settings.crm_secret), &headers,
                       exchange->body, clock_now());
}

/* As it came, so that others can verify it, too. */
static json_t *raw_of(struct http_exchange *exchange)
{
    static const char *const names[] = {"webhook-id", "webhook-timestamp", "webhook-signature"};
    json_t *raw = json_pack("{s:o}", "body", json_string_of(exchange->body));

    for (size_t i = 0; i < COUNTOF(names); i++)
        json_set_text(raw, names[i], http_request_header(exchange, names[i]));
    return raw;
}

static void take(struct sandbox *sandbox, json_t *event, struct http_exchange *exchange)
{
    struct str signature = http_request_header(exchange, "webhook-signature");
    OWNED_JSON(record) =
        json_pack("{s:s, s:I, s:I, s:O}", "t", "event", "n", (json_int_t)sandbox->next_n, "at",
                  (json_int_t)clock_now(), "event", event);

    json_set_int(record, "signatures", str_find(signature, STR(" ")) < signature.len ? 2 : 1);
    json_object_set_new(record, "raw", raw_of(exchange));
    journal_append(sandbox->journal, record);
    callbacks_replay(sandbox, record);
    chats_crm(sandbox, record);
}

void crm_apply(struct sandbox *sandbox, const json_t *record)
{
    if (sandbox->crm_events == NULL)
        sandbox->crm_events = json_array();
    if (json_array_size(sandbox->crm_events) == KEPT_MAX)
        json_array_remove(sandbox->crm_events, 0);
    json_array_append(sandbox->crm_events, (json_t *)record);
}

/* What the plan has for this event: {"status", "subject", "type", "next", "taken", "drop",
 * "delay_ms", "retry_after", "location"}; NULL: nothing. `next` counts down. */
static const json_t *mishap_of(struct sandbox *sandbox, const json_t *event)
{
    json_t *plan = sandbox->crm_plan;
    struct str subject = text_in(plan, "subject"), type = text_in(plan, "type");
    int64_t next = json_int(plan, "next", -1);

    if (plan == NULL || next == 0 ||
        (subject.len > 0 && !str_starts(text_in(event, "subject"), subject)) ||
        (type.len > 0 && !str_eq(text_in(event, "type"), type)))
        return NULL;
    if (next > 0)
        json_object_set_new(plan, "next", json_integer(next - 1));
    return plan;
}

static void answer_planned(struct sandbox *sandbox, struct http_exchange *exchange,
                           const json_t *plan)
{
    struct arena *arena = &exchange->arena;
    int status = (int)json_int(plan, "status", 500);
    int64_t delay = json_int(plan, "delay_ms", 0);
    struct str after = json_scalar(arena, plan, "retry_after");
    struct str location = json_text(arena, plan, "location");
    const char *headers[3] = {NULL};
    size_t n = 0;

    if (after.len > 0)
        headers[n++] = arena_format(arena, "Retry-After: %.*s", STR_ARG(after)).at;
    if (location.len > 0)
        headers[n++] = arena_format(arena, "Location: %.*s", STR_ARG(location)).at;
    if (json_bool(plan, "drop", false)) {
        answer_later(sandbox, exchange, FATE_DROP, 0, NULL, STR_NONE, delay);
    } else if (n > 0) {
        http_reply(exchange, status, "text/plain", STR("planned\n"), headers);
    } else {
        answer_later(sandbox, exchange, FATE_ANSWER, status, "text/plain", STR("planned\n"),
                     delay);
    }
}

bool crm_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    OWNED_JSON(event) = NULL;
    const json_t *plan;
    const char *why;
    struct err err;

    if (!str_starts(exchange->path, STR("/crm/")))
        return false;
    if (!sandbox->settings.crm_secret || strcmp(exchange->method, "POST") != 0) {
        answer_json(exchange, 404, json_pack("{s:s}", "error", "no CRM (--crm-secret)"));
        return true;
    }
    if (!is_signed(sandbox, exchange)) {
        refuse(sandbox, exchange, 401, "the signature is not ours");
        return true;
    }
    why = json_read(exchange->body, &event, &err)
              ? wrong_with(event, http_request_header(exchange, "webhook-id"))
              : err.text;
    if (why != NULL) {
        refuse(sandbox, exchange, 400, why);
        return true;
    }
    plan = mishap_of(sandbox, event);
    if (plan == NULL || json_bool(plan, "taken", false))
        take(sandbox, event, exchange);
    if (plan != NULL) {
        answer_planned(sandbox, exchange, plan);
    } else {
        answer_later(sandbox, exchange, FATE_ANSWER, 200, "application/json", STR("{}"), 0);
    }
    return true;
}

json_t *crm_list(struct sandbox *sandbox, size_t after)
{
    json_t *events = json_array();

    for (size_t i = after; i < json_array_size(sandbox->crm_events); i++)
        json_array_append(events, json_array_get(sandbox->crm_events, i));
    return json_pack("{s:I, s:o}", "n", (json_int_t)json_array_size(sandbox->crm_events),
                     "events", events);
}
