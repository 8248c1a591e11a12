/*
 * Two businesses on one service, each with a number, an app, a CRM and two customers who have
 * some of everything: for tests of who reaches what. All that is theirs and may be told to
 * nobody else has a word of its own in it, which is in no request of the tests.
 */
#pragma once

#include "bot/base/uuid.h"
#include "bot/config/config.h"
#include "tests/support/service.h"

#define NEIGHBOUR_ORG        "0192ffff-4000-7000-8000-0000000000b0"
#define NEIGHBOUR_NUMBER     "206540352242999"
#define NEIGHBOUR_BUSINESS   "202290129340399"
#define NEIGHBOUR_SMS        "+15550100202"
#define NEIGHBOUR_MAIL       "help@in.rook.example"
#define NEIGHBOUR_APP_SECRET "the other app's own secret"
#define NEIGHBOUR_CRM_SECRET "whsec_c29tZWJvZHktZWxzZXMta2V5LXdpdGgtdGhpcnR5LXR3bw=="
#define NEIGHBOUR_CRM        "https://crm.rook.example"
#define DEMO_ORG             "01921a7b-4000-7000-8000-6c61726b0001" /* seed_demo_org */
#define DEMO_CRM             "https://crm.lark.example"
#define RESEND_HOOK_SECRET   "whsec_cGFybGV5LXRlc3RzLW93bi1rZXktMDAx"
#define MAIL_GATEWAY_TOKEN   "the gateway's token of some length"

struct neighbour {
    /* known to whoever asks */
    const char *business, *crm, *id, *phone, *order, *invoice, *ticket;
    /* theirs alone: it stands in all that they have */
    const char *word;
    /* found when they are made */
    struct uuid org, customer, conversation, contact, handoff, payment, photo, document,
        checkout, portal;
    int64_t seq;          /* of what was said to them last */
    struct str page, tap; /* "/customer/...", "/t/..." */
    struct str unsubscribe, file, code;
};

#define NEIGHBOURS 4
extern struct neighbour neighbours[NEIGHBOURS]; /* two of the demo's, two of the other one's */

/* What the service makes its links with. */
extern struct config neighbours_config;

/* A key of the API: of the first business or the second; "all" scopes, "one" that is good for
 * customers only, or "old": it was revoked. */
const char *neighbours_key(struct arena *into, size_t business, const char *which);

/* Start a service with all of it, in an arena that lasts. Quiet when it returns. */
void neighbours_start(struct arena *into, struct service *service, PGconn *owner);

/* A path of a link, made with the service's own key. */
struct str neighbours_file(struct arena *into, const struct neighbour *of, struct uuid org,
                           struct uuid customer, usec_t end);

/* A hash of each table's rows of a business, "table=hash,...", but for what a service does by
 * itself. */
const char *neighbours_digest(struct arena *into, PGconn *owner, const char *org);
