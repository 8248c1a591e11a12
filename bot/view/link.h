/*
 * Links that come back to us: from a mail's buttons and its unsubscribe button.
 *
 *     <public_url>/t/<token>   act for an option of a message of ours, after a page has asked
 *     <public_url>/u/<token>   hear nothing unasked any more, with one click
 *     <public_url>/f/<token>   a file that is kept (bot/view/link_files.h)
 *
 * A token names a message and carries a keyed hash, so it needs no row, and the same link is
 * the same bytes each time (a mail that is sent again must not differ). Whoever has it has that
 * mail: it is as good as an answer from that mailbox, and no better. It holds as long as the
 * service's key does; how old a message may be is for the one who opens it. A file's token
 * names file, reader and its own end instead: whoever has it may have the file until then.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/uuid.h"
#include "bot/config/config.h"

enum link_kind { LINK_TAP, LINK_UNSUBSCRIBE };

struct link {
    struct uuid org, conversation;
    int64_t seq;     /* the message */
    unsigned option; /* LINK_TAP: which of its options, from 0; 255 at most */
};

/* Empty when the service has no public address or no key. */
struct str link_make(struct arena *into, const struct config *config, enum link_kind kind,
                     const struct link *link);

/* Take a token apart. False when it is not one of ours, or of another kind. */
MUST_USE bool link_open(const struct config *config, enum link_kind kind, struct str token,
                        struct link *link);

/* --- files -------------------------------------------------------------------------------- */

#define LINK_FILE_GOOD_FOR (24 * USEC_PER_HOUR)

struct link_file {
    struct uuid org, document;
    struct uuid customer; /* whose right to see it is asked again when it is opened */
    usec_t end;           /* a whole hour; see link_file_end */
};

/* The reader of files that a person of the business is to see: whatever came in a conversation
 * that was handed over. No customer has this id. */
extern const struct uuid link_file_desk;

/* When a link ends whose message was promised then: a day later, rounded up to the hour. What
 * has waited so long that little of the day is left begins anew. */
usec_t link_file_end(usec_t promised_at, usec_t now);

/* Empty when the service has no public address or no key. */
struct str link_file_make(struct arena *into, const struct config *config,
                          const struct link_file *file);

/* False when it is not one of ours. Whether it has ended is the caller's to see. */
MUST_USE bool link_file_open(const struct config *config, struct str token,
                             struct link_file *file);
