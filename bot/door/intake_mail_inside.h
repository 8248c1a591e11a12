/*
 * The inside of the doors for mail: for the files that make them, and nobody else.
 *
 *     intake_mail.c    what both share, and the gateway's door
 *     intake_resend.c  Resend's
 */
#pragma once

#include "bot/door/intake_inside.h"
#include "webhooks/mail.h"
#include "webhooks/redact.h"
#include "webhooks/resend_in.h"

/* One delivery at either door. It lives in the exchange. */
struct mail_call {
    struct arrival delivery;
    struct intake *intake;
    struct portion portion;
    struct inbound_batch batch;
    struct directory_wait wait;
    const struct account *account; /* of a mail that came in */
    const char *unrouted;          /* why it is kept without a business */
    struct str to;                 /* raw: the address that it was posted for */
    struct resend_news news;
    struct http_request request;
    struct fetch fetch;
    struct timer pause;
    struct uuid writer; /* whose share it was counted against */
    bool counted;
};

struct mail_call *mail_call_open(struct intake *intake, struct http_exchange *exchange,
                                 const char *provider);

/* The business's account with that address; NULL: none that we know of, for now. */
const struct account *mail_account(const struct worker *worker, struct str address);

/* Queue what is in the batch; the call is then the turns' to settle. */
void mail_route(struct mail_call *call);

/* Nothing that can be read, or nobody's: kept for a person, without what may not be kept. */
void mail_keep(struct mail_call *call, enum redact_form form, const char *why);

/* From the delivery's body to its events, with the supervisor told of it, and on. */
void mail_take_apart(struct mail_call *call, enum redact_form form,
                     bool (*decode)(struct mail_call *call, struct err *err));
