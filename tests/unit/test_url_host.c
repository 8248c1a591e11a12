/* Whose machine an address names, and what is no answer to that. */
#include "bot/base/url_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void ops_7_a_host_is_one_to_every_reader_or_none(void **state)
{
    static const struct {
        const char *url, *host;
    } cases[] = {
        {"https://a.example/b?c#d",        "a.example"      },
        {"https://a.example",              "a.example"      },
        {"https://a.example:8443/b",       "a.example"      },
        {"https://a.example?b",            "a.example"      },
        {"https://10.0.0.1:1/x",           "10.0.0.1"       },
        {"https://[::1]/x",                "::1"            },
        {"https://[::ffff:10.0.0.1]:443",  "::ffff:10.0.0.1"},
        {"https://a.example\\@b.example/", ""               },
        {"https://a.example@b.example/",   ""               },
        {"https://a.example:1@b.example/", ""               },
        {"https://a.ex%61mple/",           ""               },
        {"https://a.example\t/",           ""               },
        {"https://a.example:80x/",         ""               },
        {"https://[::1]x/",                ""               },
        {"https://[::1/",                  ""               },
        {"https://[::1%25eth0]/",          ""               },
        {"https://\xc3\xa4.example/",      ""               },
        {"https:///x",                     ""               },
        {"https:/x://a.example/",          ""               },
        {"ftp://a.example/",               ""               },
        {"no address",                     ""               },
        {"",                               ""               },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str host = url_host(str_from(cases[i].url));
        if (!str_eq(host, str_from(cases[i].host)))
            fail_msg("%s: %.*s", cases[i].url, STR_ARG(host));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_7_a_host_is_one_to_every_reader_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
