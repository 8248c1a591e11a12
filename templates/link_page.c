/*
 * The style stands in the page, so that one answer is all there is to fetch; the policy names
 * it by its hash and allows nothing else. Contrast is 4.5 at least in both modes, and the
 * button 48 px high.
 */
#include "templates/link_page.h"

#include "bot/base/crypto.h"
#include "templates/face_inside.h"
#include "templates/out.h"

#include <sodium.h>

static const char sheet[] =
    ":root{color-scheme:light dark}"
    "body{margin:0;background:#f2f4f7;color:#1b1f24;"
    "font:17px/1.5 -apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans Arabic',sans-serif}"
    "main{max-width:34rem;margin:0 auto;padding:2rem 1.25rem}"
    "h1{font-size:1.25rem;margin:0 0 1rem}"
    "blockquote{margin:0 0 1.5rem;padding:.25rem 1rem;border-inline-start:4px solid #75808d;"
    "white-space:pre-line;overflow-wrap:anywhere}"
    "button{font:inherit;font-weight:600;min-height:48px;min-width:48px;padding:.6rem 1.4rem;"
    "border:2px solid #1f5fbf;border-radius:10px;background:#1f5fbf;color:#fff;cursor:pointer}"
    "button:focus-visible{outline:3px solid #1b1f24;outline-offset:3px}"
    "@media(prefers-color-scheme:dark){body{background:#0f1216;color:#e9ecf0}"
    "button:focus-visible{outline-color:#fff}}";

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
    static char line[200];
    struct hash hash = sha256((struct str){sheet, sizeof sheet - 1});
    char text[sodium_base64_ENCODED_LEN(HASH_LEN, sodium_base64_VARIANT_ORIGINAL)];

    sodium_bin2base64(text, sizeof text, hash.bytes, sizeof hash.bytes,
                      sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(line, sizeof line,
                   "Content-Security-Policy: default-src 'none'; style-src 'sha256-%s'; "
                   "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
                   text);
    return line;
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

static void put(struct out *out, const char *html)
{
    out_add(out, str_from(html));
}

static void put_form(struct out *out, const struct link_page_ask *ask)
{
    struct str label =
        ask->page == LINK_PAGE_TAP ? ask->option : words_of(out->into, ask, "button");

    put(out, "<form method=\"post\">");
    if (ask->once.len > 0) {
        put(out, "<input type=\"hidden\" name=\"once\" value=\"");
        face_escape(out, ask->once);
        put(out, "\">");
    }
    put(out, "<button>");
    face_escape(out, label);
    put(out, "</button></form>");
}

struct str link_page(struct arena *into, const struct link_page_ask *ask)
{
    struct str title = words_of(into, ask, "title");
    struct out out;

    out_init(&out, into, 3000);
    put(&out, "<!doctype html><html lang=\"");
    put(&out, lang_code(ask->locale.lang));
    put(&out, lang_is_rtl(ask->locale.lang) ? "\" dir=\"rtl\">" : "\" dir=\"ltr\">");
    put(&out, "<meta charset=\"utf-8\"><meta name=\"viewport\" "
              "content=\"width=device-width,initial-scale=1\">"
              "<meta name=\"robots\" content=\"noindex\"><title>");
    face_escape(&out, title);
    put(&out, "</title><style>");
    put(&out, sheet);
    put(&out, "</style><main><h1>");
    face_escape(&out, title);
    put(&out, "</h1>");
    if (ask->question.len > 0) {
        put(&out, "<blockquote dir=\"auto\">");
        face_escape(&out, ask->question);
        put(&out, "</blockquote>");
    }
    put(&out, "<p>");
    face_escape(&out, words_of(into, ask, "words"));
    put(&out, "</p>");
    if (pages[ask->page].asks)
        put_form(&out, ask);
    put(&out, "</main></html>");
    return out_text(&out);
}
