/*
 * The part between plus and at of the address that our mails are answered to
 * ("support+<token>@shop.example"): it names the conversation, and nobody else can make it.
 *
 * Whoever answers with it has read our mail in that mailbox. So it vouches for a sender for
 * whom their mail provider does not; it is no key to anything else. It holds as long as the
 * service's key does.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/uuid.h"
#include "bot/config/config.h"

#define MAIL_TOKEN_LEN 45 /* of the 64 that stand before an at */

/* Empty when the service has no key. */
struct str mail_token(struct arena *into, const struct config *config,
                      struct uuid conversation);

/* Whether `token` is that of `conversation`. Letters count as equal in either case: mail
 * programs change them. */
bool mail_token_is(const struct config *config, struct str token, struct uuid conversation);
