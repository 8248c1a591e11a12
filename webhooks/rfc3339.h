/*
 * Instants as RFC 3339 writes them: "2026-11-21T10:20:00.5+01:00". Pure.
 */
#pragma once

#include "bot/base/arena.h"

/* False unless all of the text is one, from 1970 to 9999. A leap second is the next minute's
 * first; digits beyond microseconds are cut. */
MUST_USE bool rfc3339_read(struct str text, usec_t *at);

/* In UTC, with microseconds. */
struct str rfc3339_write(struct arena *into, usec_t at);
