/* What people add to an order number. */
#include "flows/understand/remark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void can_1_what_is_set_off_behind_the_number_is_the_note(void **state)
{
    static const struct {
        const char *text, *number, *remark;
    } cases[] = {
        {"cancel 1042, ordered twice",                        "1042",     "ordered twice"                  },
        {"cancel 1042: ordered twice.",                       "1042",     "ordered twice."                 },
        {"cancel ord-1042 - ordered twice",                   "ORD-1042", "ordered twice"                  },
        {"cancel #1042 (ordered it twice)",                   "1042",     "ordered it twice"               },
        {"cancel 1042 (it is (much) too big)",                "1042",     "it is (much) too big)"          },
        {"cancel 1042. It is too big",                        "1042",     "It is too big"                  },
        {"cancel 1042\nit is too big",                        "1042",     "it is too big"                  },
        {"anuluj 1042, zamówiłam dwa razy",                 "1042",     "zamówiłam dwa razy"           },
        {"إلغاء 1042، لم أعد بحاجة إليه", "1042",     "لم أعد بحاجة إليه"},
        {"cancel 1042 – two of them, actually",             "1042",     "two of them, actually"          },
        {"cancel 1042 ordered twice",                         "1042",     "ordered twice"                  },
        {"cancel order 1042 because I ordered it twice",      "1042",     "because I ordered it twice"     },
        {"can you cancel 1042? I changed my mind",            "1042",     "I changed my mind"              },
        {"anula el 1042 lo pedí dos veces",                  "1042",     "lo pedí dos veces"             },
        {"anuluj 1042 bo zamówiłam dwa razy",               "1042",     "bo zamówiłam dwa razy"        },
        {"الغي 1042 لأني طلبته مرتين",      "1042",     "لأني طلبته مرتين" },
        {"cancel 1042 right now please",                      "1042",     ""                               },
        {"anula 1042 ahora mismo por favor",                  "1042",     ""                               },
        {"cancel 1042 as soon as possible thanks",            "1042",     ""                               },
        {"cancel 1042 and order 1043 came broken",            "1042",     ""                               },
        {"cancel 1042 please",                                "1042",     ""                               },
        {"cancel 1042, right now please",                     "1042",     ""                               },
        {"cancel 1042, thank you please",                     "1042",     ""                               },
        {"cancel 1042, it arrives too late",                  "1042",     "it arrives too late"            },
        {"cancel 1042, please",                               "1042",     ""                               },
        {"cancel 1042",                                       "1042",     ""                               },
        {"cancel 1042,",                                      "1042",     ""                               },
        {"cancel 1042 , , ,",                                 "1042",     ""                               },
        {"ordered twice, cancel 1042",                        "1042",     ""                               },
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const char *number = strcasestr(cases[i].text, cases[i].number);
        size_t end = (size_t)(number - cases[i].text) + strlen(cases[i].number);
        struct str remark = remark_behind(&arena, str_from(cases[i].text), end);

        if (!str_eq(remark, str_from(cases[i].remark)))
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(remark));
    }
    arena_finish(&arena);
}

static void can_1_a_reason_is_found_without_a_number(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"cancel my order because it comes too late",                     "because it comes too late"     },
        {"I want to cancel it, cuz I found it cheaper",                   "cuz I found it cheaper"        },
        {"quiero cancelar mi pedido porque llega tarde",                  "porque llega tarde"            },
        {"chcę anulować zamówienie, bo przyjdzie za późno",          "bo przyjdzie za późno"       },
        {"أريد إلغاء الطلب لأنه سيصل متأخرا", "لأنه سيصل متأخرا"},
        {"because I say so",                                              ""                              },
        {"cancel it because",                                             ""                              },
        {"cancel it because please",                                      ""                              },
        {"cancel it since you ask",                                       ""                              },
        {"",                                                              ""                              },
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str reason = remark_reason(&arena, str_from(cases[i].text));

        if (!str_eq(reason, str_from(cases[i].reason)))
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(reason));
    }
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(can_1_what_is_set_off_behind_the_number_is_the_note),
        cmocka_unit_test(can_1_a_reason_is_found_without_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
