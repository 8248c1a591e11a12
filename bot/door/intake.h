/*
 * Deliveries at the door: verified, taken apart, queued, and answered when all of them is kept.
 *
 * 200 means committed. 503 asks the provider to come again: the database is away, or too much
 * waits already. A forged or unsigned delivery is refused at once, without a word about what
 * would have been right.
 */
#pragma once

#include "bot/worker.h"

struct intake *intake_create(struct worker *worker);
void intake_destroy(struct intake *intake);

/* POST /webhooks/whatsapp */
void intake_delivery(struct intake *intake, struct http_exchange *exchange);

/* GET /webhooks/whatsapp: the provider asks whether this is the right place. */
void intake_challenge(struct intake *intake, struct http_exchange *exchange);

/* POST /webhooks/twilio: an SMS or MMS, answered by TwiML that says nothing. */
void intake_twilio_message(struct intake *intake, struct http_exchange *exchange);

/* POST /webhooks/twilio/status: what became of an SMS. */
void intake_twilio_status(struct intake *intake, struct http_exchange *exchange);

/* POST /webhooks/resend: mail that came in, and what became of ours. */
void intake_resend(struct intake *intake, struct http_exchange *exchange);

/* POST /api/webhooks/stripe: what became of payments. */
void intake_stripe(struct intake *intake, struct http_exchange *exchange);

/* POST /webhooks/mail/ADDRESS: a mail as it goes over the wire, from a gateway that shows its
 * token. The address may have "+token" in it. */
void intake_mail(struct intake *intake, struct http_exchange *exchange, struct str address);

/* Whether its headers have that token: asked before a large mail is read. */
bool intake_mail_shows(struct http_handler *handler, struct http_exchange *exchange);

/* POST /v1/events: CloudEvents of a business's CRM. OPTIONS: their handshake. */
void intake_crm(struct intake *intake, struct http_exchange *exchange);
void intake_crm_handshake(struct intake *intake, struct http_exchange *exchange);

/* What waited in the spool. */
struct spool_again;
void intake_again(struct intake *intake, struct spool_again *again);

/* Deliveries that are not answered yet. */
size_t intake_open(const struct intake *intake);
