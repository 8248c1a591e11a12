/*
 * The words of an SMS.
 *
 * Every 153 letters cost money (67 where one letter is outside the GSM's own alphabet), so an
 * option has its title alone; what is said about it is added while all stays within two
 * segments.
 */
#include "templates/face_inside.h"

#include "bot/base/sms_text.h"

#define SEGMENTS 2

/* As the channel will write it in the end. */
static bool is_short(struct arena *scratch, struct str text, bool plain_letters)
{
    return sms_measure(sms_text_fit(scratch, text, plain_letters)).segments <= SEGMENTS;
}

/* Stars alone are lost where only the GSM's letters are written, and say no more than the
 * title. */
static bool is_stars(struct str text)
{
    static const struct str star = {"\u2605", 3};

    while (str_starts(text, star))
        text = str_slice(text, star.len, text.len);
    return text.len == 0;
}

/* --- the words ---------------------------------------------------------------------------- */

static void add_options(struct out *out, const struct face_reply *reply, bool described)
{
    for (size_t i = 0; i < reply->n; i++) {
        const struct face_option *option = &reply->options[i];
        struct str line = arena_format(out->into, "%zu %.*s", i + 1, STR_ARG(option->title));
        if (described && !is_stars(option->description)) {
            line = arena_format(out->into, "%.*s: %.*s", STR_ARG(line),
                                STR_ARG(option->description));
        }
        face_add_line(out, line, false);
    }
}

static struct str words_with(struct arena *into, const struct face_ask *ask,
                             const struct face_reply *reply, bool described)
{
    struct out out;

    out_init(&out, into, 512);
    if (!str_starts(reply->body, reply->header))
        face_add_line(&out, reply->header, false);
    face_add_line(&out, reply->body, false);
    add_options(&out, reply, described);
    if (reply->n > 0) {
        const char *how = reply->n > 1 ? "number" : "number.one";
        face_add_line(&out, face_words(into, ask, how, reply->n), false);
    }
    face_add_line(&out, reply->url, false);
    face_add_line(&out, reply->footer, false);
    return out_text(&out);
}

struct face face_sms(struct arena *into, const struct face_ask *ask)
{
    struct face_reply reply;

    face_read(into, ask, &reply);
    struct str words = words_with(into, ask, &reply, true);
    if (reply.n > 0 && !is_short(into, words, ask->plain_letters))
        words = words_with(into, ask, &reply, false);
    return (struct face){.text = words};
}
