/*
 * The check against published descriptions: every keyword says yes and no where it should.
 */
#include "tests/sandbox/schema.h"

#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool fits(const char *schema_text, const char *value_text)
{
    char reason[SCHEMA_REASON_MAX];
    OWNED_JSON(schema) = json_loads(schema_text, JSON_DECODE_ANY, NULL);
    OWNED_JSON(value) = json_loads(value_text, JSON_DECODE_ANY, NULL);
    assert_non_null(schema);
    assert_non_null(value);
    bool ok = schema_check(schema, schema, value, reason);
    assert_true(ok == (reason[0] == '\0'));
    return ok;
}

static void every_keyword_says_yes_and_no(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *yes, *no;
    } cases[] = {
        {"{\"type\":\"string\"}",                                                         "\"a\"",                "1"        },
        {"{\"type\":[\"string\",\"null\"]}",                                              "null",                 "1"        },
        {"{\"type\":\"number\"}",                                                         "1",                    "true"     },
        {"{\"type\":\"integer\"}",                                                        "1",                    "1.5"      },
        {"{\"const\":\"a\"}",                                                             "\"a\"",                "\"b\""    },
        {"{\"enum\":[1,2]}",                                                              "2",                    "3"        },
        {"{\"maxLength\":2}",                                                             "\"\xc3\xa9\xc3\xa9\"", "\"abc\""  },
        {"{\"minLength\":1}",                                                             "\"a\"",                "\"\""     },
        {"{\"pattern\":\"^\\\\d{2}$\"}",                                                  "\"12\"",               "\"1\""    },
        {"{\"pattern\":\"^[\\\\d+]*$\"}",                                                 "\"+12\"",              "\"a\""    },
        {"{\"minimum\":1,\"maximum\":3}",                                                 "3",                    "4"        },
        {"{\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"string\"}}",               "[\"a\"]",              "[]"       },
        {"{\"items\":{\"type\":\"string\"}}",                                             "[\"a\"]",              "[1]"      },
        {"{\"required\":[\"a\"]}",                                                        "{\"a\":1}",            "{\"b\":1}"},
        {"{\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":false}",
         "{\"a\":\"x\"}",                                                                                         "{\"b\":1}"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}",                              "{\"a\":\"x\"}",        "{\"a\":1}"},
        {"{\"allOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}",                   "{\"a\":1,\"b\":1}",
         "{\"a\":1}"                                                                                                         },
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}",                    "1",                    "true"     },
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":5}]}",                          "1",                    "6"        },
        {"{\"not\":{\"type\":\"string\"}}",                                               "1",                    "\"a\""    },
        {"{\"defs\":{\"s\":{\"type\":\"string\"}},\"properties\":{\"a\":{\"$ref\":\"#/defs/"
         "s\"}}}",                                                               "{\"a\":\"x\"}",        "{\"a\":1}"},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        assert_true(fits(cases[i].schema, cases[i].yes));
        assert_false(fits(cases[i].schema, cases[i].no));
    }
}

static void a_reason_names_the_place(void **state)
{
    (void)state;
    char reason[SCHEMA_REASON_MAX];
    OWNED_JSON(schema) = json_loads("{\"properties\":{\"text\":{\"properties\":{\"body\":"
                                    "{\"maxLength\":3}}}}}",
                                    0, NULL);
    OWNED_JSON(value) = json_loads("{\"text\":{\"body\":\"long\"}}", 0, NULL);
    assert_false(schema_check(schema, schema, value, reason));
    assert_string_equal(reason, "body/text/body: is longer than 3");
}

static void a_description_that_turns_in_circles_ends(void **state)
{
    (void)state;
    assert_false(fits("{\"self\":{\"$ref\":\"#/self\"},\"$ref\":\"#/self\"}", "{}"));
    assert_false(fits("{\"$ref\":\"#/nowhere\"}", "{}"));
}

static void only_described_paths_are_checked(void **state)
{
    (void)state;
    char reason[SCHEMA_REASON_MAX];
    OWNED_JSON(document) = json_loads(
        "{\"paths\":{\"/{Version}/{Id}/messages\":{\"post\":{\"requestBody\":{"
        "\"content\":{\"application/json\":{\"schema\":{\"required\":[\"to\"]}}}}}}}}",
        0, NULL);
    OWNED_JSON(value) = json_object();
    assert_false(schema_check_request(document, "post", "/v26.0/1/messages", value, reason));
    assert_true(schema_check_request(document, "get", "/v26.0/1/messages", value, reason));
    assert_true(schema_check_request(document, "post", "/v26.0/1/media", value, reason));
    assert_true(schema_check_request(document, "post", "/v26.0/messages", value, reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_keyword_says_yes_and_no),
        cmocka_unit_test(a_reason_names_the_place),
        cmocka_unit_test(a_description_that_turns_in_circles_ends),
        cmocka_unit_test(only_described_paths_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
