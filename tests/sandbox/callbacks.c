/*
 * Webhooks that we owe the service.
 *
 * Owed means journalled, so a restart goes on where a crash stopped. A callback is paid by an
 * answer of exactly 200, as with Meta; anything else repeats it with a growing pause. One
 * person's callbacks of a kind leave in order, unless a fault makes one a stray that goes its
 * own way.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>

#define SENDING_MAX   128
#define PAUSE_FIRST   (100 * USEC_PER_MSEC)
#define PAUSE_LONGEST (2 * USEC_PER_SEC) /* below the unknown_wait of tests that kill */

struct owed {
    struct owed *next, **slot; /* of all that are owed */
    struct owed *behind;       /* in its lane */
    struct sandbox *sandbox;
    struct chatter *person;
    struct lane *lane; /* NULL: a stray */
    const char *number;
    json_t *item;
    int64_t n;
    bool status;
    bool again; /* paid already; this sending is the duplicate that a fault asked for */
    unsigned attempts;
    usec_t due;
    struct journal_wait wait;
    bool kept; /* it is on the disk: before that it may not leave, or a crash would forget what
                  the service has heard */
    struct timer timer;
    struct arena arena;
    struct http_header headers[5];
    struct http_request request;
    struct fetch fetch;
};

/* --- the delivery's bytes ------------------------------------------------------------------
 */

static const struct number *number_of(const struct sandbox *sandbox, const char *id)
{
    const struct settings *settings = &sandbox->settings;
    for (size_t i = 0; i < settings->n_numbers; i++) {
        if (strcmp(settings->numbers[i].id, id) == 0)
            return &settings->numbers[i];
    }
    return &settings->numbers[0];
}

static json_t *contact_of(const struct sandbox *sandbox, const struct chatter *person)
{
    json_t *contact = json_pack("{s:{s:s}}", "profile", "name", person->name);
    if (person->phone[0])
        json_object_set_new(contact, "wa_id", json_string(person->phone + 1));
    if (!person->phone[0] || sandbox->settings.user_ids)
        json_object_set_new(contact, "user_id", json_string(person->user_id));
    return json_pack("[o]", contact);
}

static json_t *delivery_of(const struct owed *owed)
{
    const struct sandbox *sandbox = owed->sandbox;
    const struct number *number = number_of(sandbox, owed->number);
    json_t *change = json_object_get(owed->item, "change");
    if (change) {
        return json_pack("{s:s, s:[{s:s, s:I, s:[O]}]}", "object", "whatsapp_business_account",
                         "entry", "id", sandbox->settings.waba, "time",
                         (json_int_t)(clock_now() / USEC_PER_SEC), "changes", change);
    }
    json_t *value =
        json_pack("{s:s, s:{s:s, s:s}}", "messaging_product", "whatsapp", "metadata",
                  "display_phone_number", number->display, "phone_number_id", owed->number);
    if (!json_object_get(owed->item, "errors"))
        json_object_set_new(value, "contacts", contact_of(sandbox, owed->person));
    json_object_set_new(value, owed->status ? "statuses" : "messages",
                        json_pack("[O]", owed->item));
    return json_pack("{s:s, s:[{s:s, s:[{s:s, s:o}]}]}", "object", "whatsapp_business_account",
                     "entry", "id", sandbox->settings.waba, "changes", "field", "messages",
                     "value", value);
}

static bool is_sms(const struct owed *owed)
{
    return json_object_get(owed->item, "form") != NULL;
}

static bool is_mail(const struct owed *owed)
{
    return json_object_get(owed->item, "event") || json_object_get(owed->item, "raw");
}

/* Meta escapes what is not ASCII, and the signature is over exactly those bytes. */
static void write_request(struct owed *owed)
{
    const struct settings *settings = &owed->sandbox->settings;
    if (is_mail(owed)) {
        mail_callback(owed->sandbox, &owed->arena, owed->item, owed->n, owed->headers,
                      &owed->request);
        return;
    }
    if (is_sms(owed)) {
        twilio_callback(owed->sandbox, &owed->arena, owed->item, owed->headers, &owed->request);
        return;
    }
    OWNED_JSON(delivery) = delivery_of(owed);
    char *text = json_dumps(delivery, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH);
    struct str body = arena_str(&owed->arena, str_from(text));
    struct hash mac = hmac_sha256(str_from(settings->app_secret), body);
    char hex[2 * HASH_LEN + 1];
    free(text);
    hex_format(mac.bytes, HASH_LEN, hex);
    owed->headers[0] = (struct http_header){STR("Content-Type"), STR("application/json")};
    owed->headers[1] = (struct http_header){STR("X-Hub-Signature-256"),
                                            arena_format(&owed->arena, "sha256=%s", hex)};
    owed->request = (struct http_request){.method = "POST",
                                          .url = str_from(settings->webhook_url),
                                          .headers = owed->headers,
                                          .n_headers = 2,
                                          .body = body,
                                          .repeatable = true};
}

/* --- paying --------------------------------------------------------------------------------
 */

static void send_now(struct timer *timer);

static void lane_go(struct owed *owed)
{
    if (!owed->kept)
        return;
    usec_t wait = owed->due - clock_now();
    timer_start(&owed->sandbox->loop, &owed->timer, wait > 0 ? wait : 0, send_now);
}

static void owed_closed(struct timer *timer)
{
    struct owed *owed = CONTAINER_OF(timer, struct owed, timer);
    arena_finish(&owed->arena);
    json_decref(owed->item);
    free(owed);
}

static void owed_forget(struct owed *owed)
{
    *owed->slot = owed->next;
    if (owed->next)
        owed->next->slot = owed->slot;
    owed->sandbox->n_owed--;
    timer_close(&owed->timer, owed_closed);
}

static void lane_next(struct owed *owed)
{
    struct lane *lane = owed->lane;
    if (!lane)
        return;
    lane->first = owed->behind;
    if (!lane->first) {
        lane->last = &lane->first;
    } else {
        lane_go(lane->first);
    }
}

static void journal_paid(struct sandbox *sandbox, int64_t n, const char *how)
{
    OWNED_JSON(record) =
        json_pack("{s:s, s:I, s:s}", "t", "paid", "n", (json_int_t)n, "how", how);
    journal_append(sandbox->journal, record);
}

static void owed_paid(struct owed *owed)
{
    struct sandbox *sandbox = owed->sandbox;
    if (!owed->again) {
        sandbox->n_callbacks++;
        journal_paid(sandbox, owed->n, "200");
        if (!owed->status) {
            chats_mark(sandbox, owed->person,
                       str_from(json_string_value(json_object_get(owed->item, "id"))),
                       "delivered");
        }
        owed->again = faults_roll(&sandbox->faults, sandbox->faults.duplicate_callback);
        if (owed->again) {
            lane_go(owed);
            return;
        }
    }
    lane_next(owed);
    owed_forget(owed);
}

static void owed_failed(struct owed *owed)
{
    struct sandbox *sandbox = owed->sandbox;
    unsigned doublings = owed->attempts < 8 ? owed->attempts : 8;
    usec_t pause = PAUSE_FIRST << doublings;
    sandbox->n_callback_failures++;
    owed->attempts++;
    owed->due = clock_now() + (pause < PAUSE_LONGEST ? pause : PAUSE_LONGEST);
    lane_go(owed);
}

/* "Only 200 counts" */
static bool is_meta(const struct owed *owed)
{
    return !is_sms(owed) && !is_mail(owed);
}

static void answered(struct fetch *fetch)
{
    struct owed *owed = CONTAINER_OF(fetch, struct owed, fetch);
    struct sandbox *sandbox = owed->sandbox;
    int status = fetch->answer.fate == HTTP_ANSWERED ? fetch->answer.status : 0;
    bool paid = status == 200 || ((status == 202 || status == 204) && !is_meta(owed));
    sandbox->n_sending--;
    arena_reset(&owed->arena);
    if (sandbox->stopping)
        return; /* it is still owed in the journal; callbacks_finish frees it */
    if (paid) {
        owed_paid(owed);
    } else {
        owed_failed(owed);
    }
}

static void send_now(struct timer *timer)
{
    struct owed *owed = CONTAINER_OF(timer, struct owed, timer);
    struct sandbox *sandbox = owed->sandbox;
    if (sandbox->n_sending >= SENDING_MAX) {
        timer_start(&sandbox->loop, timer, 5 * USEC_PER_MSEC, send_now);
        return;
    }
    sandbox->n_sending++;
    write_request(owed);
    owed->fetch = (struct fetch){.request = &owed->request,
                                 .connect_timeout = 5 * USEC_PER_SEC,
                                 .timeout = 20 * USEC_PER_SEC,
                                 .body_max = 64UL * 1024,
                                 .into = &owed->arena,
                                 .done = answered};
    fetcher_start(sandbox->fetcher, &owed->fetch);
}

/* --- owing ---------------------------------------------------------------------------------
 */

static void enter_lane(struct owed *owed)
{
    unsigned kind = is_sms(owed)    ? LANE_SMS_MESSAGES
                    : is_mail(owed) ? LANE_MAIL_MESSAGES
                                    : LANE_MESSAGES;
    struct lane *lane = &owed->person->lanes[kind + owed->status];
    owed->lane = lane;
    *lane->last = owed;
    lane->last = &owed->behind;
}

static void owed_kept(struct journal_wait *wait)
{
    struct owed *owed = CONTAINER_OF(wait, struct owed, wait);
    owed->kept = true;
    if (!owed->lane || owed->lane->first == owed)
        lane_go(owed);
}

/* Owe the service a person's message (status false) or a status. `item` is borrowed. */
static void owe(struct sandbox *sandbox, int64_t n, struct chatter *person, struct str number,
                const json_t *item, bool status, usec_t due)
{
    struct owed *owed = calloc(1, sizeof(*owed));
    if (!owed)
        abort();
    arena_init(&owed->arena);
    owed->sandbox = sandbox;
    owed->person = person;
    owed->number = number_of(sandbox, number.at ? number.at : "")->id;
    owed->item = json_incref((json_t *)item);
    owed->n = n;
    owed->status = status;
    owed->due = due;
    owed->next = sandbox->owed;
    owed->slot = &sandbox->owed;
    if (owed->next)
        owed->next->slot = &owed->next;
    sandbox->owed = owed;
    sandbox->n_owed++;
    if (sandbox->fetcher && faults_roll(&sandbox->faults, sandbox->faults.reorder_callback)) {
        owed->due += 50 * USEC_PER_MSEC + (usec_t)(sandbox->faults.dice % 450000);
    } else {
        enter_lane(owed);
    }
    if (sandbox->fetcher) {
        journal_sync(sandbox->journal, &owed->wait, owed_kept);
    } else {
        owed->kept = true; /* read from the journal */
    }
}

void callbacks_news(struct sandbox *sandbox, const char *field, json_t *value, usec_t due)
{
    struct owed *owed = calloc(1, sizeof(*owed));
    if (!owed)
        abort();
    arena_init(&owed->arena);
    owed->sandbox = sandbox;
    owed->number = sandbox->settings.numbers[0].id;
    owed->item = json_pack("{s:{s:s, s:o}}", "change", "field", field, "value", value);
    owed->n = sandbox->next_n++;
    owed->status = true; /* nobody's message */
    owed->due = due;
    owed->next = sandbox->owed;
    owed->slot = &sandbox->owed;
    if (owed->next)
        owed->next->slot = &owed->next;
    sandbox->owed = owed;
    sandbox->n_owed++;
    owed->kept = true;
    lane_go(owed);
}

/* At start nothing leaves until the whole journal is read: it may say "paid" further down. */
void callbacks_begin(struct sandbox *sandbox)
{
    for (struct chatter *person = sandbox->people; person; person = person->next) {
        for (size_t i = 0; i < COUNTOF(person->lanes); i++) {
            if (person->lanes[i].first)
                lane_go(person->lanes[i].first);
        }
    }
}

void callbacks_finish(struct sandbox *sandbox)
{
    while (sandbox->owed)
        owed_forget(sandbox->owed);
}

static void keep_said(struct sandbox *sandbox, struct chatter *person, const char *number,
                      json_t *message, int64_t n, usec_t now)
{
    OWNED_JSON(record) = json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:O}", "t", "said", "n",
                                   (json_int_t)n, "at", (json_int_t)now, "who", person->who,
                                   "name", person->name, "number", number, "message", message);
    journal_append(sandbox->journal, record);
    callbacks_replay(sandbox, record);
}

struct str callbacks_say(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                         json_t *message)
{
    int64_t n = sandbox->next_n++;
    usec_t now = clock_now();
    const char *number = sandbox->settings.numbers[0].id;
    struct str id = chats_message_id(into, person, n);
    if (person->phone[0])
        json_object_set_new(message, "from", json_string(person->phone + 1));
    if (!person->phone[0] || sandbox->settings.user_ids)
        json_object_set_new(message, "from_user_id", json_string(person->user_id));
    json_set_text(message, "id", id);
    json_set_text(message, "timestamp",
                  arena_format(into, "%lld", (long long)(now / USEC_PER_SEC)));
    keep_said(sandbox, person, number, message, n, now);
    return id;
}

void callbacks_keep_said(struct sandbox *sandbox, struct chatter *person, const char *number,
                         json_t *message)
{
    keep_said(sandbox, person, number, message, sandbox->next_n++, clock_now());
}

struct str callbacks_url(const struct sandbox *sandbox, struct arena *into, const char *path)
{
    struct str url = str_from(sandbox->settings.webhook_url);
    struct str root = str_slice(url, 0, str_find(url, STR("/webhooks/")));
    return arena_format(into, "%.*s%s", STR_ARG(root), path);
}

/* --- statuses ------------------------------------------------------------------------------
 */

static json_t *pricing_of(const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    bool template = type && strcmp(type, "template") == 0;
    return json_pack("{s:b, s:s, s:s, s:s}", "billable", template, "pricing_model", "PMP",
                     "type", template ? "regular" : "free_customer_service", "category",
                     template ? "utility" : "service");
}

void callbacks_status(struct sandbox *sandbox, struct chatter *person, const json_t *entry,
                      const char *status, usec_t due)
{
    json_t *item =
        json_pack("{s:O, s:s}", "id", json_object_get(entry, "id"), "status", status);
    char seconds[24];
    const json_t *message = json_object_get(entry, "message");
    json_t *key = json_object_get(message, "biz_opaque_callback_data");
    json_t *failure = json_object_get(entry, "failure");
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)(due / USEC_PER_SEC));
    json_object_set_new(item, "timestamp", json_string(seconds));
    if (person->phone[0])
        json_object_set_new(item, "recipient_id", json_string(person->phone + 1));
    if (!person->phone[0] || sandbox->settings.user_ids)
        json_object_set_new(item, "recipient_user_id", json_string(person->user_id));
    if (strcmp(status, "sent") == 0 || strcmp(status, "delivered") == 0)
        json_object_set_new(item, "pricing", pricing_of(message));
    if (strcmp(status, "failed") == 0 && failure)
        json_object_set_new(item, "errors", json_pack("[O]", failure));
    if (key)
        json_object_set(item, "biz_opaque_callback_data", key);
    callbacks_owe_status(sandbox, person, json_object_get(entry, "number"), item, due);
    json_decref(item);
}

void callbacks_owe_status(struct sandbox *sandbox, struct chatter *person, json_t *number,
                          json_t *item, usec_t due)
{
    int64_t n = sandbox->next_n++;
    OWNED_JSON(record) = json_pack("{s:s, s:I, s:I, s:s, s:O}", "t", "owe", "n", (json_int_t)n,
                                   "at", (json_int_t)due, "who", person->who, "status", item);
    if (number)
        json_object_set(record, "number", number);
    if (faults_roll(&sandbox->faults, sandbox->faults.lose_callback)) {
        sandbox->n_callbacks_lost++;
        journal_append(sandbox->journal, record);
        journal_paid(sandbox, n, "lost");
        return;
    }
    journal_append(sandbox->journal, record);
    callbacks_replay(sandbox, record);
}

/* --- the journal's records, applied: the same at work and at start --------------------------
 */

static void apply_said(struct sandbox *sandbox, const json_t *record, struct chatter *person)
{
    const json_t *message = json_object_get(record, "message");
    const char *type = json_string_value(json_object_get(message, "type"));
    const json_t *reaction = json_object_get(message, "reaction");
    usec_t at = json_integer_value(json_object_get(record, "at"));
    bool sms = type && strcmp(type, "sms") == 0, mail = type && strcmp(type, "mail") == 0;
    if (!sms && !mail)
        person->wrote_at = at;
    if (sms) {
        sms_apply(sandbox, record, person);
    } else if (mail) {
        chats_add(sandbox, person, "own-mail", text_in(message, "id"), at, message, "sent");
    } else if (type && strcmp(type, "reaction") == 0) {
        chats_react(sandbox, person, text_in(reaction, "message_id"), "reaction",
                    text_in(reaction, "emoji"));
    } else {
        chats_add(sandbox, person, "person", text_in(message, "id"), at, message, "sent");
    }
    owe(sandbox, json_integer_value(json_object_get(record, "n")), person,
        text_in(record, "number"), message, false, at);
}

static void apply_got(struct sandbox *sandbox, const json_t *record, struct chatter *person)
{
    const json_t *body = json_object_get(record, "body");
    const char *type = json_string_value(json_object_get(body, "type"));
    const json_t *reaction = json_object_get(body, "reaction");
    sandbox->n_arrived++;
    if (type && strcmp(type, "reaction") == 0) {
        chats_react(sandbox, person, text_in(reaction, "message_id"), "answer",
                    text_in(reaction, "emoji"));
        return;
    }
    OWNED_JSON(shown) = json_copy((json_t *)body);
    if (json_object_get(record, "words")) /* a template's, as it was when it was sent */
        json_object_set(shown, "words", json_object_get(record, "words"));
    json_t *entry = chats_add(sandbox, person, "bot", text_in(record, "id"),
                              json_integer_value(json_object_get(record, "at")), shown, "sent");
    json_object_set(entry, "number", json_object_get(record, "number"));
}

static void apply_status(struct sandbox *sandbox, const json_t *record, struct chatter *person)
{
    const json_t *status = json_object_get(record, "status");
    struct str id = text_in(status, "id");
    chats_mark(sandbox, person, id, json_string_value(json_object_get(status, "status")));
    owe(sandbox, json_integer_value(json_object_get(record, "n")), person,
        text_in(record, "number"), status, true,
        json_integer_value(json_object_get(record, "at")));
}

static void apply_paid(struct sandbox *sandbox, int64_t n)
{
    for (struct owed *owed = sandbox->owed; owed; owed = owed->next) {
        if (owed->n != n)
            continue;
        if (!owed->status)
            chats_mark(sandbox, owed->person, text_in(owed->item, "id"), "delivered");
        struct owed **at = &owed->lane->first;
        while (*at != owed)
            at = &(*at)->behind;
        *at = owed->behind;
        if (!*at)
            owed->lane->last = at;
        owed_forget(owed);
        return;
    }
}

void callbacks_replay(struct sandbox *sandbox, const json_t *record)
{
    const char *t = json_string_value(json_object_get(record, "t"));
    int64_t n = json_integer_value(json_object_get(record, "n"));
    if (n >= sandbox->next_n)
        sandbox->next_n = n + 1;
    if (t && strcmp(t, "paid") == 0) {
        apply_paid(sandbox, n);
        return;
    }
    if (t && strcmp(t, "event") == 0) {
        crm_apply(sandbox, record);
        return;
    }
    if (t && strcmp(t, "stripe") == 0) {
        stripe_apply(sandbox, record);
        return;
    }
    if (t && (strcmp(t, "mail") == 0 || strcmp(t, "mails") == 0)) {
        resend_apply(sandbox, record);
        return;
    }
    struct chatter *person =
        chats_person(sandbox, text_in(record, "who"), text_in(record, "name"));
    if (!t || !person)
        return;
    if (strcmp(t, "said") == 0) {
        apply_said(sandbox, record, person);
    } else if (strcmp(t, "got") == 0) {
        apply_got(sandbox, record, person);
    } else if (strcmp(t, "sms") == 0) {
        twilio_apply(sandbox, record, person);
    } else if (strcmp(t, "owe") == 0) {
        apply_status(sandbox, record, person);
    } else if (strcmp(t, "mark") == 0) {
        chats_mark(sandbox, person, text_in(record, "id"), "read");
    }
}
