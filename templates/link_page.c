#include "templates/link_page.h"

#include "templates/page.h"

/* The page's name among the words, and whether it asks for a tap. */
static const struct {
    const char *name;
    bool asks;
} pages[] = {
    [LINK_PAGE_TAP] = {"link.tap.",          true },
    [LINK_PAGE_TAPPED] = {"link.tapped.",       false},
    [LINK_PAGE_UNSUBSCRIBE] = {"link.unsubscribe.",  true },
    [LINK_PAGE_UNSUBSCRIBED] = {"link.unsubscribed.", false},
    [LINK_PAGE_PAID] = {"link.paid.",         false},
    [LINK_PAGE_UNPAID] = {"link.unpaid.",       false},
    [LINK_PAGE_OLD] = {"link.old.",          false},
    [LINK_PAGE_SORRY] = {"link.sorry.",        false},
};

const char *link_page_policy(void)
{
    return page_policy();
}

static struct str words_of(struct arena *into, const struct link_page_ask *ask,
                           const char *part)
{
    struct record_builder values, business;

    record_build(&business, into);
    record_set(&business, STR("name"), value_text(ask->business));
    record_build(&values, into);
    record_set(&values, STR("business"), value_record(record_built(&business)));
    return words_render(into, ask->words, &ask->locale,
                        arena_format(into, "%s%s", pages[ask->page].name, part),
                        record_built(&values), NULL);
}

static void put_form(struct out *out, const struct link_page_ask *ask)
{
    struct str label =
        ask->page == LINK_PAGE_TAP ? ask->option : words_of(out->into, ask, "button");

    page_put(out, "<form method=\"post\">");
    if (ask->once.len > 0) {
        page_put(out, "<input type=\"hidden\" name=\"once\" value=\"");
        page_text(out, ask->once);
        page_put(out, "\">");
    }
    page_put(out, "<button>");
    page_text(out, label);
    page_put(out, "</button></form>");
}

struct str link_page(struct arena *into, const struct link_page_ask *ask)
{
    struct str title = words_of(into, ask, "title");
    struct out out;

    out_init(&out, into, 6000);
    page_begin(&out, ask->locale.lang, title);
    page_put(&out, "<main>");
    page_element(&out, "h1", title);
    if (ask->question.len > 0) {
        page_put(&out, "<blockquote dir=\"auto\">");
        page_text(&out, ask->question);
        page_put(&out, "</blockquote>");
    }
    page_element(&out, "p", words_of(into, ask, "words"));
    if (pages[ask->page].asks)
        put_form(&out, ask);
    page_put(&out, "</main>");
    page_end(&out);
    return out_text(&out);
}
