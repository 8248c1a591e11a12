/*
 * parley-train: learns what sentences mean, tells what that is worth, and writes it down.
 */
#include "flows/understand/train/judge.h"
#include "flows/understand/train/learn.h"
#include "flows/understand/trained.h"

#include <getopt.h>
#include <stdlib.h>

static const char usage[] =
    "parley-train [--from MODEL] [--rows FILE]... [--judge FILE]... [--fasttext] --out MODEL\n"
    "             SENTENCES...\n"
    "\n"
    "Learns from SENTENCES (en.txt, es.txt, pl.txt, ar.txt, other.txt: see sentences/ for how\n"
    "they are written) and from rows, and writes the weights to --out.\n"
    "\n"
    "  --rows FILE    labelled messages, a JSON object a line: text, lang, intent, source\n"
    "  --judge FILE   sentences that are never learnt from\n"
    "  --from MODEL   goes on from what that model knows; \"built-in\" is Parley's own. The\n"
    "                 new one is written only if it is not worse.\n"
    "  --fasttext     fastText learns the same beside it, for comparison\n"
    "\n"
    "A fifth of the rows, of groups that resemble nothing that is learnt, is held back, and "
    "the\n"
    "table says how often each is right about them. What is written has learnt them, too.\n";

struct wish {
    const char *out;
    const char *from;
    bool fasttext;
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
        {0           }
    };
    bool good = true;
    int option;

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
        if (i >= weights->n_labels || !str_eq(weights->names[i], rows->labels[i]))
            return err_raise(err, ERR_REJECT, "%s knows no intent \"%.*s\"", name,
                             STR_ARG(rows->labels[i]));
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

static bool run(const struct wish *wish, struct rows *rows, struct arena *arena,
                struct err *err)
{
    struct learn_wish learning = {.strictness = 1.5, .own_times = 2};
    struct opinion opinions[3];
    struct weights before;
    struct str tried;
    struct str made;
    struct str old = STR_NONE;
    size_t n = 0;

    if (wish->from) {
        if (!open_before(rows, wish->from, &old, &before, err))
            return false;
        learning.from = &before;
        learning.strictness = 0.05;
    }
    rows_hold_back(rows);
    rows_add_slips(rows);
    rows_look(rows);
    tried = learn(rows, &learning, arena);
    opinions[n++] = judge_ask(rows, "now", tried, arena);
    if (wish->from)
        opinions[n++] = judge_ask(rows, "before", old, arena);
    if (wish->fasttext && judge_fasttext(rows, &opinions[n], arena))
        n++;
    judge_tell(rows, opinions, n, stdout);
    if (wish->from && !judge_allows(rows, &opinions[1], &opinions[0], err))
        return false;
    learning.held_too = true;
    made = learn(rows, &learning, arena);
    learn_sureness(rows, !wish->from, tried, made);
    opinions[0] = judge_ask(rows, "written, of the judged", made, arena);
    judge_tell_judged(rows, &opinions[0], stdout);
    return write_file(wish->out, made, err);
}

int main(int argc, char **argv)
{
    struct rows rows = {0};
    struct arena arena = {0};
    struct wish wish = {0};
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
