/*
 * Understanding, from the surest to the least: a whole text that is a command; words that are a
 * phrase of ours; a classifier, where there is one. Beside that, what is in the text is found
 * whatever it means. Nothing is guessed: what matches nothing has no intent, and a phrase that
 * accounts for little of a long text has little confidence.
 */
#include "flows/understand/understand_inside.h"

#include "flows/understand/courtesy.h"
#include "flows/understand/language.h"
#include "flows/understand/letters.h"
#include "flows/understand/match.h"

enum {
    SURE = 100,
    LEAST_LOOSE = 40, /* a phrase's words are there, lost among others */
    MOST_LOOSE = 95,  /* and nothing else is */
    SINGLE_LESS = 10, /* one word is easily said by chance */
    YIELDING_LESS = 15,
    LEAST = 57,  /* below that it is more often wrong than right */
    LED = 90,    /* a command stands before what it is about */
    PERSON = 85, /* "I want a human", whatever else is said */
    GREETING = 80,
    THANKS_MOST = 12, /* words */
    CORE_MOST = 12,
    NAMED_MOST = 4,
    BEGUN_MOST = 4,  /* words: "cancel my order please" */
    SPOKEN_BITS = 3, /* the odds that somebody goes on in their language: 8 to 1 */
    PHRASE_BITS = 5
};

/* --- what is wanted ----------------------------------------------------------------------- */

/* "No wait, menu", "stop now": the same command, by the letter, with what stands around it for
 * courtesy. */
static void match_core(const struct tokens *tokens, struct match *command)
{
    struct tokens core;

    if (!command->phrase && tokens->n <= CORE_MOST && courtesy_strip(tokens, &core))
        match_command(&core, command);
}

static void take_command(const struct match *command, struct understood *meant)
{
    if (!command->phrase)
        return;
    meant->intent = str_from(phrase_intents[command->phrase->intent]);
    meant->exact = true;
    meant->strong = command->phrase->n_words > 1;
    meant->confidence = SURE;
    if (str_eq(meant->intent, STR("menu")) || str_eq(meant->intent, STR("stop")) ||
        str_eq(meant->intent, STR("ok")))
        return; /* words that every language borrows */
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (command->langs != 1U << lang)
            continue;
        meant->lang = (enum lang)lang;
        meant->lang_is_clear = true;
    }
}

static bool has_any(struct str text, const char *const *signs)
{
    for (; *signs; signs++) {
        if (str_find(text, str_from(*signs)) < text.len)
            return true;
    }
    return false;
}

/* A face and no words: anger, thanks, or a nod. */
static void take_face(struct str text, const struct tokens *tokens, struct understood *meant)
{
    static const char *const anger[] = {"😡", "🤬", "😠", "👿", "😤", "🖕", "💩", "👎", NULL};
    static const char *const thanks[] = {"🙏", "❤", "😍", "🥰", "😘", "💐", "🌹", NULL};
    static const char *const nods[] = {"👍", "👌", "✅", "🆗", "👏", "😂", "🤣", "😅", NULL};

    if (tokens->n > 0)
        return;
    if (has_any(text, anger)) {
        meant->intent = has_any(text, nods) ? STR_NONE : STR("upset");
    } else if (has_any(text, thanks)) {
        meant->intent = STR("thanks");
    } else if (has_any(text, nods)) {
        meant->intent = STR("ok");
    }
    if (meant->intent.len)
        meant->confidence = GREETING;
}

/* "polski", "in english please": a language by name, and little else. */
static void take_language_name(const struct tokens *tokens, struct understood *meant)
{
    struct tokens core;
    enum lang lang;

    if (meant->exact || tokens->n > NAMED_MOST)
        return;
    if (tokens->n > 3 && courtesy_strip(tokens, &core))
        tokens = &core; /* "en español por favor" */
    if (tokens->n > 3 || !language_named(tokens, &lang))
        return;
    meant->intent = STR("language");
    meant->exact = true;
    meant->confidence = SURE;
    meant->named_lang = str_from(lang_code(lang));
}

static bool is_found(const struct understood *meant, uint32_t at)
{
    for (size_t i = 0; i < meant->n_found; i++) {
        if (at >= meant->found[i].at.from && at < meant->found[i].at.to)
            return true;
    }
    return false;
}

/* How much of what the text tells the phrase accounts for, in percent. Small words tell
 * nothing, and what was found tells what it is about. */
static int share(const struct match *loose, const struct tokens *tokens,
                 const struct understood *meant)
{
    size_t explained = 0;
    size_t all = 0;

    for (size_t i = 0; i < tokens->n; i++) {
        size_t letters = letters_count(tokens->items[i]);

        if (loose->explained >> i & 1) {
            explained += letters;
            all += letters;
        } else if (!is_found(meant, tokens->at[i]) &&
                   !language_is_small_word(tokens->items[i])) {
            all += letters;
        }
    }
    return all ? (int)(100 * explained / all) : 0;
}

static void take_phrase(const struct match *loose, const struct tokens *tokens,
                        struct understood *meant)
{
    int confidence;

    if (meant->intent.len || !loose->phrase)
        return;
    confidence = LEAST_LOOSE + (MOST_LOOSE - LEAST_LOOSE) * share(loose, tokens, meant) / 100 -
                 (loose->phrase->n_words > 1 ? 0 : SINGLE_LESS) -
                 (loose->phrase->yields ? YIELDING_LESS : 0);
    meant->intent = str_from(phrase_intents[loose->phrase->intent]);
    if (confidence < PERSON && loose->phrase->close && loose->phrase->n_words > 2 &&
        str_eq(meant->intent, STR("human")))
        confidence = PERSON;
    if (confidence < LEAST) {
        meant->intent = STR_NONE;
        return;
    }
    meant->strong = loose->phrase->n_words > 1;
    meant->confidence = confidence;
}

/* Words that are about nothing: a number behind them does not make them surer. */
bool understand_is_about_nothing(struct str intent)
{
    static const char *const names[] = {"greeting", "thanks", "ok",   "stop", "start",
                                        "menu",     "back",   "help", "other"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (str_eq(intent, str_from(names[i])))
            return true;
    }
    return false;
}

/* "my order 1004" tells which one; what is said of it tells what is wanted: "... came broken".
 */
static bool gives_way(const struct phrase *command, const struct match *loose,
                      const struct understood *meant)
{
    return command->yields && meant->intent.len && loose->phrase && !loose->phrase->yields;
}

/* Without an article or the like at the end; whether there was one. */
static bool drop_small(struct tokens *lead)
{
    if (lead->n < 2 || !language_is_small_word(lead->items[lead->n - 1]))
        return false;
    lead->n--;
    return true;
}

/* "cancel 5001, ordered twice", "track 1Z...", "pay 50 €": a command, then what it is about.
 * `said`: the phrase of the whole text. */
static void take_led(struct arena *scratch, struct str text, const struct match *said,
                     struct understood *meant)
{
    uint32_t first = (uint32_t)text.len;
    struct tokens lead;
    struct match command;
    struct match loose;

    if (meant->n_found == 0 || meant->confidence >= LED)
        return;
    for (size_t i = 0; i < meant->n_found; i++) {
        if (meant->found[i].at.from < first)
            first = meant->found[i].at.from;
    }
    tokens_read(scratch, str_slice(text, 0, first), &lead);
    if (lead.n == 0 || lead.n > PHRASE_WORDS_MAX)
        return;
    match_phrases(scratch, &lead, &command, &loose);
    match_core(&lead, &command); /* "actually, cancel 1042" */
    if (!command.phrase && !meant->intent.len && drop_small(&lead)) /* "dónde está el 1004" */
        match_phrases(scratch, &lead, &command, &loose);
    if (!command.phrase || gives_way(command.phrase, said, meant) ||
        understand_is_about_nothing(str_from(phrase_intents[command.phrase->intent])))
        return;
    meant->intent = str_from(phrase_intents[command.phrase->intent]);
    meant->confidence = LED;
    meant->strong = true;
}

/* What the first word would be alone, or the first two. */
static struct str first_words_intent(struct arena *scratch, const struct tokens *tokens)
{
    struct tokens first = {0};
    struct match command = {0};
    struct match loose;

    while (!command.phrase && first.n < 2 && first.n < tokens->n) {
        first.items[first.n] = tokens->items[first.n];
        first.n++;
        match_phrases(scratch, &first, &command, &loose);
    }
    return command.phrase ? str_from(phrase_intents[command.phrase->intent]) : STR_NONE;
}

/* "hello Anna", "hi shop": a greeting and a word or two. "Thanks for your help" may go on, as
 * long as nothing surer is said. */
static void take_greeting(struct arena *scratch, const struct tokens *tokens,
                          struct understood *meant)
{
    bool help = str_eq(meant->intent, STR("help")) && !meant->exact;
    struct str intent;

    if ((meant->intent.len && !help) || meant->number.len || tokens->n == 0 ||
        tokens->n > THANKS_MOST)
        return;
    intent = first_words_intent(scratch, tokens);
    if ((str_eq(intent, STR("greeting")) && tokens->n <= 3 && !help) ||
        str_eq(intent, STR("thanks"))) {
        meant->intent = intent;
        meant->confidence = GREETING;
        meant->strong = false;
    }
}

/* The language so far is likely to be this text's, too, and so is that of a phrase in it, which
 * forgives slips. */
static void take_guess(const struct tokens *tokens, struct str text, const struct match *loose,
                       struct understood *meant)
{
    uint8_t likely[LANG_COUNT] = {0};
    struct language_guess guess;

    likely[meant->lang] += SPOKEN_BITS;
    if (loose->phrase && loose->phrase->n_words > 1)
        likely[loose->phrase->lang] += PHRASE_BITS;
    guess = language_guess(text, tokens, likely);
    meant->lang_is_clear = guess.clear;
    meant->lang_is_sure = guess.sure;
    meant->lang_words = guess.words;
    if (guess.clear)
        meant->lang = guess.lang;
}

static bool is_of_digits(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
    }
    return true;
}

/* Where the slot is filled, whoever is surer is believed; what is half likely is worth asking.
 * Numbers alone ("20,50") are no sentence.
 */
static void take_class(struct arena *scratch, struct str text, const struct tokens *tokens,
                       const struct understand_context *context, struct understood *meant)
{
    struct classified classified = {0};
    size_t words = 0;
    bool said = false;

    for (size_t i = 0; i < tokens->n; i++) {
        words += !is_found(meant, tokens->at[i]);
        said = said || !is_of_digits(tokens->items[i]);
    }
    if (!context->classifier || !said || meant->exact || words < (meant->number.len ? 3 : 2))
        return;
    context->classifier->classify(context->classifier, scratch, text, &classified);
    if (classified.confidence <= meant->confidence || meant->confidence >= LED)
        return;
    if (classified.intent.len && classified.confidence < SURE_CLASS) {
        if (!meant->intent.len && classified.confidence >= HALF_SURE &&
            !str_eq(classified.intent, STR("quiet"))) /* that is asked in no mere doubt */
            meant->maybe = classified.intent;
        return;
    }
    if (!classified.intent.len)
        return; /* words of ours that are there are believed more than that nothing is */
    meant->intent = classified.intent;
    meant->confidence = classified.confidence;
    meant->strong = true;
}

static bool is_cancelling(struct arena *scratch, const struct tokens *words)
{
    struct match command;
    struct match loose;

    match_phrases(scratch, words, &command, &loose);
    return command.phrase &&
           str_eq(str_from(phrase_intents[command.phrase->intent]), STR("cancel"));
}

/* How many of the first words are the longest command to cancel; 0: none are. */
static size_t cancels_first(struct arena *scratch, const struct tokens *tokens)
{
    struct tokens first = *tokens;

    for (first.n = tokens->n < BEGUN_MOST ? tokens->n : BEGUN_MOST; first.n > 0; first.n--) {
        if (is_cancelling(scratch, &first))
            return first.n;
    }
    return 0;
}

/* Where the last two words or more are one; "cancel" alone may end any question. */
static bool cancels_last(struct arena *scratch, const struct tokens *tokens)
{
    for (size_t n = 2; n <= BEGUN_MOST && n < tokens->n; n++) {
        struct tokens last = {.n = n};

        memcpy(last.items, tokens->items + tokens->n - n, n * sizeof(*last.items));
        memcpy(last.at, tokens->at + tokens->n - n, n * sizeof(*last.at));
        if (is_cancelling(scratch, &last))
            return true;
    }
    return false;
}

/* Whether a word may be one that cancels: most texts have none, and need not be read anew. */
static bool may_cancel(const struct tokens *tokens)
{
    static const char *const begins[] = {"canc", "cacn", "cna", "cans", "anu", "odw", "rez",
                                         "kas",  "ska",  "الغ", "لغ",   "كنس", "call"};

    for (size_t i = 0; i < tokens->n; i++) {
        for (size_t j = 0; j < COUNTOF(begins); j++) {
            if (tokens->items[i].at[0] == begins[j][0] &&
                str_starts(tokens->items[i], str_from(begins[j])))
                return true;
        }
    }
    return false;
}

/* "Cancel it, I bought the wrong size", "it takes too long cancel it": who says so wants that,
 * and why, however much the rest sounds like a report or a question. */
static void take_begun(struct arena *scratch, struct str text, const struct tokens *tokens,
                       struct understood *meant)
{
    struct tokens core;
    size_t n;

    if (meant->exact || meant->number.len ||
        !(str_eq(meant->intent, STR("report")) || str_eq(meant->intent, STR("track"))) ||
        !may_cancel(tokens))
        return;
    core = *tokens;
    (void)courtesy_strip(tokens, &core);
    n = cancels_first(scratch, &core);
    if ((n == 0 || n >= core.n) && !cancels_last(scratch, &core))
        return;
    meant->intent = STR("cancel");
    meant->confidence = LED;
    meant->strong = true;
    if (n > 0 && n < core.n)
        meant->why = str_trim(str_slice(text, core.at[n], text.len));
}

void understand_one(struct arena *into, struct str text,
                    const struct understand_context *context, struct understood *meant)
{
    struct tokens tokens;
    struct match command;
    struct match loose;

    *meant = (struct understood){.lang = context->lang, .text = text};
    tokens_read(into, text, &tokens);
    match_phrases(into, &tokens, &command, &loose);
    match_core(&tokens, &command);
    take_guess(&tokens, text, &loose, meant);
    take_command(&command, meant);
    understand_find_all(into, text, context, meant);
    take_face(text, &tokens, meant);
    take_language_name(&tokens, meant);
    take_phrase(&loose, &tokens, meant);
    take_led(into, text, &loose, meant);
    take_greeting(into, &tokens, meant);
    take_class(into, text, &tokens, context, meant);
    take_begun(into, text, &tokens, meant);
}

void understand(struct arena *into, struct str text, const struct understand_context *context,
                struct understood *meant)
{
    understand_one(into, text, context, meant);
    if (!context->classifier || meant->exact)
        return;
    understand_part(into, context, meant);
}

const struct found *understood_find(const struct understood *meant, enum found_kind kind)
{
    for (size_t i = 0; i < meant->n_found; i++) {
        if (meant->found[i].kind == kind)
            return &meant->found[i];
    }
    return NULL;
}

const struct found *understood_only(const struct understood *meant, enum found_kind kind)
{
    const struct found *only = NULL;

    for (size_t i = 0; i < meant->n_found; i++) {
        if (meant->found[i].kind != kind)
            continue;
        if (only)
            return NULL;
        only = &meant->found[i];
    }
    return only;
}
