/*
 * Requests of every kind, byte for byte; every limit from below, at it and beyond it; and
 * (where
 * ../shared and node are) all of them held against Meta's description of the API.
 */
#include "tests/support/shared_data.h"
#include "webhooks/whatsapp.h"

#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct http_request request;
    struct err err;
    FILE *said; /* every body, a line each, for the description's check */
};

static struct fixture fixture;

static int setup(void **state)
{
    fixture.arena = (struct arena){0};
    fixture.err = (struct err){0};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&fixture.arena);
    return 0;
}

static const struct whatsapp_sender sender = {
    {"https://graph.example/v26.0", 27},
    {"s3cret.token",                12}
};

static bool encode(struct fixture *f, const struct reply *reply)
{
    const struct outbound message = {
        .key = STR("0190-key"),
        .account = STR("700"),
        .to = {.phone = STR("+15550100001"), .user_id = STR("XX.77")},
        .reply = reply
    };
    f->err = (struct err){0};
    if (!whatsapp_encode(&f->arena, &sender, &message, &f->request, &f->err))
        return false;
    if (f->said)
        (void)fprintf(f->said, "%.*s\n", STR_ARG(f->request.body));
    return true;
}

static void refused(struct fixture *f, const struct reply *reply, const char *why)
{
    assert_false(encode(f, reply));
    assert_int_equal(f->err.code, ERR_REJECT);
    if (!strstr(f->err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", f->err.text, why);
}

static void assert_text(struct str text, const char *wanted)
{
    if (!str_eq(text, str_from(wanted)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(text), wanted);
}

#define ENVELOPE                                                                               \
    "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":"            \
    "\"+15550100001\",\"biz_opaque_callback_data\":\"0190-key\","

static void said(struct fixture *f, const struct reply *reply, const char *rest)
{
    if (!encode(f, reply))
        fail_msg("%s", f->err.text);
    assert_text(f->request.body, arena_format(&f->arena, ENVELOPE "%s", rest).at);
}

/* The text at a path of the request's body: names with dots, numbers for array places. */
static struct str at(struct fixture *f, const char *path)
{
    OWNED_JSON(doc) = NULL;
    assert_true(json_read(f->request.body, &doc, &f->err));
    const json_t *node = doc;
    struct str rest = str_from(path), piece;
    while (str_split(&rest, '.', &piece)) {
        int64_t number;
        if (str_to_int(piece, &number)) {
            node = json_array_get(node, (size_t)number);
        } else {
            node = json_object_get(node, arena_cstr(&f->arena, piece));
        }
    }
    return arena_str(&f->arena, str_from(json_string_value(node)));
}

static struct str repeat(struct fixture *f, const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = arena_alloc(&f->arena, len * times + 1);
    for (size_t i = 0; i < times * len; i++)
        text[i] = piece[i % len];
    return (struct str){text, len * times};
}

/* --- the frame ---------------------------------------------------------------------------- */

static void ch_2_a_message_goes_to_its_numbers_address_with_the_token(void **state)
{
    struct fixture *f = *state;
    const struct reply reply = {.kind = REPLY_TEXT, .body = STR("hi")};
    said(f, &reply, "\"type\":\"text\",\"text\":{\"body\":\"hi\"}}");
    assert_string_equal(f->request.method, "POST");
    assert_text(f->request.url, "https://graph.example/v26.0/700/messages");
    assert_int_equal(f->request.n_headers, 2);
    assert_text(f->request.headers[0].name, "Authorization");
    assert_text(f->request.headers[0].value, "Bearer s3cret.token");
    assert_text(f->request.headers[1].name, "Content-Type");
    assert_text(f->request.headers[1].value, "application/json");
    assert_false(f->request.repeatable);
}

static void ch_2_who_has_no_number_is_reached_by_user_id(void **state)
{
    struct fixture *f = *state;
    const struct reply reply = {.kind = REPLY_TEXT, .body = STR("hi")};
    struct outbound message = {.account = STR("700"),
                               .to = {.user_id = STR("XX.77")},
                               .context = STR("wamid.0"),
                               .reply = &reply};
    assert_true(whatsapp_encode(&f->arena, &sender, &message, &f->request, &f->err));
    assert_text(f->request.body,
                "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\","
                "\"recipient\":\"XX.77\",\"context\":{\"message_id\":\"wamid.0\"},\"type\":"
                "\"text\",\"text\":{\"body\":\"hi\"}}");
    message.to = (struct person){.name = STR("Mina")};
    assert_false(whatsapp_encode(&f->arena, &sender, &message, &f->request, &f->err));
    assert_int_equal(f->err.code, ERR_REJECT);
    message.to = (struct person){.phone = STR("+15550100001")};
    message.key = repeat(f, "k", 512);
    assert_true(whatsapp_encode(&f->arena, &sender, &message, &f->request, &f->err));
    message.key = repeat(f, "k", 513);
    assert_false(whatsapp_encode(&f->arena, &sender, &message, &f->request, &f->err));
    assert_int_equal(f->err.code, ERR_REJECT);
}

static void settings_that_could_reach_elsewhere_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *base, *token, *id;
    } bad[] = {
        {"https://graph.example/v26.0", "",          "700"    },
        {"https://graph.example/v26.0", "a\r\nX: b", "700"    },
        {"https://graph.example/v26.0", "a b",       "700"    },
        {"https://graph.example/v26.0", "t\xc3\xa9", "700"    },
        {"https://graph.example/v26.0", "t",         ""       },
        {"https://graph.example/v26.0", "t",         "../700" },
        {"https://graph.example/v26.0", "t",         "700?x=1"},
        {"https://graph.example/v26.0", "t",         "700\n"  },
        {"graph.example",               "t",         "700"    },
        {"",                            "t",         "700"    },
        {"https://",                    "t",         "700"    },
        {"ftp://graph.example",         "t",         "700"    },
        {"https://a b",                 "t",         "700"    },
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct whatsapp_sender wrong = {str_from(bad[i].base), str_from(bad[i].token)};
        f->err = (struct err){0};
        assert_false(whatsapp_encode_whoami(&f->arena, &wrong, str_from(bad[i].id), &f->request,
                                            &f->err));
        assert_int_equal(f->err.code, ERR_REJECT);
    }
}

static void ids_and_tokens_may_hold_what_ids_and_tokens_hold(void **state)
{
    struct fixture *f = *state;
    struct whatsapp_sender good = {sender.base, STR("!~EAAG.az09-_=/+")};
    assert_true(
        whatsapp_encode_whoami(&f->arena, &good, STR("azAZ09_-"), &f->request, &f->err));
    assert_text(f->request.url, "https://graph.example/v26.0/azAZ09_-?fields="
                                "display_phone_number,verified_name");
    good.token = STR("a\x7f");
    assert_false(whatsapp_encode_whoami(&f->arena, &good, STR("7"), &f->request, &f->err));
}

static void ch_2_a_read_receipt_may_show_that_we_write(void **state)
{
    struct fixture *f = *state;
    assert_true(whatsapp_encode_read(&f->arena, &sender, STR("700"), STR("wamid.1"), false,
                                     &f->request, &f->err));
    assert_text(f->request.body, "{\"messaging_product\":\"whatsapp\",\"status\":\"read\","
                                 "\"message_id\":\"wamid.1\"}");
    assert_true(f->request.repeatable);
    assert_true(whatsapp_encode_read(&f->arena, &sender, STR("700"), STR("wamid.1"), true,
                                     &f->request, &f->err));
    assert_text(f->request.body,
                "{\"messaging_product\":\"whatsapp\",\"status\":\"read\",\"message_id\":"
                "\"wamid.1\",\"typing_indicator\":{\"type\":\"text\"}}");
    if (f->said)
        (void)fprintf(f->said, "%.*s\n", STR_ARG(f->request.body));
    assert_false(whatsapp_encode_read(&f->arena, &sender, STR("700"), STR_NONE, true,
                                      &f->request, &f->err));
}

static void questions_are_gets_that_may_be_repeated(void **state)
{
    struct fixture *f = *state;
    assert_true(whatsapp_encode_whoami(&f->arena, &sender, STR("700"), &f->request, &f->err));
    assert_text(f->request.url, "https://graph.example/v26.0/700?fields=display_phone_number,"
                                "verified_name");
    assert_string_equal(f->request.method, "GET");
    assert_true(f->request.repeatable);
    assert_int_equal(f->request.n_headers, 1);
    assert_int_equal(f->request.body.len, 0);
    assert_true(whatsapp_encode_media_lookup(&f->arena, &sender, STR("700"), STR("55"),
                                             &f->request, &f->err));
    assert_text(f->request.url, "https://graph.example/v26.0/55?phone_number_id=700");
    assert_false(whatsapp_encode_media_lookup(&f->arena, &sender, STR("7/0"), STR("55"),
                                              &f->request, &f->err));
    assert_true(whatsapp_encode_templates(&f->arena, &sender, STR("900"), STR_NONE, &f->request,
                                          &f->err));
    assert_true(str_ends(f->request.url, STR("&limit=100")));
    assert_false(whatsapp_encode_read(&f->arena, &sender, STR("7/0"), STR("w"), false,
                                      &f->request, &f->err));
    struct whatsapp_sender slashed = {STR("https://graph.example/v26.0//"), sender.token};
    assert_true(whatsapp_encode_templates(&f->arena, &slashed, STR("900"), STR("Q/=&\xc3\xa9"),
                                          &f->request, &f->err));
    assert_text(f->request.url,
                "https://graph.example/v26.0/900/message_templates?fields=name,language,status,"
                "category,components&limit=100&after=Q%2F%3D%26%C3%A9");
}

/* --- kinds -------------------------------------------------------------------------------- */

static const struct reply_option yes_no[] = {
    {.id = {"yes", 3}, .title = {"Yes", 3}, .description = {"", 0}, .section = {"", 0}},
    {.id = {"no", 2},  .title = {"No", 2},  .description = {"", 0}, .section = {"", 0}},
};

static void ch_2_buttons_have_header_footer_and_ids(void **state)
{
    struct fixture *f = *state;
    const struct reply reply = {.kind = REPLY_BUTTONS,
                                .body = STR("Cancel it?"),
                                .header = STR("Order\n 1001 "),
                                .footer = STR("Shop"),
                                .options = yes_no,
                                .n_options = 2};
    said(f, &reply,
         "\"type\":\"interactive\",\"interactive\":{\"type\":\"button\",\"header\":{\"type\":"
         "\"text\",\"text\":\"Order 1001\"},\"body\":{\"text\":\"Cancel it?\"},\"footer\":{"
         "\"text\":\"Shop\"},\"action\":{\"buttons\":[{\"type\":\"reply\",\"reply\":{\"id\":"
         "\"yes\",\"title\":\"Yes\"}},{\"type\":\"reply\",\"reply\":{\"id\":\"no\",\"title\":"
         "\"No\"}}]}}}");
}

static void ch_2_a_list_groups_its_rows_by_section(void **state)
{
    struct fixture *f = *state;
    const struct reply_option rows[] = {
        {.id = STR("1"),
         .title = STR("1001"),
         .description = STR("2 mugs"),
         .section = STR("Open")},
        {.id = STR("2"),              .title = STR("1002"),     .section = STR("Open")},
        {.id = STR("3"),              .title = STR("1003"),     .section = STR("Done")},
        {.id = STR("4"),              .title = STR("More"),     .section = STR_NONE},
    };
    struct reply reply = {.kind = REPLY_LIST,
                          .body = STR("Which?"),
                          .label = STR("Orders"),
                          .options = rows,
                          .n_options = 4};
    said(
        f, &reply,
        "\"type\":\"interactive\",\"interactive\":{\"type\":\"list\",\"body\":{\"text\":"
        "\"Which?\"},\"action\":{\"button\":\"Orders\",\"sections\":[{\"title\":\"Open\","
        "\"rows\":[{\"id\":\"1\",\"title\":\"1001\",\"description\":\"2 mugs\"},{\"id\":\"2\","
        "\"title\":\"1002\"}]},{\"title\":\"Done\",\"rows\":[{\"id\":\"3\",\"title\":\"1003\"},"
        "{\"id\":\"4\",\"title\":\"More\"}]}]}}}");
    reply.options = yes_no;
    reply.n_options = 2;
    reply.label = STR("\t");
    refused(f, &reply, "no label");
    reply.label = STR("Orders");
    said(f, &reply,
         "\"type\":\"interactive\",\"interactive\":{\"type\":\"list\",\"body\":{\"text\":"
         "\"Which?\"},\"action\":{\"button\":\"Orders\",\"sections\":[{\"rows\":[{\"id\":"
         "\"yes\",\"title\":\"Yes\"},{\"id\":\"no\",\"title\":\"No\"}]}]}}}");
}

static void ch_2_rows_before_the_first_section_join_it(void **state)
{
    struct fixture *f = *state;
    const struct reply_option rows[] = {
        {.id = STR("1"),     .title = STR("a")  },
        { .id = STR("2"), .title = STR("b"), .section = STR("B")},
        { .id = STR("3"), .title = STR("c"), .section = STR("C")},
    };
    const struct reply reply = {.kind = REPLY_LIST,
                                .body = STR("?"),
                                .label = STR("l"),
                                .options = rows,
                                .n_options = 3};
    assert_true(encode(f, &reply));
    assert_text(at(f, "interactive.action.sections.0.title"), "B");
    assert_text(at(f, "interactive.action.sections.0.rows.1.id"), "2");
    assert_text(at(f, "interactive.action.sections.1.title"), "C");
}

static void ch_2_a_link_is_a_button_that_opens_it(void **state)
{
    struct fixture *f = *state;
    struct reply reply = {.kind = REPLY_LINK,
                          .body = STR("Pay 45.00 USD"),
                          .label = STR("Pay now"),
                          .url = STR("https://pay.example/c?x=1&y=\"")};
    said(f, &reply,
         "\"type\":\"interactive\",\"interactive\":{\"type\":\"cta_url\",\"body\":{\"text\":"
         "\"Pay 45.00 USD\"},\"action\":{\"name\":\"cta_url\",\"parameters\":{\"display_text\":"
         "\"Pay now\",\"url\":\"https://pay.example/c?x=1&y=\\\"\"}}}}");
    const char *bad[] = {"",         "pay.example", "javascript:alert(1)",
                         "https://", "https:// x",  "https://a\nb",
                         "ftp://a",  "HTTPS://a",   "see https://a"};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        reply.url = str_from(bad[i]);
        refused(f, &reply, "web address");
    }
    reply.url = arena_format(&f->arena, "https://a/%.*s", STR_ARG(repeat(f, "x", 1991)));
    refused(f, &reply, "web address");
    reply.url.len--;
    assert_true(encode(f, &reply));
    reply.label = STR(" ");
    refused(f, &reply, "label");
}

static void ch_2_pictures_and_documents_go_by_handle_or_address(void **state)
{
    struct fixture *f = *state;
    struct reply reply = {.kind = REPLY_IMAGE,
                          .media = STR("55"),
                          .url = STR("https://a/b"),
                          .body = STR("Your parcel")};
    said(f, &reply,
         "\"type\":\"image\",\"image\":{\"id\":\"55\",\"caption\":\"Your parcel\"}}");
    reply = (struct reply){
        .kind = REPLY_DOCUMENT, .url = STR("https://a/i.pdf"), .filename = STR("invoice.pdf")};
    said(f, &reply,
         "\"type\":\"document\",\"document\":{\"link\":\"https://a/i.pdf\","
         "\"filename\":\"invoice.pdf\"}}");
    reply.url = STR_NONE;
    refused(f, &reply, "media id");
    reply.kind = REPLY_IMAGE;
    refused(f, &reply, "media id");
}

static void otp_1_an_authentication_template_has_a_button_that_copies_the_code(void **state)
{
    struct fixture *f = *state;
    const struct str values[] = {STR("123456")};
    struct reply reply = {.kind = REPLY_TEMPLATE,
                          .body = STR("123456 is your code"),
                          .template_name = STR("verification_code"),
                          .template_language = STR("pl"),
                          .template_values = values,
                          .n_template_values = 1,
                          .template_code = STR("123456")};
    assert_true(encode(f, &reply));
    assert_text(f->request.body,
                ENVELOPE "\"type\":\"template\",\"template\":{\"name\":\"verification_code\","
                         "\"language\":{\"code\":\"pl\"},\"components\":[{\"type\":\"body\","
                         "\"parameters\":[{\"type\":\"text\",\"text\":\"123456\"}]},{\"type\":"
                         "\"button\",\"sub_type\":\"url\",\"index\":\"0\",\"parameters\":[{"
                         "\"type\":\"text\",\"text\":\"123456\"}]}]}}");
    reply.template_code = STR("1234567890123456");
    refused(f, &reply, "code is too long");
    reply.template_code = STR("123456");
    const struct outbound hidden = {.key = STR("k"),
                                    .account = STR("700"),
                                    .to = {.user_id = STR("XX.77")},
                                    .reply = &reply};
    assert_false(whatsapp_encode(&f->arena, &sender, &hidden, &f->request, &f->err));
    assert_non_null(strstr(f->err.text, "needs a number"));
}

static void ch_3_a_template_s_buttons_have_their_link_s_end_and_what_a_tap_says(void **state)
{
    struct fixture *f = *state;
    const struct reply_option options[] = {
        {.id = STR("say:track ORD-1"), .title = STR("Track")},
        {.id = STR("say:menu"),        .title = STR("Menu") }
    };
    struct reply reply = {.kind = REPLY_TEMPLATE,
                          .template_name = STR("order_shipped"),
                          .template_language = STR("en"),
                          .url = STR("https://dhl.example/1"),
                          .label = STR("Open"),
                          .template_code = STR("ab3De4Fg5Hi"),
                          .options = options,
                          .n_options = 2};

    said(f, &reply,
         "\"type\":\"template\",\"template\":{\"name\":\"order_shipped\",\"language\":"
         "{\"code\":\"en\"},\"components\":[{\"type\":\"button\",\"sub_type\":\"url\","
         "\"index\":\"0\",\"parameters\":[{\"type\":\"text\",\"text\":\"ab3De4Fg5Hi\"}]"
         "},{\"type\":\"button\",\"sub_type\":\"quick_reply\",\"index\":\"1\","
         "\"parameters\":[{\"type\":\"payload\",\"payload\":\"say:track ORD-1\"}]},{"
         "\"type\":\"button\",\"sub_type\":\"quick_reply\",\"index\":\"2\","
         "\"parameters\":[{\"type\":\"payload\",\"payload\":\"say:menu\"}]}]}}");
}

static void ch_2_a_template_is_filled_with_values_of_one_line(void **state)
{
    struct fixture *f = *state;
    const struct str values[] = {STR("Ana"), STR(" 2\tmugs\n\n   blue "), STR_NONE};
    struct reply reply = {.kind = REPLY_TEMPLATE,
                          .template_name = STR("order_shipped"),
                          .template_language = STR("en_US"),
                          .template_values = values,
                          .n_template_values = 2};
    said(
        f, &reply,
        "\"type\":\"template\",\"template\":{\"name\":\"order_shipped\",\"language\":{\"code\":"
        "\"en_US\"},\"components\":[{\"type\":\"body\",\"parameters\":[{\"type\":\"text\","
        "\"text\":\"Ana\"},{\"type\":\"text\",\"text\":\"2 mugs blue\"}]}]}}");
    reply.n_template_values = 0;
    said(f, &reply,
         "\"type\":\"template\",\"template\":{\"name\":\"order_shipped\",\"language\":"
         "{\"code\":\"en_US\"}}}");
    reply.n_template_values = 3;
    refused(f, &reply, "empty");
    reply.n_template_values = 0;
    reply.template_language = STR_NONE;
    refused(f, &reply, "language");
    reply.template_language = STR("en");
    struct str hundred[100];
    for (size_t i = 0; i < COUNTOF(hundred); i++)
        hundred[i] = STR("v");
    reply.template_values = hundred;
    reply.n_template_values = 100;
    assert_true(encode(f, &reply));
    reply.n_template_values = 101;
    refused(f, &reply, "too many");
    reply.n_template_values = 0;
    const char *good[] = {"a", "z", "0", "9", "_", "order_shipped_2"};
    for (size_t i = 0; i < COUNTOF(good); i++) {
        reply.template_name = str_from(good[i]);
        assert_true(encode(f, &reply));
    }
    reply.template_name = repeat(f, "n", 512);
    assert_true(encode(f, &reply));
    reply.template_name = repeat(f, "n", 513);
    refused(f, &reply, "its name");
    const char *bad[] = {"", "Order", "order-shipped", "or der"};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        reply.template_name = str_from(bad[i]);
        refused(f, &reply, "its name");
    }
}

/* --- what cannot be said ------------------------------------------------------------------ */

static void ch_2_what_has_no_words_is_refused(void **state)
{
    struct fixture *f = *state;
    const enum reply_kind kinds[] = {REPLY_TEXT, REPLY_BUTTONS, REPLY_LIST, REPLY_LINK};
    const char *nothing[] = {"", " ", "\n\t ", "\xc2\xa0\xe2\x80\x83"};
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        for (size_t j = 0; j < COUNTOF(nothing); j++) {
            const struct reply reply = {.kind = kinds[i],
                                        .body = str_from(nothing[j]),
                                        .label = STR("x"),
                                        .url = STR("https://a"),
                                        .options = yes_no,
                                        .n_options = 2};
            refused(f, &reply, "no words");
        }
    }
    const struct reply odd = {.kind = (enum reply_kind)99, .body = STR("x")};
    refused(f, &odd, "kind");
}

static void ch_2_too_few_or_too_many_options_are_refused(void **state)
{
    struct fixture *f = *state;
    struct reply_option options[12] = {0};
    for (size_t i = 0; i < COUNTOF(options); i++) {
        options[i].id = arena_format(&f->arena, "o%zu", i);
        options[i].title = options[i].id;
    }
    struct reply reply = {
        .kind = REPLY_LIST, .body = STR("?"), .label = STR("l"), .options = options};
    refused(f, &reply, "no options");
    reply.n_options = 10;
    assert_true(encode(f, &reply));
    reply.n_options = 11;
    refused(f, &reply, "too many");
    reply.kind = REPLY_BUTTONS;
    reply.n_options = 3;
    assert_true(encode(f, &reply));
    reply.n_options = 4;
    refused(f, &reply, "too many");
    reply.n_options = 3;
    options[2].title = STR(" \n");
    refused(f, &reply, "without words");
    reply.kind = REPLY_LIST;
    refused(f, &reply, "without words");
}

static void ch_2_an_id_is_never_cut(void **state)
{
    struct fixture *f = *state;
    struct reply_option options[2] = {yes_no[0], yes_no[1]};
    struct reply reply = {.kind = REPLY_LIST,
                          .body = STR("?"),
                          .label = STR("l"),
                          .options = options,
                          .n_options = 2};
    options[1].id = repeat(f, "i", 200);
    assert_true(encode(f, &reply));
    assert_int_equal(at(f, "interactive.action.sections.0.rows.1.id").len, 200);
    options[1].id = repeat(f, "i", 201);
    refused(f, &reply, "id");
    reply.kind = REPLY_BUTTONS;
    options[1].id = repeat(f, "i", 256);
    assert_true(encode(f, &reply));
    options[1].id = repeat(f, "i", 257);
    refused(f, &reply, "id");
    options[1].id = STR_NONE;
    refused(f, &reply, "id");
    options[1].id = options[0].id;
    refused(f, &reply, "same id");
}

/* --- cutting ------------------------------------------------------------------------------ */

/* One field of one kind, by where it stands in the request. */
static const struct {
    size_t max;
    size_t offset; /* in struct reply, or in the first option when `option` */
    const char *path;
    enum reply_kind kind;
    bool option;
} fields[] = {
    {4096, offsetof(struct reply,        body),        "text.body",                                  REPLY_TEXT,     false},
    {1024, offsetof(struct reply,        body),        "interactive.body.text",                      REPLY_BUTTONS,  false},
    {4096, offsetof(struct reply,        body),        "interactive.body.text",                      REPLY_LIST,     false},
    {1024, offsetof(struct reply,        body),        "interactive.body.text",                      REPLY_LINK,     false},
    {60,   offsetof(struct reply,        header),      "interactive.header.text",                    REPLY_BUTTONS,  false},
    {60,   offsetof(struct reply,        header),      "interactive.header.text",                    REPLY_LIST,     false},
    {60,   offsetof(struct reply,        footer),      "interactive.footer.text",                    REPLY_LINK,     false},
    {20,   offsetof(struct reply,        label),       "interactive.action.button",                  REPLY_LIST,     false},
    {20,   offsetof(struct reply,        label),       "interactive.action.parameters.display_text",
     REPLY_LINK,                                                                                                     false},
    {1024, offsetof(struct reply,        body),        "image.caption",                              REPLY_IMAGE,    false},
    {1024, offsetof(struct reply,        body),        "document.caption",                           REPLY_DOCUMENT, false},
    {240,  offsetof(struct reply,        filename),    "document.filename",                          REPLY_DOCUMENT, false},
    {20,   offsetof(struct reply_option, title),       "interactive.action.buttons.0.reply.title",
     REPLY_BUTTONS,                                                                                                  true },
    {24,   offsetof(struct reply_option, title),       "interactive.action.sections.0.rows.0.title",
     REPLY_LIST,                                                                                                     true },
    {72,   offsetof(struct reply_option, description),
     "interactive.action.sections.0.rows.0.description",                                             REPLY_LIST,     true },
    {24,   offsetof(struct reply_option, section),     "interactive.action.sections.0.title",
     REPLY_LIST,                                                                                                     true },
};

static struct str with_field(struct fixture *f, size_t i, struct str text)
{
    struct reply_option options[2] = {yes_no[0], yes_no[1]};
    struct reply reply = {.kind = fields[i].kind,
                          .body = STR("b"),
                          .label = STR("l"),
                          .url = STR("https://a/b"),
                          .options = options,
                          .n_options = 2};
    char *object = fields[i].option ? (char *)&options[0] : (char *)&reply;
    memcpy(object + fields[i].offset, &text, sizeof(text));
    if (!encode(f, &reply))
        fail_msg("%s: %s", fields[i].path, f->err.text);
    return at(f, fields[i].path);
}

static void ch_2_every_field_is_cut_to_its_limit_and_not_before(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNTOF(fields); i++) {
        size_t max = fields[i].max;
        assert_int_equal(with_field(f, i, repeat(f, "ż", max)).len, 2 * max);
        struct str cut = with_field(f, i, repeat(f, "ż", max + 1));
        assert_int_equal(str_length(cut), max);
        assert_true(str_ends(cut, STR("…")));
        cut = with_field(f, i, repeat(f, "ż", 5 * max));
        assert_int_equal(str_length(cut), max);
    }
}

static void ch_2_no_field_is_cut_inside_a_grapheme(void **state)
{
    struct fixture *f = *state;
    const char *family = "👩‍👩‍👧‍👦"; /* seven code points that are one sign */
    for (size_t i = 0; i < COUNTOF(fields); i++) {
        struct str cut = with_field(f, i, repeat(f, family, fields[i].max));
        assert_true(str_length(cut) <= fields[i].max);
        assert_int_equal((cut.len - strlen("…")) % strlen(family), 0);
    }
}

static void ch_2_buttons_that_are_alike_after_the_cut_are_told_apart(void **state)
{
    struct fixture *f = *state;
    const struct reply_option options[] = {
        {.id = STR("1"), .title = STR("Order number 10000000001")},
        {.id = STR("2"), .title = STR("Order number 10000000002")},
        {.id = STR("3"), .title = STR("Order number 10000000003")},
    };
    const struct reply reply = {
        .kind = REPLY_BUTTONS, .body = STR("?"), .options = options, .n_options = 3};
    assert_true(encode(f, &reply));
    assert_text(at(f, "interactive.action.buttons.0.reply.title"), "Order number 100000…");
    assert_text(at(f, "interactive.action.buttons.1.reply.title"), "Order number 1000… 2");
    assert_text(at(f, "interactive.action.buttons.2.reply.title"), "Order number 1000… 3");
    const struct reply_option same[] = {
        {.id = STR("1"), .title = STR("Yes")  },
        {.id = STR("2"), .title = STR("Yes 2")},
        {.id = STR("3"), .title = STR("Yes")  },
    };
    const struct reply twice = {
        .kind = REPLY_BUTTONS, .body = STR("?"), .options = same, .n_options = 3};
    assert_true(encode(f, &twice));
    assert_text(at(f, "interactive.action.buttons.2.reply.title"), "Yes 3");
}

/* --- Meta's own description --------------------------------------------------------------- */

/* Runs last: everything that the tests above said lies in the file by now. */
static void what_we_say_fits_the_published_description(void **state)
{
    struct fixture *f = *state;
    if (!f->said || fflush(f->said) != 0)
        return;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a test has one thread */
    if (system("node --version >/dev/null 2>&1") != 0) {
        print_message("skipped: node is not here\n");
        return;
    }
    struct str command = arena_format(
        &f->arena,
        "node '%s/tests/support/schema.mjs' "
        "'%s/../shared/providers/meta-whatsapp.openapi.json' Message < /proc/self/fd/%d",
        PARLEY_SOURCE_DIR, PARLEY_SOURCE_DIR, fileno(f->said));
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    assert_int_equal(system(command.at), 0);
}

static int begin(void **state)
{
    (void)state;
    struct arena scratch = {0};
    if (shared_is_here(&scratch))
        fixture.said = tmpfile();
    arena_finish(&scratch);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (fixture.said)
        (void)fclose(fixture.said);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            ch_2_a_message_goes_to_its_numbers_address_with_the_token, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_2_who_has_no_number_is_reached_by_user_id, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(settings_that_could_reach_elsewhere_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ids_and_tokens_may_hold_what_ids_and_tokens_hold, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_2_a_read_receipt_may_show_that_we_write, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(questions_are_gets_that_may_be_repeated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_2_buttons_have_header_footer_and_ids, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_2_a_list_groups_its_rows_by_section, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_2_rows_before_the_first_section_join_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_2_a_link_is_a_button_that_opens_it, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_2_pictures_and_documents_go_by_handle_or_address,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            otp_1_an_authentication_template_has_a_button_that_copies_the_code, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            ch_3_a_template_s_buttons_have_their_link_s_end_and_what_a_tap_says, setup,
            teardown),
        cmocka_unit_test_setup_teardown(ch_2_a_template_is_filled_with_values_of_one_line,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_2_what_has_no_words_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_2_too_few_or_too_many_options_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_2_an_id_is_never_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_2_every_field_is_cut_to_its_limit_and_not_before,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_2_no_field_is_cut_inside_a_grapheme, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            ch_2_buttons_that_are_alike_after_the_cut_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_we_say_fits_the_published_description, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
