/* JSON: strict about what is read, forgiving about what is missing, silent about what it was.
 */
#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static json_t *must_read(const char *text)
{
    json_t *doc = NULL;
    assert_true(json_read(str_from(text), &doc, NULL));
    return doc;
}

static void assert_str(struct str got, const char *want)
{
    assert_string_equal(arena_cstr(&arena, got), want);
    assert_int_equal(got.len, strlen(want));
}

static void what_is_no_json_is_rejected_with_reason_and_place(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *reason;
    } wrong[] = {
        {STR_NONE,                           "json ends too early"                },
        {STR(" "),                           "json ends too early"                },
        {STR("7"),                           "json is malformed"                  },
        {STR("\"text\""),                    "json is malformed"                  },
        {STR("{"),                           "json ends too early"                },
        {STR("{\"a\":1"),                    "json ends too early"                },
        {STR("{\"a\":1}x"),                  "json goes on after its end"         },
        {STR("{\"a\":1} {}"),                "json goes on after its end"         },
        {STR("{\"a\":1,\"a\":2}"),           "json has a key twice"               },
        {STR("{\"a\":\"\\u0000\"}"),         "json has a NUL"                     },
        {STR("{\"a\\u0000\":1}"),            "json has a NUL"                     },
        {STR("{\"a\":\"\\ud83d\"}"),         "json is malformed"                  },
        {STR("{\"a\":\"\\ude00\"}"),         "json is malformed"                  },
        {STR("{\"a\":\"\\ud83dx\"}"),        "json is malformed"                  },
        {STR("{\"a\":\"\xFF\"}"),            "json is not UTF-8"                  },
        {STR("{\"a\":\"\xED\xA0\x80\"}"),    "json is not UTF-8"                  },
        {STR("{\"a\":9223372036854775808}"), "json has a number that is too large"},
        {STR("{\"a\":1e999}"),               "json has a number that is too large"},
        {STR("{\"a\":01}"),                  "json is malformed"                  },
        {STR("{'a':1}"),                     "json is malformed"                  },
        {STR("{\"a\":1,}"),                  "json is malformed"                  },
        {STR("{\"a\":NaN}"),                 "json is malformed"                  },
        {STR("{\"a\":\"b\0\"}"),             "json is malformed"                  },
        {STR("\xEF\xBB\xBF{}"),              "json is malformed"                  },
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        json_t *doc = NULL;
        struct err err = {0};
        assert_false(json_read(wrong[i].text, &doc, &err));
        assert_null(doc);
        assert_int_equal(err.code, ERR_REJECT);
        assert_true(str_starts(str_from(err.text), str_from(wrong[i].reason)));
        assert_non_null(strstr(err.text, "line "));
    }
}

/* jansson quotes what stands near an error; it is somebody's letter. */
static void an_error_never_quotes_the_input(void **state)
{
    (void)state;
    static const char secret[] = "{\"from\":\"+48123456789\",\"text\":\"moje haslo\"}";
    for (size_t len = 0; len < sizeof(secret) - 1; len++) {
        for (int c = 0; c < 256; c++) {
            char text[sizeof(secret)];
            memcpy(text, secret, sizeof(secret));
            text[len] = (char)c;
            OWNED_JSON(doc) = NULL;
            struct err err = {0};
            if (json_read((struct str){text, sizeof(secret) - 1}, &doc, &err))
                continue;
            assert_null(strstr(err.text, "4812"));
            assert_null(strstr(err.text, "haslo"));
            assert_null(strstr(err.text, "moje"));
            assert_null(strchr(err.text, '\''));
        }
    }
}

static void nesting_too_deep_is_rejected_not_followed(void **state)
{
    (void)state;
    size_t n = 100000;
    char *text = arena_alloc(&arena, n);
    memset(text, '[', n);
    json_t *doc = NULL;
    struct err err = {0};
    assert_false(json_read((struct str){text, n}, &doc, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_non_null(strstr(err.text, "too deep"));
}

static void text_is_copied_out_and_outlives_the_document(void **state)
{
    (void)state;
    json_t *doc = must_read("{\"name\":\"zażółć \\ud83d\\ude00\",\"empty\":\"\"}");
    struct str name = json_text(&arena, doc, "name");
    json_release(&doc);
    assert_null(doc);
    assert_str(name, "zażółć 😀");
}

static void a_missing_or_mistyped_member_reads_as_empty(void **state)
{
    (void)state;
    OWNED_JSON(doc) = must_read("{\"n\":7,\"t\":\"x\",\"b\":true,\"o\":{},\"a\":[],\"z\":null,"
                                "\"r\":1.5,\"d\":\"42\",\"w\":\"4 2\"}");
    static const char *const not_text[] = {"n", "b", "o", "a", "z", "r", "missing"};
    for (size_t i = 0; i < COUNTOF(not_text); i++)
        assert_int_equal(json_text(&arena, doc, not_text[i]).len, 0);
    static const char *const not_numbers[] = {"t", "b", "o", "a", "z", "r", "w", "missing"};
    for (size_t i = 0; i < COUNTOF(not_numbers); i++)
        assert_int_equal(json_int(doc, not_numbers[i], -3), -3);
    static const char *const not_bools[] = {"n", "t", "o", "a", "z", "r", "missing"};
    for (size_t i = 0; i < COUNTOF(not_bools); i++)
        assert_true(json_bool(doc, not_bools[i], true));
    assert_null(json_object_in(doc, "a"));
    assert_null(json_object_in(doc, "missing"));
    assert_null(json_array_in(doc, "o"));
    assert_null(json_array_in(doc, "z"));
    assert_non_null(json_object_in(doc, "o"));
    assert_non_null(json_array_in(doc, "a"));
}

static void getters_stand_what_is_not_an_object(void **state)
{
    (void)state;
    OWNED_JSON(list) = must_read("[1]");
    const json_t *const things[] = {NULL, list, json_array_get(list, 0)};
    for (size_t i = 0; i < COUNTOF(things); i++) {
        assert_int_equal(json_text(&arena, things[i], "a").len, 0);
        assert_int_equal(json_scalar(&arena, things[i], "a").len, 0);
        assert_int_equal(json_int(things[i], "a", 9), 9);
        assert_false(json_bool(things[i], "a", false));
        assert_null(json_object_in(things[i], "a"));
        assert_null(json_array_in(things[i], "a"));
    }
    assert_int_equal(json_write(&arena, NULL).len, 0);
    json_t *nothing = NULL;
    json_release(&nothing);
}

static void ids_and_times_come_as_text_or_number(void **state)
{
    (void)state;
    OWNED_JSON(doc) = must_read("{\"a\":\"0123\",\"b\":-9223372036854775808,\"c\":1749416383,"
                                "\"d\":\"1749416383\",\"e\":1.5,\"f\":true}");
    assert_str(json_scalar(&arena, doc, "a"), "0123");
    assert_str(json_scalar(&arena, doc, "b"), "-9223372036854775808");
    assert_str(json_scalar(&arena, doc, "c"), "1749416383");
    assert_str(json_scalar(&arena, doc, "e"), "");
    assert_str(json_scalar(&arena, doc, "f"), "");
    assert_true(json_int(doc, "b", 0) == INT64_MIN);
    assert_true(json_int(doc, "c", 0) == 1749416383);
    assert_true(json_int(doc, "d", 0) == 1749416383);
}

static void what_is_written_is_compact_and_reads_the_same(void **state)
{
    (void)state;
    OWNED_JSON(doc) = json_object();
    json_set_text(doc, "text", STR("zażółć \"😀\"\n"));
    json_set_text(doc, "nothing", STR_NONE);
    json_set_int(doc, "low", INT64_MIN);
    json_set_int(doc, "high", INT64_MAX);
    json_set_bool(doc, "yes", true);
    json_set_bool(doc, "no", false);
    struct str text = json_write(&arena, doc);
    assert_str(text, "{\"text\":\"zażółć \\\"😀\\\"\\n\",\"low\":-9223372036854775808,"
                     "\"high\":9223372036854775807,\"yes\":true,\"no\":false}");
    OWNED_JSON(back) = must_read(text.at);
    assert_true(json_equal(doc, back));
}

/* jsonb refuses a NUL, and jansson refuses bytes that are no UTF-8: a reply with a stray byte
 * in it must still leave. */
static void bytes_that_json_cannot_hold_are_replaced(void **state)
{
    (void)state;
    OWNED_JSON(doc) = json_object();
    json_set_text(doc, "a", STR("x\xFFy"));
    json_set_text(doc, "b", STR("x\0y"));
    json_set_text(doc, "c", STR("\xF0\x9F"));
    assert_str(json_text(&arena, doc, "a"), "x\uFFFDy");
    assert_str(json_text(&arena, doc, "b"), "x\uFFFDy");
    assert_str(json_text(&arena, doc, "c"), "\uFFFD\uFFFD");
    assert_null(strstr(json_write(&arena, doc).at, "u0000"));
}

static void setting_again_replaces(void **state)
{
    (void)state;
    OWNED_JSON(doc) = json_object();
    json_set_text(doc, "a", STR("one"));
    json_set_int(doc, "a", 2);
    assert_str(json_write(&arena, doc), "{\"a\":2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_is_rejected_with_reason_and_place),
        cmocka_unit_test(an_error_never_quotes_the_input),
        cmocka_unit_test(nesting_too_deep_is_rejected_not_followed),
        cmocka_unit_test(text_is_copied_out_and_outlives_the_document),
        cmocka_unit_test(a_missing_or_mistyped_member_reads_as_empty),
        cmocka_unit_test(getters_stand_what_is_not_an_object),
        cmocka_unit_test(ids_and_times_come_as_text_or_number),
        cmocka_unit_test(what_is_written_is_compact_and_reads_the_same),
        cmocka_unit_test(bytes_that_json_cannot_hold_are_replaced),
        cmocka_unit_test(setting_again_replaces),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
