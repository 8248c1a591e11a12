/*
 * Waiting for an answer no longer than a state says: `after: {30m: {...}}`.
 *
 * A timer belongs to one asking of one prompt, and its name says which: flow, state, time and
 * the instant of asking. The name is made anew from what the conversation keeps and compared as
 * a whole, so a timer of a prompt that was answered, left or asked again finds nobody who knows
 * it. A newer book that has the state waits as it says itself, since the asking. What else is
 * said meanwhile (a thanks, a voice note) lets it run on; whatever asks the prompt again starts
 * it anew. In the customer's quiet hours nobody is disturbed: the prompt then counts as asked
 * so much later that its time is over when they end.
 */
#include "flows/engine/turn.h"

/* Outside of it WhatsApp takes templates only; a little less, since a message may have to wait.
 */
#define WINDOW (24 * USEC_PER_HOUR - 10 * USEC_PER_MIN)

void turn_arm(struct flow_turn *turn)
{
    if (turn->kept.now.at->after > 0)
        turn->kept.armed_at = turn->in->now;
}

static struct str timer_name(const struct flow_turn *turn)
{
    const struct kept *kept = &turn->kept;
    const struct state_def *at = kept->now.at;

    if (!kept->open || kept->armed_at <= 0 || at->after == 0)
        return STR_NONE;
    return arena_format(turn->arena, "%.*s/%.*s/%.*s/%llx", STR_ARG(kept->now.flow->name),
                        STR_ARG(at->name), STR_ARG(at->after_name),
                        (unsigned long long)kept->armed_at);
}

/* Letting go needs no proof: whoever is silent long enough has none any more. */
static bool may_lapse(const struct flow_turn *turn)
{
    const struct frame *now = &turn->kept.now;
    const struct move *way = turn_way(turn, &now->at->lapsed);

    return way && (way->kind == MOVE_REST || turn_is_met(turn, now->flow->needs));
}

void turn_lapse(struct flow_turn *turn)
{
    struct str name = timer_name(turn);
    struct record_builder nothing;

    if (name.len == 0 || !str_eq(name, turn->in->event->detail) || !may_lapse(turn))
        return; /* else it would tell of things to whom we do not know any more */
    record_build(&nothing, turn->arena);
    turn->answers[0] = (struct flow_answer){0};
    turn->n_needs = 0;
    turn->phase = PHASE_LAPSE;
    if (record_get(turn->facts, STR("customer")).kind != VALUE_RECORD)
        return; /* nobody whose wishes are known */
    turn->needs[0] = (struct flow_need){
        .kind = FLOW_LOAD, .name = FLOW_QUIET_HOURS, .takes = record_built(&nothing)};
    turn->answered[0] = false;
    turn->n_needs = 1;
}

/* --- quiet hours -------------------------------------------------------------------------- */

static usec_t local_of(const struct flow_turn *turn, usec_t at)
{
    return at + locale_zone_offset(turn->locale.zone, at);
}

/* The instant of a local time; across a change of clocks, by the clock that then holds. */
static usec_t instant_of(const struct flow_turn *turn, usec_t local)
{
    usec_t about = local - locale_zone_offset(turn->locale.zone, local);

    return local - locale_zone_offset(turn->locale.zone, about);
}

/* The time of the day at a field's instant, or the usual one. */
static usec_t hour_of(const struct flow_turn *turn, struct value hours, const char *name,
                      usec_t usual)
{
    struct value at =
        hours.kind == VALUE_RECORD ? record_get(hours.record, str_from(name)) : value_none();

    return at.kind == VALUE_TIME ? local_of(turn, at.time) % USEC_PER_DAY : usual;
}

/* When the quiet hours end that it is now; 0 when it is none of them. */
static usec_t quiet_until(const struct flow_turn *turn, struct value hours)
{
    usec_t now = local_of(turn, turn->in->now);
    usec_t begin = hour_of(turn, hours, "begins_at", 21 * USEC_PER_HOUR);
    usec_t end = hour_of(turn, hours, "ends_at", 8 * USEC_PER_HOUR);
    usec_t clock = now % USEC_PER_DAY;
    bool quiet = begin < end ? clock >= begin && clock < end : clock >= begin || clock < end;
    struct value stands =
        hours.kind == VALUE_RECORD ? record_get(hours.record, STR("stands")) : value_none();

    if (!quiet || (stands.kind == VALUE_TEXT && str_eq(stands.text, STR("off"))))
        return 0;
    return instant_of(turn, now - clock + end + (end <= clock ? USEC_PER_DAY : 0));
}

void turn_lapsed(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;
    usec_t until = quiet_until(turn, turn->answers[0].value);

    turn->phase = PHASE_END;
    if (until > turn->in->now) {
        kept->armed_at = until - kept->now.at->after;
    } else {
        turn_take(turn, &kept->now.at->lapsed);
    }
}

/* Only WhatsApp has a window: news finds its place by SMS and mail, where they may never have
 * written. */
static bool is_news_elsewhere(const struct flow_turn *turn)
{
    struct value channel = record_get(turn->facts, STR("channel"));

    return str_starts(turn->in->event->detail, STR(FLOW_NOTICE)) &&
           channel.kind == VALUE_TEXT &&
           (str_eq(channel.text, STR("sms")) || str_eq(channel.text, STR("email")));
}

/* Words that nobody asked for may leave only while the customer's last message is young. */
static bool may_speak(const struct flow_turn *turn)
{
    return turn->in->event->kind != EVENT_TIMER ||
           turn->in->now - turn->in->last_inbound_at < WINDOW || is_news_elsewhere(turn);
}

void turn_timers(struct flow_turn *turn)
{
    struct flow_result *result = &turn->result;
    struct str name = timer_name(turn);

    result->timers = &turn->timer;
    result->n_timers = name.len > 0;
    turn->timer = (struct flow_timer){name, turn->kept.armed_at + turn->kept.now.at->after};
    result->timers_changed = !str_eq(name, turn->kept.timer);
    turn->kept.timer = name;
    if (!may_speak(turn))
        result->n_replies = 0;
}
