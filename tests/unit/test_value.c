/* Values and records: look-ups, growth, and a JSON round trip that changes nothing. */
#include "bot/base/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void assert_str(struct str got, const char *want)
{
    assert_string_equal(arena_cstr(&arena, got), want);
    assert_int_equal(got.len, strlen(want));
}

static bool same_record(const struct record *a, const struct record *b);

static bool same_value(struct value a, struct value b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case VALUE_NONE:
        return true;
    case VALUE_BOOL:
        return a.yes == b.yes;
    case VALUE_INT:
        return a.number == b.number;
    case VALUE_TEXT:
        return str_eq(a.text, b.text);
    case VALUE_MONEY:
        return a.money.minor == b.money.minor &&
               strcmp(a.money.currency, b.money.currency) == 0;
    case VALUE_TIME:
        return a.time == b.time;
    case VALUE_RECORD:
        return same_record(a.record, b.record);
    case VALUE_LIST:
        break;
    }
    if (a.list->n != b.list->n)
        return false;
    for (size_t i = 0; i < a.list->n; i++) {
        if (!same_value(a.list->items[i], b.list->items[i]))
            return false;
    }
    return true;
}

static bool same_record(const struct record *a, const struct record *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!str_eq(a->fields[i].name, b->fields[i].name) ||
            !same_value(a->fields[i].value, b->fields[i].value))
            return false;
    }
    return true;
}

static const struct record *order_of(struct str number)
{
    struct record_builder order;
    record_build(&order, &arena);
    record_set(&order, STR("number"), value_text(number));
    record_set(&order, STR("total"), value_money((struct money){1999, "EUR"}));
    return record_built(&order);
}

static void a_field_is_found_or_is_none(void **state)
{
    (void)state;
    const struct record *order = order_of(STR("1234"));
    assert_str(record_get(order, STR("number")).text, "1234");
    assert_int_equal(record_get(order, STR("total")).kind, VALUE_MONEY);
    assert_int_equal(record_get(order, STR("Total")).kind, VALUE_NONE);
    assert_int_equal(record_get(order, STR_NONE).kind, VALUE_NONE);
    assert_int_equal(record_get(NULL, STR("number")).kind, VALUE_NONE);
}

static void a_path_steps_through_records_only(void **state)
{
    (void)state;
    struct record_builder facts;
    record_build(&facts, &arena);
    record_set(&facts, STR("order"), value_record(order_of(STR("1234"))));
    record_set(&facts, STR("gone"), value_record(NULL));
    const struct record *record = record_built(&facts);
    assert_str(record_path(record, STR("order.number")).text, "1234");
    assert_int_equal(record_path(record, STR("order")).kind, VALUE_RECORD);
    static const struct str nowhere[] = {
        STR_NONE,
        STR("."),
        STR(".order"),
        STR("order..number"),
        STR("order.x"),
        STR("x.number"),
        STR("gone.number"),
        STR("order.number.x"),
        STR("order.total.currency"),
    };
    for (size_t i = 0; i < COUNTOF(nowhere); i++)
        assert_int_equal(record_path(record, nowhere[i]).kind, VALUE_NONE);
    assert_int_equal(record_path(NULL, STR("order")).kind, VALUE_NONE);
    assert_int_equal(record_path(NULL, STR_NONE).kind, VALUE_NONE);
}

static void setting_a_name_again_replaces_its_value(void **state)
{
    (void)state;
    struct record_builder builder;
    record_build(&builder, &arena);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            record_set(&builder, arena_format(&arena, "f%d", i), value_int((int64_t)i * round));
    }
    const struct record *record = record_built(&builder);
    assert_int_equal(record->n, 100);
    assert_true(record_get(record, STR("f99")).number == 198);
    assert_str(record->fields[7].name, "f7");
}

static void what_was_built_stays_when_the_builder_goes_on(void **state)
{
    (void)state;
    struct record_builder builder;
    record_build(&builder, &arena);
    assert_int_equal(record_built(&builder)->n, 0);
    record_set(&builder, STR("a"), value_int(1));
    const struct record *before = record_built(&builder);
    record_set(&builder, STR("a"), value_int(2));
    record_set(&builder, STR("b"), value_int(3));
    assert_int_equal(before->n, 1);
    assert_true(record_get(before, STR("a")).number == 1);
}

static void set_all_takes_over_every_field(void **state)
{
    (void)state;
    struct record_builder builder;
    record_build(&builder, &arena);
    record_set(&builder, STR("number"), value_text(STR("old")));
    record_set_all(&builder, order_of(STR("new")));
    record_set_all(&builder, NULL);
    const struct record *record = record_built(&builder);
    assert_int_equal(record->n, 2);
    assert_str(record_get(record, STR("number")).text, "new");
}

/* Each kind stands in what a conversation kept last year, so its form may never change. */
static void every_kind_has_its_json(void **state)
{
    (void)state;
    struct value items[] = {value_int(1), value_none()};
    struct list list = {items, 2};
    struct record_builder builder;
    record_build(&builder, &arena);
    record_set(&builder, STR("none"), value_none());
    record_set(&builder, STR("yes"), value_bool(true));
    record_set(&builder, STR("low"), value_int(INT64_MIN));
    record_set(&builder, STR("text"), value_text(STR("zażółć")));
    record_set(&builder, STR("paid"), value_money((struct money){1999, "EUR"}));
    record_set(&builder, STR("at"), value_time(1794961200000000));
    record_set(&builder, STR("list"), value_list(&list));
    record_set(&builder, STR("empty"), value_record(NULL));
    struct str json = record_to_json(&arena, record_built(&builder));
    assert_str(json, "{\"none\":null,\"yes\":true,\"low\":-9223372036854775808,"
                     "\"text\":\"zażółć\",\"paid\":{\"$money\":[\"1999\",\"EUR\"]},"
                     "\"at\":{\"$time\":1794961200000000},\"list\":[1,null],\"empty\":{}}");
    const struct record *back = NULL;
    assert_true(record_from_json(&arena, json, &back, NULL));
    assert_str(record_to_json(&arena, back), json.at);
    assert_str(record_to_json(&arena, NULL), "{}");
}

static void no_field_s_name_can_pose_as_a_type(void **state)
{
    (void)state;
    static const struct str names[] = {STR("$money"),  STR("$time"), STR("$"), STR("$$"),
                                       STR("$$money"), STR("$x"),    STR("")};
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct record_builder inner;
        struct record_builder outer;
        record_build(&inner, &arena);
        record_set(&inner, names[i], value_int(5));
        record_build(&outer, &arena);
        record_set(&outer, names[i], value_record(record_built(&inner)));
        struct str json = record_to_json(&arena, record_built(&outer));
        const struct record *back = NULL;
        assert_true(record_from_json(&arena, json, &back, NULL));
        assert_true(same_record(back, record_built(&outer)));
    }
}

static void what_no_record_wrote_is_rejected(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_NONE,
        STR("null"),
        STR("[]"),
        STR("{\"a\":1.5}"),
        STR("{\"a\":1e2}"),
        STR("{\"a\":[[{\"b\":0.0}]]}"),
        STR("{\"a\":9223372036854775808}"),
        STR("{\"a\":1,\"a\":2}"),
        STR("{\"a\":{\"$money\":[\"1\",\"EUR\"],\"b\":1}}"),
        STR("{\"a\":{\"b\":1,\"$time\":1}}"),
        STR("{\"a\":{\"$money\":[1,\"EUR\"]}}"),
        STR("{\"a\":{\"$money\":[\"1\"]}}"),
        STR("{\"a\":{\"$money\":[\"1\",\"EUR\",\"x\"]}}"),
        STR("{\"a\":{\"$money\":[\"1\",\"ABC\"]}}"),
        STR("{\"a\":{\"$money\":[\"1.5\",\"EUR\"]}}"),
        STR("{\"a\":{\"$money\":[\"9223372036854775808\",\"EUR\"]}}"),
        STR("{\"a\":{\"$money\":\"1 EUR\"}}"),
        STR("{\"a\":{\"$money\":null}}"),
        STR("{\"a\":{\"$time\":\"1\"}}"),
        STR("{\"a\":{\"$time\":1.5}}"),
        STR("{\"a\":{\"$time\":null}}"),
        STR("{\"a\":{\"$other\":1}}"),
        STR("{\"$money\":[\"1\",\"EUR\"]}"),
        STR("{\"$time\":1}"),
        STR("{\"a\":\"\\u0000\"}"),
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        const struct record *record = &(struct record){0};
        const struct record *before = record;
        struct err err = {0};
        assert_false(record_from_json(&arena, wrong[i], &record, &err));
        assert_int_equal(err.code, ERR_REJECT);
        assert_ptr_equal(record, before);
        assert_true(str_starts(str_from(err.text), STR("read record: ")));
    }
}

static void bytes_that_json_cannot_hold_are_replaced_in_names_and_texts(void **state)
{
    (void)state;
    struct record_builder builder;
    record_build(&builder, &arena);
    record_set(&builder, STR("a\xFF"), value_text(STR("x\0y")));
    record_set(&builder, STR("n\0"), value_int(1));
    const struct record *back = NULL;
    assert_true(
        record_from_json(&arena, record_to_json(&arena, record_built(&builder)), &back, NULL));
    assert_str(record_get(back, STR("a\uFFFD")).text, "x\uFFFDy");
    assert_true(record_get(back, STR("n\uFFFD")).number == 1);
}

static void of_two_fields_with_one_name_the_first_counts(void **state)
{
    (void)state;
    const struct field fields[] = {
        {STR("a"), value_int(1)},
        {STR("a"), value_int(2)}
    };
    const struct record record = {fields, 2};
    assert_true(record_get(&record, STR("a")).number == 1);
    assert_str(record_to_json(&arena, &record), "{\"a\":1}");
}

static struct value nested(int depth)
{
    struct value value = value_int(1);
    for (; depth > 0; depth--) {
        struct value *item = arena_new(&arena, struct value);
        struct list *list = arena_new(&arena, struct list);
        *item = value;
        *list = (struct list){item, 1};
        value = value_list(list);
    }
    return value;
}

/* The reader goes down 2048 levels, and no further whatever is written. */
static void depth_is_bounded_by_the_reader(void **state)
{
    (void)state;
    const struct field deep = {STR("a"), nested(2000)};
    const struct field abyss = {STR("a"), nested(3000)};
    const struct record record = {&deep, 1};
    const struct record *back = NULL;
    struct err err = {0};
    assert_true(record_from_json(&arena, record_to_json(&arena, &record), &back, NULL));
    assert_true(same_record(back, &record));
    assert_false(record_from_json(&arena, record_to_json(&arena, &(struct record){&abyss, 1}),
                                  &back, &err));
    assert_int_equal(err.code, ERR_REJECT);
}

static uint32_t random_state = 3;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

static int64_t random_number(void)
{
    uint64_t bits = (uint64_t)next_random(1U << 24) << 40 ^
                    (uint64_t)next_random(1U << 24) << 20 ^ next_random(1U << 24);
    return (int64_t)(bits >> next_random(64)) * (next_random(2) ? 1 : -1);
}

static struct str random_text(void)
{
    static const char *const pieces[] = {"a", "$", "ż",    "م",    "😀",      "\n", "\"", "\\",
                                         ".", " ", "\x01", "\x7F", "\uFFFF", "/",  "<"};
    struct str text = STR_NONE;
    for (uint32_t n = next_random(6); n > 0; n--)
        text = arena_format(&arena, "%.*s%s", STR_ARG(text), pieces[next_random(15)]);
    return text;
}

static const struct record *random_record(int depth);

static struct value random_list(int depth)
{
    struct list *list = arena_new(&arena, struct list);
    list->n = next_random(4);
    struct value *items = arena_array(&arena, struct value, list->n);
    for (size_t i = 0; i < list->n; i++)
        items[i] = record_get(random_record(depth - 1), STR("$"));
    list->items = items;
    return value_list(list);
}

static struct value random_value(int depth)
{
    static const char *const currencies[] = {"EUR", "JPY", "KWD", "CLF"};
    switch (next_random(depth > 0 ? 8 : 6)) {
    case 0:
        return value_none();
    case 1:
        return value_bool(next_random(2) != 0);
    case 2:
        return value_int(random_number());
    case 3:
        return value_text(random_text());
    case 4: {
        struct money money;
        assert_true(
            money_make(random_number(), str_from(currencies[next_random(4)]), &money, NULL));
        return value_money(money);
    }
    case 5:
        return value_time(random_number());
    case 6:
        return value_record(random_record(depth - 1));
    default:
        return random_list(depth);
    }
}

static const struct record *random_record(int depth)
{
    struct record_builder builder;
    record_build(&builder, &arena);
    for (uint32_t n = next_random(5); n > 0; n--)
        record_set(&builder, random_text(), random_value(depth));
    record_set(&builder, STR("$"), random_value(depth));
    return record_built(&builder);
}

static void any_record_comes_back_exactly_as_it_was(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        const struct record *record = random_record(3);
        const struct record *back = NULL;
        struct str json = record_to_json(&arena, record);
        assert_true(record_from_json(&arena, json, &back, NULL));
        assert_true(same_record(record, back));
        assert_true(str_eq(record_to_json(&arena, back), json));
        arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_found_or_is_none),
        cmocka_unit_test(a_path_steps_through_records_only),
        cmocka_unit_test(setting_a_name_again_replaces_its_value),
        cmocka_unit_test(what_was_built_stays_when_the_builder_goes_on),
        cmocka_unit_test(set_all_takes_over_every_field),
        cmocka_unit_test(every_kind_has_its_json),
        cmocka_unit_test(no_field_s_name_can_pose_as_a_type),
        cmocka_unit_test(what_no_record_wrote_is_rejected),
        cmocka_unit_test(bytes_that_json_cannot_hold_are_replaced_in_names_and_texts),
        cmocka_unit_test(of_two_fields_with_one_name_the_first_counts),
        cmocka_unit_test(depth_is_bounded_by_the_reader),
        cmocka_unit_test(any_record_comes_back_exactly_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
