/*
 * What is asked just now decides how the same words are read: "12.5." is a day or an amount.
 */
#include "flows/engine/hear.h"

#include "flows/understand/keywords.h"

struct str hear_fact(const struct flow_turn *turn, struct str path)
{
    struct value value = record_path(turn->in->facts, path);

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

static enum awaited awaited(const struct flow_turn *turn)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;

    if (!turn->kept.open || prompt->kind != PROMPT_TEXT)
        return AWAITED_ANYTHING;
    switch (prompt->answer) {
    case ANSWER_ORDER:
        return AWAITED_ORDER;
    case ANSWER_DATE:
    case ANSWER_PAST_DATE:
        return AWAITED_DATE;
    case ANSWER_AMOUNT:
        return AWAITED_AMOUNT;
    case ANSWER_TRACKING:
        return AWAITED_TRACKING;
    case ANSWER_PHONE:
        return AWAITED_PHONE;
    default:
        return AWAITED_ANYTHING;
    }
}

/* By SMS some words are the gateway's before they are ours: keywords.h. */
static void obey_gateway(const struct flow_turn *turn, struct str text,
                         struct understood *meant)
{
    enum keyword keyword;

    if (!str_eq(hear_fact(turn, STR("channel")), STR("sms")))
        return;
    keyword = keyword_read(text, turn->in->stopped || turn->kept.stopped);
    if (keyword == KEYWORD_NONE)
        return;
    meant->intent = keyword == KEYWORD_STOP ? STR("stop") : STR("start");
    meant->exact = true;
    meant->strong = true;
    meant->confidence = 100;
}

/* Whole sentences are expected: not where words are the answer, whatever they are, and not
 * where a card's number is struck out of what was written. */
static bool is_free(const struct flow_turn *turn)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;

    return !turn->in->event->card && (!turn->kept.open || (prompt->kind != PROMPT_TEXT &&
                                                           prompt->answer == ANSWER_WORDS));
}

void hear_words(const struct flow_turn *turn, struct str text, struct understood *meant)
{
    usec_t now = turn->in->now + locale_zone_offset(turn->locale.zone, turn->in->now);
    struct understand_context context = {
        .lang = turn->locale.lang,
        .today = (day_t)(now / USEC_PER_DAY),
        .currency = hear_fact(turn, STR("business.currency")),
        .country = hear_fact(turn, STR("business.country")),
        .awaited = awaited(turn),
        .classifier = is_free(turn) ? &turn->book->trained.classifier : NULL,
        .past = turn->kept.open && turn->kept.now.at->prompt.answer == ANSWER_PAST_DATE};

    understand(turn->arena, text, &context, meant);
    obey_gateway(turn, text, meant);
}
