#include "flows/understand/features.h"

#include "flows/understand/concepts.h"
#include "flows/understand/letters.h"

enum {
    VERSION = 2, /* of the numbering below */
    LETTERS_MAX = 26,
    STEM_LETTERS = 5,
    PIECE_LEAST = 2,
    PIECE_MOST = 4,
    REPEATS_MOST = 2,  /* of a letter: "holaaa" */
    CONCEPTS_MAX = 10, /* of a text, as far as pairs are made of them */
    CONCEPTS_ROW = 48,
    CONCEPT_BEHIND = 300 /* marks a meaning that stands behind the stem */
};

/* What a feature is made of, and how much it counts. */
enum kind {
    KIND_WORD = 1,
    KIND_STEM,
    KIND_PAIR,
    KIND_BESIDE, /* a stem next to a meaning */
    KIND_PIECE,
    KIND_CONCEPT,
    KIND_ROW,
    KIND_TOGETHER
};
static const uint16_t weights[] = {
    [KIND_WORD] = 3,  [KIND_STEM] = 6,    [KIND_PAIR] = 3, [KIND_BESIDE] = 4,
    [KIND_PIECE] = 2, [KIND_CONCEPT] = 5, [KIND_ROW] = 5,  [KIND_TOGETHER] = 5};

uint32_t features_mark(void)
{
    return concepts_mark ^ (VERSION * 2654435761U);
}

static uint32_t mix(uint32_t hash, uint32_t with)
{
    return (hash ^ with) * 16777619U;
}

static uint32_t begin(enum kind kind)
{
    return mix(2166136261U, (uint32_t)kind);
}

static void add(struct features *into, enum kind kind, uint32_t hash)
{
    uint32_t bucket;

    hash = (hash ^ (hash >> 15)) * 0x2C1B3C6DU;
    bucket = (hash ^ (hash >> 12)) % FEATURE_BUCKETS;
    if (into->n == FEATURES_MAX || into->seen[bucket / 64] >> (bucket % 64) & 1)
        return;
    into->seen[bucket / 64] |= UINT64_C(1) << (bucket % 64);
    into->items[into->n++] = (struct feature){(uint16_t)bucket, weights[kind]};
    into->square += (int64_t)weights[kind] * weights[kind];
}

/* --- words -------------------------------------------------------------------------------- */

/* A word's letters between marks for its ends; all digits are one. */
static size_t letters(struct str word, uint32_t into[LETTERS_MAX])
{
    size_t n = 0;
    size_t repeats = 0;

    into[n++] = '<';
    for (size_t at = 0; at < word.len && n < LETTERS_MAX - 1;) {
        uint32_t c = letter_next(word, &at);

        c = c >= '0' && c <= '9' ? '0' : c;
        repeats = c == into[n - 1] ? repeats + 1 : 1;
        if (repeats <= REPEATS_MOST)
            into[n++] = c;
    }
    into[n++] = '>';
    return n;
}

/* What is left of a word without its endings, roughly: its first letters; of an Arabic word
 * what stands between the small words and the pronouns that are joined to it. */
static uint32_t stem(const uint32_t *points, size_t n)
{
    size_t from = 1;
    size_t to = n - 1;
    uint32_t hash = begin(KIND_STEM);

    if (points[1] >= 0x600 && points[1] < 0x700) {
        while (to - from > 3 && (points[from] == 0x648 || points[from] == 0x628 ||
                                 points[from] == 0x641 || points[from] == 0x644))
            from++;
        if (to - from > 4 && points[from] == 0x627 && points[from + 1] == 0x644)
            from += 2;
        while (to - from > 3 &&
               (points[to - 1] == 0x64A || points[to - 1] == 0x647 || points[to - 1] == 0x643 ||
                points[to - 1] == 0x627 || points[to - 1] == 0x646 || points[to - 1] == 0x62A ||
                points[to - 1] == 0x648))
            to--;
    } else if (to - from > STEM_LETTERS) {
        to = from + STEM_LETTERS;
    }
    for (size_t i = from; i < to; i++)
        hash = mix(hash, points[i]);
    return hash;
}

/* What is kept of a word for what stands beside it. */
struct seen_word {
    uint32_t whole, stem;
    uint8_t ids[CONCEPTS_OF_MAX];
    size_t n_ids;
};

static struct seen_word add_word(struct features *into, struct str word)
{
    uint32_t points[LETTERS_MAX];
    size_t n = letters(word, points);
    struct seen_word seen = {.whole = begin(KIND_WORD), .stem = stem(points, n)};

    for (size_t i = 0; i < n; i++)
        seen.whole = mix(seen.whole, points[i]);
    seen.n_ids = concepts_of(word, seen.ids);
    add(into, KIND_WORD, seen.whole);
    add(into, KIND_STEM, seen.stem);
    for (size_t from = 0; from < n; from++) {
        uint32_t piece = begin(KIND_PIECE);

        for (size_t len = 1; len <= PIECE_MOST && from + len <= n; len++) {
            piece = mix(piece, points[from + len - 1]);
            if (len >= PIECE_LEAST)
                add(into, KIND_PIECE, mix(piece, (uint32_t)len));
        }
    }
    return seen;
}

static void add_beside(struct features *into, const struct seen_word *last,
                       const struct seen_word *word)
{
    for (size_t i = 0; i < last->n_ids; i++)
        add(into, KIND_BESIDE, mix(mix(begin(KIND_BESIDE), last->ids[i]), word->stem));
    for (size_t i = 0; i < word->n_ids; i++) {
        add(into, KIND_BESIDE,
            mix(mix(begin(KIND_BESIDE), last->stem), word->ids[i] + CONCEPT_BEHIND));
    }
}

static void add_words(struct features *into, const struct tokens *tokens)
{
    struct seen_word last = {.whole = '^'};

    for (size_t i = 0; i < tokens->n; i++) {
        struct seen_word word = add_word(into, tokens->items[i]);

        add(into, KIND_PAIR, mix(mix(begin(KIND_PAIR), last.whole), word.whole));
        if (i > 0)
            add_beside(into, &last, &word);
        last = word;
    }
    add(into, KIND_PAIR, mix(mix(begin(KIND_PAIR), last.whole), '$'));
}

/* --- meanings ----------------------------------------------------------------------------- */

static size_t concepts_read(const struct tokens *tokens, uint8_t row[CONCEPTS_ROW])
{
    size_t n = 0;

    for (size_t i = 0; i < tokens->n; i++) {
        uint8_t ids[CONCEPTS_OF_MAX];
        size_t of = concepts_of(tokens->items[i], ids);

        for (size_t j = 0; j < of && n < CONCEPTS_ROW; j++)
            row[n++] = ids[j];
    }
    return n;
}

/* Each two that stand somewhere in the text, whatever their order. */
static void add_together(struct features *into, const uint8_t *row, size_t n)
{
    uint8_t kept[CONCEPTS_MAX];
    size_t n_kept = 0;

    for (size_t i = 0; i < n && n_kept < CONCEPTS_MAX; i++) {
        bool there = false;

        for (size_t j = 0; j < n_kept; j++) {
            there = there || kept[j] == row[i];
        }
        if (there)
            continue;
        for (size_t j = 0; j < n_kept; j++) {
            uint8_t low = kept[j] < row[i] ? kept[j] : row[i];
            uint8_t high = kept[j] < row[i] ? row[i] : kept[j];

            add(into, KIND_TOGETHER, mix(mix(begin(KIND_TOGETHER), low), high));
        }
        kept[n_kept++] = row[i];
    }
}

static void add_concepts(struct features *into, const struct tokens *tokens)
{
    uint8_t row[CONCEPTS_ROW];
    size_t n = concepts_read(tokens, row);

    for (size_t i = 0; i < n; i++) {
        add(into, KIND_CONCEPT, mix(begin(KIND_CONCEPT), row[i]));
        if (i > 0)
            add(into, KIND_ROW, mix(mix(begin(KIND_ROW), row[i - 1]), row[i]));
    }
    add_together(into, row, n);
}

void features_read(const struct tokens *tokens, struct features *into)
{
    add_concepts(into, tokens);
    add_words(into, tokens);
}
