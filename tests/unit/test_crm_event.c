/*
 * Events of a CRM, read: the examples of the documentation are right, what is wrong is named,
 * and the published schemas say what the reader does.
 */
#include "bot/base/crypto.h"
#include "tests/sandbox/schema.h"
#include "tests/support/crm_schema.h"
#include "webhooks/crm_event.h"
#include "webhooks/rfc3339.h"
#include "webhooks/sagepilot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const struct cloud_headers structured = {
    .content_type = {"application/cloudevents+json", 28}
};

/* A file of the tree; empty when there is none. */
static struct str file_of(const char *name)
{
    FILE *file = fopen(arena_format(&arena, PARLEY_SOURCE_DIR "/%s", name).at, "r");
    char *text = arena_alloc(&arena, 1 << 17);
    size_t n;

    if (!file)
        return STR_NONE;
    n = fread(text, 1, 1 << 17, file);
    (void)fclose(file);
    return (struct str){text, n};
}

/* How many faults; the first one in words. */
static size_t faults_of(struct str body, struct str *first, struct crm_batch **batches)
{
    struct crm_faults faults = {.into = &arena};
    struct cloud_batch batch;
    struct err err = {0};

    if (!cloud_events_read(&arena, &structured, body, &batch, &err))
        fail_msg("%s", err.text);
    *batches = crm_events_read(&arena, &batch, &faults);
    *first = faults.n ? arena_format(&arena, "%zu %.*s: %.*s, not %.*s", faults.items[0].event,
                                     STR_ARG(faults.items[0].fault.path),
                                     STR_ARG(faults.items[0].fault.expected),
                                     STR_ARG(faults.items[0].fault.got))
                      : STR("");
    return faults.n;
}

static const char *wrong(const char *body)
{
    struct crm_batch *batches;
    struct str first;
    char *copy = (char *)arena_cstr(&arena, str_from(body));

    for (char *at = copy; *at; at++)
        *at = (char)(*at == '\'' ? '"' : *at);
    (void)faults_of(str_from(copy), &first, &batches);
    return arena_cstr(&arena, first);
}

/* --- examples -------------------------------------------------------------------------------
 */

/* The example of a type in docs/crm.md: the JSON block in which it stands. */
static struct str example_of(const char *type)
{
    struct str rest = file_of("docs/crm.md");
    struct str open = STR("```json\n"), close = STR("```");
    struct str mark = arena_format(&arena, "\"type\": \"%s\"", type);

    for (;;) {
        size_t at = str_find(rest, open);
        if (at == rest.len)
            fail_msg("docs/crm.md has no example of %s", type);
        rest = str_slice(rest, at + open.len, rest.len);
        struct str block = str_slice(rest, 0, str_find(rest, close));
        if (str_find(block, mark) < block.len)
            return block;
        rest = str_slice(rest, block.len + close.len, rest.len);
    }
}

static void crm_1_the_examples_of_the_documentation_are_right(void **state)
{
    (void)state;
    for (const struct crm_type *type = crm_types; type->name; type++) {
        struct crm_batch *batches;
        struct str first;
        if (faults_of(example_of(type->name), &first, &batches) > 0)
            fail_msg("%s: %.*s", type->name, STR_ARG(first));
        assert_int_equal(batches->n, 1);
    }
}

/* --- schemas --------------------------------------------------------------------------------
 */

static const char *schema_name(const struct crm_type *type)
{
    return arena_format(&arena, "docs/events/%s.schema.json", type->name).at;
}

static void crm_1_the_published_schemas_are_printed_from_the_tables(void **state)
{
    const char *golden = getenv("PARLEY_GOLDEN");

    (void)state;
    for (const struct crm_type *type = crm_types; type->name; type++) {
        struct str written = crm_schema(&arena, type);
        if (golden && strcmp(golden, "write") == 0) {
            FILE *file =
                fopen(arena_format(&arena, PARLEY_SOURCE_DIR "/%s", schema_name(type)).at, "w");
            assert_non_null(file);
            assert_int_equal(fwrite(written.at, 1, written.len, file), written.len);
            assert_int_equal(fclose(file), 0);
        }
        if (!str_eq(file_of(schema_name(type)), written)) {
            fail_msg("%s is of yesterday: PARLEY_GOLDEN=write test_crm_event",
                     schema_name(type));
        }
    }
}

static bool schema_takes(const json_t *schema, const json_t *event,
                         char reason[SCHEMA_REASON_MAX])
{
    return schema_check(schema, schema, event, reason);
}

static bool reader_takes(const json_t *event, struct str *first)
{
    struct crm_batch *batches;

    return faults_of(json_write(&arena, event), first, &batches) == 0;
}

static void agree(const char *type, const json_t *schema, const json_t *event)
{
    char reason[SCHEMA_REASON_MAX] = "";
    struct str first;
    bool by_schema = schema_takes(schema, event, reason);
    bool by_reader = reader_takes(event, &first);

    if (by_schema != by_reader) {
        fail_msg("%s: the schema says '%s', the reader says '%.*s' of %.*s", type, reason,
                 STR_ARG(first), STR_ARG(json_write(&arena, event)));
    }
}

/* Each member of an object is taken away, and put to what it should not be. */
static void mutate(const char *type, const json_t *schema, json_t *event, json_t *object)
{
    static const char *const others[] = {"{}",     "[]", "null", "true",           "\"\"",
                                         "\"  \"", "-1", "1.5",  "\"2026-13-40\"", "\"x\"",
                                         "[{}]",   "[7]"};
    char *longest = arena_alloc(&arena, 20000);
    const char *name;
    json_t *value;
    json_t *names = json_copy(object);

    memset(longest, 'x', 19999);
    json_object_foreach(names, name, value)
    {
        json_incref(value);
        (void)json_object_del(object, name);
        agree(type, schema, event);
        for (size_t i = 0; i < COUNTOF(others); i++) {
            (void)json_object_set_new(object, name,
                                      json_loads(others[i], JSON_DECODE_ANY, NULL));
            agree(type, schema, event);
        }
        (void)json_object_set_new(object, name, json_string(longest));
        agree(type, schema, event);
        (void)json_object_set_new(object, name, value);
        if (json_is_object(value))
            mutate(type, schema, event, value);
        if (json_is_array(value) && json_is_object(json_array_get(value, 0)))
            mutate(type, schema, event, json_array_get(value, 0));
    }
    json_decref(names);
}

static void crm_1_schema_and_reader_refuse_the_same(void **state)
{
    (void)state;
    for (const struct crm_type *type = crm_types; type->name; type++) {
        OWNED_JSON(schema) = NULL;
        OWNED_JSON(event) = NULL;
        struct err err = {0};
        assert_true(json_read(crm_schema(&arena, type), &schema, &err));
        assert_true(json_read(example_of(type->name), &event, &err));
        agree(type->name, schema, event);
        mutate(type->name, schema, event, event);
    }
}

/* --- faults ---------------------------------------------------------------------------------
 */

#define HEAD "'specversion':'1.0','id':'1','source':'s','version':1,"

static void crm_1_a_fault_is_named_by_its_path(void **state)
{
    (void)state;
    assert_string_equal(wrong("[7]"), "0 : an object: a CloudEvent, not 7");
    assert_string_equal(
        wrong("[{'specversion':'1.0','id':'1','source':'s','type':'x.y','data':{}}]"),
        arena_format(&arena, "%s",
                     wrong("{'specversion':'1.0','id':'1','source':'s',"
                           "'type':'x.y','data':{}}"))
            .at);
    assert_non_null(
        strstr(wrong("{" HEAD "'type':'order.eaten','data':{}}"), "customer.upserted"));
    assert_string_equal(wrong("{" HEAD "'type':'customer.upserted','data':[]}"),
                        "0 data: an object, not []");
    assert_string_equal(
        wrong("[{" HEAD "'type':'customer.upserted','data':{'id':'c'}},{" HEAD
              "'type':'customer.upserted','data':{'id':'c','phones':['+15550100001','0']}}]"),
        "1 data.phones[1]: a telephone number with its country: +15550100001, not \"0\"");
    assert_string_equal(wrong("{'specversion':'1.0','id':'1','source':'s',"
                              "'type':'customer.upserted','data':{'id':'c'}}"),
                        "0 time: a time, or a version: the newer one wins, not ");
}

/* What is told has to say what is wrong: "-1" is a number with at most 3 decimals, too. */
static void crm_1_what_is_too_little_or_too_much_is_told_with_its_bounds(void **state)
{
#define ORDER(rest)                                                                            \
    "{" HEAD "'type':'order.upserted','data':{'id':'o','number':'1','customer':'c',"           \
    "'status':'s','placed_at':'2026-11-21T10:00:00Z','currency':'EUR'," rest "}}"
    (void)state;
    assert_string_equal(
        wrong(ORDER("'total':'1','items':[{'description':'Mug','qty':-1,'unit_price':'1',"
                    "'total':'1'}]")),
        "0 data.items[0].qty: a number from 0 to 999999999 with at most 3 decimals, not -1");
    assert_string_equal(wrong(ORDER("'total':'-1'")),
                        "0 data.total: an amount, not below zero, with no more decimals than "
                        "its currency has: \"19.90\", not \"-1\"");
    assert_string_equal(wrong(ORDER("'total':'1','progress':101")),
                        "0 data.progress: a whole number from 0 to 100, not 101");
#undef ORDER
}

/* "EN" is English, and a counter that outgrew JavaScript's numbers is written as its digits. */
static void crm_1_languages_in_capitals_and_versions_as_digits_are_read(void **state)
{
    struct crm_batch *batches;
    struct str first;

    (void)state;
    assert_int_equal(
        faults_of(STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
                      "\"version\":\"9007199254740992\",\"type\":\"customer.upserted\","
                      "\"data\":{\"id\":\"c\",\"language\":\"PL-pl\"}}"),
                  &first, &batches),
        0);
    assert_true(str_find(batches->events, STR("\"language\":\"pl\"")) < batches->events.len);
    assert_true(str_find(batches->events, STR("\"version\":9007199254740992")) <
                batches->events.len);
    assert_string_equal(wrong("{'specversion':'1.0','id':'1','source':'s','version':'3.1',"
                              "'type':'customer.upserted','data':{'id':'c'}}"),
                        "0 version: a whole number from 0 to 9007199254740992, not \"3.1\"");
    assert_string_equal(wrong("{'specversion':'1.0','id':'1','source':'s','version':'-3',"
                              "'type':'customer.upserted','data':{'id':'c'}}"),
                        "0 version: a whole number from 0 to 9007199254740992, not \"-3\"");
    assert_string_equal(
        wrong("{" HEAD "'type':'customer.upserted','data':{'id':'c','language':'E'}}"),
        "0 data.language: a language by ISO 639: en, not \"E\"");
}

/* A system without a null writes "" where a customer has none. */
static void crm_1_an_address_or_number_that_is_blank_is_none(void **state)
{
    struct crm_batch *batches;
    struct str first;

    (void)state;
    assert_int_equal(faults_of(STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
                                   "\"version\":1,\"type\":\"customer.upserted\",\"data\":{"
                                   "\"id\":\"c\",\"name\":\"\",\"email\":\"\",\"phones\":[\"\","
                                   "\"+15550100001\",\"  \"]}}"),
                               &first, &batches),
                     0);
    assert_int_equal(str_find(batches->events, STR("email")), batches->events.len);
    assert_true(str_find(batches->events, STR("\"phones\":[\"+15550100001\"]")) <
                batches->events.len);
    assert_string_equal(
        wrong("{" HEAD "'type':'customer.upserted','data':{'id':'c','email':'x'}}"),
        "0 data.email: an address of mail, not \"x\"");
    assert_string_equal(
        wrong("{" HEAD "'type':'customer.upserted','data':{'id':' '}}"),
        "0 data.id: text without line breaks of 1 to 100 characters, not \" \"");
}

/* Cards are taken out of words, and out of nothing that names. */
static void ch_9_words_lose_cards_and_are_bounded(void **state)
{
    struct crm_batch *batches;
    struct str first;

    (void)state;
    assert_int_equal(
        faults_of(STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
                      "\"type\":\"ticket.answered\",\"data\":{\"ticket\":\"T-1\","
                      "\"text\":\"  Your card 4111 1111 1111 1111 was charged. \"}}"),
                  &first, &batches),
        0);
    assert_int_equal(str_find(batches->events, STR("4111")), batches->events.len);
    assert_true(str_find(batches->events, STR("\"text\":\"Your card *")) < batches->events.len);
}

/* Who speaks is read by customers; an address would lead elsewhere without the digits. */
static void ch_9_agents_names_lose_cards_and_addresses_with_one_are_refused(void **state)
{
    static const char *const fine[] = {
        "'carrier':'x','tracking_number':'4111111111111111',"
        "'url':'https://t.example/?n=4111111111111111'",
        "'carrier':'x','tracking_number':'1','url':'https://t.example/4111111111111112'",
    };
    static const char *const types[] = {"agent.message", "handoff.released"};
    struct crm_batch *batches;
    struct str first;

    (void)state;
    for (size_t i = 0; i < COUNTOF(types); i++) {
        assert_int_equal(
            faults_of(arena_format(&arena,
                                   "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
                                   "\"version\":1,\"type\":\"%s\",\"data\":{"
                                   "\"conversation\":\"c\",\"text\":\"x\","
                                   "\"agent\":\"Eve 4111-1111-1111-1111\"}}",
                                   types[i]),
                      &first, &batches),
            0);
        assert_int_equal(str_find(batches->events, STR("1111")), batches->events.len);
        assert_true(str_find(batches->events, STR("\"agent\":\"Eve *")) < batches->events.len);
    }
#define PARCEL "'type':'shipment.upserted','data':{'id':'1','order':'1','status':'delivered',"
    for (size_t i = 0; i < COUNTOF(fine); i++) {
        assert_string_equal(wrong(arena_format(&arena, "{" HEAD PARCEL "%s}}", fine[i]).at),
                            "");
    }
    assert_non_null(strstr(wrong("{" HEAD PARCEL "'carrier':'x','tracking_number':'2',"
                                 "'url':'https://t.example/4111111111111111/2'}}"),
                           "0 data.url: an address that begins with https://, without"));
    assert_non_null(strstr(wrong("{" HEAD "'type':'photo.added','data':{'id':'1','order':'1',"
                                 "'category':'damage',"
                                 "'url':'https://p.example/?pan=4111-1111-1111-1111'}}"),
                           "0 data.url: "));
}

/* --- Sagepilot's shape ----------------------------------------------------------------------
 */

static enum sagepilot_kind pilot(const char *body, struct str *event, struct str *type)
{
    return sagepilot_event(&arena, STR("msg_1"), STR("1795000000"), str_from(body), event,
                           type);
}

static void crm_1_sagepilots_events_are_ours(void **state)
{
    struct crm_batch *batches;
    struct str event, type, first;

    (void)state;
    assert_int_equal(
        pilot(
            "{\"event_type\":\"shipment_delayed\",\"source\":\"sagepilot\",\"payload\":{"
            "\"shipment_id\":7,\"order_id\":\"9\",\"carrier\":\"ups\",\"tracking_code\":\"1Z\","
            "\"occurred_at\":\"2026-11-21T10:00:00Z\","
            "\"new_estimated_delivery\":\"2026-11-29T10:00:00Z\"}}",
            &event, &type),
        SAGEPILOT_KNOWN);
    assert_int_equal(faults_of(event, &first, &batches), 0);
    assert_true(str_eq(batches->source, STR("sagepilot")));
    assert_true(str_find(batches->events, STR("\"status\":\"exception\"")) <
                batches->events.len);
    assert_true(str_find(batches->events, STR("\"order\":\"9\"")) < batches->events.len);
    assert_true(str_find(batches->events, STR("\"expected_at\":\"2026-11-29T")) <
                batches->events.len);
    assert_int_equal(pilot("{\"event_type\":\"order_created\",\"source\":\"s\",\"payload\":{"
                           "\"order\":{\"order_id\":1}}}",
                           &event, &type),
                     SAGEPILOT_KNOWN);
    assert_true(faults_of(event, &first, &batches) > 0); /* what is missing is told */
    assert_true(str_find(first, STR("data.number")) < first.len);
    assert_int_equal(
        pilot("{\"event_type\":\"refund_requested\",\"source\":\"s\",\"payload\":{}}", &event,
              &type),
        SAGEPILOT_UNKNOWN);
    assert_int_equal(
        pilot("{\"specversion\":\"1.0\",\"event_type\":\"x\",\"payload\":{}}", &event, &type),
        SAGEPILOT_NOT);
    assert_int_equal(pilot("\"event_type\"", &event, &type), SAGEPILOT_NOT);
}

/* --- times ----------------------------------------------------------------------------------
 */

static void times_are_read_and_written(void **state)
{
    static const struct {
        const char *text, *utc; /* utc NULL: no time */
    } cases[] = {
        {"2026-11-21T10:20:00Z",         "2026-11-21T10:20:00.000000Z"},
        {"2026-11-21T10:20:00.5+01:00",  "2026-11-21T09:20:00.500000Z"},
        {"2024-02-29t23:59:60z",         "2024-03-01T00:00:00.000000Z"},
        {"1970-01-01T00:00:00Z",         "1970-01-01T00:00:00.000000Z"},
        {"9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"},
        {"2026-02-29T10:20:00Z",         NULL                         },
        {"2026-11-21T10:20:00",          NULL                         },
        {"2026-11-21T24:00:00Z",         NULL                         },
        {"2026-11-21T10:20:00.Z",        NULL                         },
        {"2026-11-21",                   NULL                         },
        {"1969-12-31T23:59:59Z",         NULL                         },
        {"",                             NULL                         },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        usec_t at = 0;
        bool right = rfc3339_read(str_from(cases[i].text), &at);
        assert_int_equal(right, cases[i].utc != NULL);
        if (right)
            assert_string_equal(arena_cstr(&arena, rfc3339_write(&arena, at)), cases[i].utc);
    }
    for (usec_t at = 0; at < 4000000000 * USEC_PER_SEC; at += 86399999999 * 7) {
        usec_t again = 0;
        assert_true(rfc3339_read(rfc3339_write(&arena, at), &again));
        assert_true(at == again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crm_1_the_examples_of_the_documentation_are_right),
        cmocka_unit_test(crm_1_the_published_schemas_are_printed_from_the_tables),
        cmocka_unit_test(crm_1_schema_and_reader_refuse_the_same),
        cmocka_unit_test(crm_1_a_fault_is_named_by_its_path),
        cmocka_unit_test(crm_1_what_is_too_little_or_too_much_is_told_with_its_bounds),
        cmocka_unit_test(crm_1_languages_in_capitals_and_versions_as_digits_are_read),
        cmocka_unit_test(crm_1_an_address_or_number_that_is_blank_is_none),
        cmocka_unit_test(ch_9_words_lose_cards_and_are_bounded),
        cmocka_unit_test(ch_9_agents_names_lose_cards_and_addresses_with_one_are_refused),
        cmocka_unit_test(crm_1_sagepilots_events_are_ours),
        cmocka_unit_test(times_are_read_and_written),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
