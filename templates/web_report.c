/*
 * The report form: what the chat asks one after the other, on one page. What was filled in
 * stands there again when something has to be looked at once more.
 */
#include "templates/web_page_inside.h"

static const char *const kinds[] = {"damaged", "missing", "wrong_items",
                                    "delayed", "quality", "other"};

static void put_label(struct web_out *web, const char *name, const char *key)
{
    page_put(&web->out, "<label for=\"");
    page_put(&web->out, name);
    page_put(&web->out, "\">");
    page_text(&web->out, web_words(web, key, NULL));
    page_put(&web->out, "</label>");
}

static void put_option(struct web_out *web, struct str value, bool chosen, struct str label)
{
    page_put(&web->out, "<option value=\"");
    page_text(&web->out, value);
    page_put(&web->out, chosen ? "\" selected>" : "\">");
    page_text(&web->out, label);
    page_put(&web->out, "</option>");
}

static void put_orders(struct web_out *web, const struct web_report *report)
{
    put_label(web, "order", "web.report.order");
    page_put(&web->out, "<select id=\"order\" name=\"order\">");
    put_option(web, STR(""), report->order.len == 0,
               web_words(web, "web.report.no_order", NULL));
    for (size_t i = 0; i < web_count(report->orders); i++) {
        const struct record *order = web_row(report->orders, i);
        struct str number = web_field(order, "number");

        put_option(web, number, str_eq(number, report->order),
                   web_words(web, "web.order", order));
    }
    page_put(&web->out, "</select>");
}

static void put_kinds(struct web_out *web, const struct web_report *report)
{
    put_label(web, "kind", "web.report.kind");
    page_put(&web->out, "<select id=\"kind\" name=\"kind\" required>");
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        struct str kind = str_from(kinds[i]);
        const char *key = arena_format(web->out.into, "report.kind.%s", kinds[i]).at;

        put_option(web, kind, str_eq(kind, report->kind), web_words(web, key, NULL));
    }
    page_put(&web->out, "</select>");
}

static void put_form(struct web_out *web, const struct web_report *report)
{
    struct out *out = &web->out;

    page_put(out, "<form method=\"post\" enctype=\"multipart/form-data\" action=\"");
    page_text(out, web->page->base);
    page_put(out, "/report\"><input type=\"hidden\" name=\"once\" value=\"");
    page_text(out, report->once);
    page_put(out, "\">");
    put_orders(web, report);
    put_kinds(web, report);
    put_label(web, "story", "web.report.story");
    page_put(out, "<textarea id=\"story\" name=\"story\" rows=\"6\" minlength=\"10\" "
                  "maxlength=\"1000\" required>\n");
    page_text(out, report->story);
    page_put(out, "</textarea>");
    put_label(web, "email", "web.report.email");
    page_put(out, "<input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"email\" "
                  "maxlength=\"254\" dir=\"ltr\" required value=\"");
    page_text(out, report->email);
    page_put(out, "\">");
    put_label(web, "files", "web.report.files");
    page_put(out, "<input id=\"files\" name=\"files\" type=\"file\" multiple "
                  "accept=\"image/jpeg,image/png,application/pdf\"><p><button>");
    page_text(out, web_words(web, "web.report.send", NULL));
    page_put(out, "</button></p></form>");
}

struct str web_report_page(struct arena *into, const struct web_page *page,
                           const struct web_report *report)
{
    struct web_out web = {.page = page, .out = {.into = into}};
    struct str title = web_words(&web, "web.report.title", NULL);

    web_begin(&web, into, page, title);
    web_back(&web);
    page_element(&web.out, "h1", title);
    if (report->wrong != NULL) {
        page_put(&web.out, "<div class=\"wrong\" role=\"alert\">");
        web_say(&web, "h2", "web.report.wrong", NULL);
        web_say(&web, "p", arena_format(into, "web.report.wrong.%s", report->wrong).at, NULL);
        page_put(&web.out, "</div>");
    }
    put_form(&web, report);
    return web_end(&web);
}

struct str web_reported_page(struct arena *into, const struct web_page *page, struct str ticket)
{
    struct web_out web = {.page = page, .out = {.into = into}};
    struct str title = web_words(&web, "web.reported.title", NULL);
    struct record_builder values;

    record_build(&values, into);
    record_set(&values, STR("ticket"), value_text(ticket));
    web_begin(&web, into, page, title);
    web_back(&web);
    page_element(&web.out, "h1", title);
    web_say(&web, "p", "web.reported.words", record_built(&values));
    return web_end(&web);
}
