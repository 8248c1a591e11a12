/*
 * What may stand in a flow, told to editors: a JSON Schema (draft 7), so that they complete
 * names and underline what means nothing. It says less than the checker, which also proves what
 * follows from what; a test holds its entries to those that the loader takes.
 */
#pragma once

#include "flows/flows.h"

/* Where an entry stands. */
enum schema_place {
    SCHEMA_FLOW,
    SCHEMA_STATE,
    SCHEMA_LOAD,
    SCHEMA_WAY,
    SCHEMA_SAYING,
    SCHEMA_CHOICE,
    SCHEMA_ASK_TEXT,
    SCHEMA_ASK_LIST,
    SCHEMA_ASK_BUTTONS,
    SCHEMA_ASK_LINK,
    SCHEMA_ASK_MEDIA,
    SCHEMA_PLACES
};

struct schema_entry {
    enum schema_place place;
    bool wanted; /* must be there */
    const char *name;
    const char *type; /* a definition's name */
    const char *told; /* what it means, for who hovers over it */
};

extern const struct schema_entry schema_entries[];
extern const size_t schema_entries_n;

/* The whole, with the names of what C offers. */
struct str schema_text(struct arena *into);
