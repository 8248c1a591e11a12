/*
 * Resend's side of the sandbox: mails are taken under their key, once each.
 *
 * What a mail must be is checked more strictly than Resend does, since a mail that it would
 * take may still be one that nobody wants to get: no line may end in a head, both parts must be
 * there, a tag has Resend's own letters. Under a key that was seen before, the same body is
 * answered as it was the first time and another body is refused, also after a restart. Of a
 * batch all mails are taken, in one record of the journal, or none.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/schema.h"

#include <stdio.h>

#define KEY_MAX   256
#define BATCH_MAX 100 /* "array of up to 100" */

struct call {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    const json_t *body; /* as it came */
    const json_t *mail; /* the one that is looked at */
    bool batch;
    struct str key;
};

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
    finding_keep(call->sandbox, "mail", message, json_string_of(call->exchange->body));
    refuse(call, 422, name, message);
    return false;
}

/* --- what a mail must be ------------------------------------------------------------------ */

static bool is_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    }
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
    const json_t *body = call->mail;
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
    json_object_foreach(json_object_get(call->mail, "headers"), name, value)
    {
        if (!json_is_string(value) || !is_line(str_from(json_string_value(value))))
            return wrong(call, "invalid_parameter", "A header is no line.");
    }
    json_array_foreach(json_object_get(call->mail, "tags"), i, tag)
    {
        if (!is_tag(text_in(tag, "name")) || !is_tag(text_in(tag, "value")))
            return wrong(call, "invalid_parameter", "A tag has other letters.");
    }
    return true;
}

/* "No attachments, no scheduling"; one that is wrong fails all. */
static bool check_mails(struct call *call)
{
    size_t n = json_array_size(call->body);
    if (!call->batch) {
        call->mail = call->body;
        return check_parts(call) && check_head(call);
    }
    if (n == 0 || n > BATCH_MAX)
        return wrong(call, "validation_error", "An array of 1 to 100 mails.");
    for (size_t i = 0; i < n; i++) {
        call->mail = json_array_get(call->body, i);
        if (json_object_get(call->mail, "attachments") ||
            json_object_get(call->mail, "scheduled_at")) {
            return wrong(call, "invalid_parameter",
                         "No attachments, no scheduling in a batch.");
        }
        if (!check_parts(call) || !check_head(call))
            return false;
    }
    return true;
}

static void check_description(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    char reason[SCHEMA_REASON_MAX];
    const json_t *document = description_read(&sandbox->resend_openapi);
    if (!document ||
        schema_check_request(document, "post", call->batch ? "/emails/batch" : "/emails",
                             call->body, reason))
        return;
    sandbox->n_undescribed++;
    finding_keep(call->sandbox, "description", reason, json_string_of(call->exchange->body));
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

/* `ids` is borrowed. */
static void answer_ids(struct call *call, json_t *ids, int64_t delay)
{
    OWNED_JSON(body) = json_object();
    OWNED_JSON(data) = json_array();
    const json_t *id;
    size_t i;
    json_array_foreach(ids, i, id) json_array_append_new(data, json_pack("{s:O}", "id", id));
    if (call->batch) {
        json_object_set(body, "data", data);
    } else {
        json_object_set(body, "id", json_array_get(ids, 0));
    }
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
        answer_ids(call, json_object_get(before, "ids"), 0);
    } else {
        refuse(call, 409, "invalid_idempotent_request",
               "Same idempotency key used with a different request payload.");
    }
    return true;
}

/* --- a mail is taken ---------------------------------------------------------------------- */

static void add_to_chat(struct sandbox *sandbox, const json_t *mail)
{
    struct arena scratch;
    arena_init(&scratch);
    struct chatter *person = chats_mailbox(sandbox, &scratch, text_in(mail, "to"));
    arena_finish(&scratch);
    if (person) {
        chats_add(sandbox, person, "mail", text_in(mail, "id"),
                  json_integer_value(json_object_get(mail, "at")),
                  json_object_get(mail, "body"), "sent");
    }
}

/* The mails of such a record, a new array: a batch is kept as one record. */
static json_t *mails_of(const json_t *record)
{
    json_t *mails = json_object_get(record, "mails");
    return mails ? json_incref(mails) : json_pack("[O]", (json_t *)record);
}

void resend_apply(struct sandbox *sandbox, const json_t *record)
{
    OWNED_JSON(ids) = json_array();
    OWNED_JSON(mails) = mails_of(record);
    const json_t *mail;
    size_t i;
    json_array_foreach(mails, i, mail)
    {
        sandbox->n_mail++;
        json_array_append(ids, json_object_get(mail, "id"));
        add_to_chat(sandbox, mail);
    }
    sandbox->n_batches += json_object_get(record, "mails") != NULL;
    OWNED_JSON(known) =
        json_pack("{s:O, s:O}", "ids", ids, "sum", json_object_get(record, "sum"));
    json_object_set(sandbox->mail_keys, json_string_value(json_object_get(record, "key")),
                    known);
}

/* A message's own key comes in its tag, with other dots. */
static struct str tagged(struct call *call, const json_t *mail)
{
    const json_t *tag = json_array_get(json_object_get(mail, "tags"), 0);
    struct str value = text_in(tag, "value");
    char *text = arena_alloc(&call->exchange->arena, value.len + 1);
    for (size_t i = 0; i < value.len; i++)
        text[i] = (char)(value.at[i] == '_' ? '.' : value.at[i]);
    return (struct str){text, value.len};
}

static struct str make_id(struct arena *arena)
{
    uint8_t random[16];
    char hex[33];
    random_bytes(random, sizeof(random));
    hex_format(random, sizeof(random), hex);
    return arena_format(arena, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                        hex + 20);
}

static json_t *record_of(struct call *call, const json_t *mail, struct str key)
{
    const json_t *to = json_array_get(json_object_get(mail, "to"), 0);
    json_t *record = json_pack("{s:s, s:I, s:I, s:O, s:O}", "t", "mail", "n",
                               (json_int_t)call->sandbox->next_n++, "at",
                               (json_int_t)clock_now(), "to", to, "body", mail);
    json_set_text(record, "id", make_id(&call->exchange->arena));
    json_set_text(record, "key", key);
    return record;
}

static json_t *record_of_batch(struct call *call)
{
    json_t *record = json_pack("{s:s, s:[]}", "t", "mails", "mails");
    const json_t *mail;
    size_t i;
    json_array_foreach(call->body, i, mail)
    {
        json_t *one = record_of(call, mail, tagged(call, mail));
        json_set_text(one, "batch", call->key);
        json_array_append_new(json_object_get(record, "mails"), one);
    }
    json_set_text(record, "key", call->key);
    /* the last number, which is what a restart goes on from */
    json_object_set_new(record, "n", json_integer(call->sandbox->next_n++));
    return record;
}

/* The ids, borrowed from what is kept. */
static json_t *take(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct arena *arena = &call->exchange->arena;
    OWNED_JSON(record) =
        call->batch ? record_of_batch(call) : record_of(call, call->body, call->key);
    OWNED_JSON(mails) = mails_of(record);
    const json_t *mail;
    size_t i;
    json_set_text(record, "sum", sum_of(arena, call->exchange->body));
    journal_append(sandbox->journal, record);
    resend_apply(sandbox, record);
    json_array_foreach(mails, i, mail)
    {
        struct chatter *person = chats_mailbox(sandbox, arena, text_in(mail, "to"));
        if (person) {
            mail_arrived(sandbox, arena, person, text_in(mail, "id"),
                         json_object_get(mail, "body"));
        }
    }
    return json_object_get(json_object_get(sandbox->mail_keys, arena_cstr(arena, call->key)),
                           "ids");
}

static void answer_taken(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t delay = faults_delay(&sandbox->faults);
    enum mishap mishap = faults_mishap(&sandbox->faults);
    json_t *ids = mishap == MISHAP_BEFORE ? NULL : take(call);

    if (mishap != MISHAP_NONE) {
        answer_mishap(sandbox, call->exchange, mishap, delay);
    } else {
        answer_ids(call, ids, delay);
    }
}

/* One that is refused takes its batch along. */
static const struct fault_rule *rule_of(struct call *call)
{
    OWNED_JSON(mails) = call->batch ? json_incref((json_t *)call->body)
                                    : json_pack("[O]", (json_t *)call->body);
    const struct fault_rule *rule = NULL;
    const json_t *mail;
    size_t i;
    json_array_foreach(mails, i, mail)
    {
        const json_t *to = json_array_get(json_object_get(mail, "to"), 0);
        rule = rule ? rule : faults_rule(&call->sandbox->faults, json_string_value(to));
    }
    return rule;
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
    if (is_known(call) || !check_mails(call))
        return;
    check_description(call);
    const struct fault_rule *rule = rule_of(call);
    if (rule) {
        refuse(call, rule->http,
               rule->http == 429  ? "daily_quota_exceeded"
               : rule->http < 500 ? "validation_error"
                                  : "application_error",
               "An error that a test asked for.");
    } else if (faults_roll(faults, faults->throttle)) {
        refuse(call, 429, "rate_limit_exceeded", "Too many requests.");
    } else {
        answer_taken(call);
    }
}

/* --- routes ------------------------------------------------------------------------------- */

bool resend_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct call call = {.sandbox = sandbox,
                        .exchange = exchange,
                        .key = http_request_header(exchange, "idempotency-key")};
    struct str bearer = http_request_header(exchange, "authorization");
    bool batch = str_eq(exchange->path, STR("/emails/batch"));
    bool mail = batch || str_eq(exchange->path, STR("/emails"));
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
        call.batch = batch;
        post_mail(&call);
    }
    return true;
}
