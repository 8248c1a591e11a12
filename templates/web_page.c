#include "templates/web_page_inside.h"

#include "bot/base/percent.h"

/* --- words -------------------------------------------------------------------------------- */

struct str web_words(struct web_out *web, const char *key, const struct record *row)
{
    struct record_builder values;

    record_build(&values, web->out.into);
    if (row != NULL)
        record_set_all(&values, row);
    record_set(&values, STR("business"), value_record(web->page->business));
    return words_render(web->out.into, web->page->words, &web->page->locale, str_from(key),
                        record_built(&values), NULL);
}

void web_say(struct web_out *web, const char *tag, const char *key, const struct record *row)
{
    page_element(&web->out, tag, web_words(web, key, row));
}

const struct record *web_row(const struct list *list, size_t i)
{
    return list->items[i].kind == VALUE_RECORD ? list->items[i].record : NULL;
}

size_t web_count(const struct list *list)
{
    return list != NULL ? list->n : 0;
}

struct str web_field(const struct record *row, const char *name)
{
    struct value value = record_get(row, str_from(name));

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

/* --- the frame ---------------------------------------------------------------------------- */

void web_link(struct web_out *web, const char *classes, const char *path, struct str more,
              const char *end)
{
    struct out *out = &web->out;

    page_put(out, "<a");
    if (classes != NULL) {
        page_put(out, " class=\"");
        page_put(out, classes);
        page_put(out, "\"");
    }
    page_put(out, " href=\"");
    page_text(out, web->page->base);
    page_put(out, path);
    page_text(out, percent_encode(out->into, more, "._-"));
    page_put(out, end);
    page_put(out, "\">");
}

void web_begin(struct web_out *web, struct arena *into, const struct web_page *page,
               struct str title)
{
    *web = (struct web_out){.page = page};
    out_init(&web->out, into, 16000);
    page_begin(&web->out, page->locale.lang, title);
    page_put(&web->out, "<body class=\"wide\"><header>");
    page_text(&web->out, web_field(page->business, "name"));
    page_put(&web->out, "</header><main>");
}

/* One way to reach the business: an address that can be tapped. */
static void put_contact(struct web_out *web, const char *scheme, const char *field)
{
    struct out *out = &web->out;
    struct str address = web_field(web->page->business, field);

    if (address.len == 0)
        return;
    page_put(out, "<a class=\"tap\" href=\"");
    page_put(out, scheme);
    page_text(out, address);
    page_put(out, "\"><bdi>");
    page_text(out, address);
    page_put(out, "</bdi></a> ");
}

struct str web_end(struct web_out *web)
{
    struct record_builder values;

    page_put(&web->out, "</main><footer>");
    if (web->page->good_until > 0) {
        record_build(&values, web->out.into);
        record_set(&values, STR("good_until"), value_time(web->page->good_until));
        web_say(web, "p", "web.private", record_built(&values));
    }
    page_put(&web->out, "<p>");
    put_contact(web, "mailto:", "email");
    put_contact(web, "tel:", "phone");
    page_put(&web->out, "</p></footer></body>");
    page_end(&web->out);
    return out_text(&web->out);
}

struct str web_plain_page(struct arena *into, const struct web_page *page, const char *name)
{
    struct web_out web = {.page = page, .out = {.into = into}};
    struct str title =
        web_words(&web, arena_format(into, "web.%s.title", name).at, page->business);

    web_begin(&web, into, page, title);
    page_element(&web.out, "h1", title);
    web_say(&web, "p", arena_format(into, "web.%s.words", name).at, page->business);
    return web_end(&web);
}

void web_back(struct web_out *web)
{
    page_put(&web->out, "<nav>");
    web_link(web, "tap", "", STR(""), "");
    page_text(&web->out, web_words(web, "web.back", NULL));
    page_put(&web->out, "</a></nav>");
}

/* --- what several pages show -------------------------------------------------------------- */

void web_badge(struct web_out *web, const struct record *order)
{
    struct str phase = web_field(order, "phase"), status = web_field(order, "status");
    const char *colour = "";

    if (str_eq(phase, STR("done"))) {
        colour = " done";
    } else if (str_eq(phase, STR("cancelled"))) {
        colour = " cancelled";
    } else if (str_eq(status, STR("shipped")) || str_starts(status, STR("ready"))) {
        colour = " way";
    }
    page_put(&web->out, "<span class=\"badge");
    page_put(&web->out, colour);
    page_put(&web->out, "\">");
    page_text(&web->out, web_words(web, "status.said", order));
    page_put(&web->out, "</span>");
}

static void put_state(struct web_out *web, const struct record *paper)
{
    struct str state = web_field(paper, "state");

    if (state.len == 0)
        return;
    page_put(&web->out, " <span class=\"badge");
    page_put(&web->out, str_eq(state, STR("open"))         ? " done"
                        : str_eq(state, STR("overdue"))    ? " late"
                        : str_eq(state, STR("failed"))     ? " late"
                        : str_eq(state, STR("void"))       ? " cancelled"
                        : str_eq(state, STR("processing")) ? " way"
                                                           : "");
    page_put(&web->out, "\">");
    page_text(&web->out, web_words(web, "web.paper.state", paper));
    page_put(&web->out, "</span>");
}

/* A file that the business has given: ours, else where it lies. */
static void begin_file(struct web_out *web, const struct record *paper)
{
    struct str src = web_field(paper, "src");

    page_put(&web->out, "<a href=\"");
    page_text(&web->out, src.len > 0 ? src : web_field(paper, "url"));
    page_put(&web->out, "\">");
    page_text(&web->out, web_words(web, "web.paper.file", paper));
}

static void put_paper(struct web_out *web, const struct record *paper)
{
    struct str kind = web_field(paper, "kind");

    page_put(&web->out, "<li>");
    if (str_eq(kind, STR("file"))) {
        begin_file(web, paper);
    } else {
        web_link(web, NULL, arena_format(web->out.into, "/papers/%.*s/", STR_ARG(kind)).at,
                 web_field(paper, "subject"), ".pdf");
        page_text(&web->out, web_words(web, "web.paper", paper));
    }
    put_state(web, paper);
    page_put(&web->out, "<span class=\"soft\">");
    page_text(&web->out, web_words(web, "web.paper.about", paper));
    page_put(&web->out, "</span>");
    page_put(&web->out, "</a></li>");
}

void web_papers(struct web_out *web, const struct list *papers)
{
    if (web_count(papers) == 0)
        return;
    page_put(&web->out, "<section aria-labelledby=\"papers\">");
    page_put(&web->out, "<h2 id=\"papers\">");
    page_text(&web->out, web_words(web, "web.papers", NULL));
    page_put(&web->out, "</h2><ul class=\"cards\">");
    for (size_t i = 0; i < papers->n; i++)
        put_paper(web, web_row(papers, i));
    page_put(&web->out, "</ul></section>");
}
