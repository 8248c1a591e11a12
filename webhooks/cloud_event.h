/*
 * CloudEvents 1.0 as HTTP carries them: structured, batched and binary. Pure.
 *
 * "Producers MUST ensure that source + id is unique for each distinct event." Of the extensions
 * two mean something here: `version` counts the states of a subject, and `causeid` is the same
 * for events of one cause. An extension's name has only letters and digits, hence no cause_id.
 */
#pragma once

#include "webhooks/shape.h"

#define CLOUD_EVENTS_MAX 1000 /* in a batch */

struct cloud_event {
    size_t at; /* its place in the batch, from 0 */
    struct str id, source, type;
    struct str cause; /* empty: none */
    usec_t time;      /* 0: none */
    bool has_version;
    int64_t version;
    const json_t *data; /* NULL: none; lives as long as the arena */
};

/* What is wrong with an event of the batch. */
struct cloud_fault {
    size_t event;
    struct shape_fault fault;
};

struct cloud_batch {
    const struct cloud_event *events; /* the good ones */
    size_t n;
    const struct cloud_fault *faults;
    size_t n_faults;
    size_t read; /* good and bad */
};

/* One HTTP header in binary mode, or empty: "ce-id" and so on. */
struct cloud_headers {
    struct str content_type;
    struct str specversion, id, source, type, time, version, cause;
};

/* Read a body. ERR_REJECT when it is no JSON, or no event or batch at all; an event that is
 * wrong is among the faults. */
MUST_USE bool cloud_events_read(struct arena *into, const struct cloud_headers *headers,
                                struct str body, struct cloud_batch *batch, struct err *err);

/* The attributes, as tables: for the published schemas. */
extern const struct shape cloud_attributes[];
