/*
 * The Graph API's side of the sandbox.
 *
 * The order of the checks is Meta's: token, object, body, content; then what a plan of faults
 * wants; and only a message that passes all of it is taken, that is journalled, shown and owed.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/schema.h"
#include "tests/sandbox/validate.h"

#include <stdio.h>

#define PAIR_EVERY (6 * USEC_PER_SEC)
#define PAIR_BURST 45
#define WINDOW     (24 * USEC_PER_HOUR)

struct call {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct str object; /* the path's part after the version */
    struct str edge;   /* "messages", "media", ... or empty */
};

static bool is_our_number(const struct settings *settings, struct str id)
{
    for (size_t i = 0; i < settings->n_numbers; i++) {
        if (str_eq(str_from(settings->numbers[i].id), id))
            return true;
    }
    return settings->fast;
}

/* --- errors --------------------------------------------------------------------------------
 */

static const struct known_error {
    int code;
    const char *message;
} known_errors[] = {
    {4,      "(#4) Application request limit reached"                            },
    {100,    "(#100) Invalid parameter"                                          },
    {190,    "Invalid OAuth access token - Cannot parse access token"            },
    {80007,  "(#80007) Rate limit issues"                                        },
    {130429, "(#130429) Rate limit hit"                                          },
    {130472, "(#130472) User's number is part of an experiment"                  },
    {131000, "(#131000) Something went wrong"                                    },
    {131008, "(#131008) Required parameter is missing"                           },
    {131009, "(#131009) Parameter value is not valid"                            },
    {131016, "(#131016) Service unavailable"                                     },
    {131026, "(#131026) Message undeliverable"                                   },
    {131047, "(#131047) Re-engagement message"                                   },
    {131048, "(#131048) Spam rate limit hit"                                     },
    {131049, "(#131049) Not delivered to maintain healthy ecosystem engagement"  },
    {131051, "(#131051) Unsupported message type"                                },
    {131056, "(#131056) (Business Account, Consumer Account) pair rate limit hit"},
    {131057, "(#131057) Business Account is in maintenance mode"                 },
    {132000, "(#132000) Number of parameters does not match"                     },
    {132001, "(#132001) Template name does not exist in the translation"         },
    {132012, "(#132012) Parameter format does not match"                         },
    {132015, "(#132015) Template is paused"                                      },
};

static struct str error_body(struct arena *into, int code, const char *details)
{
    char plain[48];
    const char *message = plain;
    (void)snprintf(plain, sizeof(plain), "(#%d) An error", code);
    for (size_t i = 0; i < COUNTOF(known_errors); i++) {
        if (known_errors[i].code == code)
            message = known_errors[i].message;
    }
    OWNED_JSON(body) =
        json_pack("{s:{s:s, s:s, s:i, s:{s:s, s:s}, s:s}}", "error", "message", message, "type",
                  "OAuthException", "code", code, "error_data", "messaging_product", "whatsapp",
                  "details", details ? details : message, "fbtrace_id", "AParleySandbox");
    return json_write(into, body);
}

static void refuse(struct call *call, int http, int code, const char *details)
{
    struct str body = error_body(&call->exchange->arena, code, details);
    answer_later(call->sandbox, call->exchange, FATE_ANSWER, http, "application/json", body,
                 faults_delay(&call->sandbox->faults));
}

/* --- limits on request ---------------------------------------------------------------------
 */

static bool over_rate(struct sandbox *sandbox)
{
    double rate = (double)sandbox->faults.rate;
    usec_t now = clock_monotonic();
    if (rate <= 0)
        return false;
    sandbox->bucket += (double)(now - sandbox->bucket_at) * rate / (double)USEC_PER_SEC;
    sandbox->bucket_at = now;
    if (sandbox->bucket > rate)
        sandbox->bucket = rate;
    if (sandbox->bucket < 1)
        return true;
    sandbox->bucket -= 1;
    return false;
}

/* "1 message per 6 s; bursts of up to 45 borrow from the future". */
static bool over_pair_rate(struct chatter *person)
{
    usec_t now = clock_monotonic();
    if (person->pair_free_at < now)
        person->pair_free_at = now;
    if (person->pair_free_at - now > (PAIR_BURST - 1) * PAIR_EVERY)
        return true;
    person->pair_free_at += PAIR_EVERY;
    return false;
}

static bool outside_window(const struct sandbox *sandbox, const struct chatter *person,
                           const json_t *body)
{
    if (str_eq(text_in(body, "type"), STR("template")))
        return false;
    if (person->wrote_at == 0)
        return sandbox->faults.strict_window;
    return clock_now() - person->wrote_at > WINDOW;
}

/* The error that the limits have for this message; 0 none. */
static int limited(struct sandbox *sandbox, struct chatter *person, const json_t *body)
{
    if (faults_roll(&sandbox->faults, sandbox->faults.throttle) || over_rate(sandbox))
        return 130429;
    if (outside_window(sandbox, person, body))
        return 131047;
    if (sandbox->faults.pair_rate && over_pair_rate(person))
        return 131056;
    return 0;
}

/* --- a message is taken ---------------------------------------------------------------------
 */

static struct str accepted_body(struct arena *into, const struct chatter *person,
                                const json_t *body, struct str id)
{
    json_t *contact = json_object();
    bool by_number = json_object_get(body, "to") != NULL;
    json_object_set(contact, "input", json_object_get(body, by_number ? "to" : "recipient"));
    if (by_number) {
        json_object_set_new(contact, "wa_id", json_string(person->phone + 1));
    } else {
        json_object_set_new(contact, "user_id", json_string(person->user_id));
    }
    OWNED_JSON(answer) = json_pack("{s:s, s:[o], s:[{s:s%}]}", "messaging_product", "whatsapp",
                                   "contacts", contact, "messages", "id", id.at, id.len);
    return json_write(into, answer);
}

static void count_key(struct sandbox *sandbox, const json_t *body)
{
    const char *key = json_string_value(json_object_get(body, "biz_opaque_callback_data"));
    if (!key)
        return;
    json_int_t before = json_integer_value(json_object_get(sandbox->keys, key));
    sandbox->n_repeated += before > 0;
    json_object_set_new(sandbox->keys, key, json_integer(before + 1));
}

static void owe_statuses(struct sandbox *sandbox, struct chatter *person, const json_t *entry)
{
    const struct settings *settings = &sandbox->settings;
    usec_t now = clock_now();
    callbacks_status(sandbox, person, entry, "sent", now);
    if (settings->delivered_ms >= 0) {
        callbacks_status(sandbox, person, entry, "delivered",
                         now + settings->delivered_ms * USEC_PER_MSEC);
    }
    if (settings->read_ms >= 0) {
        callbacks_status(sandbox, person, entry, "read",
                         now + settings->read_ms * USEC_PER_MSEC);
    }
}

/* Journal it, show it, owe its statuses. Returns its id. */
static struct str take(struct call *call, struct chatter *person, const json_t *body,
                       const struct fault_rule *late)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t n = sandbox->next_n++;
    struct str id = chats_message_id(&call->exchange->arena, person, n);
    json_t *key = json_object_get(body, "biz_opaque_callback_data");
    OWNED_JSON(record) = json_pack("{s:s, s:I, s:I, s:s, s:s, s:s%, s:s%, s:O}", "t", "got",
                                   "n", (json_int_t)n, "at", (json_int_t)clock_now(), "who",
                                   person->who, "to", person->who, "number", call->object.at,
                                   call->object.len, "id", id.at, id.len, "body", body);
    struct str words =
        templates_words(sandbox, &call->exchange->arena, json_object_get(body, "template"));
    if (words.len > 0)
        json_set_text(record, "words", words);
    if (key)
        json_object_set(record, "key", key);
    count_key(sandbox, body);
    journal_append(sandbox->journal, record);
    callbacks_replay(sandbox, record);
    json_t *entry = chats_entry(person, id);
    if (entry && late) {
        json_object_set_new(
            entry, "failure",
            json_pack("{s:i, s:s}", "code", late->code, "title", "Not delivered"));
        callbacks_status(sandbox, person, entry, "failed", clock_now());
    } else if (entry) {
        owe_statuses(sandbox, person, entry);
    }
    return id;
}

static void answer_taken(struct call *call, struct chatter *person, const json_t *body,
                         const struct fault_rule *late)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t delay = faults_delay(&sandbox->faults);
    enum mishap mishap = faults_mishap(&sandbox->faults);
    struct str id = mishap == MISHAP_BEFORE ? STR_NONE : take(call, person, body, late);

    if (mishap != MISHAP_NONE) {
        answer_mishap(sandbox, call->exchange, mishap, delay);
    } else {
        struct str text = accepted_body(&call->exchange->arena, person, body, id);
        answer_later(sandbox, call->exchange, FATE_ANSWER, 200, "application/json", text,
                     delay);
    }
}

static void send_message(struct call *call, const json_t *body)
{
    struct sandbox *sandbox = call->sandbox;
    struct str to = text_in(body, json_object_get(body, "to") ? "to" : "recipient");
    struct chatter *person = chats_person(sandbox, to, STR_NONE);
    if (!person) {
        refuse(call, 400, 131026, NULL);
        return;
    }
    const struct fault_rule *rule = faults_rule(&sandbox->faults, person->who);
    int code = rule ? 0 : limited(sandbox, person, body);
    if (rule && !rule->late) {
        refuse(call, rule->http, rule->code, NULL);
    } else if (code) {
        refuse(call, 400, code, NULL);
    } else {
        answer_taken(call, person, body, rule);
    }
}

/* --- receipts -------------------------------------------------------------------------------
 */

/* "Marking one message read marks all earlier ones." */
static void mark_read(struct sandbox *sandbox, struct chatter *person, struct str id)
{
    size_t i;
    json_t *entry;
    json_array_foreach(person->log, i, entry)
    {
        struct str own = text_in(entry, "id");
        if (str_eq(text_in(entry, "from"), STR("person")))
            chats_mark(sandbox, person, own, "read");
        if (str_eq(own, id))
            break;
    }
    OWNED_JSON(record) =
        json_pack("{s:s, s:s, s:s%}", "t", "mark", "who", person->who, "id", id.at, id.len);
    journal_append(sandbox->journal, record);
}

static void take_receipt(struct call *call, const json_t *body)
{
    struct sandbox *sandbox = call->sandbox;
    struct str id = text_in(body, "message_id");
    struct chatter *person = chats_person_of(sandbox, id);
    sandbox->n_receipts++;
    if (person && chats_entry(person, id))
        mark_read(sandbox, person, id);
    if (person && json_object_get(body, "typing_indicator"))
        chats_typing(sandbox, person, clock_now() + 25 * USEC_PER_SEC);
    answer_later(sandbox, call->exchange, FATE_ANSWER, 200, "application/json",
                 STR("{\"success\":true}"), faults_delay(&sandbox->faults));
}

/* --- POST /{number}/messages ----------------------------------------------------------------
 */

static void check_description(struct call *call, const json_t *body)
{
    char reason[SCHEMA_REASON_MAX];
    struct sandbox *sandbox = call->sandbox;
    const char *path = arena_cstr(&call->exchange->arena, call->exchange->path);
    const json_t *document = description_read(&sandbox->openapi);
    if (!document || schema_check_request(document, "post", path, body, reason))
        return;
    sandbox->n_undescribed++;
    finding_keep(call->sandbox, "description", reason, json_incref((json_t *)body));
}

static void answer_fast(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct arena *arena = &call->exchange->arena;
    sandbox->n_arrived++;
    struct str text = arena_format(
        arena,
        "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"\",\"wa_id\":\"\"}],"
        "\"messages\":[{\"id\":\"wamid.FAST%llu\"}]}",
        (unsigned long long)sandbox->n_arrived);
    http_reply(call->exchange, 200, "application/json", text, NULL);
}

/* A file may be named by the number that it was uploaded for, as what it is. */
static bool names_good_file(struct call *call, const json_t *body)
{
    struct str type = text_in(body, "type");
    const json_t *content =
        type.len > 0 ? json_object_get(body, arena_cstr(&call->exchange->arena, type)) : NULL;
    struct str id = text_in(content, "id");
    return id.len == 0 || media_may_go(call->sandbox, id, call->object, type);
}

static void post_messages(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct finding finding;
    OWNED_JSON(body) = NULL;
    if (!json_read(call->exchange->body, &body, NULL)) {
        sandbox->n_findings++;
        finding_keep(call->sandbox, "message", "The body is not JSON.", NULL);
        refuse(call, 400, 100, "The body is not JSON.");
        return;
    }
    if (faults_roll(&sandbox->faults, sandbox->faults.lose_request)) {
        answer_later(sandbox, call->exchange, FATE_DROP, 0, NULL, STR_NONE, 0);
        return;
    }
    if (!validate_message(body, &finding)) {
        sandbox->n_findings++;
        finding_keep(call->sandbox, "message", finding.detail, json_incref((json_t *)body));
        refuse(call, 400, finding.code, finding.detail);
        return;
    }
    check_description(call, body);
    if (!names_good_file(call, body)) {
        finding_keep(call->sandbox, "media", "The file is not there, or another number's.",
                     json_incref((json_t *)body));
        refuse(call, 400, 100,
               "Param id is not a valid whatsapp business account media attachment ID");
        return;
    }
    int wrong = str_eq(text_in(body, "type"), STR("template"))
                    ? templates_wrong(sandbox, json_object_get(body, "template"))
                    : 0;
    if (wrong) {
        refuse(call, wrong == 132001 ? 404 : 400, wrong, NULL);
    } else if (validate_is_receipt(body)) {
        take_receipt(call, body);
    } else {
        send_message(call, body);
    }
}

/* --- media, templates, numbers ---------------------------------------------------------------
 */

/* Nothing is said about a file but its id, so nothing of it is journalled; it lies in the
 * folder. */
static void post_media(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct faults *faults = &sandbox->faults;
    char id[32];
    struct err err;
    if (faults_roll(faults, faults->upload_5xx)) {
        answer_later(sandbox, call->exchange, FATE_ANSWER, 500, NULL, STR_NONE,
                     faults->upload_delay_ms);
    } else if (faults_roll(faults, faults->upload_refuse)) {
        refuse(call, 400, 100, "Param file must be a file with one of the types");
    } else if (!media_upload(sandbox, call->exchange, call->object, id, &err)) {
        sandbox->n_findings++;
        finding_keep(call->sandbox, "media", err.text, NULL);
        refuse(call, 400, 100, err.text);
    } else {
        enum fate fate = faults_roll(faults, faults->upload_lose) ? FATE_DROP : FATE_ANSWER;
        sandbox->n_uploads++;
        answer_later(sandbox, call->exchange, fate, 200, "application/json",
                     arena_format(&call->exchange->arena, "{\"id\":\"%s\"}", id),
                     faults->upload_delay_ms);
    }
}

static void delete_media(struct call *call)
{
    media_delete(call->sandbox, call->object);
    answer_json(call->exchange, 200, json_pack("{s:b}", "success", 1));
}

static void get_media(struct call *call, const json_t *media)
{
    struct arena *arena = &call->exchange->arena;
    struct faults *faults = &call->sandbox->faults;
    const char *id = arena_cstr(arena, call->object);
    const char *host = faults->media_abroad ? "http://127.0.0.2:9" : call->sandbox->base_url;
    struct str url = arena_format(arena, "%s/lookaside/%s", host, id);
    json_t *size =
        faults->media_small ? json_integer(1) : json_incref(json_object_get(media, "size"));
    if (faults_roll(faults, faults->media_gone)) {
        json_decref(size);
        refuse(call, 400, 100, "Unsupported get request. Object does not exist.");
        return;
    }
    answer_json(call->exchange, 200,
                json_pack("{s:s, s:s, s:O, s:O, s:o, s:s}", "messaging_product", "whatsapp",
                          "url", url.at, "mime_type", json_object_get(media, "mime"), "sha256",
                          json_object_get(media, "sha256"), "file_size", size, "id", id));
}

static bool template_fits(const json_t *template, struct str name, struct str status)
{
    return (name.len == 0 || str_eq(text_in(template, "name"), name)) &&
           (status.len == 0 || str_eq(text_in(template, "status"), status));
}

/* Cursors are places in the list. */
static void get_templates(struct call *call)
{
    json_t *data = json_array(), *paging;
    struct str name = http_query(call->exchange, "name");
    struct str status = http_query(call->exchange, "status");
    int64_t limit = 0, after = 0, at = 0;
    size_t i;
    json_t *template;
    if (!str_to_int(http_query(call->exchange, "limit"), &limit) || limit < 1)
        limit = 25;
    if (!str_to_int(http_query(call->exchange, "after"), &after))
        after = 0;
    templates_settle(call->sandbox);
    json_array_foreach(call->sandbox->templates, i, template)
    {
        if (!template_fits(template, name, status) || at++ < after)
            continue;
        if (json_array_size(data) < (size_t)limit)
            json_array_append(data, template);
    }
    struct str end = arena_format(&call->exchange->arena, "%lld",
                                  (long long)after + (long long)json_array_size(data));
    paging = json_pack("{s:{s:s, s:s}}", "cursors", "before", "0", "after", end.at);
    if (after + (int64_t)json_array_size(data) < at)
        json_object_set_new(paging, "next", json_string(call->sandbox->base_url));
    answer_json(call->exchange, 200, json_pack("{s:o, s:o}", "data", data, "paging", paging));
}

static void post_template(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct finding finding;
    OWNED_JSON(body) = NULL;
    if (!json_read(call->exchange->body, &body, NULL) || !json_is_object(body)) {
        refuse(call, 400, 100, "The body is not JSON.");
        return;
    }
    if (!validate_template(body, &finding)) {
        sandbox->n_findings++;
        finding_keep(call->sandbox, "template", finding.detail, json_incref((json_t *)body));
        refuse(call, 400, finding.code, finding.detail);
        return;
    }
    if (templates_find(sandbox, text_in(body, "name"), text_in(body, "language"))) {
        refuse(call, 400, 100, "Content in this language already exists");
        return;
    }
    char id[24];
    (void)snprintf(id, sizeof(id), "59442547%07lld", (long long)sandbox->next_n++);
    json_t *category = json_incref(json_object_get(body, "category"));
    json_object_set_new(body, "id", json_string(id));
    templates_add(sandbox, body);
    answer_json(
        call->exchange, 200,
        json_pack("{s:s, s:s, s:o}", "id", id, "status", "PENDING", "category", category));
}

static void get_number(struct call *call)
{
    const struct settings *settings = &call->sandbox->settings;
    const struct number *number = &settings->numbers[0];
    for (size_t i = 0; i < settings->n_numbers; i++) {
        if (str_eq(str_from(settings->numbers[i].id), call->object))
            number = &settings->numbers[i];
    }
    answer_json(call->exchange, 200,
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:s}", "id", number->id,
                          "verified_name", settings->business, "display_phone_number",
                          number->display, "quality_rating", "GREEN", "platform_type",
                          "CLOUD_API", "throughput", "level", "STANDARD",
                          "whatsapp_business_manager_messaging_limit", "TIER_UNLIMITED"));
}

/* --- routes ----------------------------------------------------------------------------------
 */

static bool has_token(struct call *call)
{
    struct str header = http_request_header(call->exchange, "authorization");
    struct str token = str_from(call->sandbox->settings.token);
    return str_starts(header, STR("Bearer ")) &&
           crypto_equal(str_slice(header, 7, header.len), token);
}

/* "/v26.0/1055/messages": any version, an object, and perhaps an edge. */
static bool split_path(struct call *call)
{
    struct str rest = call->exchange->path;
    struct str version;
    rest = str_slice(rest, 1, rest.len);
    if (!str_split(&rest, '/', &version) || !str_starts(version, STR("v")))
        return false;
    if (!str_split(&rest, '/', &call->object) || call->object.len == 0)
        return false;
    call->edge = rest;
    return true;
}

static bool is(const struct call *call, const char *method, const char *edge)
{
    return strcmp(call->exchange->method, method) == 0 && str_eq(call->edge, str_from(edge));
}

static void route(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    const json_t *media = media_find(sandbox, call->object);
    bool number = is_our_number(&sandbox->settings, call->object);
    bool account = str_eq(call->object, str_from(sandbox->settings.waba));
    if (sandbox->settings.fast && is(call, "POST", "messages")) {
        answer_fast(call);
    } else if (number && is(call, "POST", "messages")) {
        post_messages(call);
    } else if (number && is(call, "POST", "media")) {
        post_media(call);
    } else if (number && is(call, "GET", "")) {
        get_number(call);
    } else if (media && is(call, "GET", "")) {
        get_media(call, media);
    } else if (media && is(call, "DELETE", "")) {
        delete_media(call);
    } else if (account && is(call, "GET", "message_templates")) {
        get_templates(call);
    } else if (account && is(call, "POST", "message_templates")) {
        post_template(call);
    } else if (account && is(call, "POST", "subscribed_apps")) {
        answer_json(call->exchange, 200, json_pack("{s:b}", "success", 1));
    } else if (account && is(call, "GET", "")) {
        answer_json(call->exchange, 200,
                    json_pack("{s:s, s:s}", "id", sandbox->settings.waba, "name",
                              sandbox->settings.business));
    } else {
        refuse(call, 400, 100,
               "Unsupported request. Object does not exist, cannot be loaded due to missing "
               "permissions, or does not support this operation.");
    }
}

void graph_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct call call = {.sandbox = sandbox, .exchange = exchange};
    bool lookaside = str_starts(exchange->path, STR("/lookaside/"));
    if (!lookaside && !split_path(&call)) {
        answer_error(exchange, 404, 2500, "Unknown path components", NULL);
        return;
    }
    if (!has_token(&call)) {
        answer_error(exchange, 401, 190,
                     "Invalid OAuth access token - Cannot parse access token", NULL);
        return;
    }
    if (lookaside) {
        media_hand_out(sandbox, exchange, str_slice(exchange->path, 11, exchange->path.len));
    } else {
        route(&call);
    }
}
