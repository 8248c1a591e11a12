/* What `parley chat` tells the sandbox by each channel, and how it shows what comes back. */
#include "bot/base/json.h"
#include "bot/command/chat_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct choices choices;

static int tear_down(void **state)
{
    (void)state;
    json_decref(choices.options);
    choices = (struct choices){0};
    return 0;
}

static json_t *entry_of(const char *text)
{
    json_t *entry = json_loads(text, 0, NULL);

    assert_non_null(entry);
    return entry;
}

static void asks(const char *channel, const char *text, const char *wanted)
{
    OWNED_JSON(request) =
        chat_request(chat_channel_named(channel), "+1555", str_from(text), &choices);
    OWNED_JSON(expected) = entry_of(wanted);

    if (!json_equal(request, expected))
        fail_msg("%s: %s is not %s", channel, json_dumps(request, 0), wanted);
}

static void shows(const char *entry, const char *wanted)
{
    OWNED_JSON(shown) = entry_of(entry);
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);

    assert_non_null(to);
    show_entry(to, shown, false);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, wanted);
    free(text);
}

static const char menu[] =
    "{\"from\": \"bot\", \"id\": \"wamid.1\", \"message\": {\"type\": \"interactive\","
    " \"interactive\": {\"action\": {\"buttons\": [{\"reply\": {\"id\": \"a\", \"title\":"
    " \"Yes\"}}]}}}}";

static void a_number_taps_on_whatsapp_and_is_written_elsewhere(void **state)
{
    OWNED_JSON(entry) = entry_of(menu);

    (void)state;
    show_choices(entry, &choices);
    asks("whatsapp", "1",
         "{\"who\": \"+1555\", \"message\": {\"type\": \"interactive\", \"context\": {\"id\":"
         " \"wamid.1\"}, \"interactive\": {\"type\": \"button_reply\", \"button_reply\":"
         " {\"id\": \"a\", \"title\": \"Yes\"}}}}");
    asks(
        "whatsapp", "2",
        "{\"who\": \"+1555\", \"message\": {\"type\": \"text\", \"text\": {\"body\": \"2\"}}}");
    choices.message_id[0] = '\0';
    asks("sms", "1", "{\"who\": \"+1555\", \"text\": \"1\"}");
    asks("email", "//code", "{\"who\": \"+1555\", \"text\": \"/code\"}");
}

static void a_mail_answers_the_last_one(void **state)
{
    OWNED_JSON(mail) = entry_of("{\"from\": \"mail\", \"id\": \"m-7\", \"message\": {}}");

    (void)state;
    show_choices(mail, &choices);
    asks("email", "1", "{\"who\": \"+1555\", \"text\": \"1\", \"answers\": \"m-7\"}");
}

static void only_this_channels_answers_are_heard(void **state)
{
    static const char *const channels[] = {"whatsapp", "sms", "email"};
    static const char *const from[] = {"bot", "sms", "mail", "own-sms", "own-mail", "me"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(channels); i++) {
        for (size_t k = 0; k < COUNTOF(from); k++) {
            OWNED_JSON(entry) = json_pack("{s:s}", "from", from[k]);
            assert_int_equal(chat_is_answer(chat_channel_named(channels[i]), entry), i == k);
        }
    }
    assert_null(chat_channel_named("fax"));
    assert_null(chat_channel_named(""));
}

static void sms_and_mail_are_shown_as_text(void **state)
{
    (void)state;
    shows("{\"from\": \"sms\", \"message\": {\"type\": \"sms\", \"body\": \"Hi\\u001b[2J\","
          " \"media\": \"https://x/f/1\"}}",
          "Hi[2J\n[picture] https://x/f/1\n");
    shows("{\"from\": \"mail\", \"message\": {\"subject\": \"Your order\", \"text\":"
          " \"1 My orders\", \"html\": \"<p>\", \"attachments\": [{\"filename\":"
          " \"photo.png\"}]}}",
          "Subject: Your order\n1 My orders\n[file] photo.png\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_number_taps_on_whatsapp_and_is_written_elsewhere,
                                  tear_down),
        cmocka_unit_test_teardown(a_mail_answers_the_last_one, tear_down),
        cmocka_unit_test(only_this_channels_answers_are_heard),
        cmocka_unit_test(sms_and_mail_are_shown_as_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
