/* The ids of rows and buttons: what goes in comes back, and strangers cannot make us stumble.
 */
#include "flows/engine/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct prompt_id example(void)
{
    return (struct prompt_id){.version = STR("1a2b3c4d"),
                              .flow = STR("orders"),
                              .state = STR("list"),
                              .kind = OPTION_ROW,
                              .key = STR("ORD-1001")};
}

static void check_same(const struct prompt_id *id)
{
    struct arena arena = {0};
    struct str text = prompt_id_encode(&arena, id);
    struct prompt_id back;

    assert_true(text.len > 0 && text.len <= PROMPT_ID_MAX);
    assert_true(prompt_id_decode(text, &back));
    assert_true(str_eq(back.version, id->version));
    assert_true(str_eq(back.flow, id->flow));
    assert_true(str_eq(back.state, id->state));
    assert_true(str_eq(back.number, id->number));
    assert_int_equal(back.kind, id->kind);
    assert_true(str_eq(back.key, id->key));
    assert_int_equal(back.n_carries, id->n_carries);
    for (size_t i = 0; i < id->n_carries; i++)
        assert_true(str_eq(back.carries[i], id->carries[i]));
    arena_finish(&arena);
}

static void flw_7_an_id_reads_as_version_flow_state_and_key(void **state)
{
    struct arena arena = {0};
    struct prompt_id id = example();

    (void)state;
    assert_true(
        str_eq(prompt_id_encode(&arena, &id), STR("p1.1a2b3c4d.orders.list.k:ORD-1001")));
    id.n_carries = 1;
    id.carries[0] = STR("active");
    assert_true(str_eq(prompt_id_encode(&arena, &id),
                       STR("p1.1a2b3c4d.orders.list.=active~k:ORD-1001")));
    id.number = STR("19a");
    assert_true(str_eq(prompt_id_encode(&arena, &id),
                       STR("p1.1a2b3c4d.orders.list.#19a~=active~k:ORD-1001")));
    arena_finish(&arena);
}

static void an_id_comes_back_as_it_was(void **state)
{
    static const char *const keys[] = {"1",     "a.b.c",   "k:k:k", "~", "#5",
                                       "=x~k:", "ąć żółw", "طلب",   " "};
    struct prompt_id id = example();

    (void)state;
    check_same(&id);
    for (size_t i = 0; i < COUNTOF(keys); i++) {
        id = example();
        id.key = str_from(keys[i]);
        check_same(&id);
        id.number = STR("19abcdef");
        id.n_carries = 3;
        id.carries[0] = STR("active");
        id.carries[2] = STR("dos tazas: #1.=");
        check_same(&id);
    }
}

static void what_is_too_long_is_left_behind_and_then_refused(void **state)
{
    struct arena arena = {0};
    struct prompt_id id = example();
    struct prompt_id back;
    char key[300];
    char carried[40];

    (void)state;
    memset(key, 'x', sizeof(key));
    memset(carried, 'y', sizeof(carried));
    id.key = (struct str){key, 150};
    id.n_carries = 1;
    id.carries[0] = (struct str){carried, sizeof(carried)};
    assert_true(prompt_id_decode(prompt_id_encode(&arena, &id), &back));
    assert_int_equal(back.n_carries, 0);
    assert_int_equal(back.key.len, 150);
    id.key.len = 250;
    assert_int_equal(prompt_id_encode(&arena, &id).len, 0);
    arena_finish(&arena);
}

static void what_may_not_be_carried_is_carried_as_nothing(void **state)
{
    struct arena arena = {0};
    struct prompt_id id = example();
    struct prompt_id back;

    (void)state;
    id.n_carries = 2;
    id.carries[0] = STR("a~b");
    id.carries[1] = STR("a\nb");
    assert_true(prompt_id_decode(prompt_id_encode(&arena, &id), &back));
    assert_int_equal(back.n_carries, 2);
    assert_int_equal(back.carries[0].len, 0);
    assert_int_equal(back.carries[1].len, 0);
    assert_true(str_eq(back.key, STR("ORD-1001")));
    arena_finish(&arena);
}

static void what_is_not_ours_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "p1",
                                      "p1.",
                                      "p2.1a2b3c4d.orders.list.k:1",
                                      "p1.1a2b3c4.orders.list.k:1",
                                      "p1.1A2B3C4D.orders.list.k:1",
                                      "p1.1a2b3c4d..list.k:1",
                                      "p1.1a2b3c4d.orders..k:1",
                                      "p1.1a2b3c4d.Orders.list.k:1",
                                      "p1.1a2b3c4d.orders.list.",
                                      "p1.1a2b3c4d.orders.list.k",
                                      "p1.1a2b3c4d.orders.list.k:",
                                      "p1.1a2b3c4d.orders.list.z:1",
                                      "p1.1a2b3c4d.orders.list.#1k:1",
                                      "p1.1a2b3c4d.orders.list.=1",
                                      "p1.1a2b3c4d.orders.list.=1~",
                                      "p1.1a2b3c4d.orders.list.=1~=2~=3~=4~k:1",
                                      "p1.1a2b3c4d.orders.list\xff.k:1",
                                      "p1.1a2b3c4d.orders.list.k:\xc3(",
                                      "Yes please"};
    struct prompt_id id;

    (void)state;
    for (size_t i = 0; i < COUNTOF(bad); i++)
        assert_false(prompt_id_decode(str_from(bad[i]), &id));
    assert_false(prompt_id_decode(STR_NONE, &id));
}

static void any_bytes_decode_or_do_not(void **state)
{
    struct arena arena = {0};
    struct prompt_id seed = example();
    struct str text;
    uint32_t random = 12345;

    (void)state;
    seed.number = STR("7");
    seed.n_carries = 2;
    seed.carries[0] = STR("x");
    text = prompt_id_encode(&arena, &seed);
    for (unsigned round = 0; round < 20000; round++) {
        char copy[PROMPT_ID_MAX];
        struct prompt_id id;
        size_t len;

        memcpy(copy, text.at, text.len);
        random = random * 1664525 + 1013904223;
        copy[(random >> 8) % text.len] = (char)(random >> 24);
        len = (random >> 4) % (text.len + 1);
        if (prompt_id_decode((struct str){copy, len}, &id))
            assert_true(id.key.len > 0 && id.n_carries <= PROMPT_CARRIES_MAX);
    }
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_7_an_id_reads_as_version_flow_state_and_key),
        cmocka_unit_test(an_id_comes_back_as_it_was),
        cmocka_unit_test(what_is_too_long_is_left_behind_and_then_refused),
        cmocka_unit_test(what_may_not_be_carried_is_carried_as_nothing),
        cmocka_unit_test(what_is_not_ours_is_refused),
        cmocka_unit_test(any_bytes_decode_or_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
