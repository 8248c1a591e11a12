/* From the intent, just committed, to the wire. */
#include "bot/lane/lanes_inside.h"

#include "bot/lane/mail_token.h"
#include "bot/loop/log.h"
#include "bot/turn/books.h"
#include "bot/view/link.h"
#include "bot/view/portal.h"

/* Of a broadcast's so many are put into words before the loop looks whether somebody who awaits
 * an answer has come. */
#define PATIENT_AT_ONCE 4

#define SEALED_GOOD (5 * USEC_PER_MIN) /* so long a code is good, and nobody wants it later */

/* Whether it may go to the wire; else it is settled without. */
static bool may_go(struct sending_row *row)
{
    struct lane *lane = row->lane;
    const struct channel_limits *limits = &lane->limits;
    usec_t now = clock_monotonic();
    usec_t wait;

    if (row->stopped) {
        count(COUNT_STOPPED, 1);
        sending_fail(row, 0, STR("stopped"));
        return false;
    }
    if (limits->window > 0 && row->message.reply->kind != REPLY_TEMPLATE &&
        clock_now() - row->last_inbound_at > limits->window) {
        count(COUNT_WINDOW_CLOSED, 1);
        sending_fail(row, 0, STR("service window closed"));
        return false;
    }
    wait = pairs_take(&lane->pairs, row->conversation, now, limits->pair_interval,
                      limits->pair_burst);
    if (wait > 0 || now > lane->lease_until || row->epoch != lane->epoch) {
        sending_put_off(row, OUTBOX_READY, wait); /* it was never on the wire */
        row->attempt--;
        return false;
    }
    return true;
}

/* What nobody but its reader may see lies sealed beside the row; the log has it masked. One
 * that waited too long is not sent at all: it would only confuse. */
bool sending_unseal(struct sending_row *row, struct str sealed, struct err *err)
{
    if (sealed.len == 0)
        return true;
    row->good_for = row->promised_at + SEALED_GOOD - clock_now();
    if (row->good_for <= 0)
        return err_raise(err, ERR_REJECT, "it waited until it was no longer good");
    return channel_open(&row->arena, lane_config(row->lane), sealed, &row->body, err);
}

static struct person recipient(const struct sending_row *row)
{
    if (row->lane->account->channel == CHANNEL_EMAIL)
        return (struct person){.email = row->address};
    if (str_eq(row->address, row->phone))
        return (struct person){.phone = row->phone};
    return (struct person){.user_id = row->address, .phone = row->phone};
}

#define LOCAL_MAX 64 /* what may stand before an at */

/* Our address with the conversation's token in it. */
static struct str answers_to(struct sending_row *row)
{
    struct str address = row->message.account;
    size_t at = str_find(address, STR("@"));
    struct str token = mail_token(&row->arena, lane_config(row->lane), row->conversation);

    if (token.len == 0 || at == address.len || at + 1 + token.len > LOCAL_MAX)
        return address;
    return arena_format(&row->arena, "%.*s+%.*s%.*s", (int)at, address.at, STR_ARG(token),
                        STR_ARG(str_slice(address, at, address.len)));
}

static struct str link_of(struct sending_row *row, enum link_kind kind, unsigned option)
{
    struct link link = {.org = row->lane->account->org,
                        .conversation = row->conversation,
                        .seq = row->seq,
                        .option = option};

    return link_make(&row->arena, lane_config(row->lane), kind, &link);
}

/* An address for each option, where one tap acts for it. */
static const struct str *taps_of(struct sending_row *row)
{
    size_t n = row->message.reply->n_options;
    struct str *taps = n > 0 ? arena_array(&row->arena, struct str, n) : NULL;

    for (size_t i = 0; i < n; i++)
        taps[i] = link_of(row, LINK_TAP, (unsigned)i);
    return taps;
}

/* The words are the newest book's: a face has none that a conversation would depend on. */
static struct face_ask ask_of(const struct sending_row *row, const struct reply *reply)
{
    struct face_ask ask = {
        .reply = reply,
        .words = book_words(books_newest(row->lane->lanes->worker->books)),
        .locale = {.lang = row->speaker.lang, .zone = STR("UTC")},
        .sender = row->speaker.sender,
        .code = row->secret,
        .answer = row->priority == 0
    };

    (void)lang_parse(reply->language, &ask.locale.lang); /* else the conversation's */
    return ask;
}

static void put_face(struct sending_row *row)
{
    struct lane *lane = row->lane;
    struct outbound *message = &row->message;
    struct face *face = arena_new(&row->arena, struct face);
    struct str name = lane_config(lane)->mail.from_name;
    bool mail = lane->account->channel == CHANNEL_EMAIL;
    struct face_ask ask = ask_of(row, message->reply);

    ask.plain_letters = message->plain_letters;
    message->unasked = !ask.answer;
    if (row->attachment.bytes.len > 0)
        ask.attached = row->attachment.name;
    if (mail) {
        message->from_name = name.len > 0 ? name : row->speaker.sender.name;
        message->reply_to = answers_to(row);
        ask.thread =
            message->thread != NULL && row->thread.subject.len > 0 ? &row->thread : NULL;
        ask.reply_to = message->reply_to;
        ask.taps = taps_of(row);
        if (message->unasked)
            ask.unsubscribe = link_of(row, LINK_UNSUBSCRIBE, 0);
        message->unsubscribe = ask.unsubscribe;
    }
    *face = lane->ways->face(&row->arena, &ask);
    message->face = face;
}

bool sending_compose(struct sending_row *row, struct err *err)
{
    struct lane *lane = row->lane;
    struct reply *reply = arena_new(&row->arena, struct reply);
    bool mail = lane->account->channel == CHANNEL_EMAIL;
    char conversation[UUID_TEXT_LEN + 1];

    if (!reply_from_json(&row->arena, row->body, reply, err))
        return false;
    reply->url =
        lane->account->channel == CHANNEL_SMS
            ? portal_short_address(&row->arena, lane_config(lane), lane->account->org,
                                   reply->url)
            : portal_address(&row->arena, lane_config(lane), lane->account->org, reply->url);
    if (row->media.len > 0)
        reply->media = row->media;
    if (row->speaker.file.shown)
        sending_show_file(row, reply);
    if (reply->by.len > 0) {
        struct face_ask ask = ask_of(row, reply);
        reply->body = face_said(&row->arena, &ask, lane->account->channel);
    }
    uuid_format(row->conversation, conversation);
    row->message = (struct outbound){
        .key = arena_format(&row->arena, "p1.%s.%lld", conversation, (long long)row->seq),
        .account = lane->account->external_id,
        .to = recipient(row),
        .good_for = row->good_for,
        .reply = reply,
        .thread = mail && row->priority != PRIORITY_BROADCAST ? &row->thread : NULL,
        .attachment = row->speaker.file.shown ? &row->attachment : NULL,
        .plain_letters =
            wish_or(row->speaker.plain_letters, lane_config(lane)->twilio.plain_letters),
        .mms = wish_or(row->speaker.mms, lane_config(lane)->twilio.mms)};
    if (lane->ways->face != NULL)
        put_face(row);
    return true;
}

static bool encode(struct sending_row *row, struct err *err)
{
    struct lane *lane = row->lane;

    return sending_compose(row, err) &&
           lane->ways->encode(&row->arena, lane_config(lane), lane->account, &row->message,
                              &row->request, err);
}

void sending_unsayable(struct sending_row *row, const struct err *err)
{
    log_event(LOG_ALERT, "outbox.unsayable", LOG_ID("conversation", row->conversation),
              LOG_I("seq", row->seq), LOG_ERR(err));
    sending_fail(row, 0, str_from(err->text));
}

void sending_go(struct sending_row *row)
{
    struct lane *lane = row->lane;
    const struct channel_limits *limits = &lane->limits;
    struct err err = {0};

    if (!encode(row, &err)) {
        sending_unsayable(row, &err);
        sending_ends(row);
        return;
    }
    if (!may_go(row)) {
        sending_ends(row);
        return;
    }
    if (row->request.cost > 1)
        bucket_owe(&lane->bucket, row->request.cost - 1);
    row->fetch = (struct fetch){.request = &row->request,
                                .connect_timeout = limits->connect_timeout,
                                .timeout = limits->timeout,
                                .body_max = limits->answer_max,
                                .into = &row->arena,
                                .until = lane->lease_until,
                                .done = sending_answered};
    row->wire = &row->fetch;
    fetcher_start(lane->lanes->worker->fetcher, &row->fetch);
}

/* The mail that this one answers. */
static void read_thread(struct sending_row *row, const PGresult *rows, int i)
{
    struct str id = row_text(rows, i, 13), before = row_text(rows, i, 14);

    if (row_null(rows, i, 13))
        return;
    row->thread = (struct mail_thread){
        .in_reply_to = arena_str(&row->arena, id),
        .references = arena_format(&row->arena, "%.*s%s%.*s", STR_ARG(before),
                                   before.len > 0 && id.len > 0 ? " " : "", STR_ARG(id)),
        .subject = arena_str(&row->arena, row_text(rows, i, 15))};
}

struct sending_row *sending_read(struct lane *lane, const PGresult *rows, int i,
                                 const PGresult *speakers)
{
    struct sending_row *row = sending_new(lane);

    row->conversation = row_uuid(rows, i, 0);
    row->seq = row_int(rows, i, 1);
    row->attempt = (int)row_int(rows, i, 2);
    row->repeats = (int)row_int(rows, i, 3);
    row->priority = (int)row_int(rows, i, 4);
    row->due_at = row_time(rows, i, 5);
    row->body = row_text(rows, i, 6); /* copied when it is read */
    row->address = arena_str(&row->arena, row_text(rows, i, 7));
    row->phone = arena_str(&row->arena, row_text(rows, i, 8));
    row->last_inbound_at = row_time(rows, i, 9);
    row->stopped = row_bool(rows, i, 10);
    row->secret = row_text(rows, i, 11).len > 0;
    row->promised_at = row_time(rows, i, 12);
    read_thread(row, rows, i);
    row->media = arena_str(&row->arena, row_text(rows, i, 16));
    if (speakers != NULL)
        speaker_read(&row->arena, speakers, row->conversation, row->seq, &row->speaker);
    sending_begins(row);
    return row;
}

static void send_row(struct lane *lane, const PGresult *rows, int i, const PGresult *speakers)
{
    struct sending_row *row = sending_read(lane, rows, i, speakers);
    struct err err = {0};

    if (!sending_unseal(row, row_text(rows, i, 11), &err)) {
        sending_unsayable(row, &err);
        sending_ends(row);
    } else if (row->speaker.file.shown && !row->stopped) {
        row->body = arena_str(&row->arena, row->body);
        sending_attach(row);
    } else if (row->priority == PRIORITY_BROADCAST) {
        row->body = arena_str(&row->arena, row->body);
        *lane->patient_last = row;
        lane->patient_last = &row->next;
    } else {
        sending_go(row);
    }
}

static void send_patient(struct loop_task *task)
{
    struct lane *lane = CONTAINER_OF(task, struct lane, patience);

    for (int n = 0; n < PATIENT_AT_ONCE && lane->patient != NULL; n++) {
        struct sending_row *row = lane->patient;
        lane->patient = row->next;
        if (lane->patient == NULL)
            lane->patient_last = &lane->patient;
        row->next = NULL;
        sending_go(row);
    }
    if (lane->patient != NULL)
        loop_post(&lane->lanes->worker->loop, task, send_patient);
}

void lane_send(struct lane *lane, const PGresult *rows, const PGresult *speakers)
{
    for (int i = 0; i < rows_n(rows); i++)
        send_row(lane, rows, i, speakers);
    if (lane->patient != NULL)
        loop_post(&lane->lanes->worker->loop, &lane->patience, send_patient);
}

void lane_forget_patient(struct lane *lane)
{
    loop_unpost(&lane->lanes->worker->loop, &lane->patience);
    while (lane->patient != NULL) {
        struct sending_row *row = lane->patient;
        lane->patient = row->next;
        sending_free(row);
    }
    lane->patient_last = &lane->patient;
}
