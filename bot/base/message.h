/*
 * What all rooms speak: events that came in, replies that go out, and what became of a sending.
 *
 * Neutral between channels: an adapter in webhooks/ turns a provider's bytes into events and a
 * reply into a provider's request. Everything is plain data that borrows from one arena.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/str.h"
#include "bot/base/uuid.h"

enum channel { CHANNEL_NONE, CHANNEL_WHATSAPP, CHANNEL_SMS, CHANNEL_EMAIL };

/* "whatsapp", "sms", "email"; as in the database and the log. */
const char *channel_name(enum channel channel);

/*
 * Who is at the other end, as the channel gives them. On WhatsApp `user_id` is the
 * business-scoped id and may be all there is; `phone` is E.164 with its plus, or empty; `email`
 * is an address in the form that it is kept in (see mail_address), or empty.
 */
struct person {
    struct str user_id;
    struct str phone;
    struct str email;
    struct str name;     /* display only: anyone may call themselves anything */
    struct str username; /* display only */
};

/* What a contact point is keyed by: the user id where there is one, else the phone, else the
 * email. */
struct str person_address(const struct person *person);

enum event_kind {
    /* something a person sent: starts a turn of their conversation */
    EVENT_TEXT,
    EVENT_CHOICE, /* a tap: on our button or row, or on a template's quick reply */
    EVENT_MEDIA,  /* image, video, audio, document, sticker: one item */
    EVENT_LOCATION,
    EVENT_CONTACTS,
    EVENT_REACTION,
    EVENT_ORDER, /* a cart sent from a catalogue */
    EVENT_EDIT,
    EVENT_REVOKE,
    EVENT_IDENTITY,    /* the person's number or user id changed */
    EVENT_UNSUPPORTED, /* the channel itself says that it cannot show this one */
    EVENT_UNKNOWN,     /* a kind of message that we have not heard of */
    /* what became of a message of ours */
    EVENT_STATUS,
    /* about the person's relation to the business, or about the account */
    EVENT_PREFERENCE, /* the channel's own stop and resume */
    EVENT_TEMPLATE,   /* a template's status, category or quality changed */
    EVENT_ACCOUNT,    /* the account or number: quality, limits, bans, errors, reviews */
    EVENT_OTHER,      /* a field that we have not heard of: recorded and passed over */
    /* of our own making: starts a turn, though nobody wrote */
    EVENT_TIMER /* what was to happen by now unless something else did; `detail` is its name */
};

const char *event_kind_name(enum event_kind kind); /* "text", "choice", ... */

/* Whether a person sent it, so that they await an answer. */
bool event_is_message(enum event_kind kind);

enum media_kind {
    MEDIA_IMAGE,
    MEDIA_VIDEO,
    MEDIA_AUDIO,
    MEDIA_VOICE,
    MEDIA_DOCUMENT,
    MEDIA_STICKER
};

const char *media_kind_name(enum media_kind kind);

struct media {
    enum media_kind kind;
    struct str id;  /* the provider's handle */
    struct str url; /* where the delivery itself carries one */
    struct str mime;
    struct str sha256;   /* 32 bytes, or empty */
    struct str filename; /* documents */
    struct str caption;
    bool animated;
};

/*
 * The delivery state of our message, in an order: statuses may come in any order and any number
 * of times, and the greatest stays (turn_statuses). READ
 * implies DELIVERED; FAILED is overruled by any sign of arrival (several devices).
 */
enum delivery {
    DELIVERY_QUEUED,
    DELIVERY_SENT,
    DELIVERY_FAILED,
    DELIVERY_DELIVERED,
    DELIVERY_READ,
    DELIVERY_PLAYED,
    DELIVERY_DELETED /* the person removed it; recorded, final for display */
};

const char *delivery_name(enum delivery delivery);

/* What a mail says about itself beside its words: for the answer's thread. */
struct mail_head {
    struct str message_id; /* with its brackets, or empty */
    struct str references; /* the ids before it, by a space, oldest first, and not its own */
    struct str subject;    /* as it came, in UTF-8 */
    struct str token;      /* between plus and at in the address it was sent to, or empty */
    struct str quoted;     /* what it repeats of earlier mails, cut short: for people only */
};

struct event {
    enum event_kind kind;
    struct str account;  /* where it arrived: a phone number id, our phone number, our mail
                            address without the part between plus and at; for
                            EVENT_TEMPLATE/ACCOUNT/OTHER  the business account id where no number
                            is named */
    struct str business; /* the provider's business account (WABA) id */
    struct str field;    /* the part of the delivery it came in: "messages",
                            "message_template_status_update" */
    struct str id;       /* the provider's id; what de-duplication hashes. Never empty */
    usec_t at;           /* the provider's clock; 0 when not given */
    struct person from;  /* messages and preferences; for EVENT_STATUS the recipient */
    bool card;     /* a payment card's number stood in it and was taken out: bot/base/cards.h */
    bool doubtful; /* nobody vouches for `from`: a mail that is not DMARC-aligned */
    const struct mail_head *mail; /* messages by email; else NULL */

    struct str text; /* what was written: body, caption, a tap's title, a reaction's emoji ("" =
                        removed) */
    struct str choice;  /* EVENT_CHOICE: the id that we gave the row or button, or a template's
                           payload */
    struct str context; /* the id of our message that this answers, quotes, edits, revokes or
                           reacts to */
    bool forwarded;

    const struct media *media;  /* EVENT_MEDIA: one; also an edited picture */
    double latitude, longitude; /* EVENT_LOCATION */
    struct str place;           /* EVENT_LOCATION: name and address as given */
    struct str
        detail; /* by kind: the field's or type's name for UNKNOWN/OTHER/ACCOUNT/UNSUPPORTED, a
                   template's name, "stop"/"resume" for PREFERENCE, system type for IDENTITY */
    struct str
        detail2; /* TEMPLATE: the new status or category; ACCOUNT: the event's own name */
    struct str language;   /* TEMPLATE: the template's language */
    struct str referral;   /* an ad's source id or url */
    struct person renamed; /* EVENT_IDENTITY: who they are now */

    enum delivery status; /* EVENT_STATUS */
    struct str key;       /* EVENT_STATUS: the key that we sent with the message, or empty */
    int error; /* EVENT_STATUS failed, EVENT_UNSUPPORTED, EVENT_ACCOUNT: the provider's code; 0
                  none */
    struct str error_text; /* the provider's words, for operators */
};

struct inbound_batch {
    struct event *events;
    size_t n;
    size_t unknown; /* kinds and fields that we have not heard of (they are among the events) */
    size_t broken;  /* items that could not be read and are not among the events */
};

/* --- what we say ------------------------------------------------------------------------ */

enum reply_kind {
    REPLY_TEXT,
    REPLY_BUTTONS,
    REPLY_LIST,
    REPLY_LINK,
    REPLY_IMAGE,
    REPLY_DOCUMENT,
    REPLY_TEMPLATE
};

struct reply_option {
    struct str id; /* comes back in EVENT_CHOICE; at most 200 bytes */
    struct str title;
    struct str description; /* lists only */
    struct str
        section; /* lists only: rows of one section stand together; empty when there is one */
};

/* One message, worded, in the customer's language, of no channel yet. */
struct reply {
    enum reply_kind kind;
    struct str language; /* of its words: "en"; empty when nobody said */
    struct str by;       /* TEXT: who of the business's people says it; empty: the bot */
    struct str body;
    struct str header;
    struct str footer;
    struct str label;    /* LIST: the button that opens it; LINK: the button's words */
    struct str url;      /* LINK: where it leads; IMAGE, DOCUMENT: where the file is */
    struct str media;    /* IMAGE, DOCUMENT: the provider's handle, instead of url */
    struct str document; /* IMAGE, DOCUMENT: the id of a file that we keep; the shell sees to it
                            that the channel has it */
    struct str filename;
    const struct reply_option *options; /* BUTTONS (at most 3), LIST (at most 10) */
    size_t n_options;
    struct str template_name; /* TEMPLATE */
    struct str template_language;
    const struct str *template_values;
    size_t n_template_values;
    /* TEMPLATE: what its first button takes: of category authentication the code that it
     * copies, else the end of its address. `url` is then where that leads, `label` the button's
     * words; `options` are its replies, and come after that button. */
    struct str template_code;
};

const char *reply_kind_name(enum reply_kind kind);

/* A reply as JSON and back: how the outbox and the message log keep it. */
struct str reply_to_json(struct arena *into, const struct reply *reply);
MUST_USE bool reply_from_json(struct arena *into, struct str json, struct reply *reply,
                              struct err *err);

/* A reply as a channel shows it where that is more than its fields: made by templates/face.h,
 * with all words in the customer's language. */
struct face {
    struct str subject; /* email */
    struct str text;    /* SMS, and the plain part of an email */
    struct str html;    /* email */
};

/* What an email answers. */
struct mail_thread {
    struct str in_reply_to; /* with its brackets, or empty: a new thread */
    struct str references;  /* by a space, oldest first, `in_reply_to` last */
    struct str subject;     /* of what it answers */
};

/* A file that we keep, on its way with a message. */
struct attachment {
    struct str mime; /* by content */
    struct str name; /* safe for any file system, with an ending that fits */
    struct str url;  /* where it can be fetched for a day; empty: nowhere */
    int64_t size;
    struct str bytes; /* email: goes along whole; empty: only its address does */
};

struct outbound {
    struct str
        key; /* our message's id, sent along so that a status callback can be told apart */
    struct str account; /* the sending phone number id */
    struct person to;
    struct str context; /* the message that this quotes, or empty */
    usec_t good_for;    /* after it nobody wants it any more, as a code; 0: always wanted */
    const struct reply *reply;
    const struct face *face;          /* SMS, email */
    const struct mail_thread *thread; /* email; NULL: a new thread */
    struct str from_name;             /* email: shown beside the account's address */
    struct str reply_to;              /* email: where answers go; empty: to the account */
    struct str unsubscribe; /* email: an https address that takes a one-click POST, or empty */
    bool unasked;           /* nobody wrote: it is no answer */
    const struct attachment *attachment; /* SMS, email; NULL: none */
    bool plain_letters; /* SMS: marks on letters go where that saves segments */
    bool mms;           /* SMS: files go along where carriers take them */
};

/* --- requests to providers, as values ---------------------------------------------------- */

struct http_header {
    struct str name;
    struct str value;
};

/* A mail for a mail server, instead of HTTP. */
struct mail_envelope {
    struct str from, to;       /* addresses, without brackets */
    struct str id;             /* the Message-ID; the answer's body when the mail was taken */
    struct str user, password; /* empty: nobody signs in */
    bool starttls;             /* the server must offer it; a url of smtps:// has TLS at once */
    struct str ca_file;        /* terminated; empty: the system's */
};

struct http_request {
    const char *method;
    struct str url;
    const struct http_header *headers;
    size_t n_headers;
    struct str body;
    bool repeatable; /* the provider ignores a repetition (GET, idempotency key): libcurl may
                        repeat it by itself */
    unsigned cost;   /* how many of the account's rate it takes, as an SMS of three segments
                        does; 0 is one */
    const struct mail_envelope *mail; /* not HTTP: `url` is smtp:// or smtps://, `body` the mail
                                         with CRLF; status is the server's last reply code, the
                                         answer's body the command that it answers, and its line
                                         ("RCPT 550 5.1.1 no such user") */
};

/* A file that a provider is to have before a message can name it. */
struct outbound_file {
    struct str mime; /* by content */
    struct str name; /* ours, with the ending that fits; people see the message's filename */
    struct str
        mark; /* letters and digits that stand nowhere in the bytes, as their hash does */
    struct str bytes;
};

/* How far a request got, as far as we can know. */
enum http_fate {
    HTTP_ANSWERED, /* status and body are the server's */
    HTTP_NOT_SENT, /* no byte of the request was read by the server: name, connect, TLS failed
                    */
    HTTP_UNKNOWN   /* it was written, at least in part, and no answer came */
};

struct http_answer {
    enum http_fate fate;
    int status;
    struct str body;
    usec_t retry_after; /* 0: not given */
};

/* What an answer means for the message that it answers. */
enum sending {
    SENDING_ACCEPTED,
    SENDING_RETRY,     /* not taken; again after `wait` (0: the caller's own backoff) */
    SENDING_PAIR_WAIT, /* too fast for this one person: again after 4^n s, others may go on */
    SENDING_REFUSED,   /* never again as it is; `code` says why */
    SENDING_ELSEWHERE, /* never on this channel (no WhatsApp, window closed): the next channel
                        */
    SENDING_STOP_LANE, /* the account itself is refused: stop all sending, alert */
    SENDING_UNKNOWN    /* may have been taken: wait for a sign before anything is repeated */
};

struct sending_result {
    enum sending sending;
    struct str provider_id; /* ACCEPTED */
    int code;               /* the provider's error code, 0 none */
    struct str reason;      /* for operators; no personal data */
    usec_t wait;
    unsigned max_attempts; /* RETRY: give up after so many in all; 0: the outbox's own limit */
    bool alert;            /* a person should look */
    bool renew;            /* RETRY: the handle of its file is not good any more */
    bool told_to_stop;     /* the person has told the provider itself to stop */
};
