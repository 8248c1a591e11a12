#include "templates/paper.h"

#include <string.h>

/* What each kind has, in this order; what the facts do not have is left out. The label of
 * "due_at" is the key "paper.label.due_at". */
#define LINES_MAX 8
static const struct {
    const char *name;
    const char *facts[LINES_MAX];
    const char *totals[LINES_MAX];
    const char *strong; /* the one of the totals that matters */
    const char *at;     /* the fact that says when the paper was made out */
} kinds[PAPER_KINDS] = {
    [PAPER_ORDER] = {"order",
                     {"placed_at", "status", "expected_at", "delivered_at"},
                     {"subtotal", "tax", "shipping", "total", "paid"},
                     "total",       "placed_at"},
    [PAPER_INVOICE] = {"invoice",
                     {"issued_at", "due_at", "order_number", "status"},
                     {"subtotal", "tax", "total", "paid", "refunded", "outstanding"},
                     "outstanding", "issued_at"},
    [PAPER_RECEIPT] = {"receipt",
                     {"paid_at", "invoice_number", "order_number", "method", "reference"},
                     {"amount", "outstanding"},
                     "amount",      "paid_at"  },
};

static const char *const columns[PAPER_COLUMNS] = {
    [PAPER_ITEM] = "description",
    [PAPER_QUANTITY] = "qty",
    [PAPER_PRICE] = "unit_price",
    [PAPER_AMOUNT] = "line_total",
};

bool paper_kind_parse(struct str name, enum paper_kind *kind)
{
    for (unsigned i = 0; i < PAPER_KINDS; i++) {
        if (str_eq(name, str_from(kinds[i].name))) {
            *kind = (enum paper_kind)i;
            return true;
        }
    }
    return false;
}

static struct str words_of(struct arena *into, const struct paper_ask *ask,
                           const struct record *values, struct str key)
{
    return words_render(into, ask->words, &ask->locale, key, values, NULL);
}

static struct str formatted(struct arena *into, const struct paper_ask *ask, struct str key,
                            const char *name, struct value value)
{
    struct record_builder values;

    record_build(&values, into);
    record_set(&values, str_from(name), value);
    return words_of(into, ask, record_built(&values), key);
}

/* A quantity is a number, or a decimal one as text. */
static struct str quantity(struct arena *into, const struct paper_ask *ask, struct value value)
{
    return formatted(into, ask, STR("paper.as.number"), "qty", value);
}

/* A value as it is shown by its kind. What somebody typed stays as it was typed: a paper has no
 * markup that it could be taken for. */
static struct str shown(struct arena *into, const struct paper_ask *ask, struct value value)
{
    switch (value.kind) {
    case VALUE_TEXT:
        return str_sane(into, value.text);
    case VALUE_TIME:
        return formatted(into, ask, STR("paper.as.date"), "at", value);
    case VALUE_MONEY:
        return formatted(into, ask, STR("paper.as.money"), "total", value);
    case VALUE_INT:
        return quantity(into, ask, value);
    default:
        return STR_NONE;
    }
}

static struct str fact_of(struct arena *into, const struct paper_ask *ask, const char *name)
{
    struct value value = record_get(ask->facts, str_from(name));

    if (value.kind != VALUE_NONE && strcmp(name, "status") == 0) {
        return words_of(into, ask, ask->facts,
                        arena_format(into, "paper.status.%s", kinds[ask->kind].name));
    }
    return shown(into, ask, value);
}

static struct paper_pair *pairs_of(struct arena *into, const struct paper_ask *ask,
                                   const char *const *names, size_t *n)
{
    struct paper_pair *pairs = arena_array(into, struct paper_pair, LINES_MAX);

    *n = 0;
    for (size_t i = 0; i < LINES_MAX && names[i] != NULL; i++) {
        struct str value = fact_of(into, ask, names[i]);
        if (value.len == 0)
            continue;
        pairs[(*n)++] = (struct paper_pair){
            .label = words_of(into, ask, NULL, arena_format(into, "paper.label.%s", names[i])),
            .value = value,
            .strong = strcmp(names[i], kinds[ask->kind].strong) == 0};
    }
    return pairs;
}

static void write_rows(struct arena *into, const struct paper_ask *ask, struct paper *paper)
{
    struct value items = record_get(ask->facts, STR("items"));
    size_t n = items.kind == VALUE_LIST ? items.list->n : 0;

    paper->rows = arena_alloc(into, (n + 1) * sizeof *paper->rows);
    for (size_t i = 0; i < n; i++) {
        if (items.list->items[i].kind != VALUE_RECORD)
            continue;
        for (unsigned column = 0; column < PAPER_COLUMNS; column++) {
            struct value value =
                record_get(items.list->items[i].record, str_from(columns[column]));
            paper->rows[paper->n_rows][column] =
                column == PAPER_QUANTITY ? quantity(into, ask, value) : shown(into, ask, value);
        }
        paper->n_rows++;
    }
    for (unsigned column = 0; n > 0 && column < PAPER_COLUMNS; column++) {
        paper->heads[column] =
            words_of(into, ask, NULL, arena_format(into, "paper.column.%s", columns[column]));
    }
}

/* For whom: the name, then the lines of the address. */
static struct str write_to(struct arena *into, const struct record *facts)
{
    static const char *const lines[] = {"customer_name", "company", "address"};
    struct str to = STR_NONE;

    for (size_t i = 0; i < COUNTOF(lines); i++) {
        struct value value = record_get(facts, str_from(lines[i]));
        if (value.kind == VALUE_TEXT && value.text.len > 0) {
            to = arena_format(into, "%.*s%s%.*s", STR_ARG(to), to.len > 0 ? "\n" : "",
                              STR_ARG(str_sane(into, value.text)));
        }
    }
    return to;
}

/* Letters, digits and '-' of the number; a file's name has to be good everywhere. */
static struct str filename_of(struct arena *into, const char *kind, struct str number)
{
    char plain[64];
    size_t n = 0;

    for (size_t i = 0; i < number.len && n + 1 < sizeof plain; i++) {
        char c = number.at[i];
        bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!good)
            c = '-';
        if (good || (n > 0 && plain[n - 1] != '-'))
            plain[n++] = c;
    }
    while (n > 0 && plain[n - 1] == '-')
        n--;
    return arena_format(into, "%s-%.*s.pdf", kind, (int)n, plain);
}

void paper_write(struct arena *into, const struct paper_ask *ask, struct paper *paper)
{
    const char *kind = kinds[ask->kind].name;
    struct value at = record_get(ask->facts, str_from(kinds[ask->kind].at));
    struct value notes = record_get(ask->facts, STR("notes"));

    *paper = (struct paper){
        .lang = ask->locale.lang,
        .title = words_of(into, ask, NULL, arena_format(into, "paper.title.%s", kind)),
        .number = shown(into, ask, record_get(ask->facts, STR("number"))),
        .from = ask->from,
        .logo = ask->logo,
        .to = write_to(into, ask->facts),
        .notes = shown(into, ask, notes),
        .at = at.kind == VALUE_TIME ? at.time : 0};
    if (paper->to.len > 0)
        paper->to_label = words_of(into, ask, NULL, STR("paper.to"));
    paper->facts = pairs_of(into, ask, kinds[ask->kind].facts, &paper->n_facts);
    paper->totals = pairs_of(into, ask, kinds[ask->kind].totals, &paper->n_totals);
    write_rows(into, ask, paper);
    paper->filename = filename_of(into, kind, paper->number);
}
