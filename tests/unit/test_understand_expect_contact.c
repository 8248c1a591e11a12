/* What people type when they are asked who they are. */
#include "flows/understand/expect_contact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

typedef bool (*reader)(struct arena *into, struct str text, struct str *found);

struct typed {
    const char *text;
    const char *means; /* NULL: nothing of the kind */
};

static void check(reader read, const struct typed *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str found = STR_NONE;
        bool is = read(&arena, str_from(all[i].text), &found);

        if (is != (all[i].means != NULL) || (is && !str_eq(found, str_from(all[i].means))))
            fail_msg("'%s' is read as '%.*s'", all[i].text, STR_ARG(found));
    }
}

static void otp_1_codes_are_read_however_they_are_grouped(void **state)
{
    static const struct typed all[] = {
        {"123456",                         "123456"      },
        {" 123 456 ",                      "123456"      },
        {"123-456.",                       "123456"      },
        {"1 2 3 4 5 6",                    "123456"      },
        {"000001",                         "000001"      },
        {"٢٤٦٨١٠",                   "246810"      },
        {"my code is 123456",              "123456"      },
        {"el código es 123 456, gracias", "123456"      },
        {"12345",                          "12345"       },
        {"1234567",                        "1234567"     },
        {"+353 87 123 4567",               "353871234567"},
        {"12",                             NULL          },
        {"",                               NULL          },
        {"code",                           NULL          },
        {"order 1042",                     NULL          },
        {"my code is 12345",               NULL          },
        {"I was born in 1970 or 1971",     NULL          },
        {"123456789012345678",             NULL          },
    };

    (void)state;
    check(expect_code, all, COUNTOF(all));
}

static void otp_8_addresses_of_mail_are_found_in_what_is_around_them(void **state)
{
    static const struct typed all[] = {
        {"ana@example.com",                 "ana@example.com"                },
        {"Ana.Maria+shop@Mail.Example.COM", "ana.maria+shop@mail.example.com"},
        {"it is <ana@example.com>.",        "ana@example.com"                },
        {"mailto:ana@example.com",          NULL                             },
        {"\"ana@example.com\"",             "ana@example.com"                },
        {"ana@example.com, thanks!",        "ana@example.com"                },
        {"a@b.co or c@d.co",                NULL                             },
        {"ana@example",                     NULL                             },
        {"@example.com",                    NULL                             },
        {"ana@",                            NULL                             },
        {"ana@@example.com",                NULL                             },
        {"ana..maria@example.com",          NULL                             },
        {".ana@example.com",                NULL                             },
        {"ana@example..com",                NULL                             },
        {"ana@-example.com",                NULL                             },
        {"ana@exämple.com",                NULL                             },
        {"ana example.com",                 NULL                             },
        {"'; drop table x; --@example.com", "--@example.com"                 },
        {"",                                NULL                             },
    };

    (void)state;
    check(expect_email, all, COUNTOF(all));
}

static void otp_5_a_number_wants_its_country(void **state)
{
    static const struct typed all[] = {
        {"+353 87 123 4567",                      "+353871234567"  },
        {"00353871234567",                        "+353871234567"  },
        {"353871234567",                          "+353871234567"  },
        {"+1 (555) 010-0001",                     "+15550100001"   },
        {"my number is +48 512 345 678",          "+48512345678"   },
        {"٠٠٣٥٣٨٧١٢٣٤٥٦٧",          "+353871234567"  },
        {"087 123 4567",                          "0871234567"     },
        {"Ana@Example.com",                       "ana@example.com"},
        {"12345",                                 NULL             },
        {"where is order 1234567 of mine please", NULL             },
        {"human",                                 NULL             },
        {"123456789012345678901",                 NULL             },
    };

    (void)state;
    check(expect_contact, all, COUNTOF(all));
}

/* Long texts are bounded, and nothing of what is typed can do harm. */
static void long_and_broken_texts_are_read_to_an_end(void **state)
{
    static char text[5000];
    static const char *const pieces[] = {"9", "@", " ", "a.", "\xd9", "+", "١"};
    struct str found;

    (void)state;
    for (size_t i = 0; i < COUNTOF(pieces); i++) {
        size_t len = strlen(pieces[i]);

        for (size_t at = 0; at + len < sizeof(text); at += len)
            memcpy(text + at, pieces[i], len);
        (void)expect_code(&arena, (struct str){text, 4900}, &found);
        (void)expect_email(&arena, (struct str){text, 4900}, &found);
        (void)expect_contact(&arena, (struct str){text, 4900}, &found);
    }
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
        cmocka_unit_test(otp_1_codes_are_read_however_they_are_grouped),
        cmocka_unit_test(otp_8_addresses_of_mail_are_found_in_what_is_around_them),
        cmocka_unit_test(otp_5_a_number_wants_its_country),
        cmocka_unit_test(long_and_broken_texts_are_read_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
