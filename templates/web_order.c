/* One order: how it stands, how far it is, what it holds, its parcels, photos and papers. */
#include "templates/web_page_inside.h"

/* --- facts -------------------------------------------------------------------------------- */

static void put_fact(struct web_out *web, const struct record *order, const char *field,
                     const char *label, const char *format)
{
    struct value value = record_get(order, str_from(field));

    if (value.kind == VALUE_NONE)
        return;
    web_say(web, "dt", label, NULL);
    page_element(&web->out, "dd",
                 words_format(web->out.into, &web->page->locale, value, str_from(format)));
}

static void put_facts(struct web_out *web, const struct record *order)
{
    page_put(&web->out, "<dl>");
    put_fact(web, order, "placed_at", "paper.label.placed_at", "date");
    if (record_get(order, STR("delivered_at")).kind == VALUE_NONE)
        put_fact(web, order, "expected_at", "paper.label.expected_at", "day");
    put_fact(web, order, "delivered_at", "paper.label.delivered_at", "date");
    put_fact(web, order, "total", "paper.label.total", "");
    put_fact(web, order, "paid", "paper.label.paid", "");
    put_fact(web, order, "address", "web.label.address", "");
    page_put(&web->out, "</dl>");
}

static void put_items(struct web_out *web, const struct record *order)
{
    struct value items = record_get(order, STR("items"));

    if (items.kind != VALUE_LIST || items.list->n == 0)
        return;
    web_say(web, "h2", "web.items", NULL);
    page_put(&web->out, "<table><thead><tr><th scope=\"col\">");
    page_text(&web->out, web_words(web, "paper.column.description", NULL));
    page_put(&web->out, "</th><th scope=\"col\" class=\"end\">");
    page_text(&web->out, web_words(web, "paper.column.line_total", NULL));
    page_put(&web->out, "</th></tr></thead><tbody>");
    for (size_t i = 0; i < items.list->n && i < 100; i++) {
        page_put(&web->out, "<tr>");
        web_say(web, "td", "web.item", web_row(items.list, i));
        page_put(&web->out, "<td class=\"end\">");
        page_text(&web->out,
                  words_format(web->out.into, &web->page->locale,
                               record_get(web_row(items.list, i), STR("line_total")), STR("")));
        page_put(&web->out, "</td></tr>");
    }
    page_put(&web->out, "</tbody></table>");
}

/* --- how far it is ------------------------------------------------------------------------ */

static void put_timeline(struct web_out *web, const struct list *steps)
{
    if (web_count(steps) == 0)
        return;
    web_say(web, "h2", "web.timeline", NULL);
    page_put(&web->out, "<ol class=\"steps\">");
    for (size_t i = 0; i < steps->n && i < 50; i++) {
        const struct record *step = web_row(steps, i);

        page_put(&web->out, "<li class=\"");
        page_text(&web->out, web_field(step, "state"));
        page_put(&web->out, str_eq(web_field(step, "state"), STR("current"))
                                ? "\" aria-current=\"step\">"
                                : "\">");
        page_text(&web->out, web_words(web, "web.step", step));
        page_put(&web->out, "</li>");
    }
    page_put(&web->out, "</ol>");
}

static bool is_web(struct str url)
{
    return str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
}

static void put_away(struct web_out *web, const char *classes, struct str url)
{
    page_put(&web->out, "<a rel=\"noreferrer\" class=\"");
    page_put(&web->out, classes);
    page_put(&web->out, "\" href=\"");
    page_text(&web->out, url);
    page_put(&web->out, "\">");
}

static void put_shipments(struct web_out *web, const struct list *shipments)
{
    if (web_count(shipments) == 0)
        return;
    web_say(web, "h2", "web.parcels", NULL);
    for (size_t i = 0; i < shipments->n; i++) {
        const struct record *parcel = web_row(shipments, i);
        struct value events = record_get(parcel, STR("events"));

        web_say(web, "h3", "web.parcel", parcel);
        page_put(&web->out, "<ul>");
        for (size_t e = 0; events.kind == VALUE_LIST && e < events.list->n && e < 20; e++)
            web_say(web, "li", "web.parcel.event", web_row(events.list, e));
        page_put(&web->out, "</ul>");
        if (is_web(web_field(parcel, "url"))) {
            put_away(web, "tap", web_field(parcel, "url"));
            page_text(&web->out, web_words(web, "tracking.link.label", NULL));
            page_put(&web->out, "</a>");
        }
    }
}

static void put_notes(struct web_out *web, const struct record *order)
{
    struct value notes = record_get(order, STR("notes"));

    if (notes.kind != VALUE_LIST || notes.list->n == 0)
        return;
    web_say(web, "h2", "web.notes", NULL);
    page_put(&web->out, "<ul>");
    for (size_t i = 0; i < notes.list->n && i < 50; i++)
        web_say(web, "li", "web.note", web_row(notes.list, i));
    page_put(&web->out, "</ul>");
}

/* --- photos ------------------------------------------------------------------------------- */

static void put_number(struct web_out *web, const char *name, const struct record *photo)
{
    struct value value = record_get(photo, str_from(name));

    if (value.kind == VALUE_INT && value.number > 0) {
        page_put(&web->out,
                 arena_format(web->out.into, " %s=\"%lld\"", name, (long long)value.number).at);
    }
}

/* A picture that we keep is shown; one that lies elsewhere is only led to, since no page of
 * ours fetches from others. */
static void put_photo(struct web_out *web, const struct record *photo)
{
    struct str src = web_field(photo, "src"), url = web_field(photo, "url");
    struct str words = web_words(web, "web.photo", photo);
    bool shown = src.len > 0 && str_starts(web_field(photo, "mime"), STR("image/"));

    if (src.len == 0 && !is_web(url))
        return;
    page_put(&web->out, "<figure>");
    put_away(web, "tap", src.len > 0 ? src : url);
    if (shown) {
        page_put(&web->out, "<img loading=\"lazy\" src=\"");
        page_text(&web->out, src);
        page_put(&web->out, "\" alt=\"");
        page_text(&web->out, words);
        page_put(&web->out, "\"");
        put_number(web, "width", photo);
        put_number(web, "height", photo);
        page_put(&web->out, ">");
    } else {
        page_text(&web->out, words);
    }
    page_put(&web->out, "</a>");
    if (shown)
        page_element(&web->out, "figcaption", words);
    page_put(&web->out, "</figure>");
}

static void put_photos(struct web_out *web, const struct list *photos)
{
    if (web_count(photos) == 0)
        return;
    web_say(web, "h2", "web.photos", NULL);
    page_put(&web->out, "<div class=\"photos\">");
    for (size_t i = 0; i < photos->n; i++)
        put_photo(web, web_row(photos, i));
    page_put(&web->out, "</div>");
}

struct str web_order_page(struct arena *into, const struct web_page *page,
                          const struct web_order *order)
{
    struct web_out web = {.page = page, .out = {.into = into}};
    struct str title = web_words(&web, "web.order", order->order);

    web_begin(&web, into, page, title);
    web_back(&web);
    page_put(&web.out, "<h1>");
    page_text(&web.out, title);
    page_put(&web.out, " ");
    web_badge(&web, order->order);
    page_put(&web.out, "</h1>");
    put_facts(&web, order->order);
    put_timeline(&web, order->timeline);
    put_shipments(&web, order->shipments);
    put_items(&web, order->order);
    put_notes(&web, order->order);
    put_photos(&web, order->photos);
    web_papers(&web, order->papers);
    page_put(&web.out, "<p>");
    web_link(&web, "button quiet", "/report?order=", web_field(order->order, "number"), "");
    page_text(&web.out, web_words(&web, "web.report.title", NULL));
    page_put(&web.out, "</a></p>");
    return web_end(&web);
}
