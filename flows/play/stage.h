/*
 * A make-believe business as data: what loads and actions answer when a transcript is played,
 * so that who writes a flow needs neither a compiler nor a database.
 *
 *     now: 2026-11-20 10:00            # UTC; when every transcript begins
 *     zone: Europe/Dublin
 *     facts: {business: {name: Harbour Goods}}
 *     answers: {order_figures: {active: 1, in_transit: 0, delivered: 2}}
 *     customers:
 *       ana:                           # as in "customer: ana"
 *         facts: {customer: {name: Ana}}
 *         tables: {orders: [{number: ORD-1, total: 19.90 EUR, placed_at: -3d}]}
 *         answers: {orders_list: {rows: orders}}
 *
 * An *answer* is
 *   - of a load: a list of rows, or one record; `nothing` is no record at all;
 *   - of an action: an outcome, or a record with `outcome` and what else it brings; a list of
 *     them answers the first time with the first, then with the next, the last for ever;
 *   - `{rows: TABLE}` or `{row: TABLE}`: the rows (or the first row) of a customer's table,
 *     with `is: {filter: [status, phase]}` those of which one of the fields is the variable's
 *     value (ends with it, from three characters on; "all" is all), and with `has: {words:
 *     [number, item]}` those in which one of the fields has it; pages follow `offset`;
 *   - `{cases: [{when: {number: ORD-1}, give: ANSWER}, {give: ANSWER}]}`: the first that fits.
 *
 * A *value* is a whole number, `true`, `false`, money ("19.90 EUR"), a time ("-3d", "+2h",
 * "now", "2026-11-20 10:00"), a record, a list, or text; what stands in quotes is text.
 */
#pragma once

#include "flows/flows.h"

struct stage;

/* The stage that a file describes; `into` keeps it. ERR_REJECT with file, line and reason. */
MUST_USE bool stage_read(struct arena *into, struct str file, struct str bytes,
                         struct stage **stage, struct err *err);

/* One of its own for a transcript, which may change it; of NULL, an empty one. */
struct stage *stage_copy(struct arena *into, const struct stage *stage);

/* A line "NAME: ANSWER" from here on answers that load or action before anything else; "NAME:
 * VALUE" of one of the facts business, customer, channel and session is that fact. */
MUST_USE bool stage_set(struct stage *stage, struct str line, struct err *err);

/* "3d", "2h", "30m" or "5s" as a time. False: something else. */
bool stage_span(struct str text, usec_t *span);

usec_t stage_now(const struct stage *stage);
struct str stage_zone(const struct stage *stage);

/* `others` (may be NULL) with the stage's facts over them. */
const struct record *stage_facts(const struct stage *stage, struct arena *into,
                                 struct str customer, const struct record *others);

/* `*known` tells whether the stage answers at all. ERR_REJECT when its answer makes no sense.
 */
MUST_USE bool stage_answer(struct stage *stage, struct arena *into, struct str customer,
                           const struct flow_need *need, struct flow_answer *answer,
                           bool *known, struct err *err);
