/*
 * Which language a short message is in, held against messages of three words and fewer that
 * were written for it: said_in/, a file for each language, one for others, and one for what
 * says nothing about a language. None of them is learnt from.
 */
#include "flows/understand/tokens.h"
#include "flows/understand/trained.h"
#include "tests/support/shared_data.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct trained trained;

enum { IS_OURS, IS_OTHER, IS_NONE };

struct expected {
    const char *name;
    int is;
    enum lang lang;
};

struct tally {
    int right;
    int unclear;
    int wrong;
};

static struct str file_of(const char *name)
{
    struct str path =
        arena_format(&arena, PARLEY_SOURCE_DIR "/tests/unit/said_in/%s.txt", name);
    FILE *file = fopen(path.at, "rb");
    char *bytes = arena_alloc(&arena, 65536);
    size_t len;

    assert_non_null(file);
    len = fread(bytes, 1, 65536, file);
    (void)fclose(file);
    return (struct str){bytes, len};
}

/* The conversation was in another language so far. */
static void judge(struct str text, const struct expected *expected, struct tally *tally)
{
    enum lang before = expected->lang == LANG_EN ? LANG_PL : LANG_EN;
    struct understand_context context = {.lang = before, .classifier = &trained.classifier};
    struct understood meant;
    bool right;

    understand(&arena, text, &context, &meant);
    switch (expected->is) {
    case IS_OURS:
        right = meant.lang_is_clear && meant.lang == expected->lang;
        break;
    case IS_OTHER:
        right = !meant.lang_is_clear;
        break;
    default:
        right = meant.lang == before;
        break;
    }
    tally->right += right;
    tally->unclear += !right && !meant.lang_is_clear;
    tally->wrong += !right && meant.lang_is_clear;
    if (!right && getenv("PARLEY_TEST_VERBOSE")) { // NOLINT(concurrency-mt-unsafe): one thread
        (void)printf("%s: \"%.*s\" is %s\n", expected->name, STR_ARG(text),
                     meant.lang_is_clear ? lang_code(meant.lang) : "unclear");
    }
}

static double percent(const struct tally *tally)
{
    return 100.0 * tally->right / (tally->right + tally->unclear + tally->wrong);
}

static void print_tally(const char *name, const struct tally *tally)
{
    (void)printf("%-6s %5d messages: %5.1f %% right, %d unclear, %d wrong\n", name,
                 tally->right + tally->unclear + tally->wrong, percent(tally), tally->unclear,
                 tally->wrong);
}

static void judge_file(const struct expected *expected, double least)
{
    struct tally tally = {0};
    struct str rest = file_of(expected->name);
    struct str line;

    while (str_split(&rest, '\n', &line))
        judge(line, expected, &tally);
    print_tally(expected->name, &tally);
    assert_true(percent(&tally) >= least);
}

static void flw_5_three_words_tell_which_of_our_languages(void **state)
{
    (void)state;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        judge_file(
            &(struct expected){lang_code((enum lang)lang), IS_OURS, .lang = (enum lang)lang},
            97);
    }
}

static void flw_5_other_languages_are_none_of_ours(void **state)
{
    (void)state;
    judge_file(&(struct expected){"other", IS_OTHER, LANG_EN}, 96);
}

static void flw_5_numbers_and_names_do_not_change_the_language(void **state)
{
    (void)state;
    judge_file(&(struct expected){"none", IS_NONE, LANG_EN}, 97);
}

/* What others wrote down, of all lengths: only counted and not learnt from. */
static void flw_5_sentences_of_others_are_told_apart(void **state)
{
    struct tally all[LANG_COUNT] = {0};
    struct tally of_three[LANG_COUNT] = {0};
    struct str rest;
    struct str line;

    (void)state;
    if (!shared_is_here(&arena))
        return;
    rest = shared_file(&arena, "data/intents/train.jsonl");
    while (str_split(&rest, '\n', &line)) {
        json_t *row = json_loadb(line.at, line.len, 0, NULL);
        const char *text = json_string_value(json_object_get(row, "text"));
        const char *code = json_string_value(json_object_get(row, "lang"));
        struct expected expected = {"shared", IS_OURS, LANG_EN};
        struct tokens tokens;

        if (text && code && lang_parse(str_from(code), &expected.lang)) {
            struct str said = arena_str(&arena, str_from(text));

            tokens_read(&arena, said, &tokens);
            judge(said, &expected, &all[expected.lang]);
            if (tokens.n <= 3)
                judge(said, &expected, &of_three[expected.lang]);
        }
        json_decref(row);
    }
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        const char *code = lang_code((enum lang)lang);

        print_tally(arena_format(&arena, "%s-all", code).at, &all[lang]);
        print_tally(arena_format(&arena, "%s-3", code).at, &of_three[lang]);
    }
}

static int setup(void **state)
{
    (void)state;
    return trained_open(trained_bytes(), &trained) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_three_words_tell_which_of_our_languages),
        cmocka_unit_test(flw_5_other_languages_are_none_of_ours),
        cmocka_unit_test(flw_5_numbers_and_names_do_not_change_the_language),
        cmocka_unit_test(flw_5_sentences_of_others_are_told_apart),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
