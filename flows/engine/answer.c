/*
 * Words and taps, held against what the present prompt asks for. What is not an answer is left
 * to others, untouched.
 */
#include "flows/engine/answer.h"

#include "flows/engine/follow.h"
#include "flows/engine/hear.h"
#include "flows/understand/expect.h"
#include "flows/understand/expect_contact.h"
#include "flows/understand/remark.h"
#include "flows/understand/tokens.h"

#define NOTE_MAX    500
#define SURE_ENOUGH 70 /* percent: words that are asked for anything are something else */

bool answer_happen(struct flow_turn *turn, struct str event)
{
    const struct handler *handler = handler_find(&turn->kept.now.at->on, event);

    if (!handler)
        return false;
    turn_take(turn, &handler->moves);
    return true;
}

static bool page_to(struct flow_turn *turn, struct str key)
{
    int64_t offset;

    if (!str_to_int(key, &offset) || offset < 0 || offset > 100000 ||
        !turn->kept.now.at->prompt.of.len)
        return false;
    turn_set(turn, STR("offset"), value_int(offset));
    turn_page(turn, turn->kept.now.at);
    turn->brief = true;
    return true;
}

/* "That is all": what has come is the answer; before anything has, there is nothing to send. */
static bool end_media(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;
    const struct prompt *prompt = &kept->now.at->prompt;
    bool some = turn_value(turn, NULL, prompt->as).kind == VALUE_LIST;

    if (!some && !prompt->optional)
        return false;
    kept->album = STR_NONE;
    kept->media_at = 0; /* a file that comes now is told that it is late */
    return answer_happen(turn, some ? STR("answered") : STR("skipped"));
}

bool answer_choose(struct flow_turn *turn, enum option_kind kind, struct str key)
{
    struct kept *kept = &turn->kept;
    const struct prompt *prompt = &kept->now.at->prompt;
    int64_t index;

    switch (kind) {
    case OPTION_CHOICE:
        if (prompt->kind == PROMPT_MEDIA)
            return end_media(turn);
        for (size_t i = 0; i < prompt->n_choices; i++) {
            if (str_eq(prompt->choices[i].name, key))
                return answer_happen(turn, key);
        }
        return false;
    case OPTION_ROW:
        if (!prompt->of.len || !key.len)
            return false;
        turn_set(turn, prompt->as, value_text(arena_str(turn->arena, key)));
        return answer_happen(turn, STR("chosen"));
    case OPTION_OFFSET:
        return page_to(turn, key);
    case OPTION_INDEX:
        if (!str_to_int(key, &index) || index < 0 || (uint64_t)index >= kept->n_shown)
            return false;
        return answer_choose(turn, kept->shown[index].kind, kept->shown[index].key);
    }
    return false;
}

/* "broken", where we ask what is broken, does not begin the same flow anew. */
static bool leads_away(const struct flow_turn *turn, const struct understood *meant)
{
    return meant->number.len > 0 ||
           (meant->intent.len > 0 && !str_eq(meant->intent, STR("ok")) &&
            book_flow_on(turn->book, meant->intent) != turn->kept.now.flow);
}

static bool is_question(struct str text)
{
    return str_ends(text, STR("?")) || str_ends(text, STR("؟"));
}

/* "log out" is heard anywhere: what a code has proved must not outlast it. */
static bool is_log_out(const struct understood *meant)
{
    return meant->exact && str_eq(meant->intent, STR("log_out"));
}

/* What is wrong, or the same wish once more ("cancel it, please"), where anything may be added
 * to what is under way: that is why, and nothing else is wanted. */
static bool is_remark(const struct flow_turn *turn, const struct understood *meant)
{
    return turn->kept.now.at->prompt.optional && !meant->number.len &&
           !is_question(meant->text) &&
           (str_eq(meant->intent, STR("report")) ||
            follow_flow(turn->book, meant->intent) == turn->kept.now.flow);
}

/* "Terrible service" is what somebody thinks, and may be the very comment that is asked for. */
static bool is_comment(const struct flow_turn *turn, const struct understood *meant)
{
    return str_eq(meant->intent, STR("upset")) || str_eq(meant->intent, STR("bye")) ||
           str_eq(meant->intent, STR("nothing")) || is_remark(turn, meant);
}

/*
 * A text of a certain length is a story: words in it that could mean something by themselves
 * ("my order came, and it is broken") do not lead away. What does is a question that we know,
 * and a text that is too short anyway.
 */
static bool answer_story(struct flow_turn *turn, struct str text,
                         const struct understood *meant)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    size_t length = str_length(text);

    if (is_log_out(meant) ||
        (meant->strong && !is_comment(turn, meant) && (meant->exact || is_question(text))))
        return false;
    if (length < (size_t)prompt->min)
        return length > 0 && !leads_away(turn, meant) && answer_happen(turn, STR("too_short"));
    if (length > (size_t)prompt->max)
        return answer_happen(turn, STR("too_long"));
    turn_set(turn, prompt->as, value_text(text));
    return answer_happen(turn, STR("answered"));
}

/* Words that surely begin another flow, and say little else. A command of one word may be the
 * very word that is looked for. */
static bool leads_elsewhere(const struct flow_turn *turn, const struct understood *meant)
{
    return is_log_out(meant) ||
           (meant->strong && meant->confidence >= SURE_ENOUGH && !is_comment(turn, meant) &&
            follow_flow(turn->book, meant->intent) != NULL);
}

/* The one day that was named, at its noon: no time zone's change moves it to another. */
static bool read_day(const struct flow_turn *turn, const struct understood *meant,
                     struct value *value)
{
    const struct found *day = understood_only(meant, FOUND_DATE);
    usec_t noon;

    if (!day || day->date.first != day->date.last)
        return false;
    noon = day->date.first * USEC_PER_DAY + 12 * USEC_PER_HOUR;
    *value = value_time(noon - locale_zone_offset(turn->locale.zone, noon));
    return true;
}

static bool read_money(const struct flow_turn *turn, const struct understood *meant,
                       struct value *value)
{
    const struct found *amount = understood_only(meant, FOUND_AMOUNT);
    struct str own = hear_fact(turn, STR("business.currency"));

    if (!amount || amount->amount.money.minor <= 0 ||
        (own.len && !str_eq(own, str_from(amount->amount.money.currency))))
        return false;
    *value = value_money(amount->amount.money);
    return true;
}

/* A day, an amount or a number, found in whatever was said with it. */
static bool read_found(const struct flow_turn *turn, const struct understood *meant,
                       struct value *value)
{
    const struct found *found;

    switch (turn->kept.now.at->prompt.answer) {
    case ANSWER_DATE:
    case ANSWER_PAST_DATE:
        return read_day(turn, meant, value);
    case ANSWER_AMOUNT:
        return read_money(turn, meant, value);
    case ANSWER_TRACKING:
        found = understood_only(meant, FOUND_TRACKING);
        *value = found ? value_text(found->tracking.number) : value_none();
        return found != NULL;
    case ANSWER_PHONE:
        found = understood_only(meant, FOUND_PHONE);
        *value = found ? value_text(found->phone.number) : value_none();
        return found != NULL;
    default:
        return false;
    }
}

/* "ORD-100123" is an order, and not the six digits that a code has. */
static bool names_an_order(const struct understood *meant)
{
    for (size_t i = 0; i < meant->number.len; i++) {
        if (meant->number.at[i] >= 'A')
            return true;
    }
    return false;
}

/* What the words are, to a prompt that asks for such: false when they are something else. */
static bool read_answer(struct flow_turn *turn, struct str text, const struct understood *meant,
                        struct value *value)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    size_t max = prompt->max ? (size_t)prompt->max : 1000;
    struct str found;
    int64_t number;
    bool is = false;

    switch (prompt->answer) {
    case ANSWER_WORDS:
        *value = value_text(str_cut(turn->arena, text, max));
        return !leads_elsewhere(turn, meant) && text.len > 0;
    case ANSWER_ORDER:
        *value = value_text(meant->number);
        return meant->number.len > 0 && !(meant->strong && meant->intent.len);
    case ANSWER_NUMBER:
        is = expect_number(turn->arena, text, &number);
        if (is)
            *value = value_int(number);
        return is;
    case ANSWER_CODE:
        is = !names_an_order(meant) && expect_code(turn->arena, text, &found);
        turn->result.secret = is;
        break;
    case ANSWER_EMAIL:
        is = expect_email(turn->arena, text, &found);
        break;
    case ANSWER_CONTACT:
        is = expect_contact(turn->arena, text, &found);
        break;
    default:
        return !(meant->strong && is_question(text)) && read_found(turn, meant, value);
    }
    if (is)
        *value = value_text(found);
    return is;
}

static bool answer_text(struct flow_turn *turn, struct str text, const struct understood *meant)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    struct value value;

    if (prompt->optional && expect_skip(turn->arena, text))
        return answer_happen(turn, STR("skipped"));
    if (prompt->answer == ANSWER_WORDS && meant->exact && str_eq(meant->intent, STR("other")))
        return false; /* "no, the other order" is no note */
    if (prompt->answer == ANSWER_WORDS && prompt->min > 0)
        return answer_story(turn, text, meant);
    if (!read_answer(turn, text, meant, &value))
        return false;
    turn_set(turn, prompt->as, value);
    return answer_happen(turn, STR("answered"));
}

/* "cancel" alone, where we wait for something that can be left: an order is cancelled by it
 * only where that is under way, and a code is asked for first. */
static bool gives_up(const struct flow_turn *turn, struct str text,
                     const struct understood *meant)
{
    const struct flow_def *flow = book_flow_on(turn->book, STR("cancel"));
    const struct kept *kept = &turn->kept;

    if (!kept->now.at->prompt.gives_up || !meant->exact ||
        !str_eq(meant->intent, STR("cancel")) || str_find(text, STR(" ")) < text.len)
        return false;
    for (size_t i = 0; i < kept->depth; i++) {
        if (kept->stack[i].flow == flow)
            return false;
    }
    return kept->now.flow != flow;
}

static bool answer_option(struct flow_turn *turn, struct str text,
                          const struct understood *meant)
{
    struct kept *kept = &turn->kept;
    const struct prompt *prompt = &kept->now.at->prompt;
    struct expect_option options[ROWS_MAX];
    int index;

    for (size_t i = 0; i < kept->n_shown; i++) {
        const struct shown *shown = &kept->shown[i];
        bool is_choice = shown->kind == OPTION_CHOICE;

        options[i] =
            (struct expect_option){.key = shown->key,
                                   .title = shown->title,
                                   .is_row = shown->kind == OPTION_ROW,
                                   .is_page = shown->kind == OPTION_OFFSET,
                                   .is_yes = is_choice && str_eq(shown->key, prompt->yes),
                                   .is_no = is_choice && str_eq(shown->key, prompt->no),
                                   .is_out = is_choice && str_eq(shown->key, prompt->out)};
    }
    index = expect_option(turn->arena, text, options, kept->n_shown);
    if (index < 0 && gives_up(turn, text, meant))
        return answer_choose(turn, OPTION_CHOICE, prompt->out);
    return index >= 0 && answer_choose(turn, kept->shown[index].kind, kept->shown[index].key);
}

/* "Because you are slow", where a reason is chosen: it is told instead. */
static bool answer_because(struct flow_turn *turn, struct str text)
{
    const struct handler *handler = handler_find(&turn->kept.now.at->on, STR("because"));

    if (!handler || !remark_is_reason(turn->arena, text))
        return false;
    turn_set(turn, STR("note"), value_text(str_cut(turn->arena, text, NOTE_MAX)));
    turn_take(turn, &handler->moves);
    return true;
}

/* The Polish "no" says "well, yes". */
static bool is_polish_yes(const struct flow_turn *turn, struct str text)
{
    struct tokens tokens;

    tokens_read(turn->arena, text, &tokens);
    for (size_t i = 0; i < tokens.n; i++) {
        if (str_eq(tokens.items[i], STR("nie")))
            return false;
    }
    return turn->locale.lang == LANG_PL && tokens.n > 0 && str_eq(tokens.items[0], STR("no"));
}

/* "No", to a list: none of these, then, and what waits below it comes back. */
static bool leave_list(struct flow_turn *turn, struct str text)
{
    if (is_polish_yes(turn, text) || !expect_refusal(turn->arena, text))
        return false;
    if (answer_happen(turn, STR("none")))
        return true;
    if (turn->kept.depth > 0) {
        turn_return(turn);
        return true;
    }
    turn_say_key(turn, STR("nothing.reply"));
    turn_rest(turn);
    return true;
}

bool answer_words(struct flow_turn *turn, struct str text, const struct understood *meant)
{
    if (!turn->kept.open)
        return false;
    switch (turn->kept.now.at->prompt.kind) {
    case PROMPT_TEXT:
        return answer_text(turn, text, meant);
    case PROMPT_LIST:
        return answer_option(turn, text, meant) || answer_because(turn, text) ||
               leave_list(turn, text);
    case PROMPT_MEDIA:
        return answer_option(turn, text, meant) ||
               (expect_done(turn->arena, text) && end_media(turn));
    case PROMPT_BUTTONS: /* a code first: "000001" is no choice of the first button */
        if (turn->kept.now.at->prompt.typed && turn->kept.now.at->prompt.answer != ANSWER_WORDS)
            return answer_text(turn, text, meant) || answer_option(turn, text, meant);
        return answer_option(turn, text, meant) ||
               (turn->kept.now.at->prompt.typed && answer_text(turn, text, meant));
    default:
        return false;
    }
}
