/*
 * Links that come back to us: from a mail's buttons and its unsubscribe button.
 *
 *     <public_url>/t/<token>   act for an option of a message of ours, after a page has asked
 *     <public_url>/u/<token>   hear nothing unasked any more, with one click
 *
 * A token names a message and carries a keyed hash, so it needs no row, and the same link is
 * the same bytes each time (a mail that is sent again must not differ). Whoever has it has that
 * mail: it is as good as an answer from that mailbox, and no better. It holds as long as the
 * service's key does; how old a message may be is for the one who opens it.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/uuid.h"
#include "bot/config.h"

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
