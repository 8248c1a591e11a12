#include "flows/understand/train/learn.h"

#include <stdlib.h>

static void quiet(const char *text)
{
    (void)text;
}

static void put_number(char *at, int64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(number >> (8 * i) & 0xFF);
}

/* --- the head ----------------------------------------------------------------------------- */

static void put_text(char *at, struct str text)
{
    memcpy(at, text.at, text.len);
}

static struct str begin_model(const struct rows *rows, struct arena *into)
{
    size_t size = weights_size(rows->n_labels, ROW_LANGS);
    char *bytes = arena_alloc(into, size);
    char *at = bytes + 16;

    put_text(bytes, STR("PARLEY\1\n"));
    put_number(bytes + 8, features_mark(), 4);
    put_number(bytes + 12, (int64_t)rows->n_labels, 2);
    put_number(bytes + 14, ROW_LANGS, 2);
    for (size_t i = 0; i < rows->n_labels; i++, at += WEIGHTS_NAME_MAX) {
        memcpy(at, rows->labels[i].at,
               rows->labels[i].len < WEIGHTS_NAME_MAX ? rows->labels[i].len : WEIGHTS_NAME_MAX);
    }
    for (unsigned i = 0; i < LANG_COUNT; i++, at += WEIGHTS_NAME_MAX)
        put_text(at, str_from(lang_code((enum lang)i)));
    put_text(at, STR("other"));
    return (struct str){bytes, size};
}

/* --- learning ----------------------------------------------------------------------------- */

static bool is_for(const struct rows *rows, const struct row *row,
                   const struct learn_wish *wish, bool langs)
{
    if (row->part == ROW_JUDGED || (row->part == ROW_HELD && !wish->held_too))
        return false;
    return langs || rows_label(rows, row->label) < rows->n_labels;
}

/* Where the parts of a model are. */
struct place {
    char *bytes;
    size_t n_names;
    size_t n_outputs; /* of a row */
};

/* What liblinear found for one output: a weight for each bucket, and behind them the bias. */
enum { BIAS_AT = FEATURE_BUCKETS, FOUND_WEIGHTS };

/* So much more than learnt speaks for "none of these": in doubt nothing is guessed. */
#define DOUBT 0.2

/* What was known counts so much more than what is new. */
#define FROM_COUNTS 4.0

/* What was known before stands behind the buckets: each output of it as one more feature. */
static double from_weight(const struct weights *from, size_t output, size_t bucket)
{
    return (double)from->rows[bucket * from->n_outputs + output] * from->scale[output] /
           WEIGHTS_SCALE;
}

static void take_found(const struct model *found, int class, const struct learn_wish *wish,
                       double weights[FOUND_WEIGHTS])
{
    for (int i = 0; i < FEATURE_BUCKETS; i++)
        weights[i] = get_decfun_coef(found, i + 1, class);
    weights[BIAS_AT] = get_decfun_bias(found, class);
    for (size_t j = 0; wish->from && j < wish->from->n_labels + wish->from->n_langs; j++) {
        double share = get_decfun_coef(found, FEATURE_BUCKETS + 1 + (int)j, class);

        for (size_t i = 0; i < FEATURE_BUCKETS; i++)
            weights[i] += share * FROM_COUNTS * from_weight(wish->from, j, i);
        weights[BIAS_AT] += share * FROM_COUNTS * wish->from->bias[j] / WEIGHTS_ONE;
    }
}

static void put_output(const struct place *place, size_t output,
                       const double weights[FOUND_WEIGHTS])
{
    char *head = place->bytes + 16 + place->n_names * WEIGHTS_NAME_MAX + output * 8;
    char *row = place->bytes + weights_head(place->n_names - ROW_LANGS, ROW_LANGS) + output;
    double most = 1e-9;

    for (size_t i = 0; i < FEATURE_BUCKETS; i++) {
        most = weights[i] > most ? weights[i] : most;
        most = -weights[i] > most ? -weights[i] : most;
    }
    for (size_t i = 0; i < FEATURE_BUCKETS; i++, row += place->n_outputs) {
        double share = weights[i] / most * 127;

        *row = (char)(signed char)(share < 0 ? share - 0.5 : share + 0.5);
    }
    put_number(head, (int64_t)(most / 127 * WEIGHTS_SCALE + 0.5), 4);
    put_number(head + 4, (int64_t)(weights[BIAS_AT] * WEIGHTS_ONE), 4);
}

/* A row's features, and what was known of it before. */
static struct feature_node *nodes_of(struct arena *scratch, const struct row *row,
                                     const struct weights *from)
{
    int64_t scores[WEIGHTS_OUTPUTS_MAX];
    size_t n_before = from ? from->n_labels + from->n_langs : 0;
    struct feature_node *nodes;
    size_t n = 0;

    if (!from)
        return row->nodes;
    while (row->nodes[n].index != -1)
        n++;
    nodes = arena_array(scratch, struct feature_node, n + n_before + 1);
    memcpy(nodes, row->nodes, n * sizeof(*nodes));
    weights_score_text(from, scratch, row->text, scores);
    for (size_t i = 0; i < n_before; i++) {
        nodes[n++] = (struct feature_node){FEATURE_BUCKETS + 1 + (int)i,
                                           (double)scores[i] / WEIGHTS_ONE * FROM_COUNTS};
    }
    nodes[n].index = -1;
    return nodes;
}

/* liblinear's bias is the last feature of each row. */
static struct feature_node *with_bias(struct arena *scratch, const struct feature_node *nodes,
                                      int index)
{
    struct feature_node *made;
    size_t n = 0;

    while (nodes[n].index != -1)
        n++;
    made = arena_array(scratch, struct feature_node, n + 2);
    memcpy(made, nodes, n * sizeof(*made));
    made[n] = (struct feature_node){index, 1};
    made[n + 1].index = -1;
    return made;
}

static void learn_side(const struct rows *rows, const struct learn_wish *wish, bool langs,
                       const struct place *place)
{
    struct arena scratch = {0};
    size_t room = rows->n * (size_t)wish->own_times;
    size_t n_before = wish->from ? wish->from->n_labels + wish->from->n_langs : 0;
    struct problem problem = {.n = FEATURE_BUCKETS + (int)n_before + 1, .bias = 1};
    struct parameter parameter = {
        .solver_type = L2R_L2LOSS_SVC_DUAL, .C = wish->strictness, .eps = 0.1};
    double *weights = arena_array(&scratch, double, FOUND_WEIGHTS);
    struct model *found;

    problem.x = arena_array(&scratch, struct feature_node *, room);
    problem.y = arena_array(&scratch, double, room);
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        struct feature_node *nodes;

        if (!is_for(rows, row, wish, langs))
            continue;
        nodes = with_bias(&scratch, nodes_of(&scratch, row, wish->from), problem.n);
        for (int times = row->own && !row->slip ? wish->own_times : 1; times > 0; times--) {
            problem.x[problem.l] = nodes;
            problem.y[problem.l++] = langs ? row->lang : (double)rows_label(rows, row->label);
        }
    }
    srand(1); /* liblinear shuffles by it */
    set_print_string_function(quiet);
    found = train(&problem, &parameter);
    for (int i = 0; i < found->nr_class; i++) {
        take_found(found, i, wish, weights);
        if (!langs && !wish->from &&
            str_eq(rows->labels[found->label[i]], STR("none_of_these")))
            weights[BIAS_AT] += DOUBT;
        put_output(place, (size_t)found->label[i] + (langs ? rows->n_labels : 0), weights);
    }
    free_and_destroy_model(&found);
    arena_finish(&scratch);
}

struct str learn(const struct rows *rows, const struct learn_wish *wish, struct arena *into)
{
    struct str bytes = begin_model(rows, into);
    struct place place = {.bytes = (char *)bytes.at,
                          .n_names = rows->n_labels + ROW_LANGS,
                          .n_outputs = (rows->n_labels + ROW_LANGS + 3) / 4 * 4};

    learn_side(rows, wish, false, &place);
    learn_side(rows, wish, true, &place);
    return bytes;
}
