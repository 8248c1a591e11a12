/* Addresses, telephones and order numbers in free text. */
#include "flows/understand/contacts.h"
#include "flows/understand/numbers.h"

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

static struct str joined(struct str all, struct str one)
{
    return arena_format(&arena, "%.*s%s%.*s", STR_ARG(all), all.len ? " " : "", STR_ARG(one));
}

static struct str emails_in(const char *text)
{
    struct email_found found[CONTACTS_MAX];
    struct scan scan;
    struct str all = STR_NONE;
    size_t n;

    scan_read(&arena, str_from(text), &scan);
    n = emails_find(&arena, &scan, found);
    for (size_t i = 0; i < n; i++)
        all = joined(all, found[i].address);
    return all;
}

static struct str phones_in(const char *text, const char *country, bool expected)
{
    struct phone_found found[CONTACTS_MAX];
    struct scan scan;
    struct str all = STR_NONE;
    size_t n;

    scan_read(&arena, str_from(text), &scan);
    n = phones_find(&arena, &scan, str_from(country), expected, found);
    for (size_t i = 0; i < n; i++)
        all = joined(all, found[i].number);
    return all;
}

static struct str numbers_in(const char *text)
{
    struct number_found found[NUMBERS_MAX];
    struct scan scan;
    struct str all = STR_NONE;
    size_t n;

    scan_read(&arena, str_from(text), &scan);
    n = numbers_find(&arena, &scan, found);
    for (size_t i = 0; i < n; i++)
        all = joined(all, found[i].number);
    return all;
}

static void flw_5_addresses_are_found(void **state)
{
    static const char *const rows[][2] = {
        {"ana@example.com",                            "ana@example.com"           },
        {"My mail is Ana.Lopez+shop@Example.COM.",     "Ana.Lopez+shop@example.com"},
        {"<ana@example.com>, jan_k@poczta.example.pl",
         "ana@example.com jan_k@poczta.example.pl"                                 },
        {"'ana@example.com'",                          "ana@example.com"           },
        {"(o'neil@example.com)",                       "o'neil@example.com"        },
        {"mail:ana@example.com",                       "ana@example.com"           },
        {"بريدي ana@example.com شكرا",        "ana@example.com"           },
        {"ana@example",                                ""                          },
        {"ana@",                                       ""                          },
        {"@example.com",                               ""                          },
        {"ana@@example.com",                           ""                          },
        {".ana@example.com",                           ""                          },
        {"a..na@example.com",                          ""                          },
        {"ana@exa mple.com",                           ""                          },
        {"ana@-example.com",                           ""                          },
        {"ana@1.2.3.4",                                ""                          },
        {"3 @ 5",                                      ""                          },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (!str_eq(emails_in(rows[i][0]), str_from(rows[i][1])))
            fail_msg("\"%s\": \"%.*s\"", rows[i][0], STR_ARG(emails_in(rows[i][0])));
    }
}

static void flw_5_telephones_are_written_as_networks_want_them(void **state)
{
    static const struct {
        const char *text;
        const char *country;
        bool expected;
        const char *number;
    } rows[] = {
        {"+48 601 234 567",                  "",   false, "+48601234567"              },
        {"call me: +34 600-12-34-56",        "",   false, "+34600123456"              },
        {"0048 601 234 567",                 "",   false, "+48601234567"              },
        {"+1 (415) 555-2671",                "",   false, "+14155552671"              },
        {"(415) 555-2671",                   "US", false, "+14155552671"              },
        {"415.555.2671",                     "US", false, "+14155552671"              },
        {"1 415 555 2671",                   "US", false, "+14155552671"              },
        {"601 234 567",                      "PL", false, "+48601234567"              },
        {"601234567",                        "PL", true,  "+48601234567"              },
        {"mój telefon 601234567",           "PL", false, "+48601234567"              },
        {"mi móvil es 600123456",           "ES", false, "+34600123456"              },
        {"48601234567",                      "PL", true,  "+48601234567"              },
        {"07911 123456",                     "GB", false, "+447911123456"             },
        {"٠٥٠ ١٢٣ ٤٥٦٧",           "AE", false, "+971501234567"             },
        {"+٩٧١٥٠١٢٣٤٥٦٧",        "",   false, "+971501234567"             },
        {"+353 86 123 4567 and 601 234 567", "PL", false, "+353861234567 +48601234567"},
 /* no telephone */
        {"601234567",                        "PL", false, ""                          },
        {"601234567",                        "",   true,  ""                          },
        {"zamówienie 601 234 567",          "PL", false, ""                          },
        {"601 234 567 zł",                  "PL", false, ""                          },
        {"+48 601",                          "",   false, ""                          },
        {"+48 601 234 56",                   "",   false, ""                          },
        {"+1 123 456 7890",                  "",   false, ""                          },
        {"2026-11-21",                       "NO", false, ""                          },
        {"22 10 1961",                       "DK", false, ""                          },
        {"1001",                             "PL", true,  ""                          },
        {"+++",                              "PL", true,  ""                          },
        {"+123456789012345678",              "",   false, ""                          },
        {"ORD-600123456",                    "ES", true,  ""                          },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct str got = phones_in(rows[i].text, rows[i].country, rows[i].expected);

        if (!str_eq(got, str_from(rows[i].number)))
            fail_msg("\"%s\" (%s): \"%.*s\"", rows[i].text, rows[i].country, STR_ARG(got));
    }
}

static void flw_5_order_numbers_are_found(void **state)
{
    static const char *const rows[][2] = {
        {"ORD-1001",                 "ORD-1001"    },
        {"ord-1001",                 "ORD-1001"    },
        {"#1001",                    "1001"        },
        {"where is my order 1001?",  "1001"        },
        {"orders 1001 and A12/345",  "1001 A12/345"},
        {"أين طلبي ١٠٠١", "1001"        },
        {"pedido nº 12345",         "12345"       },
        {"(rep_0007)",               "REP_0007"    },
        {"T-BCDF-GHJK",              "T-BCDF-GHJK" },
        {"my report (t-bcdf-ghjk)?", "T-BCDF-GHJK" },
        {"tbcdf-ghjk",               ""            },
        {"T-BCDF-GHJ",               ""            },
        {"T-ABCD-EFGH",              ""            },
        {"T-BCDF-GHJK-LMNP",         ""            },
        {"t-shirt",                  ""            },
        {"2",                        ""            },
        {"99",                       ""            },
        {"no numbers here",          ""            },
        {"1234567890123456789",      ""            },
        {"ABCDEFGHIJ1234567",        ""            },
        {"-",                        ""            },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (!str_eq(numbers_in(rows[i][0]), str_from(rows[i][1])))
            fail_msg("\"%s\": \"%.*s\"", rows[i][0], STR_ARG(numbers_in(rows[i][0])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_addresses_are_found),
        cmocka_unit_test(flw_5_telephones_are_written_as_networks_want_them),
        cmocka_unit_test(flw_5_order_numbers_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
