#include "flows/understand/remark.h"

#include "flows/understand/language.h"

/* Marks and blanks at the beginning; whether one of them sets off what follows. */
static struct str skip_marks(struct str text, bool *set_off)
{
    static const char *const marks[] = {",", ":", ";", ".",  "-", "(", "–",
                                        "—", "،", "؛", "\n", "?", "!", "؟"};

    *set_off = false;
    for (bool went = true; went;) {
        went = str_starts(text, STR(" "));
        if (went)
            text = str_slice(text, 1, text.len);
        for (size_t i = 0; i < COUNTOF(marks); i++) {
            if (!str_starts(text, str_from(marks[i])))
                continue;
            text = str_slice(text, strlen(marks[i]), text.len);
            *set_off = true;
            went = true;
        }
    }
    return text;
}

/* Haste and courtesy are no remark. */
static bool is_haste(struct str token)
{
    static const char *const words[] = {
        "now",         "hurry",    "right", "away",     "asap",        "immediately",
        "urgent",      "urgently", "fast",  "quick",    "quickly",     "soon",
        "possible",    "cuanto",   "antes", "possibly", "again",       "order",
        "ya",          "ahora",    "mismo", "rapido",   "urgente",     "inmediatamente",
        "teraz",       "zaraz",    "pilne", "szybko",   "natychmiast", "jak",
        "najszybciej", "الان",     "حالا",  "فورا",     "بسرعه",       "ضروري",
        "عاجل",
    };

    for (size_t i = 0; i < COUNTOF(words); i++) {
        if (str_eq(token, str_from(words[i])))
            return true;
    }
    return language_is_small_word(token);
}

/* How many words say something; 0 where a number is among them that may not: it would be
 * another order. */
static size_t words_saying(struct arena *scratch, struct str rest, bool numbers)
{
    struct tokens tokens;
    size_t words = 0;

    tokens_read(scratch, rest, &tokens);
    for (size_t i = 0; i < tokens.n; i++) {
        if (!numbers && tokens.items[i].at[0] >= '0' && tokens.items[i].at[0] <= '9')
            return 0;
        words += !is_haste(tokens.items[i]);
    }
    return words;
}

struct str remark_behind(struct arena *scratch, struct str text, size_t end)
{
    bool set_off;
    struct str rest = skip_marks(str_slice(text, end, text.len), &set_off);

    rest = str_trim(rest);
    if (str_ends(rest, STR(")")) && str_find(rest, STR("(")) == rest.len)
        rest.len--;
    if (set_off ? str_find(rest, STR(" ")) == rest.len || words_saying(scratch, rest, true) < 1
                : words_saying(scratch, rest, false) < 2)
        return STR_NONE;
    return rest;
}

/* Levelled, as tokens are. "Since" may as well be about a time. */
static bool gives_reason(struct str token)
{
    static const char *const words[] = {
        "because", "cause", "cuz",   "coz",   "bc",   "porque", "bo", "poniewaz", "gdyz", "لان",
        "لاني",    "لانه",  "لانها", "لاننا", "بسبب", "لانكم",  "pq", "xq",       "cos"};

    for (size_t i = 0; i < COUNTOF(words); i++) {
        if (str_eq(token, str_from(words[i])))
            return true;
    }
    return false;
}

struct str remark_reason(struct arena *scratch, struct str text)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    for (size_t i = 1; i + 1 < tokens.n; i++) {
        struct str rest = str_trim(str_slice(text, tokens.at[i], text.len));

        if (gives_reason(tokens.items[i]))
            return words_saying(scratch, rest, true) > 1 ? rest : STR_NONE;
    }
    return STR_NONE;
}

bool remark_is_reason(struct arena *scratch, struct str text)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    return tokens.n > 1 && gives_reason(tokens.items[0]);
}
