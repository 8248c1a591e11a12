/*
 * Webhooks about our mails. Our key comes back in a tag, so that a mail is found even when the
 * answer to its sending was lost. Opens and clicks are passed over.
 */
#include "webhooks/resend_in.h"

#include "bot/base/json.h"
#include "webhooks/rfc3339.h"

#define SENT_TO_MAX 50
#define KEY_MAX     256
#define TIME_MAX    40

/* A tag's value has no dots, so the key was written with "_" for them. */
static struct str key_of(struct arena *into, const json_t *data)
{
    struct str tag = json_text(into, json_object_in(data, "tags"), "key");
    const json_t *list = json_array_in(data, "tags");

    for (size_t i = 0; i < json_array_size(list) && tag.len == 0; i++) {
        const json_t *one = json_array_get(list, i); /* as they are written when sending */
        if (str_eq(json_text(into, one, "name"), STR("key")))
            tag = json_text(into, one, "value");
    }
    if (tag.len > KEY_MAX)
        return STR_NONE;
    for (size_t i = 0; i < tag.len; i++) {
        if (tag.at[i] == '_')
            ((char *)tag.at)[i] = '.';
    }
    return tag;
}

/* "2026-11-20T14:13:20.000Z", and as a database writes it: "2026-11-20 15:13:20.25+01". What
 * names no zone is in UTC; 0 for anything else. */
static usec_t time_of(struct arena *into, struct str text)
{
    struct str date = str_slice(text, 0, 10);
    struct str clock = str_slice(text, 11, text.len);
    struct str zone;
    size_t n = 0;
    usec_t at;

    if (text.len > TIME_MAX || text.len < 19 || (text.at[10] != 'T' && text.at[10] != ' '))
        return 0;
    while (n < clock.len && strchr("0123456789:.", clock.at[n]) != NULL)
        n++;
    zone = str_trim(str_slice(clock, n, clock.len));
    clock.len = n;
    if (zone.len == 3) /* "+01" */
        zone = arena_concat(into, zone, STR(":00"));
    if (zone.len == 5) /* "+0100" */
        zone = arena_format(into, "%.3s:%.2s", zone.at, zone.at + 3);
    text = arena_format(into, "%.*sT%.*s%.*s", STR_ARG(date), STR_ARG(clock),
                        STR_ARG(zone.len > 0 ? zone : STR("Z")));
    return rfc3339_read(text, &at) ? at : 0;
}

/* --- our mails ---------------------------------------------------------------------------- */

struct meaning {
    const char *type;
    enum event_kind kind;
    enum delivery status;
    bool stops; /* and nothing more is to be sent there */
};

static const struct meaning meanings[] = {
    {"email.sent",             EVENT_STATUS, DELIVERY_SENT,      false},
    {"email.delivered",        EVENT_STATUS, DELIVERY_DELIVERED, false},
    {"email.delivery_delayed", EVENT_STATUS, DELIVERY_SENT,      false},
    {"email.bounced",          EVENT_STATUS, DELIVERY_FAILED,    true }, /* if for ever */
    {"email.failed",           EVENT_STATUS, DELIVERY_FAILED,    false},
    {"email.suppressed",       EVENT_STATUS, DELIVERY_FAILED,    true },
    {"email.complained",       EVENT_STATUS, DELIVERY_DELIVERED, true },
};

/* Done by a mailbox's scanners as often as by people, and many times for each mail. */
static bool is_noise(struct str type)
{
    return str_eq(type, STR("email.opened")) || str_eq(type, STR("email.clicked"));
}

static const struct meaning *meaning_of(struct str type)
{
    static const struct meaning other = {"", EVENT_OTHER, DELIVERY_QUEUED, false};

    for (size_t i = 0; i < COUNTOF(meanings); i++) {
        if (str_eq(type, str_from(meanings[i].type)))
            return &meanings[i];
    }
    return &other;
}

static struct str address_in(struct arena *into, const json_t *value)
{
    struct str text = json_is_string(value)
                          ? (struct str){json_string_value(value), json_string_length(value)}
                          : STR_NONE;
    struct str address;

    return mail_address(into, text, &address) ? address : STR_NONE;
}

/* "Permanent: never mail again"; what was for now or cannot be told is no end. */
static bool is_for_ever(struct arena *into, const json_t *data, struct str type)
{
    return !str_eq(type, STR("email.bounced")) ||
           str_eq(json_text(into, json_object_in(data, "bounce"), "type"), STR("Permanent"));
}

/* Why, for operators: words of Resend's own, never the server's, which quote addresses. */
static struct str reason_of(struct arena *into, const json_t *data)
{
    const json_t *bounce = json_object_in(data, "bounce");
    struct str text = json_text(into, json_object_in(data, "failed"), "reason");

    if (text.len == 0)
        text = json_text(into, json_object_in(data, "suppressed"), "type");
    if (text.len == 0 && bounce != NULL) {
        text = arena_format(into, "%.*s %.*s", STR_ARG(json_text(into, bounce, "type")),
                            STR_ARG(json_text(into, bounce, "subType")));
    }
    return str_cut(into, text, 100);
}

static void read_status(struct arena *into, const json_t *data, struct str type,
                        struct inbound_batch *batch)
{
    const struct meaning *meaning = meaning_of(type);
    struct event *event = &batch->events[0];
    struct str id = json_text(into, data, "email_id"), token;
    struct str from = address_in(into, json_object_get(data, "from"));

    if (id.len == 0)
        id = json_text(into, data, "id"); /* events about other things than mails */
    *event = (struct event){.kind = meaning->kind,
                            .account = mail_address_bare(into, from, &token),
                            .field = STR("mail"),
                            .id = arena_format(into, "%.*s:%.*s", STR_ARG(id), STR_ARG(type)),
                            .context = id,
                            .at = time_of(into, json_text(into, data, "created_at")),
                            .status = meaning->status,
                            .key = key_of(into, data),
                            .detail = type,
                            .error_text = reason_of(into, data)};
    event->from.email = address_in(into, json_array_get(json_array_in(data, "to"), 0));
    batch->n = 1;
    batch->unknown = meaning->kind == EVENT_OTHER;
    if (!meaning->stops || event->from.email.len == 0 || !is_for_ever(into, data, type))
        return;
    batch->events[1] = (struct event){.kind = EVENT_PREFERENCE,
                                      .account = event->account,
                                      .field = STR("mail"),
                                      .id = arena_format(into, "%.*s:stop", STR_ARG(event->id)),
                                      .at = event->at,
                                      .from = event->from,
                                      .key = event->key,
                                      .detail = STR("stop")};
    batch->n = 2;
}

/* --- mail for us -------------------------------------------------------------------------- */

static void add_recipients(struct arena *into, const json_t *list, struct str *found, size_t *n)
{
    for (size_t i = 0; i < json_array_size(list) && *n < SENT_TO_MAX; i++) {
        struct str address = address_in(into, json_array_get(list, i));
        if (address.len > 0)
            found[(*n)++] = address;
    }
}

/* The envelope's first: they are whom it was delivered for. */
static void read_recipients(struct arena *into, const json_t *data, struct resend_news *news)
{
    struct str *found = arena_array(into, struct str, SENT_TO_MAX);

    add_recipients(into, json_array_in(data, "received_for"), found, &news->n_sent_to);
    add_recipients(into, json_array_in(data, "to"), found, &news->n_sent_to);
    add_recipients(into, json_array_in(data, "cc"), found, &news->n_sent_to);
    add_recipients(into, json_array_in(data, "bcc"), found, &news->n_sent_to);
    news->sent_to = found;
}

bool resend_news(struct arena *into, struct str body, struct resend_news *news, struct err *err)
{
    OWNED_JSON(doc) = NULL;
    const json_t *data;
    struct str type;

    *news = (struct resend_news){0};
    if (!json_read(body, &doc, err))
        return false;
    type = json_text(into, doc, "type");
    data = json_object_in(doc, "data");
    if (type.len == 0 || type.len > 100 || data == NULL)
        return err_raise(err, ERR_REJECT, "no event of Resend's: type or data is missing");
    if (str_eq(type, STR("email.received"))) {
        news->received = json_text(into, data, "email_id");
        read_recipients(into, data, news);
        return news->received.len > 0 ||
               err_raise(err, ERR_REJECT, "a received mail without an id");
    }
    news->batch.events = arena_array(into, struct event, 2);
    if (!is_noise(type))
        read_status(into, data, type, &news->batch);
    return true;
}
