/*
 * What an event means for the conversation as it stands.
 *
 * The order of judgement for words: the commands that work anywhere; then what the present
 * prompt expects; then what they mean by themselves, which steps aside and comes back where a
 * thread is under way; and only then "I did not understand". A tap is held against the present
 * prompt; an older one is answered for what it was where the prompt only reads, and else
 * refused kindly: no tap ever has an effect twice.
 */
#include "flows/engine/answer.h"
#include "flows/engine/files.h"
#include "flows/engine/follow.h"
#include "flows/engine/hear.h"
#include "flows/engine/manners.h"

#define RESTS_AFTER USEC_PER_HOUR

/* --- words -------------------------------------------------------------------------------- */

static bool is_intent(const struct understood *meant, const char *intent)
{
    return str_eq(meant->intent, str_from(intent));
}

/* "menu", "back", and "cancel" alone: whoever waits for a person would rather go on with us. */
static bool leaves_person(const struct flow_turn *turn, struct str text,
                          const struct understood *meant)
{
    if (!turn->in->held || !meant->exact)
        return false;
    return is_intent(meant, "menu") || is_intent(meant, "back") ||
           (is_intent(meant, "cancel") && str_find(text, STR(" ")) == text.len);
}

/* While we are silent, only the words that change the silence are heard. */
static void hear_muted(struct flow_turn *turn, struct str text, const struct understood *meant)
{
    const struct flow_def *flow = NULL;

    if (meant->exact && is_intent(meant, manners_is_stopped(turn) ? "start" : "stop")) {
        flow = book_flow_on(turn->book, meant->intent);
    } else if (!manners_is_stopped(turn) && leaves_person(turn, text, meant)) {
        flow = book_flow_on(turn->book, STR(FLOW_LEAVES_PERSON));
    }
    if (flow)
        follow_start(turn, flow, meant);
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

/* Nothing is left of the words but the stars that stand for a card's number. */
static bool is_card_alone(const struct flow_turn *turn, struct str text)
{
    static const char signs[] = "* -._/\t\r\n";

    for (size_t i = 0; i < text.len; i++) {
        if (strchr(signs, text.at[i]) == NULL)
            return false;
    }
    return turn->in->event->card;
}

static bool is_first_since_template(const struct flow_turn *turn)
{
    return record_path(turn->in->facts, STR("session.awaited_first")).kind == VALUE_BOOL;
}

/* The rule by which the words are understood, and gone by; NULL: by none. */
static const char *follow(struct flow_turn *turn, struct str text,
                          const struct understood *meant, bool tapped)
{
    if (is_card_alone(turn, text)) {
        turn_again(turn);
        return "card";
    }
    if (is_global(meant) && follow_words(turn, meant))
        return "command";
    if (is_first_since_template(turn) && follow_template(turn, meant))
        return "template_answer"; /* it was asked later than what stands open */
    if (tapped && follow_words(turn, meant))
        return "tap";
    if (answer_words(turn, text, meant))
        return "answer";
    if (follow_words(turn, meant))
        return "meaning";
    return follow_template(turn, meant) ? "template_answer" : NULL;
}

/* `tapped`: they stand for a tap on a template's button, which answers that template and never
 * the question that happens to be open. */
static void on_words(struct flow_turn *turn, struct str said, bool tapped)
{
    struct str text = str_trim(str_sane(turn->arena, said));
    struct understood meant;
    const char *rule;

    hear_words(turn, text, &meant);
    turn->trace.intent = meant.intent;
    manners_listen(turn, &meant);
    if (manners_is_muted(turn)) {
        hear_muted(turn, text, &meant);
        return;
    }
    if (!(meant.exact && is_intent(&meant, "stop")))
        manners_open(turn);
    if (meant.exact && is_intent(&meant, "start"))
        turn->result.consent = FLOW_CONSENT_START; /* they may have said STOP elsewhere */
    rule = follow(turn, text, &meant, tapped);
    if (rule != NULL) {
        turn->trace.rule = rule;
        turn->kept.misses = 0;
    } else if (follow_maybe(turn, &meant)) {
        turn->trace.rule = "maybe"; /* whether it was understood is not known yet */
    } else {
        follow_nothing(turn);
    }
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
    follow_aside(turn, flow);
    turn_begin_flow(turn, flow, state);
    for (size_t i = 0; i < id->n_carries && i < state->prompt.n_carries; i++) {
        if (id->carries[i].len) {
            turn_set(turn, state->prompt.carries[i],
                     value_text(arena_str(turn->arena, id->carries[i])));
        }
    }
    if (answer_choose(turn, id->kind, id->key))
        return true;
    turn->kept = before;
    return false;
}

static void on_choice(struct flow_turn *turn)
{
    const struct event *event = turn->in->event;
    struct prompt_id id;
    bool ours = prompt_id_decode(event->choice, &id);

    if (str_starts(event->choice, STR(FLOW_SAYS))) { /* a template's button */
        on_words(turn, str_slice(event->choice, strlen(FLOW_SAYS), event->choice.len), true);
        return;
    }
    if (!ours && event->text.len > 0) {
        on_words(turn, event->text, false);
        return;
    }
    if (manners_is_muted(turn))
        return;
    manners_open(turn);
    if (ours && is_present(turn, &id) && answer_choose(turn, id.kind, id.key)) {
        turn->trace.rule = "tap";
    } else if (ours && answer_old(turn, &id)) {
        turn->trace.rule = "earlier_tap";
    } else {
        turn->trace.rule = "old_tap";
        refuse_old(turn);
    }
}

/* Words of a kind of its own, where the book has them. */
static const char *own_words(const struct flow_turn *turn, const char *own, const char *usual)
{
    return words_has(turn->book->words, str_from(own)) ? own : usual;
}

/* A voice note is told apart: who spoke is asked to write, not to describe a file. */
static const char *media_words(const struct flow_turn *turn)
{
    const struct media *media = turn->in->event->media;

    if (media && (media->kind == MEDIA_VOICE || media->kind == MEDIA_AUDIO))
        return own_words(turn, "media.voice", "media.thanks_not_now");
    if (media && media->kind == MEDIA_VIDEO)
        return own_words(turn, "media.video", "media.thanks_not_now");
    return "media.thanks_not_now";
}

static bool is_sticker(const struct event *event)
{
    return event->media && event->media->kind == MEDIA_STICKER;
}

/* A picture whose caption says what is wanted is answered for its words. */
static void on_media(struct flow_turn *turn)
{
    const struct event *event = turn->in->event;
    struct str caption =
        str_trim(event->text.len || !event->media ? event->text : event->media->caption);
    struct understood meant;

    if (is_sticker(event)) { /* a mood: nodded at, and whatever stands open goes on */
        files_nod(turn, own_words(turn, "sticker.thanks", "media.thanks_not_now"));
        return;
    }
    if (event->media && !manners_is_muted(turn) && turn->kept.open &&
        turn->kept.now.at->prompt.kind == PROMPT_MEDIA) {
        files_take(turn, event->media);
        return;
    }
    if (caption.len > 0 && !manners_is_muted(turn) && turn->kept.open &&
        turn->kept.now.at->prompt.kind == PROMPT_TEXT) {
        turn->picture = event->media; /* its words are what was asked for */
        on_words(turn, caption, false);
        return;
    }
    if (caption.len > 0 && !manners_is_muted(turn)) {
        hear_words(turn, caption, &meant);
        if (meant.intent.len || meant.number.len) {
            turn->kept.media_at = turn->in->now;
            turn->kept.album = str_from(media_words(turn));
            turn_say_key(turn, turn->kept.album);
            on_words(turn, caption, false);
            return;
        }
    }
    files_thank(turn, media_words(turn));
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
        follow_start(turn, flow, &nothing);
}

/* A question of ours does not come between the customer and one that they are at: within the
 * hour they may still answer that. Whoever made the notice looks at it anew. A flow that takes
 * `busy` asks nothing then. */
static bool would_disturb(const struct flow_turn *turn, const struct flow_def *flow)
{
    bool asks = false;

    for (size_t i = 0; i < flow->n_states && !asks; i++)
        asks = flow->states[i].prompt.kind != PROMPT_NONE;
    return asks && follow_under_way(&turn->kept) && !flow_takes(flow, STR(FLOW_BUSY)) &&
           turn->in->now - turn->in->last_inbound_at < RESTS_AFTER;
}

/* Something that nobody asked for: the flow of that name says it, and what was under way goes
 * on. */
static void on_notice(struct flow_turn *turn, struct str name)
{
    struct str intent = name;
    const struct flow_def *flow;
    struct kept *before;
    bool muted;

    (void)str_split(&name, '/', &intent);
    flow = book_flow_on(turn->book, intent);
    muted = str_eq(intent, STR(FLOW_AGENT_FILE)) ? manners_is_stopped(turn)
                                                 : manners_is_muted(turn);
    if (!flow || muted || would_disturb(turn, flow))
        return;
    before = arena_new(turn->arena, struct kept);
    *before = turn->kept;
    turn->aside = before;
    follow_aside(turn, flow);
    turn_begin_flow(turn, flow, NULL);
    if (follow_under_way(before) && flow_takes(flow, STR(FLOW_BUSY)))
        turn_set(turn, STR(FLOW_BUSY), value_text(STR("yes")));
}

static void on_timer(struct flow_turn *turn)
{
    struct str name = turn->in->event->detail;

    turn->trace.rule = "timer";
    if (str_starts(name, STR("handoff."))) {
        on_release(turn, name);
    } else if (str_starts(name, STR(FLOW_NOTICE))) {
        on_notice(turn, str_slice(name, strlen(FLOW_NOTICE), name.len));
    } else if (!manners_is_muted(turn)) {
        turn_lapse(turn);
    }
}

void turn_event(struct flow_turn *turn)
{
    const struct event *event = turn->in->event;

    switch (event->kind) {
    case EVENT_TEXT:
        on_words(turn, event->text, false);
        break;
    case EVENT_CHOICE:
        on_choice(turn);
        break;
    case EVENT_MEDIA:
        on_media(turn);
        break;
    case EVENT_LOCATION:
        files_thank(turn, "location.thanks_not_now");
        break;
    case EVENT_CONTACTS:
        files_thank(turn, own_words(turn, "contacts.thanks_not_now", "unsupported.kind"));
        break;
    case EVENT_ORDER:
    case EVENT_UNSUPPORTED:
    case EVENT_UNKNOWN:
        files_thank(turn, "unsupported.kind");
        break;
    case EVENT_REACTION:
        if (manners_is_first(turn) && !manners_is_muted(turn)) {
            manners_open(turn);
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
