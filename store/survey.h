/*
 * A look at the database, for `parley doctor`: who we are in it, whether it keeps what it
 * commits, whether rows are guarded, and what waits. A command's business: it waits, and needs
 * no loop. Nothing is changed.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct survey_entry { /* of the directory */
    struct str kind;
    struct str external_id;
    struct uuid org;
    struct str app;
};

struct survey_business {
    struct uuid org;
    int64_t dead;       /* dead letters not replayed */
    int64_t waiting;    /* messages in the outbox */
    int64_t unknown;    /* of these, sent without an answer */
    int64_t late;       /* seconds since the oldest was due; below 0: not due yet */
    struct str stopped; /* lanes that were stopped, with their reasons; empty: none */
};

struct survey {
    int version;       /* 150008 */
    struct str user;   /* that logged in */
    struct str role;   /* acting */
    bool may_be_staff; /* bot/door/desk_door.h acts as parley_staff */
    bool may_be_web;   /* bot/view/web.h acts as parley_web */
    bool above_rules;  /* the acting role passes row-level security by */
    usec_t ahead;      /* the database's clock less ours */
    usec_t took;       /* one round trip */
    bool durable;      /* fsync, full_page_writes and synchronous_commit are on */
    int64_t connections, connections_max;
    const struct str *open_tables; /* without row-level security */
    size_t n_open_tables;
    const struct survey_entry *entries;
    size_t n_entries;
    const struct survey_business *businesses;
    size_t n_businesses;
};

/* `role` as in the settings; empty: stay as connected. ERR_RETRY when the database cannot be
 * reached, ERR_REJECT when it does not let us look or lacks what it should have. */
MUST_USE bool survey_database(const char *url, struct str role, usec_t connect_timeout,
                              struct arena *into, struct survey *survey, struct err *err);
