/* What a broadcast says, and the list of whom it is for: read whole, or refused with a place
 * and a cure. */
#include "bot/later/broadcast_file.h"
#include "bot/later/broadcast_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;
static struct words *words;
static struct str content;

static bool content_of(const char *yaml, const char *channel,
                       const struct broadcast_columns *columns)
{
    err = (struct err){0};
    return broadcast_content_read(&arena, STR("w.yaml"), str_from(yaml), columns, words,
                                  str_from(channel), &content, &err);
}

static void refused(const char *yaml, const char *why)
{
    assert_false(content_of(yaml, "", NULL));
    assert_int_equal(err.code, ERR_REJECT);
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" is not in: %s", why, err.text);
}

static void has(const char *text)
{
    if (str_find(content, str_from(text)) == content.len)
        fail_msg("\"%s\" is not in: %.*s", text, STR_ARG(content));
}

static void bro_1_words_become_pieces_and_the_law_s_line_is_there_in_all_languages(void **state)
{
    (void)state;
    assert_true(content_of("words:\n  en: {subject: 'For {{name}}', body: 'Hi {{ name }}!'}\n"
                           "otherwise: en\n",
                           "", NULL));
    has("\"subject\":[\"For \",{\"value\":\"name\"}]");
    has("\"body\":[\"Hi \",{\"value\":\"name\"},\"!\"]");
    has("\"otherwise\":\"en\"");
    has("\"opt_out\":{\"en\":\"Reply STOP to opt out.\",\"es\":");
    has("\"ar\":");
    /* No mail: no subject is wanted. */
    assert_true(content_of("words: {en: {body: Hi}}\notherwise: en\n", "sms", NULL));
    assert_false(content_of("words: {en: {body: Hi}}\notherwise: en\n", "email", NULL));
}

static void bro_1_a_template_has_its_name_languages_and_values(void **state)
{
    (void)state;
    assert_true(
        content_of("template:\n  name: sale\n  languages: {en: en_US, es: es}\n  values: "
                   "['{{first_name}}', '20 %']\notherwise: en\n",
                   "whatsapp", NULL));
    has("\"template\":{\"name\":\"sale\",\"languages\":{\"en\":\"en_US\",\"es\":\"es\"},"
        "\"values\":[[{\"value\":\"first_name\"}],[\"20 %\"]]}");
}

static void bro_1_what_nobody_could_be_told_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("{}", "say 'words', 'template' or both");
    refused("words: {en: {subject: a, body: b}}\n", "'words' lacks 'es'");
    refused("words: {en: {subject: a, body: b}}\notherwise: pl\n", "does not have 'pl' itself");
    refused("words:\n  en: {subject: a, body: 'x {{code}}'}\n",
            "w.yaml:2: nobody knows {{code}}");
    refused("words:\n  en: {subject: a, body: 'x {{name'}\n", "'{{' is not closed");
    refused("words:\n  de: {subject: a, body: b}\n", "a language is en, es, pl or ar");
    refused("words:\n  en: {subject: a, body: ''}\n", "'body' wants words");
    refused("words:\n  en: {subject: a, text: b}\n", "'text' means nothing here");
    refused("words: {en: {subject: a, body: b}}\ntemplate: {name: x, languages: {es: es}}\n"
            "otherwise: en\n",
            "does not have 'en' itself");
    refused("template: {name: x}\n", "'template' has a name and its languages");
    refused("words: [a\n", "w.yaml:");
}

static void bro_1_a_list_s_columns_are_addresses_and_values(void **state)
{
    struct str head[] = {STR("phone"), STR("code"), STR("email")};
    struct str row[] = {STR("+1 (555) 010-0001"), STR("A7"), STR("")}, json;
    struct csv csv = {.n = 3};
    struct broadcast_columns columns;

    (void)state;
    assert_true(broadcast_columns_read(&csv, head, &columns, &err));
    assert_null(broadcast_line_read(&arena, &columns, row, 7, &json));
    assert_true(str_eq(json, STR("{\"line\":7,\"phone\":\"+15550100001\",\"given\":{\"code\":"
                                 "\"A7\"}}")));
    assert_true(
        content_of("words: {en: {body: 'x {{code}}'}}\notherwise: en\n", "sms", &columns));
    assert_false(
        content_of("words: {en: {body: 'x {{phone}}'}}\notherwise: en\n", "sms", &columns));
    row[0] = STR("0555 010 0001");
    assert_string_equal(broadcast_line_read(&arena, &columns, row, 7, &json),
                        "a number is written with its country: +15550100123");
    row[0] = STR("");
    assert_string_equal(broadcast_line_read(&arena, &columns, row, 7, &json),
                        "it says nobody: phone, email and id are empty");
    row[2] = STR("a@b@c");
    assert_string_equal(broadcast_line_read(&arena, &columns, row, 7, &json),
                        "that is no mail address");
    head[2] = STR("code");
    assert_false(broadcast_columns_read(&csv, head, &columns, &err));
    head[0] = STR("who"), head[2] = STR("what");
    assert_false(broadcast_columns_read(&csv, head, &columns, &err));
}

static int open_words(void **state)
{
    struct source_file files[LANG_COUNT];

    (void)state;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct str name = arena_format(&arena, "%s/templates/messages/%s.yaml",
                                       PARLEY_SOURCE_DIR, lang_code((enum lang)lang));
        FILE *file = fopen(name.at, "rbe");
        if (!file)
            return -1;
        char *bytes = arena_alloc(&arena, 1 << 20);
        files[lang] = (struct source_file){
            name, {bytes, fread(bytes, 1, 1 << 20, file)}
        };
        (void)fclose(file);
    }
    return words_create(files, LANG_COUNT, &words, &err) ? 0 : -1;
}

static int close_words(void **state)
{
    (void)state;
    words_destroy(words);
    words_cool();
    arena_finish(&arena);
    return 0;
}

/* Before anything else is looked at: the database would say it in words of its own. */
static void bro_1_a_name_that_is_none_is_refused_with_an_example(void **state)
{
    static const char *const names[] = {
        "",
        "Spring",
        "-sale",
        "_",
        "two words",
        "\xff",
        "../x",
        "a\nb",
        "0123456789012345678901234567890123456789012345678901234567890" /* 61 */};
    struct broadcast_wish wish = {0};
    struct desk desk = {0};
    struct broadcast_plan plan;

    (void)state;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        err = (struct err){0};
        assert_false(broadcast_plan_make(&desk, &wish, names[i], "me", &plan, &err));
        assert_non_null(strstr(err.text, "sixty at most: spring-sale"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bro_1_a_name_that_is_none_is_refused_with_an_example),
        cmocka_unit_test(
            bro_1_words_become_pieces_and_the_law_s_line_is_there_in_all_languages),
        cmocka_unit_test(bro_1_a_template_has_its_name_languages_and_values),
        cmocka_unit_test(bro_1_what_nobody_could_be_told_is_refused_with_its_line),
        cmocka_unit_test(bro_1_a_list_s_columns_are_addresses_and_values),
    };

    return cmocka_run_group_tests(tests, open_words, close_words);
}
