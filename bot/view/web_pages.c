/* The index and an order: what the database says, handed to the page. */
#include "bot/view/web_inside.h"

#include "bot/loop/log.h"
#include "bot/view/link.h"
#include "store/sql.h"

#define ORDERS_A_PAGE 25
#define PAPERS_A_PAGE 30
#define PAGES_MAX     1000

/* The i-th result as values; false when the call failed, and then that is answered. */
static bool values_of(struct web_visit *visit, size_t i, const struct list **list)
{
    struct value value = value_none();
    struct err err = visit->call.err;

    if (err.code == ERR_NONE &&
        rows_to_values(&visit->exchange->arena, visit->call.results[i], &value, &err) &&
        value.kind == VALUE_LIST) {
        *list = value.list;
        return true;
    }
    log_event(err.code == ERR_RETRY || err.code == ERR_CANCELED ? LOG_WARN : LOG_ALERT,
              "web.lookup_failed", LOG_ID("org", visit->org), LOG_ERR(&err));
    web_show_plain(visit, 503, "sorry");
    return false;
}

/* $1 and $2 stand for the business and the customer in each. */
static struct db_param *params_for(struct web_visit *visit, size_t n)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, n);

    params[0] = param_uuid(arena, visit->org);
    params[1] = param_uuid(arena, visit->customer);
    return params;
}

static void add_papers(struct web_visit *visit, struct str order)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = params_for(visit, 5);

    params[2] = order.len > 0 ? param_text(order) : param_null();
    params[3] = param_time(arena, visit->page.locale.now);
    params[4] = param_int4(arena, PAPERS_A_PAGE);
    call_add(&visit->call, &SQL_PORTAL_PAPERS, params);
}

static struct db_param param_lang(const struct web_visit *visit)
{
    return param_text(str_from(lang_code(visit->page.locale.lang)));
}

/* --- files -------------------------------------------------------------------------------- */

/* Where its reader, and nobody else, gets a file for a day: a path of ours. */
static struct str source_of(struct web_visit *visit, struct str document)
{
    const struct config *config = visit->web->worker->config;
    usec_t now = visit->page.locale.now;
    struct link_file file = {
        .org = visit->org, .customer = visit->customer, .end = link_file_end(now, now)};
    struct str url = STR_NONE;

    if (uuid_parse(document, &file.document))
        url = link_file_make(&visit->exchange->arena, config, &file);
    return url.len > 0 ? str_slice(url, config->public_url.len, url.len) : url;
}

const struct list *web_sources(struct web_visit *visit, const struct list *rows)
{
    struct arena *arena = &visit->exchange->arena;
    struct value *items = arena_array(arena, struct value, rows->n + 1);
    struct list *list = arena_new(arena, struct list);

    for (size_t i = 0; i < rows->n; i++) {
        struct value document = record_get(rows->items[i].record, STR("document"));
        struct record_builder row;

        record_build(&row, arena);
        record_set_all(&row, rows->items[i].record);
        if (document.kind == VALUE_TEXT)
            record_set(&row, STR("src"), value_text(source_of(visit, document.text)));
        items[i] = value_record(record_built(&row));
    }
    *list = (struct list){items, rows->n};
    return list;
}

/* --- the index ---------------------------------------------------------------------------- */

static void index_found(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    struct web_index *index = &visit->index;

    if (!values_of(visit, 0, &index->orders) || !values_of(visit, 1, &index->papers))
        return;
    index->papers = web_sources(visit, index->papers);
    if (index->orders->n > ORDERS_A_PAGE) {
        struct list *fewer = arena_new(&visit->exchange->arena, struct list);
        *fewer = (struct list){index->orders->items, ORDERS_A_PAGE};
        index->orders = fewer;
        index->more = true;
    }
    if (index->page > 0)
        index->papers = NULL; /* they stand on the first */
    web_show(visit, 200, web_index_page(&visit->exchange->arena, &visit->page, index));
}

void web_index(struct web_visit *visit, struct str rest)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = params_for(visit, 5);
    int64_t page;

    (void)rest;
    web_base(visit);
    if (str_to_int(http_query(visit->exchange, "page"), &page) && page > 0 && page < PAGES_MAX)
        visit->index.page = (unsigned)page;
    params[2] = param_lang(visit);
    params[3] = param_int4(arena, (int32_t)(visit->index.page * ORDERS_A_PAGE));
    params[4] = param_int4(arena, ORDERS_A_PAGE + 1);
    web_call_init(visit, index_found);
    call_add(&visit->call, &SQL_PORTAL_ORDERS, params);
    add_papers(visit, STR_NONE);
    db_call(visit->web->db, &visit->call);
}

/* --- an order ----------------------------------------------------------------------------- */

static void order_found(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    struct str number = str_slice(visit->tail, strlen("/orders/"), visit->tail.len);
    const struct list *orders;
    struct web_order order;

    if (!values_of(visit, 0, &orders) || !values_of(visit, 1, &order.timeline) ||
        !values_of(visit, 2, &order.shipments) || !values_of(visit, 3, &order.photos) ||
        !values_of(visit, 4, &order.papers))
        return;
    order.order = orders->n > 0 ? orders->items[0].record : NULL;
    if (order.order == NULL ||
        !str_eq(record_get(order.order, STR("number")).text, number)) { /* not one like it */
        web_show_plain(visit, 404, "missing");
        return;
    }
    order.photos = web_sources(visit, order.photos);
    order.papers = web_sources(visit, order.papers);
    web_show(visit, 200, web_order_page(&visit->exchange->arena, &visit->page, &order));
}

void web_order(struct web_visit *visit, struct str rest)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = params_for(visit, 5);
    struct db_param *timeline = params_for(visit, 4);

    web_base(visit);
    rest = str_sane(arena, rest);
    params[2] = timeline[2] = param_text(rest);
    params[3] = timeline[3] = param_lang(visit);
    params[4] = param_time(arena, visit->page.locale.now);
    web_call_init(visit, order_found);
    call_add(&visit->call, &SQL_ORDER_BY_NUMBER, params);
    call_add(&visit->call, &SQL_ORDER_TIMELINE, timeline);
    call_add(&visit->call, &SQL_ORDER_SHIPMENTS, timeline);
    call_add(&visit->call, &SQL_PORTAL_PHOTOS, timeline);
    add_papers(visit, rest);
    db_call(visit->web->db, &visit->call);
}
