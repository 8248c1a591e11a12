/*
 * Waiting for an answer no longer than a state says: `after: {30m: {...}}`.
 *
 * A timer belongs to one asking of one prompt, and its name says which: flow, state, time and
 * the instant of asking. The name is made anew from what the conversation keeps and compared as
 * a whole, so a timer of a prompt that was answered, left or asked again finds nobody who knows
 * it. A newer book that has the state waits as it says itself, since the asking. What else is
 * said meanwhile (a thanks, a voice note) lets it run on; whatever asks the prompt again starts
 * it anew.
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

struct str turn_timer_name(const struct flow_turn *turn)
{
    const struct kept *kept = &turn->kept;
    const struct state_def *at = kept->now.at;

    if (!kept->open || kept->armed_at <= 0 || at->after == 0)
        return STR_NONE;
    return arena_format(turn->arena, "%.*s/%.*s/%.*s/%llx", STR_ARG(kept->now.flow->name),
                        STR_ARG(at->name), STR_ARG(at->after_name),
                        (unsigned long long)kept->armed_at);
}

void turn_lapse(struct flow_turn *turn)
{
    struct str name = turn_timer_name(turn);

    if (name.len == 0 || !str_eq(name, turn->in->event->detail))
        return;
    turn_take(turn, &turn->kept.now.at->lapsed);
}

/* Words that nobody asked for may leave only while the customer's last message is young. */
static bool may_speak(const struct flow_turn *turn)
{
    return turn->in->event->kind != EVENT_TIMER ||
           turn->in->now - turn->in->last_inbound_at < WINDOW;
}

void turn_timers(struct flow_turn *turn)
{
    struct flow_result *result = &turn->result;
    struct str name = turn_timer_name(turn);

    result->timers = &turn->timer;
    result->n_timers = name.len > 0;
    turn->timer = (struct flow_timer){name, turn->kept.armed_at + turn->kept.now.at->after};
    result->timers_changed = !str_eq(name, turn->kept.timer);
    turn->kept.timer = name;
    if (!may_speak(turn))
        result->n_replies = 0;
}
