/* The sandbox's mail server takes what we compose, and no mail that lacks a piece of it. */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "webhooks/smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define US  STR("support@in.lark.example")
#define ANA STR("ana@example.net")

static struct arena arena;
static const struct reply reply = {.kind = REPLY_TEXT, .body = STR("Wysłane.")};
static const struct face face = {STR("Wysłane"), STR("Wysłane.\n"), STR("<p>Wysłane.</p>")};
static const struct mail_thread thread = {STR("<b@x.example>"),
                                          STR("<a@x.example> <b@x.example>"), STR("Lampa")};

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct outbound to_ana(void)
{
    return (struct outbound){.key = STR("p1.a.7"),
                             .account = US,
                             .to = {.email = ANA},
                             .reply = &reply,
                             .face = &face,
                             .from_name = STR("Lark Łódź"),
                             .reply_to = STR("support+abc@in.lark.example"),
                             .thread = &thread};
}

static struct str bytes_of(const struct outbound *message)
{
    static const struct smtp_sender sender = {
        .host = STR("smtp.lark.example"), .port = 587, .now = 1795262400 * USEC_PER_SEC};
    struct http_request request;
    struct err err;

    if (!smtp_encode(&arena, &sender, message, &request, &err))
        fail_msg("%s", err.text);
    return request.body;
}

static const char *wrong_with(struct str raw)
{
    OWNED_JSON(mail) = mime_in_read(raw);

    return smtp_wrong(mail, raw, US, ANA);
}

static struct str instead(struct str raw, const char *of, const char *what)
{
    size_t at = str_find(raw, str_from(of));

    if (at == raw.len)
        fail_msg("%s is not in the mail", of);
    return arena_concat(&arena, str_slice(raw, 0, at), str_from(what),
                        str_slice(raw, at + strlen(of), raw.len));
}

static void assert_fine(const struct outbound *message)
{
    const char *wrong = wrong_with(bytes_of(message));

    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static void ch_5_what_we_compose_is_taken(void **state)
{
    (void)state;
    struct outbound message = to_ana();
    struct attachment file = {.mime = STR("application/pdf"),
                              .name = STR("faktura.pdf"),
                              .size = 3,
                              .bytes = STR("pdf")};

    assert_fine(&message);
    message.attachment = &file;
    assert_fine(&message);
    message.unasked = true;
    assert_fine(&message);
    message.unsubscribe = STR("https://lark.example/u/abc");
    assert_fine(&message);
}

static void ch_5_and_read_as_it_was_meant(void **state)
{
    (void)state;
    struct outbound message = to_ana();
    OWNED_JSON(mail) = mime_in_read(bytes_of(&message));

    assert_string_equal(json_string_value(json_object_get(mail, "subject")), "Wysłane");
    assert_string_equal(json_string_value(json_object_get(mail, "from")),
                        "Lark Łódź <support@in.lark.example>");
    assert_string_equal(json_string_value(json_object_get(mail, "text")), "Wysłane.\n");
    assert_string_equal(json_string_value(json_object_get(mail, "html")), "<p>Wysłane.</p>");
}

static void ch_5_a_mail_that_lacks_a_piece_is_refused(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"Message-ID: ",                      "X-Id: "                           },
        {"\r\nDate: ",                        "\r\nX-Date: "                     },
        {"\r\nAuto-Submitted: ",              "\r\nX-Auto: "                     },
        {"\r\nReply-To: ",                    "\r\nX-Reply: "                    },
        {"\r\nSubject: ",                     "\r\nSubject: x\r\nSubject: "      },
        {"\r\nTo: ana@example.net",           "\r\nTo: eve@example.net"          },
        {"<support@in.lark.example>",         "<eve@in.lark.example>"            },
        {"\r\nReferences: <a@x.example> <b@", "\r\nReferences: <a@x.example> <c@"},
        {"text/html",                         "image/png"                        },
        {"text/plain",                        "image/png"                        },
        {"\r\nList-Unsubscribe: ",            "\r\nX-Unsubscribe: "              },
        {"\r\nList-Unsubscribe-Post: ",       "\r\nX-Post: "                     },
        {"\r\nList-Unsubscribe: <https://",   "\r\nList-Unsubscribe: <http://"   },
    };
    struct outbound message = to_ana();

    message.unasked = true;
    message.unsubscribe = STR("https://lark.example/u/abc");
    struct str raw = arena_concat(&arena, STR("X-First: 1\r\n"), bytes_of(&message));
    assert_null(wrong_with(raw));
    for (size_t i = 0; i < COUNTOF(changes); i++) {
        if (wrong_with(instead(raw, changes[i][0], changes[i][1])) == NULL)
            fail_msg("taken all the same: %s", changes[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_what_we_compose_is_taken),
        cmocka_unit_test(ch_5_and_read_as_it_was_meant),
        cmocka_unit_test(ch_5_a_mail_that_lacks_a_piece_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
