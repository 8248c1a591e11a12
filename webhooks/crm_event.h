/*
 * Events of a business's CRM: which there are, what each has to have, and how the database
 * takes them. Pure. docs/crm.md tells senders; docs/events/ has the schemas, printed from these
 * tables (tests/support/crm_schema.h).
 */
#pragma once

#include "webhooks/cloud_event.h"

struct crm_type {
    const char *name;  /* "order.upserted" */
    const char *about; /* for the schema */
    const struct shape *data;
    const char *subject; /* the member that names what has versions; NULL: it has none */
};

extern const struct crm_type crm_types[]; /* ends in one without a name */

/* The events of one source, as `crm_take` takes them (store/sql/crm.sql): a JSON array of
 *   {"i","hash","type","subject","version","cause","at","data"}
 * `hash` is of source and id; `version` is the sender's, else the time's microseconds. */
struct crm_batch {
    struct str source;
    struct str events;
    size_t n;
    struct crm_batch *next;
};

struct crm_faults {
    struct arena *into;
    struct cloud_fault *items;
    size_t n, room;
};

void crm_fault(struct crm_faults *faults, size_t event, const struct shape_fault *fault);

/* Check the events and sort the good ones by source, in their order. */
struct crm_batch *crm_events_read(struct arena *into, const struct cloud_batch *batch,
                                  struct crm_faults *faults);

/* The member "errors" of an object that is open; and the object with nothing else in it. */
void crm_faults_put(struct json_out *out, const struct crm_faults *faults);
/* {"errors":[{"event":2,"path":...,"expected":...,"got":...}]} */
struct str crm_faults_json(struct arena *into, const struct crm_faults *faults);
