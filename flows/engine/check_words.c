/*
 * What is said: each key is there, speaks of what the state knows, and fits where it stands.
 */
#include "flows/engine/check.h"

#include "templates/longest.h"

static bool want_words(struct checker *checker, unsigned line, struct str key)
{
    if (words_has(checker->book->words, key))
        return true;
    return REFUSE(
        checker, line, "the words '%.*s' are missing in %.*s; add them to templates/messages",
        STR_ARG(key), STR_ARG(words_lacking(&checker->scratch, checker->book->words, key)));
}

/* The words are there, and speak of nothing that this state does not know. */
static bool is_said(struct checker *checker, unsigned line, struct str key, enum where where)
{
    struct str_list names;

    if (!want_words(checker, line, key))
        return false;
    names = words_variables(&checker->scratch, checker->book->words, key);
    for (size_t i = 0; i < names.n; i++) {
        if (!check_in_scope(checker, names.items[i], where)) {
            return REFUSE(checker, line,
                          "the words '%.*s' speak of {{%.*s}}, which is not known here; load "
                          "it, set it, or change the words",
                          STR_ARG(key), STR_ARG(names.items[i]));
        }
    }
    return true;
}

/* In every language, with the longest values: what would be cut for a customer is found now. */
static bool check_fits(struct checker *checker, unsigned line, struct str key, size_t max)
{
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        size_t length = words_longest(&checker->scratch, checker->book->words, (enum lang)lang,
                                      key, &checker->longest);

        if (length > max) {
            return REFUSE(
                checker, line,
                "the words '%.*s' may have %zu characters in %s, and %zu fit; shorten "
                "them",
                STR_ARG(key), length, lang_code((enum lang)lang), max);
        }
    }
    return true;
}

/* Characters that WhatsApp takes of a button's or label's words, of a row's, of what stands
 * below a row, of the text over buttons or a link, and of any other. */
enum { BUTTON_ROOM = 20, ROW_ROOM = 24, HINT_ROOM = 72, BODY_ROOM = 1024, TEXT_ROOM = 4096 };

static bool check_link(struct checker *checker, const struct saying *saying, enum where where)
{
    return check_want_in_scope(checker, saying->line, saying->link, where) &&
           is_said(checker, saying->line, saying->label, where) &&
           check_fits(checker, saying->line, saying->label, BUTTON_ROOM) &&
           check_fits(checker, saying->line, saying->key, BODY_ROOM);
}

static bool check_saying(struct checker *checker, const struct saying *saying, enum where where,
                         bool in_row)
{
    if (saying->each.len || in_row) {
        if (!want_words(checker, saying->line, saying->key))
            return false;
    } else if (!is_said(checker, saying->line, saying->key, where)) {
        return false;
    }
    if (!in_row && (!check_want_in_scope(checker, saying->line, saying->when, where) ||
                    !check_want_in_scope(checker, saying->line, saying->each, where)))
        return false;
    if (saying->link.len && !check_link(checker, saying, where))
        return false;
    for (size_t i = 0; i < saying->n_lines; i++) {
        if (!check_saying(checker, &saying->lines[i], where, true))
            return false;
    }
    return true;
}

bool check_sayings(struct checker *checker, const struct sayings *says, enum where where)
{
    for (size_t i = 0; i < says->n; i++) {
        if (!check_saying(checker, &says->items[i], where, false))
            return false;
    }
    return true;
}

static size_t body_room(const struct prompt *prompt)
{
    return prompt->kind == PROMPT_BUTTONS || prompt->kind == PROMPT_LINK ? BODY_ROOM
                                                                         : TEXT_ROOM;
}

static bool check_title(struct checker *checker, const struct prompt *prompt,
                        const struct choice *choice)
{
    size_t max = prompt->kind == PROMPT_BUTTONS ? BUTTON_ROOM : ROW_ROOM;

    return is_said(checker, prompt->line, choice->title, WHERE_END) &&
           check_fits(checker, prompt->line, choice->title, max) &&
           (!words_has(checker->book->words, choice->hint) ||
            check_fits(checker, prompt->line, choice->hint, HINT_ROOM));
}

/* A prompt for files brings its own buttons. */
static bool check_media_buttons(struct checker *checker, const struct prompt *prompt)
{
    static const char *const keys[] = {"prompt.done", "prompt.skip"};

    for (size_t i = 0; i < COUNTOF(keys); i++) {
        if (!is_said(checker, prompt->line, str_from(keys[i]), WHERE_END) ||
            !check_fits(checker, prompt->line, str_from(keys[i]), 20))
            return false;
    }
    return true;
}

bool check_prompt_words(struct checker *checker, struct state_def *state)
{
    const struct prompt *prompt = &state->prompt;

    if (!is_said(checker, prompt->line, prompt->body, WHERE_END))
        return false;
    if (prompt->label.len && (!is_said(checker, prompt->line, prompt->label, WHERE_END) ||
                              !check_fits(checker, prompt->line, prompt->label, BUTTON_ROOM)))
        return false;
    if (!check_fits(checker, prompt->line, prompt->body, body_room(prompt)))
        return false;
    if (prompt->row.len && (!want_words(checker, prompt->line, prompt->row) ||
                            !check_fits(checker, prompt->line, prompt->row, ROW_ROOM) ||
                            !check_fits(checker, prompt->line, prompt->hint, HINT_ROOM)))
        return false;
    for (size_t i = 0; i < prompt->n_choices; i++) {
        if (!check_title(checker, prompt, &prompt->choices[i]))
            return false;
    }
    return prompt->kind != PROMPT_MEDIA || check_media_buttons(checker, prompt);
}

/* The words that the engine itself says. */
bool check_own_words(struct checker *checker)
{
    static const char *const keys[] = {
        "welcome.first",      "welcome.again",        "misunderstood.first",
        "misunderstood.menu", "back.nothing",         "old_button.refused",
        "unsupported.kind",   "media.thanks_not_now", "location.thanks_not_now",
        "late.apology",       "thanks.reply",         "prompt.more",
        "prompt.previous",    "prompt.choose",        "tracking.link.label"};

    for (size_t i = 0; i < COUNTOF(keys); i++) {
        if (!words_has(checker->book->words, str_from(keys[i]))) {
            return err_raise(
                checker->err, ERR_REJECT,
                "messages/en.yaml:1: the words '%s' are missing in %.*s; add them: "
                "the engine says them",
                keys[i],
                STR_ARG(
                    words_lacking(&checker->scratch, checker->book->words, str_from(keys[i]))));
        }
    }
    return true;
}
