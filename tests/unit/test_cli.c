/* How the command line answers, right and wrong. */
#include "bot/base/suggest.h"
#include "bot/command/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int seen_argc;
static char seen[128];

/* Notes its arguments and options. */
static int note(struct cli *cli, int argc, char **argv)
{
    bool loud = false;
    const char *as = NULL;
    long times = 0;
    const struct cli_option options[] = {
        CLI_FLAG("loud", &loud),
        CLI_TEXT_TO("as", &as, 5),
        CLI_NUMBER("times", &times, 100),
        CLI_OPTIONS_END,
    };
    seen_argc = argc;
    (void)snprintf(seen, sizeof(seen), "%s", cli->config_file ? cli->config_file : "-");
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (loud)
        (void)strcat(seen, " loud");
    if (as)
        (void)strcat(strcat(seen, " as "), as);
    if (times > 0)
        (void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), " %ldx", times);
    for (int i = optind; i < argc; i++) {
        (void)strcat(seen, " ");
        (void)strcat(seen, argv[i]);
    }
    return CLI_DONE;
}

static int failing(struct cli *cli, int argc, char **argv)
{
    (void)argv;
    struct err err = {0};
    if (argc > 1)
        return cli_usage(cli, "%d is too many", argc - 1);
    (void)err_raise(&err, ERR_RETRY, "the moon is away");
    return cli_fail(cli, &err);
}

static const struct command command_note = {"note", "notes", "[--loud] [WORD...]",
                                            "More about notes.\n", note};
static const struct command command_failing = {"failing", "fails", "", NULL, failing};
static const struct command *const commands[] = {&command_note, &command_failing, NULL};

static char out_text[4096], err_text[4096];

/* Words as a shell would split them; what was printed is left in out_text and err_text. */
static int call(const char *line)
{
    char words[256];
    char *argv[16] = {0};
    int argc = 0;
    (void)snprintf(words, sizeof(words), "parley %s", line);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    memset(out_text, 0, sizeof(out_text));
    memset(err_text, 0, sizeof(err_text));
    struct cli cli = {.out = fmemopen(out_text, sizeof(out_text), "w"),
                      .err = fmemopen(err_text, sizeof(err_text), "w")};
    assert_non_null(cli.out);
    assert_non_null(cli.err);
    opterr = 0;
    int status = cli_main(&cli, commands, argc, argv);
    (void)fclose(cli.out);
    (void)fclose(cli.err);
    return status;
}

static void a_command_is_found_and_gets_its_own_arguments(void **state)
{
    (void)state;
    assert_int_equal(call("note a b"), CLI_DONE);
    assert_string_equal(seen, "- a b");
    assert_int_equal(seen_argc, 3);
    assert_int_equal(call("--config x.yaml note --loud -- --help"), CLI_DONE);
    assert_string_equal(seen, "x.yaml loud --help");
    assert_int_equal(call("note a --loud"), CLI_DONE);
    assert_string_equal(seen, "- loud a");
}

static void help_is_on_standard_output_and_done(void **state)
{
    (void)state;
    assert_int_equal(call("--help"), CLI_DONE);
    assert_non_null(strstr(out_text, "failing"));
    assert_string_equal(err_text, "");
    assert_int_equal(call("note --help"), CLI_DONE);
    assert_non_null(strstr(out_text, "[--loud]"));
    assert_non_null(strstr(out_text, "More about notes"));
    assert_int_equal(call("help note"), CLI_DONE);
    assert_non_null(strstr(out_text, "More about notes"));
    assert_int_equal(call("--version"), CLI_DONE);
    assert_true(str_starts(str_from(out_text), STR("parley ")));
}

static void a_wrong_call_is_status_2_and_says_how_it_is_called(void **state)
{
    (void)state;
    assert_int_equal(call(""), CLI_USAGE);
    assert_string_equal(out_text, "");
    assert_non_null(strstr(err_text, "usage:"));
    assert_int_equal(call("--wrong note"), CLI_USAGE);
    assert_int_equal(call("note --wrong"), CLI_USAGE);
    assert_non_null(strstr(err_text, "usage: parley note"));
    assert_int_equal(call("failing x y"), CLI_USAGE);
    assert_non_null(strstr(err_text, "2 is too many"));
}

static void options_go_where_the_table_says(void **state)
{
    (void)state;
    assert_int_equal(call("note --as anna a --times 100 --loud b"), CLI_DONE);
    assert_string_equal(seen, "- loud as anna 100x a b");
    assert_int_equal(call("note --as=anna -- --loud"), CLI_DONE);
    assert_string_equal(seen, "- as anna --loud");
}

static void options_that_cannot_be_are_wrong_calls(void **state)
{
    static const char *const wrong[] = {"note --as",
                                        "note --as=",
                                        "note --as annette",
                                        "note --loud=yes",
                                        "note --times",
                                        "note --times=",
                                        "note --times 0",
                                        "note --times -1",
                                        "note --times 5x",
                                        "note --times 101",
                                        "note --nothing",
                                        "note -l",
                                        "note --times 99999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        assert_int_equal(call(wrong[i]), CLI_USAGE);
        assert_non_null(strstr(err_text, "usage: parley note"));
    }
}

static void an_unknown_command_suggests_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(call("ntoe"), CLI_USAGE);
    assert_non_null(strstr(err_text, "did you mean note?"));
    assert_int_equal(call("zebra-crossing"), CLI_USAGE);
    assert_null(strstr(err_text, "did you mean"));
}

static void a_failure_is_status_1_with_its_reason(void **state)
{
    (void)state;
    assert_int_equal(call("failing"), CLI_FAILED);
    assert_string_equal(err_text, "parley failing: the moon is away\n");
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    char *argv[] = {(char[]){"parley"}, (char[]){"--help"}, NULL};
    struct cli cli = {.out = fopen("/dev/full", "w"), .err = stderr};
    assert_non_null(cli.out);
    cli.err = fmemopen(err_text, sizeof(err_text), "w");
    assert_int_equal(cli_main(&cli, commands, 2, argv), CLI_FAILED);
    (void)fclose(cli.out);
    (void)fclose(cli.err);
}

/* A customer's words must not clear the screen of whoever reads them, nor type for them. */
static void what_others_wrote_cannot_write_to_a_terminal(void **state)
{
    (void)state;
    static const char zolc[] = "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \xd8\xb7\xd9\x84\xd8\xa8";
    static const char *const said[] = {
        "\x1b[2J\x1b]0;owned\x07gone",
        "two\nlines\tand\ra return",
        "\xc2\x9b[31m c1 \xc2\x85 \x7f",
        "a lone \x9b byte",
        "\xe2\x80\xaegnp.exe\xe2\x80\xac\xe2\x81\xa6!",
        "cut \xe2\x80",
        zolc,
        "",
    };
    static const char *const shown[] = {
        "[2J]0;ownedgone",
        "two\nlines\tanda return",
        "[31m c1  ",
        "a lone \xef\xbf\xbd byte",
        "gnp.exe!",
        "cut \xef\xbf\xbd\xef\xbf\xbd",
        zolc,
        "",
    };
    struct arena arena = {0};

    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct str plain = cli_plain(&arena, str_from(said[i]));
        assert_string_equal(arena_cstr(&arena, plain), shown[i]);
    }
    arena_finish(&arena);
}

static void suggestions_count_swaps_as_one_mistake(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance(STR("abcd"), STR("abdc")), 1);
    assert_int_equal(suggest_distance(STR("abcd"), STR("abcd")), 0);
    assert_int_equal(suggest_distance(STR(""), STR("abc")), 3);
    assert_int_equal(suggest_distance(STR("abc"), STR("")), 3);
    assert_int_equal(suggest_distance(STR("kitten"), STR("sitting")), 3);
    char long_word[100];
    memset(long_word, 'x', sizeof(long_word));
    struct str word = {long_word, sizeof(long_word)};
    assert_true(suggest_distance(word, STR("x")) > 64);
    const struct str words[] = {STR("apple"), STR("pear")};
    assert_int_equal(suggest(STR("aple"), words, 2), 0);
    assert_int_equal(suggest(STR("peer"), words, 2), 1);
    assert_int_equal(suggest(STR("orange"), words, 2), -1);
    assert_int_equal(suggest(STR("orange"), words, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_found_and_gets_its_own_arguments),
        cmocka_unit_test(help_is_on_standard_output_and_done),
        cmocka_unit_test(a_wrong_call_is_status_2_and_says_how_it_is_called),
        cmocka_unit_test(options_go_where_the_table_says),
        cmocka_unit_test(options_that_cannot_be_are_wrong_calls),
        cmocka_unit_test(an_unknown_command_suggests_the_nearest),
        cmocka_unit_test(a_failure_is_status_1_with_its_reason),
        cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(what_others_wrote_cannot_write_to_a_terminal),
        cmocka_unit_test(suggestions_count_swaps_as_one_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
