#include "flows/understand/lexicon.h"
#include "flows/understand/letters.h"

size_t lexicon_find_exact(struct str word, uint16_t *first)
{
    for (uint32_t slot = letters_hash(word) % LEXICON_SLOTS; lexicon_slots[slot];
         slot = (slot + 1) % LEXICON_SLOTS) {
        size_t at = lexicon_slots[slot] - 1U;
        size_t n = 0;

        while (at + n < lexicon_n && lexicon[at + n].len == word.len &&
               memcmp(lexicon[at + n].word, word.at, word.len) == 0)
            n++;
        if (n) {
            *first = (uint16_t)at;
            return n;
        }
    }
    return 0;
}

/* In Arabic the article and small words are joined to the word. */
static size_t find_joined(struct str word, uint16_t *first)
{
    static const char *const joined[] = {"وال", "بال", "لل", "ال", "و", "ب", "ل", "ف"};

    for (size_t i = 0; i < COUNTOF(joined); i++) {
        struct str begin = str_from(joined[i]);
        size_t n;

        if (word.len < begin.len + 4 || !str_starts(word, begin))
            continue;
        n = lexicon_find_exact(str_slice(word, begin.len, word.len), first);
        if (n)
            return n;
    }
    return 0;
}

size_t lexicon_find(struct str word, uint16_t *first)
{
    size_t n = lexicon_find_exact(word, first);

    if (n || word.len < 4 || (unsigned char)word.at[0] < 0xD8 ||
        (unsigned char)word.at[0] > 0xDB)
        return n;
    return find_joined(word, first);
}
