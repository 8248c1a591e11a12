/*
 * Each word is held against what is known of some thirty languages (tongues.h), and what speaks
 * against each of them is summed up. The one that is left is the message's, when it is one of
 * ours and the next is far enough behind. Numbers, addresses and names tell nothing.
 */
#include "flows/understand/language.h"
#include "flows/understand/letters.h"
#include "flows/understand/lexicon.h"
#include "flows/understand/tongues.h"

enum {
    WORDS_MAX = 16,               /* that are read; more tell nothing new */
    OURS_LESS = 5 * TONGUE_BIT,   /* customers mostly write what we speak */
    APART = TONGUE_BIT,           /* the next is so far behind, */
    APART_ONE = 4 * TONGUE_BIT,   /* or, of a word alone or words never met, so far */
    APART_SURE = 12 * TONGUE_BIT, /* a sentence that is in no other */
    SENTENCE = 3                  /* words */
};

static const struct {
    enum lang lang;
    const char *word;
} names[] = {
    {LANG_EN, "english"               },
    {LANG_EN, "ingles"                },
    {LANG_EN, "angielski"             },
    {LANG_EN, "angielsku"             },
    {LANG_EN, "انجليزيه"      },
    {LANG_EN, "انجليزي"        },
    {LANG_ES, "spanish"               },
    {LANG_ES, "espanol"               },
    {LANG_ES, "castellano"            },
    {LANG_ES, "hiszpanski"            },
    {LANG_ES, "hiszpansku"            },
    {LANG_ES, "اسبانيه"        },
    {LANG_ES, "اسباني"          },
    {LANG_PL, "polish"                },
    {LANG_PL, "polaco"                },
    {LANG_PL, "polski"                },
    {LANG_PL, "polsku"                },
    {LANG_PL, "بولنديه"        },
    {LANG_PL, "بولندي"          },
    {LANG_AR, "arabic"                },
    {LANG_AR, "arabe"                 },
    {LANG_AR, "arabski"               },
    {LANG_AR, "arabsku"               },
    {LANG_AR, "عربيه"            },
    {LANG_AR, "عربي"              },
    {LANG_AR, "بالعربي"        },
    {LANG_AR, "بالعربيه"      },
    {LANG_EN, "بالانجليزي"  },
    {LANG_EN, "بالانجليزيه"},
    {LANG_ES, "بالاسباني"    },
    {LANG_ES, "بالاسبانيه"  },
    {LANG_PL, "بالبولندي"    },
    {LANG_PL, "بالبولنديه"  },
};

struct small {
    unsigned langs; /* a bit for each language that has it */
    bool shared;
    bool filler;
};

static struct small small_of(struct str token)
{
    struct small small = {0};
    uint16_t first;
    size_t n = lexicon_find_exact(token, &first);

    for (size_t i = first; i < first + n; i++) {
        switch (lexicon[i].is) {
        case LEX_SMALL:
            small.langs |= 1U << lexicon[i].value;
            break;
        case LEX_SHARED:
            small.shared = true;
            break;
        case LEX_FILLER:
            small.filler = true;
            break;
        default:
            break;
        }
    }
    return small;
}

bool language_is_small_word(struct str token)
{
    struct small small = small_of(token);

    return small.langs != 0 || small.shared || small.filler;
}

/* --- what is worth reading -----------------------------------------------------------------
 */

struct weighed {
    const struct tongues *tongues;
    uint32_t costs[TONGUES_MAX];
    size_t words;
    bool known; /* one of them was met before */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Where the blank before or behind byte `at` is. */
static size_t run_begin(struct str text, size_t at)
{
    while (at > 0 && (unsigned char)text.at[at - 1] > ' ')
        at--;
    return at;
}

static size_t run_end(struct str text, size_t at)
{
    while (at < text.len && (unsigned char)text.at[at] > ' ')
        at++;
    return at;
}

/* Addresses, order numbers and the like; letters with a digit or two are Arabic for some. */
static bool is_thing(struct str text, size_t at, struct str token)
{
    size_t begin = run_begin(text, at);
    struct str run = str_slice(text, begin, run_end(text, at) - begin);
    size_t digits = 0;
    bool joint = false;

    for (size_t i = 0; i < run.len; i++) {
        char c = run.at[i];
        bool inside = i > 0 && i + 1 < run.len;

        if (c == '@' || (c == '.' && inside && run.at[i + 1] >= 'a' && run.at[i + 1] <= 'z' &&
                         run.at[i - 1] >= 'a' && run.at[i - 1] <= 'z' && run.len > 6))
            return true;
        digits += is_digit(c);
        joint = joint || (inside && (c == '-' || c == '/' || c == '_' || c == '#'));
    }
    return digits > 2 || (digits > 0 && (joint || token.len < digits + 2));
}

static bool is_capital(struct str text, size_t at)
{
    uint32_t first = letter_next(text, &at);
    uint32_t second = at < text.len ? letter_next(text, &at) : 0;

    return letter_fold(first) != first && letter_is_word(second) &&
           letter_fold(second) == second;
}

/* --- weighing ------------------------------------------------------------------------------
 */

static bool add_row(struct weighed *weighed, uint32_t key)
{
    const uint8_t *row = tongues_find(weighed->tongues, key);

    for (size_t i = 0; row && i < weighed->tongues->n; i++)
        weighed->costs[i] += row[i];
    return row != NULL;
}

static void add_pieces(struct weighed *weighed, struct str token)
{
    uint32_t points[32] = {'^'};
    size_t n = 1;

    for (size_t at = 0; at < token.len && n < COUNTOF(points) - 1;)
        points[n++] = letter_next(token, &at);
    points[n++] = '$';
    for (size_t i = 1; i < n; i++) {
        for (size_t len = i + 1 < TONGUE_PIECE_MAX ? i + 1 : TONGUE_PIECE_MAX; len > 0; len--) {
            if (add_row(weighed, tongue_key_piece(points + i + 1 - len, len)))
                break;
        }
    }
}

static void add_marks(struct weighed *weighed, struct str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t c = letter_next(text, &at);

        if (c >= 0x80 && letter_is_mark(letter_fold(c)))
            (void)add_row(weighed, tongue_key_letter(letter_fold(c)));
    }
}

enum script { SCRIPT_LATIN, SCRIPT_ARABIC, SCRIPT_OTHER };

static enum script script_of(struct str token)
{
    uint32_t c = tokens_first_letter(token);

    if (c >= 0x600 && c <= 0x6FF)
        return SCRIPT_ARABIC;
    return c < 0x250 || (c >= 0x1E00 && c < 0x1F00) ? SCRIPT_LATIN : SCRIPT_OTHER;
}

/* The script of most words; names in others stand beside them. */
static enum script main_script(struct str text, const struct tokens *tokens)
{
    size_t n[3] = {0};
    enum script best = SCRIPT_LATIN;

    for (size_t i = 0; i < tokens->n && i < WORDS_MAX; i++) {
        if (!is_thing(text, tokens->at[i], tokens->items[i]))
            n[script_of(tokens->items[i])] += tokens->items[i].len;
    }
    for (int i = 1; i < 3; i++) {
        if (n[i] > n[best])
            best = (enum script)i;
    }
    return best;
}

static void weigh(struct str text, const struct tokens *tokens, enum script script,
                  struct weighed *weighed)
{
    size_t capitals = 0;

    for (size_t i = 0; i < tokens->n; i++)
        capitals += is_capital(text, tokens->at[i]);
    for (size_t i = 0; i < tokens->n && weighed->words < WORDS_MAX; i++) {
        struct str token = tokens->items[i];
        size_t at = tokens->at[i];
        bool known;

        if (script_of(token) != script || is_thing(text, at, token))
            continue;
        known = add_row(weighed, tongue_key_word(token));
        if (!known && is_capital(text, at) && (i > 0 || capitals == tokens->n))
            continue; /* a name */
        if (!known)
            add_pieces(weighed, token);
        weighed->known = weighed->known || known;
        weighed->words++;
    }
    add_marks(weighed, str_slice(text, 0, run_end(text, text.len < 200 ? text.len : 200)));
}

/* What speaks for a language besides its words speaks against all others. */
static void weigh_likely(struct weighed *weighed, const uint8_t likely[LANG_COUNT])
{
    for (size_t i = 0; i < weighed->tongues->n; i++) {
        uint8_t lang = weighed->tongues->langs[i];

        weighed->costs[i] += lang == TONGUE_OTHER ? OURS_LESS : 0;
        for (unsigned other = 0; other < LANG_COUNT; other++)
            weighed->costs[i] += other == lang ? 0 : (uint32_t)likely[other] * TONGUE_BIT;
    }
}

/* The language with the least against it; by how much the next has more. */
static size_t best_of(const struct weighed *weighed, uint32_t *apart)
{
    uint32_t second = UINT32_MAX;
    size_t best = 0;

    for (size_t i = 1; i < weighed->tongues->n; i++) {
        if (weighed->costs[i] < weighed->costs[best])
            best = i;
    }
    for (size_t i = 0; i < weighed->tongues->n; i++) {
        if (i != best && weighed->costs[i] < second)
            second = weighed->costs[i];
    }
    *apart = second - weighed->costs[best];
    return best;
}

struct language_guess language_guess(struct str text, const struct tokens *tokens,
                                     const uint8_t likely[LANG_COUNT])
{
    struct language_guess guess = {0};
    enum script script = main_script(text, tokens);
    struct weighed weighed = {.tongues =
                                  script == SCRIPT_ARABIC ? &tongues_arabic : &tongues_latin};
    uint32_t apart;
    uint8_t lang;

    if (script == SCRIPT_OTHER)
        return guess;
    weigh(text, tokens, script, &weighed);
    weigh_likely(&weighed, likely);
    lang = weighed.tongues->langs[best_of(&weighed, &apart)];
    if (weighed.words == 0 || lang == TONGUE_OTHER)
        return guess;
    guess.lang = (enum lang)lang;
    guess.words = weighed.words;
    guess.clear = apart >= (weighed.words > 1 && weighed.known ? APART : APART_ONE);
    guess.sure = weighed.words >= SENTENCE && apart >= APART_SURE;
    return guess;
}

bool language_named(const struct tokens *tokens, enum lang *lang)
{
    for (size_t i = 0; i < tokens->n; i++) {
        for (size_t j = 0; j < COUNTOF(names); j++) {
            if (str_eq(tokens->items[i], str_from(names[j].word))) {
                *lang = names[j].lang;
                return true;
            }
        }
    }
    return false;
}
