/*
 * A mail's HTML: the frame, what can be tapped, and below who sends it and why.
 *
 * What carries the layout stands in each element's own style, since some programs drop a mail's
 * style sheet; the sheet adds the dark colours and what a pointer does. There is no table, no
 * script, no font or picture from elsewhere but the logo. Every pair of colours has a contrast
 * of 4.5 at least (3 for borders), in both modes, and what can be tapped is 48 px high: a test
 * in a browser measures both.
 */
#include "templates/face_inside.h"

#include "bot/base/percent.h"

#define PREVIEW_MAX 110 /* characters that a list of mails shows at most */

#define FONT                                                                                   \
    "font-family:-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans Arabic',"              \
    "Helvetica,Arial,sans-serif"

static const char sheet[] =
    ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    "a.o:hover,a.g:hover{text-decoration:underline!important}"
    "@media(max-width:600px){body{background:#ffffff!important}"
    ".w{padding:0!important;background:#ffffff!important}"
    ".c{border-radius:0!important;border-width:4px 0 0!important;padding:20px 16px!important}}"
    "@media(prefers-color-scheme:dark){"
    "body,.w{background:#0f1216!important}"
    ".c{background:#1a1f25!important;color:#e9ecf0!important;"
    "border-left-color:#333b45!important;border-right-color:#333b45!important;"
    "border-bottom-color:#333b45!important}"
    ".m{color:#aab3bf!important}"
    ".k{color:#8fb8ff!important}"
    ".o{color:#e9ecf0!important;border-color:#75808d!important;background:#232a32!important}"
    ".n{background:#3a444f!important;color:#fff!important}"
    ".b,.g{border-color:#75808d!important}"
    ".r{border-color:#333b45!important}}"
    "@media(max-width:600px) and (prefers-color-scheme:dark){"
    "body,.w{background:#1a1f25!important}}";

static void put(struct out *out, const char *html)
{
    out_add(out, str_from(html));
}

static void put_attribute(struct out *out, const char *before, struct str value)
{
    put(out, before);
    face_escape(out, value);
    put(out, "\"");
}

/* --- colours ------------------------------------------------------------------------------ */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static double channel(int value)
{
    double part = value / 255.0;

    /* sRGB's curve, by its usual power: good to a hundredth */
    return part * part * (0.2 + 0.8 * part);
}

/* The business's colour as it may stand in a style, else ours. */
static struct str colour_of(const struct face_reply *reply)
{
    struct str colour = reply->sender.colour;
    bool good = colour.len == 7 && colour.at[0] == '#';

    for (size_t i = 1; good && i < 7; i++)
        good = hex_of(colour.at[i]) >= 0;
    return good ? colour : STR("#1f5fbf");
}

/* Black or white: what can be read on it. Where both could, white looks calmer. */
static const char *ink_on(struct str colour)
{
    double light = 0;
    static const double weights[] = {0.2126, 0.7152, 0.0722};

    for (size_t i = 0; i < 3; i++) {
        int value = hex_of(colour.at[1 + 2 * i]) * 16 + hex_of(colour.at[2 + 2 * i]);
        light += weights[i] * channel(value);
    }
    return 1.05 / (light + 0.05) >= 4.7 ? "#ffffff" : "#000000";
}

/* --- head --------------------------------------------------------------------------------- */

/* What the list of mails shows beside the subject: what the body says after it. */
static struct str preview_of(struct arena *into, const struct face_ask *ask,
                             const struct face_reply *reply)
{
    struct str rest = reply->body;
    struct str line;
    char *one;

    if (ask->code)
        return face_words(into, ask, "preview.code", 0);
    line = str_trim(face_line(&rest));
    rest = reply->header.len == 0 && str_starts(line, reply->subject) && rest.len > 0
               ? str_trim(rest)
               : reply->body;
    one = arena_alloc(into, rest.len + 1);
    for (size_t i = 0; i < rest.len; i++)
        one[i] = (char)(rest.at[i] == '\n' ? ' ' : rest.at[i]);
    return str_cut(into, (struct str){one, rest.len}, PREVIEW_MAX);
}

static void put_head(struct out *out, const struct face_ask *ask,
                     const struct face_reply *reply)
{
    put(out, "<!doctype html>\n<html lang=\"");
    put(out, lang_code(ask->locale.lang));
    put(out, lang_is_rtl(ask->locale.lang) ? "\" dir=\"rtl\">" : "\" dir=\"ltr\">");
    put(out, "<head><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
             "<meta name=\"color-scheme\" content=\"light dark\">"
             "<meta name=\"supported-color-schemes\" content=\"light dark\">"
             "<meta name=\"format-detection\" content=\"telephone=no,date=no,address=no\">"
             "<title>");
    face_escape(out, reply->subject);
    put(out, "</title><style>");
    put(out, sheet);
    put(out, "</style></head>\n<body style=\"margin:0;padding:0;background:#eef1f4\">");
    put(out, "<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">");
    face_escape(out, preview_of(out->into, ask, reply));
    put(out, "</div>\n");
}

static void put_brand(struct out *out, const struct face_reply *reply)
{
    put(out, "<div style=\"margin:0 0 20px;font-size:17px;line-height:24px;font-weight:700\">");
    if (reply->sender.logo_url.len > 0) {
        put_attribute(out, "<img src=\"", reply->sender.logo_url);
        put_attribute(out, " alt=\"", reply->sender.name);
        put(out, " height=\"36\" style=\"display:block;height:36px;max-width:100%;border:0\">");
    } else {
        face_escape(out, reply->sender.name);
    }
    put(out, "</div>\n");
}

/* --- what can be tapped ------------------------------------------------------------------- */

/* What stands in a mailto: as it is (RFC 6068), less what HTML would read. */
static struct str mail_part(struct arena *into, struct str text)
{
    return percent_encode(into, text, "@" PERCENT_UNRESERVED);
}

/* Where a tap leads: to the page that acts, else to an answer with the number in it. */
static struct str target(struct arena *into, const struct face_ask *ask,
                         const struct face_reply *reply, size_t i)
{
    struct str subject;

    if (reply->options[i].tap.len > 0 || ask->reply_to.len == 0)
        return reply->options[i].tap;
    subject = arena_concat(into, STR("Re: "), reply->subject);
    return arena_format(into, "mailto:%.*s?subject=%.*s&body=%zu",
                        STR_ARG(mail_part(into, ask->reply_to)),
                        STR_ARG(mail_part(into, subject)), i + 1);
}

static void put_option(struct out *out, const struct face_ask *ask,
                       const struct face_reply *reply, size_t i)
{
    const struct face_option *option = &reply->options[i];
    struct str to = target(out->into, ask, reply, i);
    const char *side = lang_is_rtl(ask->locale.lang) ? "right" : "left";

    put(out, to.len > 0 ? "<a class=\"o\"" : "<div class=\"o\"");
    if (to.len > 0)
        put_attribute(out, " href=\"", to);
    put(out,
        " style=\"display:block;margin:0 0 10px;padding:11px 14px;border:1px solid #7b8591;"
        "border-radius:10px;background:#ffffff;color:#1b1f24;text-decoration:none;"
        "min-height:24px\">");
    out_add(out, arena_format(out->into,
                              "<span class=\"n\" style=\"display:inline-block;min-width:24px;"
                              "height:24px;line-height:24px;margin-%s:10px;border-radius:12px;"
                              "background:#e3e8ee;color:#1b1f24;text-align:center;"
                              "font-size:14px;font-weight:700\">%zu</span> "
                              "<span style=\"font-weight:600\">",
                              lang_is_rtl(ask->locale.lang) ? "left" : "right", i + 1));
    face_escape(out, option->title);
    put(out, "</span>");
    if (option->description.len > 0) {
        out_add(out, arena_format(out->into,
                                  "<span class=\"m\" style=\"display:block;margin-%s:38px;"
                                  "font-size:14px;line-height:20px;color:#59636e\">",
                                  side));
        face_escape(out, option->description);
        put(out, "</span>");
    }
    put(out, to.len > 0 ? "</a>\n" : "</div>\n");
}

static void put_options(struct out *out, const struct face_ask *ask,
                        const struct face_reply *reply)
{
    struct str section = STR_NONE;

    if (reply->n == 0)
        return;
    put(out, "<div style=\"margin:20px 0 0\">");
    for (size_t i = 0; i < reply->n; i++) {
        const struct face_option *option = &reply->options[i];
        if (option->section.len > 0 && !str_eq(option->section, section)) {
            put(out,
                "<h2 class=\"m\" style=\"margin:16px 0 8px;font-size:14px;line-height:20px;"
                "font-weight:600;color:#59636e\">");
            face_escape(out, option->section);
            put(out, "</h2>");
        }
        section = option->section;
        put_option(out, ask, reply, i);
    }
    put(out, "</div><p class=\"m\" style=\"margin:6px 0 0;font-size:14px;line-height:20px;"
             "color:#59636e\">");
    const char *how = target(out->into, ask, reply, 0).len > 0 ? "tap" : "answer";
    face_escape(out, face_words(out->into, ask, how, 0));
    put(out, "</p>\n");
}

static void put_button(struct out *out, const struct face_reply *reply)
{
    struct str colour = colour_of(reply);
    const char *ink = ink_on(colour);
    /* a light one could not be told from the paper */
    struct str border = strcmp(ink, "#ffffff") == 0 ? colour : STR("#7b8591");

    if (reply->url.len == 0)
        return;
    put_attribute(out, "<p style=\"margin:20px 0 0\"><a class=\"g\" href=\"", reply->url);
    out_add(out, arena_format(out->into,
                              " style=\"display:inline-block;box-sizing:border-box;"
                              "min-width:160px;max-width:100%%;padding:12px 24px;"
                              "border-radius:10px;border:1px solid %.*s;background:%.*s;"
                              "color:%s;font-weight:700;text-align:center;"
                              "text-decoration:none;overflow-wrap:anywhere\">",
                              STR_ARG(border), STR_ARG(colour), ink));
    face_escape(out, reply->label);
    put(out, "</a></p>\n");
}

/* Smaller, under what is said. */
static void put_remark(struct out *out, struct str words)
{
    if (words.len == 0)
        return;
    put(out, "<p class=\"m\" style=\"margin:16px 0 0;font-size:14px;line-height:20px;"
             "color:#59636e\">");
    face_escape(out, words);
    put(out, "</p>");
}

/* --- foot --------------------------------------------------------------------------------- */

static void put_small(struct out *out, struct str words)
{
    if (words.len == 0)
        return;
    put(out, "<p style=\"margin:0 0 8px\">");
    face_escape(out, words);
    put(out, "</p>");
}

static void put_foot_link(struct out *out, struct str words, struct str url)
{
    if (url.len == 0)
        return;
    put_attribute(out, "<a class=\"m\" href=\"", url);
    put(out, " style=\"display:inline-block;padding:14px 0;margin-inline-end:20px;"
             "color:#59636e;text-decoration:underline\">");
    face_escape(out, words);
    put(out, "</a>");
}

/* "https://www.lark.example/" is shown as "www.lark.example". */
static struct str host_of(struct str url)
{
    struct str host = str_slice(url, str_find(url, STR("//")) + 2, url.len);

    return str_slice(host, 0, str_find(host, STR("/")));
}

static void put_foot(struct out *out, const struct face_ask *ask,
                     const struct face_reply *reply)
{
    struct arena *into = out->into;

    put(out, "<div class=\"m r\" style=\"margin:28px 0 0;padding:16px 0 0;border-top:1px solid "
             "#d6dce3;font-size:13px;line-height:20px;color:#59636e\">");
    put_small(out, face_words(into, ask, ask->answer ? "why.answer" : "why.news", 0));
    put_small(out, reply->sender.address);
    put_foot_link(out, host_of(reply->sender.website), reply->sender.website);
    put_foot_link(out, face_words(into, ask, "privacy", 0), reply->sender.privacy_url);
    put_foot_link(out, face_words(into, ask, "unsubscribe", 0), reply->unsubscribe);
    put(out, "</div>");
}

struct str face_html_part(struct arena *into, const struct face_ask *ask,
                          const struct face_reply *reply)
{
    struct out out;

    out_init(&out, into, 8192);
    put_head(&out, ask, reply);
    put(&out,
        "<div class=\"w\" style=\"padding:24px 12px;background:#eef1f4;" FONT
        ";font-size:16px;line-height:24px\">"
        "<div class=\"c\" role=\"article\" style=\"box-sizing:border-box;max-width:600px;"
        "margin:0 auto;padding:28px 32px;border:1px solid #d6dce3;border-radius:14px;"
        "background:#ffffff;color:#1b1f24;overflow-wrap:break-word;border-top:4px solid ");
    out_add(&out, colour_of(reply));
    put(&out, "\">\n");
    put_brand(&out, reply);
    face_body(&out, ask, reply);
    put_options(&out, ask, reply);
    put_button(&out, reply);
    put_remark(&out, reply->attached);
    put_remark(&out, reply->footer);
    put_foot(&out, ask, reply);
    put(&out, "</div></div>\n</body></html>\n");
    return out_text(&out);
}
