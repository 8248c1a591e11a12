/*
 * Playing transcripts. The player keeps what a shell would keep: the state, the language, the
 * clock, the mutes; and every option that was ever shown, so that old ones can be tapped.
 */
#include "flows/play/play.h"

#include "bot/base/cards.h"
#include "flows/play/faced.h"

enum { OPTIONS_MAX = 2000 };

/* As in bot/batch_handoff.c, where the business says nothing else. */
#define HANDOFF_ANSWER (15 * USEC_PER_MIN)
#define HANDOFF_QUIET  (2 * USEC_PER_HOUR)

/* As far as the clock goes, and in one step. */
#define YEAR_9999  ((usec_t)253370764800 * USEC_PER_SEC)
#define SPAN_UNITS 100000

#define SESSION (30 * USEC_PER_MIN) /* what a code proved ends after so long a silence */

struct player {
    struct arena *arena;
    const struct play *play;
    struct stage *stage;
    struct str customer;
    struct str state;
    enum lang lang;
    bool settled;
    bool held;
    bool verified;      /* and, where a transcript is about that, for how long */
    usec_t until;       /* 0: without end */
    bool reading_known; /* the business lets whoever it knows read */
    usec_t now;
    usec_t last;
    struct flow_timer timer;               /* runs when `at` is above 0 */
    struct flow_timer handoff;             /* likewise, while a person was asked for */
    struct reply_option seen[OPTIONS_MAX]; /* oldest first */
    size_t n_seen;
    unsigned n_files;
    size_t latest;      /* where the options of the newest prompt begin */
    struct str instead; /* what the next line of the customer's is on this channel; or empty */
    bool left;          /* the rest cannot be done on this channel, and is only copied */
    char *out;
    size_t len;
    size_t room;
};

/* --- writing ------------------------------------------------------------------------------ */

static void put(struct player *player, struct str text)
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

static void put_line(struct player *player, const char *mark, struct str line)
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

/* --- turns -------------------------------------------------------------------------------- */

static void see_options(struct player *player, const struct flow_result *result)
{
    for (size_t i = 0; i < result->n_replies; i++) {
        const struct reply *reply = &result->replies[i];

        if (reply->n_options > 0)
            player->latest = player->n_seen;
        for (size_t j = 0; j < reply->n_options && player->n_seen < OPTIONS_MAX; j++)
            player->seen[player->n_seen++] = reply->options[j];
    }
}

/* Nothing is an answer to these, and what a stage need not speak of. */
static bool may_be_silent(const struct flow_need *need)
{
    return strcmp(need->name, FLOW_QUIET_HOURS) == 0 ||
           strcmp(need->name, "thread_elsewhere") == 0;
}

static bool answer_need(struct player *player, const struct flow_need *need,
                        struct flow_answer *answer, struct err *err)
{
    const struct play *play = player->play;
    bool known = false;

    if (!stage_answer(player->stage, player->arena, player->customer, need, answer, &known,
                      err))
        return false;
    if (known ||
        (play->answer && play->answer(player->arena, player->customer, need, answer)) ||
        may_be_silent(need))
        return true;
    return err_raise(err, ERR_REJECT,
                     "nobody answers %s: write \"@ %s: %s\", or into stage.yaml", need->name,
                     need->name, need->kind == FLOW_LOAD ? "[{...}]" : "OUTCOME");
}

static bool is_verified(const struct player *player)
{
    return player->verified && (player->until == 0 || player->until > player->now);
}

/* Facts as they are on the channel that is played. */
static const struct record *on_channel(struct player *player, const struct record *facts)
{
    struct record_builder all;

    if (player->play->channel == CHANNEL_NONE)
        return facts;
    record_build(&all, player->arena);
    record_set_all(&all, facts);
    record_set(&all, STR("channel"), value_text(str_from(channel_name(player->play->channel))));
    return record_built(&all);
}

static const struct record *facts_of(struct player *player)
{
    const struct play *play = player->play;
    struct record_builder facts;
    struct record_builder session;

    record_build(&session, player->arena);
    if (is_verified(player))
        record_set(&session, STR("verified"), value_bool(true));
    if (is_verified(player) || player->reading_known)
        record_set(&session, STR("reading"), value_bool(true));
    if (player->held)
        record_set(&session, STR("held"), value_bool(true));
    record_build(&facts, player->arena);
    record_set(&facts, STR("session"), value_record(record_built(&session)));
    if (play->facts)
        record_set_all(&facts, play->facts(player->arena, player->customer));
    return on_channel(player, stage_facts(player->stage, player->arena, player->customer,
                                          record_built(&facts)));
}

/* An action may find out that somebody else writes: `customer` names them. */
static void meet(struct player *player, struct flow_answer *answer)
{
    const struct record *row = answer->value.kind == VALUE_RECORD ? answer->value.record : NULL;
    struct value who = record_get(row, STR("who"));
    struct value customer = record_get(row, STR("customer"));

    if (who.kind != VALUE_TEXT)
        return;
    if (str_eq(who.text, STR("gone"))) {
        player->customer = STR("stranger");
    } else if (customer.kind == VALUE_TEXT) {
        player->customer = customer.text;
    }
    answer->facts = facts_of(player);
}

static bool run(struct player *player, struct flow_turn *turn, struct err *err)
{
    enum flow_progress progress;

    while ((progress = flow_turn_run(turn, err)) == FLOW_NEEDS) {
        size_t n;
        const struct flow_need *needs = flow_turn_needs(turn, &n);

        for (size_t i = 0; i < n; i++) {
            struct flow_answer answer;

            if (!answer_need(player, &needs[i], &answer, err))
                return false;
            if (player->play->answered)
                player->play->answered(&needs[i], &answer);
            if (needs[i].kind == FLOW_ACTION)
                meet(player, &answer);
            flow_turn_answer(turn, i, &answer);
        }
    }
    return progress == FLOW_DONE;
}

/* What the shell would do about timers, and about a conversation that a person was asked for.
 */
static void keep_timers(struct player *player, const struct event *event,
                        const struct flow_result *result)
{
    if (result->timers_changed)
        player->timer = result->n_timers ? result->timers[0] : (struct flow_timer){0};
    if (result->handoff) {
        player->handoff = (struct flow_timer){STR(FLOW_HANDOFF_TIMEOUT), result->handoff_by};
        player->held = result->handoff_holds;
    } else if (result->released) {
        player->handoff = (struct flow_timer){0};
        player->held = false;
    } else if (event_is_message(event->kind) && player->held &&
               str_eq(player->handoff.name, STR(FLOW_HANDOFF_QUIET))) {
        player->handoff =
            (struct flow_timer){STR(FLOW_HANDOFF_TIMEOUT), player->now + HANDOFF_ANSWER};
    }
}

/* Every message of a session that was proved extends it; one without end stays so. */
static void keep_session(struct player *player, const struct event *event, bool was, bool is)
{
    if (is != was)
        put_line(player, is ? "* verified" : "* no longer verified", STR_NONE);
    if (is && event->kind != EVENT_TIMER && !(was && player->until == 0))
        player->until = player->now + SESSION;
    player->verified = is;
}

/* What they have before them where nothing can be tapped. One prompt a turn: a number would
 * not say which of two it answers. */
static bool look(struct player *player, const struct flow_result *result,
                 const struct record *facts, struct err *err)
{
    struct value from = record_path(facts, STR("business.name"));
    struct locale locale = {.lang = result->lang, .zone = stage_zone(player->stage)};
    size_t prompts = 0;

    for (size_t i = 0; faced_by_number(player->play) && i < result->n_replies; i++) {
        prompts += result->replies[i].n_options > 0;
        if (!faced_reply(player->arena, player->play, &locale,
                         from.kind == VALUE_TEXT ? from.text : STR("Shop"), &result->replies[i],
                         err))
            return false;
    }
    return prompts <= 1 || err_raise(err, ERR_REJECT, "two prompts in one turn");
}

static bool play_event(struct player *player, struct event *event, struct err *err)
{
    struct flow_in in = {
        .state = player->state,
        .event = event,
        .now = player->now,
        .locale = {.lang = player->lang, .zone = stage_zone(player->stage)},
        .lang_is_settled = player->settled,
        .facts = facts_of(player),
        .verified = is_verified(player),
        .reading_known = player->reading_known,
        .last_inbound_at = player->last,
        .held = player->held
    };
    struct flow_turn *turn = flow_turn_begin(player->arena, player->play->book, &in);
    const struct flow_result *result;

    if (!event->at)
        event->at = player->now;
    if (!run(player, turn, err))
        return false;
    result = flow_turn_result(turn);
    for (size_t i = 0; i < result->n_replies; i++)
        put_reply(player, &result->replies[i], i == 0);
    put_effects(player, result);
    if (!look(player, result, in.facts, err))
        return false;
    see_options(player, result);
    player->state = result->state;
    player->lang = result->lang;
    player->settled = result->lang_settled;
    keep_session(player, event, in.verified, result->verified);
    if (event->kind != EVENT_TIMER)
        player->last = player->now;
    keep_timers(player, event, result);
    player->now += USEC_PER_SEC;
    return true;
}

/* --- time --------------------------------------------------------------------------------- */

/* "flow/state/30m/token": the time is what a reader wants to see. */
static struct str span_of(struct str name)
{
    struct str piece = STR_NONE;

    for (int i = 0; i < 3; i++) {
        if (!str_split(&name, '/', &piece))
            break;
    }
    return piece;
}

static bool fire(struct player *player, struct str name, struct err *err)
{
    struct event event = {.kind = EVENT_TIMER, .id = STR("timer"), .detail = name};

    return play_event(player, &event, err);
}

/* Which of the two is due first. */
static struct flow_timer *next_timer(struct player *player)
{
    if (player->handoff.at == 0 ||
        (player->timer.at > 0 && player->timer.at <= player->handoff.at))
        return &player->timer;
    return &player->handoff;
}

/* The clock moves; what is due on the way happens at its own time. */
static bool pass(struct player *player, usec_t span, struct err *err)
{
    usec_t end = player->now + span;
    struct flow_timer *timer;

    if (end > YEAR_9999)
        return err_raise(err, ERR_REJECT, "the clock ends with the year 9998");
    while ((timer = next_timer(player))->at > 0 && timer->at <= end) {
        struct str name = timer->name;

        if (player->now < timer->at)
            player->now = timer->at;
        put_line(player, "* after",
                 timer == &player->timer ? span_of(name) : str_from("waiting for a person"));
        *timer = (struct flow_timer){0};
        if (!fire(player, name, err))
            return false;
    }
    if (player->now < end)
        player->now = end;
    return true;
}

/* --- what the customer does --------------------------------------------------------------- */

/* A tap; or, where there is nothing to tap, the number under which the newest prompt has it.
 * Links of older mails can still be opened; an older SMS can do nothing. */
static void choose(struct player *player, size_t at, struct event *event)
{
    bool present = at >= player->latest;

    if (faced_by_number(player->play) && !player->play->links && present) {
        event->kind = EVENT_TEXT;
        event->text = arena_format(player->arena, "%zu", at - player->latest + 1);
        return;
    }
    event->choice = player->seen[at].id;
    event->text = player->seen[at].title;
    player->left = player->play->channel == CHANNEL_SMS && !present;
}

/* "[Title]" taps the newest option of that title, "[^Title]" one of an earlier prompt, and
 * "[=id]" anything at all. */
static bool tap(struct player *player, struct str title, struct event *event)
{
    size_t end = player->n_seen;

    event->kind = EVENT_CHOICE;
    if (str_starts(title, STR("="))) {
        event->choice = str_slice(title, 1, title.len);
        player->left = player->play->channel == CHANNEL_SMS;
        return true;
    }
    if (str_starts(title, STR("^"))) {
        title = str_slice(title, 1, title.len);
        end = player->latest;
    }
    for (size_t i = end; i-- > 0;) {
        if (!str_eq(player->seen[i].title, title))
            continue;
        choose(player, i, event);
        return true;
    }
    return false;
}

/* Files have handles, as the channel gives them, and a type that fits. */
static struct media file_of(struct player *player, enum media_kind kind)
{
    static const char *const mimes[] = {
        [MEDIA_IMAGE] = "image/jpeg",         [MEDIA_VIDEO] = "video/mp4",
        [MEDIA_AUDIO] = "audio/mpeg",         [MEDIA_VOICE] = "audio/ogg; codecs=opus",
        [MEDIA_DOCUMENT] = "application/pdf", [MEDIA_STICKER] = "image/webp"};

    return (struct media){.kind = kind,
                          .id = arena_format(player->arena, "media%u", ++player->n_files),
                          .mime = str_from(mimes[kind])};
}

static bool thing(struct player *player, struct str name, struct event *event)
{
    static struct media media;
    static const struct {
        const char *name;
        enum event_kind kind;
        enum media_kind media;
    } things[] = {
        {"image",       EVENT_MEDIA,       MEDIA_IMAGE   },
        {"video",       EVENT_MEDIA,       MEDIA_VIDEO   },
        {"voice",       EVENT_MEDIA,       MEDIA_VOICE   },
        {"document",    EVENT_MEDIA,       MEDIA_DOCUMENT},
        {"sticker",     EVENT_MEDIA,       MEDIA_STICKER },
        {"location",    EVENT_LOCATION,    MEDIA_IMAGE   },
        {"contacts",    EVENT_CONTACTS,    MEDIA_IMAGE   },
        {"reaction",    EVENT_REACTION,    MEDIA_IMAGE   },
        {"cart",        EVENT_ORDER,       MEDIA_IMAGE   },
        {"edit",        EVENT_EDIT,        MEDIA_IMAGE   },
        {"revoke",      EVENT_REVOKE,      MEDIA_IMAGE   },
        {"identity",    EVENT_IDENTITY,    MEDIA_IMAGE   },
        {"unsupported", EVENT_UNSUPPORTED, MEDIA_IMAGE   },
        {"unknown",     EVENT_UNKNOWN,     MEDIA_IMAGE   },
        {"stop",        EVENT_PREFERENCE,  MEDIA_IMAGE   },
        {"resume",      EVENT_PREFERENCE,  MEDIA_IMAGE   },
    };

    for (size_t i = 0; i < COUNTOF(things); i++) {
        if (!str_eq(str_from(things[i].name), name))
            continue;
        event->kind = things[i].kind;
        event->detail = name;
        media = file_of(player, things[i].media);
        if (event->kind == EVENT_MEDIA)
            event->media = &media;
        return true;
    }
    return false;
}

static bool read_event(struct player *player, struct str said, struct event *event)
{
    size_t end;

    *event = (struct event){.kind = EVENT_TEXT, .id = STR("wamid.test"), .text = said};
    if (str_starts(said, STR("(late)"))) {
        event->at = player->now - 2 * USEC_PER_HOUR;
        event->text = str_trim(str_slice(said, 6, said.len));
        return true;
    }
    if (str_starts(said, STR("[")) && str_ends(said, STR("]")))
        return tap(player, str_slice(said, 1, said.len - 2), event);
    if (!str_starts(said, STR("(")))
        return true;
    end = str_find(said, STR(")"));
    event->text = str_trim(str_slice(said, end + 1, said.len));
    if (str_starts(said, STR("(notice)"))) {
        event->kind = EVENT_TIMER;
        event->detail = arena_format(player->arena, FLOW_NOTICE "%.*s", STR_ARG(event->text));
        event->text = STR_NONE;
        return true;
    }
    return thing(player, str_slice(said, 1, end - 1), event);
}

/* --- lines -------------------------------------------------------------------------------- */

static bool read_span(struct str text, usec_t *span)
{
    static const struct {
        char letter;
        usec_t unit;
    } units[] = {
        {'s', USEC_PER_SEC },
        {'m', USEC_PER_MIN },
        {'h', USEC_PER_HOUR},
        {'d', USEC_PER_DAY },
    };
    int64_t n;

    if (text.len < 2 || !str_to_int(str_slice(text, 0, text.len - 1), &n) || n < 0 ||
        n > SPAN_UNITS)
        return false;
    for (size_t i = 0; i < COUNTOF(units); i++) {
        if (units[i].letter != text.at[text.len - 1])
            continue;
        *span = n * units[i].unit;
        return true;
    }
    return false;
}

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
    if (str_starts(line, STR("+")) && read_span(str_slice(line, 1, line.len), &span))
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
