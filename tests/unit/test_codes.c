/* One-time codes: their digits, and the hashes that are kept of them. */
#include "bot/turn/codes.h"

#include "bot/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static const struct config_app app = {.app_secret = STR("an app's secret")};
static const struct config keyed = {.secrets.key = STR("a key of its own")};
static const struct config by_app = {
    .whatsapp = {.apps = &app, .n_apps = 1}
};
static const struct uuid one = {{1}}, two = {{2}};

static void otp_1_codes_have_six_digits_and_are_spread(void **state)
{
    int first[10] = {0};
    int last[10] = {0};

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct code code = code_make(&arena, &keyed, one, two);

        assert_int_equal(strlen(code.digits), CODE_LEN);
        assert_int_equal(strspn(code.digits, "0123456789"), CODE_LEN);
        first[code.digits[0] - '0']++;
        last[code.digits[CODE_LEN - 1] - '0']++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(first[i], 350, 650); /* 500, seven deviations either way */
        assert_in_range(last[i], 350, 650);
    }
}

static void otp_1_what_is_typed_has_the_hash_of_what_was_made(void **state)
{
    struct code code = code_make(&arena, &keyed, one, two);

    (void)state;
    assert_int_equal(code.hash.len, 64);
    assert_true(str_eq(code.hash, code_hash(&arena, &keyed, one, two, str_from(code.digits))));
}

static void otp_1_a_hash_hangs_on_key_business_address_and_digits(void **state)
{
    struct str hash = code_hash(&arena, &keyed, one, two, STR("123456"));

    (void)state;
    assert_false(str_eq(hash, code_hash(&arena, &keyed, one, two, STR("123457"))));
    assert_false(str_eq(hash, code_hash(&arena, &keyed, two, two, STR("123456"))));
    assert_false(str_eq(hash, code_hash(&arena, &keyed, one, one, STR("123456"))));
    assert_false(str_eq(hash, code_hash(&arena, &keyed, two, one, STR("123456"))));
    assert_false(str_eq(hash, code_hash(&arena, &by_app, one, two, STR("123456"))));
    assert_true(str_find(hash, STR("123456")) == hash.len);
}

static void otp_1_what_is_no_code_has_no_hash(void **state)
{
    static const char *const none[] = {"", "12345", "1234567", "12345a", "12 456", "-12345"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(none); i++)
        assert_int_equal(code_hash(&arena, &keyed, one, two, str_from(none[i])).len, 0);
}

static int set_up(void **state)
{
    struct err err = {0};

    (void)state;
    return crypto_init(&err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(otp_1_codes_have_six_digits_and_are_spread),
        cmocka_unit_test(otp_1_what_is_typed_has_the_hash_of_what_was_made),
        cmocka_unit_test(otp_1_a_hash_hangs_on_key_business_address_and_digits),
        cmocka_unit_test(otp_1_what_is_no_code_has_no_hash),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
