/*
 * Contrast is 4.5 at least in both modes, also of the badges, whose words say what their colour
 * says.
 */
#include "templates/page.h"

#include "bot/base/crypto.h"
#include "templates/face_inside.h"

#include <sodium.h>

static const char sheet[] =
    ":root{color-scheme:light dark;--back:#f2f4f7;--card:#fff;--ink:#1b1f24;--soft:#4a5563;"
    "--line:#75808d;--thin:#d5dae1;--link:#174ea6}"
    "body{margin:0;background:var(--back);color:var(--ink);"
    "font:17px/1.5 -apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans Arabic',sans-serif}"
    "main,header,footer{max-width:34rem;margin:0 auto;padding:1rem 1.25rem}"
    "main{padding-block:1.5rem}.wide main,.wide header,.wide footer{max-width:44rem}"
    "header{font-weight:600}footer{color:var(--soft);border-top:1px solid var(--thin)}"
    "h1{font-size:1.25rem;margin:0 0 1rem}.wide h1{font-size:1.5rem}"
    "h2{font-size:1.1rem;margin:2rem 0 .5rem}"
    "h3{font-size:1rem;margin:1rem 0 .3rem}a{color:var(--link)}"
    "a,button,input,select,textarea{scroll-margin:1rem}"
    "a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,"
    "textarea:focus-visible{outline:3px solid var(--ink);outline-offset:3px}"
    "blockquote{margin:0 0 1.5rem;padding:.25rem 1rem;border-inline-start:4px solid "
    "var(--line);"
    "white-space:pre-line;overflow-wrap:anywhere}"
    "button,.button{font:inherit;font-weight:600;min-height:48px;min-width:48px;"
    "padding:.6rem 1.4rem;box-sizing:border-box;display:inline-block;"
    "border:2px solid #1f5fbf;border-radius:10px;background:#1f5fbf;color:#fff;"
    "cursor:pointer;text-decoration:none}"
    "button.quiet,.button.quiet{background:none;color:var(--link)}"
    "ul.cards,ol.steps{list-style:none;margin:0;padding:0}"
    "ul.cards>li{background:var(--card);border:1px solid var(--thin);border-radius:10px;"
    "margin:0 0 .6rem}"
    "ul.cards>li>a{display:block;min-height:48px;box-sizing:border-box;padding:.7rem 1rem;"
    "overflow-wrap:anywhere}"
    "ul.cards>li>p{margin:0;padding:.7rem 1rem}"
    ".soft{color:var(--soft);font-size:.95rem}ul.cards .soft{display:inline-block;width:100%}"
    ".badge{display:inline-block;border-radius:6px;padding:0 .5rem;font-size:.9rem;"
    "background:#dbe7fb;color:#123a7c}"
    ".badge.way{background:#fdf0c3;color:#5a4300}.badge.done{background:#d6f0dc;color:#0f4a22}"
    ".badge.cancelled{background:#e3e6ea;color:#383f47}.badge.late{background:#fbdcd9;color:#"
    "7d130b}"
    "ol.steps>li{border-inline-start:3px solid var(--line);padding:.2rem 1rem .8rem}"
    "ol.steps>li.expected{border-inline-start-style:dotted;color:var(--soft)}"
    "ol.steps>li.current{border-color:#1f5fbf;font-weight:600}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}"
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:start;padding:.4rem .3rem;"
    "border-bottom:1px solid var(--thin);vertical-align:top}td.end,th.end{text-align:end}"
    ".photos{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.8rem}"
    "figure{margin:0}figure img{width:100%;height:auto;border-radius:8px;display:block}"
    "label{display:block;font-weight:600;margin:1rem 0 .3rem}"
    "input,select,textarea{font:inherit;width:100%;min-height:48px;box-sizing:border-box;"
    "padding:.6rem;border:1px solid var(--line);border-radius:8px;background:var(--card);"
    "color:var(--ink)}"
    ".wrong{border-inline-start:4px solid #b3261e;padding:.5rem 1rem;background:var(--card)}"
    ".tap{display:inline-block;min-height:48px;min-width:48px;line-height:48px}"
    "@media(prefers-color-scheme:dark){:root{--back:#0f1216;--card:#191e24;--ink:#e9ecf0;"
    "--soft:#b4bdc8;--thin:#323a44;--link:#9cc1ff}"
    ".badge{background:#1c3a6b;color:#dbe7fb}.badge.way{background:#57430a;color:#fdf0c3}"
    ".badge.done{background:#14532a;color:#d6f0dc}"
    ".badge.cancelled{background:#3a424c;color:#e3e6ea}"
    ".badge.late{background:#7d1d16;color:#fde3e1}}";

const char *page_policy(void)
{
    static char line[300];
    struct hash hash = sha256((struct str){sheet, sizeof sheet - 1});
    char text[sodium_base64_ENCODED_LEN(HASH_LEN, sodium_base64_VARIANT_ORIGINAL)];

    sodium_bin2base64(text, sizeof text, hash.bytes, sizeof hash.bytes,
                      sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(
        line, sizeof line,
        "Content-Security-Policy: default-src 'none'; style-src 'sha256-%s'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        text);
    return line;
}

void page_put(struct out *out, const char *html)
{
    out_add(out, str_from(html));
}

void page_text(struct out *out, struct str text)
{
    face_escape(out, text);
}

void page_element(struct out *out, const char *tag, struct str text)
{
    page_put(out, "<");
    page_put(out, tag);
    page_put(out, ">");
    page_text(out, text);
    page_put(out, "</");
    page_put(out, tag);
    page_put(out, ">");
}

void page_begin(struct out *out, enum lang lang, struct str title)
{
    page_put(out, "<!doctype html><html lang=\"");
    page_put(out, lang_code(lang));
    page_put(out, lang_is_rtl(lang) ? "\" dir=\"rtl\">" : "\" dir=\"ltr\">");
    page_put(out, "<meta charset=\"utf-8\"><meta name=\"viewport\" "
                  "content=\"width=device-width,initial-scale=1\">"
                  "<meta name=\"robots\" content=\"noindex\"><title>");
    page_text(out, title);
    page_put(out, "</title><style>");
    page_put(out, sheet);
    page_put(out, "</style>");
}

void page_end(struct out *out)
{
    page_put(out, "</html>");
}
