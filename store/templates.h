/*
 * What is known of WhatsApp's templates, and what became of news, for `parley templates` and
 * `parley notices`. Connects as the owner and acts as the business's staff.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct waba { /* a WhatsApp business account */
    struct uuid org;
    struct str id, app;
};

struct template_row {
    struct str name, language, status, category, quality, reason;
    usec_t updated_at;
};

struct notice_row {
    struct uuid org;
    usec_t made_at, due_at, state_at;
    struct str kind, topic, cause, state, channel, template;
    struct str delivery; /* of the message that told it: "queued" ..., or empty */
    struct str reason;   /* why that failed, or where it went on to */
    struct str number;
};

struct notice_wish {
    const char *phone; /* E.164 with its plus; NULL: everybody's */
    const char *state; /* NULL: any */
    usec_t since;
    size_t limit;
};

struct templates_store;

MUST_USE bool templates_open(const char *url, usec_t timeout, struct templates_store **store,
                             struct err *err);
void templates_close(struct templates_store **store);

MUST_USE bool templates_accounts(struct templates_store *store, struct arena *into,
                                 const struct waba **items, size_t *n, struct err *err);
MUST_USE bool templates_known(struct templates_store *store, const struct waba *waba,
                              struct arena *into, const struct template_row **items, size_t *n,
                              struct err *err);
/* What Meta says at that time. */
MUST_USE bool templates_note(struct templates_store *store, const struct waba *waba,
                             const struct template_row *row, struct err *err);

/* Of all businesses, the newest first. */
MUST_USE bool templates_notices(struct templates_store *store, const struct notice_wish *wish,
                                struct arena *into, const struct notice_row **items, size_t *n,
                                struct err *err);
