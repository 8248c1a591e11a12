/* One reply, three faces: what an SMS and a mail make of each kind, in each language, and that
 * nothing hostile gets through. With PARLEY_TEST_FACES=FOLDER the mails are written there, for
 * the browser (tests/e2e/faces.mjs). */
#include "tests/support/face_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct words *words;

static int setup(void **state)
{
    (void)state;
    words = face_sample_words();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    words_destroy(words);
    words_cool();
    arena_finish(&arena);
    return 0;
}

static bool has(struct str text, const char *part)
{
    return str_find(text, str_from(part)) < text.len;
}

static void assert_has(struct str text, const char *part)
{
    if (!has(text, part))
        fail_msg("\"%s\" is not in: %.*s", part, STR_ARG(text));
}

static void assert_not(struct str text, const char *part)
{
    if (has(text, part))
        fail_msg("\"%s\" is in: %.*s", part, STR_ARG(text));
}

static void assert_str(struct str is, const char *wanted)
{
    if (!str_eq(is, str_from(wanted)))
        fail_msg("is:\n%.*s\nwanted:\n%s", STR_ARG(is), wanted);
}

static struct face_ask ask_of(const struct reply *reply)
{
    return (struct face_ask){
        .reply = reply,
        .words = words,
        .sender = {.name = STR("Lark"), .address = STR("7 Quay Street")},
        .answer = true
    };
}

static struct face sms_of(const struct reply *reply)
{
    struct face_ask ask = ask_of(reply);

    return face_sms(&arena, &ask);
}

static struct face mail_of(const struct reply *reply)
{
    struct face_ask ask = ask_of(reply);

    return face_mail(&arena, &ask);
}

/* --- SMS ---------------------------------------------------------------------------------- */

static const struct reply_option two[] = {
    {.id = STR("a"), .title = STR("Orders"), .description = STR("All of them")},
    {.id = STR("b"),              .title = STR("Help")                      },
};

static void ch_6_a_list_is_a_numbered_menu_by_sms(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_LIST,
                          .body = STR("What can I do for you?"),
                          .label = STR("Menu"),
                          .options = two,
                          .n_options = 2};
    assert_str(sms_of(&reply).text, "What can I do for you?\n1 Orders: All of them\n2 Help\n"
                                    "Reply with a number (1-2).");
    reply.n_options = 1;
    reply.header = STR("Lark");
    reply.footer = STR("Until 6 pm");
    assert_str(sms_of(&reply).text, "Lark\nWhat can I do for you?\n1 Orders: All of them\n"
                                    "Reply with 1.\nUntil 6 pm");
}

static void ch_6_what_is_said_about_an_option_stays_out_of_a_third_segment(void **state)
{
    (void)state;
    struct reply_option rows[10];
    struct reply reply = {
        .kind = REPLY_LIST, .body = STR("Which one?"), .options = rows, .n_options = 10};

    for (size_t i = 0; i < 10; i++) {
        rows[i] = (struct reply_option){.title = STR("Order LK-1001"),
                                        .description = STR("shipped on 12 Nov 2026")};
    }
    struct str text = sms_of(&reply).text;
    assert_not(text, "shipped");
    assert_has(text, "10 Order LK-1001\n");
    reply.n_options = 6;
    assert_has(sms_of(&reply).text, "6 Order LK-1001: shipped");
    rows[0].title = STR("Zamówienie ąęł"); /* what fits is half of it */
    assert_not(sms_of(&reply).text, "shipped");
    struct face_ask ask = ask_of(&reply);
    ask.plain_letters = true;
    assert_has(face_sms(&arena, &ask).text, "shipped");
}

/* What plain letters leave of it would be a colon with nothing behind it. */
static void ch_6_stars_stay_out_of_an_sms(void **state)
{
    (void)state;
    static const struct reply_option rows[] = {
        {.id = STR("1"), .title = STR("Poor"),  .description = STR("★★") },
        {.id = STR("2"), .title = STR("Other"), .description = STR("★ one")},
    };
    struct reply reply = {
        .kind = REPLY_LIST, .body = STR("How was it?"), .options = rows, .n_options = 2};

    assert_str(sms_of(&reply).text,
               "How was it?\n1 Poor\n2 Other: ★ one\nReply with a number (1-2).");
}

static void ch_6_links_and_files_are_their_address_by_sms(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_LINK,
                          .body = STR("Track it here."),
                          .label = STR("Open"),
                          .url = STR("https://a.example/t")};
    assert_str(sms_of(&reply).text, "Track it here.\nhttps://a.example/t");
    reply.kind = REPLY_IMAGE;
    reply.body = STR("The lamp");
    assert_str(sms_of(&reply).text, "The lamp\nhttps://a.example/t");
    reply.kind = REPLY_DOCUMENT;
    reply.body = STR_NONE;
    assert_str(sms_of(&reply).text, "https://a.example/t");
    reply.kind = REPLY_TEMPLATE;
    reply.body = STR("Your order has left us.");
    assert_str(sms_of(&reply).text, "Your order has left us.");
    reply.body = STR_NONE;
    assert_int_equal(sms_of(&reply).text.len, 0);
    reply.kind = REPLY_LINK;
    reply.body = STR("No");
    reply.url = STR("javascript:alert(1)");
    assert_str(sms_of(&reply).text, "No");
}

/* --- subjects ----------------------------------------------------------------------------- */

static void assert_subject(const struct face_ask *ask, const char *wanted)
{
    assert_str(face_mail(&arena, ask).subject, wanted);
}

static void ch_5_a_subject_says_what_it_is_about(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("Order LK-1\nshipped")};
    struct face_ask ask = ask_of(&reply);
    struct mail_thread thread = {.subject = STR("where is\r\nmy lamp?")};

    assert_subject(&ask, "Order LK-1");
    reply.header = STR("Your\norder:");
    assert_subject(&ask, "Your order");
    ask.thread = &thread;
    assert_subject(&ask, "Re: where is my lamp?"); /* its CR is gone, its LF a blank */
    thread.subject = STR("RE: lamp");
    assert_subject(&ask, "RE: lamp");
    thread.subject = STR("Odp: lampa");
    assert_subject(&ask, "Odp: lampa");
    thread.subject = STR_NONE;
    reply = (struct reply){.kind = REPLY_IMAGE, .url = STR("https://a.example/i.jpg")};
    assert_subject(&ask, "A message from Lark");
}

static void ch_5_a_long_subject_is_cut_on_a_whole_letter(void **state)
{
    (void)state;
    char words_of[400];
    struct reply reply = {
        .kind = REPLY_TEXT, .body = {words_of, 0}
    };

    for (size_t i = 0; i + 4 < sizeof words_of; i += 4) {
        // NOLINTNEXTLINE(bugprone-not-null-terminated-result): it has a length
        memcpy(words_of + i, "\xf0\x9f\x98\x80", 4);
    }
    reply.body.len = 396;
    struct str subject = mail_of(&reply).subject;
    assert_true(str_is_utf8(subject));
    assert_int_equal(str_length(subject), 70);
    assert_true(str_ends(subject, STR("…")));
}

static void otp_1_no_subject_and_no_preview_shows_a_code(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("471123 is your code for Lark.")};
    struct face_ask ask = ask_of(&reply);

    ask.code = true;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        ask.locale.lang = (enum lang)lang;
        struct face face = face_mail(&arena, &ask);
        assert_not(face.subject, "471123");
        struct str head = str_slice(face.html, 0, str_find(face.html, STR("class=\"w\"")));
        assert_not(head, "471123");
        assert_has(face.html, "user-select:all\">471123</p>");
        assert_has(face.text, "471123 is your code");
    }
}

/* --- both parts --------------------------------------------------------------------------- */

static void ch_5_both_parts_say_the_same_in_the_same_order(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_LIST,
                          .body = STR("Which one?"),
                          .footer = STR("Prices include tax"),
                          .options = two,
                          .n_options = 2};
    struct face face = mail_of(&reply);
    static const char *const said[] = {"Which one?", "Orders", "All of them",
                                       "Help",       "",       "Prices include tax"};
    size_t text_at = 0, html_at = str_find(face.html, STR("<body"));

    html_at += str_find(str_slice(face.html, html_at, face.html.len), STR("class=\"w\""));
    for (size_t i = 0; i < COUNTOF(said); i++) {
        struct str part = i == 4 ? STR("Answer this email with the number") : str_from(said[i]);
        struct str text = str_slice(face.text, text_at, face.text.len);
        struct str html = str_slice(face.html, html_at, face.html.len);
        if (!has(text, arena_cstr(&arena, part)) || !has(html, arena_cstr(&arena, part))) {
            fail_msg("%.*s is missing or too early in\n%.*s\n%.*s", STR_ARG(part),
                     STR_ARG(text), STR_ARG(html));
        }
        text_at += str_find(text, part);
        html_at += str_find(html, part);
    }
    assert_str(face.text,
               "Which one?\n\n1. Orders\n   All of them\n2. Help\n\nAnswer this email with the "
               "number of your choice, or in your own words.\n\nPrices include tax\n\n-- \n"
               "Lark\nYou get this email because you wrote to Lark. The assistant is a bot; "
               "write \"human\" to reach a person.\n7 Quay Street");
}

static void ch_6_a_tap_leads_where_it_should_else_to_an_answer(void **state)
{
    (void)state;
    struct reply reply = {
        .kind = REPLY_BUTTONS, .body = STR("Sure?"), .options = two, .n_options = 2};
    struct face_ask ask = ask_of(&reply);
    struct str taps[] = {STR("https://a.example/t/1?a=1&b=2"), STR("javascript:alert(1)")};

    assert_not(face_mail(&arena, &ask).html, "<a class=\"o\"");
    ask.taps = taps;
    ask.reply_to = STR("support+p1.x.7@in.example");
    struct str html = face_mail(&arena, &ask).html;
    assert_has(html, "href=\"https://a.example/t/1?a=1&amp;b=2\"");
    assert_not(html, "javascript");
    assert_has(html, "href=\"mailto:support%2Bp1.x.7@in.example?subject=Re%3A%20Sure%3F&amp;"
                     "body=2\"");
    assert_has(html, "Tap one");
}

static void ch_5_only_what_is_no_answer_can_be_unsubscribed_from(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_TEMPLATE, .body = STR("It has left us.")};
    struct face_ask ask = ask_of(&reply);

    assert_not(face_mail(&arena, &ask).html, "Unsubscribe");
    ask.answer = false;
    ask.unsubscribe = STR("https://a.example/u/1");
    struct face face = face_mail(&arena, &ask);
    assert_has(face.html, ">Unsubscribe</a>");
    assert_has(face.text, "Unsubscribe: https://a.example/u/1");
    assert_has(face.text, "because you are a customer of Lark");
}

/* --- hostile words ------------------------------------------------------------------------ */

static size_t count_of(struct str text, const char *part)
{
    size_t n = 0;
    struct str needle = str_from(part);

    for (size_t at = str_find(text, needle); at < text.len; at = str_find(text, needle)) {
        text = str_slice(text, at + needle.len, text.len);
        n++;
    }
    return n;
}

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' style='position:fixed",
    "&lt;already&gt; & so on",
    "\r\nBcc: victim@example.net\r\n\r\n<b>body</b>",
    "a\0b\x01\x1b[31m\x7f",
    "\u202etfel ot thgir\u202c \u2066x\u2028y\u2029z",
    "\xff\xfe\xc3(",
    "https://a.example/\"><script>1</script>",
    "http://",
    "{{business.name}} {{> face.tap}}",
    "%s%n%d %2$s",
};

/* Each text, in every place of every kind: the markup stays ours. */
static void ch_6_hostile_words_stay_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(hostile); i++) {
        struct str bad = {hostile[i], i == 6 ? 10 : strlen(hostile[i])};
        struct reply_option option = {bad, bad, bad, bad};
        struct reply_option good = {STR("a"), STR("b"), STR("c"), STR("d")};
        struct reply reply = {.body = bad,
                              .header = bad,
                              .footer = bad,
                              .label = bad,
                              .url = bad,
                              .filename = bad,
                              .options = &option,
                              .n_options = 1};
        struct reply plain = {.body = STR("x"),
                              .header = STR("y"),
                              .footer = STR("z"),
                              .label = STR("l"),
                              .options = &good,
                              .n_options = 1};
        struct mail_thread thread = {.subject = bad};
        for (unsigned kind = REPLY_TEXT; kind <= REPLY_TEMPLATE; kind++) {
            struct face_ask ask = ask_of(&reply), tame = ask_of(&plain);
            reply.kind = plain.kind = (enum reply_kind)kind;
            ask.sender = (struct face_sender){bad, bad, bad, bad, bad, bad};
            tame.sender = (struct face_sender){.name = STR("n"), .address = STR("a")};
            ask.thread = &thread;
            ask.taps = &bad;
            ask.reply_to = bad;
            ask.unsubscribe = bad;
            tame.reply_to = STR("a@b");
            struct face face = face_mail(&arena, &ask), model = face_mail(&arena, &tame);
            assert_true(str_is_utf8(face.html) && str_is_utf8(face.text));
            assert_true(str_is_utf8(face.subject) && !has(face.subject, "\n"));
            assert_not(face.subject, "\r");
            assert_int_equal(count_of(face.html, "<script"), 0);
            assert_int_equal(count_of(face.html, "<img"), 0);
            assert_int_equal(count_of(face.html, "<style"), count_of(model.html, "<style"));
            assert_int_equal(count_of(face.html, "<b>"), 0);
            assert_int_equal(count_of(face.html, "\u202e"), 0);
            assert_int_equal(count_of(face.html, "\x1b"), 0);
            assert_int_equal(count_of(face.html, "\" onm"), 0);
            struct face sms = face_sms(&arena, &ask);
            assert_true(str_is_utf8(sms.text));
            assert_int_equal(count_of(sms.text, "\u202e") + count_of(sms.text, "\x1b"), 0);
        }
    }
}

static void ch_6_a_colour_is_six_digits_and_can_be_written_on(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_LINK,
                          .body = STR("x"),
                          .label = STR("Go"),
                          .url = STR("https://a.example/")};
    struct face_ask ask = ask_of(&reply);

    ask.sender.colour = STR("#ffee00");
    assert_has(face_mail(&arena, &ask).html, "background:#ffee00;color:#000000");
    ask.sender.colour = STR("#7a1f2b");
    assert_has(face_mail(&arena, &ask).html, "background:#7a1f2b;color:#ffffff");
    ask.sender.colour = STR("red;x:y");
    assert_not(face_mail(&arena, &ask).html, "x:y");
    ask.sender.colour = STR("#12345");
    assert_has(face_mail(&arena, &ask).html, "background:#1f5fbf;color:#ffffff");
}

static void ch_6_addresses_in_words_become_links_and_nothing_more(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_TEXT,
                          .body =
                              STR("See https://a.example/x?y=1&z=2. Or (http://b.example)!")};
    struct str html = mail_of(&reply).html;

    assert_has(html, "href=\"https://a.example/x?y=1&amp;z=2\">https://a.example/x?y=1&amp;z=2"
                     "</a>. Or (");
    assert_has(html, "href=\"http://b.example\">http://b.example</a>)!");
    assert_int_equal(count_of(html, "<a "), 2);
}

/* --- everything --------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, const char *ending, enum lang lang,
                       struct str bytes)
{
    const char *path =
        arena_format(&arena, "%s/%s.%s.%s", folder, name, lang_code(lang), ending).at;
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static void ch_6_every_kind_has_its_faces_in_every_language(void **state)
{
    (void)state;
    const char *folder = getenv("PARLEY_TEST_FACES"); // NOLINT(concurrency-mt-unsafe)

    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct face_sample samples[FACE_SAMPLES];
        face_samples(&arena, words, (enum lang)lang, samples);
        for (size_t i = 0; i < FACE_SAMPLES; i++) {
            const struct face_ask *ask = &samples[i].ask;
            struct face mail = face_mail(&arena, ask), sms = face_sms(&arena, ask);
            assert_true(mail.subject.len > 0 && mail.text.len > 0 && sms.text.len > 0);
            assert_has(mail.html,
                       arena_format(&arena, "<html lang=\"%s\" dir=\"%s\">",
                                    lang_code((enum lang)lang), lang == LANG_AR ? "rtl" : "ltr")
                           .at);
            assert_true(mail.html.len < 16384); /* Gmail takes a whole sheet up to there */
            assert_not(mail.html, "{{");
            assert_not(mail.html, "src=");
            assert_int_equal(count_of(mail.html, "<a class=\"o\""), ask->reply->n_options);
            for (size_t o = 0; o < ask->reply->n_options; o++) {
                struct str title = ask->reply->options[o].title;
                assert_has(sms.text,
                           arena_format(&arena, "%zu %.*s", o + 1, STR_ARG(title)).at);
                assert_has(mail.text,
                           arena_format(&arena, "%zu. %.*s", o + 1, STR_ARG(title)).at);
            }
            if (folder != NULL) {
                write_file(folder, samples[i].name, "html", (enum lang)lang, mail.html);
                write_file(folder, samples[i].name, "txt", (enum lang)lang, mail.text);
                write_file(folder, samples[i].name, "sms", (enum lang)lang, sms.text);
            }
        }
    }
}

/* --- a person ------------------------------------------------------------------------------
 */

static struct str said(struct str by, enum lang lang, enum channel channel)
{
    struct reply reply = {.kind = REPLY_TEXT, .by = by, .body = STR("Hello *you*.")};
    struct face_ask ask = ask_of(&reply);

    ask.locale.lang = lang;
    return face_said(&arena, &ask, channel);
}

static void crm_3_who_speaks_is_shown_in_each_channels_manner(void **state)
{
    (void)state;
    assert_str(said(STR_NONE, LANG_EN, CHANNEL_SMS), "Hello *you*."); /* the bot */
    assert_str(said(STR(" \n"), LANG_EN, CHANNEL_SMS), "Hello *you*.");
    assert_str(said(STR("Anna"), LANG_EN, CHANNEL_WHATSAPP), "*Anna:* Hello *you*.");
    assert_str(said(STR("Anna"), LANG_PL, CHANNEL_SMS), "Anna: Hello *you*.");
    assert_str(said(STR("Anna"), LANG_EN, CHANNEL_EMAIL),
               "Anna of Lark writes:\n\nHello *you*.");
    assert_str(said(STR("Anna"), LANG_ES, CHANNEL_EMAIL),
               "Anna, de Lark, te escribe:\n\nHello *you*.");
    assert_str(said(STR("Anna"), LANG_PL, CHANNEL_EMAIL), "Pisze Anna z Lark:\n\nHello *you*.");
    assert_has(said(STR("Anna"), LANG_AR, CHANNEL_EMAIL), "رسالة من \u2068Anna\u2069");
    assert_has(said(STR("Anna"), LANG_AR, CHANNEL_WHATSAPP), "*\u2068Anna\u2069:* ");
    assert_str(said(STR("A*n\nn*a"), LANG_EN, CHANNEL_WHATSAPP), "*An na:* Hello *you*.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_6_a_list_is_a_numbered_menu_by_sms),
        cmocka_unit_test(ch_6_what_is_said_about_an_option_stays_out_of_a_third_segment),
        cmocka_unit_test(ch_6_stars_stay_out_of_an_sms),
        cmocka_unit_test(ch_6_links_and_files_are_their_address_by_sms),
        cmocka_unit_test(ch_5_a_subject_says_what_it_is_about),
        cmocka_unit_test(ch_5_a_long_subject_is_cut_on_a_whole_letter),
        cmocka_unit_test(otp_1_no_subject_and_no_preview_shows_a_code),
        cmocka_unit_test(ch_5_both_parts_say_the_same_in_the_same_order),
        cmocka_unit_test(ch_6_a_tap_leads_where_it_should_else_to_an_answer),
        cmocka_unit_test(ch_5_only_what_is_no_answer_can_be_unsubscribed_from),
        cmocka_unit_test(ch_6_hostile_words_stay_words),
        cmocka_unit_test(ch_6_a_colour_is_six_digits_and_can_be_written_on),
        cmocka_unit_test(ch_6_addresses_in_words_become_links_and_nothing_more),
        cmocka_unit_test(ch_6_every_kind_has_its_faces_in_every_language),
        cmocka_unit_test(crm_3_who_speaks_is_shown_in_each_channels_manner),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
