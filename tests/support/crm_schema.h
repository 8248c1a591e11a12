/*
 * The schemas of docs/events, printed from the tables that events are read by.
 */
#pragma once

#include "webhooks/crm_event.h"

/* Of a whole event, as it is published: indented, with a line break at its end. */
struct str crm_schema(struct arena *into, const struct crm_type *type);
