/*
 * What C offers to flows. Each line is a contract: the shell binds the name to a store module
 * that takes these variables and gives these fields.
 *
 * order_figures    one record: active, in_transit, delivered (all ints)
 * orders_list      up to 11 rows from `offset`, newest first: number, workflow, status,
 *                  placed_at, total, items_count, expected_at. `filter` is one of all, active,
 *                  shipped, delivered, cancelled; `words` are looked for in numbers and items
 * order_by_number  one record, or none when this customer has no such order: number, workflow,
 *                  status, phase (active, done, cancelled), progress, placed_at, expected_at,
 *                  delivered_at, subtotal, tax, shipping, total, items_count, address,
 *                  instructions, contact; items: qty, description, unit_price, line_total;
 *                  notes: at, text. `number` is as people type it: case, '#', spaces and a
 *                  missing letter prefix do not matter
 * order_timeline   rows in order: status, workflow, at (none while only expected), state (done,
 *                  current, expected), note
 * order_shipments  rows, newest first: carrier, tracking_number, status, shipped_at,
 *                  expected_at, url; events, newest first: at, status, place, text
 *
 * What a row does not have is left out of it.
 */
#include "flows/flows.h"

#define TAKES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* `grave` is written where it is true, as `.grave = true` after the outcomes. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

const struct flow_part flow_parts[] = {
    {FLOW_LOAD, "order_figures", NULL,            NULL                },
    {FLOW_LOAD, "orders_list",   TAKES("?filter", "?offset",            "?words"), NULL},
    {FLOW_LOAD,     "order_by_number",                    TAKES("number"),                           NULL                         },
    {FLOW_LOAD,     "order_timeline",                    TAKES("number"), NULL},
    {FLOW_LOAD,     "order_shipments",                    TAKES("number"),                           NULL                                                  },
};

const size_t flow_parts_n = COUNTOF(flow_parts);
