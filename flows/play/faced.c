/*
 * Faces, looked at as a reader would: line by line. Only the words themselves are held here;
 * that a mail's HTML says the same as its plain part is templates/face's own promise.
 */
#include "flows/play/faced.h"

#include "templates/face.h"

bool faced_by_number(const struct play *play)
{
    return play->channel == CHANNEL_SMS || play->channel == CHANNEL_EMAIL;
}

/* A line that is "2 Title" or "2. Title", perhaps with what is said about it behind. */
static bool is_option(struct arena *scratch, const struct play *play, struct str line,
                      size_t number, const struct reply_option *option)
{
    const char *dot = play->channel == CHANNEL_EMAIL ? "." : "";
    struct str title = str_trim(option->title);

    return str_starts(line, arena_format(scratch, "%zu%s %.*s", number, dot, STR_ARG(title)));
}

static bool has_options(struct arena *scratch, const struct play *play, struct str text,
                        const struct reply *reply, struct err *err)
{
    struct str line;
    size_t found = 0;

    while (found < reply->n_options && str_split(&text, '\n', &line)) {
        if (is_option(scratch, play, line, found + 1, &reply->options[found]))
            found++;
    }
    return found == reply->n_options ||
           err_raise(err, ERR_REJECT, "by %s there is no line '%zu %.*s'",
                     channel_name(play->channel), found + 1,
                     STR_ARG(reply->options[found].title));
}

static bool has_parts(const struct play *play, const struct face *face, struct err *err)
{
    bool mail = play->channel == CHANNEL_EMAIL;

    if (face->text.len == 0 || (mail && (face->subject.len == 0 || face->html.len == 0)))
        return err_raise(err, ERR_REJECT, "by %s a part is empty", channel_name(play->channel));
    if (str_find(face->subject, STR("\n")) < face->subject.len)
        return err_raise(err, ERR_REJECT, "a mail's subject has more than one line");
    return true;
}

bool faced_reply(struct arena *scratch, const struct play *play, const struct locale *locale,
                 struct str from, const struct reply *reply, struct err *err)
{
    struct face_ask ask = {.reply = reply,
                           .words = book_words(play->book),
                           .locale = *locale,
                           .sender = {.name = from},
                           .answer = true};
    struct face face;

    if (reply->kind == REPLY_TEMPLATE)
        return true;
    face = play->channel == CHANNEL_SMS ? face_sms(scratch, &ask) : face_mail(scratch, &ask);
    if (!has_parts(play, &face, err) || !has_options(scratch, play, face.text, reply, err))
        return false;
    if (play->faced)
        play->faced(play->channel, locale->lang, &face);
    return true;
}
