/*
 * Playing transcripts. The player keeps what a shell would keep: the state, the language, the
 * clock, the mutes; and every option that was ever shown, so that old ones can be tapped.
 */
#include "flows/play/play_inside.h"

#include "bot/base/cards.h"
#include "flows/play/faced.h"

/* What the person does who holds the conversation. */
static bool person(struct player *player, struct str what, struct err *err)
{
    if (str_eq(what, STR("writes"))) {
        player->held = true;
        player->handoff =
            (struct flow_timer){STR(FLOW_HANDOFF_QUIET), player->now + HANDOFF_QUIET};
        return true;
    }
    if (str_eq(what, STR("gives back")))
        return fire(player, STR(FLOW_HANDOFF_RELEASED), err);
    return err_raise(err, ERR_REJECT, "a person 'writes' or 'gives back'");
}

static bool read_setting(struct player *player, struct str line)
{
    struct str rest = line;
    struct str name;

    if (!str_split(&rest, ':', &name))
        return false;
    rest = str_trim(rest);
    if (str_eq(name, STR("customer"))) {
        player->customer = rest;
    } else if (str_eq(name, STR("language"))) {
        return lang_parse(rest, &player->lang);
    } else if (str_eq(name, STR("profile"))) {
        player->lang_is_known = str_eq(rest, STR("yes"));
    } else if (str_eq(name, STR("settled"))) {
        player->settled = str_eq(rest, STR("yes"));
    } else if (str_eq(name, STR("met"))) {
        player->last = str_eq(rest, STR("yes")) ? player->now - USEC_PER_DAY : 0;
    } else if (str_eq(name, STR("verified"))) {
        player->verified = str_eq(rest, STR("yes"));
        player->until = player->now + SESSION;
    } else if (str_eq(name, STR("reading"))) {
        player->reading_known = str_eq(rest, STR("known"));
    } else if (str_eq(name, STR("muted"))) {
        player->held = str_eq(rest, STR("yes"));
    } else {
        return false;
    }
    return true;
}

static bool is_left(const struct play *play, struct str where)
{
    if (str_eq(where, STR("not by number")))
        return faced_by_number(play) && !play->links;
    return play->channel != CHANNEL_NONE && str_starts(where, STR("not on ")) &&
           str_eq(str_slice(where, 7, where.len), str_from(channel_name(play->channel)));
}

/* "sms< words": on that channel this is what the customer does next, instead of what stands
 * there for all. "not on sms: why", "not by number: why": from here on it cannot be done there.
 */
static bool read_mark(struct player *player, struct str line)
{
    enum channel channel = player->play->channel;
    struct str rest = line;
    struct str word;

    if (str_starts(line, STR("sms<")) || str_starts(line, STR("email<"))) {
        if (channel != CHANNEL_NONE && str_split(&rest, '<', &word) &&
            str_eq(word, str_from(channel_name(channel))))
            player->instead = str_trim(rest);
        return true;
    }
    if (!(str_starts(line, STR("not on ")) || str_starts(line, STR("not by number:"))) ||
        !str_split(&rest, ':', &word))
        return false;
    player->left = is_left(player->play, word);
    return true;
}

static bool play_customer(struct player *player, struct str said, struct err *err)
{
    struct event event;

    if (player->instead.len > 0)
        said = player->instead;
    player->instead = STR_NONE;
    if (!read_event(player, said, &event))
        return err_raise(err, ERR_REJECT, "no such option or thing");
    if (player->left)
        return true;
    cards_redact_event(player->arena, &event); /* as the door does */
    return play_event(player, &event, err);
}

static bool play_line(struct player *player, struct str line, unsigned number, struct err *err)
{
    usec_t span;

    if (!player->left &&
        (str_starts(line, STR(">")) || str_starts(line, STR("*")) || str_eq(line, STR("--"))))
        return true; /* written again from what comes back */
    put(player, line);
    put(player, STR("\n"));
    if (player->left || line.len == 0 || line.at[0] == '#' || read_mark(player, line))
        return true;
    if (str_starts(line, STR("<"))) {
        return play_customer(player, str_trim(str_slice(line, 1, line.len)), err) ||
               err_wrap(err, "line %u", number);
    }
    if (str_starts(line, STR("@"))) {
        return stage_set(player->stage, str_slice(line, 1, line.len), err) ||
               err_wrap(err, "line %u", number);
    }
    if (str_starts(line, STR("+")) && stage_span(str_slice(line, 1, line.len), &span))
        return pass(player, span, err) || err_wrap(err, "line %u", number);
    if (str_starts(line, STR("person:"))) {
        return person(player, str_trim(str_slice(line, 7, line.len)), err) ||
               err_wrap(err, "line %u", number);
    }
    if (!read_setting(player, line))
        return err_raise(err, ERR_REJECT, "line %u: what is this?", number);
    return true;
}

bool play_transcript(struct arena *into, const struct play *play, struct str transcript,
                     struct str *played, struct err *err)
{
    struct player *player = arena_new(into, struct player);
    struct str rest = transcript;
    struct str line;
    unsigned number = 0;

    player->arena = into;
    player->play = play;
    player->stage = stage_copy(into, play->stage);
    player->customer = STR("ana");
    player->verified = true;
    player->now = stage_now(player->stage);
    while (str_split(&rest, '\n', &line)) {
        if (!play_line(player, line, ++number, err))
            return false;
    }
    *played = (struct str){player->out, player->len};
    return true;
}

unsigned play_difference(struct str expected, struct str played, struct str *was,
                         struct str *is)
{
    unsigned line = 0;

    for (;;) {
        bool more_a = str_split(&expected, '\n', was);
        bool more_b = str_split(&played, '\n', is);

        line++;
        if (!more_a)
            *was = STR_NONE;
        if (!more_b)
            *is = STR_NONE;
        if (!more_a || !more_b || !str_eq(*was, *is))
            return line;
    }
}
