/*
 * What tests and the phone page ask for, under /control/.
 *
 * Only this machine may ask, and only by our own name: a page of another site that the browser
 * also shows is refused by its Origin, and a rebound name by its Host.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

typedef void action(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body);

static void refuse(struct http_exchange *exchange, const char *reason)
{
    answer_json(exchange, 400, json_pack("{s:s}", "error", reason));
}

/* --- for tests ------------------------------------------------------------------------------
 */

static void get_health(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    answer_json(exchange, 200,
                json_pack("{s:b, s:s}", "ok", 1, "business", sandbox->settings.business));
}

static void get_faults(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    answer_json(exchange, 200, faults_to_json(&sandbox->faults));
}

static void post_faults(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    struct err err;
    if (!faults_set(&sandbox->faults, body, &err)) {
        refuse(exchange, err.text);
    } else {
        get_faults(sandbox, exchange, NULL);
    }
}

static void get_violations(struct sandbox *sandbox, struct http_exchange *exchange,
                           json_t *body)
{
    (void)body;
    answer_json(exchange, 200,
                json_pack("{s:I, s:I, s:O}", "refused", (json_int_t)sandbox->n_findings,
                          "undescribed", (json_int_t)sandbox->n_undescribed, "last",
                          sandbox->findings));
}

static void get_counts(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    const uint64_t *answers = sandbox->n_answers;
    answer_json(
        exchange, 200,
        json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
            "arrived", (json_int_t)sandbox->n_arrived, "sms", (json_int_t)sandbox->n_sms,
            "mail", (json_int_t)sandbox->n_mail, "batches", (json_int_t)sandbox->n_batches,
            "mail_again", (json_int_t)sandbox->n_mail_again, "repeated",
            (json_int_t)sandbox->n_repeated, "receipts", (json_int_t)sandbox->n_receipts,
            "uploads", (json_int_t)sandbox->n_uploads, "owed", (json_int_t)sandbox->n_owed,
            "callbacks", (json_int_t)sandbox->n_callbacks, "callback_failures",
            (json_int_t)sandbox->n_callback_failures, "callbacks_lost",
            (json_int_t)sandbox->n_callbacks_lost, "answers_lost", (json_int_t)answers[0],
            "answers_4xx", (json_int_t)answers[4], "answers_5xx", (json_int_t)answers[5]));
}

struct listing {
    struct journal_reader reader;
    json_t *arrivals;
};

static void list_arrival(struct journal_reader *reader, const json_t *record)
{
    const struct listing *listing = CONTAINER_OF(reader, struct listing, reader);
    struct str what = text_in(record, "t");
    if (str_eq(what, STR("got")) || str_eq(what, STR("sms")) || str_eq(what, STR("mail"))) {
        json_array_append(listing->arrivals, (json_t *)record);
    } else if (str_eq(what, STR("mails"))) {
        json_array_extend(listing->arrivals, json_object_get(record, "mails"));
    }
}

static void get_journal(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    struct err err;
    struct listing listing = {{list_arrival}, json_array()};
    if (!sandbox->settings.journal) {
        json_decref(listing.arrivals);
        refuse(exchange, "this sandbox keeps no journal (--journal FILE)");
    } else if (!journal_read(sandbox->settings.journal, &listing.reader, &err)) {
        json_decref(listing.arrivals);
        refuse(exchange, err.text);
    } else {
        answer_json(exchange, 200, listing.arrivals);
    }
}

/* What the CRM was told; its plan is what goes wrong there, {} for nothing. */
static void get_crm(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    int64_t after = 0;
    if (!str_to_int(http_query(exchange, "after"), &after) || after < 0)
        after = 0;
    answer_json(exchange, 200, crm_list(sandbox, (size_t)after));
}

static void post_crm(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    json_decref(sandbox->crm_plan);
    sandbox->crm_plan = json_object_size(body) > 0 ? json_incref(body) : NULL;
    answer_json(exchange, 200, json_object());
}

static void post_crm_push(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    crm_push(sandbox, exchange, body);
}

/* --- for the phone page ----------------------------------------------------------------------
 */

static void get_people(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    answer_json(exchange, 200,
                json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:o}", "business",
                          sandbox->settings.business, "number",
                          sandbox->settings.numbers[0].display, "sms",
                          sandbox->settings.twilio_sid ? sandbox->settings.sms_number : NULL,
                          "mail", sandbox->settings.mail_address, "crm",
                          sandbox->settings.crm_secret ? sandbox->settings.crm_source : NULL,
                          "people", chats_people(sandbox)));
}

static void post_people(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    struct chatter *person =
        chats_person(sandbox, str_trim(text_in(body, "who")), str_trim(text_in(body, "name")));
    if (!person) {
        refuse(exchange, "A person is a phone number (+15550100001) or a user id (US.123).");
    } else {
        answer_json(exchange, 200,
                    json_pack("{s:s, s:s}", "who", person->who, "name", person->name));
    }
}

static struct chatter *person_asked(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct chatter *person = chats_find(sandbox, http_query(exchange, "who"));
    if (!person)
        refuse(exchange, "nobody of that name");
    return person;
}

static void get_chat(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    int64_t after = 0;
    struct chatter *person = person_asked(sandbox, exchange);
    if (!person)
        return;
    if (!str_to_int(http_query(exchange, "after"), &after))
        after = 0;
    answer_json(exchange, 200, chats_since(sandbox, person, after));
}

static void get_code(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    const struct chatter *person = person_asked(sandbox, exchange);
    if (person)
        answer_json(exchange, 200, twilio_newest_code(person));
}

static void get_events(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    chats_watch(sandbox, exchange);
}

static void get_media(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    media_send(sandbox, exchange, http_query(exchange, "id"));
}

static void post_media(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    char id[32];
    struct err err;
    if (media_keep(sandbox, http_request_header(exchange, "content-type"),
                   http_query(exchange, "filename"), STR_NONE, exchange->body, id, &err)) {
        answer_json(exchange, 200, json_pack("{s:s}", "id", id));
    } else {
        refuse(exchange, err.text);
    }
}

/* What a webhook adds to the id of a file that the person sent. */
static void describe_media(struct sandbox *sandbox, struct arena *scratch, json_t *message)
{
    static const char *const kinds[] = {"image", "video", "audio", "document", "sticker"};
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        json_t *content = json_object_get(message, kinds[i]);
        const json_t *about = media_find(sandbox, text_in(content, "id"));
        uint8_t hash[HASH_LEN];
        char base64[64];
        if (!about || !hex_parse(text_in(about, "sha256"), hash, HASH_LEN))
            continue;
        sodium_bin2base64(base64, sizeof(base64), hash, HASH_LEN,
                          sodium_base64_VARIANT_ORIGINAL);
        json_object_set(content, "mime_type", json_object_get(about, "mime"));
        json_object_set_new(content, "sha256", json_string(base64));
        json_set_text(content, "url",
                      arena_format(scratch, "%s/lookaside/%.*s", sandbox->base_url,
                                   STR_ARG(text_in(content, "id"))));
    }
}

static json_t *message_said(const json_t *body)
{
    const json_t *message = json_object_get(body, "message");
    struct str text = text_in(body, "text");
    if (json_is_string(json_object_get(message, "type")))
        return json_deep_copy(message);
    if (text.len == 0 || text.len > 65536)
        return NULL;
    return json_pack("{s:s, s:{s:o}}", "type", "text", "text", "body", json_string_of(text));
}

static void answer_said(struct sandbox *sandbox, struct http_exchange *exchange, struct str id)
{
    OWNED_JSON(answer) =
        json_pack("{s:s%, s:I}", "id", id.at, id.len, "version", (json_int_t)sandbox->version);
    answer_later(sandbox, exchange, FATE_ANSWER, 200, "application/json",
                 json_write(&exchange->arena, answer), 0);
}

static void post_say(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    struct chatter *person = chats_person(sandbox, text_in(body, "who"), text_in(body, "name"));
    OWNED_JSON(message) = person ? message_said(body) : NULL;
    if (!message) {
        refuse(exchange, "say what? {\"who\": \"+15550100001\", \"text\": \"hi\"}");
        return;
    }
    json_t *context = json_object_get(message, "context");
    if (json_object_get(context, "id"))
        json_object_set_new(context, "from", json_string(sandbox->settings.numbers[0].display));
    describe_media(sandbox, &exchange->arena, message);
    answer_said(sandbox, exchange, callbacks_say(sandbox, &exchange->arena, person, message));
}

/* Who speaks by another channel than WhatsApp; */
static struct chatter *speaker(struct sandbox *sandbox, struct http_exchange *exchange,
                               const json_t *body)
{
    struct chatter *person = chats_person(sandbox, text_in(body, "who"), text_in(body, "name"));
    size_t files = json_array_size(json_object_get(body, "media"));
    if (!person || text_in(body, "text").len > 65536 ||
        (text_in(body, "text").len == 0 && files == 0)) {
        refuse(exchange, "say what? {\"who\": \"+15550100001\", \"text\": \"hi\"}");
        return NULL;
    }
    return person;
}

static void post_sms(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    struct chatter *person = speaker(sandbox, exchange, body);
    if (!person)
        return;
    if (!person->phone[0] || !sandbox->settings.sms_number || !sandbox->settings.twilio_sid) {
        refuse(exchange, person->phone[0] ? "this sandbox has no number for SMS (--sms-number)"
                                          : "a person without a number cannot text");
    } else {
        answer_said(sandbox, exchange, sms_say(sandbox, &exchange->arena, person, body));
    }
}

static void post_mail(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    struct chatter *person = speaker(sandbox, exchange, body);
    if (!person)
        return;
    if (!person->mail[0] || !sandbox->settings.mail_address) {
        refuse(exchange, person->mail[0] ? "this sandbox has no address (--mail-address)"
                                         : "a person without a mailbox cannot mail");
    } else {
        answer_said(sandbox, exchange, mail_say(sandbox, &exchange->arena, person, body));
    }
}

static void get_letter(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    mail_letter(sandbox, exchange);
}

static void post_unsubscribe(struct sandbox *sandbox, struct http_exchange *exchange,
                             json_t *body)
{
    mail_unsubscribe(sandbox, exchange, body);
}

/* Whether there is one, and whether somebody is there to read it. */
static void post_mailbox(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    struct chatter *person = chats_find(sandbox, text_in(body, "who"));
    if (!person) {
        refuse(exchange, "nobody of that name");
        return;
    }
    person->no_mailbox = json_bool(body, "no_mailbox", person->no_mailbox);
    person->away = json_bool(body, "away", person->away);
    answer_json(
        exchange, 200,
        json_pack("{s:b, s:b}", "no_mailbox", person->no_mailbox, "away", person->away));
}

/* The person looks at their chat: what was delivered is now read. */
static void post_seen(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    struct chatter *person = chats_find(sandbox, text_in(body, "who"));
    size_t i;
    json_t *entry;
    if (!person) {
        refuse(exchange, "nobody of that name");
        return;
    }
    json_array_foreach(person->log, i, entry)
    {
        struct str status = text_in(entry, "status");
        if (!str_eq(text_in(entry, "from"), STR("bot")) || str_eq(status, STR("read")) ||
            str_eq(status, STR("failed")))
            continue;
        callbacks_status(sandbox, person, entry, "read", clock_now());
    }
    answer_said(sandbox, exchange, STR(""));
}

static void get_stripe(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    (void)body;
    stripe_control_get(sandbox, exchange);
}

static void post_stripe(struct sandbox *sandbox, struct http_exchange *exchange, json_t *body)
{
    stripe_control_post(sandbox, exchange, body);
}

/* --- routes
 * ----------------------------------------------------------------------------------- */

static const struct route {
    const char *method;
    const char *path;
    action *act;
    bool raw; /* the body is not JSON */
} routes[] = {
    {"GET",  "health",      get_health,       false},
    {"GET",  "faults",      get_faults,       false},
    {"POST", "faults",      post_faults,      false},
    {"GET",  "violations",  get_violations,   false},
    {"GET",  "counts",      get_counts,       false},
    {"GET",  "journal",     get_journal,      false},
    {"GET",  "crm",         get_crm,          false},
    {"POST", "crm",         post_crm,         false},
    {"POST", "crm-push",    post_crm_push,    false},
    {"GET",  "people",      get_people,       false},
    {"POST", "people",      post_people,      false},
    {"GET",  "chat",        get_chat,         false},
    {"GET",  "code",        get_code,         false},
    {"GET",  "events",      get_events,       false},
    {"GET",  "media",       get_media,        false},
    {"POST", "media",       post_media,       true },
    {"POST", "say",         post_say,         false},
    {"POST", "seen",        post_seen,        false},
    {"POST", "sms",         post_sms,         false},
    {"POST", "mail",        post_mail,        false},
    {"GET",  "stripe",      get_stripe,       false},
    {"POST", "stripe",      post_stripe,      false},
    {"GET",  "letter",      get_letter,       false},
    {"POST", "unsubscribe", post_unsubscribe, false},
    {"POST", "mailbox",     post_mailbox,     false},
};

static bool is_ours(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct str host = http_request_header(exchange, "host");
    struct str origin = http_request_header(exchange, "origin");
    struct arena *arena = &exchange->arena;
    int port = sandbox->settings.port;
    if (!str_eq(host, arena_format(arena, "127.0.0.1:%d", port)) &&
        !str_eq(host, arena_format(arena, "localhost:%d", port)))
        return false;
    return origin.len == 0 || str_eq(origin, arena_format(arena, "http://%.*s", STR_ARG(host)));
}

static void run(struct sandbox *sandbox, struct http_exchange *exchange,
                const struct route *route)
{
    struct err err;
    OWNED_JSON(body) = NULL;
    if (strcmp(route->method, "POST") == 0 && !route->raw &&
        !json_read(exchange->body, &body, &err)) {
        refuse(exchange, err.text);
        return;
    }
    route->act(sandbox, exchange, body);
}

bool control_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    if (!str_starts(exchange->path, STR("/control/")))
        return false;
    if (!is_ours(sandbox, exchange)) {
        http_reply(exchange, 403, "text/plain", STR("Ask from this machine.\n"), NULL);
        return true;
    }
    struct str path = str_slice(exchange->path, 9, exchange->path.len);
    for (size_t i = 0; i < COUNTOF(routes); i++) {
        if (strcmp(routes[i].method, exchange->method) == 0 &&
            str_eq(str_from(routes[i].path), path)) {
            run(sandbox, exchange, &routes[i]);
            return true;
        }
    }
    http_reply(exchange, 404, "text/plain", STR("no such thing\n"), NULL);
    return true;
}
