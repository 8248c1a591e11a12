#include "flows/understand/train/rows.h"

#include "bot/base/json.h"
#include "flows/understand/letters.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BYTES_MAX = 64 << 20,
    CHOICES_MAX = 8, /* pairs of braces in a line */
    MADE_MAX = 10,   /* sentences of a line */
    NONSENSE_ONE_IN = 20,
    ALIKE = 60, /* percent of their words that rows of a group share */
    CROWD = 400 /* a word of more rows than that tells nothing */
};

/* --- reading ------------------------------------------------------------------------------ */

bool rows_file(struct arena *into, const char *name, struct str *bytes, struct err *err)
{
    FILE *file = fopen(name, "rb");
    long size = -1;
    char *room;

    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size < 0 || size > BYTES_MAX) {
        if (file)
            (void)fclose(file);
        return err_raise(err, ERR_REJECT, "%s cannot be read", name);
    }
    rewind(file);
    room = arena_alloc(into, (size_t)size + 1);
    *bytes = (struct str){room, fread(room, 1, (size_t)size, file)};
    (void)fclose(file);
    return true;
}

static struct row *add(struct rows *rows, const struct row *like)
{
    if (rows->n == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 1024;
        rows->items = realloc(rows->items, rows->room * sizeof(*rows->items));
        if (!rows->items)
            abort();
    }
    rows->items[rows->n] = *like;
    return &rows->items[rows->n++];
}

size_t rows_label(const struct rows *rows, struct str label)
{
    size_t at = 0;

    while (at < rows->n_labels && !str_eq(rows->labels[at], label))
        at++;
    return at;
}

bool rows_add_label(struct rows *rows, struct str label)
{
    size_t at = rows->n_labels;

    if (!label.len || rows_label(rows, label) < rows->n_labels)
        return true;
    if (at == ROW_LABELS_MAX)
        return false;
    while (at > 0 && str_compare(label, rows->labels[at - 1]) < 0) {
        rows->labels[at] = rows->labels[at - 1];
        at--;
    }
    rows->labels[at] = label;
    rows->n_labels++;
    return true;
}

static bool read_json(struct rows *rows, struct row *like, struct str text, const char *file,
                      struct err *err)
{
    struct str line;
    int number = 0;

    while (str_split(&text, '\n', &line)) {
        OWNED_JSON(doc) = NULL;
        enum lang lang;

        number++;
        if (!str_trim(line).len)
            continue;
        if (!json_read(line, &doc, err))
            return err_wrap(err, "%s:%d", file, number);
        like->text = json_text(&rows->arena, doc, "text");
        like->label = json_text(&rows->arena, doc, "intent");
        like->source = json_text(&rows->arena, doc, "source");
        if (!like->text.len || !like->label.len ||
            !lang_parse(json_text(&rows->arena, doc, "lang"), &lang) ||
            !rows_add_label(rows, like->label)) {
            return err_raise(
                err, ERR_REJECT,
                "%s:%d: a row has a text, an intent and a lang of en, es, pl or ar", file,
                number);
        }
        like->source = str_slice(like->source, 0, str_find(like->source, STR("/")));
        if (!like->source.len)
            like->source = STR("given");
        like->lang = (unsigned)lang;
        like->group = rows->n;
        (void)add(rows, like);
    }
    return true;
}

/* --- sentences ---------------------------------------------------------------------------- */

/* The line with the `turn`-th choice of each pair of braces, each pair turning at its own pace.
 * `most`: the most choices of any pair. */
static struct str choose(struct arena *arena, struct str line, size_t turn, size_t *most)
{
    struct str made = STR_NONE;
    size_t pair = 0;

    *most = 1;
    while (line.len) {
        size_t open = str_find(line, STR("{"));
        struct str inner = str_slice(line, open + 1, str_find(line, STR("}")) - open - 1);
        struct str choices[CHOICES_MAX];
        size_t n = 0;

        made = arena_concat(arena, made, str_slice(line, 0, open));
        if (open >= line.len)
            break;
        line = str_slice(line, open + 1 + inner.len + 1, line.len);
        while (n < CHOICES_MAX && str_split(&inner, '|', &choices[n]))
            n++;
        if (n)
            made = arena_concat(arena, made, choices[(turn * (pair + 1) + pair) % n]);
        *most = n > *most ? n : *most;
        pair++;
    }
    return made;
}

static bool read_sentences(struct rows *rows, struct row *like, struct str text,
                           const char *file, struct err *err)
{
    struct str line;
    int number = 0;

    like->label = STR_NONE;
    while (str_split(&text, '\n', &line)) {
        size_t most = 1;

        number++;
        if (!str_trim(line).len || line.at[0] == '#')
            continue;
        if (line.at[0] != ' ') {
            like->label = str_trim(line);
            if (like->lang != ROW_LANG_OTHER && !rows_add_label(rows, like->label))
                return err_raise(err, ERR_REJECT, "%s:%d: too many intents", file, number);
            if (like->lang == ROW_LANG_OTHER)
                like->label = STR_NONE;
            continue;
        }
        like->group = rows->n;
        for (size_t turn = 0; turn < most && turn < MADE_MAX; turn++) {
            like->text = choose(&rows->arena, str_trim(line), turn, &most);
            (void)add(rows, like);
        }
    }
    return true;
}

bool rows_read(struct rows *rows, const char *file, enum row_part part, bool own,
               struct err *err)
{
    struct str name = str_from(file);
    struct str text = STR_NONE;
    struct row like = {.part = part, .own = own, .lang = ROW_LANG_OTHER};
    enum lang lang;

    if (!rows_file(&rows->arena, file, &text, err))
        return false;
    if (str_ends(name, STR(".jsonl")))
        return read_json(rows, &like, text, file, err);
    if (!str_ends(name, STR(".txt")))
        return err_raise(err, ERR_REJECT, "%s: rows are .jsonl, sentences LANG.txt", file);
    name = str_slice(name, 0, name.len - 4);
    like.source = part == ROW_JUDGED ? STR("judged") : STR("own");
    while (str_find(name, STR("/")) < name.len) {
        if (part == ROW_JUDGED)
            like.source = str_slice(name, 0, str_find(name, STR("/")));
        name = str_slice(name, str_find(name, STR("/")) + 1, name.len);
    }
    if (lang_parse(name, &lang)) {
        like.lang = (unsigned)lang;
    } else if (!str_eq(name, STR("other"))) {
        return err_raise(err, ERR_REJECT, "%s: sentences are named en, es, pl, ar or other",
                         file);
    }
    return read_sentences(rows, &like, text, file, err);
}

/* --- groups ------------------------------------------------------------------------------- */

/* A word of a row, for finding rows that share it. */
struct use {
    uint32_t word;
    uint32_t row;
};

struct bag {
    uint32_t words[TOKENS_MAX]; /* sorted, no word twice */
    size_t n;
};

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static void fill_bag(struct arena *scratch, struct str text, struct bag *bag)
{
    struct tokens tokens;
    size_t n = 0;

    tokens_read(scratch, text, &tokens);
    for (size_t i = 0; i < tokens.n; i++)
        bag->words[i] = letters_hash(tokens.items[i]);
    qsort(bag->words, tokens.n, sizeof(bag->words[0]), by_number);
    for (size_t i = 0; i < tokens.n; i++) {
        if (i == 0 || bag->words[i] != bag->words[i - 1])
            bag->words[n++] = bag->words[i];
    }
    bag->n = n;
}

static bool are_alike(const struct bag *a, const struct bag *b)
{
    size_t both = 0;

    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        both += a->words[i] == b->words[j];
        if (a->words[i] < b->words[j]) {
            i++;
        } else {
            j++;
        }
    }
    return both && 100 * both >= ALIKE * (a->n + b->n - both);
}

static size_t group_of(struct rows *rows, size_t at)
{
    while (rows->items[at].group != at) {
        rows->items[at].group = rows->items[rows->items[at].group].group;
        at = rows->items[at].group;
    }
    return at;
}

static void join_users(struct rows *rows, const struct bag *bags, const struct use *uses,
                       size_t n)
{
    if (n > CROWD)
        return;
    for (size_t i = 1; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            size_t a = group_of(rows, uses[i].row);
            size_t b = group_of(rows, uses[j].row);

            if (a != b && are_alike(&bags[uses[i].row], &bags[uses[j].row]))
                rows->items[a].group = b;
        }
    }
}

static uint32_t scatter(uint64_t number)
{
    number = (number ^ (number >> 31)) * UINT64_C(0x9E3779B97F4A7C15);
    number = (number ^ (number >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)(number >> 32);
}

static bool is_like_judged(const struct rows *rows, const struct bag *bags, size_t at)
{
    for (size_t j = 0; j < rows->n; j++) {
        if (rows->items[j].part == ROW_JUDGED && are_alike(&bags[at], &bags[j]))
            return true;
    }
    return false;
}

/* What resembles a row that is only judged by would tell the answer. */
static void leave_out(struct arena *scratch, struct rows *rows, const struct bag *bags)
{
    bool *out = arena_array(scratch, bool, rows->n);
    size_t kept = 0;

    for (size_t i = 0; i < rows->n; i++)
        out[i] = rows->items[i].part != ROW_JUDGED && is_like_judged(rows, bags, i);
    for (size_t i = 0; i < rows->n; i++) {
        if (!out[i])
            rows->items[kept++] = rows->items[i];
    }
    rows->n_left_out = rows->n - kept;
    rows->n = kept;
}

void rows_group(struct rows *rows)
{
    struct arena scratch = {0};
    struct bag *bags = arena_array(&scratch, struct bag, rows->n);
    struct use *uses = arena_array(&scratch, struct use, rows->n * TOKENS_MAX);
    size_t n = 0;

    for (size_t i = 0; i < rows->n; i++) {
        fill_bag(&scratch, rows->items[i].text, &bags[i]);
        for (size_t j = 0; j < bags[i].n; j++)
            uses[n++] = (struct use){bags[i].words[j], (uint32_t)i};
    }
    qsort(uses, n, sizeof(*uses), by_number);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i; next < n && uses[next].word == uses[i].word;)
            next++;
        join_users(rows, bags, &uses[i], next - i);
    }
    for (size_t i = 0; i < rows->n; i++)
        rows->items[i].group = group_of(rows, i);
    leave_out(&scratch, rows, bags);
    arena_finish(&scratch);
}

void rows_hold_back(struct rows *rows, size_t from, size_t to)
{
    for (size_t i = 0; i < rows->n; i++) {
        struct row *row = &rows->items[i];
        size_t fold = scatter(row->group + 1) % ROW_FOLDS;

        if (row->part != ROW_JUDGED)
            row->part = fold >= from && fold < to ? ROW_HELD : ROW_LEARNT;
    }
}

/* --- slips -------------------------------------------------------------------------------- */

/* Two letters swapped, one left out or one typed twice, somewhere in a longer word. */
static struct str with_slip(struct arena *arena, struct str text, uint32_t chance)
{
    uint32_t points[512];
    char *out = arena_alloc(arena, 4 * text.len + 8);
    size_t n = 0;
    size_t len = 0;
    size_t place;

    for (size_t at = 0; at < text.len && n < COUNTOF(points);)
        points[n++] = letter_next(text, &at);
    if (n < 5)
        return text;
    place = 1 + chance % (n - 3);
    for (size_t i = 0; i < n; i++) {
        if (i == place && chance >> 16 & 1)
            continue;
        if (i == place && !(chance >> 17 & 1) && points[i] != ' ' && points[i + 1] != ' ') {
            len += letter_put(out + len, points[i + 1]);
            len += letter_put(out + len, points[i]);
            i++;
            continue;
        }
        len += letter_put(out + len, points[i]);
        if (i == place)
            len += letter_put(out + len, points[i]);
    }
    return (struct str){out, len};
}

/* The first words with their letters at other places: it looks like a language, and is none. */
static struct str nonsense(struct arena *arena, struct str text, uint32_t chance)
{
    uint32_t points[40];
    char *out = arena_alloc(arena, 4 * COUNTOF(points));
    size_t most = 8 + chance % 28;
    size_t n = 0;
    size_t len = 0;

    for (size_t at = 0; at < text.len && n < most;)
        points[n++] = letter_next(text, &at);
    for (size_t i = n; i > 1; i--) {
        size_t other = scatter(chance + i) % i;
        uint32_t kept = points[i - 1];

        points[i - 1] = points[other];
        points[other] = kept;
    }
    for (size_t i = 0; i < n; i++)
        len += letter_put(out + len, points[i]);
    return (struct str){out, len};
}

static bool is_own(const struct row *row)
{
    return row->own && row->part != ROW_JUDGED;
}

void rows_add_slips(struct rows *rows)
{
    size_t n = rows->n;
    size_t none = rows_label(rows, STR("none_of_these"));

    for (size_t i = 0; i < n; i++) {
        struct row row = rows->items[i];

        if (!is_own(&row))
            continue;
        row.text = with_slip(&rows->arena, row.text, scatter(i + 7));
        row.slip = true;
        (void)add(rows, &row);
        if (none == rows->n_labels || row.lang == ROW_LANG_OTHER || i % NONSENSE_ONE_IN != 0)
            continue;
        row.text = nonsense(&rows->arena, rows->items[i].text, scatter(i + 11));
        row.label = rows->labels[none];
        row.lang = ROW_LANG_OTHER;
        (void)add(rows, &row);
    }
}

/* --- features ----------------------------------------------------------------------------- */

static int by_index(const void *left, const void *right)
{
    return ((const struct feature_node *)left)->index -
           ((const struct feature_node *)right)->index;
}

static double root(double of)
{
    double guess = of > 1 ? of : 1;

    for (int i = 0; i < 60; i++)
        guess = (guess + of / guess) / 2;
    return guess;
}

void rows_look(struct rows *rows)
{
    struct arena scratch = {0};

    for (size_t i = 0; i < rows->n; i++) {
        struct row *row = &rows->items[i];
        struct features *features = arena_new(&scratch, struct features);
        struct tokens tokens;
        double length;

        tokens_read(&scratch, row->text, &tokens);
        features_read(&tokens, features);
        length = root((double)features->square);
        row->nodes = arena_array(&rows->arena, struct feature_node, features->n + 1);
        for (size_t j = 0; j < features->n; j++) {
            row->nodes[j] = (struct feature_node){features->items[j].bucket + 1,
                                                  features->items[j].weight / length};
        }
        qsort(row->nodes, features->n, sizeof(row->nodes[0]), by_index);
        row->nodes[features->n].index = -1;
        arena_reset(&scratch);
    }
    arena_finish(&scratch);
}
