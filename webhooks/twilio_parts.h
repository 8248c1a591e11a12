/*
 * What the files of the Twilio adapter share, and nobody else uses.
 */
#pragma once

#include "webhooks/twilio.h"

bool twilio_is_address(struct str url); /* http or https, and no byte that is none of one */
bool twilio_is_word(struct str text);   /* letters and digits, 3 to 64: a sid can be no more */

/* Account, token and API as a request needs them. */
MUST_USE bool twilio_check_sender(const struct twilio_sender *sender, struct err *err);

/* A request to the account, with its credentials; `rest` follows the account in the path. */
void twilio_begin(struct arena *into, const struct twilio_sender *sender, const char *method,
                  const char *rest, struct http_request *request);
