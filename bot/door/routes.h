/*
 * What the service answers over HTTP, as a table: webhooks, health, figures.
 */
#pragma once

#include "bot/worker.h"

void routes_handle(struct http_handler *handler, struct http_exchange *exchange);
