/*
 * Actions that the engine does itself, without asking the world.
 */
#include "flows/engine/turn.h"

#include "flows/engine/hours.h"

static struct value business_value(const struct flow_turn *turn, const char *name)
{
    struct value business = record_get(turn->in->facts, STR("business"));

    return record_get(business.kind == VALUE_RECORD ? business.record : NULL, str_from(name));
}

/* A week at most: whoever says more has mistyped, and nobody is left alone for it. */
static usec_t answered_within(struct value minutes)
{
    bool said = minutes.kind == VALUE_INT && minutes.number > 0 && minutes.number < 10000;

    return (said ? minutes.number : 15) * USEC_PER_MIN;
}

/* The business's hours, or NULL, and whether they are now. */
static const struct record *hours_now(const struct flow_turn *turn, struct hours_look *look)
{
    struct value hours = business_value(turn, "hours");
    struct value zone = business_value(turn, "time_zone");
    const struct record *known = hours.kind == VALUE_RECORD ? hours.record : NULL;

    *look = hours_look(known, zone.kind == VALUE_TEXT ? zone.text : STR_NONE, turn->in->now);
    return known;
}

static void tell_when(struct record_builder *told, const struct hours_look *look)
{
    if (look->closes_at)
        record_set(told, STR("closes_at"), value_time(look->closes_at));
    if (look->opens_at)
        record_set(told, STR("opens_at"), value_time(look->opens_at));
}

/* A person is asked for. In business hours the bot makes way; outside of them it tells when
 * somebody will be there, and goes on itself until then. */
static void person_ask(struct flow_turn *turn, const struct record *takes)
{
    struct flow_result *result = &turn->result;
    struct value minutes = business_value(turn, "handoff_minutes");
    struct value reason = record_get(takes, STR("reason"));
    usec_t now = turn->in->now;
    usec_t wait = answered_within(minutes);
    struct record_builder told;
    struct hours_look look;

    (void)hours_now(turn, &look);
    record_build(&told, turn->arena);
    if (!look.open)
        record_set(&told, STR("closed"), value_bool(true));
    tell_when(&told, &look);
    turn->answers[0].value = value_record(record_built(&told));
    result->handoff = true;
    result->handoff_reason =
        reason.kind == VALUE_TEXT ? arena_cstr(turn->arena, reason.text) : "asked";
    result->handoff_holds = look.open;
    result->handoff_by = look.open       ? now + wait
                         : look.opens_at ? look.opens_at + wait
                                         : now + USEC_PER_DAY;
}

/* When somebody of the business is there, on clocks of its own; "elsewhere" when these are not
 * the customer's. */
static void hours_tell(struct flow_turn *turn)
{
    struct value zone = business_value(turn, "time_zone");
    struct str own = zone.kind == VALUE_TEXT ? zone.text : STR_NONE;
    struct str shown = turn->locale.zone;
    usec_t now = turn->in->now;
    struct record_builder told;
    struct hours_look look;
    const struct record *hours = hours_now(turn, &look);
    struct value week;

    if (!hours || (week = hours_week(turn->arena, hours, shown, now)).list->n == 0) {
        turn->answers[0].outcome = "unknown";
        return;
    }
    record_build(&told, turn->arena);
    record_set(&told, STR("week"), week);
    record_set(&told, STR("off"), hours_off(turn->arena, hours, shown, now));
    if (look.open)
        record_set(&told, STR("open"), value_bool(true));
    if (locale_zone_offset(own, now) != locale_zone_offset(shown, now))
        record_set(&told, STR("elsewhere"), value_bool(true));
    tell_when(&told, &look);
    turn->answers[0].value = value_record(record_built(&told));
}

void turn_builtin(struct flow_turn *turn, const struct record *takes)
{
    struct flow_result *result = &turn->result;
    struct value lang = record_get(takes, STR("lang"));

    turn->answers[0] = (struct flow_answer){.outcome = turn->action->outcomes[0]};
    switch (turn->action->builtin) {
    case BUILTIN_SET_LANGUAGE:
        if (lang.kind == VALUE_TEXT && lang_parse(lang.text, &turn->locale.lang)) {
            result->lang_settled = true;
            turn->kept.heard = STR_NONE;
        }
        break;
    case BUILTIN_PERSON:
        person_ask(turn, takes);
        break;
    case BUILTIN_STOP:
        result->consent = FLOW_CONSENT_STOP;
        turn->kept.stopped = true;
        break;
    case BUILTIN_START:
        result->consent = FLOW_CONSENT_START;
        turn->kept.stopped = false;
        break;
    case BUILTIN_LOG_OUT:
        turn->verified = false;
        break;
    case BUILTIN_SPEAK_AGAIN: /* nobody is waited for any more */
        result->released = true;
        break;
    case BUILTIN_HOURS:
        hours_tell(turn);
        break;
    case BUILTIN_NONE:
        break;
    }
}
