/*
 * The sandbox's rules: each limit of the Cloud API is met exactly and passed by one.
 */
#include "tests/sandbox/validate.h"

#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TO "\"messaging_product\":\"whatsapp\",\"to\":\"+15550100001\","

static int code_of(const char *text)
{
    struct finding finding;
    OWNED_JSON(body) = NULL;
    assert_true(json_read(str_from(text), &body, NULL));
    bool ok = validate_message(body, &finding);
    if (ok) {
        assert_int_equal(finding.code, 0);
    } else {
        assert_true(finding.code > 0 && finding.detail[0]);
    }
    return finding.code;
}

/* `n` times "é": limits count characters, not bytes. */
static const char *letters(size_t n)
{
    static char text[2 * 5000 + 1];
    assert_true(n <= 5000);
    for (size_t i = 0; i < n; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    text[2 * n] = '\0';
    return text;
}

static int code_with(const char *before, size_t n, const char *after)
{
    char *text = NULL;
    assert_true(asprintf(&text, "{" TO "%s%s%s}", before, letters(n), after) > 0);
    int code = code_of(text);
    free(text);
    return code;
}

static void the_providers_own_examples_pass(void **state)
{
    (void)state;
    static const char *const examples[] = {
        "{" TO "\"type\":\"text\",\"text\":{\"preview_url\":true,\"body\":\"On its way\"}}",
        "{" TO "\"text\":{\"body\":\"no type means text\"}}",
        "{\"messaging_product\":\"whatsapp\",\"recipient\":\"US.13491208655302741918\","
        "\"type\":\"text\",\"text\":{\"body\":\"x\"}}",
        "{" TO "\"type\":\"interactive\",\"interactive\":{\"type\":\"cta_url\",\"body\":"
        "{\"text\":\"Pay\"},\"action\":{\"name\":\"cta_url\",\"parameters\":{\"display_text\":"
        "\"Pay now\",\"url\":\"https://shop.example/p\"}}}}",
        "{" TO
        "\"type\":\"interactive\",\"interactive\":{\"type\":\"location_request_message\","
        "\"body\":{\"text\":\"Where?\"},\"action\":{\"name\":\"send_location\"}}}",
        "{" TO "\"type\":\"location\",\"location\":{\"latitude\":\"37.44\",\"longitude\":"
        "\"-122.16\",\"name\":\"Pick-up point\"}}",
        "{" TO
        "\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.X\",\"emoji\":\"\"}}",
        "{" TO "\"type\":\"document\",\"document\":{\"link\":\"https://shop.example/i.pdf\","
        "\"filename\":\"i.pdf\",\"caption\":\"Invoice\"}}",
        "{\"messaging_product\":\"whatsapp\",\"status\":\"read\",\"message_id\":\"wamid.X\","
        "\"typing_indicator\":{\"type\":\"text\"}}",
    };
    for (size_t i = 0; i < COUNTOF(examples); i++)
        assert_int_equal(code_of(examples[i]), 0);
}

static void a_text_has_1_to_4096_characters(void **state)
{
    (void)state;
    assert_int_equal(code_with("\"type\":\"text\",\"text\":{\"body\":\"", 4096, "\"}"), 0);
    assert_int_equal(code_with("\"type\":\"text\",\"text\":{\"body\":\"", 4097, "\"}"), 131009);
    assert_int_equal(code_with("\"type\":\"text\",\"text\":{\"body\":\"", 0, "\"}"), 131009);
    assert_int_equal(code_with("\"type\":\"text\",\"text\":{\"body\":\" ", 0, "\"}"), 131009);
}

#define BUTTONS                                                                                \
    "\"type\":\"interactive\",\"interactive\":{\"type\":\"button\",\"body\":{\"text\":\""
#define ONE_BUTTON(id, title)                                                                  \
    "{\"type\":\"reply\",\"reply\":{\"id\":\"" id "\",\"title\":\"" title "\"}}"

static void buttons_are_three_and_told_apart(void **state)
{
    (void)state;
    assert_int_equal(
        code_with(BUTTONS, 1024, "\"},\"action\":{\"buttons\":[" ONE_BUTTON("a", "A") "]}}"),
        0);
    assert_int_equal(
        code_with(BUTTONS, 1025, "\"},\"action\":{\"buttons\":[" ONE_BUTTON("a", "A") "]}}"),
        131009);
    assert_int_equal(
        code_with(BUTTONS, 1,
                  "\"},\"action\":{\"buttons\":[" ONE_BUTTON("a", "A") "," ONE_BUTTON(
                      "b", "B") "," ONE_BUTTON("c", "C") "," ONE_BUTTON("d", "D") "]}}"),
        131009);
    assert_int_equal(code_with(BUTTONS, 1,
                               "\"},\"action\":{\"buttons\":[" ONE_BUTTON(
                                   "a", "A") "," ONE_BUTTON("b", "A") "]}}"),
                     131009);
    assert_int_equal(code_with(BUTTONS, 1,
                               "\"},\"action\":{\"buttons\":[" ONE_BUTTON(
                                   "a", "a title of 21 letters") "]}}"),
                     131009);
}

/* A list of `sections` sections with `rows` rows each. */
static int code_of_list(int sections, int rows, bool titled, bool same_ids)
{
    json_t *all = json_array();
    for (int s = 0; s < sections; s++) {
        json_t *list = json_array();
        for (int r = 0; r < rows; r++) {
            char id[24];
            (void)snprintf(id, sizeof(id), "%d", same_ids ? 1 : s * 100 + r);
            json_array_append_new(list, json_pack("{s:s, s:s}", "id", id, "title", id));
        }
        json_t *section = json_pack("{s:o}", "rows", list);
        if (titled)
            json_object_set_new(section, "title", json_string("Title"));
        json_array_append_new(all, section);
    }
    OWNED_JSON(body) = json_pack("{s:s, s:s, s:s, s:{s:s, s:{s:s}, s:{s:s, s:o}}}",
                                 "messaging_product", "whatsapp", "to", "15550100001", "type",
                                 "interactive", "interactive", "type", "list", "body", "text",
                                 "Which?", "action", "button", "Orders", "sections", all);
    struct finding finding;
    (void)validate_message(body, &finding);
    return finding.code;
}

static void ch_2_a_list_has_ten_rows_in_all(void **state)
{
    (void)state;
    assert_int_equal(code_of_list(1, 10, false, false), 0);
    assert_int_equal(code_of_list(5, 2, true, false), 0);
    assert_int_equal(code_of_list(1, 11, false, false), 131009);
    assert_int_equal(code_of_list(2, 6, true, false), 131009);
    assert_int_equal(code_of_list(2, 1, false, false), 131008);
    assert_int_equal(code_of_list(1, 2, false, true), 131009);
    assert_int_equal(code_of_list(0, 0, false, false), 131009);
    assert_int_equal(code_of_list(1, 0, false, false), 131009);
}

static void what_is_missing_is_named_as_missing(void **state)
{
    (void)state;
    assert_int_equal(code_of("{" TO "\"type\":\"text\"}"), 131008);
    assert_int_equal(code_of("{" TO "\"type\":\"text\",\"text\":{}}"), 131008);
    assert_int_equal(code_of("{\"messaging_product\":\"whatsapp\",\"text\":{\"body\":\"x\"}}"),
                     131008);
    assert_int_equal(code_of("{\"to\":\"+15550100001\",\"text\":{\"body\":\"x\"}}"), 100);
    assert_int_equal(code_of("{" TO "\"type\":\"image\",\"image\":{}}"), 100);
}

static void what_is_strange_is_refused_and_never_read(void **state)
{
    (void)state;
    static const char *const strange[] = {
        "[]",
        "{}",
        "{" TO "\"type\":7}",
        "{" TO "\"type\":\"poll\",\"poll\":{}}",
        "{" TO "\"type\":\"text\",\"text\":\"x\"}",
        "{" TO "\"type\":\"text\",\"text\":{\"body\":7}}",
        "{" TO "\"type\":\"text\",\"text\":{\"body\":\"x\",\"colour\":\"red\"}}",
        "{" TO "\"type\":\"text\",\"text\":{\"body\":\"x\"},\"image\":{}}",
        "{" TO "\"type\":\"interactive\",\"interactive\":{\"type\":\"list\",\"body\":{\"text\":"
        "\"x\"},\"action\":{\"button\":\"b\",\"sections\":[7]}}}",
        "{" TO "\"type\":\"interactive\",\"interactive\":{\"type\":\"list\",\"body\":{\"text\":"
        "\"x\"},\"action\":{\"button\":\"b\",\"sections\":[{\"rows\":[7]}]}}}",
        "{" TO
        "\"type\":\"interactive\",\"interactive\":{\"type\":\"button\",\"body\":{\"text\":"
        "\"x\"},\"action\":{\"buttons\":[7]}}}",
        "{" TO
        "\"type\":\"interactive\",\"interactive\":{\"type\":\"button\",\"body\":{\"text\":"
        "\"x\"},\"header\":7,\"action\":{\"buttons\":[]}}}",
        "{" TO "\"type\":\"contacts\",\"contacts\":[7]}",
        "{" TO "\"type\":\"template\",\"template\":{\"name\":\"No Capitals\",\"language\":"
        "{\"code\":\"en\"}}}",
        "{" TO
        "\"type\":\"template\",\"template\":{\"name\":\"a\",\"language\":{\"code\":\"en\"},"
        "\"components\":[7]}}",
        "{" TO "\"type\":\"location\",\"location\":{\"latitude\":91,\"longitude\":0}}",
        "{\"messaging_product\":\"whatsapp\",\"to\":\"Ann\",\"text\":{\"body\":\"x\"}}",
        "{\"messaging_product\":\"whatsapp\",\"recipient\":\"us.1\",\"text\":{\"body\":\"x\"}}",
        "{\"messaging_product\":\"whatsapp\",\"status\":\"unread\",\"message_id\":\"x\"}",
    };
    for (size_t i = 0; i < COUNTOF(strange); i++)
        assert_true(code_of(strange[i]) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_providers_own_examples_pass),
        cmocka_unit_test(a_text_has_1_to_4096_characters),
        cmocka_unit_test(buttons_are_three_and_told_apart),
        cmocka_unit_test(ch_2_a_list_has_ten_rows_in_all),
        cmocka_unit_test(what_is_missing_is_named_as_missing),
        cmocka_unit_test(what_is_strange_is_refused_and_never_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
