/*
 * The stage keeps its file as the tree that it was read as, and looks things up in it anew for
 * each question: a transcript is short, and what stands in the file is what happens.
 */
#include "flows/play/stage.h"

#include "flows/engine/yaml.h"

#include <stdio.h>
#include <time.h>

#define SPAN_UNITS 100000 /* a line moves the clock so many units at most */

enum { LINES_MAX = 100, ROWS_WANTED = 11, SUFFIX_MIN = 3 };

/* A line of the transcript, or how often a list of outcomes was asked. */
struct own_answer {
    struct str name;
    const struct node *node;
};

struct asked {
    struct str name;
    size_t times;
};

struct stage {
    struct arena *arena;
    struct str file;
    const struct node *root; /* NULL: empty */
    usec_t now;
    struct str zone;
    struct own_answer own[LINES_MAX];
    size_t n_own;
    struct asked asked[LINES_MAX];
    size_t n_asked;
};

/* The moment at which transcripts begin when no file says another: 20 November 2026, 10:00. */
#define STAGE_NOW ((usec_t)1795168800 * USEC_PER_SEC)

/* --- values ------------------------------------------------------------------------------- */

struct reading {
    struct arena *into;
    const struct stage *stage;
};

static bool read_instant(struct str text, usec_t *at)
{
    struct tm tm = {0};
    char copy[32];
    int end = 0;

    if (text.len < 16 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy, "%4d-%2d-%2d %2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &end) != 5 ||
        (size_t)end != text.len)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *at = (usec_t)timegm(&tm) * USEC_PER_SEC;
    return true;
}

bool stage_span(struct str text, usec_t *span)
{
    static const struct {
        char letter;
        usec_t unit;
    } units[] = {
        {'s', USEC_PER_SEC },
        {'m', USEC_PER_MIN },
        {'h', USEC_PER_HOUR},
        {'d', USEC_PER_DAY },
    };
    int64_t n;

    if (text.len < 2 || !str_to_int(str_slice(text, 0, text.len - 1), &n) || n < 0 ||
        n > SPAN_UNITS)
        return false;
    for (size_t i = 0; i < COUNTOF(units); i++) {
        if (units[i].letter != text.at[text.len - 1])
            continue;
        *span = n * units[i].unit;
        return true;
    }
    return false;
}

/* "-3d", "+2h": from the beginning of the transcript. */
static bool read_distance(struct str text, usec_t *distance)
{
    bool back = str_starts(text, STR("-"));

    if ((!back && !str_starts(text, STR("+"))) ||
        !stage_span(str_slice(text, 1, text.len), distance))
        return false;
    if (back)
        *distance = -*distance;
    return true;
}

static bool read_amount(struct str text, struct money *money)
{
    size_t space = str_find(text, STR(" "));
    struct err ignored = {0};

    return space + 4 == text.len && money_parse(str_slice(text, 0, space),
                                                str_slice(text, space + 1, 3), money, &ignored);
}

static struct value scalar_value(const struct reading *reading, const struct node *node)
{
    struct str text = node->text;
    struct money money;
    int64_t number;
    usec_t at;

    if (node->quoted)
        return value_text(text);
    if (str_eq(text, STR("true")) || str_eq(text, STR("false")))
        return value_bool(str_eq(text, STR("true")));
    if (str_eq(text, STR("nothing")))
        return value_none();
    if (str_eq(text, STR("now")))
        return value_time(reading->stage->now);
    if (read_distance(text, &at))
        return value_time(reading->stage->now + at);
    if (read_instant(text, &at))
        return value_time(at);
    if (str_to_int(text, &number))
        return value_int(number);
    return read_amount(text, &money) ? value_money(money) : value_text(text);
}

static struct value value_of(const struct reading *reading, const struct node *node);

static struct value list_of(const struct reading *reading, const struct node *node)
{
    struct list *list = arena_new(reading->into, struct list);
    struct value *items = arena_array(reading->into, struct value, node->n + 1);
    size_t n = 0;

    for (const struct node *item = node->first; item; item = item->next)
        items[n++] = value_of(reading, item);
    *list = (struct list){items, n};
    return value_list(list);
}

static const struct record *record_of(const struct reading *reading, const struct node *node)
{
    struct record_builder record;

    record_build(&record, reading->into);
    for (const struct node *entry = node->first; entry; entry = entry->next)
        record_set(&record, entry->key, value_of(reading, entry));
    return record_built(&record);
}

static struct value value_of(const struct reading *reading, const struct node *node)
{
    switch (node->kind) {
    case NODE_LIST:
        return list_of(reading, node);
    case NODE_MAP:
        return value_record(record_of(reading, node));
    default:
        return scalar_value(reading, node);
    }
}

/* As it would be typed, to be compared: folded; nothing for what is not typed. */
static struct str typed(struct arena *into, struct value value)
{
    switch (value.kind) {
    case VALUE_TEXT:
        return str_fold(into, value.text);
    case VALUE_INT:
        return arena_format(into, "%lld", (long long)value.number);
    case VALUE_BOOL:
        return value.yes ? STR("true") : STR("false");
    default:
        return STR_NONE;
    }
}

/* --- the file ----------------------------------------------------------------------------- */

static bool refuse(const struct stage *stage, const struct node *node, struct err *err,
                   const char *reason)
{
    return err_raise(err, ERR_REJECT, "%.*s:%u: %s", STR_ARG(stage->file), node->line, reason);
}

static bool only(const struct stage *stage, const struct node *map, const char *const *names,
                 struct err *err)
{
    if (map->kind != NODE_MAP)
        return refuse(stage, map, err, "a map is expected here; see flows/play/stage.h");
    for (const struct node *entry = map->first; entry; entry = entry->next) {
        bool known = false;

        for (const char *const *name = names; *name; name++)
            known = known || str_eq(entry->key, str_from(*name));
        if (!known) {
            return refuse(stage, entry, err,
                          "this entry means nothing here; see docs/flows.md");
        }
    }
    return true;
}

static bool check_file(struct stage *stage, struct err *err)
{
    static const char *const names[] = {"now",    "zone",      "facts", "answers",
                                        "tables", "customers", NULL};
    static const char *const own[] = {"facts", "answers", "tables", NULL};
    const struct node *customers = node_get(stage->root, "customers");
    const struct node *now = node_get(stage->root, "now");
    const struct node *zone = node_get(stage->root, "zone");

    if (!only(stage, stage->root, names, err))
        return false;
    if (now && !read_instant(now->text, &stage->now))
        return refuse(stage, now, err, "a time such as 2026-11-20 10:00 is expected");
    if (zone && !locale_zone_exists(zone->text))
        return refuse(stage, zone, err, "there is no such time zone");
    if (zone)
        stage->zone = zone->text;
    for (const struct node *each = customers ? customers->first : NULL; each;
         each = each->next) {
        if (!only(stage, each, own, err))
            return false;
    }
    return true;
}

bool stage_read(struct arena *into, struct str file, struct str bytes, struct stage **stage,
                struct err *err)
{
    struct stage *read = stage_copy(into, NULL);

    read->file = file;
    if (!yaml_read(into, file, bytes, &read->root, err) || !check_file(read, err))
        return false;
    *stage = read;
    return true;
}

struct stage *stage_copy(struct arena *into, const struct stage *stage)
{
    struct stage *copy = arena_new(into, struct stage);

    *copy = stage ? *stage : (struct stage){.now = STAGE_NOW, .zone = STR("Europe/Dublin")};
    copy->arena = into;
    copy->n_own = 0;
    copy->n_asked = 0;
    return copy;
}

usec_t stage_now(const struct stage *stage)
{
    return stage->now;
}

struct str stage_zone(const struct stage *stage)
{
    return stage->zone;
}

/* --- lines of a transcript ---------------------------------------------------------------- */

bool stage_set(struct stage *stage, struct str line, struct err *err)
{
    const struct node *root;

    if (!yaml_read(stage->arena, STR("@"), str_trim(line), &root, err))
        return false;
    if (root->kind != NODE_MAP || root->n != 1 || stage->n_own == LINES_MAX)
        return err_raise(err, ERR_REJECT, "\"@ NAME: ANSWER\" is expected");
    stage->own[stage->n_own++] = (struct own_answer){root->first->key, root->first};
    return true;
}

/* The newest of that name. */
static const struct node *own_answer(const struct stage *stage, struct str name)
{
    for (size_t i = stage->n_own; i-- > 0;) {
        if (str_eq(stage->own[i].name, name))
            return stage->own[i].node;
    }
    return NULL;
}

static const struct node *get(const struct node *map, struct str name)
{
    for (const struct node *entry = map ? map->first : NULL; entry; entry = entry->next) {
        if (str_eq(entry->key, name))
            return entry;
    }
    return NULL;
}

static const struct node *of_customer(const struct stage *stage, struct str customer,
                                      const char *section, struct str name)
{
    const struct node *who = get(node_get(stage->root, "customers"), customer);
    const struct node *own = get(node_get(who, section), name);

    return own ? own : get(node_get(stage->root, section), name);
}

const struct record *stage_facts(const struct stage *stage, struct arena *into,
                                 struct str customer, const struct record *others)
{
    static const char *const names[] = {"business", "customer", "channel", "session"};
    const struct node *who = get(node_get(stage->root, "customers"), customer);
    const struct node *shared = node_get(stage->root, "facts");
    const struct node *own = node_get(who, "facts");
    struct reading reading = {into, stage};
    struct record_builder facts;

    record_build(&facts, into);
    if (others)
        record_set_all(&facts, others);
    if (shared)
        record_set_all(&facts, record_of(&reading, shared));
    if (own)
        record_set_all(&facts, record_of(&reading, own));
    for (size_t i = 0; i < COUNTOF(names); i++) {
        const struct node *node = own_answer(stage, str_from(names[i]));

        if (node)
            record_set(&facts, str_from(names[i]), value_of(&reading, node));
    }
    return record_built(&facts);
}

/* --- answering ---------------------------------------------------------------------------- */

struct question {
    struct reading reading;
    struct stage *stage;
    struct str customer;
    const struct flow_need *need;
    struct flow_answer *answer;
    struct err *err;
};

static bool fits_case(const struct question *question, const struct node *when)
{
    for (const struct node *entry = when ? when->first : NULL; entry; entry = entry->next) {
        struct value taken = record_get(question->need->takes, entry->key);
        struct str wanted = str_fold(question->reading.into, entry->text);

        if (!str_eq(typed(question->reading.into, taken), wanted))
            return false;
    }
    return true;
}

static bool field_fits(const struct question *question, const struct record *row,
                       const struct node *fields, struct str what, bool within)
{
    const struct node *field = fields->kind == NODE_LIST ? fields->first : fields;

    for (; field; field = fields->kind == NODE_LIST ? field->next : NULL) {
        struct str there = typed(question->reading.into, record_get(row, field->text));

        if (within ? str_find(there, what) < there.len
                   : str_eq(there, what) || (what.len >= SUFFIX_MIN && str_ends(there, what)))
            return true;
    }
    return false;
}

/* Whether a row is one that the taken variables ask for. */
static bool row_fits(const struct question *question, const struct record *row,
                     const struct node *rules, bool within)
{
    for (const struct node *rule = rules ? rules->first : NULL; rule; rule = rule->next) {
        struct value taken = record_get(question->need->takes, rule->key);
        struct str what = typed(question->reading.into, taken);

        if (what.len == 0 || (!within && str_eq(what, STR("all"))))
            continue;
        if (!field_fits(question, row, rule, what, within))
            return false;
    }
    return true;
}

static int64_t skipped(const struct question *question)
{
    struct value offset = record_get(question->need->takes, STR("offset"));

    return offset.kind == VALUE_INT ? offset.number : 0;
}

static bool select_rows(const struct question *question, const struct node *map,
                        const struct node *name, bool one)
{
    const struct node *table =
        of_customer(question->stage, question->customer, "tables", name->text);
    struct list *list = arena_new(question->reading.into, struct list);
    struct value *items;
    int64_t skip = skipped(question);
    size_t n = 0;

    if (table && table->kind != NODE_LIST)
        return refuse(question->stage, table, question->err, "a table is a list of rows");
    items = arena_array(question->reading.into, struct value, ROWS_WANTED);
    for (const struct node *node = table ? table->first : NULL; node && n < ROWS_WANTED;
         node = node->next) {
        const struct record *row = record_of(&question->reading, node);

        if (!row_fits(question, row, node_get(map, "is"), false) ||
            !row_fits(question, row, node_get(map, "has"), true) || (!one && skip-- > 0))
            continue;
        items[n++] = value_record(row);
    }
    *list = (struct list){items, n};
    if (one) {
        question->answer->value = n > 0 ? items[0] : value_none();
    } else {
        question->answer->value = value_list(list);
    }
    return true;
}

static bool give(const struct question *question, const struct node *node);

static bool give_case(const struct question *question, const struct node *cases)
{
    for (const struct node *item = cases->first; item; item = item->next) {
        const struct node *what = node_get(item, "give");

        if (!what)
            return refuse(question->stage, item, question->err, "a case wants a 'give'");
        if (fits_case(question, node_get(item, "when")))
            return give(question, what);
    }
    return refuse(question->stage, cases, question->err,
                  "no case fits; add one without 'when' at the end");
}

static const char *declared(const struct flow_need *need, struct str outcome)
{
    for (size_t i = 0; i < flow_parts_n; i++) {
        const struct flow_part *part = &flow_parts[i];

        if (part->kind != FLOW_ACTION || strcmp(part->name, need->name) != 0)
            continue;
        for (const char *const *name = part->outcomes; *name; name++) {
            if (str_eq(str_from(*name), outcome))
                return *name;
        }
    }
    return NULL;
}

static bool give_outcome(const struct question *question, const struct node *node)
{
    const struct node *outcome = node->kind == NODE_MAP ? node_get(node, "outcome") : node;

    if (!outcome || outcome->kind != NODE_SCALAR)
        return refuse(question->stage, node, question->err, "an action wants an 'outcome'");
    question->answer->outcome = declared(question->need, outcome->text);
    if (!question->answer->outcome) {
        return err_raise(question->err, ERR_REJECT, "%.*s:%u: %s never comes back with '%.*s'",
                         STR_ARG(question->stage->file), outcome->line, question->need->name,
                         STR_ARG(outcome->text));
    }
    if (node->kind == NODE_MAP)
        question->answer->value = value_record(record_of(&question->reading, node));
    return true;
}

/* The first of a list the first time, then the next; the last for ever. */
static const struct node *next_of(struct stage *stage, struct str name, const struct node *list)
{
    struct asked *asked = NULL;
    const struct node *item = list->first;

    for (size_t i = 0; i < stage->n_asked && !asked; i++)
        asked = str_eq(stage->asked[i].name, name) ? &stage->asked[i] : NULL;
    if (!asked && stage->n_asked < LINES_MAX) {
        asked = &stage->asked[stage->n_asked++];
        *asked = (struct asked){name, 0};
    }
    for (size_t i = 0; asked && i < asked->times && item->next; i++)
        item = item->next;
    if (asked)
        asked->times++;
    return item;
}

static bool give_rows(const struct question *question, const struct node *node)
{
    struct value all = list_of(&question->reading, node);
    struct list *page = arena_new(question->reading.into, struct list);
    size_t skip = (size_t)(skipped(question) > 0 ? skipped(question) : 0);

    skip = skip < all.list->n ? skip : all.list->n;
    *page = (struct list){all.list->items + skip, all.list->n - skip};
    page->n = page->n < ROWS_WANTED ? page->n : ROWS_WANTED;
    question->answer->value = value_list(page);
    return true;
}

static bool give(const struct question *question, const struct node *node)
{
    const struct node *cases = node_get(node, "cases");
    const struct node *rows = node_get(node, "rows");
    const struct node *row = node_get(node, "row");

    if (cases)
        return give_case(question, cases);
    if (question->need->kind == FLOW_ACTION) {
        if (node->kind == NODE_LIST && node->first)
            node = next_of(question->stage, str_from(question->need->name), node);
        return give_outcome(question, node);
    }
    if (rows || row)
        return select_rows(question, node, rows ? rows : row, row != NULL);
    if (node->kind == NODE_LIST)
        return give_rows(question, node);
    question->answer->value = value_of(&question->reading, node);
    return true;
}

bool stage_answer(struct stage *stage, struct arena *into, struct str customer,
                  const struct flow_need *need, struct flow_answer *answer, bool *known,
                  struct err *err)
{
    struct question question = {
        {into, stage},
        stage, customer, need, answer, err
    };
    const struct node *node = own_answer(stage, str_from(need->name));

    *answer = (struct flow_answer){.value = value_none()};
    if (!node)
        node = of_customer(stage, customer, "answers", str_from(need->name));
    *known = node != NULL;
    return !node || give(&question, node);
}
