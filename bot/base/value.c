/*
 * Values, records, and their JSON.
 *
 * In JSON a record is an object and a list an array; what JSON has no type for is an object
 * with one member whose name begins with a dollar. A field of ours that begins so gets a second
 * dollar on the way out and loses it on the way in, so that no name can pose as a type and
 * every record comes back as it was.
 */
#include "bot/base/value.h"

#include "bot/base/json.h"

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

static void make_room(struct record_builder *builder)
{
    if (builder->n < builder->room)
        return;
    size_t room = builder->room > 0 ? builder->room * 2 : 8;
    struct field *fields = arena_array(builder->into, struct field, room);
    if (builder->n > 0)
        memcpy(fields, builder->fields, builder->n * sizeof(*fields));
    builder->fields = fields;
    builder->room = room;
}

void record_set(struct record_builder *builder, struct str name, struct value value)
{
    for (size_t i = 0; i < builder->n; i++) {
        if (!str_eq(builder->fields[i].name, name))
            continue;
        builder->fields[i].value = value;
        return;
    }
    make_room(builder);
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

static json_t *value_to_json(const struct value *value);

static json_t *money_to_json(struct money money)
{
    char minor[32];
    (void)snprintf(minor, sizeof(minor), "%lld", (long long)money.minor);
    return json_pack("{s:[s,s]}", TYPE_MONEY, minor, money.currency);
}

static json_t *list_to_json(const struct list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; list && i < list->n; i++)
        (void)json_array_append_new(array, value_to_json(&list->items[i]));
    return array;
}

static void set_field(json_t *object, const struct field *field)
{
    struct arena scratch = {0};
    struct str name = str_sane(&scratch, field->name);
    if (name.len > 0 && name.at[0] == TYPE_MARK)
        name = arena_format(&scratch, "%c%.*s", TYPE_MARK, STR_ARG(name));
    /* Of two fields with one name the first counts, as for record_get. */
    const char *key = name.at ? name.at : "";
    json_t *value =
        json_object_getn(object, key, name.len) ? NULL : value_to_json(&field->value);
    if (value)
        (void)json_object_setn_new_nocheck(object, key, name.len, value);
    arena_finish(&scratch);
}

static json_t *record_to_object(const struct record *record)
{
    json_t *object = json_object();
    for (size_t i = 0; record && i < record->n; i++)
        set_field(object, &record->fields[i]);
    return object;
}

static json_t *value_to_json(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NONE:
        break;
    case VALUE_BOOL:
        return json_boolean(value->yes);
    case VALUE_INT:
        return json_integer(value->number);
    case VALUE_TEXT:
        return json_string_of(value->text);
    case VALUE_MONEY:
        return money_to_json(value->money);
    case VALUE_TIME:
        return json_pack("{s:I}", TYPE_TIME, (json_int_t)value->time);
    case VALUE_RECORD:
        return record_to_object(value->record);
    case VALUE_LIST:
        return list_to_json(value->list);
    }
    return json_null();
}

struct str record_to_json(struct arena *into, const struct record *record)
{
    OWNED_JSON(object) = record_to_object(record);
    return json_write(into, object);
}

/* --- from JSON -------------------------------------------------------------------------- */

static bool value_from_json(struct arena *into, const json_t *json, struct value *value,
                            struct err *err);

static struct str text_of(struct arena *into, const json_t *string)
{
    return arena_str(into, (struct str){json_string_value(string), json_string_length(string)});
}

static bool money_from_json(const json_t *pair, struct value *value, struct err *err)
{
    const json_t *minor = json_array_get(pair, 0);
    const json_t *currency = json_array_get(pair, 1);
    int64_t number = 0;
    if (json_array_size(pair) != 2 || !json_is_string(minor) || !json_is_string(currency) ||
        !str_to_int(str_from(json_string_value(minor)), &number))
        return err_raise(err, ERR_REJECT, "money is not [minor units, currency]");
    struct money money;
    if (!money_make(number, str_from(json_string_value(currency)), &money, err))
        return false;
    *value = value_money(money);
    return true;
}

static bool typed_from_json(const json_t *object, struct value *value, struct err *err)
{
    const json_t *money = json_object_get(object, TYPE_MONEY);
    const json_t *time = json_object_get(object, TYPE_TIME);
    if (json_object_size(object) == 1 && money)
        return money_from_json(money, value, err);
    if (json_object_size(object) != 1 || !json_is_integer(time))
        return err_raise(err, ERR_REJECT, "not a type of value that we know");
    *value = value_time(json_integer_value(time));
    return true;
}

static bool list_from_json(struct arena *into, const json_t *array, struct value *value,
                           struct err *err)
{
    struct list *list = arena_new(into, struct list);
    struct value *items = arena_array(into, struct value, json_array_size(array));
    *list = (struct list){items, json_array_size(array)};
    for (size_t i = 0; i < list->n; i++) {
        if (!value_from_json(into, json_array_get(array, i), &items[i], err))
            return false;
    }
    *value = value_list(list);
    return true;
}

/* Whether the name is a type's: one dollar, while a field of ours would have two. */
static bool names_a_type(const char *name)
{
    return name[0] == TYPE_MARK && name[1] != TYPE_MARK;
}

static bool has_a_type(const json_t *object)
{
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)object, name, member)
    {
        if (names_a_type(name))
            return true;
    }
    return false;
}

static bool object_from_json(struct arena *into, const json_t *object, struct record *record,
                             struct err *err)
{
    struct field *fields = arena_array(into, struct field, json_object_size(object));
    const char *name = NULL;
    json_t *member = NULL;
    *record = (struct record){fields, 0};
    json_object_foreach((json_t *)object, name, member)
    {
        struct field *field = &fields[record->n++];
        field->name = arena_str(into, str_from(name[0] == TYPE_MARK ? name + 1 : name));
        if (!value_from_json(into, member, &field->value, err))
            return false;
    }
    return true;
}

static bool record_value_from_json(struct arena *into, const json_t *object,
                                   struct value *value, struct err *err)
{
    if (has_a_type(object))
        return typed_from_json(object, value, err);
    struct record *record = arena_new(into, struct record);
    *value = value_record(record);
    return object_from_json(into, object, record, err);
}

static bool value_from_json(struct arena *into, const json_t *json, struct value *value,
                            struct err *err)
{
    switch (json_typeof(json)) {
    case JSON_NULL:
        *value = value_none();
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *value = value_bool(json_is_true(json));
        return true;
    case JSON_INTEGER:
        *value = value_int(json_integer_value(json));
        return true;
    case JSON_STRING:
        *value = value_text(text_of(into, json));
        return true;
    case JSON_ARRAY:
        return list_from_json(into, json, value, err);
    case JSON_OBJECT:
        return record_value_from_json(into, json, value, err);
    case JSON_REAL:
        break;
    }
    return err_raise(err, ERR_REJECT, "a number with a fraction is no value");
}

bool record_from_json(struct arena *into, struct str json, const struct record **record,
                      struct err *err)
{
    OWNED_JSON(doc) = NULL;
    struct value value = value_none();
    if (!json_read(json, &doc, err) || !value_from_json(into, doc, &value, err))
        return err_wrap(err, "read record");
    if (value.kind != VALUE_RECORD)
        return err_raise(err, ERR_REJECT, "read record: not an object");
    *record = value.record;
    return true;
}
