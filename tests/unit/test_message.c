/* Messages: names that last, the order of statuses, and replies that survive their JSON. */
#include "bot/base/message.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void assert_str(struct str got, const char *want)
{
    assert_string_equal(arena_cstr(&arena, got), want);
    assert_int_equal(got.len, strlen(want));
}

#define DELIVERIES (DELIVERY_DELETED + 1)

/* The database keeps the greatest (tests/integration/test_store_statuses.c). */
static void ch_8_queued_sent_failed_delivered_read_played_deleted(void **state)
{
    (void)state;
    static const enum delivery order[] = {
        DELIVERY_QUEUED, DELIVERY_SENT,   DELIVERY_FAILED,  DELIVERY_DELIVERED,
        DELIVERY_READ,   DELIVERY_PLAYED, DELIVERY_DELETED,
    };
    for (size_t i = 0; i < COUNTOF(order); i++) {
        for (size_t j = i + 1; j < COUNTOF(order); j++)
            assert_true(order[i] < order[j]);
    }
}

static void names_are_as_in_the_database_and_each_its_own(void **state)
{
    (void)state;
    assert_string_equal(channel_name(CHANNEL_WHATSAPP), "whatsapp");
    assert_string_equal(channel_name(CHANNEL_SMS), "sms");
    assert_string_equal(channel_name(CHANNEL_EMAIL), "email");
    assert_string_equal(event_kind_name(EVENT_TEXT), "text");
    assert_string_equal(event_kind_name(EVENT_OTHER), "other");
    assert_string_equal(media_kind_name(MEDIA_VOICE), "voice");
    assert_string_equal(delivery_name(DELIVERY_QUEUED), "queued");
    assert_string_equal(delivery_name(DELIVERY_DELETED), "deleted");
    assert_string_equal(reply_kind_name(REPLY_TEMPLATE), "template");
    for (int i = EVENT_TEXT; i <= EVENT_OTHER; i++) {
        for (int j = EVENT_TEXT; j < i; j++) {
            assert_string_not_equal(event_kind_name((enum event_kind)i),
                                    event_kind_name((enum event_kind)j));
        }
    }
    for (int i = 0; i < DELIVERIES; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(delivery_name((enum delivery)i),
                                    delivery_name((enum delivery)j));
        }
    }
}

static void a_number_without_a_name_is_unknown_not_a_crash(void **state)
{
    (void)state;
    assert_string_equal(channel_name((enum channel)99), "unknown");
    assert_string_equal(event_kind_name((enum event_kind) - 1), "unknown");
    assert_string_equal(media_kind_name((enum media_kind)99), "unknown");
    assert_string_equal(delivery_name((enum delivery)DELIVERIES), "unknown");
    assert_string_equal(reply_kind_name((enum reply_kind)99), "unknown");
}

static void what_a_person_sent_awaits_an_answer(void **state)
{
    (void)state;
    static const enum event_kind messages[] = {
        EVENT_TEXT,     EVENT_CHOICE,      EVENT_MEDIA,   EVENT_LOCATION,
        EVENT_CONTACTS, EVENT_REACTION,    EVENT_ORDER,   EVENT_EDIT,
        EVENT_REVOKE,   EVENT_UNSUPPORTED, EVENT_UNKNOWN,
    };
    static const enum event_kind others[] = {EVENT_IDENTITY, EVENT_STATUS,  EVENT_PREFERENCE,
                                             EVENT_TEMPLATE, EVENT_ACCOUNT, EVENT_OTHER};
    for (size_t i = 0; i < COUNTOF(messages); i++)
        assert_true(event_is_message(messages[i]));
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_false(event_is_message(others[i]));
}

static void a_contact_point_is_keyed_by_user_id_then_phone(void **state)
{
    (void)state;
    struct person both = {.user_id = STR("US.13491208655302741918"),
                          .phone = STR("+15550100001")};
    struct person phone = {.phone = STR("+15550100001"), .name = STR("Ana")};
    struct person nobody = {.name = STR("Ana"), .username = STR("ana")};
    assert_str(person_address(&both), "US.13491208655302741918");
    assert_str(person_address(&phone), "+15550100001");
    assert_int_equal(person_address(&nobody).len, 0);
}

static void assert_same_reply(const struct reply *a, const struct reply *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(str_eq(a->body, b->body) && str_eq(a->header, b->header));
    assert_true(str_eq(a->footer, b->footer) && str_eq(a->label, b->label));
    assert_true(str_eq(a->url, b->url) && str_eq(a->media, b->media));
    assert_true(str_eq(a->filename, b->filename));
    assert_true(str_eq(a->document, b->document));
    assert_true(str_eq(a->template_name, b->template_name));
    assert_true(str_eq(a->template_language, b->template_language));
    assert_int_equal(a->n_options, b->n_options);
    for (size_t i = 0; i < a->n_options; i++) {
        const struct reply_option *one = &a->options[i];
        const struct reply_option *other = &b->options[i];
        assert_true(str_eq(one->id, other->id) && str_eq(one->title, other->title));
        assert_true(str_eq(one->description, other->description));
        assert_true(str_eq(one->section, other->section));
    }
    assert_int_equal(a->n_template_values, b->n_template_values);
    for (size_t i = 0; i < a->n_template_values; i++)
        assert_true(str_eq(a->template_values[i], b->template_values[i]));
}

static void every_reply_survives_its_json(void **state)
{
    (void)state;
    const struct reply_option rows[] = {
        {STR("a"), STR("Zamówienie 1"), STR("wysłane"), STR("Aktywne")},
        {STR("b"), STR("طلب ٢"),     STR_NONE,        STR_NONE      },
        {STR_NONE, STR_NONE,             STR_NONE,        STR_NONE      },
    };
    const struct str values[] = {STR("Ana"), STR_NONE, STR("19,99 €\n\"x\"")};
    const struct reply text = {.kind = REPLY_TEXT, .body = STR("¿Dónde?")};
    const struct reply buttons = {
        .kind = REPLY_BUTTONS, .body = STR("b"), .options = rows, .n_options = 3};
    const struct reply list = {.kind = REPLY_LIST,
                               .body = STR("b"),
                               .header = STR("h"),
                               .footer = STR("f"),
                               .label = STR("l"),
                               .options = rows,
                               .n_options = 2};
    const struct reply link = {
        .kind = REPLY_LINK, .label = STR("l"), .url = STR("https://x.test/?a=1&b")};
    const struct reply image = {.kind = REPLY_IMAGE, .media = STR("123"), .body = STR("b")};
    const struct reply document = {
        .kind = REPLY_DOCUMENT, .url = STR("u"), .filename = STR("faktura.pdf")};
    const struct reply templated = {.kind = REPLY_TEMPLATE,
                                    .template_name = STR("order_shipped"),
                                    .template_language = STR("pl"),
                                    .template_values = values,
                                    .n_template_values = 3};
    const struct reply kept = {.kind = REPLY_DOCUMENT,
                               .document = STR("01900000-0000-7000-8000-000000000001"),
                               .filename = STR("a.pdf")};
    const struct reply *const replies[] = {&text,  &buttons,  &list,      &link,
                                           &image, &document, &templated, &kept};
    for (size_t i = 0; i < COUNTOF(replies); i++) {
        struct reply back;
        struct str json = reply_to_json(&arena, replies[i]);
        assert_true(reply_from_json(&arena, json, &back, NULL));
        assert_same_reply(replies[i], &back);
        assert_true(str_eq(reply_to_json(&arena, &back), json));
    }
}

/* Rows of the outbox outlive a release, so the form may grow but never change. */
static void the_form_of_a_kept_reply_stays(void **state)
{
    (void)state;
    const struct reply_option row = {STR("i"), STR("t"), STR("d"), STR("s")};
    const struct str value = STR("v");
    const struct reply reply = {.kind = REPLY_LIST,
                                .body = STR("b"),
                                .label = STR("l"),
                                .options = &row,
                                .n_options = 1,
                                .template_name = STR("n"),
                                .template_language = STR("en"),
                                .template_values = &value,
                                .n_template_values = 1};
    assert_str(reply_to_json(&arena, &reply),
               "{\"kind\":\"list\",\"body\":\"b\",\"label\":\"l\",\"template\":\"n\","
               "\"language\":\"en\",\"options\":[{\"id\":\"i\",\"title\":\"t\","
               "\"description\":\"d\",\"section\":\"s\"}],\"values\":[\"v\"]}");
}

static void members_of_a_newer_version_are_passed_over(void **state)
{
    (void)state;
    struct reply reply;
    assert_true(reply_from_json(
        &arena, STR("{\"kind\":\"text\",\"body\":\"b\",\"mood\":{\"x\":[1.5]}}"), &reply,
        NULL));
    assert_str(reply.body, "b");
    assert_null(reply.options);
    assert_null(reply.template_values);
}

static void what_is_no_reply_is_rejected_and_leaves_the_old_one(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_NONE,
        STR("[]"),
        STR("{}"),
        STR("{\"kind\":7}"),
        STR("{\"kind\":\"Text\"}"),
        STR("{\"kind\":\"unknown\"}"),
        STR("{\"kind\":\"text\",\"kind\":\"text\"}"),
        STR("{\"kind\":\"list\",\"options\":[7]}"),
        STR("{\"kind\":\"list\",\"options\":[{\"id\":\"a\"},null]}"),
        STR("{\"kind\":\"template\",\"values\":[1]}"),
        STR("{\"kind\":\"template\",\"values\":[\"a\",null]}"),
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct reply reply = {.kind = REPLY_IMAGE, .body = STR("old")};
        struct err err = {0};
        assert_false(reply_from_json(&arena, wrong[i], &reply, &err));
        assert_int_equal(err.code, ERR_REJECT);
        assert_str(reply.body, "old");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_8_queued_sent_failed_delivered_read_played_deleted),
        cmocka_unit_test(names_are_as_in_the_database_and_each_its_own),
        cmocka_unit_test(a_number_without_a_name_is_unknown_not_a_crash),
        cmocka_unit_test(what_a_person_sent_awaits_an_answer),
        cmocka_unit_test(a_contact_point_is_keyed_by_user_id_then_phone),
        cmocka_unit_test(every_reply_survives_its_json),
        cmocka_unit_test(the_form_of_a_kept_reply_stays),
        cmocka_unit_test(members_of_a_newer_version_are_passed_over),
        cmocka_unit_test(what_is_no_reply_is_rejected_and_leaves_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
