/*
 * An action's value is made from what words ask of it: {{action.total}} wants an amount, and in
 * {{> why.(action.why)}} the value must be such that there is a key of that name.
 */
#include "tests/support/chance.h"

#include "flows/engine/book.h"
#include "templates/catalog.h"

uint32_t chance_draw(struct chance *chance, uint32_t below)
{
    if (below == 0)
        return 0;
    chance->random = chance->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(chance->random >> 33) % below;
}

/* --- values ------------------------------------------------------------------------------- */

static struct value made_up(struct chance *chance, struct str name)
{
    struct money money = {.minor = 1 + chance_draw(chance, 9999999), .currency = "EUR"};
    usec_t hour = (usec_t)chance_draw(chance, 2000) - 1000;

    if (str_ends(name, STR("_at")) || str_eq(name, STR("at")) || str_eq(name, STR("until")) ||
        str_eq(name, STR("last_visit")))
        return value_time((usec_t)1795168800 * USEC_PER_SEC + hour * USEC_PER_HOUR);
    if (str_ends(name, STR("total")) || str_eq(name, STR("amount")))
        return value_money(money);
    if (str_ends(name, STR("_count")) || str_eq(name, STR("files")) ||
        str_eq(name, STR("lost")) || str_eq(name, STR("left")) ||
        str_eq(name, STR("minutes")) || str_eq(name, STR("remaining")))
        return value_int(1 + chance_draw(chance, 30));
    if (str_eq(name, STR("url")))
        return value_text(STR("https://example.com/something"));
    return value_text(str_eq(name, STR("number")) ? STR("ORD-1004") : STR("something"));
}

/* What an action's value is called: by the action's name, and by the variables that keep it. */
struct called {
    struct str names[8];
    size_t n;
};

static void add_kept(struct called *called, const struct moves *moves)
{
    for (size_t i = 0; i < moves->n; i++) {
        for (size_t j = 0; j < moves->items[i].sets.n; j++) {
            const struct binding *set = &moves->items[i].sets.items[j];

            if (set->value.is_path && str_eq(set->value.path, called->names[0]) &&
                called->n < COUNTOF(called->names))
                called->names[called->n++] = set->name;
        }
    }
}

static struct called called_of(const struct book *book, struct str action)
{
    struct called called = {.names = {action}, .n = 1};

    for (size_t i = 0; i < book->n_flows; i++) {
        for (size_t j = 0; j < book->flows[i].n_states; j++) {
            const struct state_def *state = &book->flows[i].states[j];

            for (size_t k = 0; k < state->outcomes.n; k++)
                add_kept(&called, &state->outcomes.items[k].moves);
        }
    }
    return called;
}

/* "action.field" when the path is of this action. */
static bool field_of(struct str path, const struct called *action, struct str *field)
{
    for (size_t i = 0; i < action->n; i++) {
        struct str name = action->names[i];

        if (!str_starts(path, name) || path.len <= name.len + 1 || path.at[name.len] != '.')
            continue;
        *field = str_slice(path, name.len + 1, path.len);
        return str_find(*field, STR(".")) == field->len;
    }
    return false;
}

/* The pieces of one key that the name may mean become the fields that it is named by. */
static void set_by_key(struct record_builder *value, struct str name, struct str key,
                       const struct called *action)
{
    struct str rest = name;
    struct str piece;
    struct str field;
    bool is_path;

    while (key_next_piece(&rest, &piece, &is_path)) {
        size_t len = is_path ? str_find(key, STR(".")) : piece.len;

        if (is_path && field_of(piece, action, &field))
            record_set(value, field, value_text(str_slice(key, 0, len)));
        key = str_slice(key, len, key.len);
    }
}

static bool speaks_of(struct str name, const struct called *action)
{
    struct str rest = name;
    struct str piece;
    struct str field;
    bool is_path;

    while (key_next_piece(&rest, &piece, &is_path)) {
        if (is_path && field_of(piece, action, &field))
            return true;
    }
    return false;
}

static void set_names(struct chance *chance, struct record_builder *value, struct str name,
                      const struct called *action)
{
    const struct words *words = book_words(chance->book);
    size_t from = chance_draw(chance, (uint32_t)words->n);

    for (size_t i = 0; i < words->n; i++) {
        struct str key = words->entries[(from + i) % words->n]->key;

        if (words_name_fits(name, key)) {
            set_by_key(value, name, key, action);
            return;
        }
    }
}

static void set_text(struct chance *chance, struct record_builder *value,
                     const struct text *text, const struct called *action)
{
    for (size_t i = 0; i < text->n; i++) {
        const struct step *step = &text->steps[i];
        struct str field;

        if (step->kind == STEP_KEY && speaks_of(step->text, action)) {
            set_names(chance, value, step->text, action);
        } else if (field_of(step->text, action, &field) &&
                   record_get(record_built(value), field).kind == VALUE_NONE) {
            record_set(value, field, made_up(chance, field));
        }
    }
}

/* What a flow keeps of the value in variables of its own is there, too. */
static void set_kept(struct chance *chance, struct record_builder *value,
                     const struct moves *moves, const struct called *action)
{
    for (size_t i = 0; i < moves->n; i++) {
        for (size_t j = 0; j < moves->items[i].sets.n; j++) {
            const struct expr *set = &moves->items[i].sets.items[j].value;
            struct str field;

            if (set->is_path && field_of(set->path, action, &field) &&
                record_get(record_built(value), field).kind == VALUE_NONE)
                record_set(value, field, made_up(chance, field));
        }
    }
}

static void set_all_kept(struct chance *chance, struct record_builder *value,
                         const struct called *action)
{
    const struct book *book = chance->book;

    for (size_t i = 0; i < book->n_flows; i++) {
        for (size_t j = 0; j < book->flows[i].n_states; j++) {
            const struct state_def *state = &book->flows[i].states[j];

            for (size_t k = 0; k < state->outcomes.n; k++)
                set_kept(chance, value, &state->outcomes.items[k].moves, action);
        }
    }
}

static const struct record *value_for(struct chance *chance, struct arena *into,
                                      struct str action)
{
    const struct words *words = book_words(chance->book);
    struct called called = called_of(chance->book, action);
    struct record_builder value;

    record_build(&value, into);
    for (size_t i = 0; i < words->n; i++) {
        for (unsigned form = 0; form < PLURAL_COUNT; form++)
            set_text(chance, &value, &words->entries[i]->in[LANG_EN].forms[form], &called);
    }
    set_all_kept(chance, &value, &called);
    return record_built(&value);
}

/* --- answers ------------------------------------------------------------------------------ */

static const char *const *outcomes_of(const char *action)
{
    for (size_t i = 0; i < flow_parts_n; i++) {
        if (flow_parts[i].kind == FLOW_ACTION && strcmp(flow_parts[i].name, action) == 0)
            return flow_parts[i].outcomes;
    }
    return NULL;
}

static void any_outcome(struct chance *chance, struct arena *into, const struct flow_need *need,
                        struct flow_answer *answer)
{
    const char *const *outcomes = outcomes_of(need->name);
    struct record_builder value;
    uint32_t n = 0;

    while (outcomes[n])
        n++;
    record_build(&value, into);
    record_set_all(&value, value_for(chance, into, str_from(need->name)));
    if (answer->value.kind == VALUE_RECORD)
        record_set_all(&value, answer->value.record);
    answer->outcome = outcomes[chance_draw(chance, n)];
    record_set(&value, STR("outcome"), value_text(str_from(answer->outcome)));
    answer->value = value_record(record_built(&value));
}

void chance_answer(struct chance *chance, struct arena *into, struct str customer,
                   const struct flow_need *need, struct flow_answer *answer)
{
    bool known = chance->shop(into, customer, need, answer);

    if (!known)
        *answer = (struct flow_answer){.value = value_none()};
    if (need->kind == FLOW_ACTION && (!known || chance_draw(chance, 2) == 0)) {
        any_outcome(chance, into, need, answer);
    } else if (answer->value.kind == VALUE_LIST && chance_draw(chance, 20) == 0) {
        answer->value = value_list(arena_new(into, struct list)); /* gone meanwhile */
    }
}
