/*
 * Values, records, and their JSON.
 *
 * In JSON a record is an object and a list an array; what JSON has no type for is an object
 * with one member whose name begins with a dollar. A field of ours that begins so gets a second
 * dollar on the way out and loses it on the way in, so that no name can pose as a type and
 * every record comes back as it was.
 */
#include "bot/base/value.h"

#include "bot/base/json_in.h"
#include "bot/base/json_out.h"

#include <stdio.h>

#define TYPE_MARK  '$'
#define TYPE_MONEY "$money"
#define TYPE_TIME  "$time"

struct value value_none(void)
{
    return (struct value){.kind = VALUE_NONE};
}

struct value value_bool(bool yes)
{
    return (struct value){.kind = VALUE_BOOL, .yes = yes};
}

struct value value_int(int64_t number)
{
    return (struct value){.kind = VALUE_INT, .number = number};
}

struct value value_text(struct str text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

struct value value_money(struct money money)
{
    return (struct value){.kind = VALUE_MONEY, .money = money};
}

struct value value_time(usec_t time)
{
    return (struct value){.kind = VALUE_TIME, .time = time};
}

struct value value_record(const struct record *record)
{
    return (struct value){.kind = VALUE_RECORD, .record = record};
}

struct value value_list(const struct list *list)
{
    return (struct value){.kind = VALUE_LIST, .list = list};
}

/* --- records ---------------------------------------------------------------------------- */

struct value record_get(const struct record *record, struct str name)
{
    for (size_t i = 0; record && i < record->n; i++) {
        if (str_eq(record->fields[i].name, name))
            return record->fields[i].value;
    }
    return value_none();
}

struct value record_path(const struct record *record, struct str path)
{
    struct str name;
    if (!str_split(&path, '.', &name))
        return value_none();
    struct value value = record_get(record, name);
    while (str_split(&path, '.', &name))
        value = value.kind == VALUE_RECORD ? record_get(value.record, name) : value_none();
    return value;
}

void record_build(struct record_builder *builder, struct arena *into)
{
    *builder = (struct record_builder){.into = into};
}

void record_set(struct record_builder *builder, struct str name, struct value value)
{
    for (size_t i = 0; i < builder->n; i++) {
        if (!str_eq(builder->fields[i].name, name))
            continue;
        builder->fields[i].value = value;
        return;
    }
    builder->fields = arena_more(builder->into, builder->fields, builder->n, &builder->room);
    builder->fields[builder->n++] = (struct field){name, value};
}

void record_set_all(struct record_builder *builder, const struct record *from)
{
    for (size_t i = 0; from && i < from->n; i++)
        record_set(builder, from->fields[i].name, from->fields[i].value);
}

/* A copy, so that what was built stays as it is when the builder goes on. */
const struct record *record_built(const struct record_builder *builder)
{
    struct record *record = arena_new(builder->into, struct record);
    struct field *fields = arena_array(builder->into, struct field, builder->n);
    if (builder->n > 0)
        memcpy(fields, builder->fields, builder->n * sizeof(*fields));
    *record = (struct record){fields, builder->n};
    return record;
}

/* --- to JSON ---------------------------------------------------------------------------- */

static void write_value(struct json_out *out, const struct value *value);

static void write_money(struct json_out *out, struct money money)
{
    char minor[32];

    (void)snprintf(minor, sizeof(minor), "%lld", (long long)money.minor);
    json_open(out, '{');
    json_open_in(out, TYPE_MONEY, '[');
    json_put_text(out, str_from(minor));
    json_put_text(out, str_from(money.currency));
    json_close(out, ']');
    json_close(out, '}');
}

static void write_list(struct json_out *out, const struct list *list)
{
    json_open(out, '[');
    for (size_t i = 0; list && i < list->n; i++)
        write_value(out, &list->items[i]);
    json_close(out, ']');
}

/* Of two fields with one name the first counts, as for record_get. */
static bool is_told(const struct record *record, size_t before, struct str name)
{
    for (size_t i = 0; i < before; i++) {
        if (str_eq(record->fields[i].name, name))
            return true;
    }
    return false;
}

static void write_record(struct json_out *out, const struct record *record)
{
    json_open(out, '{');
    for (size_t i = 0; record && i < record->n; i++) {
        struct str name = record->fields[i].name;
        if (is_told(record, i, name))
            continue;
        if (name.len > 0 && name.at[0] == TYPE_MARK)
            name = arena_format(out->into, "%c%.*s", TYPE_MARK, STR_ARG(name));
        json_key_of(out, name);
        write_value(out, &record->fields[i].value);
    }
    json_close(out, '}');
}

static void write_value(struct json_out *out, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NONE:
        json_put_word(out, "null");
        break;
    case VALUE_BOOL:
        json_put_word(out, value->yes ? "true" : "false");
        break;
    case VALUE_INT:
        json_put_int(out, value->number);
        break;
    case VALUE_TEXT:
        json_put_text(out, value->text);
        break;
    case VALUE_MONEY:
        write_money(out, value->money);
        break;
    case VALUE_TIME:
        json_open(out, '{');
        json_key(out, TYPE_TIME);
        json_put_int(out, value->time);
        json_close(out, '}');
        break;
    case VALUE_RECORD:
        write_record(out, value->record);
        break;
    case VALUE_LIST:
        write_list(out, value->list);
        break;
    }
}

struct str record_to_json(struct arena *into, const struct record *record)
{
    struct json_out out;

    json_out_init(&out, into, 512);
    write_record(&out, record);
    return json_out_text(&out);
}

/* --- from JSON -------------------------------------------------------------------------- */

static bool read_value(struct json_in *in, struct value *value, struct err *err);

static bool malformed(struct err *err)
{
    return err_raise(err, ERR_REJECT, "malformed, or nested too deep");
}

static bool read_money(struct json_in *in, struct value *value, struct err *err)
{
    struct str parts[2] = {STR_NONE, STR_NONE};
    struct money money;
    int64_t minor;
    size_t n = 0;

    if (json_next(in) == JSON_IN_ARRAY) {
        json_enter(in, '[');
        while (json_more(in, ']')) {
            if (n == 2 || json_next(in) != JSON_IN_TEXT)
                return err_raise(err, ERR_REJECT, "money is not [minor units, currency]");
            parts[n++] = json_in_text(in);
        }
    }
    if (n != 2 || !str_to_int(parts[0], &minor))
        return err_raise(err, ERR_REJECT, "money is not [minor units, currency]");
    if (!money_make(minor, parts[1], &money, err))
        return false;
    *value = value_money(money);
    return true;
}

static bool read_typed(struct json_in *in, struct str type, struct value *value,
                       struct err *err)
{
    if (str_eq(type, STR(TYPE_MONEY))) {
        if (!read_money(in, value, err))
            return false;
    } else if (str_eq(type, STR(TYPE_TIME)) && json_next(in) == JSON_IN_NUMBER) {
        *value = value_time(json_in_int(in));
    } else {
        return err_raise(err, ERR_REJECT, "not a type of value that we know");
    }
    if (json_more(in, '}'))
        return err_raise(err, ERR_REJECT, "not a type of value that we know");
    return true;
}

/* Whether the name is a type's: one dollar, while a field of ours would have two. */
static bool names_a_type(struct str name)
{
    return name.len > 0 && name.at[0] == TYPE_MARK &&
           !(name.len > 1 && name.at[1] == TYPE_MARK);
}

static bool read_object(struct json_in *in, struct value *value, struct err *err)
{
    struct record_builder fields;

    record_build(&fields, in->into);
    json_enter(in, '{');
    while (json_more(in, '}')) {
        struct str name = json_in_key(in);
        struct value member;
        if (names_a_type(name)) {
            return fields.n == 0 ? read_typed(in, name, value, err)
                                 : err_raise(err, ERR_REJECT, "a type among fields");
        }
        if (!read_value(in, &member, err))
            return false;
        bool marked = name.len > 0 && name.at[0] == TYPE_MARK;
        size_t before = fields.n;
        record_set(&fields, str_slice(name, marked ? 1 : 0, name.len), member);
        if (fields.n == before)
            return err_raise(err, ERR_REJECT, "a field that comes twice");
    }
    struct record *record = arena_new(in->into, struct record);
    *record = (struct record){fields.fields, fields.n};
    *value = value_record(record);
    return true;
}

static bool read_list(struct json_in *in, struct value *value, struct err *err)
{
    struct value *items = NULL;
    size_t n = 0, room = 0;

    json_enter(in, '[');
    while (json_more(in, ']')) {
        items = arena_more(in->into, items, n, &room);
        if (!read_value(in, &items[n++], err))
            return false;
    }
    struct list *list = arena_new(in->into, struct list);
    *list = (struct list){items, n};
    *value = value_list(list);
    return true;
}

static bool read_value(struct json_in *in, struct value *value, struct err *err)
{
    char word;

    *value = value_none();
    switch (json_next(in)) {
    case JSON_IN_OBJECT:
        return read_object(in, value, err);
    case JSON_IN_ARRAY:
        return read_list(in, value, err);
    case JSON_IN_TEXT:
        *value = value_text(json_in_text(in));
        break;
    case JSON_IN_NUMBER:
        *value = value_int(json_in_int(in));
        if (in->broken)
            return err_raise(err, ERR_REJECT, "a number that is not whole is no value");
        break;
    case JSON_IN_WORD:
        word = json_in_word(in);
        if (word == 't' || word == 'f')
            *value = value_bool(word == 't');
        break;
    case JSON_IN_NOTHING:
        return malformed(err);
    }
    return true;
}

bool record_from_json(struct arena *into, struct str json, const struct record **record,
                      struct err *err)
{
    struct value value;
    struct json_in in;

    json_in_init(&in, into, json);
    if (!read_value(&in, &value, err))
        return err_wrap(err, "read record");
    if (!json_in_end(&in)) {
        malformed(err);
        return err_wrap(err, "read record");
    }
    if (value.kind != VALUE_RECORD)
        return err_raise(err, ERR_REJECT, "read record: not an object");
    *record = value.record;
    return true;
}
