/*
 * One message becomes one event.
 *
 * A row of the table says how a type is read. A reader returns false when the content that the
 * type promises is not there; then the message is unsupported rather than broken, because
 * someone wrote it and awaits an answer. Only what names no message or no sender is broken.
 */
#include "webhooks/whatsapp_parts.h"

#include "bot/base/crypto.h"

#include <math.h>
#include <sodium.h>

/* `body` is the member named like the type: an object, or an array for contacts. */
typedef bool read_fn(const struct whatsapp_place *place, const json_t *body,
                     struct event *event);

static bool read_text(const struct whatsapp_place *place, const json_t *body,
                      struct event *event)
{
    event->kind = EVENT_TEXT;
    event->text = json_text(place->into, body, "body");
    return json_is_string(json_object_get(body, "body"));
}

/* --- taps --------------------------------------------------------------------------------- */

static bool read_reply(const struct whatsapp_place *place, const json_t *body,
                       struct event *event)
{
    event->kind = EVENT_CHOICE;
    event->choice = json_scalar(place->into, body, "id");
    event->text = json_text(place->into, body, "title");
    return event->choice.len > 0;
}

/* The answers are JSON inside a string; the token in them is what we gave when we asked. */
static bool read_flow_reply(const struct whatsapp_place *place, const json_t *body,
                            struct event *event)
{
    struct arena *into = place->into;
    event->kind = EVENT_CHOICE;
    event->text = json_text(into, body, "response_json");
    OWNED_JSON(answers) = NULL;
    struct err ignored;
    if (json_read(event->text, &answers, &ignored))
        event->choice = json_text(into, answers, "flow_token");
    if (event->choice.len == 0)
        event->choice = json_text(into, body, "name");
    return event->choice.len > 0;
}

static bool read_call_permission(const struct whatsapp_place *place, const json_t *body,
                                 struct event *event)
{
    struct str response = json_text(place->into, body, "response");
    event->kind = EVENT_CHOICE;
    event->choice = arena_format(place->into, "call_permission:%.*s", STR_ARG(response));
    return response.len > 0;
}

static const struct {
    const char *type;
    read_fn *read;
} taps[] = {
    {"button_reply",          read_reply          },
    {"list_reply",            read_reply          },
    {"nfm_reply",             read_flow_reply     },
    {"call_permission_reply", read_call_permission},
};

static bool read_interactive(const struct whatsapp_place *place, const json_t *body,
                             struct event *event)
{
    struct str type = json_text(place->into, body, "type");
    for (size_t i = 0; i < COUNTOF(taps); i++) {
        if (!str_eq(type, str_from(taps[i].type)))
            continue;
        event->detail = type;
        return taps[i].read(place, json_object_in(body, taps[i].type), event);
    }
    if (type.len == 0)
        return false;
    event->kind = EVENT_UNKNOWN;
    event->detail = arena_format(place->into, "interactive.%.*s", STR_ARG(type));
    return true;
}

/* A quick reply for which the template's sender gave no payload comes back by its words. */
static bool read_button(const struct whatsapp_place *place, const json_t *body,
                        struct event *event)
{
    event->kind = EVENT_CHOICE;
    event->choice = json_scalar(place->into, body, "payload");
    event->text = json_text(place->into, body, "text");
    if (event->choice.len == 0)
        event->choice = event->text;
    return event->choice.len > 0;
}

/* --- media -------------------------------------------------------------------------------- */

/* Meta writes base64 in deliveries and hex in look-ups; we keep the bytes. */
static struct str read_digest(struct arena *into, struct str text)
{
    uint8_t bytes[HASH_LEN];
    size_t len = 0;
    bool read = hex_parse(text, bytes, HASH_LEN);
    if (!read && text.len > 0) {
        read = sodium_base642bin(bytes, sizeof(bytes), text.at, text.len, NULL, &len, NULL,
                                 sodium_base64_VARIANT_ORIGINAL) == 0 &&
               len == HASH_LEN;
    }
    return read ? arena_str(into, (struct str){(const char *)bytes, HASH_LEN}) : STR_NONE;
}

static bool read_media(const struct whatsapp_place *place, enum media_kind kind,
                       const json_t *body, struct event *event)
{
    struct arena *into = place->into;
    struct media *media = arena_new(into, struct media);
    *media = (struct media){
        .kind = kind,
        .id = json_scalar(into, body, "id"),
        .url = json_text(into, body, "url"),
        .mime = json_text(into, body, "mime_type"),
        .sha256 = read_digest(into, json_text(into, body, "sha256")),
        .filename = json_text(into, body, "filename"),
        .caption = json_text(into, body, "caption"),
        .animated = json_bool(body, "animated", false),
    };
    event->kind = EVENT_MEDIA;
    event->media = media;
    event->text = media->caption;
    return media->id.len > 0;
}

static bool read_image(const struct whatsapp_place *place, const json_t *body,
                       struct event *event)
{
    return read_media(place, MEDIA_IMAGE, body, event);
}

static bool read_video(const struct whatsapp_place *place, const json_t *body,
                       struct event *event)
{
    return read_media(place, MEDIA_VIDEO, body, event);
}

static bool read_audio(const struct whatsapp_place *place, const json_t *body,
                       struct event *event)
{
    bool voice = json_bool(body, "voice", false);
    return read_media(place, voice ? MEDIA_VOICE : MEDIA_AUDIO, body, event);
}

static bool read_document(const struct whatsapp_place *place, const json_t *body,
                          struct event *event)
{
    return read_media(place, MEDIA_DOCUMENT, body, event);
}

static bool read_sticker(const struct whatsapp_place *place, const json_t *body,
                         struct event *event)
{
    return read_media(place, MEDIA_STICKER, body, event);
}

/* --- places, contacts, carts -------------------------------------------------------------- */

/* A number, or one written as text. NAN when it is neither or beyond `limit` degrees. */
static double read_degrees(struct arena *into, const json_t *body, const char *name,
                           double limit)
{
    const json_t *member = json_object_get(body, name);
    double degrees = json_is_number(member) ? json_number_value(member) : NAN;
    if (json_is_string(member)) {
        const char *text = arena_cstr(into, json_text(into, body, name));
        OWNED_JSON(number) = json_loads(text, JSON_DECODE_ANY, NULL);
        degrees = json_is_number(number) ? json_number_value(number) : NAN;
    }
    return degrees >= -limit && degrees <= limit ? degrees : NAN;
}

static struct str join(struct arena *into, struct str a, const char *between, struct str b)
{
    if (a.len == 0 || b.len == 0)
        return a.len > 0 ? a : b;
    return arena_format(into, "%.*s%s%.*s", STR_ARG(a), between, STR_ARG(b));
}

static bool read_location(const struct whatsapp_place *place, const json_t *body,
                          struct event *event)
{
    struct arena *into = place->into;
    event->kind = EVENT_LOCATION;
    event->latitude = read_degrees(into, body, "latitude", 90);
    event->longitude = read_degrees(into, body, "longitude", 180);
    event->place =
        join(into, json_text(into, body, "name"), ", ", json_text(into, body, "address"));
    return json_is_object(body);
}

static struct str contact_line(struct arena *into, const json_t *contact)
{
    const json_t *phone = json_array_get(json_array_in(contact, "phones"), 0);
    struct str name = json_text(into, json_object_in(contact, "name"), "formatted_name");
    return join(into, name, " ", json_text(into, phone, "phone"));
}

/* Who was sent, a line each: enough for a person to read; the delivery itself is kept. */
static bool read_shared_contacts(const struct whatsapp_place *place, const json_t *body,
                                 struct event *event)
{
    struct arena *into = place->into;
    size_t n = json_array_size(body), size = 0;
    event->kind = EVENT_CONTACTS;
    if (n == 0)
        return false;
    event->detail = json_text(into, json_array_get(body, 0), "origin");
    struct str *lines = arena_array(into, struct str, n);
    for (size_t i = 0; i < n; i++) {
        lines[i] = contact_line(into, json_array_get(body, i));
        size += lines[i].len + 1;
    }
    char *text = arena_alloc(into, size), *end = text;
    for (size_t i = 0; i < n; i++) {
        if (lines[i].len > 0)
            memcpy(end, lines[i].at, lines[i].len);
        end += lines[i].len;
        *end++ = '\n';
    }
    event->text = (struct str){text, size - 1};
    return true;
}

static bool read_order(const struct whatsapp_place *place, const json_t *body,
                       struct event *event)
{
    struct arena *into = place->into;
    const json_t *items = json_array_in(body, "product_items");
    event->kind = EVENT_ORDER;
    event->text = json_text(into, body, "text");
    event->detail = json_scalar(into, body, "catalog_id");
    event->detail2 = items ? json_write(into, items) : STR_NONE;
    return items != NULL;
}

/* --- about earlier messages --------------------------------------------------------------- */

/* Without an emoji the reaction was taken back. */
static bool read_reaction(const struct whatsapp_place *place, const json_t *body,
                          struct event *event)
{
    event->kind = EVENT_REACTION;
    event->context = json_scalar(place->into, body, "message_id");
    event->text = json_text(place->into, body, "emoji");
    return event->context.len > 0;
}

static bool read_revoke(const struct whatsapp_place *place, const json_t *body,
                        struct event *event)
{
    event->kind = EVENT_REVOKE;
    event->context = json_scalar(place->into, body, "original_message_id");
    return event->context.len > 0;
}

static bool read_edit(const struct whatsapp_place *place, const json_t *body,
                      struct event *event);

/* A number or a user id changed: the conversation follows the person. */
static bool read_system(const struct whatsapp_place *place, const json_t *body,
                        struct event *event)
{
    struct arena *into = place->into;
    struct whatsapp_place nowhere = {.into = into}; /* the contacts are of the old identity */
    struct str wa_id = json_scalar(into, body, "wa_id");
    if (wa_id.len == 0)
        wa_id = json_scalar(into, body, "new_wa_id");
    event->kind = EVENT_IDENTITY;
    event->detail = json_text(into, body, "type");
    event->text = json_text(into, body, "body");
    event->renamed = whatsapp_person(&nowhere, wa_id, json_scalar(into, body, "user_id"));
    if (person_address(&event->renamed).len > 0 ||
        str_eq(event->detail, STR("customer_identity_changed")))
        return true;
    event->kind = EVENT_OTHER;
    event->detail = arena_format(into, "system.%.*s", STR_ARG(event->detail));
    return true;
}

static bool read_unsupported(const struct whatsapp_place *place, const json_t *body,
                             struct event *event)
{
    event->kind = EVENT_UNSUPPORTED;
    event->detail = json_text(place->into, body, "type");
    return true;
}

/* --- the table ---------------------------------------------------------------------------- */

static const struct type_rule {
    const char *name;
    read_fn *read;
} types[] = {
    {"text",        read_text           },
    {"interactive", read_interactive    },
    {"button",      read_button         },
    {"image",       read_image          },
    {"video",       read_video          },
    {"audio",       read_audio          },
    {"voice",       read_audio          },
    {"document",    read_document       },
    {"sticker",     read_sticker        },
    {"location",    read_location       },
    {"contacts",    read_shared_contacts},
    {"reaction",    read_reaction       },
    {"order",       read_order          },
    {"edit",        read_edit           },
    {"revoke",      read_revoke         },
    {"system",      read_system         },
    {"unsupported", read_unsupported    },
};

static const struct type_rule *find_type(struct str name)
{
    for (size_t i = 0; i < COUNTOF(types); i++) {
        if (str_eq(name, str_from(types[i].name)))
            return &types[i];
    }
    return NULL;
}

/* The new content stands inside as a message of its own, without id; the picture or the words
 * are taken from it. An edit of an edit does not exist, so it is not followed. */
static bool read_edit(const struct whatsapp_place *place, const json_t *body,
                      struct event *event)
{
    struct arena *into = place->into;
    const json_t *message = json_object_in(body, "message");
    struct str type = json_text(into, message, "type");
    const struct type_rule *rule = find_type(type);
    struct event inner = {0};
    if (rule && rule->read != read_edit)
        rule->read(place, json_object_get(message, rule->name), &inner);
    event->kind = EVENT_EDIT;
    event->context = json_scalar(into, body, "original_message_id");
    event->text = inner.text;
    event->media = inner.media;
    event->detail = type;
    return event->context.len > 0;
}

static enum whatsapp_reading read_content(const struct whatsapp_place *place,
                                          const json_t *item, struct str type,
                                          struct event *event)
{
    const struct type_rule *rule = find_type(type);
    if (rule) {
        if (rule->read(place, json_object_get(item, rule->name), event)) {
            return event->kind == EVENT_UNKNOWN || event->kind == EVENT_OTHER ? WHATSAPP_UNKNOWN
                                                                              : WHATSAPP_READ;
        }
        if (event->detail.len == 0 || event->kind != EVENT_CHOICE)
            event->detail = type;
        event->kind = EVENT_UNSUPPORTED;
        return WHATSAPP_READ;
    }
    /* "unknown" with an error is how older versions say "unsupported" */
    event->kind = event->error ? EVENT_UNSUPPORTED : EVENT_UNKNOWN;
    event->detail = type;
    return event->error ? WHATSAPP_READ : WHATSAPP_UNKNOWN;
}

static void read_referral(struct arena *into, const json_t *item, struct event *event)
{
    const json_t *referral = json_object_in(item, "referral");
    event->referral = json_scalar(into, referral, "source_id");
    if (event->referral.len == 0)
        event->referral = json_text(into, referral, "source_url");
}

static void read_context(struct arena *into, const json_t *item, struct event *event)
{
    const json_t *context = json_object_in(item, "context");
    event->context = json_scalar(into, context, "id");
    event->forwarded = json_bool(context, "forwarded", false) ||
                       json_bool(context, "frequently_forwarded", false);
}

enum whatsapp_reading whatsapp_decode_message(const struct whatsapp_place *place,
                                              const json_t *item, struct event *event)
{
    struct arena *into = place->into;
    event->id = json_scalar(into, item, "id");
    event->at = whatsapp_time(item, "timestamp");
    event->from = whatsapp_person(place, json_scalar(into, item, "from"),
                                  json_scalar(into, item, "from_user_id"));
    if (event->id.len == 0 || person_address(&event->from).len == 0)
        return WHATSAPP_BROKEN;
    whatsapp_read_error(into, item, event);
    read_context(into, item, event);
    read_referral(into, item, event);
    enum whatsapp_reading reading =
        read_content(place, item, json_text(into, item, "type"), event);
    if (json_object_get(item, "group_id")) {
        event->kind = EVENT_OTHER;
        event->detail = STR("group_message");
    }
    return reading;
}
