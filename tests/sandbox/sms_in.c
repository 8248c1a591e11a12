/*
 * What a person texts: Twilio's webhook about it, form by form.
 *
 * Without advanced opt-out a keyword is a message like any other. With it, as in a messaging
 * service that has it, Twilio answers STOP and HELP itself, says which it was, and refuses the
 * business's next messages until START (21610).
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/base/sms_text.h"
#include "tests/sandbox/sandbox.h"

#include <stdio.h>
#include <strings.h>

#define FILES_MAX 10

/* --- keywords ----------------------------------------------------------------------------- */

static const struct keyword {
    const char *word;
    const char *type;
} keywords[] = {
    {"stop",        "STOP" },
    {"stopall",     "STOP" },
    {"unsubscribe", "STOP" },
    {"cancel",      "STOP" },
    {"end",         "STOP" },
    {"quit",        "STOP" },
    {"start",       "START"},
    {"unstop",      "START"},
    {"help",        "HELP" },
    {"info",        "HELP" },
};

/* NULL: words like others. */
static const char *keyword_of(struct str body)
{
    struct str word = str_trim(body);
    for (size_t i = 0; i < COUNTOF(keywords); i++) {
        if (word.len == strlen(keywords[i].word) &&
            strncasecmp(word.at, keywords[i].word, word.len) == 0)
            return keywords[i].type;
    }
    return NULL;
}

static const char *answer_of(const char *type)
{
    if (strcmp(type, "STOP") == 0) {
        return "You have been unsubscribed and will get no more messages from this number. "
               "Reply START to get them again.";
    }
    return strcmp(type, "START") == 0
               ? "You have been subscribed again. Reply HELP for help. Reply STOP to end this."
               : "Reply STOP to end messages from this number.";
}

/* --- the form ----------------------------------------------------------------------------- */

static void set(json_t *form, const char *name, const char *value)
{
    json_object_set_new(form, name, json_string(value));
}

static void set_files(const struct sandbox *sandbox, struct arena *into, const json_t *message,
                      json_t *form)
{
    const json_t *files = json_object_get(message, "files");
    size_t i;
    json_t *file;
    json_array_foreach(files, i, file)
    {
        const char *sid = json_string_value(json_object_get(message, "id"));
        const char *id = json_string_value(json_object_get(file, "id"));
        set(form, arena_format(into, "MediaUrl%zu", i).at,
            arena_format(into, "%s/2010-04-01/Accounts/%s/Messages/%s/Media/ME%s",
                         sandbox->base_url, sandbox->settings.twilio_sid, sid, id)
                .at);
        json_object_set(form, arena_format(into, "MediaContentType%zu", i).at,
                        json_object_get(file, "mime"));
    }
    set(form, "NumMedia", arena_format(into, "%zu", json_array_size(files)).at);
}

static json_t *form_of(const struct sandbox *sandbox, struct arena *into, const json_t *message,
                       const char *opt_out)
{
    static const char *const places[] = {"ToCountry", "ToState",  "ToCity", "ToZip",
                                         "FromState", "FromCity", "FromZip"};
    json_t *id = json_object_get(message, "id"), *form = json_object();
    for (size_t i = 0; i < COUNTOF(places); i++)
        set(form, places[i], i == 0 ? "US" : "");
    set(form, "FromCountry", "US");
    json_object_set(form, "MessageSid", id);
    json_object_set(form, "SmsSid", id);
    json_object_set(form, "SmsMessageSid", id);
    set(form, "AccountSid", sandbox->settings.twilio_sid);
    json_object_set(form, "From", json_object_get(message, "from"));
    json_object_set(form, "To", json_object_get(message, "to"));
    json_object_set(form, "Body", json_object_get(message, "body"));
    set(form, "SmsStatus", "received");
    set(form, "ApiVersion", "2010-04-01");
    set(form, "NumSegments",
        arena_format(into, "%lld",
                     (long long)json_integer_value(json_object_get(message, "segments")))
            .at);
    set_files(sandbox, into, message, form);
    if (opt_out) {
        set(form, "MessagingServiceSid", "MG00000000000000000000000000000000");
        set(form, "OptOutType", opt_out);
    }
    return form;
}

/* --- saying ------------------------------------------------------------------------------- */

void sms_measure_into(json_t *message, struct str body)
{
    struct sms_size size = sms_measure(body);
    json_object_set_new(message, "segments", json_integer(size.segments));
    json_object_set_new(message, "alphabet",
                        json_string(size.alphabet == SMS_GSM7 ? "GSM-7" : "UCS-2"));
}

/* {id, mime} of each file that is there. */
static json_t *files_of(struct sandbox *sandbox, const json_t *ids)
{
    json_t *files = json_array();
    size_t i;
    json_t *id;
    json_array_foreach(ids, i, id)
    {
        const json_t *about = media_find(sandbox, str_from(json_string_value(id)));
        if (about && i < FILES_MAX) {
            json_array_append_new(files, json_pack("{s:O, s:O}", "id", id, "mime",
                                                   json_object_get(about, "mime")));
        }
    }
    return files;
}

struct str sms_say(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                   const json_t *wish)
{
    struct str body = text_in(wish, "text");
    const json_t *ids = json_array_in(wish, "media");
    const char *opt_out =
        json_is_true(json_object_get(wish, "opt_out")) ? keyword_of(body) : NULL;
    uint8_t random[16];
    char hex[33];
    random_bytes(random, sizeof(random));
    hex_format(random, sizeof(random), hex);
    OWNED_JSON(message) =
        json_pack("{s:s, s:s, s:s, s:o}", "type", "sms", "from", person->phone, "to",
                  sandbox->settings.sms_number, "files", files_of(sandbox, ids));
    struct str id =
        arena_format(into, "%s%s",
                     json_array_size(json_object_get(message, "files")) > 0 ? "MM" : "SM", hex);
    json_set_text(message, "id", id);
    json_set_text(message, "body", body);
    sms_measure_into(message, body);
    json_set_text(message, "url", callbacks_url(sandbox, into, "/webhooks/twilio"));
    json_object_set_new(message, "form", form_of(sandbox, into, message, opt_out));
    if (opt_out)
        json_object_set_new(message, "opt_out", json_string(opt_out));
    callbacks_keep_said(sandbox, person, sandbox->settings.numbers[0].id, message);
    return id;
}

void sms_apply(struct sandbox *sandbox, const json_t *record, struct chatter *person)
{
    const json_t *message = json_object_get(record, "message");
    const char *type = json_string_value(json_object_get(message, "opt_out"));
    usec_t at = json_integer_value(json_object_get(record, "at"));
    struct str id = text_in(message, "id");
    char own[80];
    chats_add(sandbox, person, "own-sms", id, at, message, "sent");
    if (!type)
        return;
    if (strcmp(type, "HELP") != 0)
        person->sms_stopped = strcmp(type, "STOP") == 0;
    (void)snprintf(own, sizeof own, "%.*s.twilio", STR_ARG(id));
    OWNED_JSON(answer) =
        json_pack("{s:s, s:s, s:O, s:s, s:b}", "type", "sms", "id", own, "from",
                  json_object_get(message, "to"), "body", answer_of(type), "by_twilio", 1);
    sms_measure_into(answer, str_from(answer_of(type)));
    chats_add(sandbox, person, "sms", str_from(own), at, answer, "delivered");
}
