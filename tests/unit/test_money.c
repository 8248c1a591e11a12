/* Money: PAY-7, exact arithmetic in minor units with the currency's own exponent. */
#include "bot/base/arena.h"
#include "bot/base/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unicode/ucurr.h>
#include <unicode/uenum.h>

#include <cmocka.h>

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct money in_euros(int64_t minor)
{
    return (struct money){minor, "EUR"};
}

static void assert_decimal(int64_t minor, const char *currency, const char *want)
{
    struct money money;
    struct money back;
    assert_true(money_make(minor, str_from(currency), &money, NULL));
    struct str decimal = money_decimal(&arena, money);
    assert_string_equal(arena_cstr(&arena, decimal), want);
    assert_true(money_parse(decimal, str_from(currency), &back, NULL));
    assert_true(back.minor == minor);
    assert_string_equal(back.currency, currency);
}

static void pay_7_each_currency_has_its_own_digits(void **state)
{
    (void)state;
    assert_int_equal(money_exponent("JPY"), 0);
    assert_int_equal(money_exponent("KRW"), 0);
    assert_int_equal(money_exponent("CLP"), 0);
    assert_int_equal(money_exponent("EUR"), 2);
    assert_int_equal(money_exponent("AED"), 2);
    assert_int_equal(money_exponent("ZWG"), 2);
    assert_int_equal(money_exponent("HUF"), 2);
    assert_int_equal(money_exponent("KWD"), 3);
    assert_int_equal(money_exponent("TND"), 3);
    assert_int_equal(money_exponent("CLF"), 4);
}

static void what_iso_does_not_list_is_no_currency(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",    "EU",  "EURO", "eur", "Eur",      "XXX",
                                        "XTS", "XAU", "DEM",  "ZZZ", "E\xC3\x89"};
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct money money = in_euros(1);
        struct err err = {0};
        assert_int_equal(money_exponent(wrong[i]), -1);
        assert_false(money_make(5, str_from(wrong[i]), &money, &err));
        assert_int_equal(err.code, ERR_REJECT);
        assert_int_equal(money.minor, 1);
    }
    struct money money;
    assert_int_equal(money_exponent(NULL), -1);
    assert_false(money_make(1, STR_NONE, &money, NULL));
    assert_false(money_make(1, STR("EUR\0"), &money, NULL));
    assert_false(money_make(1, STR("EU\0"), &money, NULL));
}

/* CLDR follows how people pay, and so gives some currencies fewer digits than ISO does; of the
 * codes it knows as current tender none may be missing here, and none with another exponent
 * where both have decimals. */
static void every_currency_that_icu_holds_current_is_known(void **state)
{
    (void)state;
    UErrorCode status = U_ZERO_ERROR;
    UEnumeration *codes = ucurr_openISOCurrencies(UCURR_COMMON | UCURR_NON_DEPRECATED, &status);
    assert_true(U_SUCCESS(status));
    const char *code = NULL;
    int known = 0;
    while ((code = uenum_next(codes, NULL, &status)) != NULL) {
        static const char *const renamed = "CUC CNH HRK SLL ZWL VEF STD MRO BYR LVL LTL EEK "
                                           "ZMK TMM SDD TRL ROL MZM AFA AZM CSD GHC SKK";
        if (strstr(renamed, code) != NULL)
            continue;
        if (money_exponent(code) < 0)
            print_error("missing: %s\n", code);
        assert_true(money_exponent(code) >= 0);
        known++;
    }
    uenum_close(codes);
    assert_true(known > 140);
}

static void pay_7_a_decimal_has_the_currency_s_digits(void **state)
{
    (void)state;
    assert_decimal(1999, "EUR", "19.99");
    assert_decimal(-50, "EUR", "-0.50");
    assert_decimal(5, "EUR", "0.05");
    assert_decimal(0, "EUR", "0.00");
    assert_decimal(1200, "JPY", "1200");
    assert_decimal(-1, "JPY", "-1");
    assert_decimal(1, "KWD", "0.001");
    assert_decimal(-12345, "KWD", "-12.345");
    assert_decimal(10001, "CLF", "1.0001");
    assert_decimal(INT64_MAX, "EUR", "92233720368547758.07");
    assert_decimal(INT64_MIN, "EUR", "-92233720368547758.08");
    assert_decimal(INT64_MAX, "JPY", "9223372036854775807");
    assert_decimal(INT64_MIN, "JPY", "-9223372036854775808");
    assert_decimal(INT64_MIN, "KWD", "-9223372036854775.808");
}

static void pay_7_every_amount_survives_its_decimal(void **state)
{
    (void)state;
    static const char *const currencies[] = {"JPY", "EUR", "KWD", "CLF"};
    uint64_t bits = 88172645463325252U;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        struct money money = {.minor = (int64_t)bits >> (bits % 60)};
        struct money back;
        struct str currency = str_from(currencies[(size_t)i % COUNTOF(currencies)]);
        assert_true(money_make(money.minor, currency, &money, NULL));
        assert_true(money_parse(money_decimal(&arena, money), currency, &back, NULL));
        assert_true(back.minor == money.minor);
        arena_reset(&arena);
    }
}

static void fewer_digits_than_the_currency_has_are_clear_enough(void **state)
{
    (void)state;
    struct money money;
    assert_true(money_parse(STR("19"), STR("EUR"), &money, NULL));
    assert_true(money.minor == 1900);
    assert_true(money_parse(STR("-19.9"), STR("EUR"), &money, NULL));
    assert_true(money.minor == -1990);
    assert_true(money_parse(STR("007.5"), STR("KWD"), &money, NULL));
    assert_true(money.minor == 7500);
    assert_true(money_parse(STR("-0"), STR("EUR"), &money, NULL));
    assert_true(money.minor == 0);
}

static void pay_7_anything_else_is_no_amount(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_NONE,
        STR("-"),
        STR("."),
        STR("1."),
        STR(".5"),
        STR("-.5"),
        STR("1.999"),
        STR("1.990"),
        STR("1,99"),
        STR("1 000"),
        STR("+1"),
        STR(" 1"),
        STR("1 "),
        STR("1e2"),
        STR("0x10"),
        STR("1.2.3"),
        STR("1.-5"),
        STR("--1"),
        STR("1\0"),
        STR("1.5\0"),
        STR("NaN"),
        STR("inf"),
        STR("€1"),
        STR("١٢"),
        STR("92233720368547758.08"),
        STR("-92233720368547758.09"),
        STR("9223372036854775807"),
        STR("99999999999999999999999999999"),
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct money money = in_euros(7);
        struct err err = {0};
        assert_false(money_parse(wrong[i], STR("EUR"), &money, &err));
        assert_int_equal(err.code, ERR_REJECT);
        assert_int_equal(money.minor, 7);
    }
    struct money money;
    assert_false(money_parse(STR("1.0"), STR("JPY"), &money, NULL));
    assert_false(money_parse(STR("1."), STR("JPY"), &money, NULL));
    assert_false(money_parse(STR("1"), STR("???"), &money, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pay_7_each_currency_has_its_own_digits),
        cmocka_unit_test(what_iso_does_not_list_is_no_currency),
        cmocka_unit_test(every_currency_that_icu_holds_current_is_known),
        cmocka_unit_test(pay_7_a_decimal_has_the_currency_s_digits),
        cmocka_unit_test(pay_7_every_amount_survives_its_decimal),
        cmocka_unit_test(fewer_digits_than_the_currency_has_are_clear_enough),
        cmocka_unit_test(pay_7_anything_else_is_no_amount),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
