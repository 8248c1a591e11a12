/* Whole deliveries without their cards: what is kept is still what the provider sent. */
#include "webhooks/redact.h"

#include "bot/base/json.h"
#include "tests/support/shared_data.h"
#include "webhooks/mime.h"
#include "webhooks/whatsapp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void json_becomes(const char *from, const char *to)
{
    size_t n = 0;
    struct str got = redact_json(&arena, str_from(from), &n);

    if (!str_eq(got, str_from(to)) || (n > 0) != (strcmp(from, to) != 0))
        fail_msg("%s\nbecame %.*s (%zu)", from, STR_ARG(got), n);
}

static void json_stays(const char *text)
{
    json_becomes(text, text);
}

static void ch_9_json_is_redacted_in_place(void **state)
{
    (void)state;
    json_becomes("{\"body\":\"my card 4111 1111 1111 1111\"}",
                 "{\"body\":\"my card **** **** **** ****\"}");
    json_becomes(
        "{\"body\":\"4111\\u00a01111\\u00A01111\\u00a01111 \\\"ok\\\" \\ud83d\\ude00\"}",
        "{\"body\":\"****\u00a0****\u00a0****\u00a0**** \\\"ok\\\" \U0001F600\"}");
    json_becomes("{\"body\":\"\\u0664\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661"
                 "\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\n\"}",
                 "{\"body\":\"****************\\u000a\"}");
    json_becomes("{\"id\":\"4111111111111111\",\"filename\":\"4111111111111111.pdf\"}",
                 "{\"id\":\"4111111111111111\",\"filename\":\"****************.pdf\"}");
    json_becomes("{\"x\": 4111111111111111, \"id\": 4111111111111111}",
                 "{\"x\": 1111111111111111, \"id\": 4111111111111111}");
    json_becomes("{\"response_json\":\"{\\\"pan\\\":\\\"4111111111111111\\\"}\"}",
                 "{\"response_json\":\"{\\\"pan\\\":\\\"****************\\\"}\"}");
    json_becomes("{\"text\":\"4111111111111111\",\"html\":\"<b>4111</b>1111<i>11111111</i>\"}",
                 "{\"text\":\"****************\",\"html\":\"" REDACT_WITHHELD "\"}");
    json_becomes("[\"4111111111111111\",\"a\",\"5555 5555 5555 4444\"]",
                 "[\"****************\",\"a\",\"**** **** **** ****\"]");
}

static void ch_9_broken_json_is_redacted_too(void **state)
{
    (void)state;
    json_becomes("4111 1111 1111 1111", "1111111111111111111");
    json_becomes("{\"body\":\"4111111111111111", "{\"body\":\"****************");
    json_becomes("{\"id\":\"x\" 4111 1111 1111 1111 }", "{\"id\":\"x\" 1111111111111111111 }");
    json_becomes("{\"body\":\"4111111111111111\\", "{\"body\":\"****************\\\\");
    json_stays("");
    json_stays("\"");
    json_stays("{\"a\":\"\\");
    json_stays("{\"wa_id\":\"4222222222222\",\"from\":\"4222222222222\",\"user_id\":\"x\"}");
}

static void ch_9_forms_are_redacted_in_place(void **state)
{
    size_t n = 0;
    struct str form = STR("MessageSid=SM1&From=%2B4222222222222&To=4222222222222&Body="
                          "pay+4111%C2%A01111%20%201111-1111+%C3%A9%26&NumMedia=0");

    (void)state;
    struct str got = redact_form(&arena, form, &n);
    assert_int_equal(n, 1);
    if (!str_eq(got, STR("MessageSid=SM1&From=%2B4222222222222&To=4222222222222&Body="
                         "pay+****%C2%A0****++****-****+%C3%A9%26&NumMedia=0")))
        fail_msg("%.*s", STR_ARG(got));
    n = 0;
    assert_true(str_eq(redact_form(&arena, STR("a=1&&b"), &n), STR("a=1&&b")) && n == 0);
}

/* Digits of chance, and yet a card's by issuer, length and check digit. */
static void ch_9_a_provider_s_ids_are_no_cards(void **state)
{
    static const char form[] =
        "Body=hi&From=%2B15550181042&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2FMedia%2FME"
        "378306399598437b&MessageSid=SM61f0d4b891f6c378306399598437b2e3&SmsMessageSid=SM61f0d4b"
        "891f6c378306399598437b2e3&SmsSid=SM61f0d4b891f6c378306399598437b2e3";
    size_t n = 0;

    (void)state;
    assert_true(str_eq(redact_form(&arena, str_from(form), &n), str_from(form)));
    assert_int_equal(n, 0);
    (void)redact_form(&arena, STR("Body=SM61f0d4b891f6c378306399598437b2e3"), &n);
    assert_int_equal(n, 1); /* in words it is a card, as it always was */
    json_stays("{\"MessageSid\":\"SM61f0d4b891f6c378306399598437b2e3\"}");
}

static void mail_has(const char *mail, bool has)
{
    if (redact_mail_has(&arena, str_from(mail)) != has)
        fail_msg("%s", mail);
}

static void ch_9_a_mail_is_looked_through_however_it_is_encoded(void **state)
{
    (void)state;
    mail_has("Subject: 4111 1111 1111 1111\r\n\r\nhello\r\n", true);
    mail_has("Subject: =?utf-8?B?NDExMSAxMTExIDExMTEgMTExMQ==?=\r\n\r\nhello\r\n", true);
    mail_has("Subject: =?utf-8?Q?4111_1111?=\r\n =?utf-8?Q?_1111=201111?=\r\n\r\nhello\r\n",
             true);
    mail_has("Subject: x\r\n\r\npay 4111-1111-1111-1111\r\n", true);
    mail_has("Content-Transfer-Encoding: BASE64\n\nNDExMSAxMTEx\nIDExMTEgMTExMQ==\n", true);
    mail_has("Content-Transfer-Encoding: quoted-printable\r\n\r\n4111=C2=A01111 11=\r\n"
             "11 1111\r\n",
             true);
    mail_has("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
             "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
             "PGI+NDExMTwvYj4mbmJzcDsxMTExIDExMTEgMTExMQ==\r\n--b--\r\n",
             true);
    mail_has("Message-ID: <4111111111111111@x>\r\nSubject: hello\r\n\r\nhello\r\n", false);
    mail_has("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
             "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
             "NDExMSAxMTExIDExMTEgMTExMQ==\r\n--b--\r\n",
             false);
    mail_has("", false);
    mail_has("\n\n--\n--\n", false);
}

static struct str kept(const char *body, struct inbound_batch *batch)
{
    struct err err = {0};

    *batch = (struct inbound_batch){0};
    if (!whatsapp_decode(&arena, str_from(body), batch, &err))
        *batch = (struct inbound_batch){0};
    return redact_delivery(&arena, REDACT_JSON, str_from(body), batch);
}

static void ch_9_each_person_is_told_once_a_delivery(void **state)
{
    static const char body[] =
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{"
        "\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{"
        "\"phone_number_id\":\"106540352242922\"},\"messages\":["
        "{\"from\":\"15550100001\",\"id\":\"a\",\"timestamp\":\"1\",\"type\":\"text\",\"text\":"
        "{"
        "\"body\":\"4111111111111111\"}},"
        "{\"from\":\"15550100001\",\"id\":\"b\",\"timestamp\":\"1\",\"type\":\"text\",\"text\":"
        "{"
        "\"body\":\"or 5555 5555 5555 4444\"}},"
        "{\"from\":\"15550100002\",\"id\":\"c\",\"timestamp\":\"1\",\"type\":\"text\",\"text\":"
        "{"
        "\"body\":\"378282246310005?\"}},"
        "{\"from\":\"15550100002\",\"id\":\"d\",\"timestamp\":\"1\",\"type\":\"text\",\"text\":"
        "{"
        "\"body\":\"hello\"}}]}}]}]}";
    struct inbound_batch batch;
    struct str left = kept(body, &batch);

    (void)state;
    assert_int_equal(batch.n, 4);
    assert_true(batch.events[0].card && !batch.events[1].card && batch.events[2].card &&
                !batch.events[3].card);
    assert_true(str_eq(batch.events[1].text, STR("or **** **** **** ****")));
    assert_int_equal(str_find(left, STR("4111")), left.len);
    assert_true(str_find(left, STR("106540352242922")) < left.len);
    struct inbound_batch again;
    assert_true(str_eq(kept(arena_cstr(&arena, left), &again), left));
    assert_int_equal(again.n, 4); /* a replay reads the same */
    assert_true(str_eq(again.events[2].text, batch.events[2].text));
}

static void ch_9_what_cannot_be_cut_out_is_withheld(void **state)
{
    struct str mail = STR("Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                          "NDExMSAxMTExIDExMTEgMTExMQ==\r\n");
    struct event event = {.kind = EVENT_TEXT, .text = STR("4111 1111 1111 1111")};
    struct inbound_batch batch = {.events = &event, .n = 1}, none = {0};

    (void)state;
    assert_true(
        str_eq(redact_delivery(&arena, REDACT_MAIL, mail, &batch), STR(REDACT_WITHHELD)));
    assert_true(event.card && str_eq(event.text, STR("**** **** **** ****")));
    assert_true(
        str_eq(redact_delivery(&arena, REDACT_MAIL, mail, &none), STR(REDACT_WITHHELD)));
    struct str plain = STR("Subject: x\r\n\r\nhello\r\n");
    assert_true(redact_delivery(&arena, REDACT_MAIL, plain, &none).at == plain.at);
}

/* Of three files the picture stays, under its number and without its name; a list of cards
 * does not. */
static void ch_9_of_a_withheld_mail_the_files_stay_without_names(void **state)
{
    struct str mail =
        STR("Subject: 5555 5555 5555 4444\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            "--b\r\n\r\nwords\r\n--b\r\nContent-Type: text/csv\r\nContent-Disposition: "
            "attachment\r\n\r\n4111 1111 1111 1111\r\n--b\r\nContent-Type: image/png; "
            "name=\"4111 1111 1111 1111.png\"\r\n\r\nPNG\r\n--b--\r\n");
    struct media media = {.filename = STR("4111 1111 1111 1111.png")};
    struct event event = {.kind = EVENT_MEDIA, .media = &media};
    struct inbound_batch batch = {.events = &event, .n = 1};
    struct str left = redact_delivery(&arena, REDACT_MAIL, mail, &batch), file;

    (void)state;
    assert_true(event.card && str_eq(event.media->filename, STR("**** **** **** ****.png")));
    assert_int_equal(str_find(left, STR("1111")), left.len);
    assert_int_equal(str_find(left, STR("4444")), left.len);
    assert_true(str_find(left, STR(REDACT_WITHHELD)) < left.len);
    assert_true(mime_file(&arena, left, 1, &file, NULL) && file.len == 0);
    assert_true(mime_file(&arena, left, 2, &file, NULL) && str_eq(file, STR("PNG")));
    assert_false(mime_file(&arena, left, 3, &file, NULL));
}

/* The words of the mail have none: they stay as they are, and the sender hears why the text is
 * gone. */
static void ch_9_a_card_in_an_attached_text_is_told_to_the_sender(void **state)
{
    struct str mail =
        STR("Subject: my order\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            "--b\r\n\r\nsee the note\r\n--b\r\nContent-Type: text/plain\r\n"
            "Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            "NDExMSAxMTExIDExMTEgMTExMQ==\r\n--b--\r\n");
    struct media media = {.filename = STR("note.txt")};
    struct event events[] = {
        {.kind = EVENT_STATUS        },
        {                .kind = EVENT_MEDIA, .text = STR("see the note"), .media = &media},
        { .kind = EVENT_MEDIA,          .media = &media}
    };
    struct inbound_batch batch = {.events = events, .n = COUNTOF(events)};
    struct str left = redact_delivery(&arena, REDACT_MAIL, mail, &batch);

    (void)state;
    assert_true(!events[0].card && events[1].card && !events[2].card);
    assert_true(str_eq(events[1].text, STR("see the note")));
    assert_int_equal(str_find(left, STR("NDEx")), left.len);
    assert_true(str_find(left, STR(REDACT_WITHHELD)) < left.len);
}

/* No delivery of the collection has a card, and each is kept byte for byte. */
static void ch_9_what_has_no_card_is_kept_as_it_came(void **state)
{
    struct str bytes = shared_file(&arena, "providers/webhook-examples.json");
    json_t *file, *one;
    const char *key;
    unsigned n = 0;

    (void)state;
    if (!shared_is_here(&arena))
        return;
    file = json_loadb(bytes.at, bytes.len, 0, NULL);
    json_object_foreach(file, key, one)
    {
        struct str body = json_write(&arena, one);
        struct inbound_batch batch = {0};
        n++;
        if (redact_delivery(&arena, REDACT_JSON, body, &batch).at != body.at)
            fail_msg("%s is not kept as it came", key);
    }
    json_decref(file);
    (void)printf("%u deliveries\n", n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_9_json_is_redacted_in_place),
        cmocka_unit_test(ch_9_broken_json_is_redacted_too),
        cmocka_unit_test(ch_9_forms_are_redacted_in_place),
        cmocka_unit_test(ch_9_a_provider_s_ids_are_no_cards),
        cmocka_unit_test(ch_9_a_mail_is_looked_through_however_it_is_encoded),
        cmocka_unit_test(ch_9_each_person_is_told_once_a_delivery),
        cmocka_unit_test(ch_9_what_cannot_be_cut_out_is_withheld),
        cmocka_unit_test(ch_9_of_a_withheld_mail_the_files_stay_without_names),
        cmocka_unit_test(ch_9_a_card_in_an_attached_text_is_told_to_the_sender),
        cmocka_unit_test(ch_9_what_has_no_card_is_kept_as_it_came)};

    return cmocka_run_group_tests(tests, NULL, finish);
}
