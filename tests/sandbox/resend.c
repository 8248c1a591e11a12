/*
 * Resend's side of the sandbox: mails are taken under their key, once each.
 *
 * What a mail must be is checked more strictly than Resend does, since a mail that it would
 * take may still be one that nobody wants to get: no line may end in a head, both parts must be
 * there, a tag has Resend's own letters. Under a key that was seen before, the same body is
 * answered as it was the first time and another body is refused, also after a restart.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/schema.h"

#include <stdio.h>

#define KEY_MAX 256

struct call {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    const json_t *body;
    struct str key;
};

static struct str text_in(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct str){json_string_value(value), json_string_length(value)};
}

static void keep_finding(struct call *call, const char *kind, const char *detail)
{
    struct sandbox *sandbox = call->sandbox;
    json_t *body = json_string_of(call->exchange->body);
    json_array_append_new(sandbox->findings, json_pack("{s:s, s:s, s:o}", "kind", kind,
                                                       "detail", detail, "body", body));
    if (json_array_size(sandbox->findings) > 100)
        json_array_remove(sandbox->findings, 0);
    fprintf(stderr, "parley-sandbox: %s: %s\n", kind, detail);
}

static void refuse(struct call *call, int http, const char *name, const char *message)
{
    OWNED_JSON(body) =
        json_pack("{s:i, s:s, s:s}", "statusCode", http, "name", name, "message", message);
    answer_later(call->sandbox, call->exchange, FATE_ANSWER, http, "application/json",
                 json_write(&call->exchange->arena, body),
                 faults_delay(&call->sandbox->faults));
}

static bool wrong(struct call *call, const char *name, const char *message)
{
    call->sandbox->n_findings++;
    keep_finding(call, "mail", message);
    refuse(call, 422, name, message);
    return false;
}

/* --- what a mail must be ------------------------------------------------------------------ */

static bool is_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    return text.len > 0;
}

static bool is_tag(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!plain)
            return false;
    }
    return text.len > 0 && text.len <= 256;
}

static bool has_address(struct str text)
{
    size_t at = str_find(text, STR("@"));
    return is_line(text) && at > 0 && at + 3 < text.len &&
           str_find(str_slice(text, at, text.len), STR(".")) < text.len - at;
}

static bool check_parts(struct call *call)
{
    const json_t *body = call->body;
    const json_t *to = json_object_get(body, "to");
    if (!has_address(text_in(body, "from")))
        return wrong(call, "invalid_from_address", "Invalid `from` field.");
    if (json_array_size(to) != 1 || !json_is_string(json_array_get(to, 0)) ||
        !has_address(str_from(json_string_value(json_array_get(to, 0)))))
        return wrong(call, "missing_required_field", "One address in `to`.");
    if (!is_line(text_in(body, "subject")))
        return wrong(call, "missing_required_field", "A `subject` in one line.");
    if (text_in(body, "text").len == 0 || text_in(body, "html").len == 0)
        return wrong(call, "missing_required_field", "Both `text` and `html`.");
    return true;
}

static bool check_head(struct call *call)
{
    const char *name;
    json_t *value, *tag;
    size_t i;
    json_object_foreach(json_object_get(call->body, "headers"), name, value)
    {
        if (!json_is_string(value) || !is_line(str_from(json_string_value(value))))
            return wrong(call, "invalid_parameter", "A header is no line.");
    }
    json_array_foreach(json_object_get(call->body, "tags"), i, tag)
    {
        if (!is_tag(text_in(tag, "name")) || !is_tag(text_in(tag, "value")))
            return wrong(call, "invalid_parameter", "A tag has other letters.");
    }
    return true;
}

static void check_description(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    char reason[SCHEMA_REASON_MAX];
    if (!sandbox->resend_openapi ||
        schema_check_request(sandbox->resend_openapi, "post", "/emails", call->body, reason))
        return;
    sandbox->n_undescribed++;
    keep_finding(call, "description", reason);
}

/* --- keys --------------------------------------------------------------------------------- */

/* What the body is known by. */
static struct str sum_of(struct arena *into, struct str body)
{
    struct hash16 hash = hash16_of(&body, 1);
    char *text = arena_alloc(into, 2 * sizeof hash.bytes + 1);
    hex_format(hash.bytes, sizeof hash.bytes, text);
    return str_from(text);
}

static void answer_id(struct call *call, struct str id, int64_t delay)
{
    OWNED_JSON(body) = json_pack("{s:s%}", "id", id.at, id.len);
    answer_later(call->sandbox, call->exchange, FATE_ANSWER, 200, "application/json",
                 json_write(&call->exchange->arena, body), delay);
}

/* Whether the key was taken before; then it is answered. */
static bool is_known(struct call *call)
{
    struct arena *arena = &call->exchange->arena;
    const json_t *before =
        json_object_get(call->sandbox->mail_keys, arena_cstr(arena, call->key));
    if (!before)
        return false;
    if (str_eq(text_in(before, "sum"), sum_of(arena, call->exchange->body))) {
        call->sandbox->n_mail_again++;
        answer_id(call, text_in(before, "id"), 0);
    } else {
        refuse(call, 409, "invalid_idempotent_request",
               "Same idempotency key used with a different request payload.");
    }
    return true;
}

/* --- a mail is taken ---------------------------------------------------------------------- */

void resend_apply(struct sandbox *sandbox, const json_t *record)
{
    OWNED_JSON(known) = json_pack("{s:O, s:O}", "id", json_object_get(record, "id"), "sum",
                                  json_object_get(record, "sum"));
    sandbox->n_mail++;
    json_object_set(sandbox->mail_keys, json_string_value(json_object_get(record, "key")),
                    known);
    struct arena scratch;
    arena_init(&scratch);
    struct chatter *person = chats_mailbox(sandbox, &scratch, text_in(record, "to"));
    arena_finish(&scratch);
    if (person)
        chats_add(sandbox, person, "mail", text_in(record, "id"),
                  json_integer_value(json_object_get(record, "at")),
                  json_object_get(record, "body"), "sent");
}

static struct str take(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct arena *arena = &call->exchange->arena;
    const json_t *to = json_array_get(json_object_get(call->body, "to"), 0);
    uint8_t random[16];
    char hex[33];
    random_bytes(random, sizeof(random));
    hex_format(random, sizeof(random), hex);
    struct str id = arena_format(arena, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12,
                                 hex + 16, hex + 20);
    OWNED_JSON(record) =
        json_pack("{s:s, s:I, s:I, s:O, s:O}", "t", "mail", "n", (json_int_t)sandbox->next_n++,
                  "at", (json_int_t)clock_now(), "to", to, "body", call->body);
    json_set_text(record, "id", id);
    json_set_text(record, "key", call->key);
    json_set_text(record, "sum", sum_of(arena, call->exchange->body));
    journal_append(sandbox->journal, record);
    resend_apply(sandbox, record);
    struct chatter *person = chats_mailbox(sandbox, arena, text_in(record, "to"));
    if (person)
        mail_arrived(sandbox, arena, person, id, call->body);
    return id;
}

static void answer_taken(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct faults *faults = &sandbox->faults;
    int64_t delay = faults_delay(faults);
    bool empty = faults_roll(faults, faults->empty_5xx);
    if (empty && faults_roll(faults, 0.5)) {
        answer_later(sandbox, call->exchange, FATE_ANSWER, 502, NULL, STR_NONE, delay);
        return;
    }
    struct str id = take(call);
    if (empty)
        answer_later(sandbox, call->exchange, FATE_ANSWER, 502, NULL, STR_NONE, delay);
    else if (faults_roll(faults, faults->lose_answer))
        answer_later(sandbox, call->exchange, FATE_DROP, 0, NULL, STR_NONE, delay);
    else if (faults_roll(faults, faults->garbage))
        answer_later(sandbox, call->exchange, FATE_ANSWER, 200, "text/html",
                     STR("<html>Sorry, something went wrong.</html>"), delay);
    else
        answer_id(call, id, delay);
}

static void post_mail(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct faults *faults = &sandbox->faults;
    if (faults_roll(faults, faults->lose_request)) {
        answer_later(sandbox, call->exchange, FATE_DROP, 0, NULL, STR_NONE, 0);
        return;
    }
    if (call->key.len == 0 || call->key.len > KEY_MAX || !is_line(call->key)) {
        (void)wrong(call, "invalid_idempotency_key", "A key of 1 to 256 characters.");
        return;
    }
    if (is_known(call) || !check_parts(call) || !check_head(call))
        return;
    check_description(call);
    const char *to = json_string_value(json_array_get(json_object_get(call->body, "to"), 0));
    const struct fault_rule *rule = faults_rule(faults, to);
    if (rule)
        refuse(call, rule->http,
               rule->http == 429  ? "daily_quota_exceeded"
               : rule->http < 500 ? "validation_error"
                                  : "application_error",
               "An error that a test asked for.");
    else if (faults_roll(faults, faults->throttle))
        refuse(call, 429, "rate_limit_exceeded", "Too many requests.");
    else
        answer_taken(call);
}

/* --- routes ------------------------------------------------------------------------------- */

bool resend_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct call call = {.sandbox = sandbox,
                        .exchange = exchange,
                        .key = http_request_header(exchange, "idempotency-key")};
    struct str bearer = http_request_header(exchange, "authorization");
    bool mail = str_eq(exchange->path, STR("/emails"));
    bool known =
        sandbox->settings.resend_key && str_starts(bearer, STR("Bearer ")) &&
        crypto_equal(str_slice(bearer, 7, bearer.len), str_from(sandbox->settings.resend_key));
    OWNED_JSON(body) = NULL;
    struct err err;
    if (mail_handle(sandbox, exchange, known))
        return true;
    if (!mail && !str_eq(exchange->path, STR("/domains")) &&
        !str_starts(exchange->path, STR("/emails/receiving/")))
        return false;
    if (!known) {
        refuse(&call, 401, "missing_api_key", "Missing API key in the authorization header.");
    } else if (!mail && strcmp(exchange->method, "GET") == 0) {
        answer_json(exchange, 200, json_pack("{s:s, s:[]}", "object", "list", "data"));
    } else if (!mail || strcmp(exchange->method, "POST") != 0) {
        refuse(&call, 405, "method_not_allowed", "Method not allowed.");
    } else if (!json_read(exchange->body, &body, &err)) {
        (void)wrong(&call, "validation_error", "The body is no JSON.");
    } else {
        call.body = body;
        post_mail(&call);
    }
    return true;
}
