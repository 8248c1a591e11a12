/*
 * Languages are told apart by their small words, by letters that only one of them has, by words
 * that stand in the phrases of one language only, and a little by how the others are spelt.
 */
#include "flows/understand/language.h"
#include "flows/understand/letters.h"
#include "flows/understand/lexicon.h"
#include "flows/understand/match.h"

enum {
    POINTS_SMALL = 3,  /* a small word */
    POINTS_PHRASE = 2, /* a word of that language's phrases only */
    POINTS_LETTER = 3, /* a letter of that language only */
    POINTS_SPELLING = 1,
    POINTS_CLEAR = 3, /* enough, */
    POINTS_APART = 2, /* when the others are so far behind, and have two thirds at most */
};

static const struct {
    enum lang lang;
    const char *word;
} names[] = {
    {LANG_EN, "english"         },
    {LANG_EN, "ingles"          },
    {LANG_EN, "angielski"       },
    {LANG_EN, "angielsku"       },
    {LANG_EN, "انجليزيه"},
    {LANG_EN, "انجليزي"  },
    {LANG_ES, "spanish"         },
    {LANG_ES, "espanol"         },
    {LANG_ES, "castellano"      },
    {LANG_ES, "hiszpanski"      },
    {LANG_ES, "hiszpansku"      },
    {LANG_ES, "اسبانيه"  },
    {LANG_ES, "اسباني"    },
    {LANG_PL, "polish"          },
    {LANG_PL, "polaco"          },
    {LANG_PL, "polski"          },
    {LANG_PL, "polsku"          },
    {LANG_PL, "بولنديه"  },
    {LANG_PL, "بولندي"    },
    {LANG_AR, "arabic"          },
    {LANG_AR, "arabe"           },
    {LANG_AR, "arabski"         },
    {LANG_AR, "arabsku"         },
    {LANG_AR, "عربيه"      },
    {LANG_AR, "عربي"        },
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

static void weigh_letters(struct str text, int points[LANG_COUNT])
{
    unsigned arabic = 0;
    unsigned latin = 0;

    for (size_t at = 0; at < text.len;) {
        uint32_t c = letter_next(text, &at);

        arabic += c >= 0x620 && c <= 0x6D3;
        latin += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        switch (c) {
        case 0x104: /* ogonek, acute consonants, stroke and dot: Polish */
        case 0x105:
        case 0x106:
        case 0x107:
        case 0x118:
        case 0x119:
        case 0x141:
        case 0x142:
        case 0x143:
        case 0x144:
        case 0x15A:
        case 0x15B:
        case 0x179:
        case 0x17A:
        case 0x17B:
        case 0x17C:
            points[LANG_PL] += POINTS_LETTER;
            break;
        case 0xD1: /* n with a tilde, signs turned over: Spanish */
        case 0xF1:
        case 0xBF:
        case 0xA1:
            points[LANG_ES] += POINTS_LETTER;
            break;
        case 0xE1: /* acute vowels, but for the Polish one */
        case 0xE9:
        case 0xED:
        case 0xFA:
            points[LANG_ES] += 2 * POINTS_SPELLING;
            break;
        default:
            break;
        }
    }
    if (arabic >= 3 && arabic > latin)
        points[LANG_AR] += 100;
}

static void weigh_spelling(struct str token, int points[LANG_COUNT])
{
    static const struct {
        enum lang lang;
        const char *part;
    } parts[] = {
        {LANG_EN, "th"  },
        {LANG_EN, "sh"  },
        {LANG_EN, "wh"  },
        {LANG_EN, "ck"  },
        {LANG_EN, "ee"  },
        {LANG_EN, "ing" },
        {LANG_EN, "ight"},
        {LANG_ES, "qu"  },
        {LANG_ES, "ll"  },
        {LANG_ES, "cion"},
        {LANG_ES, "ado" },
        {LANG_ES, "iend"},
        {LANG_PL, "sz"  },
        {LANG_PL, "cz"  },
        {LANG_PL, "rz"  },
        {LANG_PL, "dz"  },
        {LANG_PL, "ow"  },
        {LANG_PL, "wi"  },
        {LANG_PL, "cie" },
        {LANG_PL, "nie" },
    };

    for (size_t i = 0; i < COUNTOF(parts); i++) {
        if (str_find(token, str_from(parts[i].part)) < token.len)
            points[parts[i].lang] += POINTS_SPELLING;
    }
}

static void weigh_word(struct str token, int points[LANG_COUNT])
{
    struct small small = small_of(token);
    unsigned langs;

    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (small.langs >> lang & 1)
            points[lang] += small.shared ? POINTS_SPELLING : POINTS_SMALL;
    }
    if (small.langs)
        return;
    langs = match_word_langs(token);
    for (unsigned lang = 0; lang < LANG_COUNT; lang++)
        points[lang] += langs == 1U << lang ? POINTS_PHRASE : 0;
}

/* Whether one language stands out, and which. */
static bool stands_out(const int points[LANG_COUNT], enum lang *lang)
{
    int best = 0;
    int second = 0;

    for (int i = 1; i < LANG_COUNT; i++) {
        if (points[i] > points[best])
            best = i;
    }
    for (int i = 0; i < LANG_COUNT; i++) {
        if (i != best && points[i] > second)
            second = points[i];
    }
    if (points[best] < POINTS_CLEAR || points[best] - second < POINTS_APART ||
        2 * points[best] < 3 * second)
        return false;
    *lang = (enum lang)best;
    return true;
}

bool language_guess(struct str text, const struct tokens *tokens, enum lang *lang)
{
    int points[LANG_COUNT] = {0};

    weigh_letters(str_slice(text, 0, 2000), points);
    for (size_t i = 0; i < tokens->n; i++)
        weigh_word(tokens->items[i], points);
    if (stands_out(points, lang))
        return true;
    for (size_t i = 0; i < tokens->n; i++) {
        if (match_word_langs(tokens->items[i]) == 0)
            weigh_spelling(tokens->items[i], points);
    }
    return stands_out(points, lang);
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
