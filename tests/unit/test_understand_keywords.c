/* Words that gateways act on, and all those that only look like them. */
#include "bot/base/json.h"
#include "flows/understand/keywords.h"
#include "tests/support/shared_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static enum keyword read(const char *text)
{
    return keyword_read(str_from(text), false);
}

static void ch_4_what_gateways_block_on_is_a_stop(void **state)
{
    (void)state;
    static const char *const stops[] = {"STOP",     "Cancel",     " end\n",  "QUIT",
                                        "stop all", "rEvOkE",     "opt-out", "OPTOUT",
                                        "STOPALL",  "unsubscribe"};
    for (size_t i = 0; i < COUNTOF(stops); i++)
        assert_int_equal(read(stops[i]), KEYWORD_STOP);
    assert_int_equal(read("Start"), KEYWORD_START);
    assert_int_equal(read("UNSTOP"), KEYWORD_START);
}

static void ch_4_more_than_the_word_is_no_keyword(void **state)
{
    (void)state;
    static const char *const others[] = {"",
                                         " ",
                                         "stop, the parcel is broken",
                                         "Cancel.",
                                         "cancel my order",
                                         "cancel 1001",
                                         "the end",
                                         "end?",
                                         "cancelar",
                                         "cancell",
                                         "yes",
                                         "no",
                                         "unsubscribed",
                                         "ＳＴＯＰ",
                                         "stop\u0301"};
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_int_equal(read(others[i]), KEYWORD_NONE);
}

static void ch_4_yes_is_a_start_for_those_who_stopped(void **state)
{
    (void)state;
    assert_int_equal(keyword_read(STR("Yes"), true), KEYWORD_START);
    assert_int_equal(keyword_read(STR("yes please"), true), KEYWORD_NONE);
    assert_int_equal(keyword_read(STR("stop"), true), KEYWORD_STOP);
}

static void assert_all(const json_t *lists, enum keyword wanted, bool stopped)
{
    const char *gateway;
    json_t *words, *word;
    size_t i, n = 0;

    json_object_foreach((json_t *)lists, gateway, words)
    {
        json_array_foreach(words, i, word)
        {
            struct str text = str_from(json_string_value(word));
            if (keyword_read(text, stopped) != wanted)
                fail_msg("%s: %.*s", gateway, STR_ARG(text));
            n++;
        }
    }
    assert_true(n > 0);
}

static void ch_4_every_gateway_s_list_is_known(void **state)
{
    (void)state;
    OWNED_JSON(lists) = NULL;
    struct err err = {0};

    if (!shared_is_here(&arena))
        return;
    struct str text = shared_file(&arena, "data/intents/optout-keywords.json");
    assert_true(json_read(text, &lists, &err));
    assert_all(json_object_get(lists, "opt_out"), KEYWORD_STOP, false);
    assert_all(json_object_get(lists, "opt_in"), KEYWORD_START, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_4_what_gateways_block_on_is_a_stop),
        cmocka_unit_test(ch_4_more_than_the_word_is_no_keyword),
        cmocka_unit_test(ch_4_yes_is_a_start_for_those_who_stopped),
        cmocka_unit_test(ch_4_every_gateway_s_list_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
