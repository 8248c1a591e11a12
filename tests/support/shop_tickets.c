/* Reports: a few of eve's, and a team that takes whatever comes. */
#include "tests/support/shop.h"

struct report {
    const char *number, *kind, *status, *order, *story, *answer;
    int hours; /* before SHOP_NOW */
};

static const struct report table[] = {
    {"T-BKMX-WQRS", "damaged", "open",     "ORD-3001", "The clock came with a crack in its glass.",
     NULL,                                                 3  },
    {"T-CDFG-HJKM", "delayed", "answered", NULL,       "I am waiting for an answer to my letter.",
     "We have found your letter and are looking into it.", 50 },
    {"T-NPQR-STVW", "quality", "closed",   "ORD-3001", "The hands of the clock are loose.",
     "A new pair is on its way to you.",                   400},
};

static struct value text(const char *words)
{
    return value_text(str_from(words));
}

static struct value list_of(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);

    *list = (struct list){items, n};
    return value_list(list);
}

static void set_row(struct record_builder *row, const struct report *report)
{
    record_set(row, STR("ticket"), text(report->number));
    record_set(row, STR("kind"), text(report->kind));
    record_set(row, STR("status"), text(report->status));
    record_set(row, STR("created_at"), value_time(SHOP_NOW - report->hours * USEC_PER_HOUR));
    if (report->order)
        record_set(row, STR("order_number"), text(report->order));
}

static struct value reports_of(struct arena *into, struct str customer)
{
    struct value *rows = arena_array(into, struct value, COUNTOF(table));
    size_t n = 0;

    for (; str_eq(customer, STR("eve")) && n < COUNTOF(table); n++) {
        struct record_builder row;

        record_build(&row, into);
        set_row(&row, &table[n]);
        rows[n] = value_record(record_built(&row));
    }
    return list_of(into, rows, n);
}

static struct value answers_of(struct arena *into, const struct report *report)
{
    struct value *items = arena_array(into, struct value, 1);
    struct record_builder item;

    record_build(&item, into);
    record_set(&item, STR("at"), value_time(SHOP_NOW - 2 * USEC_PER_HOUR));
    record_set(&item, STR("text"), report->answer ? text(report->answer) : value_none());
    items[0] = value_record(record_built(&item));
    return list_of(into, items, report->answer ? 1 : 0);
}

static struct value report_of(struct arena *into, struct str customer, struct str number)
{
    for (size_t i = 0; str_eq(customer, STR("eve")) && i < COUNTOF(table); i++) {
        struct record_builder row;

        if (!str_eq(str_from(table[i].number), number))
            continue;
        record_build(&row, into);
        set_row(&row, &table[i]);
        record_set(&row, STR("description"), text(table[i].story));
        record_set(&row, STR("kept"), value_int(2));
        record_set(&row, STR("answers"), answers_of(into, &table[i]));
        return value_record(record_built(&row));
    }
    return value_none();
}

/* Everything is taken, and nothing is lost; a transcript's own lines tell of other days. */
static void take(struct arena *into, const struct flow_need *need, const char *outcome,
                 struct flow_answer *answer)
{
    struct value files = record_get(need->takes, STR("files"));
    struct record_builder row;

    record_build(&row, into);
    record_set(&row, STR("ticket"), text("T-BCDF-GHJK"));
    if (files.kind == VALUE_LIST)
        record_set(&row, STR("files"), value_int((int64_t)files.list->n));
    answer->outcome = outcome;
    answer->value = value_record(record_built(&row));
}

bool shop_tickets_answer(struct arena *into, struct str customer, const struct flow_need *need,
                         struct flow_answer *answer)
{
    struct value number = record_get(need->takes, STR("ticket"));

    if (strcmp(need->name, "tickets_list") == 0) {
        answer->value = reports_of(into, customer);
    } else if (strcmp(need->name, "ticket_by_number") == 0) {
        answer->value =
            report_of(into, customer, number.kind == VALUE_TEXT ? number.text : STR_NONE);
    } else if (strcmp(need->name, "ticket_open") == 0) {
        take(into, need, "opened", answer);
    } else if (strcmp(need->name, "ticket_attach") == 0) {
        take(into, need, "attached", answer);
    } else {
        return false;
    }
    return true;
}
