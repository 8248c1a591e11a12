/*
 * A mail's plain part: the reply's words as they are, what can be chosen numbered, addresses on
 * lines of their own, and below the signature's mark ("-- ") who sends it and why. People
 * answer under it, so it is short.
 */
#include "templates/face_inside.h"

static void add_options(struct out *out, const struct face_reply *reply)
{
    struct str section = STR_NONE;

    for (size_t i = 0; i < reply->n; i++) {
        const struct face_option *option = &reply->options[i];
        if (!str_eq(option->section, section))
            face_add_line(out, option->section, true);
        bool first = i == 0 || !str_eq(option->section, section);
        face_add_line(out, arena_format(out->into, "%zu. %.*s", i + 1, STR_ARG(option->title)),
                      first);
        if (option->description.len > 0) {
            face_add_line(out, arena_format(out->into, "   %.*s", STR_ARG(option->description)),
                          false);
        }
        section = option->section;
    }
}

static void add_named(struct out *out, struct str name, struct str url)
{
    if (url.len > 0) {
        face_add_line(out, arena_format(out->into, "%.*s: %.*s", STR_ARG(name), STR_ARG(url)),
                      false);
    }
}

static void add_signature(struct out *out, const struct face_ask *ask,
                          const struct face_reply *reply)
{
    struct arena *into = out->into;

    face_add_line(out, STR("-- "), true);
    face_add_line(out, reply->sender.name, false);
    face_add_line(out, face_words(into, ask, ask->answer ? "why.answer" : "why.news", 0),
                  false);
    face_add_line(out, reply->sender.address, false);
    face_add_line(out, reply->sender.website, false);
    add_named(out, face_words(into, ask, "privacy", 0), reply->sender.privacy_url);
    add_named(out, face_words(into, ask, "unsubscribe", 0), reply->unsubscribe);
}

struct str face_text_part(struct arena *into, const struct face_ask *ask,
                          const struct face_reply *reply)
{
    struct out out;

    out_init(&out, into, 1024);
    if (!str_starts(reply->body, reply->header))
        face_add_line(&out, reply->header, false);
    face_add_line(&out, reply->body, true);
    add_options(&out, reply);
    if (reply->n > 0)
        face_add_line(&out, face_words(into, ask, "answer", 0), true);
    if (reply->url.len > 0) {
        face_add_line(&out, arena_concat(into, reply->label, STR(":")), true);
        face_add_line(&out, reply->url, false);
    }
    face_add_line(&out, reply->attached, true);
    face_add_line(&out, reply->footer, true);
    if (out.len > 0)
        add_signature(&out, ask, reply);
    return out_text(&out);
}
