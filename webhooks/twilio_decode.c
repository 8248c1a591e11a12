/*
 * What Twilio posts: messages that people sent, and what became of ours.
 *
 * The form has been read and its signature checked. New fields appear without notice and mean
 * nothing here. Who cannot be answered by SMS (a name in place of a number, a short code, a
 * WhatsApp address) makes no message: a machine writes from there, or a channel that is not
 * ours to speak on this way; it is recorded and passed over.
 */
#include "webhooks/twilio_parts.h"

#define FILES_MAX 10 /* "up to 10" */
#define SID_MAX   64

static struct str get(struct arena *into, const struct form *form, const char *name)
{
    return str_sane(into, form_get(form, name));
}

/* --- statuses ----------------------------------------------------------------------------- */

/* "Status set: accepted, scheduled, queued, sending, sent, delivered, undelivered, failed,
 * read, canceled": whatever is not an end says that Twilio has it. */
static enum delivery delivery_of(struct str status)
{
    if (str_eq(status, STR("delivered")))
        return DELIVERY_DELIVERED;
    if (str_eq(status, STR("read")))
        return DELIVERY_READ;
    if (str_eq(status, STR("failed")) || str_eq(status, STR("undelivered")) ||
        str_eq(status, STR("canceled")))
        return DELIVERY_FAILED;
    return DELIVERY_SENT;
}

bool twilio_decode_status(struct arena *into, const struct form *form, struct str key,
                          struct event *event, struct err *err)
{
    struct str sid = get(into, form, "MessageSid");
    struct str status = get(into, form, "MessageStatus");
    int64_t code = 0;

    if (sid.len == 0 || status.len == 0)
        return err_raise(err, ERR_REJECT, "a callback without MessageSid or MessageStatus");
    if (!str_to_int(form_get(form, "ErrorCode"), &code) || code < 0 || code > 999999)
        code = 0;
    *event =
        (struct event){.kind = EVENT_STATUS,
                       .account = get(into, form, "From"),
                       .business = get(into, form, "MessagingServiceSid"),
                       .field = STR("status"),
                       .id = arena_format(into, "%.*s:%.*s", STR_ARG(sid), STR_ARG(status)),
                       .context = sid,
                       .from = {.phone = get(into, form, "To")},
                       .status = delivery_of(status),
                       .error = (int)code,
                       .key = arena_str(into, str_sane(into, key))};
    return true;
}

/* --- who writes --------------------------------------------------------------------------- */

static bool is_number(struct str text, size_t from, size_t least, size_t most)
{
    if (text.len < from + least || text.len > from + most)
        return false;
    for (size_t i = from; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return true;
}

/* E.164: a short code has no plus. */
static bool is_phone(struct str text)
{
    return text.len > 0 && text.at[0] == '+' && is_number(text, 1, 5, 15);
}

/* Why nobody is answered there; NULL: somebody is. */
static const char *why_unsupported(struct str from, struct str to)
{
    if (str_starts(from, STR("whatsapp:")) || str_starts(to, STR("whatsapp:")))
        return "twilio.whatsapp";
    if (is_phone(from))
        return NULL;
    if (is_number(from, 0, 3, 8))
        return "twilio.short_code";
    if (str_find(from, STR(":")) < from.len)
        return "twilio.channel";
    return "twilio.name";
}

/* "whatsapp:+14155550100" is the business's as "+14155550100" is. */
static struct str bare(struct str address)
{
    size_t colon = str_find(address, STR(":"));

    return colon < address.len ? str_slice(address, colon + 1, address.len) : address;
}

/* --- files -------------------------------------------------------------------------------- */

static enum media_kind kind_of(struct str mime)
{
    if (str_starts(mime, STR("image/")))
        return MEDIA_IMAGE;
    if (str_starts(mime, STR("video/")))
        return MEDIA_VIDEO;
    if (str_starts(mime, STR("audio/")))
        return MEDIA_AUDIO;
    return MEDIA_DOCUMENT;
}

/* ".../Messages/MM.../Media/ME..." is known by its two ids: where it is fetched is ours to say,
 * and no address that came in is ever called. Nothing when it is not of this form. */
static struct str handle_of(struct arena *into, struct str url)
{
    size_t at = str_find(url, STR("/Messages/"));
    struct str rest = str_slice(url, at + strlen("/Messages/"), url.len);
    size_t middle = str_find(rest, STR("/Media/"));
    struct str message = str_slice(rest, 0, middle);
    struct str media = str_slice(rest, middle + strlen("/Media/"), rest.len);

    if (!twilio_is_word(message) || !twilio_is_word(media))
        return STR_NONE;
    return arena_format(into, "%.*s/%.*s", STR_ARG(message), STR_ARG(media));
}

static struct str numbered(struct arena *into, const struct form *form, const char *name,
                           size_t i)
{
    return get(into, form, arena_format(into, "%s%zu", name, i).at);
}

/* What holds an MMS together is nothing that anybody sent. */
static bool is_layout(struct str mime)
{
    return str_starts(mime, STR("application/smil"));
}

static void read_file(struct arena *into, const struct form *form, size_t i,
                      struct inbound_batch *batch, const struct event *head)
{
    struct str mime = numbered(into, form, "MediaContentType", i);
    struct str url = numbered(into, form, "MediaUrl", i);
    struct event *event = &batch->events[batch->n];
    struct media *media;

    if (url.len == 0 || is_layout(mime))
        return;
    media = arena_new(into, struct media);
    *media = (struct media){.kind = kind_of(mime), .id = handle_of(into, url), .mime = mime};
    *event = *head;
    event->kind = EVENT_MEDIA;
    event->media = media;
    if (batch->n > 0) { /* the words are said once */
        event->id = arena_format(into, "%.*s:%zu", STR_ARG(head->id), batch->n);
        event->text = STR_NONE;
    }
    media->caption = event->text;
    batch->n++;
}

static void read_files(struct arena *into, const struct form *form, struct inbound_batch *batch,
                       const struct event *head)
{
    int64_t n = 0;

    if (!str_to_int(form_get(form, "NumMedia"), &n))
        return;
    for (size_t i = 0; i < FILES_MAX && (int64_t)i < n; i++)
        read_file(into, form, i, batch, head);
}

/* --- messages ----------------------------------------------------------------------------- */

/* "Twilio has then already answered and blocked: do not reply". */
static bool read_opt_out(struct str type, struct event *event)
{
    if (str_eq(type, STR("STOP")) || str_eq(type, STR("START"))) {
        event->kind = EVENT_PREFERENCE;
        event->detail = str_eq(type, STR("STOP")) ? STR("stop") : STR("resume");
    } else if (type.len > 0) {
        event->kind = EVENT_OTHER;
        event->detail = STR("twilio.help");
    }
    return type.len > 0;
}

static void read_message(struct arena *into, const struct form *form,
                         struct inbound_batch *batch, struct event *head)
{
    const char *unsupported = why_unsupported(head->from.phone, get(into, form, "To"));

    if (unsupported != NULL) {
        head->kind = EVENT_OTHER;
        head->detail = str_from(unsupported);
        head->from = (struct person){.name = bare(head->from.phone)};
    } else if (!read_opt_out(form_get(form, "OptOutType"), head)) {
        read_files(into, form, batch, head);
    }
    if (batch->n == 0)
        batch->events[batch->n++] = *head;
}

bool twilio_decode(struct arena *into, const struct form *form, struct inbound_batch *batch,
                   struct err *err)
{
    struct str sid = get(into, form, "MessageSid");
    struct str to = get(into, form, "To");
    struct event head = {.kind = EVENT_TEXT,
                         .account = bare(to),
                         .business = get(into, form, "MessagingServiceSid"),
                         .field = STR("message"),
                         .id = sid,
                         .from = {.phone = get(into, form, "From")},
                         .text = get(into, form, "Body")};

    *batch = (struct inbound_batch){.events = arena_array(into, struct event, FILES_MAX)};
    if (sid.len == 0 || sid.len > SID_MAX || head.account.len == 0 || head.from.phone.len == 0)
        return err_raise(err, ERR_REJECT, "a message without MessageSid, From or To");
    read_message(into, form, batch, &head);
    return true;
}
