/*
 * The names of what passes between rooms, and a reply's life as JSON.
 *
 * Names are written in the database and the log, so they never change; a name for a number that
 * we do not have is "unknown", for a log line is no place to crash. Reading a reply passes over
 * members that it does not know: two versions of the service run side by side.
 */
#include "bot/base/message.h"

#include "bot/base/json.h"

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

static const char *const sending_names[] = {
    [SENDING_ACCEPTED] = "accepted",   [SENDING_RETRY] = "retry",
    [SENDING_PAIR_WAIT] = "pair_wait", [SENDING_REFUSED] = "refused",
    [SENDING_ELSEWHERE] = "elsewhere", [SENDING_STOP_LANE] = "stop_lane",
    [SENDING_UNKNOWN] = "unknown",
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

const char *sending_name(enum sending sending)
{
    return NAME_IN(sending_names, sending);
}

struct str person_address(const struct person *person)
{
    return person->user_id.len > 0 ? person->user_id : person->phone;
}

/* A person's doings stand together at the head of the enum, by design. */
bool event_is_message(enum event_kind kind)
{
    return kind <= EVENT_UNKNOWN;
}

/* The states are enumerated in their order, so the join is the greater one. */
enum delivery delivery_join(enum delivery a, enum delivery b)
{
    return a > b ? a : b;
}

/* --- a reply as JSON -------------------------------------------------------------------- */

static json_t *options_to_json(const struct reply *reply)
{
    json_t *array = json_array();
    for (size_t i = 0; i < reply->n_options; i++) {
        const struct reply_option *option = &reply->options[i];
        json_t *object = json_object();
        json_set_text(object, "id", option->id);
        json_set_text(object, "title", option->title);
        json_set_text(object, "description", option->description);
        json_set_text(object, "section", option->section);
        (void)json_array_append_new(array, object);
    }
    return array;
}

static json_t *values_to_json(const struct reply *reply)
{
    json_t *array = json_array();
    for (size_t i = 0; i < reply->n_template_values; i++)
        (void)json_array_append_new(array, json_string_of(reply->template_values[i]));
    return array;
}

struct str reply_to_json(struct arena *into, const struct reply *reply)
{
    OWNED_JSON(object) = json_object();
    json_set_text(object, "kind", str_from(reply_kind_name(reply->kind)));
    json_set_text(object, "body", reply->body);
    json_set_text(object, "header", reply->header);
    json_set_text(object, "footer", reply->footer);
    json_set_text(object, "label", reply->label);
    json_set_text(object, "url", reply->url);
    json_set_text(object, "media", reply->media);
    json_set_text(object, "filename", reply->filename);
    json_set_text(object, "template", reply->template_name);
    json_set_text(object, "language", reply->template_language);
    if (reply->n_options > 0)
        (void)json_object_set_new(object, "options", options_to_json(reply));
    if (reply->n_template_values > 0)
        (void)json_object_set_new(object, "values", values_to_json(reply));
    return json_write(into, object);
}

static bool read_kind(const json_t *object, struct reply *reply, struct err *err)
{
    const char *name = json_string_value(json_object_get(object, "kind"));
    for (size_t i = 0; name && i < COUNTOF(reply_kind_names); i++) {
        if (strcmp(name, reply_kind_names[i]) != 0)
            continue;
        reply->kind = (enum reply_kind)i;
        return true;
    }
    return err_raise(err, ERR_REJECT, "not a kind of reply that we know");
}

static bool read_options(struct arena *into, const json_t *object, struct reply *reply,
                         struct err *err)
{
    const json_t *array = json_array_in(object, "options");
    size_t n = json_array_size(array);
    struct reply_option *options = n > 0 ? arena_array(into, struct reply_option, n) : NULL;
    for (size_t i = 0; i < n; i++) {
        const json_t *option = json_array_get(array, i);
        if (!json_is_object(option))
            return err_raise(err, ERR_REJECT, "an option is not an object");
        options[i].id = json_text(into, option, "id");
        options[i].title = json_text(into, option, "title");
        options[i].description = json_text(into, option, "description");
        options[i].section = json_text(into, option, "section");
    }
    reply->options = options;
    reply->n_options = n;
    return true;
}

static bool read_values(struct arena *into, const json_t *object, struct reply *reply,
                        struct err *err)
{
    const json_t *array = json_array_in(object, "values");
    size_t n = json_array_size(array);
    struct str *values = n > 0 ? arena_array(into, struct str, n) : NULL;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_string(value))
            return err_raise(err, ERR_REJECT, "a template's value is not a text");
        values[i] =
            arena_str(into, (struct str){json_string_value(value), json_string_length(value)});
    }
    reply->template_values = values;
    reply->n_template_values = n;
    return true;
}

static void read_texts(struct arena *into, const json_t *object, struct reply *reply)
{
    reply->body = json_text(into, object, "body");
    reply->header = json_text(into, object, "header");
    reply->footer = json_text(into, object, "footer");
    reply->label = json_text(into, object, "label");
    reply->url = json_text(into, object, "url");
    reply->media = json_text(into, object, "media");
    reply->filename = json_text(into, object, "filename");
    reply->template_name = json_text(into, object, "template");
    reply->template_language = json_text(into, object, "language");
}

bool reply_from_json(struct arena *into, struct str json, struct reply *reply, struct err *err)
{
    OWNED_JSON(object) = NULL;
    struct reply read = {0};
    if (!json_read(json, &object, err) || !read_kind(object, &read, err) ||
        !read_options(into, object, &read, err) || !read_values(into, object, &read, err))
        return err_wrap(err, "read reply");
    read_texts(into, object, &read);
    *reply = read;
    return true;
}
