/*
 * Twilio's Messages API: the only place that knows its wire.
 *
 * Pure, as the WhatsApp adapter: a worded reply becomes a request, the answer to that request
 * becomes an outcome, and a signed callback becomes an event. Twilio has no idempotency key, so
 * no send is ever repeatable; our key travels in the callback's address and comes back with it.
 */
#pragma once

#include "bot/base/message.h"
#include "webhooks/form.h"

/* "up to 1600 characters (21617 above)" */
#define TWILIO_BODY_MAX 1600

/* Whose account sends: the API's address without a path ("https://api.twilio.com"), the account
 * and its token, and where statuses are to go (empty: nowhere). Borrowed. */
struct twilio_sender {
    struct str base;
    struct str account_sid;
    struct str auth_token;
    struct str callback; /* without a query */
    bool plain_letters;  /* marks on letters go where that saves segments: sms_text.h */
    bool mms;            /* pictures and documents go along where carriers take them */
};

/* Whether an MMS gets from this account to this number: between numbers of +1. Elsewhere
 * carriers refuse it, or Twilio makes it an SMS with an address of its own. */
bool twilio_reaches_by_mms(struct str account, struct str phone);

/*
 * The request that sends a message as SMS. `message->account` is the number that it leaves from
 * (E.164), or a messaging service (MG...). The words are those of `message->face`, written in
 * the cheapest way (sms_text.h), and the request's `cost` is their segments. A picture or
 * document that has an address goes along by it (MMS) where that works, and then the words do
 * not name it. ERR_REJECT for what cannot be said: a sender or recipient that is none, no
 * words, a setting that is malformed.
 */
MUST_USE bool twilio_encode(struct arena *into, const struct twilio_sender *sender,
                            const struct outbound *message, struct http_request *request,
                            struct err *err);

/* The cheapest question that shows whether account and token fit together: for the doctor. */
MUST_USE bool twilio_encode_whoami(struct arena *into, const struct twilio_sender *sender,
                                   struct http_request *request, struct err *err);

/*
 * What became of a sending. Decided by Twilio's error code where there is one. A lost answer, a
 * 5xx without Twilio's own error and a 2xx that cannot be read are SENDING_UNKNOWN.
 */
void twilio_answer(struct arena *into, const struct http_answer *answer,
                   struct sending_result *result);

/* The same for an error code that comes later, in a callback: then RETRY and ELSEWHERE say what
 * may still be done for the person, and nothing is done by itself. */
void twilio_error(struct arena *into, int code, struct sending_result *result);

/* --- files of an MMS ---------------------------------------------------------------------- */

/* Ask for the file whose handle twilio_decode gave. The credentials go to `sender->base`, and
 * nowhere else. ERR_REJECT for a handle that is none. */
MUST_USE bool twilio_encode_media(struct arena *into, const struct twilio_sender *sender,
                                  struct str handle, struct http_request *request,
                                  struct err *err);

/* Where the answer to that leads, and the request for it, without credentials. ERR_REJECT when
 * that is neither Twilio's nor its storage's: nobody else's address is called. */
MUST_USE bool twilio_encode_file(struct arena *into, const struct twilio_sender *sender,
                                 struct str url, struct http_request *request, struct err *err);

/* --- callbacks ---------------------------------------------------------------------------- */

/*
 * Whether `signature` (X-Twilio-Signature) is that of this form sent to `url`, which is our own
 * public address with the query as it came. Twilio may name the port or leave it out, and
 * escapes an apostrophe: all are tried. In constant time. An empty token verifies nothing.
 */
bool twilio_verify(struct arena *scratch, struct str auth_token, struct str signature,
                   struct str url, const struct form *form);

/* The signature itself, as Twilio writes it: for who hands a delivery in anew. Empty when this
 * machine has no SHA-1. */
struct str twilio_sign(struct arena *into, struct str auth_token, struct str url,
                       const struct form *form);

/* The same for a body that is no form: the query's `bodySHA256` is that of the body, and the
 * signature that of the address. */
bool twilio_verify_body(struct arena *scratch, struct str auth_token, struct str signature,
                        struct str url, struct str body);

/*
 * An inbound message's events: one of text, or one for each file of an MMS, of which the first
 * has the message's own id and its words. `account` is the number written to, `business` the
 * messaging service where there is one. A media's `id` is "<message>/<media>", for
 * twilio_encode_media; empty when its address was none of Twilio's.
 *
 * STOP and START that Twilio has answered (OptOutType) are EVENT_PREFERENCE; its HELP, and
 * senders whom no SMS reaches (short codes, names, WhatsApp over Twilio), are EVENT_OTHER whose
 * `detail` says so. ERR_REJECT for what is no message.
 */
MUST_USE bool twilio_decode(struct arena *into, const struct form *form,
                            struct inbound_batch *batch, struct err *err);

/*
 * A status callback's event: `account` is the sending number (`business` the messaging service
 * where there is one), `context` Twilio's id of our message, `key` what we sent along in the
 * query. ERR_REJECT when it is none. Whatever says that Twilio has the message counts as sent.
 */
MUST_USE bool twilio_decode_status(struct arena *into, const struct form *form, struct str key,
                                   struct event *event, struct err *err);
