/* Letters and digits of machines, in either case. */
#include "bot/base/ascii.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void letters_are_alike_in_either_case_and_nothing_else_is(void **state)
{
    (void)state;
    assert_true(ascii_eq(STR("Content-TYPE"), STR("content-Type")));
    assert_false(ascii_eq(STR("content"), STR("content-type")));
    assert_true(ascii_starts(STR("Content-Type"), STR("CONTENT")));
    assert_false(ascii_starts(STR("con"), STR("content")));
    assert_true(ascii_starts(STR("x"), STR_NONE));
    for (int c = 0; c < 256; c++) {
        char lower = ascii_lower((char)c);

        assert_int_equal(lower, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
    }
    assert_false(ascii_eq(STR("["), STR("{"))); /* 32 apart, and no letters */
    assert_false(ascii_eq(STR("É"), STR("é")));
}

static void a_lowered_text_is_a_copy(void **state)
{
    struct arena arena = {0};
    struct str text = STR("Ana@Example.NET \u0141");
    struct str lowered = ascii_lowered(&arena, text);

    (void)state;
    assert_true(str_eq(lowered, STR("ana@example.net \u0141")));
    assert_ptr_not_equal(lowered.at, text.at);
    assert_int_equal(ascii_lowered(&arena, STR_NONE).len, 0);
    arena_finish(&arena);
}

static void hex_digits_have_their_values(void **state)
{
    static const char small[] = "0123456789abcdef", large[] = "0123456789ABCDEF";

    (void)state;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(ascii_hex(small[i]), i);
        assert_int_equal(ascii_hex(large[i]), i);
    }
    for (const char *other = "/:@G`g \xE9"; *other != '\0'; other++)
        assert_int_equal(ascii_hex(*other), -1);
    assert_int_equal(ascii_hex('\0'), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_are_alike_in_either_case_and_nothing_else_is),
        cmocka_unit_test(a_lowered_text_is_a_copy),
        cmocka_unit_test(hex_digits_have_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
