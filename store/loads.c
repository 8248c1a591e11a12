/*
 * Flow loads, bound to queries. Variables travel as text, whatever they are in the dialogue:
 * a query that wants a number reads it from the text and has its own answer for nonsense, so
 * nothing that a person types can fail a turn here.
 */
#include "store/loads.h"
#include "store/sql.h"

#include <assert.h>
#include <inttypes.h>

#define FRAME 2 /* org and customer */

static const char *const nothing[] = {NULL};
static const char *const list_takes[] = {"filter", "offset", "words", NULL};
static const char *const number_takes[] = {"number", NULL};

static const struct load loads[] = {
    {"order_figures",   &SQL_ORDER_FIGURES,   nothing,      true },
    {"orders_list",     &SQL_ORDERS_LIST,     list_takes,   false},
    {"order_by_number", &SQL_ORDER_BY_NUMBER, number_takes, true },
    {"order_timeline",  &SQL_ORDER_TIMELINE,  number_takes, false},
    {"order_shipments", &SQL_ORDER_SHIPMENTS, number_takes, false},
};

const struct load *loads_find(struct str name)
{
    for (size_t i = 0; i < COUNTOF(loads); i++) {
        if (str_eq(str_from(loads[i].name), name))
            return &loads[i];
    }
    return NULL;
}

static struct db_param param_value(struct arena *into, struct value value)
{
    switch (value.kind) {
    case VALUE_TEXT:
        /* PostgreSQL refuses what is no UTF-8, and would fail the whole batch. */
        return param_text(str_sane(into, value.text));
    case VALUE_INT:
        return param_text(arena_format(into, "%" PRId64, value.number));
    case VALUE_BOOL:
        return param_text(value.yes ? STR("true") : STR("false"));
    case VALUE_TIME:
        return param_text(arena_format(into, "%" PRId64, value.time));
    case VALUE_NONE:
    case VALUE_MONEY:
    case VALUE_RECORD:
    case VALUE_LIST:
        break;
    }
    return param_null();
}

const struct db_param *load_params(struct arena *into, const struct load *load, struct uuid org,
                                   struct uuid customer, const struct record *takes)
{
    struct db_param *params = arena_array(into, struct db_param, (size_t)load->sql->n_params);
    params[0] = param_uuid(into, org);
    params[1] = param_uuid(into, customer);
    for (size_t i = 0; load->takes[i]; i++) {
        assert(FRAME + i < (size_t)load->sql->n_params);
        params[FRAME + i] = param_value(into, record_get(takes, str_from(load->takes[i])));
    }
    return params;
}

bool load_answer(struct arena *into, const struct load *load, const PGresult *rows,
                 struct value *answer, struct err *err)
{
    struct value all;
    *answer = value_none();
    if (!rows_to_values(into, rows, &all, err))
        return err_wrap(err, "load %s", load->name);
    if (!load->single) {
        *answer = all;
    } else if (all.list->n > 0) {
        *answer = all.list->items[0];
    }
    return true;
}
