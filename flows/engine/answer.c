/*
 * What an event means for the conversation as it stands.
 *
 * The order of judgement for words: the commands that work anywhere; then what the present
 * prompt expects; then what they mean by themselves, which steps aside and comes back where a
 * thread is under way; and only then "I did not understand". A tap is held against the present
 * prompt; an older one is answered for what it was where the prompt only reads, and else
 * refused kindly: no tap ever has an effect twice.
 */
#include "flows/engine/turn.h"
#include "flows/understand/contact.h"
#include "flows/understand/expect.h"
#include "flows/understand/remark.h"
#include "flows/understand/understand.h"

#define LATE_AFTER    (30 * USEC_PER_MIN) /* after that we say sorry for the delay */
#define ALBUM_WITHIN  (20 * USEC_PER_SEC) /* pictures that come together are answered once */
#define SURE_ENOUGH   70 /* percent: words that are asked for anything are something else */
#define APOLOGY_LASTS USEC_PER_MIN /* several that waited together hear it once */

static struct str fact_text(const struct flow_turn *turn, struct str path)
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

/* What the words mean, in the light of what is asked just now. */
static void listen(const struct flow_turn *turn, struct str text, struct understood *meant)
{
    usec_t now = turn->in->now + locale_zone_offset(turn->locale.zone, turn->in->now);
    struct understand_context context = {
        .lang = turn->locale.lang,
        .today = (day_t)(now / USEC_PER_DAY),
        .currency = fact_text(turn, STR("business.currency")),
        .country = fact_text(turn, STR("business.country")),
        .awaited = awaited(turn),
        .past = turn->kept.open && turn->kept.now.at->prompt.answer == ANSWER_PAST_DATE};

    understand(turn->arena, text, &context, meant);
}

static bool is_first(const struct flow_turn *turn)
{
    return turn->in->last_inbound_at == 0;
}

/* A thread that must not be lost: a prompt that does more than read. */
static bool under_way(const struct kept *kept)
{
    return kept->open && !kept->now.at->again;
}

static void open_politely(struct flow_turn *turn)
{
    usec_t at = turn->in->event->at;
    usec_t now = turn->in->now;

    if (is_first(turn)) {
        turn_say_key(turn, STR("welcome.first"));
    } else if (at > 0 && now - at > LATE_AFTER &&
               now - turn->in->last_inbound_at > APOLOGY_LASTS) {
        turn_say_key(turn, STR("late.apology"));
    }
}

/* --- stepping aside ----------------------------------------------------------------------- */

static void forget_flow(struct kept *kept, const struct flow_def *flow)
{
    size_t n = 0;

    for (size_t i = 0; i < kept->depth; i++) {
        if (kept->stack[i].flow != flow)
            kept->stack[n++] = kept->stack[i];
    }
    kept->depth = n;
}

/* Make way for `flow`: what is under way waits on the stack, mere reading is left. */
static void step_aside(struct flow_turn *turn, const struct flow_def *flow)
{
    struct kept *kept = &turn->kept;
    bool keep = flow->returns ? kept->open : under_way(kept);

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
    for (size_t i = 0; value.len && i < flow->n_takes; i++) {
        if (str_eq(flow->takes[i], name))
            turn_set(turn, name, value_text(value));
    }
}

static void start_flow(struct flow_turn *turn, const struct flow_def *flow,
                       const struct understood *meant)
{
    step_aside(turn, flow);
    turn_begin_flow(turn, flow, NULL);
    give(turn, flow, STR("number"), meant->number);
    give(turn, flow, STR("tracking"), tracking_of(meant));
    give(turn, flow, STR("lang"), meant->named_lang);
    give(turn, flow, STR("note"), remark_after(turn->in->event->text, meant->number));
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
    if (!is_first(turn))
        turn_say_key(turn, STR("welcome.again"));
    if (under_way(&turn->kept)) {
        turn_again(turn);
    } else {
        turn_menu(turn);
    }
}

/* The flow that an intent begins; where nobody wrote one, that of what comes nearest. */
static const struct flow_def *flow_for(const struct book *book, struct str intent)
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

/* Do what the words mean by themselves. False when they mean nothing that we know. */
static bool follow(struct flow_turn *turn, const struct understood *meant)
{
    struct str intent = meant->intent;
    const struct flow_def *flow;

    if (meant->number.len && (!intent.len || str_eq(intent, STR("orders"))))
        intent = STR("order");
    if (tracking_of(meant).len &&
        (!intent.len || str_eq(intent, STR("orders")) || str_eq(intent, STR("updates"))))
        intent = STR("track");
    if (!intent.len)
        return false;
    if (str_eq(intent, STR("menu"))) {
        turn_menu(turn);
    } else if (str_eq(intent, STR("back"))) {
        go_back(turn);
    } else if (str_eq(intent, STR("other"))) {
        correct(turn);
    } else if (str_eq(intent, STR("greeting")) || str_eq(intent, STR("start"))) {
        greet(turn);
    } else if (str_eq(intent, STR("thanks"))) {
        turn_say_key(turn, STR("thanks.reply"));
    } else if (str_eq(intent, STR("ok"))) {
        if (is_first(turn))
            greet(turn); /* else nothing is wanted, and the last word may be theirs */
    } else {
        flow = flow_for(turn->book, intent);
        if (!flow)
            return false;
        start_flow(turn, flow, meant);
    }
    return true;
}

/* --- answers to the prompt ---------------------------------------------------------------- */

static bool happen(struct flow_turn *turn, struct str event)
{
    const struct handler *handler = handler_find(&turn->kept.now.at->on, event);

    if (!handler)
        return false;
    turn_take(turn, &handler->moves);
    return true;
}

static bool turn_page_to(struct flow_turn *turn, struct str key)
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
    return happen(turn, some ? STR("answered") : STR("skipped"));
}

static bool choose(struct flow_turn *turn, enum option_kind kind, struct str key)
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
                return happen(turn, key);
        }
        return false;
    case OPTION_ROW:
        if (!prompt->of.len || !key.len)
            return false;
        turn_set(turn, prompt->as, value_text(arena_str(turn->arena, key)));
        return happen(turn, STR("chosen"));
    case OPTION_OFFSET:
        return turn_page_to(turn, key);
    case OPTION_INDEX:
        if (!str_to_int(key, &index) || index < 0 || (uint64_t)index >= kept->n_shown)
            return false;
        return choose(turn, kept->shown[index].kind, kept->shown[index].key);
    }
    return false;
}

/* "broken", where we ask what is broken, does not begin the same flow anew. */
static bool leads_away(const struct flow_turn *turn, const struct understood *meant)
{
    return meant->number.len > 0 ||
           (meant->intent.len > 0 &&
            book_flow_on(turn->book, meant->intent) != turn->kept.now.flow);
}

static bool is_question(struct str text)
{
    return str_ends(text, STR("?")) || str_ends(text, STR("؟"));
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

    if (meant->strong && is_question(text))
        return false;
    if (length < (size_t)prompt->min)
        return length > 0 && !leads_away(turn, meant) && happen(turn, STR("too_short"));
    if (length > (size_t)prompt->max)
        return happen(turn, STR("too_long"));
    turn_set(turn, prompt->as, value_text(text));
    return happen(turn, STR("answered"));
}

/* Words that surely begin another flow, and say little else. */
static bool leads_elsewhere(const struct flow_turn *turn, const struct understood *meant)
{
    return meant->strong && meant->confidence >= SURE_ENOUGH &&
           flow_for(turn->book, meant->intent) != NULL;
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
    struct str own = fact_text(turn, STR("business.currency"));

    if (!amount || (own.len && !str_eq(own, str_from(amount->amount.money.currency))))
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
        return happen(turn, STR("skipped"));
    if (prompt->answer == ANSWER_WORDS && meant->exact && str_eq(meant->intent, STR("other")))
        return false; /* "no, the other order" is no note */
    if (prompt->answer == ANSWER_WORDS && prompt->min > 0)
        return answer_story(turn, text, meant);
    if (!read_answer(turn, text, meant, &value))
        return false;
    turn_set(turn, prompt->as, value);
    return happen(turn, STR("answered"));
}

static bool answer_option(struct flow_turn *turn, struct str text)
{
    struct kept *kept = &turn->kept;
    struct expect_option options[ROWS_MAX];
    int index;

    for (size_t i = 0; i < kept->n_shown; i++) {
        options[i] = (struct expect_option){.key = kept->shown[i].key,
                                            .title = kept->shown[i].title,
                                            .is_row = kept->shown[i].kind == OPTION_ROW,
                                            .is_page = kept->shown[i].kind == OPTION_OFFSET};
    }
    index = expect_option(turn->arena, text, options, kept->n_shown);
    return index >= 0 && choose(turn, kept->shown[index].kind, kept->shown[index].key);
}

static bool answer(struct flow_turn *turn, struct str text, const struct understood *meant)
{
    if (!turn->kept.open)
        return false;
    switch (turn->kept.now.at->prompt.kind) {
    case PROMPT_TEXT:
        return answer_text(turn, text, meant);
    case PROMPT_LIST:
        return answer_option(turn, text);
    case PROMPT_MEDIA:
        return answer_option(turn, text) || (expect_done(turn->arena, text) && end_media(turn));
    case PROMPT_BUTTONS: /* a code first: "000001" is no choice of the first button */
        if (turn->kept.now.at->prompt.typed && turn->kept.now.at->prompt.answer != ANSWER_WORDS)
            return answer_text(turn, text, meant) || answer_option(turn, text);
        return answer_option(turn, text) ||
               (turn->kept.now.at->prompt.typed && answer_text(turn, text, meant));
    default:
        return false;
    }
}

/* --- what is not understood --------------------------------------------------------------- */

/* False in a book that has no such flow, and to whom it is being offered. */
static bool offer_person(struct flow_turn *turn)
{
    const struct flow_def *flow = book_flow_on(turn->book, STR("offer_human"));
    struct understood nothing = {0};

    if (!flow || turn->kept.now.flow == flow)
        return false;
    start_flow(turn, flow, &nothing);
    return true;
}

/* Asked again once; the second time in a row a person is offered, or else the menu comes. */
static void misunderstood(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;
    int64_t misses = kept->misses + 1;

    if (is_first(turn)) {
        turn_menu(turn);
        return;
    }
    turn->result.understood = false;
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

/* --- words -------------------------------------------------------------------------------- */

static bool is_intent(const struct understood *meant, const char *intent)
{
    return str_eq(meant->intent, str_from(intent));
}

static bool is_stopped(const struct flow_turn *turn)
{
    return turn->in->stopped || turn->kept.stopped;
}

static bool is_muted(const struct flow_turn *turn)
{
    return turn->in->held || is_stopped(turn);
}

/* While we are silent, only the words that change the silence are heard. */
static void hear_muted(struct flow_turn *turn, const struct understood *meant)
{
    const struct flow_def *flow = NULL;

    if (meant->exact && is_intent(meant, is_stopped(turn) ? "start" : "stop"))
        flow = book_flow_on(turn->book, meant->intent);
    if (flow)
        start_flow(turn, flow, meant);
}

static bool is_global(const struct understood *meant)
{
    static const char *const names[] = {"menu", "back", "help", "human", "stop", "language"};

    if (!meant->exact)
        return false;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (is_intent(meant, names[i]))
            return true;
    }
    return false;
}

static void on_words(struct flow_turn *turn, struct str said)
{
    struct str text = str_trim(str_sane(turn->arena, said));
    struct understood meant;

    listen(turn, text, &meant);
    turn->trace.intent = meant.intent;
    if (!turn->in->lang_is_settled && meant.lang_is_clear)
        turn->locale.lang = meant.lang;
    if (is_muted(turn)) {
        hear_muted(turn, &meant);
        return;
    }
    if (!(meant.exact && is_intent(&meant, "stop")))
        open_politely(turn);
    if (is_global(&meant) && follow(turn, &meant)) {
        turn->trace.rule = "command";
    } else if (answer(turn, text, &meant)) {
        turn->trace.rule = "answer";
    } else if (follow(turn, &meant)) {
        turn->trace.rule = "meaning";
    } else {
        misunderstood(turn);
        return;
    }
    turn->kept.misses = 0;
}

/* --- taps --------------------------------------------------------------------------------- */

static bool is_present(const struct flow_turn *turn, const struct prompt_id *id)
{
    const struct kept *kept = &turn->kept;

    return kept->open && str_eq(id->version, (struct str){turn->book->version_hex, 8}) &&
           str_eq(id->flow, kept->now.flow->name) && str_eq(id->state, kept->now.at->name) &&
           str_eq(id->number, kept->number);
}

static void refuse_old(struct flow_turn *turn)
{
    turn_say_key(turn, STR("old_button.refused"));
    turn_again(turn);
}

/* A tap on a prompt that only reads: stand there again, as it was, and choose. */
static bool answer_old(struct flow_turn *turn, const struct prompt_id *id)
{
    const struct flow_def *flow = book_flow(turn->book, id->flow);
    const struct state_def *state = flow ? flow_state(flow, id->state) : NULL;
    struct kept before = turn->kept;

    if (!state || !state->again || id->kind == OPTION_INDEX)
        return false;
    step_aside(turn, flow);
    turn_begin_flow(turn, flow, state);
    for (size_t i = 0; i < id->n_carries && i < state->prompt.n_carries; i++) {
        if (id->carries[i].len) {
            turn_set(turn, state->prompt.carries[i],
                     value_text(arena_str(turn->arena, id->carries[i])));
        }
    }
    if (choose(turn, id->kind, id->key))
        return true;
    turn->kept = before;
    return false;
}

static void on_choice(struct flow_turn *turn)
{
    const struct event *event = turn->in->event;
    struct prompt_id id;
    bool ours = prompt_id_decode(event->choice, &id);

    if (!ours && event->text.len > 0) {
        on_words(turn, event->text);
        return;
    }
    if (is_muted(turn))
        return;
    open_politely(turn);
    if (ours && is_present(turn, &id) && choose(turn, id.kind, id.key)) {
        turn->trace.rule = "tap";
    } else if (ours && answer_old(turn, &id)) {
        turn->trace.rule = "earlier_tap";
    } else {
        turn->trace.rule = "old_tap";
        refuse_old(turn);
    }
}

/* --- everything else ---------------------------------------------------------------------- */

/* Something other than words: thanks, and the prompt again. An album is answered once. */
static void on_thing(struct flow_turn *turn, const char *key)
{
    struct kept *kept = &turn->kept;
    usec_t since = turn->in->now - kept->media_at;

    if (is_muted(turn))
        return;
    if (kept->media_at > 0 && since >= 0 && since < ALBUM_WITHIN) {
        kept->media_at = turn->in->now;
        return;
    }
    kept->media_at = turn->in->now;
    turn->trace.rule = "thing";
    open_politely(turn);
    turn_say_key(turn, str_from(key));
    turn_again(turn);
}

/* Pictures and PDFs, by what the channel says of them; what they are is seen when they come. */
static bool is_attachment(const struct media *media)
{
    if (media->id.len == 0 || media->id.len > 100 ||
        str_find(media->id, STR(",")) < media->id.len)
        return false;
    if (media->kind == MEDIA_IMAGE)
        return true;
    return media->kind == MEDIA_DOCUMENT && (str_starts(media->mime, STR("image/")) ||
                                             str_starts(media->mime, STR("application/pdf")));
}

static void add_handle(struct flow_turn *turn, struct value before, struct str handle)
{
    size_t n = before.kind == VALUE_LIST ? before.list->n : 0;
    struct value *items = arena_array(turn->arena, struct value, n + 1);
    struct list *list = arena_new(turn->arena, struct list);

    if (n > 0)
        memcpy(items, before.list->items, n * sizeof(*items));
    items[n] = value_text(arena_str(turn->arena, handle));
    *list = (struct list){items, n + 1};
    turn_set(turn, turn->kept.now.at->prompt.as, value_list(list));
}

/* A file for the prompt. Those that come together are one answer: what was said of the one
 * before is not said again. */
static void take_file(struct flow_turn *turn, const struct media *media)
{
    struct kept *kept = &turn->kept;
    const struct prompt *prompt = &kept->now.at->prompt;
    struct value files = record_get(record_built(&kept->now.vars), prompt->as);
    usec_t since = turn->in->now - kept->media_at;
    struct str event = STR("added");
    bool said;

    turn->trace.rule = "file";
    if (!is_attachment(media)) {
        event = STR("wrong_kind");
    } else if (files.kind == VALUE_LIST && files.list->n >= (size_t)prompt->max) {
        event = STR("too_many");
    } else {
        add_handle(turn, files, media->id);
    }
    said = since >= 0 && since < ALBUM_WITHIN && str_eq(kept->album, event);
    kept->media_at = turn->in->now;
    kept->album = event;
    if (said)
        return;
    open_politely(turn);
    happen(turn, event);
}

/* A voice note is told apart: who spoke is asked to write, not to describe a file. */
static const char *media_words(const struct flow_turn *turn)
{
    const struct media *media = turn->in->event->media;

    if (media && (media->kind == MEDIA_VOICE || media->kind == MEDIA_AUDIO) &&
        words_has(turn->book->words, STR("media.voice")))
        return "media.voice";
    return "media.thanks_not_now";
}

/* A picture whose caption says what is wanted is answered for its words. */
static void on_media(struct flow_turn *turn)
{
    const struct event *event = turn->in->event;
    struct str caption =
        str_trim(event->text.len || !event->media ? event->text : event->media->caption);
    struct understood meant;

    if (event->media && !is_muted(turn) && turn->kept.open &&
        turn->kept.now.at->prompt.kind == PROMPT_MEDIA) {
        take_file(turn, event->media);
        return;
    }
    if (caption.len > 0 && !is_muted(turn)) {
        listen(turn, caption, &meant);
        if (meant.intent.len || meant.number.len) {
            turn->kept.media_at = turn->in->now;
            turn_say_key(turn, STR("media.thanks_not_now"));
            on_words(turn, caption);
            return;
        }
    }
    on_thing(turn, media_words(turn));
}

/* The channel's own stop and resume: it has told the customer itself. */
static void on_preference(struct flow_turn *turn)
{
    struct str wish = turn->in->event->detail;

    turn->trace.rule = "channel";
    if (str_eq(wish, STR("stop"))) {
        turn->result.consent = FLOW_CONSENT_STOP;
        turn->kept.stopped = true;
    } else if (str_eq(wish, STR("resume"))) {
        turn->result.consent = FLOW_CONSENT_START;
        turn->kept.stopped = false;
    }
}

/* The person is gone, or never came: the bot speaks again, as the book has it. */
static void on_release(struct flow_turn *turn, struct str how)
{
    bool late = str_eq(how, STR(FLOW_HANDOFF_TIMEOUT));
    const struct flow_def *flow =
        book_flow_on(turn->book, late ? STR("unanswered") : STR("returned"));
    struct understood nothing = {0};

    turn->result.released = true;
    if (flow && !turn->kept.stopped && !str_eq(how, STR(FLOW_HANDOFF_QUIET)))
        start_flow(turn, flow, &nothing);
}

/* Something that nobody asked for: the flow of that name says it, and what was under way goes
 * on.
 */
static void on_notice(struct flow_turn *turn, struct str name)
{
    const struct flow_def *flow = book_flow_on(turn->book, name);
    struct kept *before;

    if (!flow || is_muted(turn))
        return;
    before = arena_new(turn->arena, struct kept);
    *before = turn->kept;
    turn->aside = before;
    step_aside(turn, flow);
    turn_begin_flow(turn, flow, NULL);
}

static void on_timer(struct flow_turn *turn)
{
    struct str name = turn->in->event->detail;

    turn->trace.rule = "timer";
    if (str_starts(name, STR("handoff."))) {
        on_release(turn, name);
    } else if (str_starts(name, STR(FLOW_NOTICE))) {
        on_notice(turn, str_slice(name, strlen(FLOW_NOTICE), name.len));
    } else if (!is_muted(turn) && turn_is_met(turn, turn->kept.now.flow->needs)) {
        turn_lapse(turn); /* else it would tell of things to whom we do not know any more */
    }
}

void turn_event(struct flow_turn *turn)
{
    const struct event *event = turn->in->event;

    switch (event->kind) {
    case EVENT_TEXT:
        on_words(turn, event->text);
        break;
    case EVENT_CHOICE:
        on_choice(turn);
        break;
    case EVENT_MEDIA:
        on_media(turn);
        break;
    case EVENT_LOCATION:
        on_thing(turn, "location.thanks_not_now");
        break;
    case EVENT_CONTACTS:
    case EVENT_ORDER:
    case EVENT_UNSUPPORTED:
    case EVENT_UNKNOWN:
        on_thing(turn, "unsupported.kind");
        break;
    case EVENT_REACTION:
        if (is_first(turn) && !is_muted(turn)) {
            open_politely(turn);
            turn_menu(turn);
        }
        break;
    case EVENT_PREFERENCE:
        on_preference(turn);
        break;
    case EVENT_TIMER:
        on_timer(turn);
        break;
    default:
        break; /* edits, revocations and the rest are kept by the shell, and not answered */
    }
}
