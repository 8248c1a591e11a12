/*
 * Stripe's API. Stricter than Stripe where a client could be sloppy: the version must be the
 * pinned one, every POST must bring an idempotency key, and ids of ours must be on the session
 * and on its payment. Under a key that was seen before the same body is answered as it was the
 * first time, and another body is refused.
 */
#include "tests/sandbox/stripe.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/schema.h"
#include "webhooks/form.h"
#include "webhooks/stripe.h"

#include <stdio.h>
#include <stdlib.h>

#define SESSIONS "/v1/checkout/sessions"
#define REFUNDS  "/v1/refunds"

struct call {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct form form;
    json_t *fields;
    struct str key;
};

struct stripe_play *stripe_play(struct sandbox *sandbox)
{
    struct stripe_play *play = sandbox->stripe;

    if (!play) {
        play = sandbox->stripe = calloc(1, sizeof *play);
        if (!play)
            abort();
        play->sessions = json_object();
        play->payments = json_object();
        play->refunds = json_object();
        play->keys = json_object();
        play->held = json_array();
    }
    return play;
}

void stripe_finish(struct sandbox *sandbox)
{
    struct stripe_play *play = sandbox->stripe;

    if (!play)
        return;
    json_decref(play->sessions);
    json_decref(play->payments);
    json_decref(play->refunds);
    json_decref(play->keys);
    json_decref(play->held);
    free(play);
}

bool stripe_is_live(const struct sandbox *sandbox)
{
    const char *key = sandbox->settings.stripe_key;

    return key && (strncmp(key, "sk_live_", 8) == 0 || strncmp(key, "rk_live_", 8) == 0);
}

/* --- answers ------------------------------------------------------------------------------ */

static const char *const replayed_header[] = {"Idempotent-Replayed: true", NULL};

static void answer_text(struct call *call, int status, struct str body, bool replayed)
{
    struct stripe_play *play = stripe_play(call->sandbox);

    if (play->fail_next > 0 && play->fail_http == 0) {
        play->fail_next--;
        answer_drop(call->exchange); /* it was done, and nobody learns of it */
        return;
    }
    answer_kept(call->sandbox, call->exchange, status, "application/json",
                replayed ? replayed_header : NULL, body);
}

static json_t *error_of(const char *type, const char *code, const char *message)
{
    json_t *error = json_pack("{s:s, s:s}", "type", type, "message", message);

    if (code)
        json_object_set_new(error, "code", json_string(code));
    return json_pack("{s:o}", "error", error);
}

static void refuse(struct call *call, int status, const char *type, const char *code,
                   const char *message)
{
    OWNED_JSON(body) = error_of(type, code, message);

    http_reply(call->exchange, status, "application/json",
               json_write(&call->exchange->arena, body), NULL);
}

static bool wrong(struct call *call, const char *message)
{
    stripe_play(call->sandbox)->findings++;
    call->sandbox->n_findings++;
    finding_keep(call->sandbox, "stripe", message, json_string_of(call->exchange->body));
    refuse(call, 400, "invalid_request_error", "parameter_invalid", message);
    return false;
}

static struct str sum_of(struct call *call)
{
    struct hash hash = hmac_sha256(call->exchange->path, call->exchange->body);
    char *text = arena_alloc(&call->exchange->arena, (size_t)2 * HASH_LEN + 1);

    hex_format(hash.bytes, HASH_LEN, text);
    return (struct str){text, (size_t)2 * HASH_LEN};
}

/* What is answered is kept under its key. */
static void done(struct call *call, const json_t *object)
{
    OWNED_JSON(shown) = json_copy((json_t *)object);
    struct str body;

    json_object_del(shown, "_intent_metadata");
    json_object_del(shown, "_name");
    body = json_write(&call->exchange->arena, shown);
    if (call->key.len > 0) {
        OWNED_JSON(kept) = json_object();
        json_set_text(kept, "sum", sum_of(call));
        json_set_text(kept, "body", body);
        stripe_keep(call->sandbox, "keys", arena_cstr(&call->exchange->arena, call->key), kept);
    }
    answer_text(call, 200, body, false);
}

/* True when it is settled by an answer of before. */
static bool answered_before(struct call *call)
{
    struct stripe_play *play = stripe_play(call->sandbox);
    const json_t *kept =
        json_object_get(play->keys, arena_cstr(&call->exchange->arena, call->key));

    if (!kept)
        return false;
    if (!str_eq(text_in(kept, "sum"), sum_of(call))) {
        play->findings++;
        finding_keep(call->sandbox, "stripe", "another body under the same key",
                     json_string_of(call->exchange->body));
        refuse(call, 400, "idempotency_error", NULL, "Keys can only be used once.");
    } else {
        play->replayed++;
        answer_text(call, 200, text_in(kept, "body"), true);
    }
    return true;
}

/* --- what a request must be --------------------------------------------------------------- */

static json_t *value_of(const json_t *described, struct str text)
{
    const char *type = json_string_value(json_object_get(described, "type"));
    int64_t number;

    if (type && strcmp(type, "integer") == 0 && str_to_int(text, &number))
        return json_integer(number);
    return json_string_of(text);
}

/* "[^\\]]" is "[^]]" to POSIX. */
static struct str posix_of(struct arena *into, struct str pattern)
{
    static const struct str theirs = {"[^\\]]", 5};
    size_t at = str_find(pattern, theirs);

    if (at == pattern.len)
        return pattern;
    return arena_concat(into, str_slice(pattern, 0, at), STR("[^]]"),
                        str_slice(pattern, at + theirs.len, pattern.len));
}

/* Whether the name begins as the pattern does, as far as that stands for itself: "^" and then
 * letters, or brackets behind a backslash. There are hundreds of patterns, and to compile one
 * takes longer than all else that is done for a request. */
static bool may_match(const char *pattern, struct str name)
{
    size_t i = 0;

    if (strchr(pattern, '|') || *pattern++ != '^')
        return true;
    for (; *pattern && !strchr("[](){}.*+?|$", *pattern); pattern++, i++) {
        if (*pattern == '\\' && (!pattern[1] || !strchr("[]", *++pattern)))
            return true;
        if (pattern[1] && strchr("{*?", pattern[1]))
            return true;
        if (i >= name.len || name.at[i] != *pattern)
            return false;
    }
    return *pattern != '$' || i == name.len;
}

/* The description has a pattern for each name. */
static const json_t *described_as(struct arena *scratch, const json_t *patterns,
                                  struct str name)
{
    const char *pattern;
    json_t *described;

    json_object_foreach((json_t *)patterns, pattern, described)
    {
        if (!may_match(pattern, name))
            continue;
        OWNED_JSON(rule) = json_pack("{s:s, s:s}", "type", "string", "pattern",
                                     arena_cstr(scratch, posix_of(scratch, str_from(pattern))));
        OWNED_JSON(value) = json_string_of(name);
        char reason[SCHEMA_REASON_MAX];
        if (schema_check(rule, rule, value, reason))
            return described;
    }
    return NULL;
}

static void check_description(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    const json_t *document = description_read(&sandbox->stripe_openapi);
    const json_t *content =
        schema_body(document, "post", arena_cstr(&call->exchange->arena, call->exchange->path),
                    "application/x-www-form-urlencoded");
    const json_t *patterns = json_object_get(content, "patternProperties");
    char reason[SCHEMA_REASON_MAX];

    for (size_t i = 0; patterns && i < call->form.n; i++) {
        const struct form_field *field = &call->form.fields[i];
        const json_t *described = described_as(&call->exchange->arena, patterns, field->name);
        OWNED_JSON(value) = value_of(described, field->value);
        if (described && schema_check(document, described, value, reason))
            continue;
        if (!described) {
            (void)snprintf(reason, sizeof reason, "%.*s is not described",
                           STR_ARG(field->name));
        }
        sandbox->n_undescribed++;
        finding_keep(sandbox, "description", reason, json_string_of(call->exchange->body));
    }
}

static bool knows_key(struct call *call)
{
    const char *key = call->sandbox->settings.stripe_key;
    struct str bearer = http_request_header(call->exchange, "authorization");

    if (!key || !str_starts(bearer, STR("Bearer ")) ||
        !crypto_equal(str_slice(bearer, 7, bearer.len), str_from(key))) {
        refuse(call, 401, "invalid_request_error", NULL, "Invalid API Key provided.");
        return false;
    }
    if (!str_eq(http_request_header(call->exchange, "stripe-version"), STR(STRIPE_VERSION)))
        return wrong(call, "The version is not the pinned one.");
    return true;
}

static bool read_fields(struct call *call)
{
    struct err err;

    if (!form_read(&call->exchange->arena, call->exchange->body, &call->form, &err))
        return wrong(call, "This is no form.");
    call->fields = json_object();
    for (size_t i = 0; i < call->form.n; i++) {
        json_object_set_new(call->fields,
                            arena_cstr(&call->exchange->arena, call->form.fields[i].name),
                            json_string_of(call->form.fields[i].value));
    }
    call->key = http_request_header(call->exchange, "idempotency-key");
    if (call->key.len == 0 || call->key.len > 255)
        return wrong(call, "A POST without an idempotency key.");
    check_description(call);
    return true;
}

static bool failed_on_wish(struct call *call)
{
    struct stripe_play *play = stripe_play(call->sandbox);

    if (play->fail_next <= 0 || play->fail_http == 0)
        return false;
    play->fail_next--;
    refuse(call, play->fail_http, play->fail_http == 402 ? "card_error" : "api_error", NULL,
           "As you wished.");
    return true;
}

/* --- calls -------------------------------------------------------------------------------- */

static int64_t number_in(const struct call *call, const char *name)
{
    int64_t number = -1;
    struct str text = text_in(call->fields, name);

    return text.len > 0 && str_to_int(text, &number) ? number : -1;
}

static void make_session(struct call *call)
{
    int64_t now = clock_now() / USEC_PER_SEC, expires = number_in(call, "expires_at");

    if (!str_eq(text_in(call->fields, "mode"), STR("payment")) ||
        number_in(call, "line_items[0][price_data][unit_amount]") <= 0 ||
        number_in(call, "line_items[0][quantity]") != 1) {
        (void)wrong(call, "A payment of one thing with a price.");
    } else if (text_in(call->fields, "line_items[0][price_data][currency]").len != 3) {
        (void)wrong(call, "A currency of three small letters.");
    } else if (expires < now + 29L * 60 || expires > now + 24L * 3600) {
        (void)wrong(call, "expires_at: half an hour to a day ahead.");
    } else if (!str_starts(text_in(call->fields, "success_url"), STR("http")) ||
               !str_starts(text_in(call->fields, "cancel_url"), STR("http"))) {
        (void)wrong(call, "Addresses to go back to.");
    } else if (text_in(call->fields, "metadata[parley_checkout]").len == 0 ||
               text_in(call->fields, "payment_intent_data[metadata][parley_checkout]").len ==
                   0) {
        (void)wrong(call, "Our ids on the session and on its payment.");
    } else {
        done(call, stripe_session_new(call->sandbox, &call->exchange->arena, call->fields));
    }
}

static void make_refund(struct call *call)
{
    struct stripe_play *play = stripe_play(call->sandbox);
    struct arena *arena = &call->exchange->arena;
    json_t *payment = json_object_get(
        play->payments, arena_cstr(arena, text_in(call->fields, "payment_intent")));
    int64_t amount = number_in(call, "amount");
    OWNED_JSON(metadata) = json_object();

    json_set_text(metadata, "parley_org", text_in(call->fields, "metadata[parley_org]"));
    json_set_text(metadata, "parley_refund", text_in(call->fields, "metadata[parley_refund]"));
    if (!payment) {
        refuse(call, 404, "invalid_request_error", "resource_missing", "No such payment.");
    } else if (amount <= 0 ||
               amount > json_integer_value(json_object_get(payment, "amount")) -
                            json_integer_value(json_object_get(payment, "refunded"))) {
        refuse(call, 400, "invalid_request_error", "charge_already_refunded",
               "More than is left of it.");
    } else {
        done(call, stripe_refund_new(call->sandbox, arena, payment, amount, metadata,
                                     "requested_by_customer"));
    }
}

static void expire_session(struct call *call, json_t *session)
{
    if (!session) {
        refuse(call, 404, "invalid_request_error", "resource_missing", "No such session.");
    } else if (!stripe_act(call->sandbox, &call->exchange->arena, session, STR("expire"))) {
        refuse(call, 400, "invalid_request_error", NULL, "Only open sessions can be expired.");
    } else {
        done(call, session);
    }
}

static void post(struct call *call, struct str path)
{
    struct str rest = str_slice(path, sizeof SESSIONS, path.len), id;

    if (!read_fields(call) || answered_before(call) || failed_on_wish(call))
        return;
    if (str_eq(path, STR(SESSIONS))) {
        make_session(call);
    } else if (str_eq(path, STR(REFUNDS))) {
        make_refund(call);
    } else if (str_starts(path, STR(SESSIONS "/")) && str_ends(path, STR("/expire"))) {
        id = str_slice(rest, 0, rest.len - 7);
        expire_session(call, json_object_get(stripe_play(call->sandbox)->sessions,
                                             arena_cstr(&call->exchange->arena, id)));
    } else {
        refuse(call, 404, "invalid_request_error", NULL, "Unrecognized request URL.");
    }
}

static void get(struct call *call, struct str path)
{
    struct stripe_play *play = stripe_play(call->sandbox);
    bool refund = str_starts(path, STR(REFUNDS "/"));
    size_t before = refund ? sizeof REFUNDS : sizeof SESSIONS;
    const char *id = arena_cstr(&call->exchange->arena, str_slice(path, before, path.len));
    json_t *object = json_object_get(refund ? play->refunds : play->sessions, id);

    if (failed_on_wish(call))
        return;
    if (!object) {
        refuse(call, 404, "invalid_request_error", "resource_missing", "No such object.");
        return;
    }
    if (!refund)
        stripe_expire_late(call->sandbox, &call->exchange->arena, object);
    done(call, object);
}

bool stripe_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct call call = {.sandbox = sandbox, .exchange = exchange};
    struct str path = exchange->path;

    if (stripe_page_handle(sandbox, exchange))
        return true;
    if (!str_starts(path, STR(SESSIONS)) && !str_starts(path, STR(REFUNDS)))
        return false;
    stripe_play(sandbox)->calls++;
    if (knows_key(&call)) {
        if (strcmp(exchange->method, "POST") == 0) {
            post(&call, path);
        } else {
            get(&call, path);
        }
    }
    json_decref(call.fields);
    return true;
}
