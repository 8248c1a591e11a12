#include "flows/understand/train/sure.h"

#include "flows/understand/understand.h"

#include <math.h>
#include <stdlib.h>

/* The nearest table that never falls: neighbours that would are taken together. */
static void even_out(struct tally tallies[WEIGHTS_STEPS], char *percents)
{
    struct tally pools[WEIGHTS_STEPS];
    size_t ends[WEIGHTS_STEPS];
    size_t n = 0;

    for (size_t i = 0; i < WEIGHTS_STEPS; i++) {
        pools[n] = tallies[i];
        ends[n++] = i;
        while (n > 1 &&
               pools[n - 1].right * pools[n - 2].all <= pools[n - 2].right * pools[n - 1].all) {
            pools[n - 2].right += pools[n - 1].right;
            pools[n - 2].all += pools[n - 1].all;
            ends[n - 2] = ends[n - 1];
            n--;
        }
    }
    for (size_t i = 0, pool = 0; i < WEIGHTS_STEPS; i++) {
        double share;

        pool += i > ends[pool];
        /* A few that were right prove little: what it is likely to be at least. */
        share = pools[pool].right / (pools[pool].all + 1);
        share -= sqrt(share * (1 - share) / (pools[pool].all + 1));
        percents[i] = (char)(share > 0 ? 100 * share : 0);
        if (i > 0 && percents[i] < percents[i - 1])
            percents[i] = percents[i - 1];
    }
}

void sureness_count(struct sureness *sureness, const struct rows *rows,
                    struct sureness_wish wish, struct str model)
{
    struct arena scratch = {0};
    struct weights weights;

    if (weights_open(model, &weights))
        abort();
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        bool counted = row->part == ROW_JUDGED ? wish.judged : row->own ? wish.own : wish.given;
        int64_t scores[WEIGHTS_OUTPUTS_MAX];
        struct weights_best best;

        if (!row_is_asked(row))
            continue;
        weights_score_text(&weights, &scratch, row->text, scores);
        best = weights_best(scores, weights.n_labels);
        sureness->leads[i] = (unsigned char)(best.lead + 1);
        if (row->label.len && counted) {
            sureness->labels[best.lead].all++;
            sureness->labels[best.lead].right += str_eq(weights.names[best.at], row->label);
        }
        best = weights_best(scores + weights.n_labels, weights.n_langs);
        sureness->langs[best.lead].all += counted;
        sureness->langs[best.lead].right += counted && best.at == row->lang;
        arena_reset(&scratch);
    }
    arena_finish(&scratch);
}

void sureness_write(struct sureness *sureness, struct str model)
{
    struct weights weights;
    char *tables;

    if (weights_open(model, &weights))
        abort();
    tables = (char *)weights.sure;
    even_out(sureness->labels, tables);
    even_out(sureness->langs, tables + WEIGHTS_STEPS);
}

/* --- telling ------------------------------------------------------------------------------ */

enum { SURE, HALF, UNSURE, DEGREES };

static unsigned degree(int percent)
{
    return percent >= SURE_CLASS ? SURE : percent >= HALF_SURE ? HALF : UNSURE;
}

static void tell_line(const char *kind, unsigned lang, const struct tally *tallies, FILE *out)
{
    double all = tallies[SURE].all + tallies[HALF].all + tallies[UNSURE].all;

    if (all == 0)
        return;
    (void)fprintf(out, "%-24s %-4s %6.0f", kind,
                  lang < LANG_COUNT ? lang_code((enum lang)lang) : "all", all);
    for (unsigned i = 0; i < DEGREES; i++) {
        (void)fprintf(out, "  %5.3f of %5.3f",
                      tallies[i].all > 0 ? tallies[i].right / tallies[i].all : 1.0,
                      tallies[i].all / all);
    }
    (void)fputc('\n', out);
}

void sureness_tell(const struct sureness *sureness, const struct rows *rows,
                   const struct str *labels, struct str model, FILE *out)
{
    static const char *const kinds[] = {"given", "own", "judged"};
    struct tally tallies[COUNTOF(kinds)][LANG_COUNT][DEGREES] = {0};
    struct weights weights;

    if (weights_open(model, &weights))
        abort();
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        unsigned kind = row->part == ROW_JUDGED ? 2 : row->own;
        struct tally *tally;

        if (!row_is_asked(row) || !row->label.len || !sureness->leads[i] ||
            row->lang >= LANG_COUNT)
            continue;
        tally = &tallies[kind][row->lang][degree(weights.sure[sureness->leads[i] - 1])];
        tally->all++;
        tally->right += str_eq(labels[i], row->label);
    }
    (void)fprintf(out, "%-24s lang      n  %14s  %14s  %14s\n", "right, of how many", "sure",
                  "half sure", "unsure");
    for (unsigned kind = 0; kind < COUNTOF(kinds); kind++) {
        for (unsigned lang = 0; lang < LANG_COUNT; lang++)
            tell_line(kinds[kind], lang, tallies[kind][lang], out);
    }
}
