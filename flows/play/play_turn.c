#include "flows/play/play_inside.h"

#include "flows/play/faced.h"

#define YEAR_9999 ((usec_t)253370764800 * USEC_PER_SEC) /* as far as the clock goes */

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

bool play_event(struct player *player, struct event *event, struct err *err)
{
    struct flow_in in = {
        .state = player->state,
        .event = event,
        .now = player->now,
        .locale = {.lang = player->lang, .zone = stage_zone(player->stage)},
        .lang_is_settled = player->settled,
        .lang_is_known = player->lang_is_known,
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
    put_result(player, result);
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

bool fire(struct player *player, struct str name, struct err *err)
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

bool pass(struct player *player, usec_t span, struct err *err)
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
