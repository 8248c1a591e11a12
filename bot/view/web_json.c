/*
 * The same behind a link for programs: JSON with the names of the first of such portals.
 *
 *     GET  /api/portal/customer/<token>/orders                        ?page=N
 *     GET  .../orders/<number>
 *     GET  .../orders/<number>/tracking
 *     GET  .../orders/<number>/documents/<doc>     as the order lists them: "invoice:INV-7"
 *     POST .../orders/<number>/report-issue        a form (web_report.c)
 *
 * Whose link it is, how often it may be asked and what may be seen is settled before, as for
 * the pages (web.c). Amounts are decimals in a text, beside their currency; times RFC 3339.
 */
#include "bot/view/web_inside.h"

#include "bot/base/json_out.h"
#include "bot/loop/log.h"
#include "store/sql.h"
#include "webhooks/rfc3339.h"

#define ORDERS_A_PAGE 50
#define PAPERS_MAX    50
#define PAGES_MAX     1000

/* Ours, and as it is called here. */
struct member {
    const char *ours, *theirs;
};

static const struct member order_members[] = {
    {"number",      "order_number"    },
    {"placed_at",   "order_date"      },
    {"status",      "status"          },
    {"status_name", "status_name"     },
    {"total",       "total_amount"    },
    {"items_count", "items_count"     },
    {"address",     "delivery_address"},
    {"subtotal",    "subtotal"        },
    {"tax",         "tax"             },
    {"shipping",    "shipping"        },
    {"paid",        "paid"            },
    {NULL,          NULL              },
};
static const struct member item_members[] = {
    {"item_code",   "item_code"  },
    {"description", "description"},
    {"qty",         "qty_ordered"},
    {"unit_price",  "unit_price" },
    {"line_total",  "line_total" },
    {NULL,          NULL         },
};
static const struct member step_members[] = {
    {"status",      "status"     },
    {"status_name", "status_name"},
    {"at",          "at"         },
    {"state",       "state"      },
    {"note",        "note"       },
    {NULL,          NULL         },
};
static const struct member parcel_members[] = {
    {"carrier",         "carrier"        },
    {"tracking_number", "tracking_number"},
    {"status",          "status"         },
    {"shipped_at",      "shipped_at"     },
    {"expected_at",     "expected_at"    },
    {"url",             "url"            },
    {NULL,              NULL             },
};
static const struct member event_members[] = {
    {"status", "status"     },
    {"at",     "at"         },
    {"place",  "location"   },
    {"text",   "description"},
    {NULL,     NULL         },
};

/* --- writing ------------------------------------------------------------------------------ */

static void show(struct web_visit *visit, int status, struct json_out *out)
{
    static const char *const headers[] = {"Referrer-Policy: no-referrer",
                                          "X-Content-Type-Options: nosniff",
                                          "X-Robots-Tag: noindex, nofollow",
                                          "Cache-Control: no-store",
                                          "Retry-After: 10",
                                          NULL};
    static const char *const plain[] = {
        "Referrer-Policy: no-referrer", "X-Content-Type-Options: nosniff",
        "X-Robots-Tag: noindex, nofollow", "Cache-Control: no-store", NULL};

    http_reply(visit->exchange, status, "application/json", json_out_text(out),
               status == 503 || status == 429 ? headers : plain);
}

static void put_value(struct json_out *out, const char *name, struct value value)
{
    switch (value.kind) {
    case VALUE_TEXT:
        json_member(out, name, value.text);
        break;
    case VALUE_INT:
        json_key(out, name), json_put_int(out, value.number);
        break;
    case VALUE_MONEY:
        json_member(out, name, money_decimal(out->into, value.money));
        break;
    case VALUE_TIME:
        json_member(out, name, rfc3339_write(out->into, value.time));
        break;
    default: /* nothing, or more than a member is */
        break;
    }
}

static void put_members(struct json_out *out, const struct record *record,
                        const struct member *members)
{
    for (; members->ours != NULL; members++)
        put_value(out, members->theirs, record_get(record, str_from(members->ours)));
}

static void put_list(struct json_out *out, const char *name, struct value rows,
                     const struct member *members)
{
    size_t n = rows.kind == VALUE_LIST ? rows.list->n : 0;

    json_open_in(out, name, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(out, '{');
        put_members(out, rows.list->items[i].record, members);
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* What an order has on a list and by itself. */
static void put_order(struct json_out *out, const struct record *order)
{
    struct value total = record_get(order, STR("total"));
    struct value day = record_get(order, STR("delivered_at"));

    put_members(out, order, order_members);
    put_value(out, "delivery_date",
              day.kind == VALUE_TIME ? day : record_get(order, STR("expected_at")));
    if (total.kind == VALUE_MONEY)
        json_member(out, "currency", str_from(total.money.currency));
}

void web_json_refuse(struct web_visit *visit, int status, const char *code, struct str words,
                     const char *path)
{
    struct json_out out;

    json_out_init(&out, &visit->exchange->arena, 256);
    json_open(&out, '{');
    json_open_in(&out, "error", '{');
    json_member(&out, "code", str_from(code));
    json_member(&out, "message", words);
    json_member(&out, "path", str_from(path));
    json_close(&out, '}');
    json_close(&out, '}');
    show(visit, status, &out);
}

void web_json_reported(struct web_visit *visit, struct str ticket, struct str words)
{
    struct json_out out;

    json_out_init(&out, &visit->exchange->arena, 256);
    json_open(&out, '{');
    json_member(&out, "ticket", ticket);
    json_member(&out, "message", words);
    json_close(&out, '}');
    show(visit, 201, &out);
}

/* --- looking up --------------------------------------------------------------------------- */

/* False: that was answered. */
static bool rows_of(struct web_visit *visit, size_t i, struct value *rows)
{
    struct err err = visit->call.err;

    if (err.code == ERR_NONE &&
        rows_to_values(&visit->exchange->arena, visit->call.results[i], rows, &err) &&
        rows->kind == VALUE_LIST)
        return true;
    log_event(LOG_WARN, "web.lookup_failed", LOG_ID("org", visit->org), LOG_ERR(&err));
    web_show_plain(visit, 503, "sorry");
    return false;
}

static struct db_param *params_of(struct web_visit *visit, size_t n, struct str number)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, n);

    params[0] = param_uuid(arena, visit->org);
    params[1] = param_uuid(arena, visit->customer);
    params[2] = param_text(number);
    if (n > 3)
        params[3] = param_text(str_from(lang_code(visit->page.locale.lang)));
    return params;
}

static void listed(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    struct value rows;
    struct json_out out;

    if (!rows_of(visit, 0, &rows))
        return;
    json_out_init(&out, &visit->exchange->arena, 4096);
    json_open(&out, '{');
    json_open_in(&out, "orders", '[');
    for (size_t i = 0; i < rows.list->n && i < ORDERS_A_PAGE; i++) {
        json_open(&out, '{');
        put_order(&out, rows.list->items[i].record);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    if (rows.list->n > ORDERS_A_PAGE)
        json_key(&out, "next_page"), json_put_int(&out, visit->index.page + 1);
    json_close(&out, '}');
    show(visit, 200, &out);
}

static void list(struct web_visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = params_of(visit, 5, str_from(lang_code(visit->page.locale.lang)));
    int64_t page;

    if (str_to_int(http_query(visit->exchange, "page"), &page) && page > 0 && page < PAGES_MAX)
        visit->index.page = (unsigned)page;
    params[3] = param_int4(arena, (int32_t)(visit->index.page * ORDERS_A_PAGE));
    params[4] = param_int4(arena, ORDERS_A_PAGE + 1);
    web_call_init(visit, listed);
    call_add(&visit->call, &SQL_PORTAL_ORDERS, params);
    db_call(visit->web->db, &visit->call);
}

/* Papers are asked for by name; a file of the business's has an address of its own. */
static void put_papers(struct json_out *out, struct value papers)
{
    json_open_in(out, "documents", '[');
    for (size_t i = 0; i < papers.list->n; i++) {
        const struct record *paper = papers.list->items[i].record;
        struct str kind = record_get(paper, STR("kind")).text;
        json_open(out, '{');
        json_member(out, "kind", kind);
        put_value(out, "name", record_get(paper, STR("number")));
        put_value(out, "date", record_get(paper, STR("at")));
        if (str_eq(kind, STR("file"))) {
            put_value(out, "url", record_get(paper, STR("src")));
            put_value(out, "url", record_get(paper, STR("url")));
        } else {
            json_member(out, "doc",
                        arena_concat(out->into, kind, STR(":"),
                                     record_get(paper, STR("subject")).text));
        }
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* Theirs, by exactly that number; NULL: that was answered. */
static const struct record *own_order(struct web_visit *visit, struct value orders)
{
    const struct record *order = orders.list->n > 0 ? orders.list->items[0].record : NULL;

    if (order != NULL && str_eq(record_get(order, STR("number")).text, visit->number))
        return order;
    web_show_plain(visit, 404, "missing");
    return NULL;
}

static void found(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    struct value orders, items, timeline, papers;
    const struct record *order;
    struct json_out out;

    if (!rows_of(visit, 0, &orders) || !rows_of(visit, 1, &items) ||
        !rows_of(visit, 2, &timeline) || !rows_of(visit, 3, &papers))
        return;
    order = own_order(visit, orders);
    if (order == NULL)
        return;
    papers.list = web_sources(visit, papers.list);
    json_out_init(&out, &visit->exchange->arena, 4096);
    json_open(&out, '{');
    put_order(&out, order);
    put_list(&out, "items", items, item_members);
    put_list(&out, "timeline", timeline, step_members);
    put_papers(&out, papers);
    json_close(&out, '}');
    show(visit, 200, &out);
}

static void one(struct web_visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *order = params_of(visit, 5, visit->number);
    struct db_param *papers = params_of(visit, 5, visit->number);

    order[4] = param_time(arena, visit->page.locale.now);
    papers[3] = param_time(arena, visit->page.locale.now);
    papers[4] = param_int4(arena, PAPERS_MAX);
    web_call_init(visit, found);
    call_add(&visit->call, &SQL_ORDER_BY_NUMBER, order);
    call_add(&visit->call, &SQL_PORTAL_ITEMS, params_of(visit, 3, visit->number));
    call_add(&visit->call, &SQL_ORDER_TIMELINE, params_of(visit, 4, visit->number));
    call_add(&visit->call, &SQL_PORTAL_PAPERS, papers);
    db_call(visit->web->db, &visit->call);
}

static void tracked(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    struct value orders, parcels;
    struct json_out out;

    if (!rows_of(visit, 0, &orders) || !rows_of(visit, 1, &parcels) ||
        own_order(visit, orders) == NULL)
        return;
    json_out_init(&out, &visit->exchange->arena, 2048);
    json_open(&out, '{');
    json_member(&out, "order_number", visit->number);
    json_open_in(&out, "shipments", '[');
    for (size_t i = 0; i < parcels.list->n; i++) {
        const struct record *parcel = parcels.list->items[i].record;
        json_open(&out, '{');
        put_members(&out, parcel, parcel_members);
        put_list(&out, "tracking_events", record_get(parcel, STR("events")), event_members);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_close(&out, '}');
    show(visit, 200, &out);
}

static void track(struct web_visit *visit)
{
    struct db_param *order = params_of(visit, 5, visit->number);

    order[4] = param_time(&visit->exchange->arena, visit->page.locale.now);
    web_call_init(visit, tracked);
    call_add(&visit->call, &SQL_ORDER_BY_NUMBER, order);
    call_add(&visit->call, &SQL_ORDER_SHIPMENTS, params_of(visit, 3, visit->number));
    db_call(visit->web->db, &visit->call);
}

/* "invoice:INV-7" */
static void document(struct web_visit *visit, struct str doc)
{
    size_t colon = str_find(doc, STR(":"));

    web_paper(visit, arena_format(&visit->exchange->arena, "%.*s/%.*s.pdf", (int)colon, doc.at,
                                  STR_ARG(str_slice(doc, colon + 1, doc.len))));
}

void web_json(struct web_visit *visit)
{
    struct str rest = visit->tail, part, what = STR_NONE, doc = STR_NONE;

    (void)str_split(&rest, '/', &part); /* the tail begins with one */
    if (!str_split(&rest, '/', &part) || !str_eq(part, STR("orders"))) {
        web_show_plain(visit, 404, "missing");
        return;
    }
    if (!str_split(&rest, '/', &part) || part.len == 0) {
        list(visit);
        return;
    }
    visit->number = str_sane(&visit->exchange->arena, part);
    if (!str_split(&rest, '/', &what)) {
        one(visit);
    } else if (str_eq(what, STR("report-issue")) && visit->post) {
        web_report(visit, STR_NONE);
    } else if (str_eq(what, STR("tracking"))) {
        track(visit);
    } else if (str_eq(what, STR("documents")) && str_split(&rest, '/', &doc) && doc.len > 0) {
        document(visit, doc);
    } else {
        web_show_plain(visit, 404, "missing");
    }
}
