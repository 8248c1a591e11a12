/*
 * Results in PostgreSQL's binary format. A reader trusts the query's types only as far as
 * their lengths: a column that is not what the code expects reads as empty, and the queries'
 * own tests find it.
 */
#include "store/db.h"

#include "bot/base/json.h"

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>

#define PG_EPOCH (946684800 * USEC_PER_SEC)

enum oid {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_VARCHAR = 1043,
    OID_TIME = 1184,
    OID_UUID = 2950,
    OID_JSONB = 3802
};

int rows_n(const PGresult *rows)
{
    return rows ? PQntuples(rows) : 0;
}

int64_t rows_changed(const PGresult *rows)
{
    /* libpq declares it without const, and changes nothing. */
    const char *text = rows ? PQcmdTuples((PGresult *)rows) : "";
    return strtoll(text, NULL, 10);
}

bool row_null(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column);
}

static size_t length(const PGresult *rows, int row, int column)
{
    return (size_t)PQgetlength(rows, row, column);
}

bool row_bool(const PGresult *rows, int row, int column)
{
    return length(rows, row, column) == 1 && PQgetvalue(rows, row, column)[0] != 0;
}

int64_t row_int(const PGresult *rows, int row, int column)
{
    const char *at = PQgetvalue(rows, row, column);
    uint16_t two = 0;
    uint32_t four = 0;
    uint64_t eight = 0;
    switch (length(rows, row, column)) {
    case sizeof(two):
        memcpy(&two, at, sizeof(two));
        return (int16_t)be16toh(two);
    case sizeof(four):
        memcpy(&four, at, sizeof(four));
        return (int32_t)be32toh(four);
    case sizeof(eight):
        memcpy(&eight, at, sizeof(eight));
        return (int64_t)be64toh(eight);
    default:
        return 0;
    }
}

struct str row_text(const PGresult *rows, int row, int column)
{
    struct str text = {PQgetvalue(rows, row, column), length(rows, row, column)};
    if (PQftype(rows, column) == OID_JSONB && text.len > 0)
        return str_slice(text, 1, text.len - 1); /* its first byte is a version */
    return text;
}

struct uuid row_uuid(const PGresult *rows, int row, int column)
{
    struct uuid id = {{0}};
    if (length(rows, row, column) == sizeof(id.bytes))
        memcpy(id.bytes, PQgetvalue(rows, row, column), sizeof(id.bytes));
    return id;
}

static usec_t time_of_pg(int64_t wire)
{
    if (wire == INT64_MIN || wire > INT64_MAX - PG_EPOCH)
        return wire;
    return wire + PG_EPOCH;
}

usec_t row_time(const PGresult *rows, int row, int column)
{
    if (length(rows, row, column) != sizeof(int64_t))
        return 0;
    return time_of_pg(row_int(rows, row, column));
}

/* --- as values ---------------------------------------------------------------------------- */

static struct value value_of_json(struct arena *into, const json_t *json);

static struct value value_of_array(struct arena *into, const json_t *json)
{
    size_t n = json_array_size(json);
    struct value *items = arena_array(into, struct value, n);
    for (size_t i = 0; i < n; i++)
        items[i] = value_of_json(into, json_array_get(json, i));
    struct list *list = arena_new(into, struct list);
    *list = (struct list){items, n};
    return value_list(list);
}

static bool is_money(const json_t *json, struct money *money)
{
    const json_t *minor = json_object_get(json, "minor");
    const char *currency = json_string_value(json_object_get(json, "currency"));
    return json_object_size(json) == 2 && json_is_integer(minor) && currency &&
           money_make(json_integer_value(minor), str_from(currency), money, NULL);
}

static bool is_time(const json_t *json, usec_t *time)
{
    const char *text = json_string_value(json_object_get(json, "time"));
    return json_object_size(json) == 1 && text && str_to_int(str_from(text), time);
}

/* A time or an amount of a column that is null. */
static bool is_absent(const json_t *json)
{
    const json_t *time = json_object_get(json, "time"), *minor = json_object_get(json, "minor");
    return (json_object_size(json) == 1 && json_is_null(time)) ||
           (json_object_size(json) == 2 && json_is_null(minor));
}

static struct value value_of_object(struct arena *into, const json_t *json)
{
    struct money money;
    usec_t time = 0;
    if (is_absent(json))
        return value_none();
    if (is_money(json, &money))
        return value_money(money);
    if (is_time(json, &time))
        return value_time(time);
    struct record_builder record;
    record_build(&record, into);
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)json, name, member)
    {
        struct value value = value_of_json(into, member);
        if (value.kind != VALUE_NONE)
            record_set(&record, arena_str(into, str_from(name)), value);
    }
    return value_record(record_built(&record));
}

static struct value value_of_json(struct arena *into, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return value_of_object(into, json);
    case JSON_ARRAY:
        return value_of_array(into, json);
    case JSON_STRING:
        return value_text(
            arena_str(into, (struct str){json_string_value(json), json_string_length(json)}));
    case JSON_INTEGER:
        return value_int(json_integer_value(json));
    case JSON_REAL: /* flows know no fractions: the query gives them as text */
        return value_none();
    case JSON_TRUE:
    case JSON_FALSE:
        return value_bool(json_is_true(json));
    case JSON_NULL:
    default:
        return value_none();
    }
}

static bool json_column(struct arena *into, struct str text, struct value *value,
                        struct err *err)
{
    OWNED_JSON(doc) = NULL;
    if (!json_read(text, &doc, err))
        return err_wrap(err, "json column");
    *value = value_of_json(into, doc);
    return true;
}

static bool cell_value(struct arena *into, const PGresult *rows, int row, int column,
                       struct value *value, struct err *err)
{
    switch (PQftype(rows, column)) {
    case OID_BOOL:
        *value = value_bool(row_bool(rows, row, column));
        return true;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        *value = value_int(row_int(rows, row, column));
        return true;
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_BYTEA:
        *value = value_text(arena_str(into, row_text(rows, row, column)));
        return true;
    case OID_UUID:
        *value = value_text(uuid_str(into, row_uuid(rows, row, column)));
        return true;
    case OID_TIME:
        *value = value_time(row_time(rows, row, column));
        return true;
    case OID_JSON:
    case OID_JSONB:
        return json_column(into, row_text(rows, row, column), value, err);
    default:
        return err_raise(err, ERR_BROKEN, "column %s has a type that is no value: cast it",
                         PQfname(rows, column));
    }
}

/* The column that holds the currency of the amount in `column`; -1 when it is no amount. */
static int currency_column(struct arena *scratch, const PGresult *rows, struct str name)
{
    if (!str_ends(name, STR("_minor")))
        return -1;
    return PQfnumber(rows,
                     arena_format(scratch, "%.*s_currency", (int)name.len - 6, name.at).at);
}

/* The amount that belongs to a currency column says it all. */
static bool is_currency_of_money(struct arena *scratch, const PGresult *rows, struct str name)
{
    return str_ends(name, STR("_currency")) &&
           PQfnumber(rows,
                     arena_format(scratch, "%.*s_minor", (int)name.len - 9, name.at).at) >= 0;
}

static bool add_cell(struct arena *into, const PGresult *rows, int row, int column,
                     struct record_builder *record, struct err *err)
{
    struct str name = str_from(PQfname(rows, column));
    if (row_null(rows, row, column) || is_currency_of_money(into, rows, name))
        return true;
    struct value value = value_none();
    int currency = currency_column(into, rows, name);
    if (currency >= 0) {
        struct money money;
        if (!money_make(row_int(rows, row, column), row_text(rows, row, currency), &money, err))
            return err_wrap(err, "column %s", PQfname(rows, column));
        value = value_money(money);
        name.len -= 6;
    } else if (!cell_value(into, rows, row, column, &value, err)) {
        return false;
    }
    record_set(record, arena_str(into, name), value);
    return true;
}

bool rows_to_values(struct arena *into, const PGresult *rows, struct value *list,
                    struct err *err)
{
    int n = rows_n(rows);
    int n_columns = rows ? PQnfields(rows) : 0;
    struct value *items = arena_array(into, struct value, (size_t)n);
    for (int row = 0; row < n; row++) {
        struct record_builder record;
        record_build(&record, into);
        for (int column = 0; column < n_columns; column++) {
            if (!add_cell(into, rows, row, column, &record, err))
                return err_wrap(err, "row %d", row);
        }
        items[row] = value_record(record_built(&record));
    }
    struct list *all = arena_new(into, struct list);
    *all = (struct list){items, (size_t)n};
    *list = value_list(all);
    return true;
}
