/*
 * Phrases in a text.
 *
 * Each word of the text is held against the words of all phrases that have the same first
 * letter, once; what fits is noted with how well it fits. Then only phrases are tried whose
 * rarest word was noted. So the cost follows the length of the text and hardly the number of
 * phrases.
 *
 * Words that silence us must be right to the letter, those that cancel may at most have lost,
 * doubled or swapped a letter: no other word may be taken for one of them.
 */
#include "flows/understand/match.h"

enum { NOTED_MAX = 256 };

struct note {
    uint8_t fit;   /* enum token_fit, the best; 0: not in the text */
    uint8_t token; /* the one that fits best */
};

struct notes {
    struct note *of; /* for each word of phrase_words */
    uint16_t list[NOTED_MAX];
    size_t n;
};

static void note(struct notes *notes, size_t word, enum token_fit fit, size_t token)
{
    struct note *at = &notes->of[word];

    if (at->fit == 0) {
        if (notes->n == NOTED_MAX)
            return;
        notes->list[notes->n++] = (uint16_t)word;
    }
    if (fit > at->fit) {
        at->fit = (uint8_t)fit;
        at->token = (uint8_t)token;
    }
}

static enum token_fit fit_of(const struct phrase_word *word, struct str token, size_t letters,
                             uint32_t mask)
{
    struct str text = {word->text, word->len};
    size_t apart;

    if (word->begins)
        return str_starts(token, text) ? TOKEN_SAME : TOKEN_OTHER;
    if (word->len == token.len && memcmp(word->text, token.at, token.len) == 0)
        return TOKEN_SAME;
    apart = letters > word->letters ? letters - word->letters : word->letters - letters;
    if (letters < 4 || word->letters < 4 || apart > 2 ||
        __builtin_popcount(mask ^ word->mask) > 4)
        return TOKEN_OTHER;
    return tokens_fit(token, text);
}

static const struct phrase_letter *letter_of(uint32_t letter)
{
    size_t low = 0;
    size_t high = phrase_letters_n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (phrase_letters[middle].letter < letter)
            low = middle + 1;
        else
            high = middle;
    }
    return low < phrase_letters_n && phrase_letters[low].letter == letter ? &phrase_letters[low]
                                                                          : NULL;
}

unsigned match_word_langs(struct str token)
{
    const struct phrase_letter *range = letter_of(tokens_first_letter(token));

    for (size_t i = 0; range && i < range->n; i++) {
        const struct phrase_word *word = &phrase_words[range->first + i];

        if (!word->begins && word->len == token.len &&
            memcmp(word->text, token.at, token.len) == 0)
            return word->langs;
    }
    return 0;
}

static void note_token(struct notes *notes, struct str token, size_t index)
{
    const struct phrase_letter *range = letter_of(tokens_first_letter(token));
    size_t letters = str_length(token);
    uint32_t mask = tokens_mask(token);

    for (size_t i = 0; range && i < range->n; i++) {
        size_t word = range->first + i;
        enum token_fit fit = fit_of(&phrase_words[word], token, letters, mask);

        if (fit != TOKEN_OTHER)
            note(notes, word, fit, index);
    }
}

/* How well words must fit to mean this. */
static enum token_fit least_fit(const struct phrase *phrase)
{
    const char *intent = phrase_intents[phrase->intent];

    if (strcmp(intent, "stop") == 0 || strcmp(intent, "start") == 0)
        return TOKEN_SAME;
    return strcmp(intent, "cancel") == 0 ? TOKEN_NEAR : TOKEN_SLIP;
}

static bool is_command(const struct phrase *phrase, const struct tokens *tokens)
{
    if (phrase->n_words != tokens->n)
        return false;
    for (size_t i = 0; i < tokens->n; i++) {
        const struct phrase_word *word = &phrase_words[phrase->words[i]];

        if (tokens_fit(tokens->items[i], (struct str){word->text, word->len}) <
            least_fit(phrase))
            return false;
    }
    return true;
}

static bool holds(const struct notes *notes, const struct phrase *phrase)
{
    enum token_fit least = least_fit(phrase);

    for (size_t i = 0; i < phrase->n_words; i++) {
        const struct note *note = &notes->of[phrase->words[i]];

        if (note->fit < least || (phrase->close && i > 0 &&
                                  note->token != notes->of[phrase->words[i - 1]].token + 1))
            return false;
    }
    return true;
}

static size_t explained(const struct notes *notes, const struct phrase *phrase,
                        const struct tokens *tokens)
{
    uint64_t seen = 0;
    size_t letters = 0;

    for (size_t i = 0; i < phrase->n_words; i++) {
        unsigned token = notes->of[phrase->words[i]].token;

        if (!(seen >> token & 1))
            letters += str_length(tokens->items[token]);
        seen |= (uint64_t)1 << token;
    }
    return letters;
}

/* The longest; of those the first in the file. */
static bool is_better(const struct phrase *phrase, const struct match *than)
{
    if (than->phrase && phrase->yields != than->phrase->yields)
        return than->phrase->yields;
    return !than->phrase || phrase->weight > than->phrase->weight ||
           (phrase->weight == than->phrase->weight && phrase < than->phrase);
}

static void try_phrase(const struct notes *notes, const struct phrase *phrase,
                       const struct tokens *tokens, struct match *command, struct match *loose)
{
    if (phrase->whole) {
        if (!is_command(phrase, tokens))
            return;
        command->langs |= 1U << phrase->lang;
        if (!command->phrase || phrase < command->phrase)
            command->phrase = phrase;
    } else if (is_better(phrase, loose) && holds(notes, phrase)) {
        loose->phrase = phrase;
    }
}

void match_phrases(struct arena *scratch, const struct tokens *tokens, struct match *command,
                   struct match *loose)
{
    struct notes notes = {.of = arena_array(scratch, struct note, phrase_words_n)};

    *command = (struct match){0};
    *loose = (struct match){0};
    for (size_t i = 0; i < tokens->n; i++)
        note_token(&notes, tokens->items[i], i);
    for (size_t i = 0; i < notes.n; i++) {
        const struct phrase_word *word = &phrase_words[notes.list[i]];

        for (size_t j = 0; j < word->n; j++)
            try_phrase(&notes, &phrases[phrase_index[word->first + j]], tokens, command, loose);
    }
    if (loose->phrase)
        loose->explained = explained(&notes, loose->phrase, tokens);
}
