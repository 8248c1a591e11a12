#include "flows/understand/weights.h"

static const char magic[8] = "PARLEY\1\n";

enum { COUNTS_AT = 12, NAMES_AT = 16, SQUARE_SHIFT = 16 };

static uint32_t read_number(const char *at, size_t bytes)
{
    uint32_t number = 0;

    for (size_t i = bytes; i-- > 0;)
        number = number << 8 | (unsigned char)at[i];
    return number;
}

static size_t filled(size_t n_outputs)
{
    return (n_outputs + 3) / 4 * 4;
}

size_t weights_head(size_t n_labels, size_t n_langs)
{
    return NAMES_AT + (n_labels + n_langs) * (WEIGHTS_NAME_MAX + 8) + (size_t)2 * WEIGHTS_STEPS;
}

size_t weights_size(size_t n_labels, size_t n_langs)
{
    return weights_head(n_labels, n_langs) + FEATURE_BUCKETS * filled(n_labels + n_langs);
}

static bool are_percents(const unsigned char *table)
{
    for (size_t i = 0; i < WEIGHTS_STEPS; i++) {
        if (table[i] > 100 || (i > 0 && table[i] < table[i - 1]))
            return false;
    }
    return true;
}

const char *weights_open(struct str bytes, struct weights *weights)
{
    const char *at = bytes.at + NAMES_AT;
    size_t n;

    if (bytes.len < NAMES_AT || memcmp(bytes.at, magic, sizeof(magic)) != 0)
        return "is no model of Parley's";
    if (read_number(bytes.at + sizeof(magic), 4) != features_mark())
        return "was learnt with other words or another version: train it again";
    weights->n_labels = read_number(bytes.at + COUNTS_AT, 2);
    weights->n_langs = read_number(bytes.at + COUNTS_AT + 2, 2);
    n = weights->n_labels + weights->n_langs;
    if (weights->n_labels < 2 || weights->n_labels > WEIGHTS_LABELS_MAX ||
        weights->n_langs < 2 || n > WEIGHTS_OUTPUTS_MAX ||
        bytes.len != weights_size(weights->n_labels, weights->n_langs))
        return "is cut off or damaged";
    weights->n_outputs = filled(n);
    for (size_t i = 0; i < n; i++, at += WEIGHTS_NAME_MAX)
        weights->names[i] = (struct str){at, strnlen(at, WEIGHTS_NAME_MAX)};
    for (size_t i = 0; i < n; i++, at += 8) {
        weights->scale[i] = (int32_t)read_number(at, 4);
        weights->bias[i] = (int32_t)read_number(at + 4, 4);
    }
    weights->sure = (const unsigned char *)at;
    weights->sure_langs = weights->sure + WEIGHTS_STEPS;
    weights->rows = (const signed char *)(weights->sure_langs + WEIGHTS_STEPS);
    if (!are_percents(weights->sure) || !are_percents(weights->sure_langs))
        return "has percents that are none";
    return NULL;
}

/* The whole root, rounded down. */
static int64_t root(int64_t square)
{
    int64_t found = 0;

    for (int64_t bit = INT64_C(1) << 30; bit; bit >>= 1) {
        if ((found + bit) * (found + bit) <= square)
            found += bit;
    }
    return found;
}

static void score(const struct weights *weights, const struct features *features,
                  int64_t scores[WEIGHTS_OUTPUTS_MAX])
{
    int32_t sums[WEIGHTS_OUTPUTS_MAX] = {0};
    int64_t length = root(features->square << SQUARE_SHIFT); /* in 1/256 */
    size_t n = weights->n_outputs;

    for (size_t i = 0; i < features->n; i++) {
        const signed char *row = weights->rows + features->items[i].bucket * n;
        int32_t weight = features->items[i].weight;

        for (size_t k = 0; k < n; k++)
            sums[k] += weight * row[k];
    }
    for (size_t k = 0; k < weights->n_labels + weights->n_langs; k++) {
        scores[k] =
            weights->bias[k] + (length ? (int64_t)sums[k] * weights->scale[k] / length : 0);
    }
}

void weights_score_text(const struct weights *weights, struct arena *scratch, struct str text,
                        int64_t scores[WEIGHTS_OUTPUTS_MAX])
{
    struct features *features = arena_new(scratch, struct features);
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    features_read(&tokens, features);
    score(weights, features, scores);
}

struct weights_best weights_best(const int64_t *scores, size_t n)
{
    struct weights_best best = {0};
    int64_t next = INT64_MIN;
    int64_t lead;

    for (size_t i = 1; i < n; i++) {
        if (scores[i] > scores[best.at]) {
            next = scores[best.at];
            best.at = i;
        } else if (scores[i] > next) {
            next = scores[i];
        }
    }
    lead = (scores[best.at] - next) / WEIGHTS_STEP;
    best.lead = lead < WEIGHTS_STEPS ? (size_t)lead : WEIGHTS_STEPS - 1;
    return best;
}
