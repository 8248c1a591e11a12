/*
 * Before anything is said: may we speak, and how do we begin?
 */
#include "flows/engine/manners.h"

#define LATE_AFTER    (30 * USEC_PER_MIN) /* after that we say sorry for the delay */
#define APOLOGY_LASTS USEC_PER_MIN        /* several that waited together hear it once */

bool manners_is_first(const struct flow_turn *turn)
{
    return turn->in->last_inbound_at == 0;
}

bool manners_is_at_it(const struct flow_turn *turn)
{
    return turn->in->now - turn->in->last_inbound_at < USEC_PER_HOUR;
}

void manners_open(struct flow_turn *turn)
{
    usec_t at = turn->in->event->at;
    usec_t now = turn->in->now;

    if (manners_is_first(turn)) {
        turn_say_key(turn, STR("welcome.first"));
    } else if (at > 0 && now - at > LATE_AFTER &&
               now - turn->in->last_inbound_at > APOLOGY_LASTS) {
        turn_say_key(turn, STR("late.apology"));
    }
    if (turn->in->event->card && words_has(turn->book->words, STR("cards.removed")))
        turn_say_key(turn, STR("cards.removed"));
}

bool manners_is_stopped(const struct flow_turn *turn)
{
    return turn->in->stopped || turn->kept.stopped;
}

bool manners_is_muted(const struct flow_turn *turn)
{
    return turn->in->held || manners_is_stopped(turn);
}

/* Where their profile names a language, a sentence is enough to leave it, and so is a command
 * of several words ("my orders"): nobody says these in a language that they don't read. A word
 * is not: "hello", "ok" and "stop" are at home everywhere, and so are brands. */
static bool is_enough(const struct flow_turn *turn, const struct understood *meant)
{
    bool asked = turn->kept.open && turn->kept.now.at->prompt.kind == PROMPT_TEXT;

    if (meant->lang_is_sure || (meant->exact && meant->strong && !asked))
        return true;
    if (turn->in->lang_is_known)
        return false;
    return manners_is_first(turn) || meant->exact || (meant->lang_words > 1 && !asked);
}

void manners_listen(struct flow_turn *turn, const struct understood *meant)
{
    if (turn->in->lang_is_settled || !meant->lang_is_clear ||
        meant->lang == turn->locale.lang || !is_enough(turn, meant))
        return;
    turn->locale.lang = meant->lang;
    turn->kept.heard = str_from(lang_code(meant->lang));
}
