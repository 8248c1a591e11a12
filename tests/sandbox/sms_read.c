/*
 * What Twilio tells of messages when it is asked: one of them, or the newest of a number.
 */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <stdio.h>
#include <time.h>

#define PAGE_MAX 50

static bool is_sms(const json_t *entry)
{
    return str_ends(text_in(entry, "from"), STR("sms"));
}

/* "Thu, 24 Aug 2023 05:01:45 +0000" */
static json_t *date_of(const json_t *entry)
{
    time_t seconds = json_integer_value(json_object_get(entry, "at")) / 1000;
    struct tm parts;
    char text[64];
    gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &parts);
    return json_string(text);
}

static json_t *number_text(const json_t *value)
{
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(value));
    return json_string(digits);
}

static json_t *message_of(const struct sandbox *sandbox, struct arena *scratch,
                          const json_t *entry)
{
    const json_t *message = json_object_get(entry, "message");
    const char *sid = json_string_value(json_object_get(message, "id"));
    bool own = str_eq(text_in(entry, "from"), STR("own-sms"));
    size_t files = json_array_size(json_object_get(message, "files"));
    json_t *one = json_pack(
        "{s:s, s:O, s:O, s:O, s:s, s:n, s:n, s:n, s:s, s:n}", "sid", sid, "body",
        json_object_get(message, "body"), "to", json_object_get(message, "to"), "from",
        json_object_get(message, "from"), "account_sid", sandbox->settings.twilio_sid,
        "error_code", "error_message", "price", "price_unit", "USD", "messaging_service_sid");
    json_object_set_new(one, "direction", json_string(own ? "inbound" : "outbound-api"));
    if (own) {
        json_object_set_new(one, "status", json_string("received"));
    } else {
        json_object_set(one, "status", json_object_get(entry, "status"));
    }
    json_object_set_new(one, "num_segments", number_text(json_object_get(message, "segments")));
    json_object_set_new(
        one, "num_media",
        json_string(files > 0 || text_in(message, "media").len > 0 ? "1" : "0"));
    json_object_set_new(one, "date_created", date_of(entry));
    json_object_set_new(one, "date_sent", date_of(entry));
    json_object_set_new(one, "date_updated", date_of(entry));
    json_object_set_new(one, "api_version", json_string("2010-04-01"));
    json_set_text(one, "uri",
                  arena_format(scratch, "/2010-04-01/Accounts/%s/Messages/%s.json",
                               sandbox->settings.twilio_sid, sid));
    return one;
}

static const json_t *entry_of(const struct sandbox *sandbox, struct str sid)
{
    for (const struct chatter *person = sandbox->people; person; person = person->next) {
        const json_t *entry = chats_entry(person, sid);
        if (entry && is_sms(entry))
            return entry;
    }
    return NULL;
}

/* The newest first. */
static json_t *list_of(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct str to = http_query(exchange, "To"), from = http_query(exchange, "From");
    json_t *list = json_array();
    for (const struct chatter *person = sandbox->people; person; person = person->next) {
        for (size_t i = json_array_size(person->log); i-- > 0;) {
            const json_t *entry = json_array_get(person->log, i);
            const json_t *message = json_object_get(entry, "message");
            if (json_array_size(list) < PAGE_MAX && is_sms(entry) &&
                (to.len == 0 || str_eq(text_in(message, "to"), to)) &&
                (from.len == 0 || str_eq(text_in(message, "from"), from)))
                json_array_append_new(list, message_of(sandbox, &exchange->arena, entry));
        }
    }
    return list;
}

bool sms_read_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct arena *arena = &exchange->arena;
    struct str root =
        arena_format(arena, "/2010-04-01/Accounts/%s/Messages", sandbox->settings.twilio_sid);
    struct str rest = str_slice(exchange->path, root.len, exchange->path.len);
    if (strcmp(exchange->method, "GET") != 0 || !str_starts(exchange->path, root) ||
        !str_ends(rest, STR(".json")))
        return false;
    if (str_eq(rest, STR(".json"))) {
        struct str path = exchange->path;
        answer_json(exchange, 200,
                    json_pack("{s:o, s:i, s:i, s:s%, s:n, s:n, s:s%}", "messages",
                              list_of(sandbox, exchange), "page", 0, "page_size", PAGE_MAX,
                              "uri", path.at, path.len, "next_page_uri", "previous_page_uri",
                              "first_page_uri", path.at, path.len));
        return true;
    }
    const json_t *entry = entry_of(sandbox, str_slice(rest, 1, rest.len - 1 - strlen(".json")));
    if (!entry)
        return false;
    answer_json(exchange, 200, message_of(sandbox, arena, entry));
    return true;
}
