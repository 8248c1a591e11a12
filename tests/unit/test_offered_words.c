/* What our texts tell people to write is understood when they write it. */
#include "flows/understand/expect.h"
#include "flows/understand/understand.h"
#include "templates/words.h"
#include "tests/support/words_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct words *words;

static int read_words(void **state)
{
    (void)state;
    struct source_file files[LANG_COUNT];
    struct err err = {0};
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct str name = arena_format(&arena, "%s/templates/messages/%s.yaml",
                                       PARLEY_SOURCE_DIR, lang_code((enum lang)lang));
        FILE *file = fopen(name.at, "rb");
        if (!file)
            return -1;
        char *bytes = arena_alloc(&arena, 1 << 20);
        size_t len = fread(bytes, 1, 1 << 20, file);
        (void)fclose(file);
        files[lang] = (struct source_file){
            name, {bytes, len}
        };
    }
    return words_create(files, LANG_COUNT, &words, &err) ? 0 : -1;
}

static int forget_words(void **state)
{
    (void)state;
    words_destroy(words);
    arena_finish(&arena);
    words_cool();
    return 0;
}

/* What stands between the marks of quotation of any of our languages; "" are both. */
static bool next_quoted(struct str *text, struct str *quoted)
{
    static const char *const marks[][2] = {
        {"«",  "»" },
        {"„", "”"},
        {"\"",  "\"" }
    };
    for (size_t i = 0; i < COUNTOF(marks); i++) {
        struct str open = str_from(marks[i][0]);
        size_t from = str_find(*text, open);
        if (from == text->len)
            continue;
        struct str rest = str_slice(*text, from + open.len, text->len);
        size_t len = str_find(rest, str_from(marks[i][1]));
        *quoted = str_slice(rest, 0, len);
        *text = str_slice(rest, len + strlen(marks[i][1]), rest.len);
        return true;
    }
    return false;
}

static struct understood meaning_of(struct str text, enum lang lang)
{
    struct understood meant = {0};
    understand(&arena, text, &(struct understand_context){.lang = lang}, &meant);
    return meant;
}

/* Rendered without values, so that what people wrote is not among the quotations. */
static size_t check_quoted(struct str key, enum lang lang)
{
    struct locale locale = {lang, STR("UTC"), 0};
    struct str text = words_render(&arena, words, &locale, key, NULL, NULL);
    struct str quoted = STR_NONE;
    size_t n = 0;
    while (next_quoted(&text, &quoted)) {
        if (quoted.len == 0)
            continue;
        n++;
        if (meaning_of(quoted, lang).intent.len == 0 && !expect_skip(&arena, quoted) &&
            !expect_done(&arena, quoted)) {
            fail_msg("%s.yaml: %.*s offers \"%.*s\", which is not understood", lang_code(lang),
                     STR_ARG(key), STR_ARG(quoted));
        }
    }
    return n;
}

static void flw_5_every_word_that_we_tell_people_to_write_is_understood(void **state)
{
    (void)state;
    struct str_list keys = words_keys(&arena, words);
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        size_t n = 0;
        for (size_t i = 0; i < keys.n; i++)
            n += check_quoted(keys.items[i], (enum lang)lang);
        assert_true(n >= 8);
    }
}

static void flw_5_the_words_of_the_help_text_do_what_it_says(void **state)
{
    (void)state;
    static const char *const intents[] = {"menu", "back", "human", "language", "stop"};
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct locale locale = {(enum lang)lang, STR("UTC"), 0};
        struct str text = words_render(&arena, words, &locale, STR("help.text"), NULL, NULL);
        struct str line = STR_NONE;
        size_t n = 0;
        while (str_split(&text, '\n', &line)) {
            if (!str_starts(line, STR("•")))
                continue;
            struct str word = str_slice(line, strlen("•"), line.len);
            word = str_trim(str_slice(word, 0, str_find(word, STR(":"))));
            assert_true(n < COUNTOF(intents));
            struct understood meant = meaning_of(word, (enum lang)lang);
            assert_true(meant.exact);
            assert_string_equal(arena_cstr(&arena, meant.intent), intents[n++]);
        }
        assert_int_equal(n, COUNTOF(intents));
    }
}

static void ch_4_the_words_that_end_and_begin_messages_do_so(void **state)
{
    (void)state;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct str stop = lang == LANG_AR ? STR("إيقاف") : STR("STOP");
        struct str start = lang == LANG_AR ? STR("ابدأ") : STR("START");
        struct locale locale = {(enum lang)lang, STR("UTC"), 0};
        struct str done = words_render(&arena, words, &locale, STR("stop.done"), NULL, NULL);
        struct str back = words_render(&arena, words, &locale, STR("start.done"), NULL, NULL);
        assert_true(str_find(done, start) < done.len);
        assert_true(str_find(back, stop) < back.len);
        assert_true(str_eq(meaning_of(stop, (enum lang)lang).intent, STR("stop")));
        assert_true(str_eq(meaning_of(start, (enum lang)lang).intent, STR("start")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_every_word_that_we_tell_people_to_write_is_understood),
        cmocka_unit_test(flw_5_the_words_of_the_help_text_do_what_it_says),
        cmocka_unit_test(ch_4_the_words_that_end_and_begin_messages_do_so),
    };
    return cmocka_run_group_tests(tests, read_words, forget_words);
}
