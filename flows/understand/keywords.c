#include "flows/understand/keywords.h"

static const char *const stops[] = {"stop",   "stopall", "stop all", "unsubscribe", "cancel",
                                    "end",    "quit",    "revoke",   "optout",      "opt-out",
                                    "remove", "arret",   "td"};

static const char *const starts[] = {"start", "unstop"};

enum { LONGEST = 11 };

/* Letters of ASCII in lower case; no gateway knows others. False: longer than any. */
static bool lower(struct str text, char out[LONGEST])
{
    if (text.len > LONGEST)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return true;
}

static bool is_among(struct str word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(word, str_from(words[i])))
            return true;
    }
    return false;
}

enum keyword keyword_read(struct str text, bool stopped)
{
    char letters[LONGEST];
    struct str word = str_trim(text);

    if (word.len == 0 || !lower(word, letters))
        return KEYWORD_NONE;
    word.at = letters;
    if (is_among(word, stops, COUNTOF(stops)))
        return KEYWORD_STOP;
    if (is_among(word, starts, COUNTOF(starts)) || (stopped && str_eq(word, STR("yes"))))
        return KEYWORD_START;
    return KEYWORD_NONE;
}
