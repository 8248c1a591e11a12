/*
 * What a turn knows by now, as the flows read it. Nothing is asked for here: it was loaded with
 * the conversation and its customer.
 */
#include "bot/turn/batch_facts.h"

#include "bot/turn/people.h"

bool batch_is_verified(const struct batch_work *work, const struct turn *turn)
{
    return !turn->doubtful && turn->verified_until > work->now;
}

static struct str known_language(const struct batch_work *work, const struct turn *turn)
{
    if (turn->language.len > 0 && turn->language_settled)
        return turn->language;
    if (turn->customer_language.len > 0)
        return turn->customer_language;
    if (turn->language.len > 0)
        return turn->language;
    if (people_language_of_phone(turn->phone).len > 0)
        return people_language_of_phone(turn->phone);
    return work->batch->business->language;
}

struct locale batch_locale(const struct batch_work *work, const struct turn *turn)
{
    struct locale locale = {.lang = LANG_EN, .now = work->now};

    if (turn->flow != NULL) {
        locale.lang = flow_turn_lang(turn->flow);
    } else if (!lang_parse(known_language(work, turn), &locale.lang)) {
        locale.lang = LANG_EN;
    }
    locale.zone =
        turn->customer_zone.len > 0 ? turn->customer_zone : work->batch->business->time_zone;
    return locale;
}

bool batch_is_held(const struct batch_work *work, const struct turn *turn)
{
    return turn->held_until > work->now;
}

/* What the one who writes is, and may become. */
static const struct record *session_of(struct batch_work *work, const struct turn *turn)
{
    struct record_builder session;

    record_build(&session, &work->arena);
    if (batch_is_verified(work, turn))
        record_set(&session, STR("verified"), value_bool(true));
    if (batch_is_verified(work, turn) || work->batch->business->reading_known)
        record_set(&session, STR("reading"), value_bool(true));
    if (turn->shut_out)
        record_set(&session, STR("shut_out"), value_bool(true));
    if (turn->awaited.len > 0)
        record_set(&session, STR("awaited"), value_text(turn->awaited));
    if (turn->awaited.len > 0 && turn->awaited_at > turn->last_inbound_at)
        record_set(&session, STR("awaited_first"), value_bool(true));
    if (work->batch->business->registration)
        record_set(&session, STR("registration"), value_bool(true));
    if (batch_is_held(work, turn))
        record_set(&session, STR("held"), value_bool(true));
    return record_built(&session);
}

const struct record *batch_facts(struct batch_work *work, const struct turn *turn)
{
    struct record_builder facts;

    record_build(&facts, &work->arena);
    record_set(&facts, STR("business"), value_record(work->batch->business->facts));
    record_set(&facts, STR("channel"),
               value_text(str_from(channel_name(turn->account->channel))));
    record_set(&facts, STR("session"), value_record(session_of(work, turn)));
    if (turn->customer_facts != NULL)
        record_set(&facts, STR("customer"), value_record(turn->customer_facts));
    return record_built(&facts);
}
