/* Errors: codes survive wrapping, texts are bounded and stay UTF-8. */
#include "bot/base/err.h"
#include "bot/base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void an_error_reads_from_outside_in_and_keeps_its_code(void **state)
{
    (void)state;
    struct err err;
    assert_false(err_raise(&err, ERR_RETRY, "connection %s", "reset"));
    assert_false(err_wrap(&err, "claim %d", 7));
    assert_false(err_wrap(&err, "outbox"));
    assert_int_equal(err.code, ERR_RETRY);
    assert_string_equal(err.text, "outbox: claim 7: connection reset");
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_false(err_raise(NULL, ERR_BROKEN, "lost"));
    assert_false(err_wrap(NULL, "lost"));
}

static void an_error_may_quote_itself(void **state)
{
    (void)state;
    struct err err;
    (void)err_raise(&err, ERR_REJECT, "inner");
    (void)err_wrap(&err, "<%s>", err.text);
    assert_string_equal(err.text, "<inner>: inner");
    (void)err_raise(&err, ERR_BROKEN, "%s!", err.text);
    assert_string_equal(err.text, "<inner>: inner!");
}

static void wrapping_what_never_failed_is_our_own_mistake(void **state)
{
    (void)state;
    struct err err = {0};
    (void)err_wrap(&err, "commit");
    assert_int_equal(err.code, ERR_BROKEN);
    assert_string_equal(err.text, "commit");
}

/* Every length around the limit, with characters of one to four bytes at the cut. */
static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "ó", "…", "😀"};
    for (size_t pad = 0; pad < 8; pad++) {
        for (size_t c = 0; c < COUNTOF(characters); c++) {
            char text[1024] = "";
            memset(text, '-', pad);
            while (strlen(text) < 600)
                memcpy(text + strlen(text), characters[c], strlen(characters[c]) + 1);
            struct err err;
            (void)err_raise(&err, ERR_RETRY, "%s", text);
            assert_true(strlen(err.text) > ERR_TEXT_MAX - 5);
            assert_true(str_is_utf8(str_from(err.text)));
            (void)err_wrap(&err, "%s", text);
            assert_true(strlen(err.text) > ERR_TEXT_MAX - 5);
            assert_true(str_is_utf8(str_from(err.text)));
            assert_int_equal(err.code, ERR_RETRY);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_reads_from_outside_in_and_keeps_its_code),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(an_error_may_quote_itself),
        cmocka_unit_test(wrapping_what_never_failed_is_our_own_mistake),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
