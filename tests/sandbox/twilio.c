/*
 * Twilio's side of the sandbox: SMS are taken, shown beside the phone, and reported on.
 *
 * The order of the checks is Twilio's: account and token, then the fields, each with its own
 * code; then what a plan of faults wants. What passes is journalled before it is answered, as
 * on the Graph API's side, and its statuses are owed to the address that came with it, signed
 * with the account's token.
 */
#include "webhooks/twilio.h"
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/schema.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 1600

struct call {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct form form;
};

/* --- errors ------------------------------------------------------------------------------- */

static void refuse(struct call *call, int http, int code, const char *message)
{
    struct arena *arena = &call->exchange->arena;
    struct str more = arena_format(arena, "https://www.twilio.com/docs/errors/%d", code);
    OWNED_JSON(body) = json_pack("{s:i, s:s, s:s%, s:i}", "code", code, "message", message,
                                 "more_info", more.at, more.len, "status", http);
    answer_later(call->sandbox, call->exchange, FATE_ANSWER, http, "application/json",
                 json_write(arena, body), faults_delay(&call->sandbox->faults));
}

static bool wrong(struct call *call, int code, const char *message)
{
    call->sandbox->n_findings++;
    finding_keep(call->sandbox, "sms", message, json_string_of(call->exchange->body));
    refuse(call, 400, code, message);
    return false;
}

/* --- what a message must be --------------------------------------------------------------- */

static bool is_phone(struct str text)
{
    if (text.len < 8 || text.len > 16 || text.at[0] != '+' || text.at[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return true;
}

static bool is_web(struct str url)
{
    return str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
}

/* A messaging service sends from a number of its own choice: from the one that there is. */
static struct str sender_of(const struct call *call)
{
    struct str service = form_get(&call->form, "MessagingServiceSid");
    return str_starts(service, STR("MG")) ? str_from(call->sandbox->settings.sms_number)
                                          : form_get(&call->form, "From");
}

static bool check(struct call *call)
{
    struct str to = form_get(&call->form, "To");
    struct str from = sender_of(call);
    struct str body = form_get(&call->form, "Body");
    struct str callback = form_get(&call->form, "StatusCallback");
    if (to.len == 0)
        return wrong(call, 21604, "A 'To' phone number is required.");
    if (!is_phone(to))
        return wrong(call, 21211, "The 'To' number is not a valid phone number.");
    if (from.len == 0)
        return wrong(call, 21603, "A 'From' phone number is required.");
    if (!str_eq(from, str_from(call->sandbox->settings.sms_number)))
        return wrong(call, 21606, "The 'From' phone number is not one of the account's.");
    struct str media = form_get(&call->form, "MediaUrl");
    if (media.len > 0 && !is_web(media))
        return wrong(call, 21620, "The media URL is not valid.");
    if (body.len == 0 && media.len == 0)
        return wrong(call, 21602, "Message body is required.");
    if (!str_is_utf8(body))
        return wrong(call, 21602, "Message body is not UTF-8.");
    if (str_length(body) > BODY_MAX)
        return wrong(call, 21617, "The concatenated message body exceeds 1600 characters.");
    if (callback.len > 0 && !is_web(callback))
        return wrong(call, 21609, "The 'StatusCallback' URL is not valid.");
    return true;
}

/* A form has texts only: one that is described as a number is held against that as a number. */
static json_t *value_of(const json_t *described, struct str text)
{
    const char *type = json_string_value(json_object_get(described, "type"));
    int64_t number;
    if (type && strcmp(type, "integer") == 0 && str_to_int(text, &number))
        return json_integer(number);
    return json_string_of(text);
}

/* Twilio describes each field by a pattern of its name. */
static void check_description(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    char reason[SCHEMA_REASON_MAX];
    const json_t *document = description_read(&sandbox->twilio_openapi);
    const json_t *content =
        schema_body(document, "post", arena_cstr(&call->exchange->arena, call->exchange->path),
                    "application/x-www-form-urlencoded");
    const json_t *fields = json_object_get(content, "patternProperties");
    for (size_t i = 0; fields && i < call->form.n; i++) {
        const struct form_field *field = &call->form.fields[i];
        const char *name =
            arena_format(&call->exchange->arena, "^%.*s$", STR_ARG(field->name)).at;
        const json_t *described = json_object_get(fields, name);
        OWNED_JSON(value) = value_of(described, field->value);
        if (described && schema_check(document, described, value, reason))
            continue;
        if (!described)
            (void)snprintf(reason, sizeof(reason), "%s is not described", name);
        sandbox->n_undescribed++;
        finding_keep(call->sandbox, "description", reason,
                     json_string_of(call->exchange->body));
    }
}

/* --- statuses ----------------------------------------------------------------------------- */

static void owe(struct sandbox *sandbox, struct chatter *person, const json_t *message,
                const char *status, int code, usec_t due)
{
    const char *sent_as = code ? "undelivered" : status;
    json_t *callback = json_object_get(message, "callback");
    if (!json_is_string(callback))
        return;
    json_t *form =
        json_pack("{s:O, s:O, s:s, s:s, s:O, s:O, s:s, s:s}", "MessageSid",
                  json_object_get(message, "id"), "SmsSid", json_object_get(message, "id"),
                  "MessageStatus", sent_as, "SmsStatus", sent_as, "From",
                  json_object_get(message, "from"), "To", json_object_get(message, "to"),
                  "AccountSid", sandbox->settings.twilio_sid, "ApiVersion", "2010-04-01");
    if (json_object_get(message, "service"))
        json_object_set(form, "MessagingServiceSid", json_object_get(message, "service"));
    if (code) {
        char digits[16];
        (void)snprintf(digits, sizeof(digits), "%d", code);
        json_object_set_new(form, "ErrorCode", json_string(digits));
    }
    OWNED_JSON(item) =
        json_pack("{s:O, s:s, s:O, s:o}", "id", json_object_get(message, "id"), "status",
                  code ? "failed" : status, "url", callback, "form", form);
    callbacks_owe_status(sandbox, person, NULL, item, due);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct str escape(struct arena *into, struct str text)
{
    struct str out = STR_NONE;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        out = plain ? arena_format(into, "%.*s%c", STR_ARG(out), c)
                    : arena_format(into, "%.*s%%%02X", STR_ARG(out), c);
    }
    return out;
}

/* "full URL exactly as configured + for each parameter name in byte order: name + value". */
void twilio_callback(const struct sandbox *sandbox, struct arena *into, const json_t *item,
                     struct http_header *headers, struct http_request *request)
{
    const json_t *form = json_object_get(item, "form");
    const char *names[64];
    size_t n = 0;
    const char *name;
    json_t *value;
    struct str url = arena_str(into, text_in(item, "url")), message = url, body = STR_NONE;
    uint8_t mac[SHA1_LEN];
    char signature[sodium_base64_ENCODED_LEN(SHA1_LEN, sodium_base64_VARIANT_ORIGINAL)];
    json_object_foreach((json_t *)form, name, value)
    {
        if (n < COUNTOF(names))
            names[n++] = name;
    }
    qsort(names, n, sizeof(names[0]), by_name);
    for (size_t i = 0; i < n; i++) {
        struct str text = text_in(form, names[i]);
        message = arena_format(into, "%.*s%s%.*s", STR_ARG(message), names[i], STR_ARG(text));
        body = arena_format(into, "%.*s%s%s=%.*s", STR_ARG(body), i > 0 ? "&" : "", names[i],
                            STR_ARG(escape(into, text)));
    }
    if (!hmac_sha1(str_from(sandbox->settings.twilio_token), message, mac))
        abort();
    sodium_bin2base64(signature, sizeof(signature), mac, sizeof(mac),
                      sodium_base64_VARIANT_ORIGINAL);
    headers[0] = (struct http_header){STR("Content-Type"),
                                      STR("application/x-www-form-urlencoded; charset=UTF-8")};
    headers[1] =
        (struct http_header){STR("X-Twilio-Signature"), arena_format(into, "%s", signature)};
    *request = (struct http_request){.method = "POST",
                                     .url = url,
                                     .headers = headers,
                                     .n_headers = 2,
                                     .body = body,
                                     .repeatable = true};
}

/* --- a message is taken ------------------------------------------------------------------- */

static struct str make_sid(struct arena *into)
{
    uint8_t random[16];
    char hex[33];
    random_bytes(random, sizeof(random));
    hex_format(random, sizeof(random), hex);
    return arena_format(into, "SM%s", hex);
}

/* Our key is in the callback's query, if anywhere. */
static struct str key_of(struct arena *into, struct str callback)
{
    struct form query;
    size_t from = str_find(callback, STR("?"));
    if (!form_read(into, str_slice(callback, from + 1, callback.len), &query, NULL))
        return STR_NONE;
    return form_get(&query, "key");
}

static void count_key(struct sandbox *sandbox, struct arena *arena, struct str key)
{
    const char *name = arena_cstr(arena, key);
    json_int_t before = json_integer_value(json_object_get(sandbox->keys, name));
    if (key.len == 0)
        return;
    sandbox->n_repeated += before > 0;
    json_object_set_new(sandbox->keys, name, json_integer(before + 1));
}

/* Journal it, show it, owe its statuses. Returns the message as it was kept. */
static json_t *take(struct call *call, struct chatter *person, const struct fault_rule *late)
{
    struct sandbox *sandbox = call->sandbox;
    struct arena *arena = &call->exchange->arena;
    const struct settings *settings = &sandbox->settings;
    struct str callback = form_get(&call->form, "StatusCallback");
    struct str key = key_of(arena, callback);
    usec_t now = clock_now();
    json_t *message = json_pack("{s:s}", "type", "sms");
    json_set_text(message, "id", make_sid(arena));
    json_set_text(message, "to", form_get(&call->form, "To"));
    json_set_text(message, "from", sender_of(call));
    json_set_text(message, "service", form_get(&call->form, "MessagingServiceSid"));
    json_set_text(message, "body", form_get(&call->form, "Body"));
    sms_measure_into(message, form_get(&call->form, "Body"));
    json_set_text(message, "media", form_get(&call->form, "MediaUrl"));
    json_set_text(message, "callback", callback);
    OWNED_JSON(record) = json_pack("{s:s, s:I, s:I, s:s, s:s, s:O}", "t", "sms", "n",
                                   (json_int_t)sandbox->next_n, "at", (json_int_t)now, "who",
                                   person->who, "to", person->who, "body", message);
    json_set_text(record, "key", key);
    count_key(sandbox, arena, key);
    journal_append(sandbox->journal, record);
    callbacks_replay(sandbox, record);
    owe(sandbox, person, message, "sent", 0, now);
    if (late) {
        owe(sandbox, person, message, "failed", late->code, now);
    } else if (settings->delivered_ms >= 0) {
        owe(sandbox, person, message, "delivered", 0,
            now + settings->delivered_ms * USEC_PER_MSEC);
    }
    return message;
}

static struct str accepted_body(struct call *call, const json_t *message)
{
    const struct settings *settings = &call->sandbox->settings;
    struct str segments =
        arena_format(&call->exchange->arena, "%lld",
                     (long long)json_integer_value(json_object_get(message, "segments")));
    OWNED_JSON(answer) = json_pack(
        "{s:O, s:s, s:s, s:s, s:O, s:O, s:O, s:s, s:n, s:n, s:s}", "sid",
        json_object_get(message, "id"), "account_sid", settings->twilio_sid, "status", "queued",
        "direction", "outbound-api", "to", json_object_get(message, "to"), "from",
        json_object_get(message, "from"), "body", json_object_get(message, "body"),
        "num_segments", segments.at, "error_code", "error_message", "num_media",
        json_string_length(json_object_get(message, "media")) > 0 ? "1" : "0");
    return json_write(&call->exchange->arena, answer);
}

static void answer_taken(struct call *call, struct chatter *person,
                         const struct fault_rule *late)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t delay = faults_delay(&sandbox->faults);
    enum mishap mishap = faults_mishap(&sandbox->faults);
    OWNED_JSON(message) = mishap == MISHAP_BEFORE ? NULL : take(call, person, late);

    if (mishap != MISHAP_NONE) {
        answer_mishap(sandbox, call->exchange, mishap, delay);
    } else {
        answer_later(sandbox, call->exchange, FATE_ANSWER, 201, "application/json",
                     accepted_body(call, message), delay);
    }
}

static void post_message(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct faults *faults = &sandbox->faults;
    if (!form_read(&call->exchange->arena, call->exchange->body, &call->form, NULL)) {
        wrong(call, 21602, "The body is not a form.");
        return;
    }
    if (faults_roll(faults, faults->lose_request)) {
        answer_later(sandbox, call->exchange, FATE_DROP, 0, NULL, STR_NONE, 0);
        return;
    }
    if (!check(call))
        return;
    check_description(call);
    struct chatter *person = chats_person(sandbox, form_get(&call->form, "To"), STR_NONE);
    const struct fault_rule *rule = faults_rule(faults, person->who);
    if (person->sms_stopped) {
        refuse(call, 400, 21610, "Attempt to send to unsubscribed recipient.");
    } else if (rule && !rule->late) {
        refuse(call, rule->http, rule->code, "An error that a test asked for.");
    } else if (!rule && faults_roll(faults, faults->throttle)) {
        refuse(call, 429, 20429, "Too Many Requests");
    } else {
        answer_taken(call, person, rule);
    }
}

void twilio_apply(struct sandbox *sandbox, const json_t *record, struct chatter *person)
{
    const json_t *message = json_object_get(record, "body");
    sandbox->n_sms++;
    chats_add(sandbox, person, "sms", text_in(message, "id"),
              json_integer_value(json_object_get(record, "at")), message, "sent");
}

/* --- the newest code ---------------------------------------------------------------------- */

static bool is_digit(struct str text, size_t at)
{
    return at < text.len && text.at[at] >= '0' && text.at[at] <= '9';
}

/* Six digits that stand alone. */
static struct str code_in(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t n = 0;
        while (is_digit(text, i + n))
            n++;
        if (n == 6)
            return str_slice(text, i, 6);
        i += n;
    }
    return STR_NONE;
}

/* What the button of an authentication template copies. */
static struct str code_of_template(const json_t *message)
{
    size_t i;
    json_t *component;
    json_array_foreach(json_object_get(json_object_get(message, "template"), "components"), i,
                       component)
    {
        const json_t *first = json_array_get(json_object_get(component, "parameters"), 0);
        if (str_eq(text_in(component, "type"), STR("button")) &&
            str_eq(text_in(component, "sub_type"), STR("url")))
            return code_in(text_in(first, "text"));
    }
    return STR_NONE;
}

json_t *twilio_newest_code(const struct chatter *person)
{
    for (size_t i = json_array_size(person->log); i-- > 0;) {
        const json_t *entry = json_array_get(person->log, i);
        const json_t *message = json_object_get(entry, "message");
        struct str from = text_in(entry, "from");
        bool sms = str_eq(from, STR("sms")), mail = str_eq(from, STR("mail"));
        struct str code = sms                        ? code_in(text_in(message, "body"))
                          : mail                     ? code_in(text_in(message, "text"))
                          : str_eq(from, STR("bot")) ? code_of_template(message)
                                                     : STR_NONE;
        if (code.len > 0) {
            return json_pack("{s:s%, s:s, s:O}", "code", code.at, code.len, "by",
                             sms    ? "sms"
                             : mail ? "mail"
                                    : "whatsapp",
                             "at", json_object_get(entry, "at"));
        }
    }
    return json_pack("{s:n}", "code");
}

/* --- routes ------------------------------------------------------------------------------- */

static bool has_credentials(const struct call *call)
{
    const struct settings *settings = &call->sandbox->settings;
    struct arena *arena = &call->exchange->arena;
    struct str header = http_request_header(call->exchange, "authorization");
    struct str plain =
        arena_format(arena, "%s:%s", settings->twilio_sid, settings->twilio_token);
    char *text = arena_alloc(
        arena, sodium_base64_ENCODED_LEN(plain.len, sodium_base64_VARIANT_ORIGINAL));
    sodium_bin2base64(
        text, sodium_base64_ENCODED_LEN(plain.len, sodium_base64_VARIANT_ORIGINAL),
        (const unsigned char *)plain.at, plain.len, sodium_base64_VARIANT_ORIGINAL);
    return str_starts(header, STR("Basic ")) &&
           crypto_equal(str_slice(header, 6, header.len), str_from(text));
}

/* Twilio keeps files elsewhere, and its credentials do not belong there. */
#define STORAGE "/twilio-storage/"

static void hand_out(struct call *call)
{
    struct str path = call->exchange->path;
    struct str id = str_slice(path, strlen(STORAGE), path.len);
    if (http_request_header(call->exchange, "authorization").len > 0) {
        call->sandbox->n_findings++;
        finding_keep(call->sandbox, "media", "The storage of files was sent credentials.",
                     json_string_of(call->exchange->body));
        http_reply(call->exchange, 400, NULL, STR_NONE, NULL);
        return;
    }
    media_hand_out(call->sandbox, call->exchange, id);
}

/* ".../Messages/MM.../Media/ME<id>": to where its bytes are, or to a place nobody may be sent
 * to. */
static bool lead_to_file(struct call *call)
{
    struct http_exchange *exchange = call->exchange;
    size_t at = str_find(exchange->path, STR("/Media/ME"));
    struct str id = str_slice(exchange->path, at + strlen("/Media/ME"), exchange->path.len);
    const char *headers[] = {NULL, NULL};
    if (strcmp(exchange->method, "GET") != 0 || at == exchange->path.len)
        return false;
    if (!media_find(call->sandbox, id)) {
        refuse(call, 404, 20404, "The requested resource was not found.");
        return true;
    }
    headers[0] = arena_format(&exchange->arena, "Location: %s" STORAGE "%.*s",
                              call->sandbox->faults.media_abroad ? "http://127.0.0.2:9" : "",
                              STR_ARG(id))
                     .at;
    http_reply(exchange, 307, "text/plain", STR("elsewhere"), headers);
    return true;
}

bool twilio_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct call call = {.sandbox = sandbox, .exchange = exchange};
    const struct settings *settings = &sandbox->settings;
    if (str_starts(exchange->path, STR(STORAGE))) {
        hand_out(&call);
        return true;
    }
    if (!str_starts(exchange->path, STR("/2010-04-01/")))
        return false;
    if (!settings->twilio_sid || !settings->twilio_token || !settings->sms_number ||
        !has_credentials(&call)) {
        refuse(&call, 401, 20003, "Authenticate");
        return true;
    }
    if (lead_to_file(&call) || sms_read_handle(sandbox, exchange))
        return true;
    struct str wanted = arena_format(&exchange->arena, "/2010-04-01/Accounts/%s/Messages.json",
                                     settings->twilio_sid);
    struct str account =
        arena_format(&exchange->arena, "/2010-04-01/Accounts/%s.json", settings->twilio_sid);
    if (strcmp(exchange->method, "GET") == 0 && str_eq(exchange->path, account)) {
        answer_json(exchange, 200,
                    json_pack("{s:s, s:s, s:s}", "sid", settings->twilio_sid, "status",
                              "active", "type", "Full"));
    } else if (strcmp(exchange->method, "POST") != 0 || !str_eq(exchange->path, wanted)) {
        refuse(&call, 404, 20404, "The requested resource was not found.");
    } else {
        post_message(&call);
    }
    return true;
}
