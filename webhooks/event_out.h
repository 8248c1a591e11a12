/*
 * An event for a business's other system, as a request: CloudEvents 1.0, structured, signed by
 * Standard Webhooks. Pure.
 *
 * The type is as docs/events/out names it, without a prefix: `source` says whose it is.
 * `sequence` counts the events of a subject, ten digits so that it sorts as text. The id is
 * that of the event on every attempt, and so is the body; only the time and the signature are
 * others.
 */
#pragma once

#include "bot/base/message.h"

struct event_out {
    struct str id, type, subject;
    struct str source; /* whose event: a URI */
    int64_t sequence;
    usec_t time;
    struct str data;        /* a JSON object */
    struct str customer_id; /* ours; empty: about nobody */
    struct str customer;    /* as the system itself calls them; empty: it did not name them */
};

/* Where it goes, and what it is signed with. */
struct event_endpoint {
    struct str url;
    struct str secret, secret_before; /* the latter may be empty; else two signatures */
};

/* ERR_BROKEN when the data is no object, or the secret malformed. */
MUST_USE bool event_out_encode(struct arena *into, const struct event_out *event,
                               const struct event_endpoint *endpoint, usec_t now,
                               struct http_request *request, struct err *err);

/* What an answer means. */
enum event_fate {
    EVENT_DELIVERED,
    EVENT_FAILED, /* to be repeated */
    EVENT_GONE    /* 410: this endpoint wants nothing any more */
};

/* `reason` is for people and holds nothing of the answer's body; `hold` is how long the
 * endpoint wants to be left alone, 0 when it did not say, -1: less, it did not say how long. */
enum event_fate event_out_judge(const struct http_answer *answer, struct arena *into,
                                struct str *reason, usec_t *hold);
