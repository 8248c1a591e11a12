/*
 * A delivery becomes events.
 *
 * The document is walked once: entries, their changes, the items of each change. What a level
 * does not recognise is counted as broken there and the walk goes on, so a bad item costs
 * itself and nothing else. jansson's tree never leaves this file's call: every text that an
 * event keeps is a copy in the arena.
 */
#include "webhooks/whatsapp_parts.h"

#include "bot/base/crypto.h"

#include <limits.h>

struct delivery_reader {
    struct whatsapp_place place;
    struct inbound_batch *batch;
    size_t room;
    bool overflow; /* more items than we are willing to hold */
};

/* --- the batch ---------------------------------------------------------------------------- */

static bool count_item(struct delivery_reader *reader)
{
    reader->overflow |= reader->batch->n + reader->batch->broken >= WHATSAPP_ITEMS_MAX;
    return !reader->overflow;
}

static void add_broken(struct delivery_reader *reader)
{
    if (count_item(reader))
        reader->batch->broken++;
}

static void add(struct delivery_reader *reader, const struct event *event,
                enum whatsapp_reading reading)
{
    struct inbound_batch *batch = reader->batch;
    if (reading == WHATSAPP_BROKEN) {
        add_broken(reader);
        return;
    }
    if (!count_item(reader))
        return;
    batch->events = arena_more(reader->place.into, batch->events, batch->n, &reader->room);
    batch->events[batch->n++] = *event;
    batch->unknown += reading == WHATSAPP_UNKNOWN;
}

static struct event new_event(const struct delivery_reader *reader, enum event_kind kind)
{
    const struct whatsapp_place *place = &reader->place;
    return (struct event){
        .kind = kind,
        .account = place->account,
        .business = place->business,
        .field = place->field,
        .at = place->at,
    };
}

/* What has no id of its own is known by its content: a repeated delivery repeats the bytes. The
 * entry's time keeps a change from being taken for the same change of last week. */
static struct str content_id(const struct delivery_reader *reader, struct str content,
                             size_t index)
{
    const struct whatsapp_place *place = &reader->place;
    struct str number = arena_format(place->into, "%zu", index);
    const struct str parts[] = {place->business, place->time, place->field, content, number};
    struct hash16 hash = hash16_of(parts, COUNTOF(parts));
    char hex[2 * HASH16_LEN + 1];
    hex_format(hash.bytes, HASH16_LEN, hex);
    return arena_str(place->into, str_from(hex));
}

/* --- times and errors --------------------------------------------------------------------- */

#define LAST_SECOND 253402300799 /* of the year 9999: what RFC 3339 can write */

usec_t whatsapp_time(const json_t *object, const char *name)
{
    int64_t seconds = json_int(object, name, 0);
    if (seconds <= 0 || seconds > LAST_SECOND)
        return 0;
    return seconds * USEC_PER_SEC;
}

static void read_error(struct arena *into, const json_t *error, struct event *event)
{
    int64_t code = json_int(error, "code", 0);
    event->error = code < INT_MIN || code > INT_MAX ? 0 : (int)code;
    struct str title = json_text(into, error, "title");
    if (title.len == 0)
        title = json_text(into, error, "message");
    struct str details = json_text(into, json_object_in(error, "error_data"), "details");
    if (details.len == 0)
        details = json_text(into, error, "details");
    if (title.len == 0 || details.len == 0 || str_eq(title, details)) {
        event->error_text = title.len > 0 ? title : details;
    } else {
        event->error_text = arena_format(into, "%.*s: %.*s", STR_ARG(title), STR_ARG(details));
    }
}

void whatsapp_read_error(struct arena *into, const json_t *object, struct event *event)
{
    read_error(into, json_array_get(json_array_in(object, "errors"), 0), event);
}

/* --- field "messages" --------------------------------------------------------------------- */

static void read_messages(struct delivery_reader *reader, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array) && !reader->overflow; i++) {
        struct event event = new_event(reader, EVENT_UNKNOWN);
        event.at = 0;
        enum whatsapp_reading reading =
            whatsapp_decode_message(&reader->place, json_array_get(array, i), &event);
        add(reader, &event, reading);
    }
}

static const struct {
    const char *name;
    enum delivery delivery;
} statuses[] = {
    {"sent",      DELIVERY_SENT     },
    {"delivered", DELIVERY_DELIVERED},
    {"read",      DELIVERY_READ     },
    {"failed",    DELIVERY_FAILED   },
    {"played",    DELIVERY_PLAYED   },
    {"deleted",   DELIVERY_DELETED  },
};

static bool find_status(struct str name, enum delivery *delivery)
{
    for (size_t i = 0; i < COUNTOF(statuses); i++) {
        if (!str_eq(name, str_from(statuses[i].name)))
            continue;
        *delivery = statuses[i].delivery;
        return true;
    }
    return false;
}

/* In a group each participant has a status of the one message, and the id must say whose. */
static void read_recipient(const struct whatsapp_place *place, const json_t *item,
                           struct event *event)
{
    struct arena *into = place->into;
    if (!str_eq(json_text(into, item, "recipient_type"), STR("group"))) {
        event->from = whatsapp_person(place, json_scalar(into, item, "recipient_id"),
                                      json_scalar(into, item, "recipient_user_id"));
        return;
    }
    event->detail = STR("group");
    event->from = whatsapp_person(place, json_scalar(into, item, "recipient_participant_id"),
                                  json_scalar(into, item, "recipient_participant_user_id"));
    struct str participant = person_address(&event->from);
    event->id = arena_format(into, "%.*s:%.*s", STR_ARG(event->id), STR_ARG(participant));
}

/* Payments and calls report in the same array; their "failed" is not our message's. */
static bool is_message_status(struct arena *into, const json_t *item)
{
    struct str type = json_text(into, item, "type");
    return type.len == 0 || str_eq(type, STR("message"));
}

static enum whatsapp_reading read_status(const struct whatsapp_place *place, const json_t *item,
                                         struct event *event)
{
    struct arena *into = place->into;
    struct str id = json_scalar(into, item, "id");
    struct str status = json_text(into, item, "status");
    if (id.len == 0 || status.len == 0)
        return WHATSAPP_BROKEN;
    event->id = arena_format(into, "%.*s:%.*s", STR_ARG(id), STR_ARG(status));
    event->context = id;
    event->at = whatsapp_time(item, "timestamp");
    event->key = json_text(into, item, "biz_opaque_callback_data");
    whatsapp_read_error(into, item, event);
    read_recipient(place, item, event);
    if (is_message_status(into, item) && find_status(status, &event->status))
        return WHATSAPP_READ;
    event->kind = EVENT_OTHER;
    event->detail = arena_format(into, "status.%.*s", STR_ARG(status));
    return WHATSAPP_UNKNOWN;
}

static void read_statuses(struct delivery_reader *reader, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array) && !reader->overflow; i++) {
        struct event event = new_event(reader, EVENT_STATUS);
        enum whatsapp_reading reading =
            read_status(&reader->place, json_array_get(array, i), &event);
        add(reader, &event, reading);
    }
}

/* Errors of the number itself: rate, access, a message that Meta could not put into words. */
static void read_account_errors(struct delivery_reader *reader, const json_t *value)
{
    const json_t *array = json_array_in(value, "errors");
    struct str content = array ? json_write(reader->place.into, value) : STR_NONE;
    for (size_t i = 0; i < json_array_size(array) && !reader->overflow; i++) {
        const json_t *item = json_array_get(array, i);
        struct event event = new_event(reader, EVENT_ACCOUNT);
        read_error(reader->place.into, item, &event);
        event.id = content_id(reader, content, i);
        event.detail = reader->place.field;
        event.detail2 = STR("error");
        add(reader, &event, json_is_object(item) ? WHATSAPP_READ : WHATSAPP_BROKEN);
    }
}

static void add_other(struct delivery_reader *reader, const json_t *value, bool known)
{
    struct event event = new_event(reader, EVENT_OTHER);
    event.id = content_id(reader, json_write(reader->place.into, value), 0);
    event.detail = reader->place.field;
    add(reader, &event, known ? WHATSAPP_READ : WHATSAPP_UNKNOWN);
}

static void read_field_messages(struct delivery_reader *reader, const json_t *value)
{
    static const char *const names[] = {"messages", "statuses", "errors"};
    bool any = false;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        const json_t *member = json_object_get(value, names[i]);
        any |= member != NULL;
        if (member && !json_is_array(member))
            add_broken(reader);
    }
    read_messages(reader, json_array_in(value, "messages"));
    read_statuses(reader, json_array_in(value, "statuses"));
    read_account_errors(reader, value);
    if (!json_is_object(value)) {
        add_broken(reader);
    } else if (!any) {
        add_other(reader, value, false);
    }
}

/* --- the other fields --------------------------------------------------------------------- */

static void read_preference(struct delivery_reader *reader, const json_t *item)
{
    struct arena *into = reader->place.into;
    struct event event = new_event(reader, EVENT_PREFERENCE);
    event.from = whatsapp_person(&reader->place, json_scalar(into, item, "wa_id"),
                                 json_scalar(into, item, "user_id"));
    if (person_address(&event.from).len == 0) {
        add_broken(reader);
        return;
    }
    event.id = content_id(reader, json_write(into, item), 0);
    event.at = whatsapp_time(item, "timestamp");
    event.text = json_text(into, item, "detail");
    event.detail = json_text(into, item, "value");
    event.detail2 = json_text(into, item, "category");
    bool known = str_eq(event.detail, STR("stop")) || str_eq(event.detail, STR("resume"));
    if (!known)
        event.kind = EVENT_OTHER;
    add(reader, &event, known ? WHATSAPP_READ : WHATSAPP_UNKNOWN);
}

static void read_field_preferences(struct delivery_reader *reader, const json_t *value)
{
    const json_t *array = json_array_in(value, "user_preferences");
    if (!array)
        add_broken(reader);
    for (size_t i = 0; i < json_array_size(array) && !reader->overflow; i++)
        read_preference(reader, json_array_get(array, i));
}

/* Why a template was rejected or paused, in the fullest words given; "NONE" is no reason. */
static struct str template_reason(struct arena *into, const json_t *value)
{
    struct str reason = json_text(into, json_object_in(value, "rejection_info"), "reason");
    if (reason.len == 0)
        reason = json_text(into, json_object_in(value, "other_info"), "description");
    if (reason.len == 0)
        reason = json_text(into, value, "reason");
    return str_eq(reason, STR("NONE")) ? STR_NONE : reason;
}

static void read_template(struct delivery_reader *reader, const json_t *value, const char *news)
{
    struct arena *into = reader->place.into;
    struct event event = new_event(reader, EVENT_TEMPLATE);
    event.detail = json_scalar(into, value, "message_template_name");
    if (event.detail.len == 0) {
        add_broken(reader);
        return;
    }
    event.id = content_id(reader, json_write(reader->place.into, value), 0);
    event.language = json_text(into, value, "message_template_language");
    event.detail2 = news ? json_text(into, value, news) : STR("components");
    event.error_text = template_reason(into, value);
    add(reader, &event, WHATSAPP_READ);
}

/* The whole value goes along as words for operators: these are rare and each is different. */
static void read_account(struct delivery_reader *reader, const json_t *value, const char *news)
{
    struct arena *into = reader->place.into;
    struct event event = new_event(reader, EVENT_ACCOUNT);
    event.error_text = json_write(into, value);
    event.id = content_id(reader, event.error_text, 0);
    event.detail = reader->place.field;
    event.detail2 = news ? json_scalar(into, value, news) : STR_NONE;
    add(reader, &event, WHATSAPP_READ);
}

enum field_kind {
    FIELD_MESSAGES,
    FIELD_PREFERENCES,
    FIELD_TEMPLATE,
    FIELD_ACCOUNT,
    FIELD_OTHER
};

/* Fields that are OTHER here are those that we know and have no use for. */
static const struct field_rule {
    const char *name;
    enum field_kind kind;
    const char *news; /* the member that says what is new */
} fields[] = {
    {"messages",                           FIELD_MESSAGES,    NULL               },
    {"user_preferences",                   FIELD_PREFERENCES, NULL               },
    {"message_template_status_update",     FIELD_TEMPLATE,    "event"            },
    {"template_category_update",           FIELD_TEMPLATE,    "new_category"     },
    {"message_template_quality_update",    FIELD_TEMPLATE,    "new_quality_score"},
    {"message_template_components_update", FIELD_TEMPLATE,    NULL               },
    {"account_update",                     FIELD_ACCOUNT,     "event"            },
    {"account_review_update",              FIELD_ACCOUNT,     "decision"         },
    {"account_alerts",                     FIELD_ACCOUNT,     "alert_type"       },
    {"account_settings_update",            FIELD_ACCOUNT,     "type"             },
    {"business_capability_update",         FIELD_ACCOUNT,     NULL               },
    {"business_status_update",             FIELD_ACCOUNT,     "event"            },
    {"phone_number_quality_update",        FIELD_ACCOUNT,     "event"            },
    {"phone_number_name_update",           FIELD_ACCOUNT,     "decision"         },
    {"security",                           FIELD_ACCOUNT,     "event"            },
    {"calls",                              FIELD_OTHER,       NULL               },
    {"flows",                              FIELD_OTHER,       NULL               },
    {"history",                            FIELD_OTHER,       NULL               },
    {"message_echoes",                     FIELD_OTHER,       NULL               },
    {"smb_message_echoes",                 FIELD_OTHER,       NULL               },
    {"smb_app_state_sync",                 FIELD_OTHER,       NULL               },
    {"group_lifecycle_update",             FIELD_OTHER,       NULL               },
    {"group_participants_update",          FIELD_OTHER,       NULL               },
    {"group_settings_update",              FIELD_OTHER,       NULL               },
    {"group_status_update",                FIELD_OTHER,       NULL               },
};

static const struct field_rule *find_field(struct str name)
{
    for (size_t i = 0; i < COUNTOF(fields); i++) {
        if (str_eq(name, str_from(fields[i].name)))
            return &fields[i];
    }
    return NULL;
}

static void read_field(struct delivery_reader *reader, const json_t *value)
{
    const struct field_rule *rule = find_field(reader->place.field);
    switch (rule ? rule->kind : FIELD_OTHER) {
    case FIELD_MESSAGES:
        read_field_messages(reader, value);
        return;
    case FIELD_PREFERENCES:
        read_field_preferences(reader, value);
        return;
    case FIELD_TEMPLATE:
        read_template(reader, value, rule->news);
        return;
    case FIELD_ACCOUNT:
        read_account(reader, value, rule->news);
        return;
    case FIELD_OTHER:
        add_other(reader, value, rule != NULL);
        return;
    }
}

/* --- the walk ----------------------------------------------------------------------------- */

static void read_change(struct delivery_reader *reader, const json_t *change)
{
    struct whatsapp_place *place = &reader->place;
    const json_t *value = json_object_get(change, "value");
    place->field = json_text(place->into, change, "field");
    if (place->field.len == 0 || !value) {
        add_broken(reader);
        return;
    }
    place->account =
        json_scalar(place->into, json_object_in(value, "metadata"), "phone_number_id");
    if (place->account.len == 0)
        place->account = place->business;
    whatsapp_read_contacts(place, value);
    read_field(reader, value);
}

static void read_entry(struct delivery_reader *reader, const json_t *entry)
{
    struct whatsapp_place *place = &reader->place;
    const json_t *changes = json_array_in(entry, "changes");
    place->business = json_scalar(place->into, entry, "id");
    place->time = json_scalar(place->into, entry, "time");
    place->at = whatsapp_time(entry, "time");
    if (place->business.len == 0 || !changes) {
        add_broken(reader);
        return;
    }
    for (size_t i = 0; i < json_array_size(changes) && !reader->overflow; i++)
        read_change(reader, json_array_get(changes, i));
}

bool whatsapp_decode(struct arena *into, struct str body, struct inbound_batch *batch,
                     struct err *err)
{
    *batch = (struct inbound_batch){0};
    OWNED_JSON(document) = NULL;
    if (!json_read(body, &document, err))
        return err_wrap(err, "WhatsApp delivery");
    if (!str_eq(json_text(into, document, "object"), STR("whatsapp_business_account"))) {
        return err_raise(err, ERR_REJECT,
                         "WhatsApp delivery: its object is no whatsapp_business_account");
    }
    const json_t *entries = json_array_in(document, "entry");
    if (!entries)
        return err_raise(err, ERR_REJECT, "WhatsApp delivery: it has no entries");
    struct delivery_reader reader = {.place.into = into, .batch = batch};
    for (size_t i = 0; i < json_array_size(entries) && !reader.overflow; i++)
        read_entry(&reader, json_array_get(entries, i));
    if (!reader.overflow)
        return true;
    *batch = (struct inbound_batch){0};
    return err_raise(err, ERR_REJECT, "WhatsApp delivery: more than %d items",
                     WHATSAPP_ITEMS_MAX);
}
