/*
 * The restricted Damerau-Levenshtein distance over three rolling rows, for words so short that
 * nothing cleverer would be noticed.
 */
#include "bot/base/suggest.h"

#define WORD_MAX 64

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned suggest_distance(struct str a, struct str b)
{
    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return 2 * WORD_MAX;
    unsigned rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned change = a.at[i - 1] == b.at[j - 1] ? 0 : 1;
            row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + change);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

int suggest(struct str word, const struct str *words, size_t n)
{
    int best = -1;
    unsigned nearest = (unsigned)(word.len / 3) + 2;
    for (size_t i = 0; i < n; i++) {
        unsigned distance = suggest_distance(word, words[i]);
        if (distance < nearest) {
            best = (int)i;
            nearest = distance;
        }
    }
    return best;
}
