/*
 * Understanding by phrases.
 *
 * A command is a whole text. A phrase is a few words that must all be there, each allowed its
 * slip of the finger; the one whose words are longest in all wins, so that "where is my order"
 * beats "my order". Nothing is learned and nothing is guessed: what matches no phrase has no
 * intent.
 */
#include "flows/understand/understand.h"
#include "flows/understand/match.h"

enum { LANG_CLEAR = 2 }; /* points, and more than the others have together */

/* --- the language ------------------------------------------------------------------------- */

static bool is_arabic_letter(struct str text, size_t at)
{
    unsigned char lead = (unsigned char)text.at[at];

    return lead >= 0xD8 && lead <= 0xDB;
}

static bool is_latin_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static unsigned count_marks(struct str text, const char *const *marks)
{
    unsigned n = 0;

    for (; *marks; marks++)
        n += str_find(text, str_from(*marks)) < text.len;
    return n;
}

static bool is_small_word(enum lang lang, struct str token)
{
    char padded[24];

    if (token.len + 2 > sizeof(padded))
        return false;
    padded[0] = ' ';
    memcpy(padded + 1, token.at, token.len);
    padded[token.len + 1] = ' ';
    return str_find(str_from(small_words[lang]), (struct str){padded, token.len + 2}) <
           strlen(small_words[lang]);
}

static void guess_lang(struct str text, const struct tokens *tokens,
                       struct understanding *meant)
{
    static const char *const polish[] = {"ą", "ć", "ę", "ł", "ń", "ś", "ź", "ż", NULL};
    static const char *const spanish[] = {"ñ", "¿", "¡", NULL};
    unsigned points[LANG_COUNT] = {0};
    unsigned arabic = 0;
    unsigned latin = 0;
    unsigned all = 0;

    for (size_t i = 0; i < text.len; i++) {
        arabic += is_arabic_letter(text, i);
        latin += is_latin_letter(text.at[i]);
    }
    points[LANG_AR] = arabic >= 3 && arabic > latin ? 10 : 0;
    points[LANG_PL] = 2 * count_marks(text, polish);
    points[LANG_ES] = 2 * count_marks(text, spanish);
    for (size_t i = 0; i < tokens->n; i++) {
        for (unsigned lang = 0; lang < LANG_COUNT; lang++)
            points[lang] += is_small_word((enum lang)lang, tokens->items[i]);
    }
    for (unsigned lang = 0; lang < LANG_COUNT; lang++)
        all += points[lang];
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (points[lang] < LANG_CLEAR || 2 * points[lang] <= all)
            continue;
        meant->lang = (enum lang)lang;
        meant->lang_is_clear = true;
    }
}

/* --- an order's number -------------------------------------------------------------------- */

static bool is_number_char(char c)
{
    return (c >= '0' && c <= '9') || is_latin_letter(c) || c == '-' || c == '_' || c == '/';
}

/* Letters, digits and joints, with three digits at least: "ORD-1001", "1001", "A12/345". */
static bool is_order_number(struct str piece)
{
    size_t digits = 0;
    size_t letters = 0;

    if (piece.len < 3 || piece.len > 24)
        return false;
    for (size_t i = 0; i < piece.len; i++) {
        digits += piece.at[i] >= '0' && piece.at[i] <= '9';
        letters += is_latin_letter(piece.at[i]);
    }
    return digits >= 3 && letters <= 6 && digits <= 12;
}

static struct str western_digits(struct arena *into, struct str text)
{
    char *copy = arena_alloc(into, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char a = (unsigned char)text.at[i];
        unsigned char b = i + 1 < text.len ? (unsigned char)text.at[i + 1] : 0;

        if (a == 0xD9 && b >= 0xA0 && b <= 0xA9) {
            copy[n++] = (char)('0' + (b - 0xA0));
            i++;
        } else {
            copy[n++] = text.at[i];
        }
    }
    return (struct str){copy, n};
}

static struct str upper(struct arena *into, struct str text)
{
    char *copy = arena_alloc(into, text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)(text.at[i] >= 'a' && text.at[i] <= 'z' ? text.at[i] - 32 : text.at[i]);
    return (struct str){copy, text.len};
}

static struct str order_number(struct arena *into, struct str given)
{
    struct str text = western_digits(into, str_slice(given, 0, 1000));

    for (size_t begin = 0; begin < text.len;) {
        size_t end = begin;

        while (end < text.len && is_number_char(text.at[end]))
            end++;
        if (is_order_number(str_slice(text, begin, end - begin)))
            return upper(into, str_slice(text, begin, end - begin));
        begin = end > begin ? end : begin + 1;
    }
    return STR_NONE;
}

/* --- intents ------------------------------------------------------------------------------ */

static void take_command(const struct match *command, struct understanding *meant)
{
    if (!command->phrase)
        return;
    meant->intent = str_from(phrase_intents[command->phrase->intent]);
    meant->exact = true;
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

/* "polski", "in english please": a language by name, and little else. */
static void find_language_name(const struct tokens *tokens, struct understanding *meant)
{
    if (meant->exact || tokens->n == 0 || tokens->n > 3)
        return;
    for (size_t i = 0; i < tokens->n; i++) {
        for (size_t j = 0; j < language_names_n; j++) {
            if (!str_eq(tokens->items[i], str_from(language_names[j].word)))
                continue;
            meant->intent = STR("language");
            meant->exact = true;
            meant->named_lang = str_from(lang_code(language_names[j].lang));
        }
    }
}

static void take_phrase(const struct match *loose, struct understanding *meant)
{
    if (!loose->phrase)
        return;
    meant->intent = str_from(phrase_intents[loose->phrase->intent]);
    meant->strong = loose->phrase->n_words > 1;
}

/* "hello Anna", "hi shop": a greeting and a word or two. */
static void find_greeting(struct arena *scratch, const struct tokens *tokens,
                          struct understanding *meant)
{
    struct tokens first = {.n = 1};
    struct match command;
    struct match loose;
    struct str intent;

    if (tokens->n == 0 || tokens->n > 3)
        return;
    first.items[0] = tokens->items[0];
    match_phrases(scratch, &first, &command, &loose);
    intent = command.phrase ? str_from(phrase_intents[command.phrase->intent]) : STR_NONE;
    if (str_eq(intent, STR("greeting")) || str_eq(intent, STR("thanks")))
        meant->intent = intent;
}

void understand(struct arena *into, struct str text, enum lang lang,
                struct understanding *meant)
{
    struct tokens tokens;
    struct match command;
    struct match loose;

    *meant = (struct understanding){.lang = lang};
    tokens_read(into, text, &tokens);
    match_phrases(into, &tokens, &command, &loose);
    meant->number = order_number(into, text);
    guess_lang(text, &tokens, meant);
    take_command(&command, meant);
    find_language_name(&tokens, meant);
    if (!meant->intent.len)
        take_phrase(&loose, meant);
    if (!meant->intent.len && !meant->number.len)
        find_greeting(into, &tokens, meant);
}
