#include "flows/understand/train/judge.h"

#include "flows/understand/weights.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { LINES_MAX = 200, LOSS_MOST = 10 /* thousandths */ };

struct opinion judge_begin(const struct rows *rows, const char *name, struct arena *into)
{
    return (struct opinion){name, arena_array(into, struct str, rows->n)};
}

void judge_ask(const struct rows *rows, struct str model, struct opinion *opinion)
{
    struct arena scratch = {0};
    struct weights weights;

    if (weights_open(model, &weights))
        abort();
    for (size_t i = 0; i < rows->n; i++) {
        int64_t scores[WEIGHTS_OUTPUTS_MAX];

        if (!row_is_asked(&rows->items[i]) || !rows->items[i].label.len)
            continue;
        weights_score_text(&weights, &scratch, rows->items[i].text, scores);
        opinion->labels[i] = weights.names[weights_best(scores, weights.n_labels).at];
        arena_reset(&scratch);
    }
    arena_finish(&scratch);
}

/* --- fastText ----------------------------------------------------------------------------- */

static bool run(const char *out, const char *const *words)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    bool begun;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC,
                                           0600);
    (void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    begun = posix_spawnp(&pid, words[0], &actions, NULL, (char *const *)words, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    return begun && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Levelled words, as we see them ourselves. */
static void write_words(FILE *out, struct arena *scratch, struct str text)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    for (size_t i = 0; i < tokens.n; i++)
        (void)fprintf(out, " %.*s", STR_ARG(tokens.items[i]));
    (void)fputc('\n', out);
    arena_reset(scratch);
}

static void write_rows(const struct rows *rows, FILE *learnt, FILE *asked)
{
    struct arena scratch = {0};

    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        FILE *out = row->part == ROW_LEARNT ? learnt : asked;

        if (!row->label.len || (out == asked && row->slip))
            continue;
        for (int times = out == learnt && row->own && !row->slip ? 2 : 1; times > 0; times--) {
            (void)fprintf(out, "__label__%.*s", STR_ARG(row->label));
            write_words(out, &scratch, row->text);
        }
    }
    arena_finish(&scratch);
}

static void read_opinion(const struct rows *rows, FILE *in, struct opinion *opinion,
                         struct arena *into)
{
    char line[LINES_MAX];

    for (size_t i = 0; i < rows->n; i++) {
        if (!row_is_asked(&rows->items[i]) || !rows->items[i].label.len)
            continue;
        if (!fgets(line, sizeof(line), in))
            return;
        opinion->labels[i] = arena_str(
            into, str_trim(str_slice(str_from(line), strlen("__label__"), LINES_MAX)));
    }
}

bool judge_fasttext(const struct rows *rows, struct opinion *opinion, struct arena *into)
{
    const char *temporary = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): one thread
    char *folder;
    const char *model;
    const char *small;
    const char *learnt;
    const char *asked;
    const char *said;
    FILE *files[2];
    bool good;

    folder =
        (char *)arena_format(into, "%s/parley-train-XXXXXX", temporary ? temporary : "/tmp").at;
    if (!mkdtemp(folder))
        return false;
    model = arena_format(into, "%s/model", folder).at;
    small = arena_format(into, "%s/model.ftz", folder).at;
    learnt = arena_format(into, "%s/learnt", folder).at;
    asked = arena_format(into, "%s/asked", folder).at;
    said = arena_format(into, "%s/said", folder).at;
    files[0] = fopen(learnt, "w");
    files[1] = fopen(asked, "w");
    if (!files[0] || !files[1])
        return false;
    write_rows(rows, files[0], files[1]);
    (void)fclose(files[0]);
    (void)fclose(files[1]);
    good = run("/dev/null",
               (const char *const[]){
                   "fasttext",    "supervised", "-input",  learnt, "-output", model,
                   "-dim",        "32",         "-minn",   "2",    "-maxn",   "5",
                   "-wordNgrams", "2",          "-epoch",  "30",   "-lr",     "0.5",
                   "-bucket",     "200000",     "-thread", "1",    NULL}) &&
           run("/dev/null",
               (const char *const[]){"fasttext", "quantize", "-input", learnt, "-output", model,
                                     "-qnorm", "-retrain", "-epoch", "5", "-cutoff", "30000",
                                     "-thread", "1", NULL}) &&
           run(said, (const char *const[]){"fasttext", "predict", small, asked, NULL});
    files[0] = good ? fopen(said, "r") : NULL;
    if (files[0]) {
        read_opinion(rows, files[0], opinion, into);
        (void)fclose(files[0]);
    }
    (void)run("/dev/null", (const char *const[]){"rm", "-rf", folder, NULL});
    return files[0] != NULL;
}

/* --- telling ------------------------------------------------------------------------------ */

/* Headings, in their order; behind them each source that is only judged by, by intent. */
#define BY_SOURCE STR(" by source")
#define BY_KIND   STR("all, by what they want")

/* Rows that are told together. */
struct line {
    struct str what, kind;
    unsigned lang;
    int n;
    int right[4];
};

static struct line *line_of(struct line *lines, size_t *n, struct str kind, struct str what,
                            unsigned lang)
{
    for (size_t i = 0; i < *n; i++) {
        if (str_eq(lines[i].what, what) && str_eq(lines[i].kind, kind) && lines[i].lang == lang)
            return &lines[i];
    }
    lines[*n] = (struct line){.what = what, .kind = kind, .lang = lang};
    return &lines[(*n)++];
}

static int by_name(const void *left, const void *right)
{
    const struct line *a = left;
    const struct line *b = right;
    int order = str_compare(a->kind, b->kind);

    if (!order)
        order = str_compare(a->what, b->what);
    return order ? order : (int)a->lang - (int)b->lang;
}

static void count(struct line *line, const struct row *row, const struct opinion *opinions,
                  size_t n, size_t at)
{
    line->n++;
    for (size_t i = 0; i < n; i++)
        line->right[i] += str_eq(opinions[i].labels[at], row->label);
}

void judge_tell(const struct rows *rows, const struct opinion *opinions, size_t n, FILE *out)
{
    static struct line lines[LINES_MAX];
    size_t n_lines = 0;

    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        bool none = str_eq(row->label, STR("none_of_these"));

        if (!row_is_asked(row) || !row->label.len)
            continue;
        count(line_of(lines, &n_lines, BY_SOURCE, row->source, row->lang), row, opinions, n, i);
        count(line_of(lines, &n_lines, BY_KIND, none ? STR("of none") : STR("of one of ours"),
                      row->lang),
              row, opinions, n, i);
        if (row->part == ROW_JUDGED) {
            count(line_of(lines, &n_lines, row->source, row->label, ROW_LANG_OTHER), row,
                  opinions, n, i);
        }
    }
    qsort(lines, n_lines, sizeof(lines[0]), by_name);
    (void)fprintf(out, "%-24s lang      n", "");
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "  %8s", opinions[i].name);
    (void)fputc('\n', out);
    for (size_t i = 0; i < n_lines; i++) {
        const struct line *line = &lines[i];

        if (i == 0 || !str_eq(line->kind, lines[i - 1].kind))
            (void)fprintf(out, "%.*s\n", STR_ARG(line->kind));
        (void)fprintf(out, "  %-22.*s %-4s %6d", STR_ARG(line->what),
                      line->lang < LANG_COUNT ? lang_code((enum lang)line->lang) : "all",
                      line->n);
        for (size_t j = 0; j < n; j++)
            (void)fprintf(out, "  %8.3f", (double)line->right[j] / line->n);
        (void)fputc('\n', out);
    }
}

/* In thousandths; `own`: of sentences of our own, else of rows that were given. */
static int right_of(const struct rows *rows, const struct opinion *opinion, enum row_part part,
                    bool own, unsigned lang, int *all)
{
    int right = 0;

    *all = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];

        if (row->part != part || row->own != own || row->slip || !row->label.len ||
            (lang < LANG_COUNT && row->lang != lang))
            continue;
        ++*all;
        right += str_eq(opinion->labels[i], row->label);
    }
    return *all ? 1000 * right / *all : 0;
}

void judge_tell_judged(const struct rows *rows, const struct opinion *opinion, FILE *out)
{
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        int n;
        int right = right_of(rows, opinion, ROW_JUDGED, true, lang, &n);

        if (n) {
            (void)fprintf(out, "%-24s %-4s %6d  %4d.%d %%\n", opinion->name,
                          lang_code((enum lang)lang), n, right / 10, right % 10);
        }
    }
}

bool judge_allows(const struct rows *rows, const struct opinion *before,
                  const struct opinion *now, struct err *err)
{
    int n;
    int was = right_of(rows, before, ROW_HELD, false, ROW_LANG_OTHER, &n);
    int is = right_of(rows, now, ROW_HELD, false, ROW_LANG_OTHER, &n);

    if (is < was) {
        return err_raise(err, ERR_REJECT,
                         "worse than before about %d of the rows that were given: "
                         "%d.%d %%, not %d.%d %%",
                         n, is / 10, is % 10, was / 10, was % 10);
    }
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        was = right_of(rows, before, ROW_JUDGED, true, lang, &n);
        is = right_of(rows, now, ROW_JUDGED, true, lang, &n);
        if (is + LOSS_MOST < was) {
            return err_raise(
                err, ERR_REJECT, "worse than before in \"%s\": %d.%d %% of %d, not %d.%d %%",
                lang_code((enum lang)lang), is / 10, is % 10, n, was / 10, was % 10);
        }
    }
    return true;
}
