/*
 * WhatsApp Cloud API: the only place that knows Meta's wire.
 *
 * Three directions, all pure: a signed delivery becomes events, a worded reply becomes a
 * request, and the answer to that request becomes an outcome. Nothing here has a clock, a
 * socket or a global, so all of it can be replayed.
 *
 * Two promises. One bad item of a delivery never harms another: it is counted and passed over.
 * And whatever Meta invents next (a kind, a field, a status) arrives as an event that says so,
 * never as a failure.
 */
#pragma once

#include "bot/base/crypto.h"
#include "bot/base/message.h"

/* Meta documents 1,000 items in one delivery; a body with more than this is refused whole. */
#define WHATSAPP_ITEMS_MAX 20000

/* --- deliveries --------------------------------------------------------------------------- */

/*
 * Whether `signature` (the header X-Hub-Signature-256: "sha256=" and 64 lower-case hex digits)
 * is that of exactly these bytes under the app's secret. In constant time. An empty secret
 * verifies nothing.
 */
bool whatsapp_verify(struct str secret, struct str signature, struct str body);

/*
 * Whether a GET with these hub.mode and hub.verify_token, already URL-decoded, may be answered
 * with its hub.challenge. In constant time. An empty expected token allows nothing.
 */
bool whatsapp_challenge(struct str mode, struct str token, struct str expected);

/*
 * A delivery's events, in the order of the delivery. Everything is copied into `into`; `body`
 * is borrowed. ERR_REJECT when the body as a whole is not one: not JSON (also U+0000, a lone
 * surrogate, a key twice), not of a WhatsApp business account, too many items. Park it then.
 *
 * What a reader of these events should know beyond message.h:
 * - `id` is the message's id; for a status "<message id>:<status>" (a group's also names the
 *   participant); for anything else a hash of business, time and content, so that the same
 *   notification sent twice has the same id. An account error carries no time of its own: the
 *   same words from the same number have the same id whenever they come.
 * - a status has our message's id in `context`; a group's has `detail` "group".
 * - a sender without phone number has only `user_id`. A sender's id that is not a number is
 *   kept as `user_id`, so that `person_address` is never empty.
 * - a message of a known type whose content is missing is EVENT_UNSUPPORTED with that type in
 *   `detail`: its sender awaits an answer. `error` is Meta's reason where one was given.
 * - coordinates that are missing or no coordinates are NAN.
 * - a flow's answer (nfm_reply) is a choice: `choice` is the flow token (else the flow's name),
 *   `text` the answers as JSON. A call permission is the choice "call_permission:accept".
 * - shared contacts are lines of names and numbers in `text`; `detail` is their origin, where
 *   it is given ("contact_request..." when we asked for the number).
 * - an order's `detail` is the catalogue, `detail2` its items as JSON.
 * - a message in a group is EVENT_OTHER "group_message": we do not talk in groups.
 */
MUST_USE bool whatsapp_decode(struct arena *into, struct str body, struct inbound_batch *batch,
                              struct err *err);

/* --- requests ----------------------------------------------------------------------------- */

/* Who asks: the API's address with its version ("https://graph.facebook.com/v26.0") and token.
 * Borrowed; requests copy what they need. */
struct whatsapp_sender {
    struct str base;
    struct str token;
};

/*
 * The request that sends a message. Every field is cut to Meta's limit between graphemes;
 * button titles that become equal by it are told apart by a number. ERR_REJECT for what cannot
 * be said: nobody to send to, no words, no or too many options, an id over 200 (rows) or 256
 * bytes (buttons), an id twice, a link that is none.
 */
MUST_USE bool whatsapp_encode(struct arena *into, const struct whatsapp_sender *sender,
                              const struct outbound *message, struct http_request *request,
                              struct err *err);

/* Mark a message (and all before it) as read; with `typing` also show that we write, which
 * lasts until our message or 25 s. */
MUST_USE bool whatsapp_encode_read(struct arena *into, const struct whatsapp_sender *sender,
                                   struct str account, struct str message_id, bool typing,
                                   struct http_request *request, struct err *err);

/* Where a picture or document lies: its url lives five minutes. */
MUST_USE bool whatsapp_encode_media_lookup(struct arena *into,
                                           const struct whatsapp_sender *sender,
                                           struct str account, struct str media_id,
                                           struct http_request *request, struct err *err);

/* What the look-up says of a file. */
struct whatsapp_file {
    struct str url;
    int64_t size; /* -1: not said */
    struct hash sha256;
    bool has_sha256;
};

/* Read the answer to a look-up. ERR_REJECT when there is no such file, ERR_RETRY when it could
 * not be told this time. */
MUST_USE bool whatsapp_read_file(struct arena *into, const struct http_answer *answer,
                                 struct whatsapp_file *file, struct err *err);

/* Fetch it from the address that the look-up gave. ERR_REJECT for an address that is neither
 * Meta's nor at the API's own origin: the request carries the token. */
MUST_USE bool whatsapp_encode_media_fetch(struct arena *into,
                                          const struct whatsapp_sender *sender, struct str url,
                                          struct http_request *request, struct err *err);

/* Give Meta a file, so that messages can name it. ERR_REJECT for a kind or size that it does
 * not take (JPEG and PNG of 5 MB, PDF of 100 MB). */
MUST_USE bool whatsapp_encode_upload(struct arena *into, const struct whatsapp_sender *sender,
                                     struct str account, const struct outbound_file *file,
                                     struct http_request *request, struct err *err);

/* A page of the business account's templates; `after` is the cursor of the page before, or
 * empty. */
MUST_USE bool whatsapp_encode_templates(struct arena *into,
                                        const struct whatsapp_sender *sender,
                                        struct str business, struct str after,
                                        struct http_request *request, struct err *err);

/* The cheapest question that shows whether token and number fit together: for the doctor. */
MUST_USE bool whatsapp_encode_whoami(struct arena *into, const struct whatsapp_sender *sender,
                                     struct str account, struct http_request *request,
                                     struct err *err);

/* --- answers ------------------------------------------------------------------------------ */

/*
 * What became of a sending. Decided by Meta's error code where there is one, not by the HTTP
 * status. A lost answer, a 5xx without Meta's own error, and a 200 that cannot be read are
 * SENDING_UNKNOWN: the message may have been taken.
 */
void whatsapp_answer(struct arena *into, const struct http_answer *answer,
                     struct sending_result *result);

/* The same for an error code that comes later, in a failed status. */
void whatsapp_error(struct arena *into, int code, struct sending_result *result);

/* What became of an upload: ACCEPTED with the file's handle in `provider_id`, which is good for
 * 30 days and for this number only; else as for a sending. */
void whatsapp_answer_upload(struct arena *into, const struct http_answer *answer,
                            struct sending_result *result);
