#include "flows/play/play_inside.h"

void put(struct player *player, struct str text)
{
    if (player->len + text.len + 1 > player->room) {
        size_t room = 2 * (player->len + text.len + 1);
        char *out = arena_alloc(player->arena, room);

        if (player->len)
            memcpy(out, player->out, player->len);
        player->out = out;
        player->room = room;
    }
    if (text.len)
        memcpy(player->out + player->len, text.at, text.len);
    player->len += text.len;
}

void put_line(struct player *player, const char *mark, struct str line)
{
    put(player, str_from(mark));
    if (line.len) {
        put(player, STR(" "));
        put(player, line);
    }
    put(player, STR("\n"));
}

static void put_text(struct player *player, struct str text)
{
    struct str rest = text;
    struct str line;

    while (str_split(&rest, '\n', &line))
        put_line(player, ">", line);
}

static struct str place_of(const struct reply *reply)
{
    if (reply->url.len > 0)
        return reply->url;
    return reply->document.len > 0 ? reply->document : reply->media;
}

static void put_reply(struct player *player, const struct reply *reply, bool first)
{
    if (!first)
        put_line(player, "--", STR_NONE);
    put_text(player, reply->body);
    if (reply->kind == REPLY_LINK) {
        put_line(player, "> @",
                 arena_format(player->arena, "%.*s: %.*s", STR_ARG(reply->label),
                              STR_ARG(reply->url)));
    }
    if (reply->kind == REPLY_IMAGE)
        put_line(player, "> (image)", place_of(reply));
    if (reply->kind == REPLY_DOCUMENT) {
        put_line(player, "> (document)",
                 arena_format(player->arena, "%.*s: %.*s", STR_ARG(reply->filename),
                              STR_ARG(place_of(reply))));
    }
    if (reply->kind == REPLY_LIST)
        put_line(player, "> #", reply->label);
    for (size_t i = 0; i < reply->n_options; i++) {
        const struct reply_option *option = &reply->options[i];

        put_line(player, ">",
                 arena_format(player->arena, "[%.*s]%s%.*s", STR_ARG(option->title),
                              option->description.len ? " " : "",
                              STR_ARG(option->description)));
    }
}

static void put_effects(struct player *player, const struct flow_result *result)
{
    if (result->consent == FLOW_CONSENT_STOP)
        put_line(player, "* consent withdrawn", STR_NONE);
    if (result->consent == FLOW_CONSENT_START)
        put_line(player, "* consent given", STR_NONE);
    if (result->handoff)
        put_line(player, "* a person is asked for", STR_NONE);
    if (result->released)
        put_line(player, "* the bot is there again", STR_NONE);
    if (result->lang != player->lang)
        put_line(player, "* language", str_from(lang_code(result->lang)));
    if (!result->understood)
        put_line(player, "* not understood", STR_NONE);
    if (result->missing.len)
        put_line(player, "* MISSING WORDS", result->missing);
    if (result->n_replies == 0)
        put_line(player, "* silence", STR_NONE);
}

void put_result(struct player *player, const struct flow_result *result)
{
    for (size_t i = 0; i < result->n_replies; i++)
        put_reply(player, &result->replies[i], i == 0);
    put_effects(player, result);
}
