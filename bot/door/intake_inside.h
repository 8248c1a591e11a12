/*
 * The door's inside: for the files that make it, and nobody else.
 *
 *     intake.c         WhatsApp's deliveries
 *     intake_twilio.c  Twilio's messages and callbacks
 *     intake_mail.c    raw mail
 *     intake_resend.c  Resend's webhooks
 *     intake_crm.c     events of a CRM
 *     intake_stripe.c  Stripe's events
 *
 * A door that keeps what people wrote calls redact_delivery (webhooks/redact.h) as soon as it
 * has decoded, and keeps what that gives back: nothing else may come to the database or the
 * log.
 */
#pragma once

#include "bot/door/intake.h"

#include "bot/door/spool.h"
#include "bot/lane/rate.h"
#include "bot/lane/shares.h"
#include "bot/turn/accounts.h"
#include "bot/turn/turns.h"

/* A delivery over which so many workers died is not stepped again; and what is said of it. */
#define INTAKE_DEATHS 2
#define INTAKE_DEADLY "a worker died over it twice"

/* Taken apart, and waiting for the directory of accounts before it is routed. */
struct directory_wait {
    struct accounts_wait wait;
    struct arrival *delivery;
    void (*route)(struct arrival *delivery);
};

/* So much one address may write, and so often may one conversation's links be tapped: thirty
 * times at once, and once each two minutes. */
#define INTAKE_MAIL_INTERVAL (2 * USEC_PER_MIN)
#define INTAKE_MAIL_BURST    30

struct intake {
    struct worker *worker;
    size_t open;
    struct pairs mail_writers; /* how much each writes lately */
    struct shares fetches;     /* mails that wait for a request of those that all share */
};

/* The database is away, or too much waits: what comes now is better sent again. */
bool intake_is_overloaded(const struct intake *intake);

/* 503 and a wish for when. */
void intake_unavailable(struct http_exchange *exchange);

/* An arrival that is open from now on, with one pending for taking it apart. */
void intake_opens(struct intake *intake, struct http_exchange *exchange, const char *provider,
                  struct arrival *delivery, void (*on_settled)(struct arrival *delivery));

/* The same for what comes out of the spool: nobody waits for an answer, and it is tried again
 * for as long as that takes. */
void intake_reopens(struct intake *intake, struct spool_again *again, const char *provider,
                    struct arrival *delivery, void (*on_settled)(struct arrival *delivery));

/* It is settled: count it, and answer so when all of it was kept. `content_type` may be NULL.
 */
void intake_closes(struct intake *intake, struct arrival *delivery, int status,
                   const char *content_type, struct str body);

/* Go on with `route`: at once when the directory is `known` to have what the delivery is for,
 * or was just read; else when it has been read anew. What cannot read it fails. */
void intake_with_directory(struct intake *intake, bool known, struct directory_wait *wait);

/* Queue an event for its account; it is one more that is pending. What two workers died over
 * is parked instead of stepped. */
void intake_enqueue(struct intake *intake, struct portion *portion,
                    const struct account *account, const struct event *event);

/* Forged, or without its token: 401, without a word about what would have been right. */
void intake_refuse(struct http_exchange *exchange);

/* Keep the delivery itself, for a person: it belongs to no business, or cannot be read. One
 * more is pending until that is done. `why` is kept. */
void intake_keep_stray(struct intake *intake, struct arrival *delivery, const char *why);
