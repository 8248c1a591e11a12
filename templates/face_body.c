/*
 * A reply's own words as HTML.
 *
 * They are written as plain text that reads well anywhere: paragraphs, lines, lines that begin
 * with a bullet, "Name: value" lines that stand together. This file sees that shape and gives
 * it to the reader as what it is, and adds no word and changes no order.
 */
#include "templates/face_inside.h"

#define BULLET      STR("\u2022 ")
#define HEADING_MAX 60 /* characters of a first line that can stand as a heading */
#define NAME_MAX    28 /* of the name in a "Name: value" line */
#define VALUE_MAX   80
#define CODE_LEAST  4 /* digits */

/* --- letters ------------------------------------------------------------------------------ */

static struct str entity(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR_NONE;
    }
}

void face_escape(struct out *out, struct str text)
{
    size_t from = 0;

    for (size_t at = 0; at < text.len; at++) {
        struct str instead = entity(text.at[at]);
        if (instead.len == 0)
            continue;
        out_add(out, str_slice(text, from, at - from));
        out_add(out, instead);
        from = at + 1;
    }
    out_add(out, str_slice(text, from, text.len));
}

static void add_link(struct out *out, struct str url)
{
    out_add(out, STR("<a class=\"k\" dir=\"ltr\" style=\"color:#0b57d0;overflow-wrap:anywhere\""
                     " href=\""));
    face_escape(out, url);
    out_add(out, STR("\">"));
    face_escape(out, url);
    out_add(out, STR("</a>"));
}

/* Escaped, with what is an address made a link. */
static void add_words(struct out *out, struct str text)
{
    size_t len;

    for (size_t at = face_find_url(text, &len); len > 0; at = face_find_url(text, &len)) {
        face_escape(out, str_slice(text, 0, at));
        add_link(out, str_slice(text, at, len));
        text = str_slice(text, at + len, text.len);
    }
    face_escape(out, text);
}

/* --- lines -------------------------------------------------------------------------------- */

static bool is_sentence(struct str line)
{
    return str_ends(line, STR(".")) || str_ends(line, STR("!")) || str_ends(line, STR("?")) ||
           str_ends(line, STR("\u061f"));
}

/* Whether a line says "Name: value"; `name` ends with the colon. "Done: it is sent." does not.
 */
static bool is_named(struct str line, struct str *name, struct str *value)
{
    size_t at = str_find(line, STR(": "));

    if (at == 0 || at >= line.len || str_find(line, STR(" \u00b7 ")) < line.len)
        return false;
    *name = str_slice(line, 0, at + 1);
    *value = str_slice(line, at + 2, line.len);
    for (size_t i = 0; i < at; i++) {
        if (strchr(".?!,;", line.at[i]) != NULL)
            return false;
    }
    return str_length(*name) <= NAME_MAX && str_length(*value) <= VALUE_MAX &&
           !is_sentence(*value);
}

static bool is_bullet(struct str line)
{
    return str_starts(line, BULLET);
}

static void add_named(struct out *out, struct str name, struct str value)
{
    out_add(out, STR("<span class=\"m\" style=\"color:#59636e\">"));
    face_escape(out, name);
    out_add(out, STR("</span> <strong style=\"font-weight:600\">"));
    add_words(out, value);
    out_add(out, STR("</strong>"));
}

/* One more line of a paragraph. */
static void add_line(struct out *out, struct str line)
{
    struct str name, value;

    if (is_named(line, &name, &value)) {
        add_named(out, name, value);
    } else {
        add_words(out, line);
    }
}

/* --- blocks ------------------------------------------------------------------------------- */

static void add_list(struct out *out, struct str *rest)
{
    out_add(out, STR("<ul style=\"margin:0 0 16px;padding-inline-start:20px\">"));
    while (is_bullet(*rest)) {
        struct str line = face_line(rest);
        out_add(out, STR("<li style=\"margin:0 0 6px\">"));
        add_words(out, str_trim(str_slice(line, BULLET.len, line.len)));
        out_add(out, STR("</li>"));
    }
    out_add(out, STR("</ul>"));
}

/* Up to an empty line, or to a list. */
static void add_paragraph(struct out *out, struct str *rest)
{
    size_t n = 0;

    out_add(out, STR("<p style=\"margin:0 0 16px\">"));
    while (rest->len > 0 && rest->at[0] != '\n' && !is_bullet(*rest)) {
        struct str line = str_trim(face_line(rest));
        if (n++ > 0)
            out_add(out, STR("<br>"));
        add_line(out, line);
    }
    out_add(out, STR("</p>"));
}

static void add_heading(struct out *out, struct str words)
{
    out_add(out, STR("<h1 style=\"margin:0 0 12px;font-size:20px;line-height:28px;"
                     "font-weight:700\">"));
    add_words(out, words);
    out_add(out, STR("</h1>"));
}

/* A short first line with others right below it is what the mail is about. */
static bool begins_with_heading(struct str body)
{
    struct str rest = body, line = str_trim(face_line(&rest)), name, value;

    return rest.len > 0 && rest.at[0] != '\n' && str_length(line) <= HEADING_MAX &&
           !is_sentence(line) && !is_bullet(line) && !is_named(line, &name, &value);
}

/* --- codes -------------------------------------------------------------------------------- */

/* The first number of so many digits; nothing when there is none. */
static struct str find_code(struct str text)
{
    for (size_t at = 0; at < text.len; at++) {
        size_t n = 0;
        while (at + n < text.len && text.at[at + n] >= '0' && text.at[at + n] <= '9')
            n++;
        if (n >= CODE_LEAST)
            return str_slice(text, at, n);
        at += n;
    }
    return STR_NONE;
}

/* The code as it is copied: large, and by one tap where a program knows how. */
static void add_code(struct out *out, struct str code)
{
    if (code.len == 0)
        return;
    out_add(
        out,
        STR("<p class=\"b\" dir=\"ltr\" style=\"margin:0 0 16px;padding:16px 16px 16px 22px;"
            "border:1px solid #7b8591;border-radius:10px;text-align:center;"
            "font:700 30px/36px ui-monospace,Menlo,Consolas,monospace;"
            "letter-spacing:6px;-webkit-user-select:all;user-select:all\">"));
    face_escape(out, code);
    out_add(out, STR("</p>"));
}

void face_body(struct out *out, const struct face_ask *ask, const struct face_reply *reply)
{
    struct str rest = reply->body;

    if (reply->header.len > 0 && !str_starts(reply->body, reply->header)) {
        add_heading(out, reply->header);
    } else if (begins_with_heading(rest)) {
        add_heading(out, str_trim(face_line(&rest)));
    }
    if (ask->code)
        add_code(out, find_code(reply->body));
    while (rest.len > 0) {
        if (rest.at[0] == '\n') {
            (void)face_line(&rest);
        } else if (is_bullet(rest)) {
            add_list(out, &rest);
        } else {
            add_paragraph(out, &rest);
        }
    }
}
