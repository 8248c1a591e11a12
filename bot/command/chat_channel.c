/*
 * The same conversation by each channel: how the sandbox is told what was written there, and
 * whose answers are this channel's.
 *
 * Only WhatsApp has something to tap; by SMS and mail a number is written like any other word,
 * as people do it.
 */
#include "bot/base/json.h"
#include "bot/command/chat_parts.h"

const struct chat_channel *chat_channel_named(const char *name)
{
    static const struct chat_channel channels[] = {
        {"whatsapp", "bot",  "/control/say",  true },
        {"sms",      "sms",  "/control/sms",  false},
        {"email",    "mail", "/control/mail", false},
    };

    for (size_t i = 0; i < COUNTOF(channels); i++) {
        if (strcmp(channels[i].name, name) == 0)
            return &channels[i];
    }
    return NULL;
}

/* "//2" says "/2". */
static json_t *words_of(struct str text)
{
    return json_string_of(str_starts(text, STR("//")) ? str_slice(text, 1, text.len) : text);
}

/* A number that names an option of the last question is a tap on it. */
static json_t *message_of(const struct choices *choices, struct str text)
{
    int64_t number;
    if (str_to_int(text, &number) && number > 0 && text.len < 4) {
        json_t *tap = show_tap(choices, (size_t)number);
        if (tap)
            return tap;
    }
    if (str_eq(text, STR("/location"))) {
        return json_pack("{s:s, s:{s:f, s:f, s:s}}", "type", "location", "location", "latitude",
                         52.2297, "longitude", 21.0122, "name", "Here");
    }
    return json_pack("{s:s, s:{s:o}}", "type", "text", "text", "body", words_of(text));
}

json_t *chat_request(const struct chat_channel *channel, const char *who, struct str text,
                     const struct choices *choices)
{
    json_t *body = json_pack("{s:s}", "who", who);
    if (channel->taps) {
        json_object_set_new(body, "message", message_of(choices, text));
        return body;
    }
    json_object_set_new(body, "text", words_of(text));
    if (choices->message_id[0]) /* a mail answers the last one, with its thread */
        json_object_set_new(body, "answers", json_string(choices->message_id));
    return body;
}

bool chat_is_answer(const struct chat_channel *channel, const json_t *entry)
{
    const char *from = json_string_value(json_object_get(entry, "from"));
    return from && strcmp(from, channel->heard) == 0;
}
