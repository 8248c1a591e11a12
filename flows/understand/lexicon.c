#include "flows/understand/lexicon.h"

static int compare(const char *entry, struct str word)
{
    int order = strncmp(entry, word.at, word.len);

    return order ? order : (entry[word.len] ? 1 : 0);
}

static size_t find_exact(struct str word, uint16_t *first)
{
    size_t low = 0;
    size_t high = lexicon_n;
    size_t n = 0;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (compare(lexicon[middle].word, word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < lexicon_n && compare(lexicon[low + n].word, word) == 0)
        n++;
    *first = (uint16_t)low;
    return n;
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
        n = find_exact(str_slice(word, begin.len, word.len), first);
        if (n)
            return n;
    }
    return 0;
}

size_t lexicon_find(struct str word, uint16_t *first)
{
    size_t n = find_exact(word, first);

    if (n || word.len < 4 || (unsigned char)word.at[0] < 0xD8 ||
        (unsigned char)word.at[0] > 0xDB)
        return n;
    return find_joined(word, first);
}
