/*
 * Words that mean something by themselves lead somewhere: into a flow, back, to the menu. What
 * was under way waits on the stack and comes back; mere reading is left.
 */
#include "flows/engine/follow.h"

#include "flows/engine/hear.h"
#include "flows/engine/manners.h"
#include "flows/understand/courtesy.h"
#include "flows/understand/expect.h"
#include "flows/understand/remark.h"

#define ECHO_LASTS (2 * USEC_PER_MIN)

enum { CORRECTION_MOST = 6 }; /* words: "no sorry i meant order 5011" */

bool follow_under_way(const struct kept *kept)
{
    return kept->open && !kept->now.at->again;
}

static void forget_flow(struct kept *kept, const struct flow_def *flow)
{
    size_t n = 0;

    for (size_t i = 0; i < kept->depth; i++) {
        if (kept->stack[i].flow != flow)
            kept->stack[n++] = kept->stack[i];
    }
    kept->depth = n;
}

void follow_aside(struct flow_turn *turn, const struct flow_def *flow)
{
    struct kept *kept = &turn->kept;
    bool keep = flow->returns ? kept->open : follow_under_way(kept);

    forget_flow(kept, flow);
    if (keep && kept->now.flow != flow) {
        turn_push(turn, kept->now.at);
        return;
    }
    if (flow->returns)
        return;
    while (kept->depth > 0 && kept->stack[kept->depth - 1].at->again)
        kept->depth--;
}

/* A parcel's number in the words; empty when there is none. */
static struct str tracking_of(const struct understood *meant)
{
    const struct found *found = understood_find(meant, FOUND_TRACKING);

    return found ? found->tracking.number : STR_NONE;
}

static void give(struct flow_turn *turn, const struct flow_def *flow, struct str name,
                 struct str value)
{
    if (value.len && flow_takes(flow, name))
        turn_set(turn, name, value_text(value));
}

/* What is said behind the number; where there is none, why. */
static struct str remark_of(const struct flow_turn *turn, const struct understood *meant)
{
    for (size_t i = 0; meant->number.len && i < meant->n_found; i++) {
        const struct found *found = &meant->found[i];

        if (found->kind == FOUND_NUMBER && str_eq(found->number.number, meant->number))
            return remark_behind(turn->arena, meant->text, found->at.to);
    }
    if (meant->number.len || meant->why.len)
        return meant->why;
    return remark_reason(turn->arena, meant->text);
}

/* What somebody wants to pay, where it is the business's currency. */
static void give_amount(struct flow_turn *turn, const struct flow_def *flow,
                        const struct understood *meant)
{
    const struct found *found = understood_only(meant, FOUND_AMOUNT);
    struct str own = hear_fact(turn, STR("business.currency"));

    if (found && flow_takes(flow, STR("amount")) &&
        (!own.len || str_eq(own, str_from(found->amount.money.currency))))
        turn_set(turn, STR("amount"), value_money(found->amount.money));
}

/* The day on which something was ordered: the last such day, where the words alone would mean
 * the next. */
static void give_day(struct flow_turn *turn, const struct flow_def *flow,
                     const struct understood *meant)
{
    usec_t now = turn->in->now + locale_zone_offset(turn->locale.zone, turn->in->now);
    struct date_context context = {
        .today = (day_t)(now / USEC_PER_DAY), .lang = turn->locale.lang, .past = true};
    struct date_found dates[DATES_MAX];
    struct scan scan;
    usec_t noon;

    if (!flow_takes(flow, STR("day")) || !understood_only(meant, FOUND_DATE))
        return;
    scan_read(turn->arena, meant->text, &scan);
    if (dates_find(&scan, &context, dates) != 1 || dates[0].first != dates[0].last)
        return;
    noon = dates[0].first * USEC_PER_DAY + 12 * USEC_PER_HOUR;
    if (dates[0].first > context.today)
        return;
    turn_set(turn, STR("day"), value_time(noon - locale_zone_offset(turn->locale.zone, noon)));
}

/* A question of ours that came in between: whoever goes on with something else has answered it.
 */
static bool is_passing(const struct flow_turn *turn, const struct flow_def *flow)
{
    static const char *const intents[] = {"doubt", "offer_human", "quiet", "upset"};

    for (size_t i = 0; i < COUNTOF(intents); i++) {
        if (book_flow_on(turn->book, str_from(intents[i])) == flow)
            return true;
    }
    return false;
}

/* What it came in between of waits again, as if it had not. */
static void drop_passing(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;

    while (kept->open && is_passing(turn, kept->now.flow)) {
        kept->open = kept->depth > 0;
        if (kept->open)
            kept->now = kept->stack[--kept->depth];
    }
}

/* Words that are about another order than the one in view, or about several. Levelled, as
 * tokens are. */
static bool is_other(struct str token)
{
    static const char *const words[] = {
        "an",     "another",   "other",    "different", "orders", "all",   "everything", "both",
        "un",     "otro",      "pedidos",  "todo",      "todos",  "ambos", "inne",       "inny",
        "drugie", "wszystkie", "wszystko", "oba",       "طلبات",  "كل",    "اخر",
    };

    for (size_t i = 0; i < COUNTOF(words); i++) {
        if (str_eq(token, str_from(words[i])))
            return true;
    }
    return false;
}

/* "Cancel it", "it came broken", while one order is in view: that is the one. Both ask before
 * anything is done. */
static struct str number_in_view(const struct flow_turn *turn, const struct flow_def *flow,
                                 const struct understood *meant)
{
    static const char *const views[] = {"order", "track"};
    static const char *const wishes[] = {"cancel", "report"};
    const struct frame *now = &turn->kept.now;
    struct value number = record_get(record_built(&now->vars), STR("number"));
    struct tokens tokens;
    bool is_wish = false;
    bool is_view = false;

    for (size_t i = 0; i < COUNTOF(wishes); i++)
        is_wish = is_wish || flow == book_flow_on(turn->book, str_from(wishes[i]));
    for (size_t i = 0; i < COUNTOF(views); i++)
        is_view = is_view || now->flow == book_flow_on(turn->book, str_from(views[i]));
    if (!is_wish || !is_view || !turn->kept.open || now->at->prompt.of.len ||
        number.kind != VALUE_TEXT)
        return STR_NONE;
    tokens_read(turn->arena, meant->text, &tokens);
    for (size_t i = 0; i < tokens.n; i++) {
        if (is_other(tokens.items[i]))
            return STR_NONE;
    }
    return number.text;
}

/* A cancellation that is denied is not asked about any more. */
static void drop_cancelling(struct flow_turn *turn)
{
    const struct flow_def *flow = book_flow_on(turn->book, STR("cancel"));
    struct kept *kept = &turn->kept;

    forget_flow(kept, flow);
    if (!kept->open || kept->now.flow != flow)
        return;
    kept->open = kept->depth > 0;
    if (kept->open)
        kept->now = kept->stack[--kept->depth];
}

void follow_start(struct flow_turn *turn, const struct flow_def *flow,
                  const struct understood *meant)
{
    struct str in_view;
    bool keeps = flow == book_flow_on(turn->book, STR("keep"));

    if (!flow->returns || is_passing(turn, flow) || keeps) /* else it is what comes back */
        drop_passing(turn);
    if (keeps)
        drop_cancelling(turn);
    in_view = meant->number.len ? STR_NONE : number_in_view(turn, flow, meant);
    follow_aside(turn, flow);
    turn_begin_flow(turn, flow, NULL);
    give(turn, flow, STR("number"), meant->number.len ? meant->number : in_view);
    give(turn, flow, STR("tracking"), tracking_of(meant));
    give(turn, flow, STR("ticket"), meant->ticket);
    give(turn, flow, STR("lang"), meant->named_lang);
    give(turn, flow, STR("note"), remark_of(turn, meant));
    if (meant->stars)
        give(turn, flow, STR("stars"), arena_format(turn->arena, "%d", meant->stars));
    give_amount(turn, flow, meant);
    give_day(turn, flow, meant);
}

static bool take_event(struct flow_turn *turn, struct str event)
{
    const struct handler *handler =
        turn->kept.open ? handler_find(&turn->kept.now.at->on, event) : NULL;

    if (handler)
        turn_take(turn, &handler->moves);
    return handler != NULL;
}

static void go_back(struct flow_turn *turn)
{
    if (!take_event(turn, STR("back")))
        turn_back(turn);
}

/* A list that only reads, and nothing of it chosen yet. */
static bool is_choosing(const struct kept *kept)
{
    return kept->open && kept->now.at->again && kept->now.at->prompt.of.len > 0;
}

/* The thread that waits below what is merely read is what was wrong: take it up where it can be
 * chosen anew. */
static bool correct_thread(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;
    const struct handler *handler;
    size_t depth = kept->depth;

    while (depth > 0 && kept->stack[depth - 1].at->again)
        depth--;
    if (depth == 0)
        return false;
    handler = handler_find(&kept->stack[depth - 1].at->on, STR("not_that"));
    if (!handler)
        handler = handler_find(&kept->stack[depth - 1].at->on, STR("back"));
    if (!handler)
        return false;
    kept->depth = depth;
    turn_return(turn);
    turn_take(turn, &handler->moves);
    return true;
}

/* "No, the other one": the state's own answer to that, else a step back, to choose again. Where
 * a list stands and nothing of it was chosen, the thread below it is meant, or the list. */
static void correct(struct flow_turn *turn)
{
    bool choosing = is_choosing(&turn->kept);

    if ((choosing && correct_thread(turn)) || take_event(turn, STR("not_that")))
        return;
    if (choosing) {
        turn_again(turn);
    } else {
        go_back(turn);
    }
}

static void greet(struct flow_turn *turn)
{
    if (!manners_is_first(turn))
        turn_say_key(turn, manners_is_at_it(turn) ? STR("welcome.here") : STR("welcome.again"));
    if (follow_under_way(&turn->kept)) {
        turn_again(turn);
    } else {
        turn_menu(turn);
    }
}

const struct flow_def *follow_flow(const struct book *book, struct str intent)
{
    static const char *const near[][2] = {
        {"history", "orders"},
        {"jobs",    "orders"},
    };
    const struct flow_def *flow = book_flow_on(book, intent);

    for (size_t i = 0; !flow && i < COUNTOF(near); i++) {
        if (str_eq(intent, str_from(near[i][0])))
            flow = book_flow_on(book, str_from(near[i][1]));
    }
    return flow;
}

/* The flow is under way already, and nothing is named that would begin it anew: "the mug came
 * broken", where photos of it are asked for. A code that never came is begun anew. */
static bool goes_on(const struct flow_turn *turn, const struct flow_def *flow,
                    const struct understood *meant)
{
    return flow == turn->kept.now.flow && flow != turn->book->verify &&
           follow_under_way(&turn->kept) && !meant->exact && !meant->number.len &&
           !meant->ticket.len && !meant->also.len && !meant->stars && meant->n_found == 0;
}

/* Nothing but a last word. */
static bool say_bye(struct flow_turn *turn, struct str intent)
{
    bool bye = str_eq(intent, STR("bye"));
    const char *key = bye ? "bye.reply" : "nothing.reply";

    if (!(bye || (str_eq(intent, STR("nothing")) && !follow_under_way(&turn->kept))) ||
        !words_has(turn->book->words, str_from(key)))
        return false;
    turn_say_key(turn, str_from(key));
    return true;
}

/* One thing after the other: what else they asked for is said back to them. */
static void mention_also(struct flow_turn *turn, const struct understood *meant)
{
    if (!meant->also.len || !words_has(turn->book->words, STR("wishes.also")))
        return;
    record_set(&turn->loaded, STR("also"), value_text(meant->also));
    turn_say_key(turn, STR("wishes.also"));
}

static bool is_any(struct str intent, const char *const *intents)
{
    for (; *intents; intents++) {
        if (str_eq(intent, str_from(*intents)))
            return true;
    }
    return false;
}

/* What is named says more than words that only show a list. */
static struct str intent_of(const struct understood *meant)
{
    static const char *const lists[] = {"", "orders", NULL};
    static const char *const of_tickets[] = {"", "orders", "report", "updates", NULL};
    static const char *const of_parcels[] = {"", "orders", "updates", NULL};
    struct str intent = meant->intent;

    if (meant->number.len && is_any(intent, lists))
        intent = STR("order");
    if (meant->ticket.len && is_any(intent, of_tickets))
        intent = STR("tickets");
    if (tracking_of(meant).len && is_any(intent, of_parcels))
        intent = STR("track");
    if (meant->stars && is_any(meant->intent, lists))
        intent = STR("review");
    return intent;
}

/* What needs no flow. False: something else is wanted. */
static bool do_at_once(struct flow_turn *turn, struct str intent)
{
    static const char *const greetings[] = {"greeting", "start", NULL};
    bool ok = str_eq(intent, STR("ok"));

    if (str_eq(intent, STR("menu"))) {
        turn_menu(turn);
    } else if (str_eq(intent, STR("back"))) {
        go_back(turn);
    } else if (str_eq(intent, STR("other"))) {
        correct(turn);
    } else if (is_any(intent, greetings) || (ok && manners_is_first(turn))) {
        greet(turn);
    } else if (str_eq(intent, STR("thanks"))) {
        turn_say_key(turn, STR("thanks.reply"));
    } else if (ok && follow_under_way(&turn->kept)) {
        turn_again(turn); /* that is no answer to what was asked */
    } else {
        return ok; /* nothing is wanted then, and the last word may be theirs */
    }
    return true;
}

/* "No, 5011", where an order is cancelled or reported: the same with the other. */
static const struct flow_def *corrected(const struct flow_turn *turn,
                                        const struct flow_def *flow,
                                        const struct understood *meant)
{
    const struct flow_def *now = turn->kept.now.flow;
    struct tokens tokens;
    bool is_wish = now == book_flow_on(turn->book, STR("cancel")) ||
                   now == book_flow_on(turn->book, STR("report"));

    if (!is_wish || !follow_under_way(&turn->kept) || !meant->number.len ||
        flow != book_flow_on(turn->book, STR("order")))
        return flow;
    tokens_read(turn->arena, meant->text, &tokens);
    return tokens.n > 1 && tokens.n <= CORRECTION_MOST && courtesy_is_no(tokens.items[0])
               ? now
               : flow;
}

/* What only the team can do is wanted once more: a person is offered instead of the same words.
 */
static const struct flow_def *insisted(const struct flow_turn *turn,
                                       const struct flow_def *flow)
{
    const struct flow_def *upset = book_flow_on(turn->book, STR("upset"));

    return upset && turn->kept.open && flow == turn->kept.now.flow &&
                   flow == book_flow_on(turn->book, STR("refund"))
               ? upset
               : flow;
}

bool follow_words(struct flow_turn *turn, const struct understood *meant)
{
    struct str intent = intent_of(meant);
    const struct flow_def *flow;

    if (!intent.len)
        return false;
    if (do_at_once(turn, intent))
        return true;
    flow = follow_flow(turn->book, intent);
    if (!flow)
        return say_bye(turn, intent);
    mention_also(turn, meant);
    flow = corrected(turn, flow, meant);
    flow = insisted(turn, flow);
    if (goes_on(turn, flow, meant)) {
        turn_again(turn);
    } else {
        follow_start(turn, flow, meant);
    }
    return true;
}

bool follow_maybe(struct flow_turn *turn, const struct understood *meant)
{
    const struct flow_def *flow = book_flow_on(turn->book, STR("doubt"));
    const struct flow_def *meant_flow = follow_flow(turn->book, meant->maybe);

    if (!flow || !meant->maybe.len || turn->kept.now.flow == flow || !meant_flow ||
        goes_on(turn, meant_flow, meant))
        return false;
    follow_start(turn, flow, meant);
    give(turn, flow, STR("meant"), meant->maybe);
    return true;
}

/* False in a book that has no such flow, and to whom it is being offered. */
static bool offer_person(struct flow_turn *turn)
{
    const struct flow_def *flow = book_flow_on(turn->book, STR("offer_human"));
    struct understood nothing = {0};

    if (!flow || turn->kept.now.flow == flow)
        return false;
    follow_start(turn, flow, &nothing);
    return true;
}

bool follow_template(struct flow_turn *turn, const struct understood *meant)
{
    const struct flow_def *flow = book_flow_on(turn->book, STR(FLOW_AWAITED));
    struct understood nothing = {0};

    if (!flow || hear_fact(turn, STR("session.awaited")).len == 0 ||
        follow_under_way(&turn->kept) || meant->intent.len || meant->number.len ||
        meant->ticket.len || tracking_of(meant).len)
        return false;
    follow_start(turn, flow, &nothing);
    give(turn, flow, STR("words"), str_trim(turn->in->event->text));
    return true;
}

/* A yes to what is done already. */
static bool is_echo(const struct flow_turn *turn)
{
    return !turn->kept.open && turn->in->now - turn->in->last_inbound_at < ECHO_LASTS &&
           expect_assent(turn->arena, turn->in->event->text);
}

void follow_nothing(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;
    int64_t misses = kept->misses + 1;

    if (manners_is_first(turn)) {
        turn_menu(turn);
        return;
    }
    if (turn->in->event->card) { /* it was answered: why the number is gone */
        turn_again(turn);
        return;
    }
    if (is_echo(turn)) {
        turn_say_key(turn, STR("nothing.reply"));
        kept->misses = 0;
        return;
    }
    turn->result.understood = false;
    drop_passing(turn); /* whoever says something else there has not taken it up */
    if (misses > 1 && offer_person(turn))
        return;
    if (misses == 1 && kept->open) {
        turn_say_key(turn, STR("misunderstood.first"));
        turn_again(turn);
    } else {
        turn_say_key(turn, STR("misunderstood.menu"));
        turn_menu(turn);
    }
    kept->misses = misses == 1; /* else they begin anew */
}
