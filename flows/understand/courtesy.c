/*
 * A "no" is an answer unless more such words follow it ("no wait, menu"), and what forbids
 * ("don't stop", "nie przestawaj") is never among them: leaving it out would turn the meaning
 * around.
 */
#include "flows/understand/courtesy.h"

enum { WORDS_MAX = 2 };

/* Levelled, as tokens are, and in the order of their bytes. */
static const char *const words[] = {
    "actually", "again",    "ah",     "ahora",    "already",     "asap",
    "bueno",    "czekaj",   "dobra",  "dobrze",   "dzieki",      "dziekuje",
    "espera",   "espere",   "ffs",    "gracias",  "hej",         "hello",
    "hey",      "hi",       "hmm",    "hola",     "immediately", "inmediatamente",
    "jednak",   "just",     "juz",    "mejor",    "natychmiast", "nevermind",
    "now",      "nvm",      "oh",     "ok",       "okay",        "okej",
    "omg",      "oye",      "perdon", "perdona",  "please",      "pls",
    "plz",      "poczekaj", "porfa",  "porfavor", "prosze",      "przepraszam",
    "pues",     "so",       "sorry",  "teraz",    "thanks",      "then",
    "uh",       "um",       "vale",   "wait",     "well",        "wlasciwie",
    "wtf",      "ya",       "zaraz",  "ارجوك",    "ارجوكم",      "الان",
    "انتظر",    "اوك",      "حالا",   "حسنا",     "رجاء",        "شكرا",
    "طيب",      "عفوا",     "فورا",   "لحظه"};

static const struct {
    const char *first;
    const char *second;
} pairs[] = {
    {"right",  "now"       },
    {"at",     "once"      },
    {"hold",   "on"        },
    {"hang",   "on"        },
    {"never",  "mind"      },
    {"thank",  "you"       },
    {"i",      "said"      },
    {"te",     "dije"      },
    {"por",    "favor"     },
    {"ahora",  "mismo"     },
    {"en",     "realidad"  },
    {"a",      "ver"       },
    {"de",     "inmediato" },
    {"w",      "sumie"     },
    {"من",   "فضلك"  },
    {"لو",   "سمحت"  },
    {"لو",   "سمحتم"},
    {"في",   "واقع"  },
    {"بعد", "اذنك"  },
};

static bool is_word(struct str token)
{
    size_t low = 0;
    size_t high = COUNTOF(words);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strncmp(words[middle], token.at, token.len);

        if (order == 0 && words[middle][token.len] == '\0')
            return true;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* How many words of a saying stand from `at` on; 0: none. */
static size_t saying_at(const struct tokens *tokens, size_t at)
{
    for (size_t i = 0; at + 1 < tokens->n && i < COUNTOF(pairs); i++) {
        if (pairs[i].first[0] == tokens->items[at].at[0] &&
            str_eq(tokens->items[at], str_from(pairs[i].first)) &&
            str_eq(tokens->items[at + 1], str_from(pairs[i].second)))
            return 2;
    }
    return at < tokens->n && is_word(tokens->items[at]) ? 1 : 0;
}

bool courtesy_is_no(struct str token)
{
    return str_eq(token, STR("no")) || str_eq(token, STR("nie")) || str_eq(token, STR("لا"));
}

static size_t lead_at(const struct tokens *tokens, size_t at)
{
    size_t n = saying_at(tokens, at);

    if (n > 0 || at + 1 >= tokens->n || !courtesy_is_no(tokens->items[at]))
        return n;
    n = saying_at(tokens, at + 1);
    return n > 0 ? n + 1 : 0;
}

/* "menu menu" is said with more force, and means no more. */
static bool is_one_word(const struct tokens *tokens, size_t begin, size_t end)
{
    for (size_t i = begin + 1; i < end; i++) {
        if (!str_eq(tokens->items[i], tokens->items[begin]))
            return false;
    }
    return end - begin > 1;
}

bool courtesy_strip(const struct tokens *tokens, struct tokens *core)
{
    size_t begin = 0;
    size_t end = tokens->n;
    size_t n;

    while ((n = lead_at(tokens, begin)) > 0 && begin + n < end)
        begin += n;
    for (bool went = true; went;) {
        went = false;
        for (n = 1; n <= WORDS_MAX && !went && begin + n < end; n++)
            went = saying_at(tokens, end - n) == n;
        if (went)
            end -= n - 1;
    }
    if (is_one_word(tokens, begin, end))
        end = begin + 1;
    if (begin == 0 && end == tokens->n)
        return false;
    core->n = 0;
    for (size_t i = begin; i < end; i++) {
        core->at[core->n] = tokens->at[i];
        core->items[core->n++] = tokens->items[i];
    }
    return true;
}
