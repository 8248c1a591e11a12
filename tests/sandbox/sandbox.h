/*
 * The WhatsApp Cloud API and Twilio, played: what the sandbox's own files share.
 *
 *     main.c       options, start and stop
 *     graph.c      the Graph API: messages, media, templates, numbers
 *     twilio.c     Twilio: SMS, and what their statuses look like
 *     sms_in.c     what people text
 *     sms_read.c   messages, when Twilio is asked for them
 *     resend.c     Resend: mails
 *     mail_in.c    what people mail, and what Resend tells of mails
 *     mail_seen.c  what a mail program does with a mail
 *     smtp.c       a mail server, for what leaves by SMTP; smtp_tls.c, smtp_check.c
 *     mime_in.c    a mail that came by SMTP, read
 *     mime_out.c   a person's mail as bytes
 *     crm.c        a CRM that is told of events; crm_push.c: and tells of its own
 *     stripe.c     Stripe: links to pay, refunds; stripe_*.c
 *     control.c    what tests and the phone page ask for
 *     chats.c      people, what was said in their chats, and who watches
 *     callbacks.c  webhooks that we owe the service, until it has answered 200
 *     media.c      files that were sent either way
 *     answer.c     answers that wait: for the disk, for a delay, or for ever
 *     finding.c    what a request did wrong, kept to be looked at
 *     validate.c, schema.c, faults.c   pure
 *     journal.c    the promise: recorded before it is answered
 *
 * The service knows nothing of this: it sees a Graph API and signed webhooks.
 */
#pragma once

#include "bot/net/fetch.h"
#include "bot/net/http.h"
#include "tests/sandbox/description.h"
#include "tests/sandbox/faults.h"
#include "tests/sandbox/journal.h"

#include <jansson.h>

#define NUMBERS_MAX 16

struct number {
    const char *id;
    const char *display; /* digits */
};

struct settings {
    int port;
    const char *webhook_url;
    const char *app_secret;
    const char *token;
    const char *waba;
    struct number numbers[NUMBERS_MAX]; /* the first is the phone page's */
    size_t n_numbers;
    const char *journal;
    const char *media_dir;
    const char *people;
    const char *openapi;
    const char *twilio_openapi;
    const char *twilio_sid; /* without them every call is refused */
    const char *twilio_token;
    const char *sms_number; /* E.164 */
    const char *resend_openapi;
    const char *resend_key;    /* without it every call is refused */
    const char *resend_secret; /* "whsec_..."; without it nothing is told of mails */
    const char *mail_address;  /* the business's, that people write to */
    int smtp_port;             /* 0: none */
    const char *smtp_cert;     /* STARTTLS is wanted, with the certificate written here */
    const char *smtp_user;     /* signing in is wanted */
    const char *smtp_password;
    const char *stripe_openapi;
    const char *stripe_key;    /* without it every call is refused */
    const char *stripe_secret; /* signs what Stripe tells */
    const char *crm_secret;    /* "whsec_...", of a CRM; without it there is none */
    const char *crm_source;    /* for whom it speaks; without it, it tells nothing */
    const char *mail_token;    /* a gateway's, for /webhooks/mail/ADDRESS */
    const char *business;      /* the name over the page's chat */
    int64_t delivered_ms;      /* after the answer; below 0: never */
    int64_t read_ms;           /* below 0: only when the page looks */
    bool fast;                 /* nothing is kept and nothing is called back */
    bool user_ids;             /* people with a number show their user id, too */
};

struct owed;
struct chatter;

/* Callbacks of one person leave one after the other: messages in one lane, statuses in
 * another, and so for each provider, so that "delivered" never holds up what the person says
 * next. */
struct lane {
    struct owed *first;
    struct owed **last;
};

enum {
    LANE_MESSAGES,
    LANE_STATUSES,
    LANE_SMS_MESSAGES,
    LANE_SMS_STATUSES,
    LANE_MAIL_MESSAGES,
    LANE_MAIL_STATUSES,
    LANES
};

struct chatter {
    struct chatter *next;
    char who[160];  /* the phone with its plus, else the user id */
    char phone[24]; /* with its plus, or empty */
    char user_id[160];
    char mail[160]; /* small letters, or empty */
    char name[128];
    bool sms_stopped; /* Twilio refuses what the business sends */
    bool no_mailbox;  /* mails bounce */
    bool away;        /* each mail is answered by a machine */
    json_t *about;    /* as the page shows them */
    json_t *log;      /* entries, oldest first */
    usec_t wrote_at;  /* the last message from them; 0: never here */
    usec_t typing_until;
    usec_t pair_free_at; /* when the pair's allowance is whole again */
    struct lane lanes[LANES];
};

struct watcher;

struct sandbox {
    struct loop loop;
    struct settings settings;
    struct http_handler handler;
    struct http_server *server;
    struct fetcher *fetcher;
    struct journal *journal;
    struct faults faults;
    struct description openapi;
    struct description twilio_openapi;
    struct description resend_openapi;
    struct description stripe_openapi;
    struct stripe_play *stripe; /* stripe.h */
    char base_url[64];

    json_t *index; /* who, phone or user id -> pointer to the person, as an integer */
    struct chatter *people;
    struct chatter **last_person;
    struct watcher *watchers;
    int64_t version; /* grows with every change of a chat */

    int64_t next_n; /* of messages and callbacks, never used twice */
    json_t *templates;
    json_t *media; /* id -> {mime, file, size, sha256, filename} */

    json_t *findings;       /* the last hundred messages that were wrong */
    uint64_t n_findings;    /* hand-written rules */
    uint64_t n_undescribed; /* not as the published description says */
    uint64_t n_arrived;     /* messages taken */
    uint64_t n_sms;         /* SMS taken */
    uint64_t n_mail;        /* mails taken */
    uint64_t n_batches;     /* of these mails, requests that brought several */
    uint64_t n_mail_again;  /* answered as before, under the same key */
    uint64_t n_repeated;    /* with a key that was taken before */
    uint64_t n_receipts;
    uint64_t n_uploads;    /* files that the service gave us */
    uint64_t n_answers[6]; /* by hundreds of the status; [0]: none given */
    uint64_t n_callbacks;  /* answered 200 */
    uint64_t n_callback_failures;
    uint64_t n_callbacks_lost;
    uint64_t n_owed;
    struct owed *owed; /* every callback that is not paid yet */
    unsigned n_sending;
    bool stopping;
    json_t *crm_events; /* what the CRM was told, as journalled; NULL: nothing yet */
    json_t *crm_plan;   /* what goes wrong there; NULL: nothing */
    json_t *keys;       /* every key taken -> how often */
    json_t *mail_keys;  /* every mail's or batch's key -> {ids, sum} */
    usec_t bucket_at;
    double bucket;
};

/* --- graph.c, control.c: false when the path is not theirs ---------------------------------
 */
void graph_handle(struct sandbox *sandbox, struct http_exchange *exchange);
bool control_handle(struct sandbox *sandbox, struct http_exchange *exchange);

/* --- twilio.c ----------------------------------------------------------------------------- */
/* False when the path is not Twilio's. */
bool twilio_handle(struct sandbox *sandbox, struct http_exchange *exchange);
/* A record of the journal: an SMS that was taken. */
void twilio_apply(struct sandbox *sandbox, const json_t *record, struct chatter *person);
/* A status as Twilio sends it; `item` has `url` and `form`. */
void twilio_callback(const struct sandbox *sandbox, struct arena *into, const json_t *item,
                     struct http_header *headers, struct http_request *request);
/* {"code", "by", "at"} of the newest one-time code that this person got anywhere; "code" is
 * null when there is none. */
json_t *twilio_newest_code(const struct chatter *person);

/* --- sms_in.c ----------------------------------------------------------------------------- */
/* Text something as a person: {"text", "media": [ids], "opt_out": bool}. Returns its id. */
struct str sms_say(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                   const json_t *wish);
/* A record of the journal: an SMS that was said. */
void sms_apply(struct sandbox *sandbox, const json_t *record, struct chatter *person);
/* Add "segments" and "alphabet". */
void sms_measure_into(json_t *message, struct str body);

/* --- sms_read.c --------------------------------------------------------------------------- */
/* GET of messages; false when it asks for something else, or for one that is not there. */
bool sms_read_handle(struct sandbox *sandbox, struct http_exchange *exchange);

/* --- resend.c ----------------------------------------------------------------------------- */
/* False when the path is not Resend's. */
bool resend_handle(struct sandbox *sandbox, struct http_exchange *exchange);
/* A record of the journal: mails that were taken. */
void resend_apply(struct sandbox *sandbox, const json_t *record);

/* --- crm.c -------------------------------------------------------------------------------- */
/* False when the path is not the CRM's. */
bool crm_handle(struct sandbox *sandbox, struct http_exchange *exchange);
/* A record of the journal: an event that was taken. */
void crm_apply(struct sandbox *sandbox, const json_t *record);
/* {"n", "events"}: those after the first so many. */
json_t *crm_list(struct sandbox *sandbox, size_t after);

/* --- crm_push.c --------------------------------------------------------------------------- */
/* Post {"type", "data"} to the service as the CRM's event, and answer with what came of it:
 * {"status", "answer"}. */
void crm_push(struct sandbox *sandbox, struct http_exchange *exchange, const json_t *wish);

/* --- stripe.c, stripe_page.c ---------------------------------------------------------------
 */
/* False when the path is not Stripe's, nor its page's. */
bool stripe_handle(struct sandbox *sandbox, struct http_exchange *exchange);
/* A record of the journal: what there is at Stripe, and what is to be told of it. */
void stripe_apply(struct sandbox *sandbox, const json_t *record);
/* Begin to tell what is owed, after the whole journal was read. */
void stripe_begin(struct sandbox *sandbox);
/* Before the loop ends, and after it. */
void stripe_stop(struct sandbox *sandbox);
void stripe_finish(struct sandbox *sandbox);
void stripe_control_get(struct sandbox *sandbox, struct http_exchange *exchange);
void stripe_control_post(struct sandbox *sandbox, struct http_exchange *exchange,
                         const json_t *wish);

/* --- mail_in.c ---------------------------------------------------------------------------- */
/* Mail something as a person: {"text", "subject", "answers": id of a mail of the business's,
 * "media": [ids], "aligned": bool, "automatic": bool, "gateway": bool}. Returns its id. */
struct str mail_say(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                    const json_t *wish);
/* Resend was given a mail for this person: tell what became of it. */
void mail_arrived(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                  struct str id, const json_t *body);
/* If they are away, a machine answers the mail of this id. */
void mail_away(struct sandbox *sandbox, struct arena *into, struct chatter *person,
               struct str id);
struct str mail_make_id(struct arena *into);
/* GET /emails/receiving/..., and where its files lie. False when the path is another. */
bool mail_handle(struct sandbox *sandbox, struct http_exchange *exchange, bool may_read);
/* Of an item with "event" (to Resend's door) or "raw" (to a gateway's); at most five headers.
 */
void mail_callback(struct sandbox *sandbox, struct arena *into, const json_t *item, int64_t n,
                   struct http_header headers[5], struct http_request *request);

/* --- mail_seen.c -------------------------------------------------------------------------- */
/* Answer with a mail's HTML, as a document of its own. */
void mail_letter(struct sandbox *sandbox, struct http_exchange *exchange);
/* Post to where a mail says, and answer with what came of it: {"status"}; or mail that:
 * {"mailed"}.
 */
void mail_unsubscribe(struct sandbox *sandbox, struct http_exchange *exchange,
                      const json_t *body);

/* --- smtp.c ------------------------------------------------------------------------------- */
/* Listen, if a port is wished for. */
MUST_USE bool smtp_listen(struct sandbox *sandbox, struct err *err);
void smtp_stop(struct sandbox *sandbox);

/* --- smtp_check.c ------------------------------------------------------------------------- */
/* What is wrong with a mail of this envelope; NULL: nothing. `mail` is `raw`, read. */
const char *smtp_wrong(const json_t *mail, struct str raw, struct str from, struct str to);

/* --- mime_in.c ---------------------------------------------------------------------------- */
/* {from, subject, reply_to, message_id, headers, text, html}: what of it there is. */
json_t *mime_in_read(struct str bytes);

/* --- mime_out.c --------------------------------------------------------------------------- */
/* A mail that a person said, as the bytes of a gateway. */
struct str mime_bytes(struct sandbox *sandbox, struct arena *into, const json_t *mail);
/* An address as a piece of a path. */
struct str mime_path(struct arena *into, struct str address);

/* --- answer.c ----------------------------------------------------------------------------- */
/* Answer with JSON, which is taken. */
void answer_json(struct http_exchange *exchange, int status, json_t *body);
void answer_error(struct http_exchange *exchange, int http, int code, const char *message,
                  const char *details);

enum fate { FATE_ANSWER, FATE_DROP };
/* Answer (or close without a word) after everything journalled so far is on the disk and
 * `delay_ms` have passed. Body is copied. */
void answer_later(struct sandbox *sandbox, struct http_exchange *exchange, enum fate fate,
                  int status, const char *type, struct str body, int64_t delay_ms);
/* Answer as soon as everything journalled so far is on the disk. Headers (NULL: none) and body
 * are kept: the exchange's arena has them, or they are constants. */
void answer_kept(struct sandbox *sandbox, struct http_exchange *exchange, int status,
                 const char *type, const char *const *headers, struct str body);
/* Answer so that whoever asked does not learn that it was taken; not for MISHAP_NONE. */
void answer_mishap(struct sandbox *sandbox, struct http_exchange *exchange, enum mishap mishap,
                   int64_t delay_ms);
/* Close the client's connection and finish the exchange. */
void answer_drop(struct http_exchange *exchange);

/* --- finding.c ---------------------------------------------------------------------------- */
/* Keep what is wrong with a request, and say it; the newest hundred are kept. `body` is taken,
 * and may be NULL. */
void finding_keep(struct sandbox *sandbox, const char *kind, const char *detail, json_t *body);
/* A member's text, borrowed; empty when it is none. */
struct str text_in(const json_t *object, const char *name);

/* --- chats.c ------------------------------------------------------------------------------ */
struct chatter *chats_find(struct sandbox *sandbox, struct str who);
/* Found or made; `who` is a phone number, a user id or a mail address. NULL when it is none. */
struct chatter *chats_person(struct sandbox *sandbox, struct str who, struct str name);
/* The person whose id is in a message's id; NULL when it is not one of ours. */
struct chatter *chats_person_of(struct sandbox *sandbox, struct str message_id);
/* A message's id that carries whose chat it is in. */
struct str chats_message_id(struct arena *into, const struct chatter *person, int64_t n);
/* Who a mail goes to: "Name <address>" or an address alone. */
struct chatter *chats_mailbox(struct sandbox *sandbox, struct arena *scratch, struct str to);
/* Put an entry at the chat's end; the message is borrowed. Returns the entry, borrowed. */
json_t *chats_add(struct sandbox *sandbox, struct chatter *person, const char *from,
                  struct str id, usec_t at, const json_t *message, const char *status);
json_t *chats_entry(const struct chatter *person, struct str id);
/* Move an entry's status forward (never back) and tell the watchers; false: nothing moved. */
bool chats_mark(struct sandbox *sandbox, struct chatter *person, struct str id,
                const char *status);
void chats_react(struct sandbox *sandbox, struct chatter *person, struct str id,
                 const char *member, struct str emoji);
void chats_typing(struct sandbox *sandbox, struct chatter *person, usec_t until);
/* Who watches is told of an event that the CRM has taken. */
void chats_crm(struct sandbox *sandbox, const json_t *event);
void chats_watch(struct sandbox *sandbox, struct http_exchange *exchange);
/* {"version", "typing", "entries"} of what changed after `version`. */
json_t *chats_since(struct sandbox *sandbox, struct chatter *person, int64_t version);
json_t *chats_people(struct sandbox *sandbox);
MUST_USE bool chats_load_people(struct sandbox *sandbox, const char *path, struct err *err);
void chats_finish(struct sandbox *sandbox);

/* --- callbacks.c -------------------------------------------------------------------------- */
/* Say something as a person: journal it, show it, owe it. Returns the message's id. */
struct str callbacks_say(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                         json_t *message);
/* The same for what is written already, as it is: borrowed. */
void callbacks_keep_said(struct sandbox *sandbox, struct chatter *person, const char *number,
                         json_t *message);
/* One of the service's own addresses. */
struct str callbacks_url(const struct sandbox *sandbox, struct arena *into, const char *path);
/* Journal and owe a status of a message of the service's. */
void callbacks_status(struct sandbox *sandbox, struct chatter *person, const json_t *entry,
                      const char *status, usec_t due);
/* Journal and owe a status that is written already; borrowed. `number` may be NULL. */
void callbacks_owe_status(struct sandbox *sandbox, struct chatter *person, json_t *number,
                          json_t *item, usec_t due);
/* Owe a change of the account's, which is about nobody; `value` is taken. Not journalled. */
void callbacks_news(struct sandbox *sandbox, const char *field, json_t *value, usec_t due);
/* A record of the journal, at start. */
void callbacks_replay(struct sandbox *sandbox, const json_t *record);
void callbacks_begin(struct sandbox *sandbox);
void callbacks_finish(struct sandbox *sandbox);

/* --- templates.c -------------------------------------------------------------------------- */
/* Take one to be looked at; borrowed. */
void templates_add(struct sandbox *sandbox, json_t *template);
/* What is due to be decided is. */
void templates_settle(struct sandbox *sandbox);
const json_t *templates_find(const struct sandbox *sandbox, struct str name,
                             struct str language);
/* The error that a message's template has; 0: none. */
int templates_wrong(struct sandbox *sandbox, const json_t *sent);
/* What a person reads of it; empty when there is none of that name. */
struct str templates_words(const struct sandbox *sandbox, struct arena *into,
                           const json_t *sent);

/* --- media.c ------------------------------------------------------------------------------ */
/* Keep a file; the id is written to `id` (terminated). `number`: whose messages may name it;
 * empty: nobody's, it is a person's own. False: cannot be kept. */
MUST_USE bool media_keep(struct sandbox *sandbox, struct str mime, struct str filename,
                         struct str number, struct str bytes, char id[32], struct err *err);
/* Take a multipart upload apart and keep its file, for messages of this number. As strict as
 * Meta: what the parts say must be there and agree, the kind must be one that is taken, be what
 * the bytes are, and not too large. */
MUST_USE bool media_upload(struct sandbox *sandbox, struct http_exchange *exchange,
                           struct str number, char id[32], struct err *err);
/* Whether a message of this number may name the file as this type: "image", "document", ... */
bool media_may_go(struct sandbox *sandbox, struct str id, struct str number, struct str type);
const json_t *media_find(struct sandbox *sandbox, struct str id);
/* Forget a file; one that is not there is forgotten already. */
void media_delete(struct sandbox *sandbox, struct str id);
/* The file's bytes; false when there are none. */
MUST_USE bool media_read(struct sandbox *sandbox, struct arena *into, struct str id,
                         struct str *bytes);
/* Answer with the file's bytes. */
void media_send(struct sandbox *sandbox, struct http_exchange *exchange, struct str id);
/* The same as Meta does it, with the faults that are wished for. */
void media_hand_out(struct sandbox *sandbox, struct http_exchange *exchange, struct str id);
void media_load(struct sandbox *sandbox);

/* --- page.c ------------------------------------------------------------------------------- */
/* A file of the phone page; false when there is none of that name. */
bool page_handle(struct http_exchange *exchange);

/* --- picture.c ---------------------------------------------------------------------------- */
/* A PNG file, always the same for a name. */
struct str picture_of(struct arena *into, struct str name);
/* Answer GET /pictures/NAME.png with it; false when it is something else. */
bool picture_handle(struct http_exchange *exchange);
