/*
 * Languages are told apart by their small words, by letters that only one of them has, by words
 * that stand in the phrases of one language only, and a little by how the others are spelt.
 */
#include "flows/understand/language.h"
#include "flows/understand/letters.h"
#include "flows/understand/match.h"

enum {
    POINTS_SMALL = 3,  /* a small word */
    POINTS_PHRASE = 2, /* a word of that language's phrases only */
    POINTS_LETTER = 3, /* a letter of that language only */
    POINTS_SPELLING = 1,
    POINTS_CLEAR = 3, /* enough, */
    POINTS_APART = 2, /* when the others are so far behind, and have two thirds at most */
    SMALL_MAX = 20    /* bytes of a small word */
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

/* Words that one of the other three also uses are left out, or stand in `shared`. */
static const char *const small_words[LANG_COUNT] = {
    [LANG_EN] =
        " the my is are where what when how you please want can and have not it"
        " hello was with for hi hey need this that your from will would could should does did"
        " dont been get got there here which who why they them our but if just still yet any"
        " some im i'm its of about know tell give want's cant whats wheres thanks thank order"
        " orders package parcel like am let us she his her an were out up all be in as me no "
        "to do on so we at ",
    [LANG_ES] =
        " el los las mi mis donde esta que cuando como quiero pedido pedidos por favor hola"
        " gracias tengo puedo ver una es y necesito paquete envio ayuda buenos buenas dias"
        " tardes con del ha llegado un en se le lo su sus para pero muy esto eso hay estoy soy"
        " tiene tienes hemos mas si ya yo tu nos porque cual quien cuanto hace hacer todo nada"
        " algo aqui ahora este estan son fue la ella ellos usted les eres era sabe vez no me ",
    [LANG_PL] =
        " gdzie jest moje moja moj zamowienie zamowienia paczka przesylka kiedy jak chce"
        " prosze czy nie sie dzien dobry czesc dziekuje dzieki mam dla hej moich pomoc"
        " pomocy przyjdzie moge w z ze ja ty mnie masz jestem jestes byc byl byla bylo bardzo"
        " juz tylko ale od przez przy tego tej tym ich jego jej kto dlaczego ile gdy zeby moze"
        " mozna potrzebuje chcialbym chcialabym na po co to za jeszcze tom lub mojego mojej mi"
        " tak sa sie nas nam was ona ono jaki jaka jakie tu do on o i ",
    [LANG_AR] = " من في على عن الي هل ما هذا هذه لا يا مع انا هو هي لي كيف ان قد كل ",
};

/* Said in two of them, and telling nothing. */
static const char shared_words[] =
    " a i o to do on me no so we at as ten ta te has he come sin van un la tom mi ";

/* Greetings, politeness and wishing say nothing about what is wanted, either. */
static const char filler_words[] =
    " please pls plz hello hi hey thanks thank want wanna like need would can could show see"
    " tell give hola buenos buenas dias tardes por favor gracias quiero quisiera ver puedo"
    " necesito prosze dzien dobry czesc hej dziekuje dzieki chce chcialbym chcialabym moge"
    " pokaz potrzebuje مرحبا سلام عليكم شكرا فضلك لو سمحت رجاء اريد ابغي ابغا بدي عايز ممكن ";

static bool is_in(const char *set, struct str token)
{
    char padded[SMALL_MAX + 2];

    if (token.len == 0 || token.len > SMALL_MAX)
        return false;
    padded[0] = ' ';
    memcpy(padded + 1, token.at, token.len);
    padded[token.len + 1] = ' ';
    return str_find(str_from(set), (struct str){padded, token.len + 2}) < strlen(set);
}

bool language_is_small_word(struct str token)
{
    if (is_in(shared_words, token) || is_in(filler_words, token))
        return true;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (is_in(small_words[lang], token) && match_word_langs(token) == 0)
            return true;
    }
    return false;
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
    unsigned langs = match_word_langs(token);
    bool small = false;

    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (is_in(small_words[lang], token)) {
            points[lang] += is_in(shared_words, token) ? POINTS_SPELLING : POINTS_SMALL;
            small = true;
        }
    }
    if (small)
        return;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++)
        points[lang] += langs == 1U << lang ? POINTS_PHRASE : 0;
    if (langs == 0)
        weigh_spelling(token, points);
}

bool language_guess(struct str text, const struct tokens *tokens, enum lang *lang)
{
    int points[LANG_COUNT] = {0};
    int best = -1;
    int second = 0;

    weigh_letters(str_slice(text, 0, 2000), points);
    for (size_t i = 0; i < tokens->n; i++)
        weigh_word(tokens->items[i], points);
    for (int i = 0; i < LANG_COUNT; i++) {
        if (best < 0 || points[i] > points[best]) {
            second = best < 0 ? 0 : points[best];
            best = i;
        } else if (points[i] > second) {
            second = points[i];
        }
    }
    if (points[best] < POINTS_CLEAR || points[best] - second < POINTS_APART ||
        2 * points[best] < 3 * second)
        return false;
    *lang = (enum lang)best;
    return true;
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
