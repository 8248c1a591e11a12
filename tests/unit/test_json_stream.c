/* JSON without a tree, held against jansson: what one writes the other reads, and both refuse
 * the same. */
#include "bot/base/json.h"
#include "bot/base/json_in.h"
#include "bot/base/json_out.h"

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

static bool reads(struct str text)
{
    struct json_in in;

    json_in_init(&in, &arena, text);
    json_skip(&in);
    return json_in_end(&in);
}

static bool jansson_reads(struct str text)
{
    json_t *doc = json_loadb(text.at ? text.at : "", text.len, JSON_DECODE_ANY, NULL);
    bool read = doc != NULL;

    json_decref(doc);
    return read;
}

static void commas_stand_between_members_and_nowhere_else(void **state)
{
    (void)state;
    struct json_out out;

    json_out_init(&out, &arena, 1);
    json_open(&out, '{');
    json_member(&out, "none", STR_NONE);
    json_member(&out, "a", STR("x:"));
    json_open_in(&out, "rows", '[');
    json_open(&out, '{');
    json_close(&out, '}');
    json_put_text(&out, STR("{"));
    json_put_text(&out, STR_NONE);
    json_put_int(&out, INT64_MIN);
    json_put_int(&out, 0);
    json_put_word(&out, "null");
    json_close(&out, ']');
    json_key_of(&out, STR("b\""));
    json_put_int(&out, INT64_MAX);
    json_close(&out, '}');
    assert_string_equal(arena_cstr(&arena, json_out_text(&out)),
                        "{\"a\":\"x:\",\"rows\":[{},\"{\",\"\",-9223372036854775808,0,null],"
                        "\"b\\\"\":9223372036854775807}");
}

static void a_text_comes_back_through_both_readers(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t n = (size_t)rand() % sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(rand() % 4 ? rand() % 128 : rand());
        struct str sane = str_sane(&arena, (struct str){bytes, n});
        struct json_out out;
        struct json_in in;
        json_out_init(&out, &arena, 4);
        json_put_text(&out, (struct str){bytes, n});
        json_in_init(&in, &arena, json_out_text(&out));
        assert_true(str_eq(json_in_text(&in), sane));
        assert_true(json_in_end(&in));
        json_t *tree = json_loadb(out.at, out.len, JSON_DECODE_ANY, NULL);
        assert_non_null(tree);
        assert_int_equal(json_string_length(tree), sane.len);
        assert_memory_equal(json_string_value(tree), sane.at, sane.len);
        json_decref(tree);
        arena_reset(&arena);
    }
}

static void escapes_mean_what_they_mean_to_jansson(void **state)
{
    (void)state;
    struct json_in in;

    json_in_init(&in, &arena,
                 STR("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\""));
    assert_true(str_eq(json_in_text(&in), STR("a\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC"
                                              "\xF0\x9F\x98\x80z")));
    assert_true(json_in_end(&in));
}

static void both_refuse_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "{}",
        " {} ",
        "[]x",
        "[,]",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\x01\"",
        "\"\xff\"",
        "01",
        "-",
        "-0",
        "1.",
        ".5",
        "1.5",
        "1e",
        "1e5",
        "1E+5",
        "--1",
        "+1",
        "tru",
        "true",
        "nul",
        "null",
        "falsee",
        "[true,false,null]",
        "{\"a\":[{\"b\":[]}]}",
        "[[[[]]]",
        "[]]",
        "'a'",
    };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct str text = str_from(texts[i]);
        if (reads(text) != jansson_reads(text))
            fail_msg("not agreed on: %s", texts[i]);
    }
}

/* Good JSON, with some bytes of it changed, cut or doubled. */
static void both_refuse_the_same_of_what_was_spoilt(void **state)
{
    (void)state;
    static const char good[] = "{\"kind\":\"list\",\"n\":[1,-2.5e3,true,null,{}],\"t\":"
                               "\"a\\u00e9\\n\\ud83d\\ude00 \xC5\xBC\",\"o\":{\"x\":[[]]}}";
    static const char spice[] = "{}[]\",:\\0u-.e tn\x80";
    srand(11);
    for (int round = 0; round < 50000; round++) {
        char text[sizeof good];
        size_t len = sizeof good - 1;
        memcpy(text, good, sizeof good);
        for (int i = rand() % 4; i >= 0; i--)
            text[(size_t)rand() % len] = spice[(size_t)rand() % (sizeof spice - 1)];
        if (rand() % 8 == 0)
            len = (size_t)rand() % len;
        if (reads((struct str){text, len}) != jansson_reads((struct str){text, len}))
            fail_msg("not agreed on: %.*s", (int)len, text);
        arena_reset(&arena);
    }
}

static void after_a_mistake_every_loop_ends_and_every_answer_is_empty(void **state)
{
    (void)state;
    struct json_in in;

    json_in_init(&in, &arena, STR("{\"a\":[1,2"));
    json_enter(&in, '{');
    assert_true(json_more(&in, '}'));
    assert_true(str_eq(json_in_key(&in), STR("a")));
    assert_int_equal(json_in_text(&in).len, 0); /* it is a list */
    assert_false(json_more(&in, '}'));
    assert_int_equal(json_in_int(&in), 0);
    assert_int_equal(json_in_word(&in), 0);
    assert_int_equal(json_in_key(&in).len, 0);
    json_skip(&in);
    assert_int_equal(json_next(&in), JSON_IN_NOTHING);
    assert_false(json_in_end(&in));
}

static void nesting_has_a_bound(void **state)
{
    (void)state;
    static char deep[2 * 4000];

    for (size_t n = 2040; n <= 2056; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        assert_int_equal(reads((struct str){deep, 2 * n}), n <= 2048);
        assert_int_equal(jansson_reads((struct str){deep, 2 * n}), n <= 2048);
    }
}

static void whole_numbers_are_read_exactly_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int64_t number;
        bool good;
    } numbers[] = {
        {STR("0"),                    0,         true },
        {STR("-7"),                   -7,        true },
        {STR("9223372036854775807"),  INT64_MAX, true },
        {STR("-9223372036854775808"), INT64_MIN, true },
        {STR("9223372036854775808"),  0,         false},
        {STR("1.0"),                  0,         false},
        {STR("1e2"),                  0,         false},
        {STR("007"),                  0,         false},
    };
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        struct json_in in;
        json_in_init(&in, &arena, numbers[i].text);
        assert_true(json_in_int(&in) == numbers[i].number);
        assert_int_equal(json_in_end(&in), numbers[i].good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_members_and_nowhere_else),
        cmocka_unit_test(a_text_comes_back_through_both_readers),
        cmocka_unit_test(escapes_mean_what_they_mean_to_jansson),
        cmocka_unit_test(both_refuse_the_same),
        cmocka_unit_test(both_refuse_the_same_of_what_was_spoilt),
        cmocka_unit_test(after_a_mistake_every_loop_ends_and_every_answer_is_empty),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(whole_numbers_are_read_exactly_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
