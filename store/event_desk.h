/*
 * Events out, for `parley events` and the doctor: what happened, what became of it at each
 * endpoint, and again. (Delivering is bot/later/events_out.h.)
 *
 * Connects as the owner and acts as the business's staff.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct event_row {
    struct uuid org;
    struct str id, type, subject, state;
    usec_t at;
    int64_t sequence; /* 0: not handed out yet */
    struct str json;  /* all that is known, as an object */
};

struct endpoint_row {
    struct uuid org;
    struct str name;
    struct str state;              /* "on", "failing", "off" */
    int64_t waiting;               /* at most 10,000 */
    int64_t failures;              /* one after the other */
    usec_t success_at, failure_at; /* 0: never */
    struct str reason;             /* why it is off, or the last failure; empty: none */
    struct str json;
};

struct event_wish {
    usec_t since;
    const char *id;           /* replay: this one alone; NULL: all since */
    const char *type, *state; /* list; NULL: any */
    const char *endpoint;     /* replay; NULL: all */
    bool undelivered;         /* replay: only what was not taken */
    size_t limit;
};

struct event_desk;

MUST_USE bool event_desk_open(const char *url, usec_t timeout, struct event_desk **desk,
                              struct err *err);
void event_desk_close(struct event_desk **desk);

/* Of all businesses, the newest first. */
MUST_USE bool event_desk_list(struct event_desk *desk, const struct event_wish *wish,
                              struct arena *into, const struct event_row **items, size_t *n,
                              struct err *err);
/* ERR_REJECT when there is none of that id. */
MUST_USE bool event_desk_find(struct event_desk *desk, const char *id, struct arena *into,
                              struct event_row *event, struct err *err);
/* How many deliveries begin anew. */
MUST_USE bool event_desk_replay(struct event_desk *desk, const struct event_wish *wish,
                                const char *who, struct uuid fresh, int64_t *n,
                                struct err *err);
MUST_USE bool event_desk_endpoints(struct event_desk *desk, struct arena *into,
                                   const struct endpoint_row **items, size_t *n,
                                   struct err *err);
/* For all businesses that have it. ERR_REJECT when none has. */
MUST_USE bool event_desk_switch(struct event_desk *desk, const char *endpoint, bool on,
                                const char *who, struct uuid fresh, struct err *err);
