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
#include "flows/understand/letters.h"
#include "flows/understand/lexicon.h"

enum { NOTED_MAX = 256 };

struct note {
    uint8_t fit : 2;   /* enum token_fit, the best; 0: not in the text */
    uint8_t token : 6; /* the one that fits best */
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
        at->fit = fit & 3U;
        at->token = token & 63U;
    }
}

/* Whether more than `most` bits are set. */
static inline bool has_more_bits(uint32_t mask, unsigned most)
{
    while (mask && most-- > 0)
        mask &= mask - 1;
    return mask != 0;
}

struct sought {
    struct str token;
    size_t letters;
    unsigned slips; /* that may be forgiven */
    uint32_t mask;
};

static const struct phrase_letter *letter_of(uint32_t letter)
{
    size_t low = 0;
    size_t high = phrase_letters_n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (phrase_letters[middle].letter < letter) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < phrase_letters_n && phrase_letters[low].letter == letter ? &phrase_letters[low]
                                                                          : NULL;
}

static bool has_digit(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.at[i] >= '0' && token.at[i] <= '9')
            return true;
    }
    return false;
}

/* "where" and "there" are no slips of one another. */
static bool is_small(struct str token)
{
    uint16_t first;
    size_t n = lexicon_find_exact(token, &first);

    for (size_t i = 0; i < n; i++) {
        if (lexicon[first + i].is == LEX_SMALL)
            return true;
    }
    return false;
}

static void note_beginnings(struct notes *notes, const struct sought *sought, size_t index,
                            const struct phrase_letter *range)
{
    for (size_t i = range->first; i < range->by_length[0]; i++) {
        if (str_starts(sought->token, (struct str){phrase_words[i].text, phrase_words[i].len}))
            note(notes, i, TOKEN_SAME, index);
    }
}

/* Words of about that length: the same, or with letters that a few slips account for. */
static void note_alike(struct notes *notes, const struct sought *sought, size_t index,
                       size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct phrase_word *word = &phrase_words[i];
        struct str text = {word->text, word->len};
        enum token_fit fit;

        if (has_more_bits(sought->mask ^ word->mask, 2 * sought->slips))
            continue;
        if (sought->slips == 0 || word->letters < 4) {
            fit = str_eq(sought->token, text) ? TOKEN_SAME : TOKEN_OTHER;
        } else {
            fit = tokens_fit(sought->token, text);
        }
        if (fit != TOKEN_OTHER)
            note(notes, i, fit, index);
    }
}

static void note_token(struct notes *notes, struct str token, size_t index)
{
    const struct phrase_letter *range = letter_of(tokens_first_letter(token));
    struct sought sought = {.token = token, .letters = letters_count(token)};
    size_t longest;

    if (!range)
        return;
    sought.mask = tokens_mask(token);
    if (sought.letters >= 4 && !has_digit(token) && !is_small(token))
        sought.slips = sought.letters < 8 ? 1 : 2;
    note_beginnings(notes, &sought, index, range);
    longest = sought.letters + sought.slips;
    if (longest > PHRASE_LETTERS_MAX)
        longest = PHRASE_LETTERS_MAX;
    if (sought.letters - sought.slips <= longest) {
        note_alike(notes, &sought, index, range->by_length[sought.letters - sought.slips],
                   range->by_length[longest + 1]);
    }
}

/* How well the text is that command: as its worst word is. TOKEN_OTHER: it is another text. */
static enum token_fit command_fit(const struct phrase *phrase, const struct tokens *tokens)
{
    enum token_fit worst = TOKEN_SAME;

    if (phrase->n_words != tokens->n)
        return TOKEN_OTHER;
    for (size_t i = 0; i < tokens->n; i++) {
        const struct phrase_word *word = &phrase_words[phrase->words[i]];
        enum token_fit fit = tokens_fit(tokens->items[i], (struct str){word->text, word->len});

        if (fit < phrase->least)
            return TOKEN_OTHER;
        worst = fit < worst ? fit : worst;
    }
    return worst;
}

static bool holds(const struct notes *notes, const struct phrase *phrase)
{
    for (size_t i = 0; i < phrase->n_words; i++) {
        const struct note *note = &notes->of[phrase->words[i]];

        if (note->fit < phrase->least ||
            (phrase->close && i > 0 &&
             note->token != notes->of[phrase->words[i - 1]].token + 1))
            return false;
    }
    return true;
}

static uint64_t explained(const struct notes *notes, const struct phrase *phrase)
{
    uint64_t tokens = 0;

    for (size_t i = 0; i < phrase->n_words; i++)
        tokens |= (uint64_t)1 << notes->of[phrase->words[i]].token;
    return tokens;
}

/* The longest; of those the first in the file. */
static bool is_better(const struct phrase *phrase, const struct match *than)
{
    if (than->phrase && phrase->yields != than->phrase->yields)
        return than->phrase->yields;
    return !than->phrase || phrase->weight > than->phrase->weight ||
           (phrase->weight == than->phrase->weight && phrase < than->phrase);
}

/* A command as it is written comes before one with a slip in it; of equals the first in the
 * file. */
static void try_command(const struct phrase *phrase, enum token_fit fit, struct match *command)
{
    if (fit == TOKEN_OTHER || fit < command->fit)
        return;
    if (fit > command->fit)
        *command = (struct match){.fit = fit};
    command->langs |= 1U << phrase->lang;
    if (!command->phrase || phrase < command->phrase)
        command->phrase = phrase;
}

static void try_phrase(const struct notes *notes, const struct phrase *phrase,
                       const struct tokens *tokens, struct match *command, struct match *loose)
{
    if (phrase->whole) {
        try_command(phrase, command_fit(phrase, tokens), command);
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
        loose->explained = explained(&notes, loose->phrase);
}

/* Each phrase stands with one of its words, which is in the text when the whole of it is. */
static void try_commands_of(const struct phrase_word *word, const struct tokens *tokens,
                            struct match *command)
{
    for (size_t i = 0; i < word->n; i++) {
        const struct phrase *phrase = &phrases[phrase_index[word->first + i]];

        if (phrase->whole && command_fit(phrase, tokens) == TOKEN_SAME)
            try_command(phrase, TOKEN_SAME, command);
    }
}

void match_command(const struct tokens *tokens, struct match *command)
{
    *command = (struct match){0};
    for (size_t i = 0; i < tokens->n; i++) {
        const struct phrase_letter *range = letter_of(tokens_first_letter(tokens->items[i]));
        size_t letters = letters_count(tokens->items[i]);

        if (!range || letters > PHRASE_LETTERS_MAX)
            return; /* no phrase has it */
        for (size_t j = range->by_length[letters]; j < range->by_length[letters + 1]; j++) {
            const struct phrase_word *word = &phrase_words[j];

            if (str_eq((struct str){word->text, word->len}, tokens->items[i]))
                try_commands_of(word, tokens, command);
        }
    }
}
