/* The first page: what is under way, what was, and the papers. */
#include "templates/web_page_inside.h"

static void put_order(struct web_out *web, const struct record *order)
{
    page_put(&web->out, "<li>");
    web_link(web, NULL, "/orders/", web_field(order, "number"), "");
    page_text(&web->out, web_words(web, "web.order", order));
    page_put(&web->out, " ");
    web_badge(web, order);
    page_put(&web->out, "<span class=\"soft\">");
    page_text(&web->out, web_words(web, "web.order.about", order));
    page_put(&web->out, "</span></a></li>");
}

static bool is_active(const struct record *order)
{
    return str_eq(web_field(order, "phase"), STR("active"));
}

/* Those under way, or those that are over; how many there were. */
static size_t put_orders(struct web_out *web, const struct list *orders, bool active)
{
    size_t n = 0;

    for (size_t i = 0; i < web_count(orders); i++) {
        if (is_active(web_row(orders, i)) != active)
            continue;
        if (n++ == 0)
            page_put(&web->out, "<ul class=\"cards\">");
        put_order(web, web_row(orders, i));
    }
    if (n > 0)
        page_put(&web->out, "</ul>");
    return n;
}

static void put_heading(struct web_out *web, const char *id, const char *key)
{
    page_put(&web->out, "<h2 id=\"");
    page_put(&web->out, id);
    page_put(&web->out, "\">");
    page_text(&web->out, web_words(web, key, NULL));
    page_put(&web->out, "</h2>");
}

static size_t count_active(const struct list *orders)
{
    size_t n = 0;

    for (size_t i = 0; i < web_count(orders); i++)
        n += is_active(web_row(orders, i)) ? 1 : 0;
    return n;
}

static void put_pager(struct web_out *web, const struct web_index *index)
{
    struct arena *arena = web->out.into;

    if (!index->more && index->page == 0)
        return;
    page_put(&web->out, "<p>");
    if (index->page > 0) {
        web_link(web, "tap", "?page=", arena_format(arena, "%u", index->page - 1), "");
        page_text(&web->out, web_words(web, "web.newer", NULL));
        page_put(&web->out, "</a> ");
    }
    if (index->more) {
        web_link(web, "tap", "?page=", arena_format(arena, "%u", index->page + 1), "");
        page_text(&web->out, web_words(web, "web.older", NULL));
        page_put(&web->out, "</a>");
    }
    page_put(&web->out, "</p>");
}

static void put_ways(struct web_out *web, const struct web_index *index)
{
    page_put(&web->out, "<p>");
    if (web_count(index->orders) > 0 || web_count(index->papers) > 0) {
        web_link(web, "button quiet", "/documents.zip", STR(""), "");
        page_text(&web->out, web_words(web, "web.zip", NULL));
        page_put(&web->out, "</a> ");
    }
    web_link(web, "button quiet", "/report", STR(""), "");
    page_text(&web->out, web_words(web, "web.report.title", NULL));
    page_put(&web->out, "</a></p>");
}

static void put_sections(struct web_out *web, const struct web_index *index)
{
    size_t active = count_active(index->orders);

    page_put(&web->out, "<section aria-labelledby=\"active\">");
    if (index->page == 0 || active > 0)
        put_heading(web, "active", "web.active");
    if (put_orders(web, index->orders, true) == 0 && index->page == 0)
        web_say(web, "p", "orders.none_active", NULL);
    page_put(&web->out, "</section>");
    if (web_count(index->orders) > active) {
        page_put(&web->out, "<section aria-labelledby=\"earlier\">");
        put_heading(web, "earlier", "web.earlier");
        (void)put_orders(web, index->orders, false);
        page_put(&web->out, "</section>");
    }
    put_pager(web, index);
    web_papers(web, index->papers);
    if (index->page == 0)
        put_ways(web, index);
}

struct str web_index_page(struct arena *into, const struct web_page *page,
                          const struct web_index *index)
{
    struct record_builder values;
    struct web_out web = {.page = page, .out = {.into = into}};

    record_build(&values, into);
    if (page->customer.len > 0)
        record_set(&values, STR("name"), value_text(page->customer));
    web_begin(&web, into, page, web_words(&web, "web.title", NULL));
    web_say(&web, "h1", "web.hello", record_built(&values));
    put_sections(&web, index);
    return web_end(&web);
}
