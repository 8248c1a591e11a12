/* The API's parts that need no service: what a key looks like, how often it may be used, and
 * which request is which. */
#include "bot/door/api_doc.h"
#include "bot/door/api_key.h"
#include "bot/door/api_rate.h"
#include "bot/door/api_routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int clear(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void a_key_is_read_as_it_was_written_and_nothing_else_is(void **state)
{
    uint8_t random[API_KEY_RANDOM];
    char text[API_KEY_LEN + 1];
    struct str public_part;

    (void)state;
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(i * 37);
    api_key_write(random, text);
    assert_int_equal(strlen(text), API_KEY_LEN);
    assert_true(api_key_read(str_from(text), &public_part));
    assert_int_equal(public_part.len, API_KEY_PUBLIC);
    for (size_t i = 0; i < API_KEY_LEN; i++) {
        char was = text[i];
        text[i] = '-';
        assert_false(api_key_read(str_from(text), &public_part));
        text[i] = was;
        assert_false(api_key_read((struct str){text, i}, &public_part));
    }
    assert_true(str_eq(api_key_bearer(STR("bearer  x ")), STR("x")));
    assert_int_equal(api_key_bearer(STR("Bearer")).len, 0);
    assert_int_equal(api_key_bearer(STR("Bearerx y")).len, 0);
    assert_int_equal(api_key_bearer(STR_NONE).len, 0);
}

static void a_scope_is_a_whole_word(void **state)
{
    struct str unknown;

    (void)state;
    assert_true(api_key_may(STR("orders:read,handoff"), "handoff"));
    assert_false(api_key_may(STR("orders:read,handoff"), "hand"));
    assert_false(api_key_may(STR("orders:readhandoff"), "handoff"));
    assert_false(api_key_may(STR(""), "handoff"));
    assert_true(api_key_scopes_known(STR("orders:read,customers:read"), &unknown));
    assert_false(api_key_scopes_known(STR("orders:read,all"), &unknown));
    assert_true(str_eq(unknown, STR("all")));
    assert_false(api_key_scopes_known(STR(""), &unknown));
}

static struct uuid key_of(uint64_t number)
{
    struct uuid id = {{1}};
    uint64_t tag = number * 0x9e3779b97f4a7c15;

    memcpy(id.bytes + 8, &tag, sizeof tag);
    return id;
}

static void each_key_has_its_own_bucket(void **state)
{
    struct api_rate *rate = calloc(1, sizeof *rate);
    usec_t now = 1000 * USEC_PER_SEC;

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(api_rate_take(rate, key_of(1), now, 10, 5), 0);
    usec_t wait = api_rate_take(rate, key_of(1), now, 10, 5);
    assert_in_range(wait, 1, USEC_PER_SEC / 10);
    for (uint64_t i = 2; i < 60; i++)
        assert_int_equal(api_rate_take(rate, key_of(i), now, 10, 5), 0);
    assert_int_equal(api_rate_take(rate, key_of(1), now + wait, 10, 5), 0);
    /* However many keys there are, there is always a limit, and places come free again. */
    for (uint64_t i = 0; i < 10000; i++)
        (void)api_rate_take(rate, key_of(i), now, 10, 5);
    unsigned let = 0;
    for (int i = 0; i < 100; i++)
        let += api_rate_take(rate, key_of(424242), now, 10, 5) == 0;
    assert_in_range(let, 0, 5);
    assert_int_equal(api_rate_take(rate, key_of(424242), now + 2 * USEC_PER_MIN, 10, 5), 0);
    free(rate);
}

static void a_path_is_found_with_what_stands_in_it(void **state)
{
    struct api_match match;

    (void)state;
    api_route_find("GET", STR("/v1/orders/ORD-1"), &match);
    assert_non_null(match.route);
    assert_string_equal(match.route->what, "order");
    assert_true(str_eq(match.parts[0].name, STR("order")) &&
                str_eq(match.parts[0].value, STR("ORD-1")));
    api_route_find("HEAD", STR("/v1/orders"), &match);
    assert_string_equal(match.route->what, "orders");
    api_route_find("DELETE", STR("/v1/orders/a/photos/b"), &match);
    assert_int_equal(match.n, 2);
    assert_false(api_parts_fit(&match)); /* b is no id */
    api_route_find("PUT", STR("/v1/orders/a"), &match);
    assert_true(match.known && match.route == NULL);
    assert_true(str_eq(api_methods(&arena, STR("/v1/orders/a")), STR("GET, PATCH")));
    static const char *const none[] = {
        "/v1/order", "/v1/orders/a/b", "/v1/orders//notes", "/v1", "/", ""};
    for (size_t i = 0; i < COUNTOF(none); i++) {
        api_route_find("GET", str_from(none[i]), &match);
        assert_false(match.known);
    }
}

/* Each route's scope is one that keys can have, and bodies are told how to be read. */
static void the_table_fits_together(void **state)
{
    struct str unknown;

    (void)state;
    for (const struct api_route *route = api_routes; route->method != NULL; route++) {
        assert_true(api_key_scopes_known(str_from(route->scope), &unknown));
        assert_true((route->body == API_JSON || route->body == API_JSON_OR_NONE) ==
                    (route->shape != NULL));
    }
}

static void a_date_can_be_taken_away(void **state)
{
    struct shape_faults faults = {.into = &arena};
    struct api_match match;
    struct json_out out;
    struct err err = {0};

    (void)state;
    api_route_find("PATCH", STR("/v1/orders/a"), &match);
    json_out_init(&out, &arena, 64);
    json_open(&out, '{');
    assert_true(api_body_read(match.route, STR("{\"expected_at\":null,\"else\":1}"), &out,
                              &faults, &err));
    json_close(&out, '}');
    assert_true(str_eq(json_out_text(&out), STR("{\"expected_at\":\"none\"}")));
    assert_false(api_body_read(match.route, STR("[1]"), &out, &faults, &err));
    assert_false(api_body_read(match.route, STR("{"), &out, &faults, &err));
}

static void an_empty_list_is_told_how_many_there_may_be(void **state)
{
    struct shape_faults faults = {.into = &arena};
    struct api_match match;
    struct json_out out;
    struct err err = {0};

    (void)state;
    api_route_find("POST", STR("/v1/orders/a/estimates"), &match);
    json_out_init(&out, &arena, 64);
    json_open(&out, '{');
    assert_true(api_body_read(match.route, STR("{\"items\":[]}"), &out, &faults, &err));
    assert_int_equal(faults.n, 1);
    assert_true(str_eq(faults.items[0].expected, STR("a list of 1 to 200")));
}

static void the_published_description_is_printed_from_the_tables(void **state)
{
    static const char path[] = PARLEY_SOURCE_DIR "/docs/openapi.yaml";
    const char *golden = getenv("PARLEY_GOLDEN");
    struct str written = api_openapi(&arena);
    char *text = calloc(1, written.len + 2);
    FILE *file;

    (void)state;
    if (golden && strcmp(golden, "write") == 0) {
        file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(written.at, 1, written.len, file), written.len);
        assert_int_equal(fclose(file), 0);
    }
    file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, written.len + 1, file);
    assert_int_equal(fclose(file), 0);
    if (!str_eq((struct str){text, n}, written))
        fail_msg("docs/openapi.yaml is of yesterday: PARLEY_GOLDEN=write test_api");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_read_as_it_was_written_and_nothing_else_is),
        cmocka_unit_test(a_scope_is_a_whole_word),
        cmocka_unit_test(each_key_has_its_own_bucket),
        cmocka_unit_test_teardown(a_path_is_found_with_what_stands_in_it, clear),
        cmocka_unit_test(the_table_fits_together),
        cmocka_unit_test_teardown(the_published_description_is_printed_from_the_tables, clear),
        cmocka_unit_test_teardown(a_date_can_be_taken_away, clear),
        cmocka_unit_test_teardown(an_empty_list_is_told_how_many_there_may_be, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
