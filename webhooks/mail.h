/*
 * A mail as all its providers mean it, and the events that it is to us.
 *
 * Raw MIME (mime.h) and Resend's JSON (resend.h) are read into a `struct mail`; what follows
 * from it is decided here once: who it is from and whether anybody vouches for that, what of it
 * is new, which files come along, and whether a person wrote it at all. Mail that machines sent
 * is recorded and never answered, so two machines cannot write to each other for ever.
 */
#pragma once

#include "bot/base/message.h"

#define MAIL_FILES_MAX      20  /* of one mail; what is more is left out */
#define MAIL_ADDRESS_MAX    254 /* RFC 5321 */
#define MAIL_REFERENCES_MAX 20  /* the newest; threads need no more */

/* One header field. The name counts in either case. */
struct mail_header {
    struct str name;
    struct str value; /* unfolded, decoded, UTF-8 */
};

struct mail_headers {
    const struct mail_header *at; /* in the order in which they stand */
    size_t n;
};

struct mail_file {
    struct str id; /* the handle by which it is fetched later */
    struct str mime;
    struct str name;
    size_t size;            /* bytes; 0: not known */
    bool embedded;          /* shown within the words: a photo, or the logo of a signature */
    unsigned width, height; /* of a picture, where known; else 0 */
};

/* What a mail server says about a mail of ours. */
enum mail_news {
    MAIL_NO_NEWS,
    MAIL_RETURNED, /* it could not be delivered, and never will be to this address */
    MAIL_FAILED,   /* it could not be delivered this time */
    MAIL_DELAYED,
    MAIL_RELAYED, /* delivered, or passed on to where nothing more is told */
    MAIL_COMPLAINT
};

struct mail_report {
    enum mail_news news;
    struct str recipient;  /* an address, or empty */
    struct str message_id; /* of our mail, with its brackets, or empty */
    int code;              /* "5.1.1" is 50101; 0 none */
};

struct mail {
    struct str id; /* what de-duplicates: the provider's, or a hash of the bytes */
    usec_t at;     /* when the provider got it; 0: not said */
    struct mail_headers headers;
    struct str from;           /* the field as it came; when empty the header's */
    struct str subject;        /* likewise */
    struct str message_id;     /* likewise */
    const struct str *sent_to; /* addresses of the envelope, or of the head; ours among them */
    size_t n_sent_to;
    struct str text; /* UTF-8 */
    const struct mail_file *files;
    size_t n_files;
    struct mail_report report;
};

/* What the settings say about whom to believe. */
struct mail_rules {
    struct str account;  /* our address, as mail_address writes it, without a token */
    struct str authserv; /* whose Authentication-Results count; empty: nobody's */
};

/*
 * The address alone, as it is kept and compared: without a name, brackets and blanks, ASCII in
 * small letters. False when there is none that mail could be sent to.
 */
MUST_USE bool mail_address(struct arena *into, struct str text, struct str *address);

/* The address without "+token", and the token, which may be empty. */
struct str mail_address_bare(struct arena *into, struct str address, struct str *token);

/* The first value of that name, or nothing. */
struct str mail_header_get(const struct mail_headers *headers, const char *name);

/* The next "<...>" of a field, with its brackets: cut off `rest`. False when none is left. */
MUST_USE bool mail_next_id(struct str *rest, struct str *id);

/* Whether our service made this Message-ID; then `key` is what it sent along. */
bool mail_id_is_ours(struct str message_id, struct str *key);

/* Whether the sender's provider is vouched for by our own mail server: the first
 * Authentication-Results of the one that the rules name, with "dmarc=pass" for the domain of
 * `from`, which is the only address in the sender's `field`. */
bool mail_is_vouched(struct arena *scratch, const struct mail_rules *rules,
                     const struct mail_headers *headers, struct str field, struct str from);

/* Why nobody is to be answered: the name of the sign, or NULL when a person seems to write. */
const char *mail_automatic(struct arena *scratch, const struct mail_rules *rules,
                           const struct mail *mail, struct str from);

/* The report in a mail server's words: the text of a message/delivery-status or
 * message/feedback-report part, and the head of our mail that came with it. */
void mail_report_delivery(struct arena *into, struct str status, struct str returned,
                          struct mail_report *report);
void mail_report_feedback(struct arena *into, struct str feedback, struct str returned,
                          struct mail_report *report);

/* The events of a mail: at least one. */
void mail_events(struct arena *into, const struct mail_rules *rules, const struct mail *mail,
                 struct inbound_batch *batch);
