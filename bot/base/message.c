/*
 * The names of what passes between rooms, and a reply's life as JSON.
 *
 * Names are written in the database and the log, so they never change; a name for a number that
 * we do not have is "unknown", for a log line is no place to crash. Reading a reply passes over
 * members that it does not know: two versions of the service run side by side.
 */
#include "bot/base/message.h"

#include "bot/base/json_in.h"
#include "bot/base/json_out.h"

#include <stddef.h>

#define OPTIONS_MAX 32  /* far more than a channel shows */
#define VALUES_MAX  128 /* as many variables as no template has */

static const char *name_in(const char *const *names, size_t n, size_t at)
{
    return at < n && names[at] ? names[at] : "unknown";
}

#define NAME_IN(names, at) name_in((names), COUNTOF(names), (size_t)(at))

static const char *const channel_names[] = {
    [CHANNEL_NONE] = "none",
    [CHANNEL_WHATSAPP] = "whatsapp",
    [CHANNEL_SMS] = "sms",
    [CHANNEL_EMAIL] = "email",
};

static const char *const event_kind_names[] = {
    [EVENT_TEXT] = "text",
    [EVENT_CHOICE] = "choice",
    [EVENT_MEDIA] = "media",
    [EVENT_LOCATION] = "location",
    [EVENT_CONTACTS] = "contacts",
    [EVENT_REACTION] = "reaction",
    [EVENT_ORDER] = "order",
    [EVENT_EDIT] = "edit",
    [EVENT_REVOKE] = "revoke",
    [EVENT_IDENTITY] = "identity",
    [EVENT_UNSUPPORTED] = "unsupported",
    [EVENT_UNKNOWN] = "unknown",
    [EVENT_STATUS] = "status",
    [EVENT_PREFERENCE] = "preference",
    [EVENT_TEMPLATE] = "template",
    [EVENT_ACCOUNT] = "account",
    [EVENT_OTHER] = "other",
    [EVENT_TIMER] = "timer",
};

static const char *const media_kind_names[] = {
    [MEDIA_IMAGE] = "image", [MEDIA_VIDEO] = "video",       [MEDIA_AUDIO] = "audio",
    [MEDIA_VOICE] = "voice", [MEDIA_DOCUMENT] = "document", [MEDIA_STICKER] = "sticker",
};

static const char *const delivery_names[] = {
    [DELIVERY_QUEUED] = "queued",       [DELIVERY_SENT] = "sent", [DELIVERY_FAILED] = "failed",
    [DELIVERY_DELIVERED] = "delivered", [DELIVERY_READ] = "read", [DELIVERY_PLAYED] = "played",
    [DELIVERY_DELETED] = "deleted",
};

static const char *const reply_kind_names[] = {
    [REPLY_TEXT] = "text",         [REPLY_BUTTONS] = "buttons", [REPLY_LIST] = "list",
    [REPLY_LINK] = "link",         [REPLY_IMAGE] = "image",     [REPLY_DOCUMENT] = "document",
    [REPLY_TEMPLATE] = "template",
};

const char *channel_name(enum channel channel)
{
    return NAME_IN(channel_names, channel);
}

const char *event_kind_name(enum event_kind kind)
{
    return NAME_IN(event_kind_names, kind);
}

const char *media_kind_name(enum media_kind kind)
{
    return NAME_IN(media_kind_names, kind);
}

const char *delivery_name(enum delivery delivery)
{
    return NAME_IN(delivery_names, delivery);
}

const char *reply_kind_name(enum reply_kind kind)
{
    return NAME_IN(reply_kind_names, kind);
}

struct str person_address(const struct person *person)
{
    if (person->user_id.len > 0)
        return person->user_id;
    return person->phone.len > 0 ? person->phone : person->email;
}

/* A person's doings stand together at the head of the enum, by design. */
bool event_is_message(enum event_kind kind)
{
    return kind <= EVENT_UNKNOWN && kind != EVENT_IDENTITY;
}

/* --- a reply as JSON -------------------------------------------------------------------- */

/* The texts of a reply and of an option, by the names that they have in JSON. */
struct text_member {
    const char *name;
    size_t at;
};

static const struct text_member reply_texts[] = {
    {"lang",     offsetof(struct reply, language)         },
    {"by",       offsetof(struct reply, by)               },
    {"body",     offsetof(struct reply, body)             },
    {"header",   offsetof(struct reply, header)           },
    {"footer",   offsetof(struct reply, footer)           },
    {"label",    offsetof(struct reply, label)            },
    {"url",      offsetof(struct reply, url)              },
    {"media",    offsetof(struct reply, media)            },
    {"filename", offsetof(struct reply, filename)         },
    {"template", offsetof(struct reply, template_name)    },
    {"language", offsetof(struct reply, template_language)},
    {"code",     offsetof(struct reply, template_code)    },
    {"document", offsetof(struct reply, document)         },
};

static const struct text_member option_texts[] = {
    {"id",          offsetof(struct reply_option, id)         },
    {"title",       offsetof(struct reply_option, title)      },
    {"description", offsetof(struct reply_option, description)},
    {"section",     offsetof(struct reply_option, section)    },
};

static void write_texts(struct json_out *out, const void *from,
                        const struct text_member *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_member(out, members[i].name,
                    *(const struct str *)((const char *)from + members[i].at));
    }
}

struct str reply_to_json(struct arena *into, const struct reply *reply)
{
    struct json_out out;

    json_out_init(&out, into, 256 + 2 * reply->body.len + 128 * reply->n_options);
    json_open(&out, '{');
    json_member(&out, "kind", str_from(reply_kind_name(reply->kind)));
    write_texts(&out, reply, reply_texts, COUNTOF(reply_texts));
    if (reply->n_options > 0) {
        json_open_in(&out, "options", '[');
        for (size_t i = 0; i < reply->n_options; i++) {
            json_open(&out, '{');
            write_texts(&out, &reply->options[i], option_texts, COUNTOF(option_texts));
            json_close(&out, '}');
        }
        json_close(&out, ']');
    }
    if (reply->n_template_values > 0) {
        json_open_in(&out, "values", '[');
        for (size_t i = 0; i < reply->n_template_values; i++)
            json_put_text(&out, reply->template_values[i]);
        json_close(&out, ']');
    }
    json_close(&out, '}');
    return json_out_text(&out);
}

/* What is not known, or is no text, is passed over. */
static void read_text_member(struct json_in *in, struct str key, void *into,
                             const struct text_member *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(key, str_from(members[i].name)) || json_next(in) != JSON_IN_TEXT)
            continue;
        *(struct str *)((char *)into + members[i].at) = json_in_text(in);
        return;
    }
    json_skip(in);
}

static bool read_kind(struct json_in *in, struct reply *reply)
{
    struct str name = json_next(in) == JSON_IN_TEXT ? json_in_text(in) : STR_NONE;

    for (size_t i = 0; i < COUNTOF(reply_kind_names); i++) {
        if (!str_eq(name, str_from(reply_kind_names[i])))
            continue;
        reply->kind = (enum reply_kind)i;
        return true;
    }
    return false;
}

static bool read_options(struct json_in *in, struct reply *reply, struct err *err)
{
    struct reply_option *options = arena_array(in->into, struct reply_option, OPTIONS_MAX);

    if (json_next(in) != JSON_IN_ARRAY) {
        json_skip(in);
        return true;
    }
    json_enter(in, '[');
    while (json_more(in, ']')) {
        if (json_next(in) != JSON_IN_OBJECT)
            return err_raise(err, ERR_REJECT, "an option is not an object");
        if (reply->n_options == OPTIONS_MAX)
            return err_raise(err, ERR_REJECT, "more options than a reply can have");
        json_enter(in, '{');
        while (json_more(in, '}')) {
            read_text_member(in, json_in_key(in), &options[reply->n_options], option_texts,
                             COUNTOF(option_texts));
        }
        reply->n_options++;
    }
    reply->options = options;
    return true;
}

static bool read_values(struct json_in *in, struct reply *reply, struct err *err)
{
    struct str *values = arena_array(in->into, struct str, VALUES_MAX);

    if (json_next(in) != JSON_IN_ARRAY) {
        json_skip(in);
        return true;
    }
    json_enter(in, '[');
    while (json_more(in, ']')) {
        if (json_next(in) != JSON_IN_TEXT)
            return err_raise(err, ERR_REJECT, "a template's value is not a text");
        if (reply->n_template_values == VALUES_MAX)
            return err_raise(err, ERR_REJECT, "more values than a template can have");
        values[reply->n_template_values++] = json_in_text(in);
    }
    reply->template_values = values;
    return true;
}

static bool read_reply(struct json_in *in, struct reply *reply, struct err *err)
{
    bool kind = false;

    json_enter(in, '{');
    while (json_more(in, '}')) {
        struct str key = json_in_key(in);
        if (str_eq(key, STR("kind")) && kind)
            return err_raise(err, ERR_REJECT, "two kinds");
        if (str_eq(key, STR("kind"))) {
            kind = read_kind(in, reply);
        } else if (str_eq(key, STR("options"))) {
            if (!read_options(in, reply, err))
                return false;
        } else if (str_eq(key, STR("values"))) {
            if (!read_values(in, reply, err))
                return false;
        } else {
            read_text_member(in, key, reply, reply_texts, COUNTOF(reply_texts));
        }
    }
    if (!json_in_end(in))
        return err_raise(err, ERR_REJECT, "malformed");
    return kind || err_raise(err, ERR_REJECT, "not a kind of reply that we know");
}

bool reply_from_json(struct arena *into, struct str json, struct reply *reply, struct err *err)
{
    struct reply read = {0};
    struct json_in in;

    json_in_init(&in, into, json);
    if (!read_reply(&in, &read, err))
        return err_wrap(err, "read reply");
    *reply = read;
    return true;
}
