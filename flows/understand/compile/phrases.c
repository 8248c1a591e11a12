/*
 * Turns phrases.txt into tables at build time.
 *
 *     compile_phrases PHRASES SOURCE
 *
 * Every phrase goes through tokens.c, as what people write will, so the two cannot differ. A
 * phrase is found by its rarest word: a word leads to the phrases that cannot do without it,
 * and only those are looked at. Whatever looks wrong stops the build.
 */
#include "flows/understand/phrases.h"

#include "flows/understand/compile/source.h"
#include "flows/understand/tokens.h"

#include <stdlib.h>

enum {
    WORDS_MAX = 8192,
    PHRASES_MAX = 16384,
    INTENTS_MAX = 64,
    CLOSE_MORE = 6 /* letters that words together are worth */
};

struct word {
    struct str text;
    bool begins;
    unsigned uses;
    unsigned sorted; /* its place once sorted */
};

static struct source source;
static struct word words[WORDS_MAX];
static size_t n_words;
static struct phrase made[PHRASES_MAX];
static size_t n_made;
static struct str intents[INTENTS_MAX];
static size_t n_intents;
static bool yields[INTENTS_MAX];
static unsigned order[WORDS_MAX];

/* --- reading ------------------------------------------------------------------------------ */

static uint16_t word_id(struct str text, bool begins)
{
    for (size_t i = 0; i < n_words; i++) {
        if (str_eq(words[i].text, text) && words[i].begins == begins)
            return (uint16_t)i;
    }
    if (n_words == WORDS_MAX)
        source_fail(&source, "more than %d words", WORDS_MAX);
    words[n_words] = (struct word){.text = text, .begins = begins};
    return (uint16_t)n_words++;
}

static bool has_word(const struct phrase *phrase, uint16_t id)
{
    for (size_t i = 0; i < phrase->n_words; i++) {
        if (phrase->words[i] == id)
            return true;
    }
    return false;
}

/* One word as it was written; tokens.c may find several in it, as in "what's-up". */
static void add_words(struct phrase *phrase, struct str written)
{
    bool begins = str_ends(written, STR("*"));
    struct tokens tokens;

    tokens_read(&source.arena, written, &tokens);
    for (size_t i = 0; i < tokens.n; i++) {
        uint16_t id = word_id(tokens.items[i], begins && i + 1 == tokens.n);

        if (phrase->n_words == PHRASE_WORDS_MAX)
            source_fail(&source, "a phrase has more than %d words", PHRASE_WORDS_MAX);
        if (!phrase->whole && !phrase->close && has_word(phrase, id))
            continue;
        if (str_length(tokens.items[i]) > PHRASE_LETTERS_MAX)
            source_fail(&source, "a word has more than %d letters", PHRASE_LETTERS_MAX);
        words[id].uses++;
        phrase->words[phrase->n_words++] = id;
        phrase->weight = (uint16_t)(phrase->weight + str_length(tokens.items[i]));
    }
}

static bool is_same(const struct phrase *a, const struct phrase *b)
{
    return a->intent == b->intent && a->lang == b->lang && a->whole == b->whole &&
           a->close == b->close && a->n_words == b->n_words &&
           memcmp(a->words, b->words, a->n_words * sizeof(a->words[0])) == 0;
}

static void add_phrase(const struct phrase *like, struct str text)
{
    struct phrase phrase = *like;
    struct str piece;

    while (str_split(&text, ' ', &piece)) {
        if (piece.len)
            add_words(&phrase, piece);
    }
    if (phrase.n_words == 0)
        source_fail(&source, "a phrase without words");
    if (phrase.close)
        phrase.weight = (uint16_t)(phrase.weight + CLOSE_MORE);
    for (size_t i = 0; i < n_made; i++) {
        if (is_same(&made[i], &phrase))
            return;
    }
    if (n_made == PHRASES_MAX)
        source_fail(&source, "more than %d phrases", PHRASES_MAX);
    made[n_made++] = phrase;
}

/* "a b/c" is "a b" and "a c". */
static void add_expanded(const struct phrase *like, struct str text)
{
    size_t slash = str_find(text, STR("/"));
    size_t begin = slash;
    size_t end = slash;
    struct str choices;
    struct str choice;

    if (slash == text.len) {
        add_phrase(like, text);
        return;
    }
    while (begin > 0 && text.at[begin - 1] != ' ')
        begin--;
    while (end < text.len && text.at[end] != ' ')
        end++;
    choices = str_slice(text, begin, end - begin);
    while (str_split(&choices, '/', &choice)) {
        if (choice.len == 0)
            source_fail(&source, "an empty choice");
        add_expanded(like, arena_format(&source.arena, "%.*s%.*s%.*s", (int)begin, text.at,
                                        STR_ARG(choice), (int)(text.len - end), text.at + end));
    }
}

static void read_phrases(struct str line)
{
    struct phrase like = {.intent = (uint8_t)(n_intents - 1)};
    enum lang lang;
    struct str piece;

    if (n_intents == 0)
        source_fail(&source, "phrases before any intent");
    if (line.len < 4 || !lang_parse(str_slice(line, 0, 2), &lang) || !strchr("!=:", line.at[2]))
        source_fail(&source, "say \"en: ...\", \"en= ...\" or \"en! ...\"");
    like.lang = (uint8_t)lang;
    like.whole = line.at[2] == '!';
    like.close = line.at[2] == '=';
    like.yields = yields[n_intents - 1];
    line = str_slice(line, 3, line.len);
    while (str_split(&line, '|', &piece))
        add_expanded(&like, str_trim(piece));
}

static void read_line(struct str line)
{
    struct str text = str_trim(line);

    if (text.len == 0 || text.at[0] == '#')
        return;
    if (line.at[0] == ' ') {
        read_phrases(text);
        return;
    }
    if (str_ends(text, STR(" yields"))) {
        text.len -= STR(" yields").len;
        yields[n_intents] = true;
    }
    if (n_intents == INTENTS_MAX)
        source_fail(&source, "more than %d intents", INTENTS_MAX);
    for (size_t i = 0; i < n_intents; i++) {
        if (str_eq(intents[i], text))
            source_fail(&source, "a second \"%.*s\"", STR_ARG(text));
    }
    intents[n_intents++] = text;
}

/* --- writing ------------------------------------------------------------------------------ */

/* By first letter, then those that words may begin with, then by length. */
static int by_place(const void *left, const void *right)
{
    const struct word *a = &words[*(const unsigned *)left];
    const struct word *b = &words[*(const unsigned *)right];
    uint32_t letter_a = tokens_first_letter(a->text);
    uint32_t letter_b = tokens_first_letter(b->text);
    size_t length_a = a->begins ? 0 : str_length(a->text);
    size_t length_b = b->begins ? 0 : str_length(b->text);

    if (letter_a != letter_b)
        return letter_a < letter_b ? -1 : 1;
    if (length_a != length_b)
        return length_a < length_b ? -1 : 1;
    return str_compare(a->text, b->text);
}

static void sort_words(void)
{
    for (size_t i = 0; i < n_words; i++)
        order[i] = (unsigned)i;
    qsort(order, n_words, sizeof(order[0]), by_place);
    for (size_t i = 0; i < n_words; i++)
        words[order[i]].sorted = (unsigned)i;
}

/* Of a command the first word, by which it begins; else the rarest, then the longest. */
static uint16_t leading_word(const struct phrase *phrase)
{
    uint16_t best = phrase->words[0];

    for (size_t i = 1; i < phrase->n_words && !phrase->whole; i++) {
        const struct word *word = &words[phrase->words[i]];

        if (word->uses < words[best].uses ||
            (word->uses == words[best].uses && word->text.len > words[best].text.len))
            best = phrase->words[i];
    }
    return best;
}

static void write_words(FILE *out)
{
    static uint16_t index[PHRASES_MAX];
    size_t n = 0;

    (void)fprintf(out, "const struct phrase_word phrase_words[] = {\n");
    for (size_t i = 0; i < n_words; i++) {
        const struct word *word = &words[order[i]];
        size_t first = n;

        for (size_t j = 0; j < n_made; j++) {
            if (leading_word(&made[j]) == order[i])
                index[n++] = (uint16_t)j;
        }
        (void)fprintf(out, "{\"%.*s\", %zu, %zu, %d, 0x%xU, %zu, %zu},\n", STR_ARG(word->text),
                      word->text.len, str_length(word->text), word->begins,
                      tokens_mask(word->text), first, n - first);
    }
    (void)fprintf(out,
                  "};\nconst size_t phrase_words_n = %zu;\n"
                  "const uint16_t phrase_index[] = {\n",
                  n_words);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%u,%c", index[i], i % 16 == 15 ? '\n' : ' ');
    (void)fprintf(out, "};\n");
}

static void write_letter(FILE *out, size_t first, size_t end)
{
    size_t at = first;

    (void)fprintf(out, "{0x%x, %zu, {", tokens_first_letter(words[order[first]].text), first);
    for (size_t n = 0; n <= PHRASE_LETTERS_MAX + 1; n++) {
        while (at < end && (words[order[at]].begins || str_length(words[order[at]].text) < n))
            at++;
        (void)fprintf(out, "%zu, ", at);
    }
    (void)fprintf(out, "}},\n");
}

static void write_letters(FILE *out)
{
    size_t n = 0;

    (void)fprintf(out, "const struct phrase_letter phrase_letters[] = {\n");
    for (size_t i = 0; i < n_words; n++) {
        uint32_t letter = tokens_first_letter(words[order[i]].text);
        size_t first = i;

        while (i < n_words && tokens_first_letter(words[order[i]].text) == letter)
            i++;
        write_letter(out, first, i);
    }
    (void)fprintf(out, "};\nconst size_t phrase_letters_n = %zu;\n", n);
}

/* Words that silence us, or ask whether we are to be silent, must be right to the letter; those
 * that cancel may at most have lost, doubled or swapped one. */
static enum token_fit least_fit(struct str intent)
{
    if (str_eq(intent, STR("stop")) || str_eq(intent, STR("start")) ||
        str_eq(intent, STR("quiet")))
        return TOKEN_SAME;
    return str_eq(intent, STR("cancel")) ? TOKEN_NEAR : TOKEN_SLIP;
}

static void write_phrases(FILE *out)
{
    (void)fprintf(out, "const struct phrase phrases[] = {\n");
    for (size_t i = 0; i < n_made; i++) {
        (void)fprintf(out, "{%u, %u, %d, %d, %d, %d, %u, %u, {", made[i].intent, made[i].lang,
                      made[i].whole, made[i].close, made[i].yields,
                      (int)least_fit(intents[made[i].intent]), made[i].n_words, made[i].weight);
        for (size_t j = 0; j < made[i].n_words; j++)
            (void)fprintf(out, "%u, ", words[made[i].words[j]].sorted);
        (void)fprintf(out, "}},\n");
    }
    (void)fprintf(out,
                  "};\nconst size_t phrases_n = %zu;\n"
                  "const char *const phrase_intents[] = {\n",
                  n_made);
    for (size_t i = 0; i < n_intents; i++)
        (void)fprintf(out, "\"%.*s\",\n", STR_ARG(intents[i]));
    (void)fprintf(out, "};\n");
}

static void write_table(FILE *out)
{
    sort_words();
    (void)fprintf(out, "/* Made from phrases.txt. */\n"
                       "#include \"flows/understand/phrases.h\"\n\n");
    write_words(out);
    write_letters(out);
    write_phrases(out);
}

int main(int argc, char **argv)
{
    return source_compile(&source, argc, argv, read_line, write_table);
}
