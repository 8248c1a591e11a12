/*
 * Payment cards in what people write. The numbers are those that the networks and payment
 * services publish for tests; none is anybody's.
 */
#include "bot/base/cards.h"
#include "bot/base/json.h"
#include "flows/understand/tracking_forms.h"
#include "tests/support/shared_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct str redacted(const char *text)
{
    size_t n = 0;

    return cards_redact(&arena, str_from(text), &n);
}

static void expect(const char *text, const char *wanted)
{
    struct str got = redacted(text);

    if (!str_eq(got, str_from(wanted)))
        fail_msg("\"%s\" became \"%.*s\"", text, STR_ARG(got));
}

static void keep(const char *text)
{
    expect(text, text);
}

static const char *const published[] = {
    "4111111111111111", "4012888888881881",    "4242424242424242",    "4000056655665556",
    "4222222222222",    "4917610000000000003", "5555555555554444",    "5105105105105100",
    "5200828282828210", "2223003122003222",    "378282246310005",     "371449635398431",
    "6011111111111117", "6011000990139424",    "6011981111111113",    "3056930009020004",
    "36227206271667",   "30569309025904",      "38520000023237",      "3566002020360505",
    "3530111333300000", "6200000000000005",    "6205500000000000004", "6759649826438453",
    "5019717010103742", "2200000000000053",    "6062826786276634",    "6799990100000000019",
    "5066991111111118", "6362970000457013",    "9792030394440796"};

static void ch_9_every_brands_published_numbers_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(published); i++) {
        struct str number = str_from(published[i]);
        struct str got = redacted(published[i]);
        for (size_t k = 0; k < got.len; k++) {
            if (got.at[k] != '*')
                fail_msg("%s became %.*s", published[i], STR_ARG(got));
        }
        struct str within = arena_format(&arena, "my card: %.*s, thanks", STR_ARG(number));
        if (str_find(redacted(within.at), number) < within.len)
            fail_msg("%s", within.at);
    }
}

static void ch_9_however_it_is_written(void **state)
{
    (void)state;
    expect("4111 1111 1111 1111", "**** **** **** ****");
    expect("card 4111-1111-1111-1111.", "card ****-****-****-****.");
    expect("4111.1111.1111.1111", "****.****.****.****");
    expect("4111\u00a01111\u202f1111\u20031111", "****\u00a0****\u202f****\u2003****");
    expect("4111 - 1111 - 1111 - 1111", "**** - **** - **** - ****");
    expect("4111\u20131111\u20131111\u20131111", "****\u2013****\u2013****\u2013****");
    expect("4111\n1111\n1111\n1111", "****\n****\n****\n****");
    expect("3782 822463 10005", "**** ****** *****");
    expect("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "* * * * * * * * * * * * * * * *");
    expect("41 11 11 11 11 11 11 11", "** ** ** ** ** ** ** **");
    expect("4\u200b111\u200e1111 1111 1111", "*\u200b***\u200e**** **** ****");
    expect("\u0664\u0661\u0661\u0661 \u0661\u0661\u0661\u0661 \u0661\u0661\u0661\u0661 "
           "\u0661\u0661\u0661\u0661",
           "**** **** **** ****");
    expect("\u06f4\u06f1\u06f1\u06f1\u06f1\u06f1\u06f1\u06f1\u06f1\u06f1\u06f1\u06f1\u06f1"
           "\u06f1\u06f1\u06f1",
           "****************");
    expect("\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11"
           "\uff11\uff11\uff11",
           "****************");
    expect("visa4111111111111111", "visa****************");
    expect("CC-4111111111111111", "CC-****************");
    expect("4111111111111111x", "****************x");
    expect("(4111111111111111)", "(****************)");
    expect("4111 1111 1111 1111 12/27 123", "**** **** **** **** 12/27 123");
    expect("order 12345, 4111 1111 1111 1111", "order 12345, **** **** **** ****");
    expect("12345 4111 1111 1111 1111", "12345 **** **** **** ****");
    expect("4111111111111111 and 5555555555554444", "**************** and ****************");
    expect("scan_4111111111111111.jpg", "scan_****************.jpg");
}

/* As some phones write them: each digit a keypad's, or followed by a mark that asks for its
 * plain form. */
static void ch_9_digits_of_a_keypad_too(void **state)
{
    static const char *const marks[] = {"\ufe0f\u20e3", "\u20e3", "\ufe0f", "\ufe0e"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(marks); i++) {
        struct str text = STR(""), wanted = STR("");
        for (const char *digit = "4111111111111111"; *digit != '\0'; digit++) {
            struct str mark = str_from(marks[i]);
            text = arena_concat(&arena, text, (struct str){digit, 1}, mark);
            wanted = arena_concat(&arena, wanted, STR("*"), mark);
        }
        expect(text.at, wanted.at);
    }
}

static void ch_9_in_an_address_of_the_web_too(void **state)
{
    (void)state;
    expect("https://shop.example/pay?card=4111%201111%201111%201111&cvc=1",
           "https://shop.example/pay?card=****%20****%20****%20****&cvc=1");
    expect("?n=4111+1111+1111+1111", "?n=****+****+****+****");
    expect("?n=4111%2D1111%2d1111%2D1111", "?n=****%2D****%2d****%2D****");
    expect("?n%3D4111111111111111", "?n%3D****************");
    expect("?n=%204111%201111%201111%201111", "?n=%20****%20****%20****%20****");
    expect("?n=%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31", "?n=****************");
    expect("5%4111111111111111 off", "5%**************** off");
    keep("https://shop.example/o?q=100%20200%20300%20400%20500");
    keep("https://shop.example/a%20b%2");
    keep("save 20%, 30%, 40% and 4111%20");
    keep("+48601234567+48602345678+48603456789");
}

static void ch_9_what_is_something_else_stays(void **state)
{
    (void)state;
    keep("");
    keep("where is my order?");
    keep("4111 1111 1111 1112"); /* the last digit is wrong */
    keep("1234 5678 9012 3456");
    keep("0000 0000 0000 0000");
    keep("ORD-4111111111111111");
    keep("+4915123456789");
    keep("+49 151 23456787 0");
    keep("call +4222222222222");
    keep("0042 22222222222");
    keep("00 4222222222222");
    keep("DE89 3704 0044 0532 0130 00");
    keep("PL61 1090 1014 0000 0712 1981 2874");
    keep("GB29NWBK60161331926819");
    keep("9400 1000 0000 0000 0000 00");
    keep("1Z999AA10123456784");
    keep("2026-11-21 10:25:20, 2026-11-22 11:30:00");
    keep("EUR 4500.00, 2025-11-21, 12:30");
    keep("41111111111111111111111"); /* part of a longer number */
    keep("600 123 456, 601 234 567, 602 345 678");
    keep("4501, 4502, 4503, 4504");
}

/* --- tracking numbers ----------------------------------------------------------------------
 */

static uint64_t seed = 20261121;

static unsigned chance(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % below);
}

/* Numbers of `n` digits that a carrier's check digit fits, as they come. */
static void ch_9_a_parcels_number_tracks_where_words_say_what_it_is(void **state)
{
    static const char *const says[] = {"track ", "mi paquete es ", "gdzie jest paczka ",
                                       "\u0634\u062d\u0646\u0629 "};
    static const size_t lengths[] = {12, 15, 16, 18, 20, 22};
    unsigned valid[COUNTOF(lengths)] = {0}, gone[COUNTOF(lengths)] = {0}, told = 0;

    (void)state;
    for (unsigned round = 0; round < 120000; round++) {
        size_t which = round % COUNTOF(lengths);
        char digits[32] = {0};
        struct tracking_found found;
        for (size_t i = 0; i < lengths[which]; i++)
            digits[i] = (char)('0' + chance(10));
        if (round % 1000 == 0)
            arena_reset(&arena);
        if (!tracking_form_read(str_from(digits), &found))
            continue;
        valid[which]++;
        gone[which] += !str_eq(redacted(digits), str_from(digits));
        bool ground = strcmp(found.form, "fedex_ground") == 0 ||
                      strcmp(found.form, "canada_post") == 0 ||
                      strcmp(found.form, "fedex_ground_sscc_18") == 0;
        for (size_t i = 0; ground && i < COUNTOF(says); i++) {
            struct str text = arena_format(&arena, "%s%s", says[i], digits);
            told += !str_eq(redacted(text.at), text);
        }
    }
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        (void)printf("%zu digits: %u of %u parcels' numbers alone are taken for a card\n",
                     lengths[i], gone[i], valid[i]);
        assert_true(gone[i] * 20 <= valid[i]);
        assert_true((lengths[i] != 12 && lengths[i] < 20) || gone[i] == 0);
    }
    assert_int_equal(told, 0);
}

static void check_numbers(const json_t *numbers, unsigned *n, unsigned *gone)
{
    json_t *number;
    size_t i;

    json_array_foreach(numbers, i, number)
    {
        const char *text = json_string_value(number);
        ++*n;
        if (str_eq(redacted(text), str_from(text)))
            continue;
        ++*gone;
        (void)printf("taken for a card: %s\n", text);
    }
}

static void ch_9_the_collection_of_tracking_numbers_stays(void **state)
{
    static const char *const names[] = {
        "amazon",  "canadapost", "canpar",       "dhl",    "dpd",       "fedex",
        "gofo",    "landmark",   "lasership",    "ontrac", "purolator", "s10",
        "speedee", "ups",        "old_dominion", "usps",   "yodel",     "yunexpress"};
    unsigned n = 0, gone = 0;

    (void)state;
    if (!shared_is_here(&arena))
        return;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct str path = arena_format(&arena, "data/tracking-numbers/%s.json", names[i]);
        struct str bytes = shared_file(&arena, path.at);
        json_t *file = json_loadb(bytes.at, bytes.len, 0, NULL), *form;
        size_t k;
        json_array_foreach(json_object_get(file, "tracking_numbers"), k, form)
        {
            const json_t *tests = json_object_get(form, "test_numbers");
            check_numbers(json_object_get(tests, "valid"), &n, &gone);
        }
        json_decref(file);
    }
    (void)printf("%u of %u are taken for a card\n", gone, n);
    assert_true(n > 100 && gone <= 1);
}

/* --- events and time -----------------------------------------------------------------------
 */

static void ch_9_an_event_loses_it_in_all_that_a_person_chose(void **state)
{
    const struct media media = {.id = STR("4111111111111111"),
                                .filename = STR("4111 1111 1111 1111.pdf"),
                                .caption = STR("4111111111111111")};
    const struct mail_head mail = {.message_id = STR("<4111111111111111@x>"),
                                   .subject = STR("pay 4111111111111111")};
    struct event event = {
        .kind = EVENT_MEDIA,
        .id = STR("4111111111111111"),
        .from = {.phone = STR("+4222222222222"), .name = STR("Ana 5555555555554444")},
        .text = STR("4111111111111111"),
        .place = STR("at 378282246310005"),
        .media = &media,
        .mail = &mail
    };
    struct event clean = {.kind = EVENT_TEXT, .text = STR("hello 12345")};

    (void)state;
    assert_true(cards_redact_event(&arena, &event) && event.card);
    assert_true(str_eq(event.id, STR("4111111111111111")));
    assert_true(str_eq(event.media->id, STR("4111111111111111")));
    assert_true(str_eq(event.media->filename, STR("**** **** **** ****.pdf")));
    assert_true(str_eq(event.media->caption, STR("****************")));
    assert_true(str_eq(event.mail->subject, STR("pay ****************")));
    assert_true(str_eq(event.mail->message_id, mail.message_id));
    assert_true(str_eq(event.from.name, STR("Ana ****************")));
    assert_true(str_eq(event.from.phone, STR("+4222222222222")));
    assert_true(str_eq(event.place, STR("at ***************")));
    assert_true(media.caption.at[0] == '4'); /* what is shared is not written to */
    assert_false(cards_redact_event(&arena, &clean) || clean.card);
}

/* What a card's number could hide in is looked through, and nothing is missed by the look. */
static void ch_9_the_quick_look_misses_nothing(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char text[96];
        size_t n = 0, lead = chance(30);
        const char *card = published[chance(COUNTOF(published))];
        for (; n < lead; n++)
            text[n] = "ghijk lmnop\"{}:,q"[chance(17)];
        if (n > 0)
            text[n++] = ' ';
        for (; *card != '\0'; card++)
            text[n++] = *card;
        text[n] = '\0';
        if (!cards_may(str_from(text)))
            fail_msg("%s", text);
    }
    assert_true(cards_may(STR("\"4111\\u00a01111\\u00a01111\\u00a01111\"")));
    assert_true(cards_may(STR("Body=4111%C2%A01111%C2%A01111%C2%A01111")));
    assert_true(cards_may(STR("\\u0664\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661"
                              "\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661")));
    assert_false(cards_may(STR("{\"id\":\"102290129340398\",\"at\":\"1700000000\"}")));
}

/* A megabyte of what looks like cards, or like the beginning of one, is done in a moment. */
static void ch_9_hostile_texts_cost_no_more_than_their_length(void **state)
{
    static const char *const pieces[] = {
        "4111 1111 1111 1111 ",   "4 ",   "4111", "DE89 ",        "00 4222222222222 ",
        "track 378282246310005 ", "4 1 ", "6 2 ", "4\ufe0f\u20e3"};
    enum { SIZE = 1 << 20 };
    char *text = arena_alloc(&arena, SIZE);

    (void)state;
    for (size_t i = 0; i < COUNTOF(pieces); i++) {
        size_t len = strlen(pieces[i]), n = 0;
        clock_t began = clock();
        for (size_t at = 0; at < SIZE; at++)
            text[at] = pieces[i][at % len];
        cards_redact(&arena, (struct str){text, SIZE}, &n);
        double took = (double)(clock() - began) / CLOCKS_PER_SEC;
        if (took > 2.5)
            fail_msg("\"%s\" took %.1f s", pieces[i], took);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_9_every_brands_published_numbers_are_found),
        cmocka_unit_test(ch_9_however_it_is_written),
        cmocka_unit_test(ch_9_digits_of_a_keypad_too),
        cmocka_unit_test(ch_9_in_an_address_of_the_web_too),
        cmocka_unit_test(ch_9_what_is_something_else_stays),
        cmocka_unit_test(ch_9_a_parcels_number_tracks_where_words_say_what_it_is),
        cmocka_unit_test(ch_9_the_collection_of_tracking_numbers_stays),
        cmocka_unit_test(ch_9_an_event_loses_it_in_all_that_a_person_chose),
        cmocka_unit_test(ch_9_the_quick_look_misses_nothing),
        cmocka_unit_test(ch_9_hostile_texts_cost_no_more_than_their_length)};

    return cmocka_run_group_tests(tests, NULL, finish);
}
