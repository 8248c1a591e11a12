/*
 * An event as one line of JSON: what `parley decode` prints for an operator with a puzzling
 * delivery.
 *
 * Only the members that apply are written, in a fixed order, so that lines can be compared and
 * fed to other tools. Member names are stable. The line holds what people wrote: it is for a
 * terminal, never for the log.
 */
#pragma once

#include "bot/base/message.h"

/* Compact, without a line break at its end. */
struct str event_to_json(struct arena *into, const struct event *event);
