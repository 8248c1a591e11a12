/*
 * The API of a business's people and programs, under /v1/: a door as bot/door/desk_door.h has
 * them. Whose key a request shows decides for which business it is and what it may do; what is
 * done is one transaction, once under an Idempotency-Key, and in the audit under the key's
 * name.
 *
 *     api_key.c     what a key looks like
 *     api_rate.c    how often it may be used
 *     api_routes.c  which requests there are
 *     api.c         one of them on its way
 */
#pragma once

#include "bot/worker.h"

struct api;

struct api *api_create(struct worker *worker);
void api_destroy(struct api *api); /* accepts NULL */

/* Answers now or later; `exchange->path` begins with "/v1/". */
void api_handle(struct api *api, struct http_exchange *exchange);
