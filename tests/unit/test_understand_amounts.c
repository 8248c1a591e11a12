/* Amounts of money in free text: exact, and honest about what could be two things. */
#include "flows/understand/amounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* "25.50 EUR", two with a space between; a question mark behind what is ambiguous. */
static struct str found_in(const char *text, const struct amount_context *context)
{
    struct amount_found found[AMOUNTS_MAX];
    struct scan scan;
    struct str all = STR_NONE;
    size_t n;

    scan_read(&arena, str_from(text), &scan);
    n = amounts_find(&scan, context, found);
    for (size_t i = 0; i < n; i++) {
        all = arena_format(&arena, "%.*s%s%.*s %s%s", STR_ARG(all), i ? " " : "",
                           STR_ARG(money_decimal(&arena, found[i].money)),
                           found[i].money.currency, found[i].ambiguous ? "?" : "");
    }
    return all;
}

struct row {
    enum lang lang;
    const char *text;
    const char *amounts;
};

static void check_rows(const struct row *rows, size_t n, const char *currency, bool expected)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < n; i++) {
        struct amount_context context = {rows[i].lang, str_from(currency), expected};
        struct str got = found_in(rows[i].text, &context);

        if (str_eq(got, str_from(rows[i].amounts)))
            continue;
        print_error("\"%s\": \"%.*s\" and not \"%s\"\n", rows[i].text, STR_ARG(got),
                    rows[i].amounts);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void flw_5_amounts_are_read_as_four_languages_write_them(void **state)
{
    static const struct row rows[] = {
        {LANG_EN, "$1,200.00",                          "1200.00 USD"        },
        {LANG_EN, "pay $50 now",                        "50.00 USD"          },
        {LANG_EN, "50 dollars",                         "50.00 USD"          },
        {LANG_EN, "fifty euros",                        "50.00 EUR"          },
        {LANG_EN, "twenty five dollars",                "25.00 USD"          },
        {LANG_EN, "two thousand euros",                 "2000.00 EUR"        },
        {LANG_EN, "12 dollars 50 cents",                "12.50 USD"          },
        {LANG_EN, "12 dollars and 50 cents",            "12.50 USD"          },
        {LANG_EN, "EUR 25",                             "25.00 EUR"          },
        {LANG_EN, "25 EUR",                             "25.00 EUR"          },
        {LANG_EN, "£9.99",                             "9.99 GBP"           },
        {LANG_EN, "1200 JPY",                           "1200 JPY"           },
        {LANG_EN, "1.234 KWD",                          "1.234 KWD"          },
        {LANG_EN, "€1,000,000",                       "1000000.00 EUR"     },
        {LANG_EN, "1'200.50 CHF",                       "1200.50 CHF"        },
        {LANG_EN, "$10 and $20.5",                      "10.00 USD 20.50 USD"},
        {LANG_EN, "0.01 €",                           "0.01 EUR"           },
        {LANG_EN, "€007.50",                          "7.50 EUR"           },
        {LANG_EN, "€5.5000",                          "5.50 EUR"           },
        {LANG_ES, "25,50 €",                          "25.50 EUR"          },
        {LANG_ES, "quiero pagar 25 euros",              "25.00 EUR"          },
        {LANG_ES, "cincuenta euros",                    "50.00 EUR"          },
        {LANG_ES, "treinta y dos euros",                "32.00 EUR"          },
        {LANG_ES, "dos mil euros",                      "2000.00 EUR"        },
        {LANG_ES, "5 euros con 50",                     "5.50 EUR"           },
        {LANG_ES, "1.200,50 €",                       "1200.50 EUR"        },
        {LANG_ES, "1.200 €",                          "1200.00 EUR"        },
        {LANG_ES, "1.200.000 euros",                    "1200000.00 EUR"     },
        {LANG_PL, "50 zł",                             "50.00 PLN"          },
        {LANG_PL, "50zl",                               "50.00 PLN"          },
        {LANG_PL, "25,50 zł",                          "25.50 PLN"          },
        {LANG_PL, "25 zł 50 gr",                       "25.50 PLN"          },
        {LANG_PL, "1 200,50 zł",                       "1200.50 PLN"        },
        {LANG_PL, "12 345 678 zł",                     "12345678.00 PLN"    },
        {LANG_PL, "pięćdziesiąt złotych",           "50.00 PLN"          },
        {LANG_PL, "20 groszy",                          "0.20 PLN"           },
        {LANG_PL, "dwa tysiące złotych",              "2000.00 PLN"        },
        {LANG_AR, "١٢٫٥٠ دولار",              "12.50 USD"          },
        {LANG_AR, "٥٠ ريال",                      "50.00 SAR"          },
        {LANG_AR, "100 درهم",                       "100.00 AED"         },
        {LANG_AR, "خمسون ريالا",              "50.00 SAR"          },
        {LANG_AR, "خمسة وعشرون دولارا", "25.00 USD"          },
        {LANG_AR, "١٬٢٠٠٫٥٠ يورو",          "1200.50 EUR"        },
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), "", false);
}

static void pay_7_what_could_be_two_amounts_says_so(void **state)
{
    static const struct row unknown[] = {
        {LANG_EN, "1.200 €", "1200.00 EUR?"},
        {LANG_ES, "1,200 €", "1200.00 EUR?"},
        {LANG_EN, "1,200 €", "1200.00 EUR" },
        {LANG_EN, "5 dinars",  "5.000 KWD?"  },
        {LANG_ES, "50 pesos",  "50.00 MXN?"  },
        {LANG_EN, "50 cents",  "0.50 EUR?"   },
    };
    static const struct row argentine[] = {
        {LANG_ES, "50 pesos",    "50.00 ARS"},
        {LANG_ES, "$50",         "50.00 ARS"},
        {LANG_ES, "50 euros",    "50.00 EUR"},
        {LANG_ES, "50 centavos", "0.50 ARS" },
    };
    static const struct row jordanian[] = {
        {LANG_AR, "5 دينار", "5.000 JOD"}
    };

    (void)state;
    check_rows(unknown, COUNTOF(unknown), "", false);
    check_rows(argentine, COUNTOF(argentine), "ARS", false);
    check_rows(jordanian, COUNTOF(jordanian), "JOD", false);
}

static void pay_7_what_is_no_amount_is_none(void **state)
{
    static const struct row rows[] = {
        {LANG_EN, "",                         ""},
        {LANG_EN, "50",                       ""},
        {LANG_EN, "order 1001",               ""},
        {LANG_EN, "-50 €",                  ""},
        {LANG_EN, "12.03.2026 €",           ""},
        {LANG_EN, "1.2.3 €",                ""},
        {LANG_EN, "€1.234.5",               ""},
        {LANG_EN, "€ 12,34,56",             ""},
        {LANG_EN, "5.123456 €",             ""},
        {LANG_EN, "1.5 JPY",                  ""},
        {LANG_EN, "99999999999999999999 €", ""},
        {LANG_EN, "999999999999 XXQ",         ""},
        {LANG_EN, "A12 EUR",                  ""},
        {LANG_EN, "the euro is strong",       ""},
        {LANG_EN, "try 2 times",              ""},
        {LANG_EN, "I have 3 cats",            ""},
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), "EUR", false);
}

static void pay_7_a_bare_number_is_an_amount_where_one_was_asked_for(void **state)
{
    static const struct row rows[] = {
        {LANG_EN, "50",            "50.00 EUR"    },
        {LANG_EN, "50.25",         "50.25 EUR"    },
        {LANG_ES, "50,25",         "50.25 EUR"    },
        {LANG_EN, "fifty",         "50.00 EUR"    },
        {LANG_PL, "1 200",         "1200.00 EUR"  },
        {LANG_AR, "٥٠",          "50.00 EUR"    },
        {LANG_EN, "1.200",         "1200.00 EUR?" },
        {LANG_EN, "50%",           ""             },
        {LANG_EN, "$20",           "20.00 USD"    },
        {LANG_EN, "-5",            ""             },
        {LANG_EN, "0",             "0.00 EUR"     },
        {LANG_EN, "pay 30 please", "30.00 EUR"    },
        {LANG_EN, "20.123",        "20123.00 EUR?"},
        {LANG_EN, "20.1234",       ""             },
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), "EUR", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_amounts_are_read_as_four_languages_write_them),
        cmocka_unit_test(pay_7_what_could_be_two_amounts_says_so),
        cmocka_unit_test(pay_7_what_is_no_amount_is_none),
        cmocka_unit_test(pay_7_a_bare_number_is_an_amount_where_one_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
