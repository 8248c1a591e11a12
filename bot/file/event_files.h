/*
 * Files that an event names: where its receiver can have each.
 *
 * The address is signed and ends a week after the event, so it is the same on every attempt,
 * and an event that lies in the database has none. Until the file has been fetched from the
 * customer's provider it answers 503, and 410 when there is none to be had
 * (bot/view/link_files.h).
 */
#pragma once

#include "bot/base/uuid.h"
#include "bot/config/config.h"

/* The data with `url` and `expires_at` beside the `id` of each member of `files`, and of those
 * in `transcript`; as it was where it has none, or where the service has no public address. */
struct str event_files_linked(struct arena *into, const struct config *config, struct uuid org,
                              struct str data, usec_t at);
