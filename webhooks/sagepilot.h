/*
 * Sagepilot's {"event_type", "payload", "source"} as events of ours (webhooks/crm_event.h).
 * Pure.
 *
 * Sagepilot publishes no API, so this is what can be told for sure: the names of events, and
 * that a payload is either the thing itself or has it as a member ("order": {...}). Names of
 * members that its kind uses are ours or are renamed; what is missing then is told as a fault,
 * like anybody's. The delivery's webhook-id is the event's id, and its time stands in for one
 * that the payload does not tell.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

enum sagepilot_kind {
    SAGEPILOT_NOT,    /* another shape: somebody else's */
    SAGEPILOT_KNOWN,  /* `event` is a CloudEvent as JSON */
    SAGEPILOT_UNKNOWN /* a type that nothing of ours is told by */
};

/* `id` and `stamp` (unix seconds) are the delivery's signed headers. `type` is Sagepilot's. */
enum sagepilot_kind sagepilot_event(struct arena *into, struct str id, struct str stamp,
                                    struct str body, struct str *event, struct str *type);
