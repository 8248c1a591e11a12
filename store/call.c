/*
 * One flight in a transaction of its own: BEGIN, who it is for, the queries, COMMIT, and all of
 * it in one round trip. When something fails the transaction is left open and failed; releasing
 * the connection rolls it back.
 */
#include "store/db_parts.h"

void call_init(struct db_call *call, struct arena *into, struct uuid org)
{
    *call = (struct db_call){.into = into, .org = org};
    flight_init(&call->flight, into);
}

void call_add(struct db_call *call, const struct sql *sql, const struct db_param *params)
{
    flight_add(NULL, &call->flight, sql, params);
    call->n++;
}

/* How many queries stand before the caller's. */
static size_t frame_len(const struct db_call *call)
{
    if (uuid_is_none(call->org) && uuid_is_none(call->customer))
        return 0; /* a flight alone is a transaction too */
    return 1 + (uuid_is_none(call->org) ? 0u : 1u) + (uuid_is_none(call->customer) ? 0u : 1u);
}

static void call_end(struct db_call *call, const struct err *err)
{
    call->err = *err;
    call->done(call);
}

static void flight_done(struct db_flight *flight)
{
    struct db_call *call = CONTAINER_OF(flight, struct db_call, flight);
    size_t frame = frame_len(call);
    call->results = flight->results + frame;
    memcpy(call->sqlstate, flight->sqlstate, sizeof(call->sqlstate));
    struct err err = flight->err;
    db_release(call->internal, call->lease.conn);
    call_end(call, &err);
}

static void frame_begin(struct db_call *call, struct db_flight *flight)
{
    if (frame_len(call) == 0)
        return;
    flight_add_text(NULL, flight, "BEGIN");
    if (!uuid_is_none(call->org))
        flight_set_org(NULL, flight, call->org);
    if (!uuid_is_none(call->customer))
        flight_set_customer(NULL, flight, call->customer);
}

static void lease_done(struct db_lease *lease)
{
    struct db_call *call = CONTAINER_OF(lease, struct db_call, lease);
    if (!lease->conn) {
        struct err err = lease->err;
        call_end(call, &err);
        return;
    }
    struct db_flight framed;
    flight_init(&framed, call->into);
    frame_begin(call, &framed);
    const struct flight_query *queries = call->flight.internal;
    for (size_t i = 0; i < call->n; i++)
        flight_add_query(&framed, &queries[i]);
    if (frame_len(call) > 0)
        flight_add_text(NULL, &framed, "COMMIT");
    call->flight = framed;
    call->flight.deadline = call->deadline;
    call->flight.done = flight_done;
    flight_go(lease->conn, &call->flight);
}

void db_call(struct db *db, struct db_call *call)
{
    call->internal = db;
    call->lease.deadline = call->deadline;
    call->lease.done = lease_done;
    db_lease(db, &call->lease);
}
