/*
 * What the answers of all web APIs have in common, whatever a provider's own words mean: how
 * one that never came is taken, one that is not the provider's, and a wish to be left alone.
 */
#pragma once

#include "bot/base/message.h"

/*
 * The result of a sending that may not be repeated on suspicion. `read` is given an answer that
 * came. One that did not come is SENDING_RETRY when nothing was sent and SENDING_UNKNOWN when
 * something was.
 */
void sending_of(struct arena *into, const struct http_answer *answer,
                void (*read)(struct arena *into, const struct http_answer *answer,
                             struct sending_result *result),
                struct sending_result *result);

/* An answer without the provider's own words, from whoever stands between: only its status
 * counts. `whose` is the provider's name with its 's. */
void sending_by_status(struct arena *into, int status, const char *whose,
                       struct sending_result *result);

/* A wish to be left alone counts for whatever is tried again; a day at most is believed. */
void sending_obey(usec_t retry_after, struct sending_result *result);
