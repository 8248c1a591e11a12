/*
 * parley-train: learns what sentences mean, tells what that is worth, and writes it down.
 */
#include "flows/understand/train/judge.h"
#include "flows/understand/train/learn.h"
#include "flows/understand/train/sure.h"
#include "flows/understand/trained.h"

#include <getopt.h>
#include <stdlib.h>

static const char usage[] =
    "parley-train [--from MODEL] [--rows FILE]... [--judge FILE]... [--fasttext] "
    "[--all-folds]\n"
    "             --out MODEL SENTENCES...\n"
    "\n"
    "Learns from SENTENCES (en.txt, es.txt, pl.txt, ar.txt, other.txt: see sentences/ for how\n"
    "they are written) and from rows, and writes the weights to --out.\n"
    "\n"
    "  --rows FILE    labelled messages, a JSON object a line: text, lang, intent, source\n"
    "  --judge FILE   sentences that are never learnt from\n"
    "  --from MODEL   goes on from what that model knows; \"built-in\" is Parley's own. The\n"
    "                 new one is written only if it is not worse.\n"
    "  --fasttext     fastText learns the same beside it, for comparison\n"
    "  --all-folds    each fifth is held back in turn, so that every row is judged\n"
    "\n"
    "A fifth of the rows, of groups that resemble nothing that is learnt, is held back, and "
    "the\n"
    "table says how often each is right about them. What is written has learnt them, too. "
    "What\n"
    "resembles a sentence of --judge is left out of everything.\n";

struct wish {
    const char *out;
    const char *from;
    bool fasttext;
    size_t folds;
};

static bool read_wish(int argc, char **argv, struct wish *wish, struct rows *rows,
                      struct err *err)
{
    static const struct option options[] = {
        {"from",             required_argument, NULL, 'm'},
        {"rows",              required_argument, NULL, 'r'},
        {"judge",                  required_argument, NULL, 'j'},
        {"out",required_argument, NULL, 'o'},
        {"fasttext",               no_argument, NULL, 'f'},
        {"all-folds",            no_argument, NULL, 'a'},
        {0             }
    };
    bool good = true;
    int option;

    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while (good && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            wish->from = optarg;
            break;
        case 'r':
            good = rows_read(rows, optarg, ROW_LEARNT, false, err);
            break;
        case 'j':
            good = rows_read(rows, optarg, ROW_JUDGED, true, err);
            break;
        case 'o':
            wish->out = optarg;
            break;
        case 'f':
            wish->fasttext = true;
            break;
        case 'a':
            wish->folds = ROW_FOLDS;
            break;
        default:
            return err_raise(err, ERR_REJECT, "called wrongly");
        }
    }
    while (good && optind < argc)
        good = rows_read(rows, argv[optind++], ROW_LEARNT, true, err);
    return good && (wish->out || err_raise(err, ERR_REJECT, "--out is missing"));
}

/* What was known before, and whether it has the labels that are asked of it now. */
static bool open_before(struct rows *rows, const char *name, struct str *bytes,
                        struct weights *weights, struct err *err)
{
    const char *wrong;

    *bytes = trained_bytes();
    if (strcmp(name, "built-in") != 0 && !rows_file(&rows->arena, name, bytes, err))
        return false;
    wrong = weights_open(*bytes, weights);
    if (wrong)
        return err_raise(err, ERR_REJECT, "%s: %s", name, wrong);
    for (size_t i = 0; i < weights->n_labels; i++) {
        if (!rows_add_label(rows, weights->names[i]))
            return err_raise(err, ERR_REJECT, "too many intents");
    }
    for (size_t i = 0; i < rows->n_labels; i++) {
        if (i >= weights->n_labels || !str_eq(weights->names[i], rows->labels[i])) {
            return err_raise(err, ERR_REJECT, "%s knows no intent \"%.*s\"", name,
                             STR_ARG(rows->labels[i]));
        }
    }
    return true;
}

static bool write_file(const char *name, struct str bytes, struct err *err)
{
    FILE *out = fopen(name, "wb");
    bool good = out && fwrite(bytes.at, 1, bytes.len, out) == bytes.len;

    if (out && fclose(out) != 0)
        good = false;
    return good || err_raise(err, ERR_RETRY, "%s cannot be written", name);
}

/* What is known of the rows by models that did not learn from them. */
struct trial {
    struct opinion opinions[3]; /* now, and maybe before and fastText */
    size_t n;
    struct sureness sureness;
};

/* A fold after the other is held back, the rest is learnt, and the held are asked about. */
static void try_out(const struct wish *wish, struct rows *rows,
                    const struct learn_wish *learning, struct str old, struct trial *trial,
                    struct arena *arena)
{
    /* Our own are the hardest; but what goes on from before has learnt them long ago. */
    struct sureness_wish counted = {
        .given = wish->from, .judged = wish->from, .own = !wish->from};
    struct opinion fasttext = judge_begin(rows, "fastText", arena);
    bool compared = wish->fasttext;

    trial->opinions[trial->n++] = judge_begin(rows, "now", arena);
    if (wish->from)
        trial->opinions[trial->n++] = judge_begin(rows, "before", arena);
    trial->sureness.leads = arena_array(arena, unsigned char, rows->n);
    for (size_t fold = 0; fold < wish->folds; fold++) {
        struct str tried;

        rows_hold_back(rows, fold, fold + 1);
        tried = learn(rows, learning, arena);
        judge_ask(rows, tried, &trial->opinions[0]);
        if (wish->from)
            judge_ask(rows, old, &trial->opinions[1]);
        compared = compared && judge_fasttext(rows, &fasttext, arena);
        sureness_count(&trial->sureness, rows, counted, tried);
    }
    rows_hold_back(rows, 0, wish->folds);
    if (compared)
        trial->opinions[trial->n++] = fasttext;
}

static bool run(const struct wish *wish, struct rows *rows, struct arena *arena,
                struct err *err)
{
    struct learn_wish learning = {.strictness = 0.7, .own_times = 2};
    struct trial trial = {0};
    struct opinion written;
    struct weights before;
    struct str made;
    struct str old = STR_NONE;

    if (wish->from) {
        if (!open_before(rows, wish->from, &old, &before, err))
            return false;
        learning.from = &before;
        learning.strictness = 0.05;
    }
    rows_group(rows);
    rows_add_slips(rows);
    rows_look(rows);
    try_out(wish, rows, &learning, old, &trial, arena);
    judge_tell(rows, trial.opinions, trial.n, stdout);
    if (wish->from && !judge_allows(rows, &trial.opinions[1], &trial.opinions[0], err))
        return false;
    learning.held_too = true;
    made = learn(rows, &learning, arena);
    sureness_write(&trial.sureness, made);
    sureness_tell(&trial.sureness, rows, trial.opinions[0].labels, made, stdout);
    written = judge_begin(rows, "written, of the judged", arena);
    judge_ask(rows, made, &written);
    judge_tell_judged(rows, &written, stdout);
    return write_file(wish->out, made, err);
}

int main(int argc, char **argv)
{
    struct rows rows = {0};
    struct arena arena = {0};
    struct wish wish = {.folds = 1};
    struct err err = {0};
    bool good = read_wish(argc, argv, &wish, &rows, &err);

    if (!good)
        (void)fputs(usage, stderr);
    good = good && run(&wish, &rows, &arena, &err);
    if (!good)
        (void)fprintf(stderr, "parley-train: %s\n", err.text);
    arena_finish(&arena);
    arena_finish(&rows.arena);
    free(rows.items);
    return good ? 0 : 1;
}
