/* What flows may name is bound to a statement that takes what the flow gives. */
#include "flows/flows.h"
#include "store/parts.h"
#include "store/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool gives(const struct flow_part *declared, const char *name)
{
    for (size_t i = 0; declared->takes && declared->takes[i]; i++) {
        const char *given = declared->takes[i];
        if (strcmp(*given == '?' ? given + 1 : given, name) == 0)
            return true;
    }
    return false;
}

static void every_part_that_flows_may_name_is_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < flow_parts_n; i++) {
        const struct flow_part *declared = &flow_parts[i];
        const struct part *part = parts_find(str_from(declared->name));
        if (!part) {
            fail_msg("%s is declared, and bound to nothing", declared->name);
            return;
        }
        if ((part->kind == PART_ACTION) != (declared->kind == FLOW_ACTION))
            fail_msg("%s is declared as one kind and bound as the other", declared->name);
    }
    assert_null(parts_find(STR("orders")));
    assert_null(parts_find(STR("")));
}

static void every_statement_takes_what_its_part_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < flow_parts_n; i++) {
        const struct part *part = parts_find(str_from(flow_parts[i].name));
        size_t from_the_flow = 0, declared = 0;
        int n = 0;
        for (; part->takes[n]; n++) {
            if (strcmp(part->takes[n], "@given") == 0)
                from_the_flow++; /* the variable `code`, which the statement sees hashed only */
            if (part->takes[n][0] == '@')
                continue;
            from_the_flow++;
            if (!gives(&flow_parts[i], part->takes[n]))
                fail_msg("%s takes %s, which it does not declare", part->name, part->takes[n]);
        }
        while (flow_parts[i].takes && flow_parts[i].takes[declared])
            declared++;
        if (declared != from_the_flow || part->sql->n_params != n + 2) {
            fail_msg("%s: %zu declared, %d taken, $%d in the statement", part->name, declared,
                     n, part->sql->n_params);
        }
    }
}

static void what_the_shell_gives_comes_from_the_frame(void **state)
{
    (void)state;
    static const struct sql sql = {.name = "a", .n_params = 6};
    static const char *const takes[] = {"@now", "word", "@text", "@conversation", NULL};
    struct part part = {"a", &sql, takes, PART_ACTION, true};
    struct arena arena;
    struct part_frame frame = {.now = 0, .text = STR("hi \xff")};
    struct record_builder given;

    arena_init(&arena);
    record_build(&given, &arena);
    record_set(&given, STR("word"), value_text(STR("one")));
    record_set(&given, STR("@text"), value_text(STR("a flow cannot say this")));
    const struct db_param *params = part_params(&arena, &part, &frame, record_built(&given));
    assert_null(params[1].bytes); /* not known */
    assert_null(params[2].bytes);
    assert_memory_equal(params[3].bytes, "one", 3);
    assert_memory_equal(params[4].bytes, "hi \xef\xbf\xbd", 6);
    arena_finish(&arena);
}

static void iss_1_handles_of_files_travel_between_commas(void **state)
{
    (void)state;
    static const struct sql sql = {.name = "a", .n_params = 4};
    static const char *const takes[] = {"files", "none", NULL};
    struct part part = {"a", &sql, takes, PART_ACTION, true};
    const struct value handles[] = {value_text(STR("12")), value_int(3),
                                    value_text(STR("4\xff"))};
    const struct list list = {handles, COUNTOF(handles)}, empty = {NULL, 0};
    struct part_frame frame = {.now = 0};
    struct record_builder given;
    struct arena arena;

    arena_init(&arena);
    record_build(&given, &arena);
    record_set(&given, STR("files"), value_list(&list));
    record_set(&given, STR("none"), value_list(&empty));
    const struct db_param *params = part_params(&arena, &part, &frame, record_built(&given));
    assert_int_equal(params[2].len, 7);
    assert_memory_equal(params[2].bytes, "12,4\xef\xbf\xbd", 7);
    assert_null(params[3].bytes);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_that_flows_may_name_is_bound),
        cmocka_unit_test(every_statement_takes_what_its_part_says),
        cmocka_unit_test(what_the_shell_gives_comes_from_the_frame),
        cmocka_unit_test(iss_1_handles_of_files_travel_between_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
