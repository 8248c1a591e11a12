/*
 * Where Stripe's page leads back to: it says that the conversation goes on, and nothing about
 * whose payment it was. Whether something was paid is not taken from here: the webhook says it.
 */
#pragma once

#include "bot/worker.h"

/* GET /pay/done?lang=.. and /pay/back?lang=.. */
void pay_pages_done(struct worker *worker, struct http_exchange *exchange);
void pay_pages_back(struct worker *worker, struct http_exchange *exchange);
