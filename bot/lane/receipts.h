/*
 * Read receipts, with the typing sign: a kindness, not a promise.
 *
 * They go out at once after the commit, are never repeated, and are left out when the provider
 * is slow: nothing that must be kept depends on them.
 */
#pragma once

#include "bot/turn/accounts.h"
#include "bot/worker.h"

void receipts_send(struct worker *worker, const struct account *account, struct str message_id);
