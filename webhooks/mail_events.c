/*
 * From a mail to its events. One that a person wrote is its words, or one event for each file
 * with the words at the first; one that a machine wrote is a status of ours, the end of a
 * consent, or a note.
 */
#include "webhooks/mail.h"

#include "webhooks/quotes.h"

#include <stdlib.h>

#define TEXT_MAX    ((size_t)32 << 10) /* of what is new */
#define QUOTED_MAX  ((size_t)8 << 10)
#define SUBJECT_MAX 500
#define NAME_MAX    200
#define LOGO_SIDE   160
#define LOGO_BYTES  ((size_t)8 << 10)

struct making {
    struct arena *into;
    const struct mail_rules *rules;
    const struct mail *mail;
    struct person from;
    struct mail_head *head;
    struct inbound_batch *batch;
};

static struct event *add(struct making *making, enum event_kind kind)
{
    struct inbound_batch *batch = making->batch;
    const struct mail *mail = making->mail;
    struct event *event = &batch->events[batch->n];

    *event = (struct event){.kind = kind,
                            .account = making->rules->account,
                            .field = STR("mail"),
                            .id = mail->id,
                            .at = mail->at,
                            .from = making->from};
    if (batch->n > 0)
        event->id = arena_format(making->into, "%.*s:%zu", STR_ARG(mail->id), batch->n);
    batch->n++;
    return event;
}

/* --- the head ----------------------------------------------------------------------------- */

static struct str field_or(const struct mail *mail, struct str given, const char *name)
{
    return given.len > 0 ? given : mail_header_get(&mail->headers, name);
}

static bool has_id(struct str ids, struct str id)
{
    return str_find(ids, id) < ids.len;
}

/* The newest of those named, oldest first, each once. */
static struct str references_of(struct arena *into, const struct mail *mail)
{
    struct str fields = arena_concat(into, mail_header_get(&mail->headers, "references"),
                                     STR(" "), mail_header_get(&mail->headers, "in-reply-to"));
    struct str found[MAIL_REFERENCES_MAX], id, all = STR_NONE;
    size_t n = 0;

    while (mail_next_id(&fields, &id)) {
        if (n > 0 && str_eq(found[(n - 1) % MAIL_REFERENCES_MAX], id))
            continue;
        found[n++ % MAIL_REFERENCES_MAX] = id;
    }
    for (size_t i = n > MAIL_REFERENCES_MAX ? n - MAIL_REFERENCES_MAX : 0; i < n; i++) {
        id = found[i % MAIL_REFERENCES_MAX];
        if (!has_id(all, id))
            all = arena_concat(into, all, all.len > 0 ? STR(" ") : STR(""), id);
    }
    return all;
}

/* Of the addresses that it was sent to the one that is ours, with the part behind the plus. */
static struct str token_of(const struct making *making)
{
    const struct mail *mail = making->mail;

    for (size_t i = 0; i < mail->n_sent_to; i++) {
        struct str address, token;
        if (mail_address(making->into, mail->sent_to[i], &address) &&
            str_eq(mail_address_bare(making->into, address, &token), making->rules->account) &&
            token.len > 0)
            return token;
    }
    return STR_NONE;
}

static struct mail_head *head_of(const struct making *making)
{
    const struct mail *mail = making->mail;
    struct mail_head *head = arena_new(making->into, struct mail_head);
    struct str rest = field_or(mail, mail->message_id, "message-id"), id;
    struct str subject = str_trim(field_or(mail, mail->subject, "subject"));

    if (mail_next_id(&rest, &id))
        head->message_id = arena_str(making->into, id);
    head->references = references_of(making->into, mail);
    head->subject = str_cut(making->into, str_sane(making->into, subject), SUBJECT_MAX);
    head->token = token_of(making);
    return head;
}

/* "Ana García" of "Ana García <ana@example.net>": for show only. */
static struct str name_of(struct arena *into, struct str from)
{
    struct str name = str_trim(str_slice(from, 0, str_find(from, STR("<"))));

    if (str_find(from, STR("<")) == from.len)
        return STR_NONE;
    if (name.len >= 2 && name.at[0] == '"' && name.at[name.len - 1] == '"')
        name = str_slice(name, 1, name.len - 2);
    return str_cut(into, str_sane(into, name), NAME_MAX);
}

/* --- what a person wrote ------------------------------------------------------------------ */

/* Whether it could be something to look at: no signatures, invitations or cards. */
static bool is_wanted(const struct mail_file *file)
{
    static const char *const not_wanted[] = {
        "text/calendar",     "text/vcard",         "text/x-vcard",    "message/",
        "application/pkcs7", "multipart/",         "application/ics", "application/x-pkcs7",
        "application/pgp-",  "application/ms-tnef"};
    bool logo = file->embedded &&
                ((file->width > 0 && (file->width <= LOGO_SIDE || file->height <= LOGO_SIDE)) ||
                 (file->size > 0 && file->size <= LOGO_BYTES));

    for (size_t i = 0; i < COUNTOF(not_wanted); i++) {
        if (str_starts(file->mime, str_from(not_wanted[i])))
            return false;
    }
    return !logo && file->id.len > 0;
}

static enum media_kind kind_of(struct str mime)
{
    return str_starts(mime, STR("image/"))   ? MEDIA_IMAGE
           : str_starts(mime, STR("audio/")) ? MEDIA_AUDIO
           : str_starts(mime, STR("video/")) ? MEDIA_VIDEO
                                             : MEDIA_DOCUMENT;
}

static void add_file(struct making *making, const struct mail_file *file, struct str words)
{
    struct event *event = add(making, EVENT_MEDIA);
    struct media *media = arena_new(making->into, struct media);

    *media = (struct media){.kind = kind_of(file->mime),
                            .id = file->id,
                            .mime = file->mime,
                            .filename = file->name,
                            .caption = words};
    event->media = media;
    event->text = words;
}

/* A long text's end, whole characters. */
static struct str bounded(struct arena *into, struct str text, size_t most)
{
    return text.len <= most ? text : str_sane(into, str_slice(text, 0, most));
}

/* The mail that this one answers, if it names one. */
static struct str answered(const struct mail *mail)
{
    struct str rest = mail_header_get(&mail->headers, "in-reply-to"), id;

    return mail_next_id(&rest, &id) ? id : STR_NONE;
}

static void add_written(struct making *making)
{
    const struct mail *mail = making->mail;
    struct quotes parts = quotes_split(making->into, mail->text);
    struct str words = bounded(making->into, parts.reply, TEXT_MAX);
    struct str context = answered(mail);
    bool doubtful = !mail_is_vouched(making->into, making->rules, &mail->headers,
                                     field_or(mail, mail->from, "from"), making->from.email);

    making->head->quoted = bounded(making->into, parts.history, QUOTED_MAX);
    for (size_t i = 0; i < mail->n_files && making->batch->n < MAIL_FILES_MAX; i++) {
        if (is_wanted(&mail->files[i]))
            add_file(making, &mail->files[i], making->batch->n == 0 ? words : STR_NONE);
    }
    if (making->batch->n == 0) { /* a first mail's subject may be all of it */
        struct event *event = add(making, EVENT_TEXT);
        event->text = words.len == 0 && context.len == 0 ? making->head->subject : words;
    }
    for (size_t i = 0; i < making->batch->n; i++) {
        struct event *event = &making->batch->events[i];
        event->mail = making->head;
        event->doubtful = doubtful;
        event->context = context;
    }
}

/* --- what a machine wrote ----------------------------------------------------------------- */

static void add_note(struct making *making, const char *what, const char *why)
{
    struct event *event = add(making, EVENT_OTHER);

    event->detail = str_from(what);
    event->detail2 = str_from(why);
}

static void add_stop(struct making *making, struct str address)
{
    struct event *event = add(making, EVENT_PREFERENCE);

    event->from = (struct person){.email = address};
    event->detail = STR("stop");
}

static void add_status(struct making *making, enum delivery status, struct str key)
{
    const struct mail_report *report = &making->mail->report;
    struct event *event = add(making, EVENT_STATUS);

    event->from = (struct person){.email = report->recipient};
    event->status = status;
    event->key = key;
    event->context = report->message_id;
    event->error = status == DELIVERY_FAILED ? report->code : 0;
}

/* A report about a mail of ours moves that mail; any other is a note. */
static bool add_report(struct making *making)
{
    const struct mail_report *report = &making->mail->report;
    struct str key;

    if (report->news == MAIL_NO_NEWS)
        return false;
    if (!mail_id_is_ours(report->message_id, &key)) {
        add_note(making, report->news == MAIL_COMPLAINT ? "complaint" : "bounce",
                 "about no mail of ours");
    } else if (report->news == MAIL_DELAYED || report->news == MAIL_RELAYED) {
        add_status(making, DELIVERY_SENT, key);
    } else {
        add_status(making,
                   report->news == MAIL_COMPLAINT ? DELIVERY_DELIVERED : DELIVERY_FAILED, key);
        if (report->news != MAIL_FAILED && report->recipient.len > 0)
            add_stop(making, report->recipient);
    }
    return true;
}

void mail_events(struct arena *into, const struct mail_rules *rules, const struct mail *mail,
                 struct inbound_batch *batch)
{
    struct making making = {.into = into, .rules = rules, .mail = mail, .batch = batch};
    struct str from = field_or(mail, mail->from, "from");
    const char *machine;

    *batch = (struct inbound_batch){.events = arena_array(into, struct event, MAIL_FILES_MAX)};
    if (mail_address(into, from, &making.from.email))
        making.from.name = name_of(into, from);
    making.head = head_of(&making);
    machine = mail_automatic(into, rules, mail, making.from.email);
    if (add_report(&making))
        return;
    if (machine != NULL) {
        add_note(&making, "automatic", machine);
    } else if (making.from.email.len == 0) {
        add_note(&making, "nobody", "no address to answer to");
    } else {
        add_written(&making);
    }
}
